"""A walk through the stages of a discovery: what they hand on, and what each of them does."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice

import numpy as np

from edgewise.discovery.generators import baselines
from edgewise.discovery.judging import Candidate
from edgewise.discovery.knowledge import Gate, Sketch
from edgewise.discovery.search._approximation import Approximation
from edgewise.discovery.search._course import Course
from edgewise.discovery.search._elimination import Elimination, quick
from edgewise.discovery.search._informed import Informed, Inner
from edgewise.discovery.search._inquiry import Inquiry, View
from edgewise.discovery.search._recognition import (
    Recognized,
    descriptions,
    recognize,
    recognize_again,
    without_isolated,
)
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.search._verdict import Verdict
from edgewise.discovery.tables import EXACT, Table
from edgewise.formulas.expressions import FreeFormula, evaluate


class Walk:
    """A walk through the stages by a view of the table, and what they hand on.

    The only state of a search besides its course. Another view is another inquiry: nothing of the former one changes.
    `law` is what the last stage found, `evaluations` those that may be spent, `share` the part of the present stage;
    `recognized` what the network shows of the noise, `lawful` whether symmetries of so noisy a table are looked for,
    `finished` whether the list was gone through to its end.
    """

    def __init__(self, course: Course, view: View, search: Inner) -> None:
        self.course, self._search = course, search
        self.guessed: dict[Sketch, FreeFormula | None] = {}
        gate = Gate(course.settings.knowledge, view.judged.x, view.judged.y)
        self._begin(Inquiry.of(course, view, gate, lambda: self.approximation.so_far()))
        self.share, self.finished = 0.0, False

    def _begin(self, inquiry: Inquiry) -> None:
        """Begin by an inquiry that has no candidates."""
        self.inquiry = inquiry
        self.approximation, self.elimination = Approximation(inquiry), Elimination(inquiry)
        self.informed = Informed(inquiry, self.approximation, self._search, self.guessed)
        self.plainest = baselines(inquiry.pool.judge, inquiry.pool.noise)
        self.evaluations = self.course.settings.evaluations
        self.law: Candidate | None = None
        self.recognized: Recognized | None = None
        self.lawful = False

    @property
    def table(self) -> Table:
        """All rows, as they are judged."""
        return self.inquiry.view.table

    @property
    def allotted(self) -> int:
        """The evaluations that the present stage may spend."""
        return round(self.share * self.evaluations)

    def least_error(self) -> float:
        """Return the least error of a formula on the rows so far, nan without one."""
        errors = [each.error for each in self.inquiry.pool.candidates]
        errors += [math.sqrt(each.error) for each, _ in self.approximation.found.values()]
        return min(errors, default=math.nan)

    def doubted(self) -> bool:
        """Return whether the network and the rows speak against the law of lowest cost."""
        law = self.inquiry.pool.best()
        verdict = Verdict(self.inquiry, self.approximation)
        return law is not None and law.error >= EXACT and verdict.contradicted(law)

    def restart(self, table: Table) -> None:
        """Go on by other rows, of which nothing is known but the fits of guesses."""
        self._begin(self.inquiry.at(self._view(table)))

    def weigh(self, table: Table) -> None:
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
        quick(inquiry.pool, inquiry.view.problem)

    def _view(self, table: Table) -> View:
        """Return the view of a table, whose noise is noted."""
        notes = self.course.notes
        notes.extend(line for line in descriptions(table.noise) if line not in notes)
        return View.of(table, self.course.settings, self.course.journal)

    def weigh_by_formula(self) -> None:
        """Go on by weights from the values of the best formula. Errors on rows left out stay as they are weighed."""
        pool, table, best = self.inquiry.pool, self.table, self.inquiry.pool.best()
        assert best is not None
        other = table.judged_by(table.noise, table.noise.weights(best.predict(table.x), table.y))
        inquiry = self.inquiry.at(View.of(other, self.course.settings, self.course.journal), pool.noise)
        again = inquiry.pool
        again.candidates += filter(again.passes, islice(baselines(again.judge, again.noise), 1))
        quick(again, inquiry.view.problem)
        again.consider((c.expression for c in pool.candidates if c.expression.free_symbols), "a first guess")
        self.inquiry, self.approximation = inquiry, self.approximation.among(inquiry)


def template(walk: Walk) -> None:
    """Search the unknown parts of a template."""
    walk.informed.template()


def plainest(walk: Walk) -> None:
    """Try what anyone would try first."""
    for candidate in walk.plainest:
        if walk.inquiry.pool.passes(candidate):
            walk.inquiry.pool.candidates.append(candidate)


def guesses(walk: Walk) -> Candidate | None:
    """Fit the constants of guesses."""
    return walk.informed.guess()


def numeric_places(walk: Walk) -> list[int]:
    """Return the places of the columns that hold more than 0 and 1."""
    binary = walk.inquiry.pool.judge.binary
    return [k for k, name in enumerate(walk.table.names) if name not in binary]


def quick_of_numbers(walk: Walk) -> Candidate | None:
    """Try formulas of the numbers alone, where a table has inputs of 0 and 1 too."""
    return quick(walk.inquiry.pool, walk.inquiry.view.problem.of(numeric_places(walk)))


def quick_of_all(walk: Walk) -> Candidate | None:
    """Try formulas that need no model."""
    return quick(walk.inquiry.pool, walk.inquiry.view.problem)


def network(walk: Walk) -> None:
    """Fit an additive network, and see what it shows of the noise."""
    walk.inquiry.tell("an additive network", 0.3)
    walk.recognized = recognize(walk.table, walk.course.settings)


def check(walk: Walk) -> None:
    """Ask a network about a law that was found without one; let formulas evolve where it is doubted."""
    network(walk)
    read(walk)
    if walk.doubted():
        walk.approximation.evolve(walk.allotted)


def set_isolated_aside(walk: Walk) -> None:
    """Set aside rows with cells that lie far from all others."""
    good = without_isolated(walk.table)
    if good is not walk.table:
        walk.restart(good)


def groups(walk: Walk) -> Candidate | None:
    """Search formulas of dimensionless groups."""
    ways, evaluations = len(walk.informed.ways), walk.evaluations
    part = walk.share / ways
    walk.evaluations -= round(ways * part * evaluations)
    return walk.informed.group(evaluations, part)


def compare(walk: Walk) -> None:
    """Fit a network to compare formulas with."""
    walk.informed.compare()


def hunt(walk: Walk) -> Candidate | None:
    """Let formulas evolve as if the table were exact."""
    return walk.approximation.hunt(walk.allotted)


def polynomials(walk: Walk) -> Candidate | None:
    """Eliminate columns by polynomials, and try algebra on what is left."""
    law = walk.elimination.reduced(walk.inquiry.view.problem, "polynomial")
    return walk.elimination.solved() if law is None else law


def set_far_aside(walk: Walk) -> None:
    """Set aside the rows that are far from the network: they may have hidden an exact law."""
    assert walk.recognized is not None
    walk.restart(walk.recognized.table)


def weigh(walk: Walk) -> None:
    """Judge formulas by the kind of noise that the network shows."""
    assert walk.recognized is not None
    walk.weigh(walk.recognized.table)


def read(walk: Walk) -> Candidate | None:
    """Try curves of one column, and read formulas from the network."""
    assert walk.recognized is not None
    law = walk.approximation.model(walk.recognized.ceiling)
    enough = len(walk.table) >= 4 * len(walk.table.names)
    walk.lawful = enough and walk.inquiry.noise.floor < TUNING.hopeless
    return law


def processes(walk: Walk) -> Candidate | None:
    """Eliminate columns by Gaussian processes."""
    return walk.elimination.reduced(walk.inquiry.view.problem, "process")


def evolve(walk: Walk) -> Candidate | None:
    """Let formulas evolve."""
    return walk.approximation.evolve(walk.allotted)


def weigh_again(walk: Walk) -> Candidate | None:
    """Judge formulas again where the best one shows another kind of noise; return its law, or that of evolution."""
    best, table, law = walk.approximation.best(), walk.table, walk.law
    if best is None or walk.inquiry.pool.exact() is not None:
        return law
    shown = recognize_again(table, walk.course.settings, evaluate(best.expression, table.names, table.x))
    if shown is None:
        return law
    before, programs = walk.approximation, walk.approximation.programs()
    walk.weigh(shown.table)
    again = None if walk.approximation is before else walk.approximation.model(shown.ceiling, programs)
    return law if again is None else again


def approach(walk: Walk) -> Candidate | None:
    """Try regressions and small networks for what could not be reduced."""
    return walk.elimination.approached()


def networks(walk: Walk) -> Candidate | None:
    """Eliminate columns by networks."""
    return walk.elimination.reduced(walk.inquiry.view.problem, "network")


def weigh_by_formula(walk: Walk) -> None:
    """Judge candidates by errors relative to the values of the best formula."""
    walk.weigh_by_formula()


def settle(walk: Walk) -> None:
    """Take what the best formula leaves for the noise, if it looks like that."""
    walk.inquiry.noise.settle(finished=walk.finished)
