"""An equation of evolution: what a problem says about time, about how it begins, and about the ends of space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise._jets import Order, below
from edgewise._typing import Array
from edgewise.pde._complex import paired
from edgewise.pde._integral import Integral
from edgewise.pde._jet import HIGHEST, Jet
from edgewise.pde._problem import Condition, Equation, Face, Periodic, Problem
from edgewise.pde._weak import Weak

_ROUNDS = 8  # of Newton's method, for what initial conditions say
_CLOSE = 1e-12

Part = tuple[int, int, int]
"""A component's number, and the orders of its derivative by space and by time."""


@dataclass(frozen=True)
class Evolution:
    """A problem in time and one coordinate of space as a system of first order in time, evaluated part by part.

    Its components are the unknowns and, where the equation has derivatives of order s by time, those below it: for
    u.tt they are u and v = u.t, and the equation v - u.t = 0 comes with them. An unknown without derivatives by time is
    one component that begins with nothing.

    orders: of the derivative by time of each unknown. parts: what the equations read of the components. starts:
    conditions at the first time. sides: conditions at ends of space, each with its end.
    """

    problem: Problem
    time: int
    space: int
    orders: tuple[int, ...]
    starts: tuple[Condition, ...]
    sides: tuple[tuple[Condition, float], ...]
    periodic: bool

    @classmethod
    def of(cls, problem: Problem, time: str) -> Evolution:
        """Read a problem; InputError for one that cannot be marched."""
        problem = paired(problem)
        if isinstance(problem.residual, Weak):
            raise InputError("march takes residuals, and no weak forms; use solve.")
        box = problem.box
        if time not in box.names:
            raise unknown("coordinate of time", time, box.names)
        if len(box.names) != 2:
            raise InputError(
                f"march takes problems of time and one coordinate of space. Got {', '.join(box.names)}; use solve for "
                "others."
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
            if isinstance(condition, Integral):
                raise InputError("march takes no integral conditions; use solve.")
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
        orders = tuple(max([order.count(t) for order in found], default=0) for found in asked)
        return cls(problem, t, 1 - t, orders, tuple(starts), tuple(sides), periodic)

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of space."""
        return self.problem.box.low[self.space], self.problem.box.high[self.space]

    @property
    def duration(self) -> tuple[float, float]:
        """The ends of time."""
        return self.problem.box.low[self.time], self.problem.box.high[self.time]

    @cached_property
    def components(self) -> tuple[tuple[int, int], ...]:
        """Each component's unknown, and the order of its derivative by time that it is."""
        return tuple((v, j) for v, order in enumerate(self.orders) for j in range(max(1, order)))

    @cached_property
    def changing(self) -> tuple[bool, ...]:
        """Whether each component begins with something, and changes from there."""
        return tuple(self.orders[v] > 0 for v, _ in self.components)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What the equations read of the components."""
        linked = [part for lower, upper in self._links for part in ((lower, 0, 1), (upper, 0, 0))]
        return tuple(sorted({*self._read(self.problem.residual), *linked}))

    def read(self, condition: Condition) -> tuple[Part, ...]:
        """What a condition reads of the components."""
        return self._read(condition.residual)

    def inside(self, given: Mapping[Part, Tensor], t: Tensor, x: Tensor) -> tuple[Tensor, dict[Part, Tensor]]:
        """What the equations leave, (equations, n), and its derivatives, of that shape, by each part that they read."""
        whole, slopes = self.left(self.problem.residual, given, t, x)
        if not self._links:
            return whole, slopes
        extra = len(self._links)
        slopes = {part: torch.cat([slope, slope.new_zeros(extra, len(t))]) for part, slope in slopes.items()}
        rows = []
        for row, (lower, upper) in enumerate(self._links, start=len(whole)):
            rows.append(given[lower, 0, 1] - given[upper, 0, 0])
            for part, sign in (((lower, 0, 1), 1.0), ((upper, 0, 0), -1.0)):
                slopes.setdefault(part, torch.zeros(len(whole) + extra, len(t), dtype=torch.float64))[row] = sign
        return torch.cat([whole, torch.stack(rows)]), slopes

    def left(
        self, equation: Equation, given: Mapping[Part, Tensor], t: Tensor, x: Tensor
    ) -> tuple[Tensor, dict[Part, Tensor]]:
        """The same of one equation or condition."""
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

    def initial(self, x: Array) -> Array:
        """What the components begin with at points of space, (n, components); zero for those that begin with nothing.

        Initial conditions are solved for it at every point by Newton's method.
        """
        wanted: list[Part] = [(c, 0, 0) for c, changing in enumerate(self.changing) if changing]
        points, n = torch.from_numpy(np.ascontiguousarray(x)), len(x)
        time = torch.full((n,), self.duration[0], dtype=torch.float64)
        known = {(c, 0, 0): torch.zeros(n, dtype=torch.float64) for c in range(len(self.components))}
        for condition in self.starts:
            for part in self.read(condition):
                if part not in wanted:
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
            )  # (rows, wanted, n)
            step, info = torch.linalg.solve_ex(slopes.permute(2, 0, 1), left.T.unsqueeze(2))
            if bool((info != 0).any()) or not bool(torch.isfinite(step).all()):
                raise InputError(f"The initial conditions do not determine {self._names(wanted)} everywhere.")
            for k, part in enumerate(wanted):
                known[part] = known[part] - step[:, k, 0]
            if float(step.abs().max()) <= _CLOSE * max(float(values.abs().max()) for values in known.values()):
                break
        return torch.stack(list(known.values()), dim=1).numpy()

    def part(self, v: int, order: Order) -> Part:
        """A derivative of an unknown as one of a component."""
        by_time = order.count(self.time)
        below_it = min(by_time, max(0, self.orders[v] - 1))
        return self.components.index((v, below_it)), order.count(self.space), by_time - below_it

    @property
    def _time(self) -> str:
        return self.problem.box.names[self.time]

    @cached_property
    def _links(self) -> list[tuple[int, int]]:
        """Each component that is not the last of its unknown, with the next."""
        pairs = enumerate(zip(self.components, self.components[1:], strict=False))
        return [(c, c + 1) for c, (one, two) in pairs if one[0] == two[0]]

    def _read(self, equation: Equation) -> tuple[Part, ...]:
        asked = _asked(self.problem, equation)
        return tuple(sorted({self.part(v, order) for v, found in enumerate(asked) if found for order in below(found)}))

    def _names(self, parts: Sequence[Part]) -> str:
        space, time = self.problem.box.names[self.space], self._time
        found = []
        for c, a, b in parts:
            v, j = self.components[c]
            own = "u" if self.problem.unknowns == 1 else f"u[{v}]"
            found.append(f"{own}.{space * a + time * (b + j)}" if a + b + j else f"{own}.value")
        return ", ".join(found)

    def _jets(self, given: Mapping[Part, Tensor]) -> Any:
        orders: list[dict[Order, Tensor]] = [{} for _ in self.orders]
        for (c, a, b), values in given.items():
            v, j = self.components[c]
            if b and j + 1 < self.orders[v]:
                continue  # the next component is the same
            orders[v][tuple(sorted([self.space] * a + [self.time] * (b + j)))] = values
        jets = [Jet(parts, self.problem.box.names) for parts in orders]
        return jets[0] if len(jets) == 1 else tuple(jets)


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
