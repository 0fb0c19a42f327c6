"""Which shape, basis and grid of a network serve a table best: a study of many fits, and what it found."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise._checks import is_int, is_number
from edgewise._errors import EdgewiseError, InputError
from edgewise._extras import needed
from edgewise._progress import Report, Shown, reporting
from edgewise._typing import Data
from edgewise._workers import Workers, checked_jobs
from edgewise.networks.sweeps._space import Setting, Space, shown
from edgewise.networks.sweeps._store import Rows, Sampling, opened, optuna, study_of
from edgewise.train import FitResult, LossName, Outcome

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as RunningTrial


@dataclass(frozen=True)
class Trial:
    """One trial: its settings, its mean error over the splits, and how it ended.

    Parameters
    ----------
    number
        Its number, from 0.
    settings
        Its settings, without those that do not vary.
    error
        Mean of its errors, in the target's units (mean cross-entropy for classes).
    errors
        Errors on rows left out, one for each split that was trained.
    seconds
        How long it took, in seconds.
    ended
        "complete", "cut" (it was worse than the median after some splits) or "failed".
    reason
        Why it failed.
    """

    number: int
    settings: dict[str, Setting]
    error: float
    errors: tuple[float, ...]
    seconds: float
    ended: str
    reason: str = ""


@dataclass(frozen=True)
class Sweep:
    """The trials of a sweep, and the best network.

    Parameters
    ----------
    settings
        The best settings.
    error
        Their mean error on rows left out, in the target's units (mean cross-entropy for classes): optimistic, because
        they were chosen by it.
    score
        R^2, or the accuracy for classes, of these settings on rows that no trial saw.
    result
        The network, trained on all rows.
    trials
        All trials.
    importance
        Which part of the variance of the logarithm of the error each setting explains, by functional analysis of
        variance; empty with fewer than eight complete trials.
    interrupted
        Whether somebody interrupted the sweep before its last trial.
    """

    settings: dict[str, Setting]
    error: float
    score: float
    result: FitResult
    trials: Sequence[Trial]
    importance: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial], rows: Rows, space: Space) -> Sweep:
        """Return what came of trials.

        Parameters
        ----------
        trials
            The trials of Optuna.
        rows
            The rows that they were trained on.
        space
            The values that settings may have.

        Raises
        ------
        InputError
            If none is complete.
        """
        every = [_trial(trial, space) for trial in trials if trial.state.is_finished()]
        complete = [trial for trial in every if trial.ended == "complete"]
        if not complete:
            reasons = sorted({trial.reason for trial in every if trial.reason})
            why = f" {reasons[0]}" if reasons else " Allow more time."
            raise InputError(f"No trial of the sweep was completed.{why}")
        best = min(complete, key=lambda trial: trial.error)
        score = rows.score(rows.trained(best.settings, 0, None))
        result = rows.trained(best.settings, None, None)
        return cls(best.settings, best.error, score, result, every, _importance(trials, space))

    def frame(self) -> pd.DataFrame:
        """Return a row for each trial, the best one first."""
        pd = needed("pandas")

        columns = ("number", "error", "seconds", "ended")
        rows = [{key: getattr(trial, key) for key in columns} | trial.settings for trial in self.trials]
        return pd.DataFrame(rows).sort_values(["ended", "error", "number"], ignore_index=True)

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the error of each trial, and over each setting, the most important one first.

        Parameters
        ----------
        ax
            Axes of a subplot, in whose place the panels are drawn; None makes a figure.
        """
        from edgewise import plot

        return plot.trials(self.trials, self.importance, ax=ax)

    def __str__(self) -> str:
        counts = {kind: sum(trial.ended == kind for trial in self.trials) for kind in ("complete", "cut", "failed")}
        ends = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        classes = self.result.loss == "cross_entropy"
        lines = [
            f"{len(self.trials)} trials ({ends})",
            f"Best settings: {shown(self.settings)}",
            f"Error on rows left out, mean of the splits: {self.error:.4g}",
            f"{'Accuracy' if classes else 'R2'} on rows that no trial saw: {self.score:.4g}",
        ]
        if self.importance:
            parts = (f"{name} {part:.0%}" for name, part in self.importance.items())
            lines.append(f"What matters: {', '.join(parts)}")
        return "\n".join(lines)


def _trial(trial: FrozenTrial, space: Space) -> Trial:
    errors = tuple(trial.user_attrs.get("errors", ()))
    seconds = math.nan if trial.duration is None else trial.duration.total_seconds()
    ended = {"COMPLETE": "complete", "PRUNED": "cut"}.get(trial.state.name, "failed")
    error = sum(errors) / len(errors) if errors else math.inf
    return Trial(trial.number, space.settings(trial), error, errors, seconds, ended, trial.user_attrs.get("reason", ""))


def _importance(trials: Sequence[FrozenTrial], space: Space) -> dict[str, float]:
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    varied = [name for name in space.names if len({str(trial.params.get(name)) for trial in complete}) > 1]
    if len(complete) < 8 or not varied:  # too few to say what matters
        return {}
    library = optuna()
    study = library.create_study()  # of the complete trials only, in memory
    study.add_trials(complete)
    found: dict[str, Any] = library.importance.get_param_importances(
        study, evaluator=library.importance.FanovaImportanceEvaluator(seed=0), params=varied, target=_logarithm
    )
    return {name: float(part) for name, part in found.items()}


def _logarithm(trial: FrozenTrial) -> float:
    return math.log(max(trial.value or 0.0, 1e-300))


SPLITS = 3  # of the rows, on which the error of a trial is measured
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

    If there are no more combinations than trials, each is tried. Otherwise settings are drawn by a tree-structured
    Parzen estimator, after the usual ones and some at random. The error of a trial is the mean of
    `FitResult.test_error` over three splits of the rows, the same for all; a trial whose first splits are worse than
    the median of the others ends there. A fifth of the rows takes no part: on them the best network is scored at the
    end, before it is trained on all rows. Ctrl-C ends a sweep with what was found.

    Parameters
    ----------
    x : (n, columns)
        The inputs, as `fit` takes them, text, dates and gaps included.
    y : (n, n_out)
        The targets; (n,) for one output, class numbers with "cross_entropy".
    space
        For any of "hidden" (nodes of the hidden layers), "basis", "grid", "degree", "base" and "sparsity" a list of
        values, or a tuple (low, high); what is not in it stays as usual. None: a space for small tables.
    trials
        Number of trials of the whole study, those that others added included.
    loss
        Name of the loss, as in `fit`.
    storage
        A file, or the address of a database such as "sqlite:///study.db": a study that is there goes on, and several
        machines may add to one.
    n_jobs
        Processes, or workers of another backend of joblib, -1 for one a core; with more than one, settings depend on
        the order in which trials end.
    seed
        Seed of the settings that are drawn, the splits and the networks.
    time_limit
        Seconds after which the sweep ends with what was found; None for no limit.
    progress
        Whether to show progress on stderr, or a function, as in `discover`.

    Raises
    ------
    InputError
        Without Optuna (`pip install 'edgewise[sweep]'`), for settings that do not exist, fewer than 20 rows, and a
        storage whose study is of other rows or another space.

    References
    ----------
    Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011), for the sampler.

    Examples
    --------
    >>> import edgewise as ew, numpy as np
    >>> x = np.random.default_rng(0).uniform(-1, 1, (100, 1))
    >>> found = ew.sweep(x, np.sin(9 * x[:, 0]), space={"hidden": [()], "grid": [2, 15]}, trials=2)
    >>> found.settings, found.score > 0.99
    ({'hidden': (), 'grid': 15}, True)
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
            try:
                if workers.count == 1:
                    task.run(study, report)
                else:
                    _share(workers, task, place, about, report)
                stopped = False
            except KeyboardInterrupt:
                stopped = True
        done = study.get_trials()
        if stopped and not any(trial.state.name == "COMPLETE" for trial in done):
            raise KeyboardInterrupt
        return replace(Sweep.of(done, rows, held), interrupted=stopped)


@dataclass(frozen=True)
class _Task:
    """The trials of one study, from any process."""

    rows: Rows
    space: Space
    trials: int
    until: float

    def sampling(self, process: int) -> Sampling:
        """Return how a process draws settings: all of them where there are no more than trials."""
        every, seed = self.space.combinations(), self.rows.seed + 1000 * process
        if every is not None and math.prod(map(len, every.values())) <= self.trials:
            return Sampling(seed, every=every)
        return Sampling(seed, start=None if process else self.space.start())

    @property
    def count(self) -> int:
        """The trials of the study."""
        every = self.sampling(0).every
        return self.trials if every is None else math.prod(map(len, every.values()))

    def run(self, study: Study, report: Report) -> None:
        """Add trials until the study has enough, or time is up."""

        def tell(study: Study, trial: FrozenTrial) -> None:
            ended = self._ended(study)
            report("trials", min(ended / self.count, 1.0), f"{ended} of {self.count}; {self._best(study)}")

        report("trials", 0.0, f"0 of {self.count}")
        while self._ended(study) < self.count and self._left(study) > 0:
            study.optimize(self._error, n_trials=1, catch=(EdgewiseError,), callbacks=[tell])

    def _error(self, trial: RunningTrial) -> float:
        """Return the error of settings that a trial draws; why there is none is kept."""
        try:
            return self._over_splits(trial)
        except EdgewiseError as error:
            trial.set_user_attr("reason", str(error))
            raise

    def _over_splits(self, trial: RunningTrial) -> float:
        """Return the error of settings that a trial draws, over all splits."""
        settings, errors = self.space.drawn(trial), []
        for split in range(1, SPLITS + 1):
            left = max(self._left(trial.study), 0.05)  # seconds that any network is trained for
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
        """Return the seconds left for trials: the best network has to be trained twice more, on more rows."""
        left = self.until - time.monotonic()
        complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
        if left == math.inf or not complete:
            return left
        taken = min(complete, key=lambda trial: trial.value or 0.0).duration
        return left - 2.5 * (0.0 if taken is None else taken.total_seconds()) / SPLITS

    def _best(self, study: Study) -> str:
        try:
            best = study.best_trial
        except ValueError:  # none is complete
            return ""
        return f"best {best.value:.3g}: {shown(self.space.settings(best))}"


def _share(workers: Workers, task: _Task, place: Any, about: Mapping[str, Any], report: Report) -> None:
    """Let several processes add trials, each until the study has enough."""
    report("trials", 0.0, f"{task.count} in {workers.count} processes")
    workers(_work, [(task, place, about, number) for number in range(workers.count)])


def _work(task: _Task, place: Any, about: Mapping[str, Any], number: int) -> None:
    with reporting(False) as silent, suppress(KeyboardInterrupt):
        task.run(study_of(place, about, task.sampling(number + 1)), silent)


def _check(trials: int, seed: int, time_limit: float | None) -> None:
    if not is_int(trials, 1):
        raise InputError(f"'trials' must be an int >= 1. Got {trials!r}.")
    if not is_int(seed, 0, 2**31):
        raise InputError(f"'seed' must be an int from 0 to 2^31. Got {seed!r}.")
    if time_limit is not None and not is_number(time_limit, 1e-9):
        raise InputError(f"'time_limit' must be a finite number of seconds > 0, or None for any. Got {time_limit!r}.")
