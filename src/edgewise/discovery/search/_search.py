"""One discovery: its stages in order, on the columns that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TypeVar

import numpy as np
import sympy

from edgewise._deadline import Deadline, cut, now
from edgewise._typing import Array
from edgewise.discovery.generators import baselines
from edgewise.discovery.journal import Journal
from edgewise.discovery.judging import Candidate, Outcome
from edgewise.discovery.models import Ceiling
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._approximation import Approximation
from edgewise.discovery.search._context import ROWS, Context
from edgewise.discovery.search._elimination import Elimination, quick
from edgewise.discovery.search._informed import Informed
from edgewise.discovery.search._noise import HOPELESS
from edgewise.discovery.search._ranking import Ranking
from edgewise.discovery.search._recognition import (
    Recognized,
    descriptions,
    measured,
    recognize,
    recognize_again,
    without_isolated,
)
from edgewise.discovery.search._verdict import Verdict
from edgewise.discovery.tables import EXACT, Problem, Settings, Table
from edgewise.formulas.expressions import evaluate

MANY = 15
"""Columns from which on they are screened."""

_MOST = 30  # columns that are kept; where more matter, all are
_ROWS = 5000
_EFFECT = 2e-3  # of the variance of the target: a change of the network's values that matters
_ROWS_EACH = 3  # rows for each column that matters; with fewer, those of the largest effects are kept
_FEWEST = 5  # columns that are kept for their effect, whatever its size
_CORRELATED, _CURVED = 4, 2  # columns that are kept for their correlation with the target, and for that of squares


def screen(table: Table, seed: int) -> Array:
    """Return the places of the columns to keep: those that matter, or all where they are more than thirty.

    A column matters if its network's values change, in the mean square, by 0.2 % of the variance of the target when
    the column is shuffled.
    """
    rows = table.sample(_ROWS, seed)
    effects = _effects(rows, seed)
    matter = np.flatnonzero(effects > _EFFECT)
    most = min(_MOST, max(len(rows) // _ROWS_EACH, _FEWEST))
    if len(matter) > most:
        few = len(rows) < _ROWS_EACH * len(matter)
        return np.sort(_most(effects, most)) if few else np.arange(len(table.names))
    ranked = [*_most(_correlations(rows.x, rows), _CORRELATED), *_most(_correlations(rows.x**2, rows), _CURVED)]
    return np.array(sorted({*matter.tolist(), *ranked, *_most(effects, _FEWEST)}))


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

_HUNT, _REST = 0.2, 0.8  # shares of the evaluations before and after a network is fitted
_OVERTIME = 0.06  # of the limit: for the same, where no time is left
_CATCHING_UP = 0.5  # of the time that is left when the search is over: for assessing programs
_ROWS_PER_COLUMN = 4  # with fewer, symmetries of noisy tables are not looked for


class Search:
    """One discovery: the table, and what its stages find."""

    def __init__(self, table: Table, settings: Settings, journal: Journal | None = None) -> None:
        self.context = Context(table, settings, journal)
        self.approximation = Approximation(self.context)
        self.elimination = Elimination(self.context)
        journal = self.context.journal
        self.informed = Informed(
            self.context, self.approximation, lambda inner, asked: Search(inner, asked, journal).run()
        )
        self.interrupted = False

    def run(self, *, models: bool = True) -> Discovery:
        """Search, with models of the table or without, and return what was found."""
        context, pool = self.context, self.context.pool
        context.stages.extend(descriptions(context.table.noise))
        context.tell("formulas straight from the table", 0.02)
        guesses = baselines(pool.judge, pool.noise)
        pool.candidates += filter(None, [next(guesses, None)])
        finished = False
        try:
            finished = cut(context.deadline, lambda: self._searched(guesses, models))
        except KeyboardInterrupt:
            self.interrupted = True
        cut(context.end, self._weighed_by_formula)
        cut(context.end, lambda: context.noise.settle(finished=finished))
        return self._result()

    def _weighed_by_formula(self) -> None:
        """Judge candidates again where relative errors were relative to measured values: these favor small ones."""
        context, pool = self.context, self.context.pool
        table, best = context.table, pool.best()
        if not table.relative or self.approximation.ceiling is not None or best is None or best.error < EXACT:
            return
        old, noise = pool.candidates, pool.noise
        context.judge_by(table.judged_by(table.noise, table.noise.weights(best.predict(table.x), table.y)))
        pool.noise = noise
        pool.candidates += filter(pool.passes, islice(baselines(pool.judge, pool.noise), 1))
        quick(context, self._problem())
        pool.consider((c.expression for c in old if c.expression.free_symbols), "a first guess")
        if not pool.candidates:
            context.judge_by(table)
            pool.candidates = old

    def _searched(self, guesses: Iterator[Candidate], models: bool) -> None:
        """Go through the stages, until a formula is exact or leaves only noise."""
        context, approximation, elimination = self.context, self.approximation, self.elimination
        if context.settings.knowledge.template is not None:
            self.informed.template()
            return
        for candidate in guesses:
            if context.pool.passes(candidate):
                context.pool.candidates.append(candidate)
        if self.informed.guess():
            return
        problem = self._problem()
        if self._without_categories(problem) or quick(context, problem) or not models:
            return
        if context.pool.done():
            return self._approximated(problem, context.settings.evaluations, settled=True)
        good = without_isolated(context.table)
        if good is not context.table:
            return self._restart(good)
        evaluations = self.informed.group(context.settings.evaluations)
        if evaluations is None or approximation.hunt(round(_HUNT * evaluations)):
            return
        settled = elimination.reduced(problem, "polynomial") or elimination.solved()
        if not context.pool.exact():
            self._approximated(problem, evaluations, settled=settled)

    def _without_categories(self, problem: Problem) -> bool:
        """Try formulas of the numbers alone, where a table has inputs of 0 and 1 too; return whether one is exact."""
        kept = [k for k, name in enumerate(self.context.table.names) if name not in self.context.pool.judge.binary]
        return 0 < len(kept) < problem.n_columns and quick(self.context, problem.of(kept))

    def _approximated(self, problem: Problem, evaluations: int, *, settled: bool) -> None:
        """Go through the stages for tables that follow no law exactly; with a settled law, only where it is doubted."""
        context, approximation, elimination = self.context, self.approximation, self.elimination
        context.tell("an additive network", 0.3)
        seen = recognize(context)
        if settled:
            approximation.model(seen.ceiling)
            if self._doubted():
                approximation.evolve(round(_REST * evaluations))
            return
        if seen.restart:
            return self._restart(seen.table)
        problem = self._weighed(seen, problem)
        if approximation.model(seen.ceiling) and not self._doubted():
            return
        lawful = context.noise.floor < HOPELESS and len(context.table) >= _ROWS_PER_COLUMN * len(context.table.names)
        if lawful and elimination.reduced(problem, "process") and not self._doubted():
            return
        settled = approximation.evolve(round(_REST * evaluations))
        if self._recognized_by_formula(problem) or settled or not lawful or elimination.approached():
            return
        if elimination.reduced(self._problem(), "network"):
            return
        elimination.approached()

    def _doubted(self) -> bool:
        """Whether the network and the rows speak against the law that would end the search."""
        law = self.context.pool.best()
        verdict = Verdict(self.context, self.approximation, interrupted=False)
        return law is not None and law.error >= EXACT and verdict.contradicted(law)

    def _restart(self, table: Table) -> None:
        """Search again without the rows that were set aside."""
        self._judge_by(table)
        self.approximation, self.elimination = Approximation(self.context), Elimination(self.context)
        self.informed.approximation = self.approximation
        self._searched(baselines(self.context.pool.judge, self.context.pool.noise), True)

    def _judge_by(self, table: Table) -> None:
        self.context.judge_by(table)
        self.context.stages.extend(line for line in descriptions(table.noise) if line not in self.context.stages)

    def _noted(self, table: Table) -> bool:
        """Note the kind of noise of a table whose rows and weights are the same; return whether they are."""
        if not np.array_equal(table.weight, self.context.table.weight):
            return False
        self.context.note(table)
        self.context.stages.extend(descriptions(table.noise))
        return True

    def _recognized_by_formula(self, problem: Problem) -> bool:
        """Judge formulas again where the best one shows another kind of noise; return whether one leaves only noise."""
        context, approximation = self.context, self.approximation
        best = approximation.best()
        if best is None or context.pool.exact():
            return False
        seen = recognize_again(context, evaluate(best.expression, context.table.names, context.table.x))
        if seen is None or self._noted(seen.table):
            return False
        programs = approximation.programs()
        self._weighed(seen, problem)
        return approximation.model(seen.ceiling, programs)

    def _weighed(self, seen: Recognized, problem: Problem) -> Problem:
        """Judge formulas by the noise that was recognized; return the problem with its weights."""
        if seen.table is self.context.table or self._noted(seen.table):
            return problem
        self._judge_by(seen.table)
        self.approximation.judge_again()
        self.elimination.blurred = None
        pool = self.context.pool
        pool.candidates += filter(pool.passes, baselines(pool.judge, pool.noise))
        problem = self._problem()
        quick(self.context, problem)
        return problem

    def _problem(self) -> Problem:
        x, y, w = self.context.table.sample(ROWS, self.context.settings.seed).tensors()
        problem = Problem(x, tuple(map(sympy.Symbol, self.context.table.names)), y, w)
        return replace(problem, weight=w / problem.error(problem.mean))

    def _in_time(self, work: Callable[[], _Found], otherwise: Callable[[], _Found]) -> _Found:
        """Return what some work gives, or other work where time is up before."""
        found: list[_Found] = []
        cut(self.context.end, lambda: found.append(work()))
        return found[-1] if found else otherwise()

    def _result(self) -> Discovery:
        # Where time is up before it is known what holds between the rows, nothing is claimed.
        context, pool = self.context, self.context.pool
        if context.timed or not pool.done():
            left = max(_CATCHING_UP * (context.end.at - now()), _OVERTIME * context.settings.limit)
            cut(Deadline(now() + left), self.approximation.catch_up)
        context.journal.save()
        ranking = Ranking(context, self.approximation, interrupted=self.interrupted)
        ended = ranking.verdict.ended()
        best, outcome, noise = self._in_time(ranking.chosen, lambda: (ranking.hasty()[-1], ended, pool.noise))
        kept = self._in_time(lambda: ranking.front(best), lambda: _with(ranking.hasty(), best))
        if not context.settings.rounding:
            chosen, rounded = kept.index(best), kept
            kept = self._in_time(lambda: [ranking.unrounded(each) for each in rounded], lambda: rounded)
            best = kept[chosen]
        evidence = self._in_time(lambda: ranking.evidence(kept, best), lambda: None)
        answers = self._in_time(lambda: ranking.answers(self.informed.guessed, best), list)
        context.stages.append(f"The best formula came from this stage: {ranking.origin(best)}.")
        context.journal.save()
        context.stages += filter(None, [context.journal.failure])
        context.stages += context.gate.summary(found=context.gate.admits(best.expression))
        if context.settings.progress is not None:
            context.settings.progress("done", 1.0, context.shown(best))
        settings: dict[str, object] = {"seed": context.settings.seed, "time limit": context.settings.limit}
        settings |= {"evaluations": context.settings.evaluations, "seconds": context.seconds}
        settings |= {"work done": context.done if outcome is Outcome.TIME_LIMIT else 1.0}
        table = context.table
        return Discovery(
            kept, best, outcome, noise, table.relative, table.names, table.target, table.x, table.y, context.stages,
            settings, self.approximation.ceiling, table.weight,
            measured(table, best), rivals=tuple(ranking.rivals), evidence=evidence,
            answers=tuple(answers),
        )  # fmt: skip


def _with(front: list[Candidate], best: Candidate) -> list[Candidate]:
    """Return a front up to the best formula."""
    return [*(c for c in front if c.complexity < best.complexity and c.held_out > best.held_out), best]
