"""One discovery: its stages in order, on the columns that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from edgewise._deadline import Deadline, cut, now
from edgewise._typing import Array, Formula
from edgewise.discovery.journal import Journal
from edgewise.discovery.judging import Candidate, Outcome
from edgewise.discovery.models import Ceiling
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._course import Course
from edgewise.discovery.search._inquiry import View
from edgewise.discovery.search._ranking import Ranking
from edgewise.discovery.search._recognition import descriptions, measured, scale_note
from edgewise.discovery.search._stages import CLOSING, DIRECT, STAGES, go_through
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.search._walk import Walk
from edgewise.discovery.tables import Settings, Table
from edgewise.formulas.expressions import centered


def screen(table: Table, seed: int) -> Array:
    """Return the places of the columns to keep: those that matter, or all where they are more than thirty.

    A column matters if its network's values change, in the mean square, by 0.2 % of the variance of the target when
    the column is shuffled.
    """
    most_kept = 30  # columns that are kept; where more matter, all are
    effect = 2e-3  # of the variance of the target: a change of the network's values that matters
    rows_each = 3  # rows for each column that matters; with fewer, those of the largest effects are kept
    fewest = 5  # columns that are kept for their effect, whatever its size
    correlated = 4  # columns that are kept for their correlation with the target ...
    curved = 2  # ... and for that of their squares
    rows = table.sample(TUNING.modeled, seed)
    effects = _effects(rows, seed)
    matter = np.flatnonzero(effects > effect)
    most = min(most_kept, max(len(rows) // rows_each, fewest))
    if len(matter) > most:
        few = len(rows) < rows_each * len(matter)
        return np.sort(_most(effects, most)) if few else np.arange(len(table.names))
    ranked = [*_most(_correlations(rows.x, rows), correlated), *_most(_correlations(rows.x**2, rows), curved)]
    return np.array(sorted({*matter.tolist(), *ranked, *_most(effects, fewest)}))


def _effects(rows: Table, seed: int) -> Array:
    """Return the mean squared changes (m,) of the network's values over the variance of the target."""
    weights = rows.weight**2
    ceiling = Ceiling.of(rows.names, rows.x, rows.y, weights, seed=seed)
    values, order = ceiling.predict(rows.x), np.random.default_rng(seed).permutation(len(rows))
    variance = np.average((rows.y - np.average(rows.y, weights=weights)) ** 2, weights=weights)
    found = np.empty(len(rows.names))
    for k in range(len(found)):
        moved = rows.x.copy()
        moved[:, k] = moved[order, k]
        found[k] = np.average((ceiling.predict(moved) - values) ** 2, weights=weights) / variance
    return found


def _correlations(x: Array, rows: Table) -> Array:
    """Return the sizes of the correlations of columns (n, m) with the target."""
    w = rows.weight / rows.weight.max()
    centered, y = (w[:, None] * (x - x.mean(0))), w * (rows.y - rows.y.mean())
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.abs(y @ centered) / np.linalg.norm(centered, axis=0))


def _most(sizes: Array, count: int) -> list[int]:
    return [int(k) for k in np.argsort(-sizes, kind="stable")[:count]]


_Found = TypeVar("_Found")


class Search:
    """One discovery: the table, and what its stages find; `forms` are all that were judged, with their errors."""

    def __init__(self, table: Table, settings: Settings, journal: Journal | None = None) -> None:
        self.course = Course(table, settings, journal)
        journal = self.course.journal
        view = View.of(table, settings, journal)
        self.walk = Walk(self.course, view, lambda inner, asked: Search(inner, asked, journal).run())
        self.interrupted = False
        self.course.notes.extend(scale_note(table))
        self.forms: list[tuple[Formula, float]] = []

    def run(self, *, models: bool = True) -> Discovery:
        """Search, with models of the table or without, and return what was found."""
        course, walk = self.course, self.walk
        course.notes.extend(descriptions(walk.table.noise))
        walk.inquiry.tell("formulas straight from the table", 0.02)
        walk.inquiry.pool.candidates += filter(None, [next(walk.baselines, None)])
        try:
            walk.finished = cut(course.deadline, lambda: go_through(walk, STAGES if models else DIRECT))
        except KeyboardInterrupt:
            self.interrupted = True
        if walk.in_logarithms is None:
            cut(course.end, lambda: go_through(walk, CLOSING))
        return self._result()

    def _in_time(self, work: Callable[[], _Found], otherwise: Callable[[], _Found]) -> _Found:
        """Return what some work gives, or other work where time is up before."""
        found: list[_Found] = []
        cut(self.course.end, lambda: found.append(work()))
        return found[-1] if found else otherwise()

    def _result(self) -> Discovery:
        # Where time is up before it is known what holds between the rows, nothing is claimed.
        overtime = 0.06  # of the limit: for the same, where no time is left
        catching_up = 0.5  # of the time that is left when the search is over: for assessing programs
        course, approximation, pool = self.course, self.walk.approximation, self.walk.inquiry.pool
        settings = course.settings
        course.leave(self.walk.least_error)
        if self.walk.in_logarithms is not None:
            return self._in_logarithms(self.walk.in_logarithms)
        if course.timed or pool.claim() is None:
            seconds = max(catching_up * (course.end.at - now()), overtime * settings.limit)
            cut(Deadline(now() + seconds), approximation.catch_up)
        course.journal.save()
        ranking = Ranking(self.walk.inquiry, approximation, interrupted=self.interrupted)
        self.forms = ranking.verdict.forms
        ended = ranking.verdict.ended()
        best, outcome, noise = self._in_time(ranking.chosen, lambda: (ranking.hasty()[-1], ended, pool.noise))
        kept = self._in_time(lambda: ranking.front(best), lambda: _with(ranking.hasty(), best))
        if not settings.rounding:
            chosen, rounded = kept.index(best), kept
            kept = self._in_time(lambda: [ranking.unrounded(each) for each in rounded], lambda: rounded)
            best = kept[chosen]
        evidence = self._in_time(lambda: ranking.evidence(kept, best), lambda: None)
        chosen, plain = kept.index(best), kept
        kept = self._in_time(lambda: [self.walk.inquiry.named(each) for each in plain], lambda: plain)
        best = kept[chosen]
        answers = self._in_time(lambda: ranking.answers(self.walk.guessed, best), list)
        course.notes.append(f"The best formula came from this stage: {ranking.origin(best)}.")
        course.journal.save()
        course.notes += filter(None, [course.journal.failure])
        course.notes += pool.gate.summary(found=pool.gate.admits(best.expression))
        if settings.progress is not None:
            settings.progress("done", 1.0, course.shown(best))
        facts: dict[str, object] = {"seed": settings.seed, "time limit": settings.limit}
        facts |= {"evaluations": settings.evaluations, "seconds": course.seconds}
        facts |= {"work done": course.done if outcome is Outcome.TIME_LIMIT else 1.0}
        table, chosen = self.walk.table, kept.index(best)
        kept = [replace(c, expression=centered(c.expression, table.names, table.x)) for c in kept]
        return Discovery(
            kept, kept[chosen], outcome, noise, table.relative, table.names, table.target, table.x, table.y,
            course.notes, facts, approximation.ceiling, table.weight,
            measured(table, best), rivals=tuple(ranking.rivals), evidence=evidence,
            answers=tuple(answers), log=tuple(course.log), searched=course.searched,
        )  # fmt: skip

    def _in_logarithms(self, found: Discovery) -> Discovery:
        """Return what a search in logarithms found, with what was done before it."""
        course, settings = self.course, self.course.settings
        course.journal.save()
        facts = found.settings | {"time limit": settings.limit, "evaluations": settings.evaluations}
        return replace(
            found, settings=facts | {"seconds": course.seconds}, stages=[*course.notes, *found.stages],
            log=(*course.log, *found.log),
        )  # fmt: skip


def _with(front: list[Candidate], best: Candidate) -> list[Candidate]:
    """Return a front up to the best formula."""
    return [*(c for c in front if c.complexity < best.complexity and c.held_out > best.held_out), best]
