"""Which shape, basis and grid of a network serve a table best: a study of many fits."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise._checks import is_int, is_number
from edgewise._errors import EdgewiseError, InputError
from edgewise._progress import Report, Shown, reporting
from edgewise._typing import Data
from edgewise._workers import Workers, checked_jobs
from edgewise.networks.sweeps._result import Sweep
from edgewise.networks.sweeps._rows import Rows
from edgewise.networks.sweeps._space import Space, shown
from edgewise.networks.sweeps._store import Sampling, opened, optuna, study_of
from edgewise.train import LossName, Outcome

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

SPLITS = 3  # of the rows, on which the error of a trial is measured
_APART = 1000  # seeds of two processes
_LAST = 2.5  # times the training of one split that the last two networks take
_LEAST = 0.05  # seconds that a network is trained for
Storage = str | Path | None


def sweep(  # noqa: PLR0913 (what a study is made of)
    x: Data,
    y: Data,
    *,
    space: Mapping[str, Any] | None = None,
    trials: int = 40,
    loss: LossName = "squared",
    storage: Storage = None,
    n_jobs: int | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Shown = "auto",
) -> Sweep:
    """Train networks of many settings on a table, and return the best one and what matters.

    If there are no more combinations than `trials`, each is tried. Otherwise settings are drawn by a tree-structured
    Parzen estimator, after the usual ones and some at random. The error of a trial is the mean of
    `FitResult.test_error` over three splits of the rows, the same for all; a trial whose first splits are worse than
    the median of the others ends there. A fifth of the rows takes no part: on them the best network is scored at the
    end, before it is trained on all rows.

    Args: `space`: for any of "hidden" (nodes of the hidden layers), "basis", "grid", "degree", "base" and "sparsity" a
    list of values, or a tuple (low, high): what is not in it stays as usual. None: a space for small tables.
    `trials`: of the whole study, those that others added included. `storage`: a file, or the address of a database
    such as "sqlite:///study.db": a study that is there goes on, and several machines may add to one. `n_jobs`:
    processes, or workers of another backend of joblib, -1 for one a core; with more than one, settings depend on the
    order in which trials end. `time_limit`: seconds. `progress`: as in `discover`. Ctrl-C ends a sweep with what was
    found.

    Shapes: x (n, columns), y (n,) or (n, n_out): as `fit` takes them, text, dates and gaps included.

    Errors: InputError without Optuna (`pip install 'edgewise[sweep]'`), for settings that do not exist, fewer than 20
    rows, and a storage whose study is of other rows or another space.

    >>> import edgewise as ew, numpy as np
    >>> x = np.random.default_rng(0).uniform(-1, 1, (100, 1))
    >>> found = ew.sweep(x, np.sin(9 * x[:, 0]), space={"hidden": [()], "grid": [2, 15]}, trials=2)
    >>> found.settings, found.score > 0.99
    ({'hidden': (), 'grid': 15}, True)

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011), for the sampler.
    """
    _check(trials, seed, time_limit)
    optuna()  # an error before anything else
    workers = Workers(checked_jobs(n_jobs), prefer="processes")
    rows, held = Rows.of(x, y, loss, int(seed)), Space.of(space)
    about = {"rows": rows.fingerprint(), "space": held.described(), "splits": SPLITS}
    with opened(storage, shared=workers.count > 1) as place:
        task = _Task(rows, held, int(trials), math.inf if time_limit is None else time.monotonic() + time_limit)
        study = study_of(place, about, task.sampling(0))
        with reporting(progress) as report:
            if workers.count == 1:
                task.run(study, report)
            else:
                _share(workers, task, place, about, report)
        return Sweep.of(study.get_trials(), rows, held)


@dataclass(frozen=True)
class _Task:
    """The trials of one study, from any process."""

    rows: Rows
    space: Space
    trials: int
    until: float

    def sampling(self, process: int) -> Sampling:
        """Return how a process draws settings: all of them where there are no more than trials."""
        every, seed = self.space.combinations(), self.rows.seed + _APART * process
        if every is not None and math.prod(map(len, every.values())) <= self.trials:
            return Sampling(seed, every=every)
        return Sampling(seed, start=None if process else self.space.start())

    @property
    def count(self) -> int:
        """The trials of the study."""
        every = self.sampling(0).every
        return self.trials if every is None else math.prod(map(len, every.values()))

    def run(self, study: Study, report: Report) -> None:
        """Add trials until the study has enough, time is up, or somebody interrupts."""

        def tell(study: Study, trial: FrozenTrial) -> None:
            ended = self._ended(study)
            report("trials", min(ended / self.count, 1.0), f"{ended} of {self.count}; {self._best(study)}")

        report("trials", 0.0, f"0 of {self.count}")
        with suppress(KeyboardInterrupt):
            while self._ended(study) < self.count and self._left(study) > 0:
                study.optimize(self._error, n_trials=1, catch=(EdgewiseError,), callbacks=[tell])

    def _error(self, trial: Trial) -> float:
        """Return the error of settings that a trial draws; why there is none is kept."""
        try:
            return self._over_splits(trial)
        except EdgewiseError as error:
            trial.set_user_attr("reason", str(error))
            raise

    def _over_splits(self, trial: Trial) -> float:
        """Return the error of settings that a trial draws, over all splits."""
        settings, errors = self.space.drawn(trial), []
        for split in range(1, SPLITS + 1):
            left = max(self._left(trial.study), _LEAST)
            found = self.rows.trained(settings, split, None if left == math.inf else left)
            if found.outcome is Outcome.INTERRUPTED:
                raise KeyboardInterrupt
            if found.outcome is Outcome.TIME_LIMIT:
                raise InputError("The time limit of the sweep ended this trial.")
            errors.append(found.test_error)
            if not math.isfinite(errors[-1]):
                raise InputError("The network is not finite on rows that were left out.")
            trial.set_user_attr("errors", errors)
            trial.report(sum(errors) / len(errors), split)
            if split < SPLITS and trial.should_prune():
                raise optuna().TrialPruned
        return sum(errors) / len(errors)

    def _ended(self, study: Study) -> int:
        """Return the number of trials that ended; of combinations, where each is tried: processes may repeat some."""
        ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
        if self.sampling(0).every is None:
            return len(ended)
        return len({tuple(sorted((name, str(value)) for name, value in trial.params.items())) for trial in ended})

    def _left(self, study: Study) -> float:
        """Return the seconds left for trials: the best network has to be trained twice more."""
        left = self.until - time.monotonic()
        complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
        if left == math.inf or not complete:
            return left
        taken = min(complete, key=lambda trial: trial.value or 0.0).duration
        return left - _LAST * (0.0 if taken is None else taken.total_seconds()) / SPLITS

    def _best(self, study: Study) -> str:
        try:
            best = study.best_trial
        except ValueError:  # none is complete
            return ""
        return f"best {best.value:.3g}: {shown(self.space.settings(best))}"


def _share(workers: Workers, task: _Task, place: Any, about: Mapping[str, Any], report: Report) -> None:
    """Let several processes add trials, each until the study has enough."""
    report("trials", 0.0, f"{task.count} in {workers.count} processes")
    with suppress(KeyboardInterrupt):
        workers(_work, [(task, place, about, number) for number in range(workers.count)])


def _work(task: _Task, place: Any, about: Mapping[str, Any], number: int) -> None:
    with reporting(False) as silent:
        task.run(study_of(place, about, task.sampling(number + 1)), silent)


def _check(trials: int, seed: int, time_limit: float | None) -> None:
    if not is_int(trials, 1):
        raise InputError(f"'trials' must be an int >= 1. Got {trials!r}.")
    if not is_int(seed, 0, 2**31):
        raise InputError(f"'seed' must be an int from 0 to 2^31. Got {seed!r}.")
    if time_limit is not None and not is_number(time_limit, 1e-9):
        raise InputError(f"'time_limit' must be a finite number of seconds > 0, or None for any. Got {time_limit!r}.")
