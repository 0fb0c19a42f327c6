"""What is asked of a textbook's problem: the equation, who solves it, and how an answer is judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Problem
from edgewise_bench.benchmarks.pde import references


@dataclass(frozen=True)
class Asked:
    """A problem with what is known of its answer.

    exact: the first unknown as a function of the coordinates; several such functions where there are several solutions.
    number: in place of `exact`, a number of the solution and its true value. none: the outcome where there is no
    solution (NO_SOLUTION) or more than one (UNDETERMINED). marched: solved by `march` rather than by `solve`.
    settings: what the pages of the docs tell a user to give.
    """

    problem: Callable[[], Problem]
    exact: tuple[Callable[[Any], Tensor], ...] = ()
    number: tuple[Callable[[Any], float], float] | None = None
    none: str = ""
    marched: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def error(self, found: Any) -> float:
        """Return the relative error of an answer; NaN where there should be none."""
        if self.none:
            return math.nan
        if self.number is not None:
            read, true = self.number
            return abs(read(found) - true) / abs(true)
        errors = []
        for function in self.exact:
            known = references.exact(found.problem.domain, function)
            errors.append(known.error(references.first(found.at(known.points, 0))))
        return min(errors)


def one(problem: Callable[[], Problem], exact: Callable[[Any], Tensor], **more: Any) -> Asked:
    """Return a problem whose first unknown is known everywhere."""
    return Asked(problem, (exact,), **more)


def at(*place: float) -> Callable[[Any], float]:
    """Return what reads the first unknown at a place."""

    def read(found: Any) -> float:
        return float(references.first(found.at(torch.tensor([place], dtype=torch.float64), 0)))

    return read


def constant(name: str) -> Callable[[Any], float]:
    """Return what reads an unknown constant."""
    return lambda found: float(found.constants[name])
