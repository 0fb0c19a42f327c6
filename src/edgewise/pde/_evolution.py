"""An equation of evolution: what a problem says about time, about how it begins, and about the ends of space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise._jets import Order, below
from edgewise._typing import Array
from edgewise.pde._jet import HIGHEST, Jet
from edgewise.pde._problem import Condition, Equation, Face, Periodic, Problem

_ROUNDS = 8  # of Newton's method, for what initial conditions say
_CLOSE = 1e-12

Part = tuple[int, int, int]
"""An unknown's number, and the orders of its derivative by space and by time."""


@dataclass(frozen=True)
class Evolution:
    """A problem in time and one coordinate of space, whose residuals can be evaluated part by part.

    orders: of the derivatives by time that each unknown begins with: 1 for u.t, 2 for u.tt, 0 where there is none.
    parts: what the equation reads of the unknowns. sides: conditions at ends of space, each with its end.
    """

    problem: Problem
    time: int
    space: int
    orders: tuple[int, ...]
    parts: tuple[Part, ...]
    starts: tuple[Condition, ...]
    sides: tuple[tuple[Condition, float], ...]
    periodic: bool

    @classmethod
    def of(cls, problem: Problem, time: str) -> Evolution:
        """Read a problem; InputError for one that cannot be marched."""
        box = problem.box
        if time not in box.names:
            raise unknown("coordinate of time", time, box.names)
        if len(box.names) != 2:
            raise InputError(
                f"march takes problems of time and one coordinate of space. Got the coordinates {', '.join(box.names)}; "
                "use solve for others."
            )
        if problem.constants:
            raise InputError(
                f"march takes equations without unknown constants. Got {', '.join(problem.constants)}; use solve."
            )
        if problem.ansatz is not None:
            raise InputError(
                "march needs no ansatz: state how the unknown begins as Condition(box.face("
                f"{time}={box.low[box.names.index(time)]:g}), ...) and the ends of space as conditions, which hold "
                "exactly."
            )
        t = box.names.index(time)
        starts, sides, periodic = [], [], False
        for condition in problem.conditions:
            where = condition.where
            if isinstance(condition, Periodic) and condition.name != time:
                periodic = True
            elif condition.also is None and isinstance(where, Face) and where.fixed == ((t, box.low[t]),):
                starts.append(condition)
            elif condition.also is None and isinstance(where, Face) and all(k != t for k, _ in where.fixed):
                sides += [(condition, end) for _, end in where.fixed]
            else:
                raise InputError(
                    f"march takes conditions on box.face({time}={box.low[t]:g}), on faces of space, and periodic ones. "
                    f"Got one on {where!r:.80}; use solve for it."
                )
        if periodic and sides:
            raise InputError("A periodic problem has no ends of space, and so no conditions there.")
        asked = _asked(problem, problem.residual)
        made = cls(problem, t, 1 - t, (), (), tuple(starts), tuple(sides), periodic)
        orders = tuple(max([order.count(t) for order in orders], default=0) for orders in asked)
        parts = {made._part(v, order) for v, found in enumerate(asked) for order in below(found)}
        return cls(problem, t, 1 - t, orders, tuple(sorted(parts)), tuple(starts), tuple(sides), periodic)

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of space."""
        return self.problem.box.low[self.space], self.problem.box.high[self.space]

    @property
    def duration(self) -> tuple[float, float]:
        """The ends of time."""
        return self.problem.box.low[self.time], self.problem.box.high[self.time]

    def read(self, condition: Condition) -> tuple[Part, ...]:
        """The parts that a condition reads."""
        found = _asked(self.problem, condition.residual)
        return tuple(sorted({self._part(v, order) for v, orders in enumerate(found) for order in below(orders)}))

    def left(
        self, equation: Equation, given: Mapping[Part, Tensor], t: Tensor, x: Tensor
    ) -> tuple[Tensor, dict[Part, Tensor]]:
        """What an equation leaves at points, (equations, n), and its derivatives, of that shape, by what it reads."""
        points = torch.stack([t, x] if self.time == 0 else [x, t], dim=1)
        with torch.enable_grad():
            leaves = {part: values.detach().requires_grad_() for part, values in given.items()}
            found = self.problem.left(equation, [self._jets(leaves)], points, {})
            whole = torch.stack([part.detach() for part in found])
            slopes: dict[Part, Tensor] = {}
            for e, part in enumerate(found):
                if not part.requires_grad:
                    continue
                by = torch.autograd.grad(part.sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
                for name, slope in zip(leaves, by, strict=True):
                    if slope is not None:
                        slopes.setdefault(name, torch.zeros_like(whole))[e] = slope
        return whole, slopes

    def initial(self, x: Array) -> list[list[Array]]:
        """What each unknown begins with at points of space: its value and derivatives by time below its order.

        Initial conditions are solved for them at every point by Newton's method.
        """
        wanted: list[Part] = [(v, 0, j) for v, order in enumerate(self.orders) for j in range(order)]
        points, n = torch.from_numpy(np.ascontiguousarray(x)), len(x)
        time = torch.full((n,), self.duration[0], dtype=torch.float64)
        known = {part: torch.zeros(n, dtype=torch.float64) for part in wanted}
        for condition in self.starts:
            for part in self.read(condition):
                if part not in wanted and part[1] + part[2] > 0:
                    raise InputError(
                        f"Initial conditions say what {self._names(wanted)} are at {self._time}={self.duration[0]:g}. "
                        f"Got one that reads {self._names([part])}."
                    )
        for _ in range(_ROUNDS):
            rows = [self.left(condition.residual, known, time, points) for condition in self.starts]
            left = torch.cat([row for row, _ in rows]) if rows else torch.zeros(0, n)
            if len(left) != len(wanted):
                raise InputError(
                    f"march needs {len(wanted)} initial conditions, for {self._names(wanted)} at {self._time}="
                    f"{self.duration[0]:g}. Got {len(left)}."
                )
            if not wanted:
                break
            slopes = torch.stack(
                [torch.cat([by.get(part, torch.zeros_like(row)) for row, by in rows]) for part in wanted], dim=1
            )  # (rows, z, n)
            step, info = torch.linalg.solve_ex(slopes.permute(2, 0, 1), left.T.unsqueeze(2))
            if bool((info != 0).any()) or not bool(torch.isfinite(step).all()):
                raise InputError(f"The initial conditions do not determine {self._names(wanted)} everywhere.")
            for k, part in enumerate(wanted):
                known[part] = known[part] - step[:, k, 0]
            if float(step.abs().max()) <= _CLOSE * max(float(v.abs().max()) for v in known.values()):
                break
        return [[known[v, 0, j].numpy() for j in range(order)] for v, order in enumerate(self.orders)]

    @property
    def _time(self) -> str:
        return self.problem.box.names[self.time]

    def _names(self, parts: Sequence[Part]) -> str:
        space, time = self.problem.box.names[self.space], self._time
        found = []
        for v, a, b in parts:
            own = "u" if self.problem.unknowns == 1 else f"u[{v}]"
            found.append(f"{own}.{space * a + time * b}" if a + b else f"{own}.value")
        return ", ".join(found)

    def _part(self, v: int, order: Order) -> Part:
        return v, order.count(self.space), order.count(self.time)

    def _jets(self, given: Mapping[Part, Tensor]) -> Any:
        jets = []
        for v in range(self.problem.unknowns):
            parts = {self._order(a, b): values for (w, a, b), values in given.items() if w == v}
            jets.append(Jet(parts, self.problem.box.names))
        return jets[0] if len(jets) == 1 else tuple(jets)

    def _order(self, a: int, b: int) -> Order:
        return tuple(sorted([self.space] * a + [self.time] * b))


def _asked(problem: Problem, equation: Equation) -> list[set[Order]]:
    """The derivatives that an equation reads of each unknown."""
    d, names = len(problem.box.names), problem.box.names
    every = [order for k in range(HIGHEST + 1) for order in combinations_with_replacement(range(d), k)]
    points = problem.box.points(2)
    asked: list[set[Order]] = [set() for _ in range(problem.unknowns)]
    some = torch.full((2,), 0.5, dtype=torch.float64)
    jets = [Jet(dict.fromkeys(every, some), names, (noted,)) for noted in asked]
    problem.left(equation, [jets[0] if len(jets) == 1 else tuple(jets)], points, {})
    return asked


