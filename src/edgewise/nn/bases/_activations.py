"""Functions by name: those that an edge adds to its spline, and those that a rational function starts as."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.nn.bases._basis import least_squares

_REACH = 4.0  # functions are followed on [-4, 4] by default

ActivationName = Literal["identity", "silu", "gelu", "relu", "tanh", "sin"]
"""Names of the activations that a rational function may start as."""

ACTIVATIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "identity": torch.clone,
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sin": torch.sin,
}
"""What a rational function may start as, by name."""


def _silu_derivative(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate))


def _gelu_derivative(x: Tensor) -> Tensor:
    return torch.special.ndtr(x) + x * torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)


BaseName = ActivationName
"""Names of the base functions."""

BASE_FUNCTIONS: dict[BaseName, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "silu": (ACTIVATIONS["silu"], _silu_derivative),
    "identity": (ACTIVATIONS["identity"], torch.ones_like),
    "gelu": (ACTIVATIONS["gelu"], _gelu_derivative),
    "relu": (ACTIVATIONS["relu"], lambda x: (x > 0).to(x.dtype)),
    "tanh": (ACTIVATIONS["tanh"], lambda x: 1 - torch.tanh(x).square()),
    "sin": (ACTIVATIONS["sin"], torch.cos),
}
"""Base functions by name, each with its derivative."""


def base_function(name: BaseName) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Return the base function b and its derivative b'.

    Parameters
    ----------
    name
        The name, one of `BASE_FUNCTIONS`.

    Raises
    ------
    InputError
        For an unknown name.

    Examples
    --------
    >>> from edgewise.bases import base_function
    >>> value, derivative = base_function("identity")
    """
    if not isinstance(name, str) or name not in BASE_FUNCTIONS:
        raise unknown("base function", name, [*BASE_FUNCTIONS, "None"])
    return BASE_FUNCTIONS[name]


def rational_start(
    function: ActivationName | Callable[[Tensor], Tensor],
    degrees: tuple[int, int],
    reach: float = _REACH,
    tail: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return a_0 .. a_p and b_1 .. b_q of the rational function that follows another on [-reach, reach], float64.

        (a_0 + a_1 x + .. + a_p x^p)/(1 + b_1 x + .. + b_q x^q),  b_m = 0 for odd m, b_m > 0 for even m

    so that at the start the denominator is smooth and positive and every coefficient has a gradient. Least squares of
    the numerator minus f times the denominator, each site weighted by the denominator of the turn before.

    Parameters
    ----------
    function
        The function f: the name of an activation, or what maps a tensor elementwise.
    degrees
        The degrees (p, q) of numerator and denominator.
    reach
        How far the function is followed on either side of zero.
    tail
        Where > 0, sites as far as six times the reach count too, with weight tail / (|x| / reach): with 0.01, little of
        the accuracy within reach is lost, and large inputs are off by a few percent, where without tails they may be
        off by half.

    Raises
    ------
    InputError
        For an unknown name, a reach or tail out of range, and values that are not finite.

    References
    ----------
    Sanathanan and Koerner, IEEE Transactions on Automatic Control 8 (1963), 56-58.

    Examples
    --------
    >>> from edgewise.bases import rational_start
    >>> a, b = rational_start("silu", (5, 4))
    >>> a.shape, b.shape
    (torch.Size([6]), torch.Size([4]))
    """
    if not callable(function) and function not in ACTIVATIONS:
        raise unknown("activation", function, ACTIVATIONS)
    for name, value, right in (("reach", reach, is_number(reach) and reach > 0), ("tail", tail, is_number(tail, 0))):
        if not right:
            raise InputError(f"The '{name}' parameter of rational_start must be a number above 0. Got {value!r}.")
    p, q = degrees
    x, weight = _sites(reach, tail)
    f = _values(function, x)
    top = x.unsqueeze(1) ** torch.arange(p + 1)
    bottom = x.unsqueeze(1) ** torch.arange(2, q + 1, 2)
    # Of a coefficient of the denominator on [-4, 4]: from zero on, it would have no gradient.
    least = 1e-6 * (_REACH / reach) ** torch.arange(2, q + 1, 2, dtype=torch.float64)
    below = torch.ones_like(x)
    for _ in range(30):
        system = torch.cat([top, -f.unsqueeze(1) * bottom], dim=1) / below.unsqueeze(1)
        found = _bounded(weight.unsqueeze(1) * system, weight * (f / below), least)
        below = 1 + bottom @ found[p + 1 :]
    denominator = torch.zeros(q, dtype=torch.float64)
    denominator[1::2] = found[p + 1 :]
    return found[: p + 1], denominator


def _sites(reach: float, tail: float) -> tuple[Tensor, Tensor]:
    """Where the function is followed, and with what weight."""
    sites, far_sites = 400, 50  # within reach, and in each tail, which ends at six times the reach
    x = reach * torch.cos((torch.arange(sites, dtype=torch.float64) + 0.5) * torch.pi / sites)
    if not tail:
        return x, torch.ones_like(x)
    far = torch.linspace(1, 6, far_sites + 1, dtype=torch.float64)[1:]
    return torch.cat([x, reach * far, -reach * far]), torch.cat([torch.ones_like(x), tail / far, tail / far])


def _values(function: ActivationName | Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The function at sites (n,), checked."""
    with torch.no_grad():
        f = function(x.clone()) if callable(function) else ACTIVATIONS[function](x)
    if not isinstance(f, Tensor) or f.shape != x.shape or not f.isfinite().all():
        raise InputError(
            f"A rational function can start as an elementwise function that is finite on [{float(x.min()):.3g}, "
            f"{float(x.max()):.3g}]. {function!r} is not: give another, or a smaller 'reach'."
        )
    return f.to(x.dtype)


def _bounded(system: Tensor, values: Tensor, least: Tensor) -> Tensor:
    """The least-squares solution whose last unknowns are at least `least`.

    Those that fall below it are set to it, and the others found again.
    """
    sizes = system.norm(dim=0)
    free = len(sizes) - len(least)
    floor = torch.cat([torch.full_like(sizes[:free], -torch.inf), least])
    found = torch.cat([torch.zeros_like(sizes[:free]), least])
    kept = torch.ones_like(sizes, dtype=torch.bool)
    while True:
        rest = values - system[:, ~kept] @ found[~kept]
        found[kept] = least_squares(system[:, kept] / sizes[kept], rest.unsqueeze(1), ridge=1.0)[:, 0] / sizes[kept]
        low = found < floor
        if not low.any():
            return found
        kept &= ~low
        found = torch.where(low, floor, found)
