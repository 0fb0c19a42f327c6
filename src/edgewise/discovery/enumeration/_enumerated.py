"""Small formulas of a problem, found systematically."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Formula
from edgewise.discovery.enumeration._search import Enumeration, Found
from edgewise.discovery.tables import Problem

ROWS = 40
"""The rows below which nothing is enumerated: too many small formulas fit."""


@dataclass(frozen=True)
class Enumerated:
    """The small formulas of a problem, lifted: what little work finds, and what more does."""

    short: Iterator[Formula]
    long: Iterator[Formula]


def enumerated(problem: Problem, ended: Callable[[], bool]) -> Enumerated:
    """Return the small formulas of a problem.

    Formulas that are exact come alone, the shortest first; without one, the most telling few come. There are none where
    rows are few, columns many, or numbers cannot be squared.
    """
    most_columns = 6
    y = problem.target.numpy()
    if not 0 < problem.n_columns <= most_columns or len(y) < ROWS or not problem.sound() or np.ptp(y) == 0:
        return Enumerated(iter(()), iter(()))
    search = Enumeration(problem.columns.numpy(), y, ended)
    return Enumerated(_lifted(problem, search.short()), _lifted(problem, search.long()))


def _lifted(problem: Problem, found: Iterator[Found]) -> Iterator[Formula]:
    for each in found:
        yield problem.lift(each.program.expression(problem.names))
