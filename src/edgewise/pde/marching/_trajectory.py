"""The solution of an initial value problem of ordinary equations: polynomials in slabs of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array, Data
from edgewise.pde.geometry._jet import Jet, orders_up_to
from edgewise.pde.result._sampling import Convergence, Outcome, Packed
from edgewise.pde.result._solution import FoundSolution, checked_order
from edgewise.pde.solving._initial import System
from edgewise.pde.solving._slabs import Course
from edgewise.pde.statement._problem import Problem, paired


class Pass(NamedTuple):
    """One march through all of time: the error allowed for a slab, slabs and stages of each, the estimated error."""

    accuracy: float
    slabs: int
    stages: int
    error: float
    seconds: float


@dataclass(frozen=True)
class Trajectory(FoundSolution):
    """What `march` returns for an equation of time alone: the unknowns as functions of all times.

    Parameters
    ----------
    problem
        The problem that was solved.
    course
        The unknowns and their derivatives below the highest as polynomials in slabs: `course.ends` (slabs + 1,) are
        their ends.
    error
        The estimated relative L2 error, the largest of the unknowns'.
    outcome
        How the march ended.
    history
        The marches, one row each.
    event
        The time at which `until` changed its sign; None without.
    advice
        Why the march ended before its time, in words.
    """

    problem: Problem
    course: Course
    error: float
    outcome: Outcome
    history: list[Pass]
    event: float | None = None
    advice: str = ""

    @property
    def time_axis(self) -> int:
        return 0

    @property
    def reached(self) -> float:
        return float(self.course.ends[-1])

    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]:
        """Return the unknown at times with its derivatives: a Jet, or a tuple of them.

        Parameters
        ----------
        points : (n, 1)
            Times, up to that which was reached.
        order
            The highest order of derivatives, at most 4.

        Raises
        ------
        InputError
            For points of another shape or outside the range, and an order that is not known.
        """
        times = self.checked(points)[:, 0].numpy()
        highest, system = checked_order(order), self._system
        values = [torch.from_numpy(self.course(times, j)) for j in range(highest + 1)]
        jets = []
        for first, own in zip(system.first, system.orders, strict=True):
            parts = {}
            for held in orders_up_to(highest, 1):
                below = min(len(held), max(own, 1) - 1)  # a derivative that is a component itself
                parts[held] = values[len(held) - below][:, first + below]
            jets.append(Jet(parts, self.problem.domain.names))
        return self.problem.presented(jets[0] if len(jets) == 1 else tuple(jets))

    def packed(self) -> Packed:
        """Return what a file holds of the solution: its slabs."""
        tensors = {"ends": self.course.ends, "values": self.course.values}
        said = {"event": self.event, "advice": self.advice}
        return Packed("trajectory", said, {name: torch.from_numpy(own) for name, own in tensors.items()})

    @classmethod
    def unpacked(cls, problem: Problem, said: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Trajectory:
        """Return what a file holds; errors of any kind for one that is damaged.

        Parameters
        ----------
        problem
            The problem that was marched.
        said
            What the file says of it.
        tensors
            The ends of the slabs (slabs + 1,) and the state in them (slabs, points, components).
        """
        course = Course(tensors["ends"].numpy(), tensors["values"].numpy())
        found = cls(problem, course, said["error"], Outcome[said["outcome"]], [Pass(*row) for row in said["history"]],
                    said["event"], str(said["advice"]))  # fmt: skip
        if course.values.shape != (len(course.ends) - 1, course.values.shape[1], found._system.size):
            raise ValueError(course.values.shape)
        return found

    def finer(self, free: int, held: Mapping[int, float]) -> Array:
        """Return times in the slabs, which a curve should not miss.

        Parameters
        ----------
        free
            The number of the coordinate along which places are wanted, 0.
        held
            Not used: there are no other coordinates.
        """
        ends, each = self.course.ends, 8
        return (ends[:-1, None] + np.diff(ends)[:, None] * np.arange(each) / each).ravel()

    def facts(self) -> list[tuple[str, str]]:
        """Return what a report says of the march: rows (label, value)."""
        rows = [("Slabs", str(len(self.course.values))), ("Values", str(self.course.values.size))]
        if self.reached < self.problem.domain.high[0]:
            rows.append(("Reached", f"{self.problem.domain.names[0]} = {self.reached:.6g}"))
        return rows

    def in_words(self) -> list[str]:
        """Return the marches, a sentence each."""
        return [
            f"Accuracy {row.accuracy:.2g} of each slab: {row.slabs} slabs of {row.stages} stages, estimated error "
            f"{row.error:.2g}, {row.seconds:.1f} s."
            for row in self.history
        ]

    def convergence(self) -> Convergence | None:
        """Return the error from march to march as a curve; None where there is one."""
        errors, places = [row.error for row in self.history], [1.0 + k for k in range(len(self.history))]
        return Convergence("The error of each march", "march", "error", places, {"": errors}) if errors[1:] else None

    @cached_property
    def _system(self) -> System:
        return System(paired(self.problem))

    def __repr__(self) -> str:
        words = " ".join(filter(None, (self.outcome.message, self.advice)))
        return (
            f"Trajectory({len(self.course.values)} slabs until {self.problem.domain.names[0]}={self.reached:g}, "
            f"error={self.error:.2g}, outcome={self.outcome.name}: {words})"
        )
