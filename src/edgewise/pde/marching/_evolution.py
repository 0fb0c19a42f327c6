"""An equation of evolution: what a problem says about time, about how it begins, and about the sides of space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise._jets import Order, below
from edgewise._typing import Array
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.statement._condition import Condition, Equation, Face, Integral, Periodic
from edgewise.pde.statement._problem import Problem, Weak, paired

Part = tuple[int, tuple[int, ...], int]
"""A component's number, and the orders of its derivative by each coordinate of space and by time: (0, (2, 1), 0) is
u.xxy.
"""


class Side(NamedTuple):
    """A condition at an end of a coordinate of space, which is given by its number among those of space."""

    condition: Condition
    coordinate: int
    end: float


def pairs(points: Tensor, times: Array) -> tuple[Tensor, Tensor]:
    """Times and points of all pairs, the times faster."""
    return torch.from_numpy(times).repeat(len(points)), points.repeat_interleave(len(times), 0)


def sorted_conditions(problem: Problem, time: int) -> tuple[tuple[Condition, ...], tuple[Side, ...], tuple[bool, ...]]:
    """Conditions at the first time, those at ends of space, and whether each coordinate of space is periodic."""
    box = problem.box
    spaces = [k for k in range(len(box.names)) if k != time]
    starts, ends, periods = [], [], [False] * len(spaces)
    for condition in problem.conditions:
        where = condition.where
        if isinstance(condition, Periodic) and condition.name != box.names[time]:
            periods[spaces.index(box.names.index(condition.name))] = True
        elif condition.also is None and isinstance(where, Face) and where.fixed == ((time, box.low[time]),):
            starts.append(condition)
        elif condition.also is None and isinstance(where, Face) and all(k != time for k, _ in where.fixed):
            ends += [Side(condition, spaces.index(k), end) for k, end in where.fixed]
        else:
            raise InputError(
                f"march takes conditions on box.face({box.names[time]}={box.low[time]:g}), on faces of space, and "
                f"periodic ones. Got one on {where!r:.80}; use solve for it."
            )
    if any(periods[side.coordinate] for side in ends):
        raise InputError("A periodic problem has no ends of space, and so no conditions there.")
    return tuple(starts), tuple(ends), tuple(periods)


@dataclass(frozen=True)
class Evolution:
    """A problem in time and one or two coordinates of space as a system of first order in time, part by part.

    Its components are the unknowns and, where the equation has derivatives of order s by time, those below it: for
    u.tt they are u and v = u.t, and the equation v - u.t = 0 comes with them. An unknown without derivatives by time is
    one component that begins with nothing.

    Places x are (n, d), d coordinates of space; of one they may be (n,).

    time, spaces: the numbers of the coordinates in the box. orders: of the derivative by time of each unknown. parts:
    what the equations read of the components. starts: conditions at the first time. ends: those at the ends of space.
    periods: whether each coordinate of space is periodic.
    """

    problem: Problem
    time: int
    spaces: tuple[int, ...]
    orders: tuple[int, ...]
    starts: tuple[Condition, ...]
    ends: tuple[Side, ...]
    periods: tuple[bool, ...]

    @classmethod
    def of(cls, problem: Problem, time: str) -> Evolution:
        """Read a problem; InputError for one that cannot be marched."""
        problem = paired(problem)
        if isinstance(problem.residual, Weak):
            raise InputError("march takes residuals, and no weak forms; use solve.")
        box = problem.box
        if time not in box.names:
            raise unknown("coordinate of time", time, box.names)
        if len(box.names) not in (2, 3):
            raise InputError(
                f"march takes problems of time and one or two coordinates of space. Got {', '.join(box.names)}; use "
                "solve for others."
            )
        if problem.constants or problem.functions:
            given = ", ".join([*problem.constants, *problem.functions])
            raise InputError(f"march takes equations without unknown constants and functions. Got {given}; use solve.")
        if problem.ansatz is not None:
            raise InputError(
                "march needs no ansatz: state how the unknown begins as Condition(box.face("
                f"{time}={box.low[box.names.index(time)]:g}), ...) and the ends of space as conditions, which hold "
                "exactly."
            )
        t = box.names.index(time)
        if any(isinstance(condition, Integral) for condition in problem.conditions):
            raise InputError("march takes no integral conditions; use solve.")
        spaces = tuple(k for k in range(len(box.names)) if k != t)
        starts, ends, periods = sorted_conditions(problem, t)
        asked = problem.asked(problem.residual, [box.points(2)])
        orders = tuple(max([order.count(t) for order in found], default=0) for found in asked)
        return cls(problem, t, spaces, orders, starts, ends, periods)

    @property
    def intervals(self) -> tuple[tuple[float, float], ...]:
        """The ends of each coordinate of space."""
        return tuple((self.problem.box.low[k], self.problem.box.high[k]) for k in self.spaces)

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
        return tuple(sorted({*self._read(self.problem.residual), *(part for pair in self._linked for part in pair)}))

    def read(self, condition: Condition) -> tuple[Part, ...]:
        """What a condition reads of the components."""
        return self._read(condition.equation)

    def inside(self, given: Mapping[Part, Tensor], t: Tensor, x: Tensor) -> tuple[Tensor, dict[Part, Tensor]]:
        """What the equations leave, (equations, n), and its derivatives, of that shape, by each part that they read."""
        whole, slopes = self.left(self.problem.residual, given, t, x)
        if not self._linked:
            return whole, slopes
        extra = len(self._linked)
        slopes = {part: torch.cat([slope, slope.new_zeros(extra, len(t))]) for part, slope in slopes.items()}
        rows = []
        for row, (one, two) in enumerate(self._linked, start=len(whole)):
            rows.append(given[one] - given[two])
            for part, sign in ((one, 1.0), (two, -1.0)):
                slopes.setdefault(part, torch.zeros(len(whole) + extra, len(t), dtype=torch.float64))[row] = sign
        return torch.cat([whole, torch.stack(rows)]), slopes

    def rest(self, given: Mapping[Part, Tensor], t: Tensor, x: Tensor) -> Tensor:
        """What the equations leave, (equations, n), without its derivatives."""
        with torch.no_grad():
            return torch.stack(self.all_equations(given, t, x))

    def all_equations(self, given: Mapping[Part, Tensor], t: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        """The same of each equation, to be differentiated."""
        found = self.equations(self.problem.residual, given, t, x)
        return (*found, *(given[one] - given[two] for one, two in self._linked))

    def equations(
        self, equation: Equation, given: Mapping[Part, Tensor], t: Tensor, x: Tensor
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """What an equation or condition leaves."""
        return self.problem.left(equation, [self._jets(given)], self._points(t, x), {})

    def left(
        self, equation: Equation, given: Mapping[Part, Tensor], t: Tensor, x: Tensor
    ) -> tuple[Tensor, dict[Part, Tensor]]:
        """The same of one equation or condition."""
        with torch.enable_grad():
            leaves = {part: values.detach().requires_grad_() for part, values in given.items()}
            found = self.equations(equation, leaves, t, x)
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
        rounds, close = 8, 1e-12
        wanted: list[Part] = [(c, self.value, 0) for c, changing in enumerate(self.changing) if changing]
        points, n = torch.from_numpy(np.ascontiguousarray(x)), len(x)
        time = torch.full((n,), self.duration[0], dtype=torch.float64)
        known = {(c, self.value, 0): torch.zeros(n, dtype=torch.float64) for c in range(len(self.components))}
        for condition in self.starts:
            for part in self.read(condition):
                if part not in wanted:
                    raise InputError(
                        f"Initial conditions say what {self._names(wanted)} are at {self._time}={self.duration[0]:g}. "
                        f"Got one that reads {self._names([part])}."
                    )
        for _ in range(rounds):
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
            if float(step.abs().max()) <= close * max(float(values.abs().max()) for values in known.values()):
                break
        found, most = torch.stack(list(known.values()), dim=1), 1e100  # squares times any number of weights are finite
        if not float(found.abs().max()) <= most:
            raise InputError(
                f"The initial values must be finite and at most {most:.0e} everywhere. Got "
                f"{float(found.abs().max()):.3g} at {self._time}={self.duration[0]:g}."
            )
        return found.numpy()

    def part(self, v: int, order: Order) -> Part:
        """A derivative of an unknown as one of a component."""
        by_time = order.count(self.time)
        below_it = min(by_time, max(0, self.orders[v] - 1))
        by_space = tuple(order.count(k) for k in self.spaces)
        return self.components.index((v, below_it)), by_space, by_time - below_it

    @property
    def _time(self) -> str:
        return self.problem.box.names[self.time]

    @cached_property
    def links(self) -> tuple[tuple[int, int], ...]:
        """Each component that is not the last of its unknown, with the next, its derivative by time."""
        pairs = enumerate(zip(self.components, self.components[1:], strict=False))
        return tuple((c, c + 1) for c, (one, two) in pairs if one[0] == two[0])

    @cached_property
    def value(self) -> tuple[int, ...]:
        """The order of no derivative by space."""
        return (0,) * len(self.spaces)

    @cached_property
    def _linked(self) -> list[tuple[Part, Part]]:
        return [((lower, self.value, 1), (upper, self.value, 0)) for lower, upper in self.links]

    def _points(self, t: Tensor, x: Tensor) -> Tensor:
        columns = list(x.reshape(len(t), -1).T)
        columns.insert(self.time, t)
        return torch.stack(columns, dim=1)

    def _read(self, equation: Equation) -> tuple[Part, ...]:
        asked = self.problem.asked(equation, [self.problem.box.points(2)])
        return tuple(sorted({self.part(v, order) for v, found in enumerate(asked) if found for order in below(found)}))

    def _names(self, parts: Sequence[Part]) -> str:
        found = []
        for c, a, b in parts:
            v, j = self.components[c]
            own = "u" if self.problem.unknowns == 1 else f"u[{v}]"
            by = "".join(self.problem.box.names[k] for k in self._order(a, b + j))
            found.append(f"{own}.{by or 'value'}")
        return ", ".join(found)

    def _order(self, by_space: tuple[int, ...], by_time: int) -> list[int]:
        """The coordinates of a derivative, those of space first."""
        found = [k for k, count in zip(self.spaces, by_space, strict=True) for _ in range(count)]
        return found + [self.time] * by_time

    def _jets(self, given: Mapping[Part, Tensor]) -> Any:
        orders: list[dict[Order, Tensor]] = [{} for _ in self.orders]
        for (c, a, b), values in given.items():
            v, j = self.components[c]
            if b and j + 1 < self.orders[v]:
                continue  # the next component is the same
            orders[v][tuple(sorted(self._order(a, b + j)))] = values
        jets = [Jet(parts, self.problem.box.names) for parts in orders]
        return jets[0] if len(jets) == 1 else tuple(jets)
