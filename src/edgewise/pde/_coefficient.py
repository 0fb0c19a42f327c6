"""An unknown function in an equation: what it depends on, and the network that stands for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._jets import Order
from edgewise.nn import KAN, clone
from edgewise.pde._jet import HIGHEST, Jet

_CELLS, _DEGREE = 16, 5


@dataclass(frozen=True)
class Coefficient:
    """An unknown function in an equation, as k(x) in (k u')' = f or D(u) in u_t = (D(u) u_x)_x.

    arguments   the names of what it depends on. They need not be coordinates; the equation says what they are:
                c.k(p.x), c.D(u.value). Derivatives have these names: c.D(u.value).u is D'(u).
    model       a KAN with as many inputs and one output, without a base; by default one spline, or a sum of splines
    start       its value before training
    smoothing   the factor of the mean squared curvature that is added to the loss, or "auto"

    The curvature is measured with each argument scaled to a range of length one. "auto" finds the factor from the
    noise of the measurements, by restricted maximum likelihood.

    >>> Coefficient("x").network().widths, Coefficient(("x", "u")).network().widths
    ([1, 1], [2, 1])

    Errors: InputError for names that are not, for a network of other inputs or outputs, and for numbers that are not
    finite.
    """

    arguments: str | Sequence[str]
    model: KAN | None = None
    start: float = 1.0
    smoothing: float | str = "auto"

    def __post_init__(self) -> None:
        if not self.names or not all(isinstance(name, str) and name.isidentifier() for name in self.names):
            raise InputError(
                f"The arguments of an unknown function are names, like 'x' or ('x', 'u'). Got {self.arguments!r}."
            )
        if len(set(self.names)) < len(self.names):
            raise InputError(f"The arguments of an unknown function need different names. Got {self.names}.")
        if not is_number(self.start):
            raise InputError(f"'start' must be a finite number. Got {self.start!r}.")
        if self.smoothing != "auto" and (not is_number(self.smoothing, 0)):
            raise InputError(f"'smoothing' must be 'auto' or a number >= 0. Got {self.smoothing!r}.")
        if self.model is not None:
            _check(self.model, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arguments."""
        return (self.arguments,) if isinstance(self.arguments, str) else tuple(self.arguments)

    def network(self) -> KAN:
        """Return the network before training, in float64."""
        if self.model is not None:
            return clone(self.model).double()
        new = KAN([len(self.names), 1], grid=_CELLS, degree=_DEGREE, base=None)
        with torch.no_grad():
            new.layers[0].coefficients.fill_(self.start / len(self.names))
        return new.double()

    def called(self, arguments: Sequence[Tensor]) -> Tensor:
        """Return arguments (n,) as rows (n, k); InputError for others."""
        if len(arguments) != len(self.names) or not all(isinstance(a, Tensor) and a.dim() == 1 for a in arguments):
            got = ", ".join(type(a).__name__ for a in arguments)
            raise InputError(
                f"An unknown function of {', '.join(self.names)} is called with as many tensors, like c.k(p.x) or "
                f"c.D(u.value). Got {got or 'none'}."
            )
        return torch.stack(torch.broadcast_tensors(*arguments), 1)

    def constant(self, asked: set[Order] | None = None) -> Callable[..., Jet]:
        """Return the function that is `start` everywhere, as an equation calls it; `asked` notes what is read of it."""

        def call(*arguments: Tensor) -> Jet:
            x = self.called(arguments)
            every = [o for k in range(HIGHEST + 1) for o in combinations_with_replacement(range(x.shape[1]), k)]
            parts = {order: torch.full_like(x[:, 0], 0.0 if order else self.start) for order in every}
            return Jet(parts, self.names, () if asked is None else (asked,))

        return call


def _check(model: KAN, names: tuple[str, ...]) -> None:
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be a KAN. Got {type(model).__name__}.")
    if model.n_in != len(names) or model.n_out != 1:
        raise InputError(
            f"The network of an unknown function of {', '.join(names)} must have {len(names)} inputs and one output. "
            f"Got {model.widths}."
        )
    for layer in model.layers:
        if layer.base is not None or (layer.degree is not None and layer.degree < 3):
            raise InputError(
                "The network of an unknown function needs splines of degree 3 or more without a base: "
                "KAN(..., degree=5, base=None)."
            )
