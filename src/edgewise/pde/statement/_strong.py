"""A weak form as an equation at points, and as fluxes that meet where its coefficients jump."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from edgewise._jets import Order
from edgewise.pde.geometry._domain import Face
from edgewise.pde.geometry._jet import HIGHEST, Jet, orders_up_to
from edgewise.pde.statement._condition import Condition
from edgewise.pde.statement._interface import Interface
from edgewise.pde.statement._jumps import ASIDE, below_place, jumps
from edgewise.pde.statement._problem import Problem, Weak

_TRIED, _STEP, _OFF = 64, 1e-6, 1e-3  # points, steps and errors of differences by which derivatives are tried


def strong(problem: Problem) -> Problem | None:
    """Return the problem of a weak form with  F_0 - sum_k d/dx_k F_k = 0  in place of it.

    F_0 multiplies the test function and F_k its derivatives. At `breaks`, and where fluxes are seen to jump at a place
    of one coordinate, u and F_k are continuous; F_k is zero on natural faces. None for forms with second derivatives of
    test functions, for more than three coordinates, where fluxes jump across anything else, and where torch does not
    see how they depend on the point, as those that NumPy computes.
    """
    weak, domain = problem.residual, problem.domain
    if not isinstance(weak, Weak) or problem.functions or problem.complex or len(domain.names) > 3:
        return None
    if not set(weak.breaks) <= set(domain.names) or not (weak.natural is None or weak.natural.box == domain):
        return None
    reads = weak.reads(domain.names, problem.unknowns, problem.constants)
    if any(len(order) > 1 for _, order in reads) or not _is_followed(problem, weak, reads):
        return None
    breaks = jumps(domain, _explicit(problem, weak, reads), weak.breaks)
    if breaks is None:
        return None
    fluxes = _Fluxes(weak, reads, problem)
    conditions: list[Condition] = list(problem.conditions)
    if weak.natural is not None:
        for k, end in weak.natural.fixed:
            conditions.append(Condition(Face(weak.natural.box, ((k, end),)), fluxes.across(k)))
    for k, name in enumerate(domain.names):
        for place in breaks[name]:
            if domain.low[k] < place < domain.high[k]:
                conditions.append(Interface(below_place(domain, k, float(place)), fluxes.meeting(k)))
    return replace(problem, residual=fluxes.left, conditions=tuple(conditions))


class _Fluxes:
    """What multiplies the test functions of a weak form and their derivatives."""

    def __init__(self, weak: Weak, reads: Sequence[tuple[int, Order]], problem: Problem) -> None:
        self.weak, self.reads, self.names, self.equations = weak, list(reads), problem.domain.names, problem.unknowns
        low, high = problem.domain.ends
        self.aside = ASIDE * float((high - low).max())

    def left(self, u: Any, p: SimpleNamespace, *constants: Any) -> tuple[Tensor, ...]:
        """F_0 - sum_k d/dx_k F_k of each equation."""
        each = u if isinstance(u, tuple) else (u,)
        given = [
            *(part for own in each for part in own.parts.values()),
            *(c for own in constants for c in vars(own).values()),
        ]
        followed = torch.is_grad_enabled() and any(isinstance(one, Tensor) and one.requires_grad for one in given)
        with torch.enable_grad():
            leaves = [{order: _leaf(part) for order, part in own.parts.items()} for own in each]
            at = SimpleNamespace(**{name: _leaf(value) for name, value in vars(p).items()})
            jets = tuple(Jet(parts, own.names, own.asked) for parts, own in zip(leaves, each, strict=True))
            found = [torch.zeros_like(next(iter(vars(p).values()))) for _ in range(self.equations)]
            parts = self.weak(jets[0] if len(jets) == 1 else jets, at, *constants)
            for (equation, order), flux in zip(self.reads, parts, strict=True):
                if order == ():
                    found[equation] = found[equation] + flux
                elif flux.requires_grad:
                    found[equation] = found[equation] - self._along(order[0], flux, jets, leaves, at)
        return tuple(found) if followed else tuple(part.detach() for part in found)

    def _along(self, k: int, flux: Tensor, jets: Sequence[Jet], leaves: Sequence[Any], at: SimpleNamespace) -> Tensor:
        """The whole derivative of a flux by a coordinate."""
        place = getattr(at, self.names[k])
        read = [(jet, order, part) for jet, parts in zip(jets, leaves, strict=True) for order, part in parts.items()]
        inputs = [place, *(part for _, _, part in read)]
        by = torch.autograd.grad(flux.sum(), inputs, create_graph=True, allow_unused=True)
        total = torch.zeros_like(place) if by[0] is None else by[0]
        for (jet, order, _), slope in zip(read, by[1:], strict=True):
            if slope is not None:
                total = total + slope * jet.d(*(self.names[i] for i in (*order, k)))
        return total

    def across(self, k: int) -> Any:
        """The condition that fluxes by a coordinate are zero."""

        def zero(u: Any, p: SimpleNamespace, *constants: Any) -> tuple[Tensor, ...]:
            return self._of(k, u, p, constants)

        return zero

    def meeting(self, k: int) -> Any:
        """The conditions that unknowns, and their fluxes by a coordinate, are the same on both sides of a place."""

        def meet(u: Any, v: Any, p: SimpleNamespace, *constants: Any) -> tuple[Tensor, ...]:
            pairs = zip(u, v, strict=True) if isinstance(u, tuple) else [(u, v)]
            same = [one.value - other.value for one, other in pairs]
            below, above = (self._aside(k, p, side) for side in (-1, 1))
            fluxes = zip(self._of(k, u, below, constants), self._of(k, v, above, constants), strict=True)
            return (*same, *(one - other for one, other in fluxes))

        return meet

    def _of(self, k: int, u: Any, p: SimpleNamespace, constants: Any) -> tuple[Tensor, ...]:
        at = SimpleNamespace(**{name: getattr(p, name) for name in self.names})
        parts = zip(self.reads, self.weak(u, at, *constants), strict=True)
        return tuple(flux for (_, order), flux in parts if order == (k,))

    def _aside(self, k: int, p: SimpleNamespace, side: int) -> SimpleNamespace:
        given = {name: getattr(p, name) for name in self.names}
        return SimpleNamespace(**{**given, self.names[k]: given[self.names[k]] + side * self.aside})


def _leaf(part: Tensor) -> Tensor:
    return part if part.requires_grad else part.detach().clone().requires_grad_()


def _is_followed(problem: Problem, weak: Weak, reads: Sequence[tuple[int, Order]]) -> bool:
    """Whether torch's derivatives of fluxes by the point are those that differences give."""
    points, fluxes = problem.domain.points(_TRIED, 5), _explicit(problem, weak, reads)
    low, high = problem.domain.ends
    at, steps = points.clone().requires_grad_(), _STEP * torch.diag(high - low)
    try:
        with torch.enable_grad():
            flux = fluxes(at).sum(1)
            seen = torch.autograd.grad(flux.sum(), at)[0] if flux.requires_grad else torch.zeros_like(at)
        with torch.no_grad():
            pairs = [(fluxes(points + step).sum(1), fluxes(points - step).sum(1)) for step in steps]
    except (RuntimeError, TypeError):  # NumPy takes no tensor that is to be differentiated
        return False
    found = torch.stack([one - two for one, two in pairs], 1) / (2 * steps.diagonal())
    allowed = _OFF * (found.abs() + seen.abs() + flux.detach().abs().amax() / (high - low))
    return bool(((found - seen).abs() <= allowed).all())


def _explicit(problem: Problem, weak: Weak, reads: Sequence[tuple[int, Order]]) -> Callable[[Tensor], Tensor]:
    """The fluxes (n, m) at points (n, d), of unknowns that are the same everywhere."""
    names, orders = problem.domain.names, orders_up_to(HIGHEST, len(problem.domain.names))

    def fluxes(points: Tensor) -> Tensor:
        like = torch.ones(len(points), dtype=torch.float64)
        jets = [
            Jet({order: (0.3 + 0.1 * len(order) + 0.07 * q) * like for order in orders}, names)
            for q in range(problem.unknowns)
        ]
        at = SimpleNamespace(**dict(zip(names, points.unbind(1), strict=True)))
        constants = {name: float(value) * like for name, value in problem.constants.items()}
        more = (SimpleNamespace(**constants),) if constants else ()
        parts = weak(jets[0] if len(jets) == 1 else tuple(jets), at, *more)
        found = [part for (_, order), part in zip(reads, parts, strict=True) if order]
        return torch.stack(found or [torch.zeros_like(like)], 1)

    return fluxes
