"""One discovery: its stages in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import sympy

from edgewise._deadline import cut
from edgewise.discovery.generators import baselines
from edgewise.discovery.judging import Candidate, Outcome
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._approximation import Approximation
from edgewise.discovery.search._context import ROWS, Context
from edgewise.discovery.search._elimination import Elimination, quick
from edgewise.discovery.search._noise import HOPELESS
from edgewise.discovery.search._ranking import Ranking
from edgewise.discovery.tables import Problem, Settings, Table

_Found = TypeVar("_Found")

_HUNT, _REST = 0.2, 0.8  # shares of the evaluations before and after a network is fitted
_ROWS_PER_COLUMN = 4  # with fewer, symmetries of noisy tables are not looked for


class Search:
    """One discovery: the table, and what its stages find."""

    def __init__(self, table: Table, settings: Settings) -> None:
        self.context = Context(table, settings)
        self.approximation = Approximation(self.context)
        self.elimination = Elimination(self.context)
        self.interrupted = False

    def run(self, *, models: bool = True) -> Discovery:
        """Search, with models of the table or without, and return what was found."""
        context, pool = self.context, self.context.pool
        context.tell("formulas straight from the table", 0.02)
        guesses = baselines(pool.judge, pool.noise)
        pool.candidates += filter(None, [next(guesses, None)])
        finished = False
        try:
            finished = cut(context.deadline, lambda: self._searched(guesses, models))
        except KeyboardInterrupt:
            self.interrupted = True
        cut(context.end, lambda: context.noise.settle(finished=finished))
        return self._result()

    def _searched(self, guesses: Iterator[Candidate], models: bool) -> None:
        """Go through the stages, until a formula is exact or leaves only noise."""
        context, approximation, elimination = self.context, self.approximation, self.elimination
        for candidate in guesses:
            context.pool.candidates.append(candidate)
        problem = self._problem()
        if quick(context, problem) or context.pool.done() or not models:
            return
        evaluations = context.settings.evaluations
        if approximation.hunt(round(_HUNT * evaluations)):
            return
        if elimination.reduced(problem, "polynomial") or elimination.solved() or approximation.model():
            return
        lawful = context.noise.floor < HOPELESS and len(context.table) >= _ROWS_PER_COLUMN * len(context.table.names)
        if lawful and elimination.reduced(problem, "process"):
            return
        if approximation.evolve(round(_REST * evaluations)) or not lawful or elimination.approached():
            return
        if elimination.reduced(problem, "network"):
            return
        elimination.approached()

    def _problem(self) -> Problem:
        x, y, w = self.context.table.sample(ROWS, self.context.settings.seed).tensors()
        problem = Problem(x, tuple(map(sympy.Symbol, self.context.table.names)), y, w)
        return replace(problem, weight=w / problem.error(problem.mean))

    def _in_time(self, work: Callable[[], _Found], otherwise: _Found) -> _Found:
        """What some work gives, or the other thing where time is up before."""
        found = [otherwise]
        cut(self.context.end, lambda: found.append(work()))
        return found[-1]

    def _result(self) -> Discovery:
        # Where time is up before it is known what holds between the rows, nothing is claimed.
        context, pool = self.context, self.context.pool
        ranking = Ranking(context, self.approximation, interrupted=self.interrupted)
        cheapest = pool.cheapest()
        assert cheapest is not None
        if not pool.done():
            cut(context.end, self.approximation.catch_up)
        context.journal.save()
        best, outcome, noise = self._in_time(ranking.chosen, (cheapest, Outcome.TIME_LIMIT, pool.noise))
        kept = self._in_time(lambda: ranking.front(best), [best])
        context.stages.append(f"The best formula came from this stage: {ranking.origin(best)}.")
        context.journal.save()
        context.stages += filter(None, [context.journal.failure])
        if context.settings.progress is not None:
            context.settings.progress("done", 1.0, context.shown(best))
        settings: dict[str, object] = {"seed": context.settings.seed, "time limit": context.settings.limit}
        settings |= {"evaluations": context.settings.evaluations, "seconds": context.seconds}
        table = context.table
        return Discovery(
            kept, best, outcome, noise, table.relative, table.names, table.target, table.x, table.y, context.stages,
            settings, self.approximation.ceiling,
        )  # fmt: skip
