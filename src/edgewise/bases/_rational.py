"""Coefficients of rational functions that follow a given one."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from edgewise._errors import unknown
from edgewise.bases._least_squares import least_squares

_REACH = 4.0  # the functions are followed on [-4, 4]
_SITES = 400
_TURNS = 30
_LEAST = 1e-6  # of a coefficient of the denominator: from zero on, it would have no gradient

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


def rational_start(name: ActivationName, degrees: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return a_0 .. a_p and b_1 .. b_q of the rational function that follows an activation on [-4, 4], float64.

        (a_0 + a_1 x + .. + a_p x^p)/(1 + b_1 x + .. + b_q x^q),  b_m = 0 for odd m, b_m > 0 for even m

    so that at the start the denominator is smooth and positive and every coefficient has a gradient. Least squares of
    the numerator minus f times the denominator, each site weighted by the denominator of the turn before.

    Source: Sanathanan and Koerner, IEEE Transactions on Automatic Control 8 (1963), 56-58.

    >>> a, b = rational_start("silu", (5, 4))
    >>> a.shape, b.shape
    (torch.Size([6]), torch.Size([4]))
    """
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    p, q = degrees
    x = _REACH * torch.cos((torch.arange(_SITES, dtype=torch.float64) + 0.5) * torch.pi / _SITES)
    f = ACTIVATIONS[name](x)
    top = x.unsqueeze(1) ** torch.arange(p + 1)
    bottom = x.unsqueeze(1) ** torch.arange(2, q + 1, 2)
    below = torch.ones_like(x)
    for _ in range(_TURNS):
        system = torch.cat([top, -f.unsqueeze(1) * bottom], dim=1) / below.unsqueeze(1)
        found = _bounded(system, f / below, p + 1)
        below = 1 + bottom @ found[p + 1 :]
    denominator = torch.zeros(q, dtype=torch.float64)
    denominator[1::2] = found[p + 1 :]
    return found[: p + 1], denominator


def _bounded(system: Tensor, values: Tensor, free: int) -> Tensor:
    """The least-squares solution whose unknowns after the first `free` are at least `_LEAST`.

    Those that fall below it are set to it, and the others found again.
    """
    sizes = system.norm(dim=0)
    found = torch.full_like(sizes, _LEAST)
    kept = torch.ones_like(sizes, dtype=torch.bool)
    while True:
        rest = values - system[:, ~kept] @ found[~kept]
        found[kept] = least_squares(system[:, kept] / sizes[kept], rest.unsqueeze(1), ridge=1.0)[:, 0] / sizes[kept]
        low = found < _LEAST
        low[:free] = False
        if not low.any():
            return found
        kept &= ~low
        found[low] = _LEAST
