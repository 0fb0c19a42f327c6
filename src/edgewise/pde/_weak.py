"""Equations in their weak form: integrals against test functions instead of residuals at points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._jets import Order
from edgewise.pde._box import Face
from edgewise.pde._jet import Jet

_MOST = 2  # order of the derivatives of test functions


@dataclass(frozen=True)
class Weak:
    """An equation in its weak form: the integral of form(u, v, p) over the domain is zero for every test function v.

    Give it to `Problem` in place of the residual. v has derivatives as u has; every term must contain it once. With
    several unknowns v is a tuple of as many. Integrated by parts, an equation needs fewer derivatives of u, so that
    coefficients may jump and loads be concentrated: -(k u')' = f becomes k u.x v.x - f v.value.

    Test functions are products of splines of degree 4, more of them than the network has parameters. They vanish on the
    boundary, but for the faces of a box that are `natural`: there the equation itself says that the flux is zero, and
    no condition is needed. `breaks` are places of coordinates where coefficients jump; the integrals are exact if
    they are given. On domains that are no boxes, test functions have `domain.distance` as a factor.

    What is minimized is the dual norm of the residual, which is equivalent to the error in H1.

    Errors: InputError for natural places that are no faces, and for terms without v when it is solved.

    >>> Weak(lambda u, v, p: u.x * v.x - v.value).breaks
    {}

    Source: Kharazmi, Zhang and Karniadakis, Computer Methods in Applied Mechanics and Engineering 374 (2021); for the
    dual norm, Rojas et al., same journal 425 (2024).
    """

    form: Callable[..., Tensor]
    natural: Face | None = None
    breaks: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.form):
            raise InputError(f"A weak form is a function of u, v and p. Got {self.form!r:.80}.")
        if self.natural is not None and not isinstance(self.natural, Face):
            raise InputError(f"'natural' must be faces of a box, like box.face(x=1). Got {self.natural!r:.80}.")
        for name, places in self.breaks.items():
            if not all(is_number(place) for place in places):
                raise InputError(f"The breaks of {name!r} must be finite numbers. Got {list(places)!r:.80}.")

    def __call__(self, u: Any, p: SimpleNamespace, *constants: Any) -> tuple[Tensor, ...]:
        """Return what multiplies each derivative of each test function, in the order of `reads`."""
        unknowns = u if isinstance(u, tuple) else (u,)
        names, like = unknowns[0].names, next(iter(vars(p).values()))
        reads = self._reads(u, p, constants)
        found = []
        for equation, order in reads:
            tests = [_unit(names, like, order if k == equation else None) for k in range(len(unknowns))]
            found.append(self._value(u, tests, p, constants))
        return tuple(found)

    def reads(self, names: tuple[str, ...], unknowns: int, constants: Mapping[str, float]) -> list[tuple[int, Order]]:
        """Return which derivatives of which test function the form has: numbers of equations, and orders."""
        like = torch.full((2,), 0.5, dtype=torch.float64)
        every = [order for k in range(5) for order in combinations_with_replacement(range(len(names)), k)]
        jets = tuple(Jet(dict.fromkeys(every, like), names) for _ in range(unknowns))
        more = (SimpleNamespace(**dict.fromkeys(constants, like)),) if constants else ()
        return self._reads(jets[0] if unknowns == 1 else jets, SimpleNamespace(**dict.fromkeys(names, like)), more)

    def _reads(self, u: Any, p: SimpleNamespace, constants: Any) -> list[tuple[int, Order]]:
        unknowns = u if isinstance(u, tuple) else (u,)
        names, like = unknowns[0].names, next(iter(vars(p).values()))
        asked: list[set[Order]] = [set() for _ in unknowns]
        none = [_unit(names, like, None, noted) for noted in asked]
        if bool((self._value(u, none, p, constants) != 0).any()):
            raise InputError("Every term of a weak form must contain the test function v. One does not.")
        return [(e, order) for e, orders in enumerate(asked) for order in sorted(orders, key=lambda o: (len(o), o))]

    def _value(self, u: Any, tests: list[Jet], p: SimpleNamespace, constants: Any) -> Tensor:
        like = next(iter(vars(p).values()))
        found = self.form(u, tests[0] if len(tests) == 1 else tuple(tests), p, *constants)
        if not isinstance(found, Tensor) or found.shape != like.shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(f"A weak form must give one tensor of shape ({len(like)},). Got {got}.")
        return found


def _unit(names: tuple[str, ...], like: Tensor, order: Order | None, noted: set[Order] | None = None) -> Jet:
    """A test function of which one derivative is one, and all others are zero."""
    every = [each for k in range(_MOST + 1) for each in combinations_with_replacement(range(len(names)), k)]
    parts = {each: torch.full_like(like, float(each == order)) for each in every}
    return Jet(parts, names, () if noted is None else (noted,))
