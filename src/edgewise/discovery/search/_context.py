"""What all stages of one discovery share: the table, the candidates, the noise, the clock, the journal, the steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace

import numpy as np

from edgewise._callbacks import callbacks, calling
from edgewise._deadline import Deadline, now, whole
from edgewise._renamed import replaced
from edgewise._workers import Workers
from edgewise.discovery.journal import Codec, Journal, fingerprint, numbers
from edgewise.discovery.judging import Candidate, Judge, Pool, front, spread
from edgewise.discovery.knowledge import Gate
from edgewise.discovery.models import Recalled, Surrogate
from edgewise.discovery.search._assessment import Assessed
from edgewise.discovery.search._noise import HOPELESS, NoiseLevel
from edgewise.discovery.tables import EXACT, Problem, Settings, Table
from edgewise.formulas.expressions import write
from edgewise.formulas.programs import Program
from edgewise.interpret.symmetries import Coordinates, Scales


@dataclass(frozen=True)
class SearchStep:
    """Where a search is: its stage, the fraction that is done, and the formulas so far.

    Parameters
    ----------
    stage
        What the search does, in words.
    fraction
        A guess of the fraction that is done.
    front
        Returns the formulas that none as simple beats, simplest first, with their errors on the rows that the search
        looks at. Formulas that evolve are not rounded or assessed yet. It takes time, and is to be called from the
        callback only. What a search finds does not change.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    >>> seen = []
    >>> with ew.calling(lambda step: seen.append(step.stage), ew.discovery.SearchStep):
    ...     found = ew.discover(x, x[:, 0] / x[:, 1], names=["u", "i"])
    >>> seen[0]
    'formulas straight from the table'
    """

    stage: str
    fraction: float
    front: Callable[[], list[Candidate]]


def search_callback(callback: Callable[[SearchStep], object]) -> AbstractContextManager[None]:
    """Call a function at each stage of the searches inside: the former name of `edgewise.calling`.

    Parameters
    ----------
    callback
        Called with each `SearchStep`.
    """
    replaced("edgewise.discovery.search_callback(f)", "edgewise.calling(f, edgewise.discovery.SearchStep)")
    return calling(callback, SearchStep)


_CLASSES = (Candidate, Assessed, Program, Recalled, Coordinates, Scales)
_FREE = ("limit", "progress", "n_jobs", "save", "resume")  # settings that change nothing but when and where


def journal_of(table: Table, settings: Settings, late: Callable[[], bool]) -> Journal:
    """Return the journal of a search, with what the search that it goes on with had worked out.

    Errors: InputError if that search had another table or other settings, and for files that cannot be used.
    """
    parts = [getattr(table, field.name) for field in fields(table)]
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    asked = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name not in _FREE}
    asked["effort"] = asked.pop("evaluations")
    about = fingerprint([repr(part) for part in parts if not isinstance(part, np.ndarray)], arrays, asked)
    journal = Journal(Codec(_CLASSES), about, late, settings.save or settings.resume)
    begun = settings.resume is not None and (settings.resume != settings.save or settings.resume.exists())
    journal.start(settings.resume if begun else None)
    return journal


ROWS = 1500
"""The rows that structure is searched on; constants are fitted on more."""

_JUDGED = 20_000
_DIGITS = 4  # of the best formula so far, as it is shown
_SEARCHED = 0.85  # share of the time for the search; the rest is for writing what it found
_CONVINCING = 1  # fitted constants of a formula that leaves only noise and ends the search at once ...
_LONG = 10  # ... and Gaussian processes after which any does


class Context:
    """The state of one discovery. `table` has all rows, `judged` those that formulas are fitted to and judged by."""

    def __init__(self, table: Table, settings: Settings, journal: Journal | None = None) -> None:
        self.table, self.settings = table, settings
        self.began = now()
        self.deadline = Deadline(self.began + _SEARCHED * settings.limit)
        self.end = Deadline(self.began + settings.limit)
        self.judged = table.sample(_JUDGED, settings.seed)
        late = self.deadline.passed
        self.journal = journal_of(table, settings, late) if journal is None else journal.within(late)
        self.workers = Workers(settings.n_jobs)
        self.gate = Gate(settings.knowledge, self.judged.x, self.judged.y)
        self.pool = Pool(self._judge(), self.given or 0.0, self.gate)
        self.stages: list[str] = []
        self.noise = NoiseLevel(self.pool, self.given, min(ROWS, len(table)), self.stages)
        self.processes = 0  # Gaussian processes that were fitted
        self.approximations: Callable[[], list[Candidate]] = list  # that the search has besides those in the pool
        self.done = 0.0  # a guess of how much of the work is done
        self._callbacks = callbacks(SearchStep)
        if table.relative:
            self.stages.append("The target covers many decades with one sign: errors are relative.")

    @property
    def given(self) -> float | None:
        """The noise over the target's standard deviation, if it was given as such or by standard errors."""
        if self.settings.noise is None and self.table.noise.known:
            return min(1 / max(spread(self.judged.y, self.judged.weight), 1e-300), 1.0)
        return self.settings.noise

    def _judge(self) -> Judge:
        rows = self.judged.x, self.judged.y, self.judged.weight
        return Judge(self.table.names, *rows, self.journal.once_on(*rows))

    def judge_by(self, table: Table) -> None:
        """Go on with other rows or weights, without candidates and without a noise level."""
        self.table, self.judged = table, table.sample(_JUDGED, self.settings.seed)
        self.pool.start(self._judge(), self.given or 0.0)
        self.noise.start(self.given, min(ROWS, len(table)))

    def note(self, table: Table) -> None:
        """Go on with the same rows and weights, and another kind of noise."""
        self.table, self.judged = table, replace(self.judged, noise=table.noise)

    def late(self) -> bool:
        """Return whether the time for the search is over."""
        return self.deadline.passed()

    def good(self) -> bool:
        """Return whether to stop: a formula is exact, or leaves little noise with few constants or after much work."""
        if not self.pool.done():
            return False
        best = self.pool.best()
        if best is None or not self.pool.reaches(best):
            return self.pool.exact()
        few = best.fitted <= _CONVINCING or self.processes > _LONG
        return best.error < EXACT or (few and best.error < HOPELESS)

    def marked(self, problem: Problem) -> object:
        """Return what tells a problem from all others, in the journal."""
        parts = problem.columns, problem.target, problem.weight
        return problem.text, numbers(part.numpy() for part in parts) if self.journal.kept else ""

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
        recalled = self.journal.once("model", (self.marked(problem), started, about), facts)
        return new[0] if new else recalled and recalled.model(fit)

    @whole
    def tell(self, stage: str, fraction: float) -> None:
        """Show what is done, a guess of how much of the search is over, and the best formula so far."""
        self.done = max(self.done, min(fraction, 0.95))
        if self.settings.progress is not None:
            best = self.pool.best()
            self.settings.progress(
                stage, min(fraction, 0.95), None if best is None else write(best.expression, _DIGITS)
            )
        for callback in self._callbacks:
            callback(SearchStep(stage, min(fraction, 0.95), self._front))

    def _front(self) -> list[Candidate]:
        """Return the best formulas so far by their errors on the rows."""
        return front([*self.pool.candidates, *self.approximations()])

    @staticmethod
    def shown(candidate: Candidate) -> str:
        """Return a formula as progress shows it."""
        return write(candidate.expression, _DIGITS)

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return now() - self.began

    @property
    def timed(self) -> bool:
        """Whether the time for the search is over."""
        return not math.isinf(self.deadline.at) and self.deadline.passed()
