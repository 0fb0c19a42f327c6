"""The course of one search, whatever view of its table it takes: its clock, journal, workers, notes and log."""

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
from edgewise.discovery.journal import Codec, Journal, fingerprint
from edgewise.discovery.judging import Candidate
from edgewise.discovery.models import Recalled
from edgewise.discovery.results import StageLog
from edgewise.discovery.search._assessment import Assessed
from edgewise.discovery.tables import Settings, Table
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


class Course:
    """What a search shares among its stages and all views of its table. It adds up work, notes and the log.

    `processes` is the number of Gaussian processes that were fitted, `spent` the evaluations of evolution, and what
    models are worth in these.
    """

    def __init__(self, table: Table, settings: Settings, journal: Journal | None = None) -> None:
        searched = 0.85  # share of the time for the search; the rest is for writing what it found
        self.settings = settings
        self.began = now()
        self.deadline = Deadline(self.began + searched * settings.limit)
        self.end = Deadline(self.began + settings.limit)
        late = self.deadline.passed
        self.journal = journal_of(table, settings, late) if journal is None else journal.within(late)
        self.workers = Workers(settings.n_jobs)
        self.notes: list[str] = []
        self.log: list[StageLog] = []
        self.searched = ""  # what was tried without gaps, in words
        self._entered: StageLog | None = None
        self.processes, self.spent = 0, 0
        self.done = 0.0  # a guess of how much of the work is done
        self._callbacks = callbacks(SearchStep)

    def late(self) -> bool:
        """Return whether the deadline of the stages has passed."""
        return self.deadline.passed()

    def enter(self, stage: str, share: float, error: float) -> None:
        """Begin a stage, with its share of the evaluations, where the least error of a formula is so large."""
        self.leave(error)
        self._entered = StageLog(stage, share, self.spent, error, error)

    def leave(self, error: float) -> None:
        """Log the stage that was begun last: what it took, and the least error of a formula now."""
        if self._entered is not None:
            spent = self.spent - self._entered.evaluations
            self.log.append(replace(self._entered, evaluations=spent, after=error))
        self._entered = None

    @whole
    def tell(
        self, stage: str, fraction: float, best: Callable[[], Candidate | None], front: Callable[[], list[Candidate]]
    ) -> None:
        """Show what is done, a guess of how much of the search is over, and the best formula so far."""
        most_done = 0.95  # of the work, as it is guessed before the end
        fraction = min(fraction, most_done)
        self.done = max(self.done, fraction)
        if self.settings.progress is not None:
            formula = best()
            self.settings.progress(stage, fraction, None if formula is None else self.shown(formula))
        for callback in self._callbacks:
            callback(SearchStep(stage, fraction, front))

    @staticmethod
    def shown(candidate: Candidate) -> str:
        """Return a formula as progress shows it."""
        digits = 4  # of the best formula so far, as it is shown
        return write(candidate.expression, digits)

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return now() - self.began

    @property
    def timed(self) -> bool:
        """Whether there is a time limit, and the deadline of the stages has passed."""
        return not math.isinf(self.deadline.at) and self.deadline.passed()
