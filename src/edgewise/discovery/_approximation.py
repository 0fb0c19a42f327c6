"""Formulas for tables that follow no simple law exactly: read from a network, found by evolution, judged together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgewise._deadline import Deadline
from edgewise._typing import Array, Formula
from edgewise.discovery._assessment import Assessed, Assessor
from edgewise.discovery._ceiling import Ceiling
from edgewise.expressions import complexity
from edgewise.programs import FUNCTIONS, Evolution, Program
from edgewise.reading import read_formulas

_MODELED = 5000  # rows that the network is fitted to
_EVOLVED = 400  # rows that programs are fitted to
_LONGEST = 30  # complexity of programs that evolve
_READABLE = 30  # complexity of the formula that is recommended
_SEARCHED = 6.0  # log-likelihood that formulas found by evolution are better by because they were searched for
_EACH = 2  # programs of each complexity that are assessed
_BETTER = 1.02  # times the lowest error of simpler programs: others are not assessed
_WAVES = ("sin", "cos")
_CALM = tuple(name for name in FUNCTIONS if name not in _WAVES)
_EVOLUTION, _READ = "found by evolution", "read from the network"
_IMPROVED = 0.98  # of the held-out mean squared error of simpler formulas: what the front asks for


@dataclass(frozen=True)
class Table:
    """Rows x (n, m) and y (n,) with names of the columns; `weight` (n,) multiplies residuals."""

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array

    def sample(self, count: int, seed: int) -> Table:
        """Return some of the rows, in random order."""
        keep = np.random.default_rng(seed).permutation(len(self.y))[:count]
        return Table(self.names, self.x[keep], self.y[keep], self.weight[keep])


class Approximation:
    """What is known of a table by formulas that approximate it."""

    def __init__(self, table: Table, seed: int, deadline: Deadline) -> None:
        self.table, self.seed, self.deadline = table, seed, deadline
        self.ceiling: Ceiling | None = None
        self.assessor = self._assessor()
        self.evolution: Evolution | None = None
        self.found: dict[Formula, tuple[Assessed, str]] = {}
        self._tried: set[Program] = set()

    def _assessor(self) -> Assessor:
        table = self.table
        return Assessor(table.names, table.x, table.y, table.weight, self.ceiling, self.seed)

    def model(self) -> None:
        """Fit the network that formulas are read from and compared with."""
        rows = self.table.sample(_MODELED, self.seed)
        self.ceiling = Ceiling.of(rows.names, rows.x, rows.y, rows.weight**2, seed=self.seed)
        self.assessor = self._assessor()

    def read(self) -> None:
        """Read formulas from the network."""
        assert self.ceiling is not None
        rows = self.table.sample(_MODELED, self.seed)
        read = read_formulas(self.ceiling.fit, rows.x, rows.y, rows.names, weights=rows.weight**2)
        self.consider((each.program for each in read), _READ)

    def evolve(self, evaluations: int) -> list[Program]:
        """Go on with the evolution, and return the best program of each complexity, fitted to a sample of the rows."""
        if self.evolution is None:
            self.evolution = self._evolution(None)
        self.evolution.run(evaluations, self.deadline)
        return [fitted.program for fitted in self.evolution.front(1)]

    def calm(self) -> None:
        """Go on without sines and cosines, which fit noise well and are seldom meant, from programs without them."""
        if self.evolution is not None:
            before = self.evolution
            self.judge()
            self.evolution = self._evolution(_CALM)
            for fitted in before.front(_EACH):
                if not _waves(fitted.program):
                    self.evolution.add(fitted.program)

    def _evolution(self, functions: tuple[str, ...] | None) -> Evolution:
        rows = self.table.sample(_EVOLVED, self.seed)
        weights = rows.weight**2
        return Evolution(
            rows.x, rows.y, weights=weights, seed=self.seed, max_complexity=_LONGEST, functions=functions, waves=True
        )

    def judge(self) -> None:
        """Assess the programs of the evolution."""
        if self.evolution is not None:
            self.consider((fitted.program for fitted in self.evolution.front(_EACH)), _EVOLUTION)

    def consider(self, programs: Iterable[Program], origin: str) -> None:
        """Assess programs, with constants fitted to the rows, and to the rows and the network."""
        for program in programs:
            if program not in self._tried:
                self._tried.add(program)
                for found in self.assessor.program(program):
                    self.found.setdefault(found.expression, (found, origin))

    def consider_formula(self, expression: Formula, origin: str) -> Assessed | None:
        """Assess a formula as it stands."""
        if expression not in self.found:
            found = self.assessor.formula(expression)
            if found is None:
                return None
            self.found[expression] = found, origin
        return self.found[expression][0]

    def front(self) -> list[Assessed]:
        """Return the formulas whose held-out error is clearly below that of every simpler one, simplest first."""
        out: list[Assessed] = []
        for found, _ in sorted(
            self.found.values(), key=lambda each: (complexity(each[0].expression), each[0].held_out)
        ):
            if not out or found.held_out < _IMPROVED * out[-1].held_out:
                out.append(found)
        return out

    def best(self) -> Assessed | None:
        """Return the formula of the lowest cost, of those that a person can read."""
        readable = [pair for pair in self.found.values() if complexity(pair[0].expression) <= _READABLE]
        return min(readable, key=self._cost, default=(None, ""))[0]

    def _cost(self, pair: tuple[Assessed, str]) -> float:
        """Return what the best formula minimizes: of the many that evolution tried, some are good by chance."""
        found, origin = pair
        cost = self.assessor.cost(found, complexity(found.expression))
        return cost + (_SEARCHED if origin == _EVOLUTION else 0.0)


def _waves(program: Program) -> bool:
    """Return whether a program has a sine or cosine."""
    return any(node.operation in _WAVES for node in program.nodes)
