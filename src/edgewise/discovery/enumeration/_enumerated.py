"""Small formulas of a problem, found systematically."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Formula
from edgewise.discovery.enumeration._operations import PLAIN
from edgewise.discovery.enumeration._search import Enumeration, Found
from edgewise.discovery.tables import Problem

ROWS = 40
"""The rows below which nothing is enumerated: too many small formulas fit."""


@dataclass(frozen=True)
class Enumerated:
    """The small formulas of a problem, lifted: what little work finds, and what more does.

    `best` are the best of all formulas a f + b with f of each number of symbols, up to `symbols`.
    """

    short: Iterator[Formula]
    long: Iterator[Formula]
    best: Iterator[Formula]
    symbols: int


def enumerated(problem: Problem, ended: Callable[[], bool]) -> Enumerated:
    """Return the small formulas of a problem.

    Formulas that are exact come alone, the shortest first; without one, the most telling few come. There are none where
    rows are few, columns many, or numbers cannot be squared.
    """
    most_columns = 6
    y = problem.target.numpy()
    if not 0 < problem.n_columns <= most_columns or len(y) < ROWS or not problem.sound() or np.ptp(y) == 0:
        return Enumerated(iter(()), iter(()), iter(()), 0)
    search = Enumeration(problem.columns.numpy(), y, ended)
    short, long, best = (_lifted(problem, part) for part in (search.short(), search.long(), search.best_of_each()))
    return Enumerated(short, long, best, search.symbols)


def described(columns: Sequence[str], symbols: int) -> str:
    """Return which formulas were tried without gaps, in words.

    >>> described(["x"], 4)[:58]
    'Every formula a*f + b with f of at most 4 symbols was trie'
    """
    shown = {"square": "u^2", "cube": "u^3", "inverse": "1/u"}
    functions = ", ".join(shown.get(name, name) for name in PLAIN)
    return (
        f"Every formula a*f + b with f of at most {symbols} symbols was tried (symbols: {', '.join(columns)}, 1, "
        f"+ - * /, {functions}): none explains the rows better than the formulas above."
    )


def _lifted(problem: Problem, found: Iterator[Found]) -> Iterator[Formula]:
    for each in found:
        yield problem.lift(each.program.expression(problem.names))
