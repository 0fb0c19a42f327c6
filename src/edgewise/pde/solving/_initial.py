"""Initial value problems of ordinary equations as F(t, y, y') = 0."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde.geometry._domain import Box, Face
from edgewise.pde.geometry._jet import Jet
from edgewise.pde.solving._settings import SLABS
from edgewise.pde.statement._condition import Condition, Equation, Integral, Measured
from edgewise.pde.statement._problem import Problem, Weak


class Ended(ArithmeticError):
    """Slabs of time came to nothing, at a time; NaN where something from outside ended the march."""

    def __init__(self, time: float) -> None:
        super().__init__(time)
        self.time = time


class Values(NamedTuple):
    """What F(t, y, y') leaves, (n, components), and its derivatives by y and y', each (n, components, components)."""

    left: Array
    by_state: Array
    by_slope: Array


class Start(NamedTuple):
    """The state at the beginning, and its derivative, each (components,)."""

    state: Array
    slope: Array


class System:
    """An equation of one coordinate as F(t, y, y') = 0.

    y holds each unknown and its derivatives below the highest; of these every one but the last is the slope of the one
    before. An unknown without derivatives is a separate component.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        asked = problem.asked(problem.residual, [problem.domain.points(2)])
        self.orders = [max(map(len, each), default=0) for each in asked]
        ends = np.cumsum([max(1, order) for order in self.orders])
        self.first = [0, *ends[:-1].tolist()]
        self.size = int(ends[-1])
        self.begin, self.end = problem.domain.low[0], problem.domain.high[0]
        self.chain = [
            (at + j) for at, order in zip(self.first, self.orders, strict=True) for j in range(order - 1)
        ]  # fmt: skip

    @cached_property
    def count(self) -> int:
        """The number of equations."""
        zero = np.zeros((1, self.size))
        return len(self._parts(self.problem.residual, np.array([self.begin]), zero, zero))

    def at(self, times: Array, state: Array, slope: Array) -> Values:
        """What F leaves and its derivatives, of all equations by one pass backward: each has its own copy of points."""
        n, count = len(times), self.count
        rests, by_state, by_slope = self._sloped(self.problem.residual, times, state, slope, count)
        chain = range(count, count + len(self.chain))
        whole_state, whole_slope = (np.zeros((n, count + len(chain), self.size)) for _ in range(2))
        whole_state[:, :count], whole_slope[:, :count] = by_state, by_slope
        for e, at in zip(chain, self.chain, strict=True):
            whole_slope[:, e, at], whole_state[:, e, at + 1] = 1.0, -1.0
        return Values(self._whole(rests, state, slope), whole_state, whole_slope)

    def left(self, times: Array, state: Array, slope: Array) -> Array:
        """What F leaves, (n, components)."""
        with torch.no_grad():
            parts = self._parts(self.problem.residual, times, state, slope)
        return self._whole([part.numpy() for part in parts], state, slope)

    def given(self, equation: Equation, times: Array, state: Array, slope: Array) -> Array:
        """What another function of the unknowns and of time gives, (n,)."""
        with torch.no_grad():
            parts = self._parts(equation, times, state, slope)
        return parts[0].numpy()

    def started(self) -> Start:
        """The state at the beginning, by Newton steps from zero on the conditions, and with F, which says the rest.

        The last steps are on the conditions again, which then hold to the last digit.
        """
        both, times = np.zeros(2 * self.size), np.array([self.begin])
        for with_equation in (False, True, False):
            for _ in range(SLABS.first_steps):
                state, slope = both[None, : self.size], both[None, self.size :]
                matrices, rests = list[Array](), list[Array]()
                if with_equation:
                    values = self.at(times, state, slope)
                    matrices.append(np.concatenate([values.by_state[0], values.by_slope[0]], 1))
                    rests.append(values.left[0])
                for condition in self.problem.conditions:
                    left, *by = self._sloped(condition.equation, times, state, slope, self.held(condition))
                    matrices.append(np.concatenate(by, 2)[0])
                    rests += left
                matrix, rest = np.concatenate(matrices), np.concatenate(rests)
                if not (np.isfinite(matrix).all() and np.isfinite(rest).all()):
                    raise Ended(self.begin)
                norms = np.maximum(np.linalg.norm(matrix, axis=1), 1e-300)
                change = np.linalg.lstsq(matrix / norms[:, None], rest / norms, rcond=1e-12)[0]
                both = both - change
                if np.abs(change).max() <= 1e-15 * np.abs(both).max(initial=1e-300):
                    break
        return Start(both[: self.size], both[self.size :])

    def is_regular(self, start: Start) -> bool:
        """Whether F says at a start how all derivatives go on, so that there is one solution, for a smooth F."""
        by_slope = self.at(np.array([self.begin]), start.state[None], start.slope[None]).by_slope[0]
        sizes = np.maximum(np.abs(by_slope).max(1, keepdims=True), 1e-300)
        if not np.isfinite(by_slope).all():
            return False
        return int(np.linalg.matrix_rank(by_slope / sizes, tol=SLABS.singular)) == sum(self.orders)

    def held(self, condition: Condition) -> int:
        """The number of equations of a condition."""
        zero = np.zeros((1, self.size))
        return len(self._parts(condition.equation, np.array([self.begin]), zero, zero))

    def _parts(self, equation: Equation, times: Array, state: Any, slope: Any) -> tuple[Tensor, ...]:
        """What an equation leaves at times, given states and slopes (n, components), each part (n,)."""
        points = torch.from_numpy(times)[:, None]
        return self._of(equation, points, *(torch.from_numpy(np.ascontiguousarray(own.T)) for own in (state, slope)))

    def _of(self, equation: Equation, points: Tensor, state: Tensor, slope: Tensor) -> tuple[Tensor, ...]:
        states, slopes, jets = state.unbind(0), slope.unbind(0), list[Jet]()
        for at, order in zip(self.first, self.orders, strict=True):
            parts = {(0,) * j: states[at + j] for j in range(max(1, order))}
            if order:
                parts[(0,) * order] = slopes[at + order - 1]
            jets.append(Jet(parts, self.problem.domain.names))
        whole = jets[0] if len(jets) == 1 else tuple(jets)
        return self.problem.left(equation, [whole], points, {})

    def _sloped(
        self, equation: Equation, times: Array, state: Array, slope: Array, count: int
    ) -> tuple[list[Array], Array, Array]:  # fmt: skip
        """What `count` equations leave, each (n,), and their derivatives, each (n, count, components)."""
        n, points = len(times), torch.from_numpy(np.tile(times, count))[:, None]
        both = [torch.from_numpy(np.tile(own.T, count)).requires_grad_() for own in (state, slope)]
        with torch.enable_grad():
            parts = self._of(equation, points, *both)
            own = [part[e * n : (e + 1) * n] for e, part in enumerate(parts)]
            total = torch.cat(own).sum()
        if total.requires_grad:
            found = torch.autograd.grad(total, both, materialize_grads=True)
        else:
            found = tuple(map(torch.zeros_like, both))
        by_state, by_slope = (each.numpy().reshape(self.size, count, n).transpose(2, 1, 0) for each in found)
        return [part.detach().numpy() for part in own], by_state, by_slope

    def _whole(self, rests: Sequence[Array], state: Array, slope: Array) -> Array:
        return np.stack([*rests, *(slope[:, at] - state[:, at + 1] for at in self.chain)], 1)


def refusal(problem: Problem) -> str:
    """Return why a problem is none of initial values of one coordinate; nothing where it is one."""
    domain = problem.domain
    if not isinstance(domain, Box) or len(domain.names) != 1 or isinstance(problem.residual, Weak):
        return "It takes a residual, on a box of one coordinate."
    if problem.numbers or problem.functions or problem.ansatz is not None:
        return "It takes no unknown constants or functions, and no ansatz."
    start = f"{domain.names[0]}={domain.low[0]:g}"
    if not all(_at_start(condition, domain) for condition in problem.conditions):
        return f"Conditions must be at {start}, as Condition(box.face({start}), ...)."
    system = System(problem)
    if system.count != problem.unknowns:
        return f"{problem.unknowns} unknowns need as many equations. Got {system.count}."
    for one in problem.conditions:
        for own, order in zip(problem.asked(one.equation, one.points(1, 0)), system.orders, strict=True):
            if max(map(len, own), default=0) > order:
                return f"A condition at {start} has a higher derivative than the equation."
    wanted, held = sum(system.orders), sum(map(system.held, problem.conditions))
    if held != wanted or not held:
        return f"It takes as many conditions at {start} as the unknowns have derivatives, {wanted}. Got {held}."
    return ""


def is_regular(problem: Problem) -> bool:
    """Whether a problem is one of initial values that has one solution near its beginning."""
    if refusal(problem):
        return False
    system = System(problem)
    try:
        return system.is_regular(system.started())
    except Ended:
        return False


def _at_start(condition: Condition, box: Box) -> bool:
    if isinstance(condition, Integral | Measured) or condition.also is not None:
        return False
    where = condition.where
    if isinstance(where, Tensor):
        return where.shape == (1, 1) and float(where) == box.low[0]
    return isinstance(where, Face) and where.fixed == ((0, box.low[0]),)
