"""A walk through the stages of a discovery: what each of them does, and what it hands on."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from typing import Literal

import numpy as np

from edgewise.discovery.enumeration import SEARCHED, described
from edgewise.discovery.generators import baselines
from edgewise.discovery.judging import Candidate
from edgewise.discovery.knowledge import Gate, Sketch
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._approximation import FORM, Approximation
from edgewise.discovery.search._course import Course
from edgewise.discovery.search._elimination import Elimination, of_one_variable, quick, straight
from edgewise.discovery.search._informed import Informed, Inner
from edgewise.discovery.search._inquiry import Inquiry, View
from edgewise.discovery.search._logarithms import Logarithms
from edgewise.discovery.search._recognition import (
    Recognized,
    descriptions,
    recognize,
    recognize_again,
    scale_note,
    without_isolated,
)
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.search._verdict import Verdict
from edgewise.discovery.tables import EXACT, Problem, Table
from edgewise.formulas.expressions import FreeFormula, evaluate


class Walk:
    """A walk through the stages by a view of the table. Its methods are the stages; they return a law if they find one.

    The only state of a search besides its course. Another view is another inquiry: nothing of the former one changes.
    `law` is what the last stage found, `evaluations` those that may be spent, `share` the part of the present stage;
    `recognized` what the network shows of the noise, `lawful` whether symmetries of so noisy a table are looked for,
    `postponed` whether exact formulas are searched after the network, `finished` whether the list was gone through to
    its end, `in_logarithms` what a search in logarithms found.
    """

    def __init__(self, course: Course, view: View, search: Inner) -> None:
        self.course, self.known, self._search = course, course.settings.knowledge, search
        self.guessed: dict[Sketch, FreeFormula | None] = {}
        gate = Gate(self.known, view.judged.x, view.judged.y)
        self._begin(Inquiry.of(course, view, gate, lambda: self.approximation.so_far()))
        self.share, self.finished = 0.0, False
        self.in_logarithms: Discovery | None = None

    def _begin(self, inquiry: Inquiry) -> None:
        """Begin by an inquiry that has no candidates."""
        self.inquiry = inquiry
        self.approximation, self.elimination = Approximation(inquiry), Elimination(inquiry)
        self.informed = Informed(inquiry, self.approximation, self._search, self.guessed)
        self.baselines = baselines(inquiry.pool.judge, inquiry.pool.noise)
        self.evaluations = self.course.settings.evaluations
        self.law: Candidate | None = None
        self.recognized: Recognized | None = None
        self.lawful = self.postponed = False

    def _restart(self, table: Table) -> None:
        """Go on by other rows, of which nothing is known but the fits of guesses."""
        self._begin(self.inquiry.at(self._view(table)))

    def _weigh(self, table: Table) -> None:
        """Go on by the weights of the kind of noise of a table: formulas are judged again, programs and network stay.

        Where rows and weights are what they were, the kind is noted.
        """
        if np.array_equal(table.weight, self.table.weight):
            self.inquiry = replace(self.inquiry, view=self.inquiry.view.with_kind(table))
            self.course.notes.extend(descriptions(table.noise))
            return
        inquiry = self.inquiry.at(self._view(table))
        approximation, elimination = self.approximation.at(inquiry), self.elimination.at(inquiry)
        informed = Informed(inquiry, approximation, self._search, self.guessed)
        self.inquiry, self.approximation, self.elimination = inquiry, approximation, elimination
        self.informed = informed
        inquiry.pool.candidates += filter(inquiry.pool.passes, baselines(inquiry.pool.judge, inquiry.pool.noise))
        self.try_directly()
        self.try_forms()

    def _view(self, table: Table) -> View:
        """Return the view of a table, whose noise is noted."""
        notes = self.course.notes
        notes.extend(line for line in [*scale_note(table), *descriptions(table.noise)] if line not in notes)
        return View.of(table, self.course.settings, self.course.journal)

    @property
    def table(self) -> Table:
        """All rows, as they are judged."""
        return self.inquiry.view.table

    @property
    def problem(self) -> Problem:
        """The table as a problem: the target as a function of all columns."""
        return self.inquiry.view.problem

    @property
    def allotted(self) -> int:
        """The evaluations that the present stage may spend."""
        return round(self.share * self.evaluations)

    @property
    def numeric(self) -> list[int]:
        """The places of the columns that hold more than 0 and 1."""
        binary = self.inquiry.pool.judge.binary
        return [k for k, name in enumerate(self.table.names) if name not in binary]

    @property
    def relative_to_measured(self) -> bool:
        """Whether errors are relative to measured values, which favors small ones, and no law is exact."""
        best = self.inquiry.pool.best() if self.table.relative and self.approximation.ceiling is None else None
        return best is not None and best.error >= EXACT

    @property
    def least_error(self) -> float:
        """The least error of a formula on the rows so far, nan without one."""
        errors = [each.error for each in self.inquiry.pool.candidates]
        errors += [math.sqrt(each.error) for each, _ in self.approximation.assessed.values()]
        return min(errors, default=math.nan)

    @property
    def corrected(self) -> bool:
        """Whether a formula of few constants is a law to four digits that nothing readable so far adds a digit to."""
        pool, found = self.inquiry.pool, [c for c in self.inquiry.front() if c.complexity <= TUNING.readable]
        laws = [c for c in pool.candidates if c.fitted <= TUNING.convincing and EXACT <= c.error < TUNING.known]
        sound = [c for c in laws if pool.gate.admits(c.expression) and pool.doubt(c) is None]
        return bool(sound) and min(c.error for c in found) > TUNING.digit * min(c.error for c in sound)

    @property
    def doubted(self) -> bool:
        """Whether the network and the rows speak against the law of lowest cost."""
        law = self.inquiry.pool.best()
        verdict = Verdict(self.inquiry, self.approximation)
        return law is not None and law.error >= EXACT and verdict.contradicted(law)

    def fill_template(self) -> None:
        """Search the unknown parts of a template."""
        self.informed.template()

    def try_baselines(self) -> None:
        """Try what anyone would try first."""
        self.inquiry.pool.candidates.extend(filter(self.inquiry.pool.passes, self.baselines))
        self.inquiry.tell("power laws, polynomials, rational functions", 0.03)

    def guess(self) -> Candidate | None:
        """Fit the constants of guesses."""
        return self.informed.guess()

    def try_numbers(self) -> Candidate | None:
        """Try formulas of the numbers alone, where a table has inputs of 0 and 1 too."""
        return quick(self.inquiry.pool, self.problem.of(self.numeric))

    def try_directly(self) -> Candidate | None:
        """Try power laws, polynomials and rational functions."""
        return straight(self.inquiry.pool, self.problem)

    def try_functions(self) -> Candidate | None:
        """Try functions of one variable."""
        return of_one_variable(self.inquiry.pool, self.problem)

    def undo(self) -> Candidate | None:
        """Undo few outer operations, and look for what is left among the small formulas."""
        return self._enumerated("first")

    def _enumerated(self, upto: Literal["first", "short", "long"]) -> Candidate | None:
        """Try small formulas of the numbers alone, where a table has inputs of 0 and 1 too, then of all columns."""
        exact = None
        if 0 < len(self.numeric) < len(self.table.names):
            exact = self.elimination.enumerate(self.problem.of(self.numeric), upto)
        return exact or self.elimination.enumerate(self.problem, upto)

    def enumerate(self) -> Candidate | None:
        """Try all small formulas; say what was tried, and the best of those up to a number of symbols."""
        exact = self._enumerated("short")
        if exact is None and not self.course.late():
            plain, symbols = self.elimination.shortest(self.problem)
            judge, noise = self.inquiry.pool.judge, self.inquiry.pool.noise
            judged = [each for form in plain if (each := judge.judged(form, noise)) is not None]
            if judged:
                best = min(judged, key=lambda each: each.error)
                shown = f"{self.course.shown(best)}, error {best.error:.2g}"
                self.course.searched = described(self.table.names, symbols, SEARCHED, shown)
        return exact

    def enumerate_longer(self) -> Candidate | None:
        """Try longer formulas, and sums and products of two and three."""
        return self._enumerated("long")

    def try_forms(self) -> Candidate | None:
        """Try the laws of textbooks that a table of few columns allows; return one that is exact."""
        self.inquiry.tell("textbook forms", 0.04)
        pool, found = self.inquiry.pool, [*self.inquiry.naming.codes]
        for form in filter(pool.gate.admits, found):
            self.approximation.guesses.setdefault(form, FORM)
        pool.consider(found, FORM)
        return pool.exact()

    def see(self) -> None:
        """Fit an additive network, and see what it shows of the noise."""
        self.inquiry.tell("an additive network", 0.3)
        self.recognized = recognize(self.table, self.course.settings)

    def search_logarithms(self) -> Candidate | None:
        """Search in logarithms where the target covers decades; return the best formula that this gives."""
        assert self.recognized is not None
        weighed = self.recognized.table.noise.relative
        way = Logarithms.of(self.table, self.course.settings, self.recognized.ceiling, weighed=weighed)
        if way is None:
            return None
        self.course.notes.append(way.note())
        evaluations = max(self.evaluations - self.course.spent, 0)
        self.in_logarithms = way.lifted(
            self._search(way.inner, way.asked(self.course, evaluations)), self.course.settings.seed
        )
        return self.in_logarithms.best

    def check(self) -> None:
        """Ask a network about a law that was found without one; let formulas evolve where it is doubted."""
        self.see()
        assert self.recognized is not None
        if self.search_logarithms() is not None:
            return
        if self.course.settings.loss != "squared" and not self.recognized.restart:
            self.weigh()
        self.read()
        if self.doubted:
            self.evolve()

    def set_isolated_aside(self) -> None:
        """Set aside rows with cells that lie far from all others."""
        good = without_isolated(self.table)
        if good is not self.table:
            self._restart(good)

    def group(self) -> Candidate | None:
        """Search formulas of dimensionless groups."""
        ways, evaluations = len(self.informed.ways), self.evaluations
        part = self.share / ways
        self.evaluations -= round(ways * part * evaluations)
        return self.informed.group(evaluations, part)

    def compare(self) -> None:
        """Fit a network to compare formulas with."""
        self.informed.compare()

    def postpone(self) -> None:
        """Ask the network before searching exact formulas, where a direct formula leaves what looks like noise."""
        self.postponed = self.elimination.explained()

    def hunt(self) -> Candidate | None:
        """Let formulas evolve as if the table were exact."""
        return self.approximation.hunt(self.allotted)

    def reduce_exactly(self) -> Candidate | None:
        """Eliminate columns by polynomials, and try algebra on what is left."""
        law = self.elimination.reduced(self.problem, "polynomial")
        return self.elimination.solved() if law is None else law

    def set_far_aside(self) -> None:
        """Set aside the rows that are far from the network: they may have hidden an exact law."""
        assert self.recognized is not None
        self._restart(self.recognized.table)

    def weigh(self) -> None:
        """Judge formulas by the kind of noise that the network shows."""
        assert self.recognized is not None
        self._weigh(self.recognized.table)

    def read(self) -> Candidate | None:
        """Try curves of one column, and read formulas from the network."""
        assert self.recognized is not None
        law = self.approximation.model(self.recognized.ceiling)
        enough = len(self.table) >= 4 * len(self.table.names)
        self.lawful = enough and self.inquiry.noise.floor < TUNING.hopeless
        return law

    def reduce_smoothly(self) -> Candidate | None:
        """Eliminate columns by Gaussian processes."""
        return self.elimination.reduced(self.problem, "process")

    def evolve(self) -> Candidate | None:
        """Let formulas evolve."""
        return self.approximation.evolve(self.allotted)

    def weigh_again(self) -> Candidate | None:
        """Judge formulas again where the best one shows another kind of noise; return its law, or that of evolution."""
        best, table, law = self.approximation.best(), self.table, self.law
        if best is None or self.inquiry.pool.exact() is not None:
            return law
        shown = recognize_again(table, self.course.settings, evaluate(best.expression, table.names, table.x))
        if shown is None:
            return law
        before, programs = self.approximation, self.approximation.programs()
        self._weigh(shown.table)
        again = None if self.approximation is before else self.approximation.model(shown.ceiling, programs)
        return law if again is None else again

    def approach(self) -> Candidate | None:
        """Try regressions and small networks for what could not be reduced."""
        return self.elimination.approached()

    def reduce_by_networks(self) -> Candidate | None:
        """Eliminate columns by networks."""
        return self.elimination.reduced(self.problem, "network")

    def weigh_by_formula(self) -> None:
        """Judge candidates by weights from the values of the best formula; errors on rows left out stay as they are."""
        pool, table, best = self.inquiry.pool, self.table, self.inquiry.pool.best()
        assert best is not None
        other = table.judged_by(table.noise, table.noise.weights(best.predict(table.x), table.y))
        inquiry = self.inquiry.at(View.of(other, self.course.settings, self.course.journal), pool.noise)
        again = inquiry.pool
        again.candidates += filter(again.passes, islice(baselines(again.judge, again.noise), 1))
        quick(again, inquiry.view.problem)
        again.consider((c.expression for c in pool.candidates if c.expression.free_symbols), "a first guess")
        self.inquiry, self.approximation = inquiry, self.approximation.among(inquiry)

    def settle(self) -> None:
        """Take what the best formula leaves for the noise, if it looks like that."""
        self.inquiry.noise.settle(finished=self.finished)
