"""A view of a table, which never changes, and what is found by it: candidates, and how large the noise is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import sympy

from edgewise._typing import Formula
from edgewise.discovery.generators import Textbook, exact_exponents, likely, may_be, named, textbook
from edgewise.discovery.journal import Journal, numbers
from edgewise.discovery.judging import Candidate, Judge, Named, Pool, front, spread
from edgewise.discovery.knowledge import Gate
from edgewise.discovery.models import Recalled, Surrogate
from edgewise.discovery.search._course import Course
from edgewise.discovery.search._noise import NoiseLevel
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import EXACT, Problem, Settings, Table
from edgewise.formulas.expressions import Constant, FitData, Uncertainty, evaluate
from edgewise.formulas.forms import Form


@dataclass(frozen=True)
class View:
    """A table as it is judged. Other rows or weights are another view.

    table: all rows; judged: those that formulas are fitted to, by `judge`; given: the noise over the target's standard
    deviation, if it was given as such or by standard errors.
    """

    table: Table
    judged: Table
    judge: Judge
    given: float | None
    seed: int

    @classmethod
    def of(cls, table: Table, settings: Settings, journal: Journal) -> View:
        """Return the view of all rows of a table, by their weights."""
        judged, given = table.sample(TUNING.judged, settings.seed), settings.noise
        rows = judged.x, judged.y, judged.weight
        if given is None and table.noise.known:
            given = min(1 / max(spread(judged.y, judged.weight), 1e-300), 1.0)
        return cls(table, judged, Judge(table.names, *rows, journal.once_on(*rows)), given, settings.seed)

    def with_kind(self, table: Table) -> View:
        """Return the view of the same rows and weights with another kind of noise: formulas are judged alike."""
        return replace(self, table=table, judged=replace(self.judged, noise=table.noise))

    @cached_property
    def problem(self) -> Problem:
        """The target as a function of all columns, on the rows that structure is searched on."""
        x, y, w = self.table.sample(TUNING.structure, self.seed).tensors()
        problem = Problem(x, tuple(map(sympy.Symbol, self.table.names)), y, w)
        return replace(problem, weight=w / problem.error(problem.mean))


@dataclass(frozen=True)
class Inquiry:
    """A view of the table, and what accumulates by it: the candidates in `pool`, and the level of the noise.

    `approximations` returns the formulas that the search has besides those of the pool.
    """

    course: Course
    view: View
    pool: Pool
    noise: NoiseLevel
    approximations: Callable[[], list[Candidate]]

    @classmethod
    def of(
        cls, course: Course, view: View, gate: Gate, approximations: Callable[[], list[Candidate]],
        *, noise: float | None = None, origins: dict[Formula, str] | None = None,
    ) -> Inquiry:  # fmt: skip
        """Return an inquiry without candidates, with a noise level if one is known already."""
        pool = Pool(view.judge, (view.given or 0.0) if noise is None else noise, gate, origins)
        level = NoiseLevel(pool, view.given, min(TUNING.structure, len(view.table)), course.notes)
        return cls(course, view, pool, level, approximations)

    def at(self, view: View, noise: float | None = None) -> Inquiry:
        """Return an inquiry by another view, without candidates; where formulas came from stays known."""
        pool = self.pool
        return Inquiry.of(self.course, view, pool.gate, self.approximations, noise=noise, origins=pool.origins)

    @cached_property
    def textbook(self) -> list[Textbook]:
        """The laws of textbooks, fitted to the columns of more than two values; none for many columns.

        One of their constants may differ by the other columns.
        """
        return self._fitted_laws(lambda form: True)

    def _fitted_laws(self, admits: Callable[[Form], bool]) -> list[Textbook]:
        rows, binary = self.view.judged.sample(TUNING.structure, self.view.seed), self.view.judge.two_valued
        kept = sorted(range(len(rows.names)), key=lambda k: rows.names[k] in binary)
        data = FitData.of([rows.names[k] for k in kept], rows.x[:, kept], rows.y, rows.weight)
        return textbook(data, [name for name in data.names if name in binary], admits)

    @cached_property
    def laws(self) -> dict[Formula, Textbook]:
        """The likely laws of textbooks, by their formulas."""
        return {law.expression: law for law in likely(self.textbook, len(self.view.judged))}

    @cached_property
    def codes(self) -> dict[Formula, tuple[float, int]]:
        """What the names of the likely laws of textbooks take, and their numbers of constants, by their formulas."""
        return {form: law.code(len(self.view.judged)) for form, law in self.laws.items()}

    def named(self, candidate: Candidate) -> Candidate:
        """Return a candidate with the name of the law of a textbook that it is, if any, and its constants.

        Where a formula is exact, others are only approximations of it, and have no names.
        """
        if self.pool.exact() is not None and candidate.error > EXACT:
            return candidate
        if candidate.expression not in self._names:
            self._names[candidate.expression] = self._named(candidate.expression)
        return replace(candidate, named=self._names[candidate.expression])

    @cached_property
    def _names(self) -> dict[Formula, Named | None]:
        return {}

    def _named(self, expression: Formula) -> Named | None:
        judge = self.view.judge
        data = FitData.of(judge.names, judge.x, judge.y, judge.weight)
        laws = self._fitted_laws(partial(may_be, expression)) if self.pool.exact() is not None else self.textbook
        law = named(expression, laws, data)
        if law is None:
            return None
        known = law.known_as
        with np.errstate(all="ignore"):
            free = None if law.by[1] or known is law.form else law.renamed(known, data)
            if free is None:
                known, free = law.form, law.free.fit(data)
        exact = exact_exponents(free, evaluate(expression, judge.names, judge.x), data)
        symbols = law.symbols(known)
        for k in sorted(exact, reverse=True):
            free = free.pinned(k, sympy.Rational(exact[k]))
        found = Uncertainty.of_free(free.fit(data) if exact else free, judge.names, judge.x, judge.y, judge.weight)
        fitted = iter(found.constants)
        constants = {
            symbol: Constant(float(exact[k]), 0.0) if k in exact else next(fitted) for k, symbol in enumerate(symbols)
        }
        meanings = {each.symbol: each.meaning for each in known.parameters}
        others = tuple(each.name for each in (law.form, *law.alike) if each is not known)
        return Named(known.name, others, constants, meanings)

    def law(self) -> Candidate | None:
        """Return the formula that is exact, or leaves little noise with few constants or after much work, if any."""
        long = 10  # Gaussian processes after which a formula of any number of constants ends the search
        if self.pool.claim() is None:
            return None
        best = self.pool.best()
        if best is None or not self.pool.reaches(best):
            return self.pool.exact()
        few = best.fitted <= TUNING.convincing or self.course.processes > long
        return best if best.error < EXACT or (few and best.error < TUNING.hopeless) else None

    def marked(self, problem: Problem) -> object:
        """Return what tells a problem from all others, in the journal."""
        parts = problem.columns, problem.target, problem.weight
        return problem.text, numbers(part.numpy() for part in parts) if self.course.journal.kept else ""

    def modeled(
        self, problem: Problem, like: Surrogate | None, about: object, fit: Callable[[], Surrogate | None]
    ) -> Surrogate | None:
        """Return a model of a problem, started from another one: fitted now, or remembered."""
        started = like and (like.coordinates, like.scales, like.expressions)

        def facts() -> Recalled | None:
            model = fit()
            new.append(model)
            return model and Recalled.of(model)

        new: list[Surrogate | None] = []
        recalled = self.course.journal.once("model", (self.marked(problem), started, about), facts)
        return new[0] if new else recalled and recalled.model(fit)

    def tell(self, stage: str, fraction: float) -> None:
        """Show a stage, a guess of how much of the search is over, and the best formula so far."""
        self.course.tell(stage, fraction, self.pool.best, self.front)

    def front(self) -> list[Candidate]:
        """Return the best formulas so far by their errors on the rows."""
        return front([*self.pool.candidates, *self.approximations()])
