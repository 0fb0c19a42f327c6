"""Rows of a table that the ranks of a process group share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from edgewise._errors import InputError, first_line
from edgewise._typing import Array
from edgewise.estimators._table import SharedRows, Training
from edgewise.tables.additive import most_rows, sampled
from edgewise.tables.encoding import Encoder


def shared_training(estimator: Any, X: Any, y: Any, sample_weight: Any, group: Any) -> Training:
    """Return the rows to fit, the same in every rank: those of all ranks, or of more than 200,000 a sample.

    All ranks call it. What is wrong in one is an error in all. Errors: InputError for what is no process group, for
    rows that do not fit together, and for weights of classes.
    """
    if not torch.distributed.is_available() or not isinstance(group, torch.distributed.ProcessGroup):
        raise InputError(
            "'process_group' must be a group of torch.distributed, as torch.distributed.group.WORLD is after "
            f"init_process_group. Got {group!r:.60}."
        )
    if getattr(estimator, "class_weight", None) is not None:
        raise InputError("'class_weight' is not for ranks that share rows: give sample_weight.")
    own = _agreed(group, lambda: _checked(estimator, X, y, sample_weight))
    estimator.encoder_ = _encoder(estimator, own[0], group)
    x = _agreed(group, lambda: estimator.encoder_.encode(own[0]))
    targets = _targets(estimator, own[1], group)
    weights = _agreed(group, lambda: estimator._row_weights(x, targets, own[2]))
    kept = weights > 0
    x, targets, weights = x[kept], targets[kept], weights[kept]
    counts = _gathered(group, len(x))
    before, rows = sum(counts[: torch.distributed.get_rank(group)]), sum(counts)
    chosen = sampled(rows, most_rows(), estimator._seed())
    mine = chosen[(chosen >= before) & (chosen < before + len(x))] - before
    parts = [np.concatenate(_gathered(group, each[mine])) for each in (x, targets, weights)]
    shared = None
    if rows > len(chosen):
        mean = sum(_gathered(group, float(weights.sum()))) / rows
        shared = SharedRows(x, targets, weights / mean, lambda sums: _total(group, sums))
    return Training(parts[0], parts[1], parts[2], parts[2], shared)


def _checked(estimator: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    y, sample_weight = estimator._of_rows(X, y, sample_weight)
    X = estimator._checked(X, reset=True, least=1)
    return X, y, sample_weight


def _encoder(estimator: Any, X: Any, group: Any) -> Encoder:
    """Return the encoder that knows the rows of all ranks: each adds what it has to that of the ranks before."""
    own, found = torch.distributed.get_rank(group), None
    for turn in range(torch.distributed.get_world_size(group)):
        act = partial(_extended, estimator, X, found) if turn == own else lambda: None
        found = _agreed_all(group, act)[turn]
    assert found is not None
    return found


def _extended(estimator: Any, X: Any, before: Encoder | None) -> Encoder:
    return Encoder.learn(X, estimator.categorical_features) if before is None else before.extended(X)


def _targets(estimator: Any, y: Any, group: Any) -> Array:
    """Return the targets of this rank, numbers or those of classes that any rank has."""
    if not hasattr(estimator, "_codes"):
        return _agreed(group, lambda: estimator._targets(y, np.ones(len(y), bool)))
    labels = np.asarray(y).ravel()
    estimator.classes_ = _agreed(group, lambda: np.unique(np.concatenate(_gathered(group, np.unique(labels)))))
    if len(estimator.classes_) < 2:
        raise ValueError(f"{type(estimator).__name__} needs at least two classes. All ranks have {estimator.classes_}.")
    return estimator._codes(labels)


def _agreed(group: Any, act: Callable[[], Any]) -> Any:
    """Return what an action gives; an error in one rank is raised in all."""
    return _agreed_all(group, act, keep=False)[torch.distributed.get_rank(group)]


def _agreed_all(group: Any, act: Callable[[], Any], keep: bool = True) -> list[Any]:
    """Return what an action gives in each rank, or without `keep` in this one."""
    value, wrong = None, None
    try:
        value = act()
    except (ValueError, TypeError) as error:
        wrong = error
    faults = _gathered(group, None if wrong is None else first_line(wrong))
    if wrong is not None:
        raise wrong
    bad = next((k for k, fault in enumerate(faults) if fault is not None), None)
    if bad is not None:
        raise InputError(f"Rank {bad} of the process group: {faults[bad]}")
    if keep:
        return _gathered(group, value)
    found: list[Any] = [None] * len(faults)
    found[torch.distributed.get_rank(group)] = value
    return found


def _gathered(group: Any, value: Any) -> list[Any]:
    """Return the values of all ranks, in their order."""
    found: list[Any] = [None] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(found, value, group=group)
    return found


def _total(group: Any, sums: Array) -> Array:
    values = torch.from_numpy(np.ascontiguousarray(sums, dtype=np.float64)).clone()
    torch.distributed.all_reduce(values, group=group)
    return values.numpy()
