"""What a sweep found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.networks.sweeps._rows import Rows
from edgewise.networks.sweeps._space import Setting, Space, shown
from edgewise.networks.sweeps._store import optuna
from edgewise.train import FitResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

_ENOUGH = 8  # complete trials, to say what matters


@dataclass(frozen=True)
class Trial:
    """One trial: its settings, its mean error over the splits, and how it ended.

    `errors`: on rows left out, one for each split that was trained. `ended` is "complete", "cut" (it was worse than the
    median after some splits) or "failed"; `reason` says why it failed.
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

    `settings`: the best ones, and `error` their mean error on rows left out, in the target's units (mean cross-entropy
    for classes): optimistic, because they were chosen by it. `score`: R^2, or the accuracy for classes, of these
    settings on rows that no trial saw. `result`: the network, trained on all rows. `importance`: which part of the
    variance of the logarithm of the error each setting explains, by functional analysis of variance; empty with fewer
    than eight complete trials.
    """

    settings: dict[str, Setting]
    error: float
    score: float
    result: FitResult
    trials: Sequence[Trial]
    importance: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial], rows: Rows, space: Space) -> Sweep:
        """Return what came of trials. Errors: InputError if none is complete."""
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

    def plot(self) -> Figure:
        """Draw the error of each trial, and over each setting, the most important one first."""
        from edgewise import plot

        return plot.trials(self.trials, self.importance)

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
    if len(complete) < _ENOUGH or not varied:
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
