"""The fit of each target of a table, with what is read from its rows: means, deviations, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise._workers import Workers
from edgewise.estimators._contributions import Means
from edgewise.estimators._intervals import Intervals
from edgewise.estimators._reading import deviations
from edgewise.estimators._table import SharedRows
from edgewise.estimators._tuning import TUNING
from edgewise.kernels import one_thread
from edgewise.tables.additive import (
    AdditiveFit,
    AllRows,
    Classes,
    Family,
    Gamma,
    Gaussian,
    Levels,
    NegativeBinomial,
    Ordered,
    Poisson,
    Request,
    WeightedRows,
    additive,
)
from edgewise.tables.encoding import Encoder

_FAMILIES = (Gaussian, Classes, Poisson, Gamma)  # whose moments ranks add up


def few_threads(rows: int) -> AbstractContextManager[None]:
    """Return a context with one thread for up to 100,000 rows, where two gain nothing, and all threads for more."""
    return one_thread() if rows <= TUNING.rows_of_a_thread else nullcontext()


@dataclass(frozen=True)
class Task:
    """Columns x (n, p), one target y (n,), weights (n,), and what is asked of the fit."""

    encoder: Encoder
    x: Array
    y: Array
    weights: Array
    family: Family
    request: Request
    intervals: bool
    everything: AllRows | None = None


@dataclass(frozen=True)
class TargetFit:
    """A fit, and its means and deviations over the rows; intervals where they were asked for."""

    fit: AdditiveFit
    means: Means
    deviations: Array
    intervals: Intervals | None

    @classmethod
    def of(cls, task: Task, check: Callable[[str], None] = lambda stage: None) -> TargetFit:
        """Return the fit of a task; `check` is called with each stage."""
        with few_threads(len(task.y)):
            return cls._of(task, check)

    @classmethod
    def _of(cls, task: Task, check: Callable[[str], None]) -> TargetFit:
        levels = [labels is not None for labels in task.encoder.levels]
        fit = additive(
            task.x, task.y, levels, task.family, task.request, weights=task.weights, check=check,
            everything=task.everything,
        )  # fmt: skip
        if isinstance(fit.family, NegativeBinomial | Ordered):
            fit = replace(fit, family=fit.family.settled(fit.model.eta(task.x), task.y))
        intervals = Intervals.of(fit, task.x, task.y, task.encoder) if task.intervals else None
        return cls(fit, Means.of(fit.model, task.x, task.weights), deviations(fit, task.x), intervals)


def fitted(tasks: Sequence[Task], n_jobs: int | None, check: Callable[[str], None]) -> list[TargetFit]:
    """Return the fit of each task; with several jobs in processes of their own, which do not call `check`."""
    workers = Workers(n_jobs, "processes")
    if min(workers.count, len(tasks)) < 2:
        return [TargetFit.of(task, check) for task in tasks]
    return workers(TargetFit.of, [(task,) for task in tasks])


def all_rows(shared: SharedRows | None, families: Sequence[Family]) -> list[AllRows | None]:
    """Return the rows of all ranks for each target, None where those to fit are all."""
    if shared is None:
        return [None] * len(families)
    wrong = next((each for each in families if type(each) not in _FAMILIES), None)
    if wrong is not None:
        raise InputError(
            "Ranks share more than 200,000 rows for the losses squared, poisson and gamma, and for classes. "
            f"Got {type(wrong).__name__}: give a sample of the rows to one process."
        )
    targets = shared.y.reshape(len(shared.y), -1).T.astype(float)
    return [AllRows(WeightedRows(shared.x, y, shared.weights), shared.total) for y in targets]


def kept_shape(request: Request, fit: AdditiveFit) -> Request:
    """Return a request for the shape of a fit: its products, and maps, hidden node and single values if it has them.

    A number of products that is asked for stays asked for.
    """
    inputs = fit.design.inputs
    pairs = [(inputs[i].column, inputs[j].column) for i, j in fit.model.products]
    return replace(
        request,
        products=[pair for pair in pairs if request.allowed(pair)] if request.products == "auto" else request.products,
        maps=fit.design.is_mapped or fit.target.name != "identity",
        hidden=fit.model.hidden is not None,
        values=any(isinstance(part, Levels) and part.kind == "value" for part in inputs),
        steps=request.steps and fit.model.steps is not None,
    )
