"""A view of a table, which never changes, and what is found by it: candidates, and how large the noise is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import sympy

from edgewise._typing import Formula
from edgewise.discovery.journal import Journal, numbers
from edgewise.discovery.judging import Candidate, Judge, Pool, front, spread
from edgewise.discovery.knowledge import Gate
from edgewise.discovery.models import Recalled, Surrogate
from edgewise.discovery.search._course import Course
from edgewise.discovery.search._naming import Naming
from edgewise.discovery.search._noise import NoiseLevel
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import EXACT, Problem, Settings, Table


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
    def naming(self) -> Naming:
        """The laws of textbooks by this view."""
        return Naming(self.view.judged, self.view.seed)

    def named(self, candidate: Candidate) -> Candidate:
        """Return a candidate with the name of the law of a textbook that it is, if any, and its constants.

        Where a formula is exact, others are only approximations of it, and have no names.
        """
        exact = self.pool.exact() is not None
        return candidate if exact and candidate.error > EXACT else self.naming.named(candidate, exact=exact)

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
