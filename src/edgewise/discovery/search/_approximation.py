"""Formulas for tables that follow no simple law exactly: read from a network, found by evolution, judged together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy

import numpy as np
import sympy

from edgewise._typing import Formula, Part
from edgewise.discovery.enumeration import MOST_COLUMNS, NEAR_ROWS, ROWS, Nearly
from edgewise.discovery.generators import curves
from edgewise.discovery.journal import numbers
from edgewise.discovery.judging import Candidate, front, spread, unbeaten
from edgewise.discovery.models import Ceiling, logarithms
from edgewise.discovery.search._assessment import Assessed, Assessor
from edgewise.discovery.search._inquiry import Inquiry
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import Table
from edgewise.formulas.expressions import (
    FitData,
    FreeFormula,
    Uncertainty,
    complexity,
    evaluate,
    fitted_constants,
    free_numbers,
)
from edgewise.formulas.programs import FUNCTIONS, Evolution, Islands, Program, is_readable, tabulated_names
from edgewise.interpret.reading import read_formulas

_WAVES = ("sin", "cos")
GUESS, FORM = "a guess of yours", "a textbook form"
EVOLUTION, _READ, _CURVE = "found by evolution", "read from the network", "a curve of one column"
_SMALL = "a sum of small formulas"
_HANDICAPS = {
    EVOLUTION: TUNING.searched, _SMALL: TUNING.enumerated, GUESS: -TUNING.stated, FORM: -TUNING.named,
}  # fmt: skip
"""What formulas must be better by, in units of evidence, by their origin."""


class Approximation:
    """What is known of a table by formulas that approximate it, and the network that they are compared with."""

    def __init__(
        self, inquiry: Inquiry, ceiling: Ceiling | None = None, evolution: Evolution | Islands | None = None,
        guesses: dict[Formula, str] | None = None,
    ) -> None:  # fmt: skip
        self.inquiry, self.course, self.table = inquiry, inquiry.course, inquiry.view.judged
        self.gate, self.known = inquiry.pool.gate, inquiry.course.settings.knowledge
        self.ceiling, self.evolution = ceiling, evolution
        self.guesses: dict[Formula, str] = {} if guesses is None else guesses
        self.assessor = self._assessor()
        self.assessed: dict[Formula, tuple[Assessed, str]] = {}
        self.small: list[Program] = []
        self._tried: set[Program] = set()

    def at(self, inquiry: Inquiry) -> Approximation:
        """Return what is known by another view: network, guesses and programs that evolved stay, and nothing else."""
        return Approximation(inquiry, self.ceiling, self.evolution, self.guesses)

    def among(self, inquiry: Inquiry) -> Approximation:
        """Return the same formulas, next to the candidates of another inquiry."""
        same = copy(self)
        same.inquiry = inquiry
        return same

    def so_far(self) -> list[Candidate]:
        """Return the formulas so far, and programs as they have evolved until now, with their errors on the rows."""
        names, table, found = self.table.names, self.table, []
        for each, _ in self.assessed.values():
            errors = math.sqrt(each.error), math.sqrt(each.held_out)
            found.append(Candidate(each.expression, names, errors[0], complexity(each.expression), errors[1]))
        unit = spread(table.y, table.weight) or 1.0
        weight = float(np.sqrt(np.mean(table.weight**2)))
        for fitted in [] if self.evolution is None else self.evolution.front(1):
            form, error = fitted.program.expression(names, table.positive), weight * math.sqrt(fitted.error) / unit
            found.append(Candidate(form, names, error, complexity(form)))
        return found

    @property
    def longest(self) -> int:
        """The complexity up to which programs evolve: half of the rows at most."""
        return min(TUNING.longest, len(self.table) // 2, self.known.max_complexity or TUNING.longest)

    @property
    def readable(self) -> int:
        """The complexity up to which a formula is recommended."""
        return self.known.max_complexity or TUNING.readable

    def _assessor(self) -> Assessor:
        once = self.course.journal.once_on(self.table.x, self.table.y, self.table.weight)
        keeps_form = self.gate.keeps_form or self.known.units is not None
        return Assessor(self.table, self.ceiling, self.course.settings.seed, once, keeps_form=keeps_form)

    def hunt(self, evaluations: int) -> Candidate | None:
        """Let formulas evolve as if the table were exact; return one that is."""
        if self.longest < TUNING.shortest:
            return None
        stage, fraction = "exact formulas by evolution", 0.1
        self.inquiry.tell(stage, fraction)  # before kernels are compiled on a fresh machine, which takes seconds
        self.evolution = self._evolution(self.known.evolved, TUNING.hunted)
        return self._evolved(evaluations, stage, fraction)

    def programs(self) -> list[tuple[Program, str]]:
        """Return the programs found so far, and where each came from."""
        return [(found.program, origin) for found, origin in self.assessed.values() if found.program is not None]

    def model(self, ceiling: Ceiling, programs: Iterable[tuple[Program, str]] = ()) -> Candidate | None:
        """Return a law, if a curve, a formula read from the network, a sum, or another program leaves only noise."""
        rows = self.compare(ceiling)
        self.inquiry.tell("curves of one column", 0.33)
        numbers = [k for k, name in enumerate(rows.names) if name not in self.assessor.binary] or [
            *range(rows.x.shape[1])
        ]
        names = tuple(rows.names[k] for k in numbers)
        for curve in curves(names, rows.x[:, numbers], rows.y, rows.weight, self.course.settings.seed):
            if self._determined(curve):
                self.consider_formula(self._refitted(curve), _CURVE)
        self.inquiry.tell("formulas read from the network", 0.35)
        weights, functions = rows.weight**2, self.known.evolved
        x = logarithms(rows.names, rows.x, ceiling.logs)
        read = read_formulas(ceiling.fit, x, rows.y, rows.names, weights=weights, functions=functions)
        self.consider(filter(None, (self._of_columns(each.program, ceiling.logs) for each in read)), _READ)
        for program, origin in programs:
            self.consider([program], origin)
        law, few = self._law(), 2
        if law is not None and law.fitted <= few:
            return law
        self._enumerate()
        return self._law()

    def _refitted(self, curve: Formula) -> Formula:
        """Return a curve with its constants fitted again, if that is better: as A*(x + C)**1.0 its fit may have ended.

        A power of what is negative on some rows is defined at whole exponents alone.
        """
        better = 0.99  # times the error before
        data = FitData.of(self.table.names, self.table.x, self.table.y, self.table.weight)
        fitted = FreeFormula.of(curve).fit(data)
        before = data.error(evaluate(curve, self.table.names, self.table.x))
        return fitted.expression if fitted.error < better * before else curve

    def _of_columns(self, program: Program, logs: tuple[str, ...]) -> Program | None:
        """Return a program of columns of which some are given by their logarithms as one of the columns."""
        if not logs:
            return program
        columns: dict[Part, Part] = {sympy.Symbol(name): sympy.log(sympy.Symbol(name)) for name in logs}
        whole: Part = program.expression(self.table.names, ())
        lifted: Formula = whole.xreplace(columns)
        return Program.from_expression(lifted, self.table.names)

    def compare(self, ceiling: Ceiling, *, witness: bool = True) -> Table:
        """Take the network that formulas are compared with, assess guesses, and return the rows of its fit.

        Where it is no witness, formulas are chosen by their errors on held-out rows alone.
        """
        rows = self.table.sample(TUNING.modeled, self.course.settings.seed)
        self.ceiling = ceiling
        self.inquiry.noise.lower(self.ceiling.held_out)
        if witness:
            self.assessor = self._assessor()
        for expression, origin in self.guesses.items():
            self.inquiry.pool.consider([expression], origin)
            self.consider_formula(expression, origin)
        return rows

    def _enumerate(self) -> None:
        """Assess sums of small formulas that come near the rows; evolution goes on from them."""
        rows = self.table.sample(NEAR_ROWS, self.course.settings.seed)
        if len(rows) < ROWS or not 0 < len(rows.names) <= MOST_COLUMNS or not np.ptp(rows.y):
            return
        self.inquiry.tell("sums of small formulas", 0.37)
        about = tuple(rows.names), numbers(rows.x), numbers(rows.y), numbers(rows.weight)
        self.small = self.course.journal.once(
            "sums of small formulas", about, lambda: Nearly(rows.x, rows.y, rows.weight**2).programs()
        )
        self.consider(self.small, _SMALL)

    def evolve(self, evaluations: int) -> Candidate | None:
        """Let formulas evolve; return a law, if one is exact, or leaves only noise.

        Half of the time sines and cosines are left out: they fit noise well, and are seldom meant.
        """
        of_each = 2  # programs of each complexity that are assessed
        if self.evolution is None:
            return None
        allowed = self.known.evolved
        every = (*FUNCTIONS, *tabulated_names()) if allowed is None else allowed
        calm = tuple(name for name in every if name not in _WAVES)
        for functions in (allowed, calm):
            programs = [fitted.program for fitted in self.evolution.front(of_each)]
            self.consider(programs, EVOLUTION)
            evolution = self._evolution(functions, TUNING.evolved)
            for program in programs:
                if functions is allowed or not _has_waves(program):
                    evolution.add(program)
            count = min(TUNING.islands, evaluations // 2 // TUNING.per_island)
            self.evolution = Islands(evolution, count, self.course.workers) if count > 1 else evolution
            exact = self._evolved(evaluations // 2, "formulas by evolution", 0.4)
            if exact is not None:
                return exact
        self.consider((fitted.program for fitted in self.evolution.front(of_each)), EVOLUTION)
        self._drop_waves()
        return self._law()

    def _drop_waves(self) -> None:
        """Drop formulas with sines and cosines, unless the best of them is clearly better than all others."""
        gain = 4.0  # log-likelihood by which formulas with waves must be better, to be kept
        waves, others = [], []
        for form, pair in self.assessed.items():
            (waves if form.has(sympy.sin, sympy.cos) else others).append((self._cost(pair), form))
        if waves and others and min(cost for cost, _ in waves) > min(cost for cost, _ in others) - gain:
            for _, form in waves:
                del self.assessed[form]

    def catch_up(self) -> None:
        """Assess what time did not suffice for: guesses, programs as they evolved, the pool's front.

        Of programs, the most accurate one that a person can read comes first.
        """
        for expression, origin in self.guesses.items():
            self.consider_formula(expression, origin)
        evolved = [] if self.evolution is None else [fitted.program for fitted in self.evolution.front(1)]
        names, positive = self.table.names, self.table.positive
        short = [each for each in evolved if complexity(each.expression(names, positive)) <= self.readable]
        self.consider(reversed(short), EVOLUTION)
        for candidate in front(self.inquiry.pool.candidates):
            self.consider_formula(candidate.expression, self.inquiry.pool.origin(candidate))

    def _evolution(self, functions: tuple[str, ...] | None, count: int) -> Evolution:
        rows, seed = self.table.sample(count, self.course.settings.seed), self.course.settings.seed
        weights = rows.weight**2
        programs = (Program.from_expression(guess, rows.names) for guess in self.guesses)
        small = [each for each in self.small if functions is None or "sin" in functions or not _has_waves(each)]
        return Evolution(
            rows.x, rows.y, weights=weights, seed=seed, max_complexity=self.longest, functions=functions, waves=True,
            seeds=[*(program for program in programs if program is not None), *small],
        )  # fmt: skip

    def _evolved(self, evaluations: int, stage: str, fraction: float) -> Candidate | None:
        """Go on with the evolution in parts, and judge what looks exact; return it if it is."""
        parts = 10  # of the evaluations, between which progress is shown
        after = 1.0  # times the evaluations that found an exact formula: how many more look for a simpler one
        most = 3  # of them that are judged, the simplest
        course, evolution, pool = self.course, self.evolution, self.inquiry.pool
        assert evolution is not None
        name, each = course.journal.name(evolution), math.ceil(evaluations / parts)
        for part in range(parts):
            if course.late():
                break
            self.inquiry.tell(stage, fraction + 0.04 * part)
            self._run(name, evolution, (part + 1) * each)
            if course.journal.once("exact", (name, part), lambda: bool(self._exact(evolution))):
                self._run(name, evolution, math.ceil((1 + after) * (part + 1) * each))
                pool.consider(self._exact(evolution)[:most], "evolution", claims=True)
                return pool.exact()
        return None

    def _run(self, name: str, evolution: Evolution | Islands, goal: int) -> None:
        """Let an evolution go on until it has made `goal` children, and count them."""
        before = evolution.evaluations
        self.course.journal.run(name, evolution, goal, self.course.deadline)
        self.course.spent += evolution.evaluations - before

    def _exact(self, evolution: Evolution | Islands) -> list[Formula]:
        """Return the programs whose constants may be exact, as formulas, simplest first."""
        exact_error = 1e-8  # error of a program, over the target's standard deviation, whose constants may be exact
        table = self.table
        limit = exact_error * spread(table.y, table.weight)
        found = []
        for program in (fitted.program for fitted in evolution.front(1)):
            with np.errstate(all="ignore"):
                residual = table.weight * (program.predict(table.x) - table.y)
                if np.sqrt(np.mean(residual**2)) < limit and is_readable(program):
                    found.append(program.expression(table.names, table.positive))
        return found

    def _law(self) -> Candidate | None:
        """Judge the simplest formulas that leave as little as the best model; return a law, if one is."""
        most = 6  # of them that are rounded
        pool, noise = self.inquiry.pool, self.inquiry.noise
        limit = (TUNING.lawlike * noise.floor) ** 2
        new = [found for found in self.front() if found.program or self.assessed[found.expression][1] == _CURVE]
        laws = [found for found in new if found.error <= limit]
        pool.consider([found.expression for found in laws[:most]], "an approximation")
        noise.settle()
        return self.inquiry.law()

    def consider(self, programs: Iterable[Program], origin: str) -> None:
        """Assess programs, with constants fitted to the rows, and to the rows and the network."""
        for program in programs:
            if program not in self._tried:
                self._tried.add(program)
                for found in self.assessor.program(program):
                    if self.gate.admits(found.expression):
                        self.assessed.setdefault(found.expression, (found, origin))
                    elif mended := self.inquiry.pool.mended(found.expression):
                        self.consider_formula(mended.expression, origin)

    def consider_formula(self, expression: Formula, origin: str) -> Assessed | None:
        """Assess a formula as it stands."""
        if expression not in self.assessed:
            found = self.assessor.formula(expression)
            if found is None or not self.gate.admits(expression):
                return found
            self.assessed[expression] = found, origin
        return self.assessed[expression][0]

    def front(self) -> list[Assessed]:
        """Return the formulas that none as simple, of as few constants, beats on rows left out, simplest first."""

        def measures(found: Assessed) -> tuple[int, int, float]:
            form = found.expression
            return complexity(form), free_numbers(form), math.sqrt(found.held_out)

        return unbeaten((found for found, _ in self.assessed.values()), measures)

    def best(self) -> Assessed | None:
        """Return the formula of the lowest cost, of those that a person can read.

        It is no constant where another one leaves far less on rows left out, whatever the network does outside of them.
        """
        n, far_less = len(self.table), 0.25  # part of the squared error
        readable = [pair for pair in self.assessed.values() if complexity(pair[0].expression) <= self.readable]
        few = [pair for pair in readable if TUNING.per_constant * fitted_constants(pair[0].expression) <= n]
        possible = [pair for pair in few or readable if self.possible(pair[0].expression)]
        least = min((pair[0].held_out for pair in possible), default=0.0) / far_less
        possible = [pair for pair in possible if pair[0].expression.free_symbols or pair[0].held_out < least]
        ranked = sorted(possible or few or readable, key=self._cost)
        determined = (pair for pair in ranked[:20] if self._determined(pair[0].expression))
        return next(determined, ranked[0] if ranked else (None, ""))[0]

    def possible(self, expression: Formula) -> bool:
        """Return whether a formula of fractions, from 0 to 1, has such values on the rows."""
        fractions = 0.5  # range of targets that are taken for fractions
        beyond = 1e-6  # how far values may lie beyond 0 and 1
        y = self.table.y
        if not (y.min() >= 0 and y.max() <= 1 and np.ptp(y) > fractions):
            return True
        values = evaluate(expression, self.table.names, self.table.x)
        return bool(((values >= -beyond) & (values <= 1 + beyond)).all())

    def _determined(self, expression: Formula) -> bool:
        """Return whether the rows, up to 2000 of them, determine the constants of a formula."""
        rows = self.table.sample(2000, self.course.settings.seed)
        return Uncertainty.of(expression, rows.names, rows.x, rows.y, rows.weight).determined

    def _cost(self, pair: tuple[Assessed, str]) -> float:
        """Return what the best formula minimizes: of the many that evolution tried, some are good by chance."""
        found, origin = pair
        cost = self.assessor.cost(found, complexity(found.expression))
        return cost + _HANDICAPS.get(origin, 0.0)


def _has_waves(program: Program) -> bool:
    """Return whether a program has a sine or cosine."""
    return any(node.operation in _WAVES for node in program.nodes)
