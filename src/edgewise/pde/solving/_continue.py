"""Continuation: a hard problem reached from an easy one through a parameter, and the branch of solutions on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.pde.result._sampling import Outcome
from edgewise.pde.result._solution import Solution
from edgewise.pde.solving._settings import CONTINUATION
from edgewise.pde.solving._solve import continues_on_lattices, posed, solve
from edgewise.pde.statement._problem import Problem
from edgewise.train import Options

if TYPE_CHECKING:
    import pandas as pd

_ENDED = (Outcome.TIME_LIMIT, Outcome.STOPPED, Outcome.INTERRUPTED)


@dataclass(frozen=True)
class Branch:
    """What `continue_in` returns: a solution for each value of a parameter, in the order in which they were found.

    `branch[-1]` is the last solution, and `for value, solution in branch` goes through all.

    Parameters
    ----------
    values
        The values that were given, as far as they were reached, and the steps in between.
    solutions
        The solution for each value.
    outcome
        CONVERGED if all values were reached; otherwise what ended the branch.
    """

    values: tuple[float, ...]
    solutions: tuple[Solution, ...]
    outcome: Outcome

    @property
    def reached(self) -> float:
        """The last value for which there is a solution."""
        return self.values[-1]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, number: int) -> Solution:
        return self.solutions[number]

    def __iter__(self) -> Iterator[tuple[float, Solution]]:
        return zip(self.values, self.solutions, strict=True)

    def frame(self) -> pd.DataFrame:
        """Return a table: value, estimated error, residual, parameters, and the constants of each solution."""
        pd = needed("pandas")

        return pd.DataFrame(
            {
                "value": value,
                "error": found.error,
                "residual": found.residual,
                "parameters": found.history[-1].parameters,
                **found.constants,
            }
            for value, found in self
        )

    def __repr__(self) -> str:
        return (
            f"Branch({len(self)} solutions from {self.values[0]:g} to {self.reached:g}, "
            f"outcome={self.outcome.name}: {self.outcome.message})"
        )


def continue_in(
    problem: Callable[[float], Problem], values: Sequence[float], *, tolerance: float = 1e-5,
    start: Solution | None = None, options: Options | None = None, **settings: Any,
) -> Branch:  # fmt: skip
    """Solve a problem for one value of a parameter after another, each from the solution before.

    A nonlinear problem that no first network leads to is often near one that is easy: the same with more viscosity, or
    less load. A value counts as reached if the estimated error is below the tolerance. Where it is not, the grid is
    refined while the solution is near, and else the step is halved; steps that succeed grow again. What cannot be
    reached ends the branch, as beyond a fold where no solution exists.

    Parameters
    ----------
    problem
        The problem as a function of the parameter, like lambda nu: Problem(...).
    values
        Values of the parameter, two or more, from the easy end to the hard one.
    tolerance
        The estimated error to reach at each value, relative to the solution in L2.
    start
        A solution near the first value, if there is one.
    options
        The options of `solve`; time_limit is that of the whole branch.
    **settings
        Further arguments of `solve`, such as model, points or boundary. `grids` are for the first value.

    Returns
    -------
    Branch
        The solutions, with the values between those that were given.

    Raises
    ------
    InputError
        For values that are no finite numbers, or that repeat one after another.

    References
    ----------
    Allgower and Georg, Introduction to Numerical Continuation Methods (2003).

    Examples
    --------
    >>> import torch
    >>> from edgewise.pde import Problem, continue_in
    >>> from edgewise.pde import Box, Condition
    >>> box = Box(x=(0, 1))
    >>> ends = Condition(box.boundary(), lambda u, p: u.value)
    >>> branch = continue_in(lambda a: Problem(box, lambda u, p: u.xx + a * torch.exp(u.value), [ends]), [1, 2])
    >>> branch.reached, branch.outcome.name
    (2.0, 'CONVERGED')
    """
    wanted = [float(value) for value in values if is_number(value)]
    if len(wanted) < 2 or len(wanted) != len(values) or any(a == b for a, b in pairwise(wanted)):
        raise InputError(f"'values' must be two or more finite numbers, none twice in a row. Got {list(values)!r:.80}.")
    if not is_number(tolerance, 0) or not tolerance > 0:
        raise InputError(f"'tolerance' must be a number > 0. Got {tolerance!r}.")
    if options is not None and options.checkpoint is not None:
        raise InputError("continue_in takes no checkpoint: start again from the last solution with start=.")
    return _Continuation(problem, tolerance, options or Options(), settings).run(wanted, start)


class _Continuation:
    """The solutions so far."""

    def __init__(
        self, problem: Callable[[float], Problem], tolerance: float, options: Options, settings: dict[str, Any]
    ) -> None:
        self.problem, self.tolerance, self.options = problem, tolerance, options
        self.first, self.settings = settings, {k: v for k, v in settings.items() if k not in ("model", "grids")}
        self.began = time.monotonic()
        self.values: list[float] = []
        self.solutions: list[Solution] = []

    def run(self, wanted: list[float], start: Solution | None) -> Branch:
        first = self._solved(wanted[0], start, self.first)
        self._add(wanted[0], first)
        if not self._good(first):
            return self._branch(first.outcome)
        for value in wanted[1:]:
            ended = self._reach(value)
            if ended is not None:
                return self._branch(ended)
        return self._branch(Outcome.CONVERGED)

    def _reach(self, value: float) -> Outcome | None:
        """Go to a value in as many steps as it takes; return what ended it, None if it was reached."""
        step = whole = value - self.values[-1]
        while self.values[-1] != value:
            left = value - self.values[-1]
            to = value if abs(left) <= 1.01 * abs(step) else self.values[-1] + step
            found = self._step(to)
            if found.outcome in _ENDED:
                return found.outcome
            if self._good(found):
                self._add(to, found)
                step *= 2
            elif abs(step) <= abs(whole) / 2**CONTINUATION.halvings:
                return Outcome.BRANCH_ENDED
            else:
                step = (to - self.values[-1]) / 2
        return None

    def _step(self, value: float) -> Solution:
        """The solution for a value, from the last one; on finer grids where that helps."""
        near = self.solutions[-1]
        if continues_on_lattices(posed(self.problem(value), near), near) and "model" not in self.first:
            return self._solved(value, near, self.settings)
        grid = max(layer.grid for layer in near.model.layers)
        found = self._solved(value, near, {"grids": [grid], **self.settings})
        for _ in range(CONTINUATION.refinements):
            if found.outcome in _ENDED or self._good(found) or not found.error < CONTINUATION.near:
                break
            grid, before = math.ceil(CONTINUATION.finer * grid), found.error
            found = self._solved(value, found, {"grids": [grid], **self.settings})
            if not found.error < CONTINUATION.gain * before:
                break
        return found

    def _solved(self, value: float, near: Solution | None, settings: dict[str, Any]) -> Solution:
        limit = self.options.time_limit
        if limit is not None:
            limit = max(1e-3, limit - (time.monotonic() - self.began))
        own = replace(self.options, time_limit=limit)
        return solve(self.problem(value), start=near, tolerance=self.tolerance, options=own, **settings)

    def _good(self, found: Solution) -> bool:
        return found.outcome is Outcome.CONVERGED

    def _add(self, value: float, found: Solution) -> None:
        self.values.append(value)
        self.solutions.append(found)

    def _branch(self, outcome: Outcome) -> Branch:
        return Branch(tuple(self.values), tuple(self.solutions), outcome)
