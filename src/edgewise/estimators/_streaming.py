"""Estimators that are given their rows batch by batch, and the rows that they keep."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._ranks import shared_training
from edgewise.estimators._table import SupervisedEstimator, Training
from edgewise.estimators._tuning import TUNING
from edgewise.tables.encoding import Encoder


@dataclass(frozen=True)
class Memory:
    """Rows: x (n, p) as `encoder` encodes them, y and weights. Of more than 100,000, or 20 million numbers, a sample.

    Every row gets a random key when it arrives, and the rows of the smallest keys are kept, in the order of arrival.
    `seen` counts the rows that arrived.

    >>> encoder = Encoder.learn([["b"], ["c"]])
    >>> first = Memory.of(encoder, np.array([[0.0], [1.0]]), np.zeros(2), np.ones(2))
    >>> more = encoder.extended([["a"]])
    >>> first.joined(more, np.array([[0.0]]), np.ones(1), np.ones(1)).x.ravel().tolist()
    [1.0, 2.0, 0.0]

    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006), with equal weights.
    """

    encoder: Encoder
    x: Array
    y: Array
    weights: Array
    keys: Array
    seen: int
    seed: int = 0

    @classmethod
    def of(cls, encoder: Encoder, x: Array, y: Array, weights: Array, seed: int = 0) -> Memory:
        """Return the memory of the first rows; `seed` is that of the sample."""
        return cls(encoder, x, y, weights, _keys(seed, 0, len(x)), len(x), seed)._bounded()

    def joined(self, encoder: Encoder, x: Array, y: Array, weights: Array) -> Memory:
        """Return the memory with more rows, whose encoder is extended from its own."""
        keys = _keys(self.seed, self.seen, len(x))
        return Memory(
            encoder,
            np.concatenate([encoder.recoded(self.x, self.encoder), x]),
            np.concatenate([self.y, y]),
            np.concatenate([self.weights, weights]),
            np.concatenate([self.keys, keys]),
            self.seen + len(x),
            self.seed,
        )._bounded()

    def _bounded(self) -> Memory:
        most = max(min(TUNING.memory_rows, TUNING.memory_numbers // self.x.shape[1]), 1)
        if len(self.keys) <= most:
            return self
        kept = np.sort(np.argpartition(self.keys, most)[:most])
        parts = {name: getattr(self, name)[kept] for name in ("x", "y", "weights", "keys")}
        return replace(self, **parts)


def _keys(seed: int, seen: int, count: int) -> Array:
    return np.random.default_rng([seed, seen]).random(count)


class Streaming(SupervisedEstimator):
    """An estimator with `partial_fit`: it remembers the rows it is given, and fits all that it remembers.

    Attributes
    ----------
    memory_
        The rows; only after `partial_fit`. Those of `fit` are remembered for a `partial_fit` that may follow, but not
        saved with the estimator.
    """

    memory_: Memory
    _rows_of_fit: Memory

    def _fit_all(self, X: Any, y: Any, sample_weight: Any, process_group: Any = None) -> None:
        """Fit the rows of a table, of a group those of all its ranks, and remember them instead of any before."""
        if process_group is None:
            rows = self._training(X, y, sample_weight)
        else:
            rows = shared_training(self, X, y, sample_weight, process_group)
        self._fit_rows(rows)
        vars(self).pop("memory_", None)
        self._rows_of_fit = Memory.of(self.encoder_, rows.x, rows.y, rows.sample_weights, self._seed())

    def _fit_batch(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Remember the rows of a batch, and fit what is remembered; nothing has changed where this raises an error."""
        before = vars(self).get("encoder_")
        memory = self._with_batch(X, y, sample_weight)
        self.encoder_, own = memory.encoder, memory.weights
        try:
            self._fit_rows(Training(memory.x, memory.y, self._weighted(own, memory.y), own))
        except BaseException:
            if before is None:
                del self.encoder_
            else:
                self.encoder_ = before
            raise
        self.memory_ = memory
        vars(self).pop("_rows_of_fit", None)

    def _rows_so_far(self) -> Memory | None:
        """Return the rows to add to, None before the first. Errors: ValueError if they were not saved."""
        known = vars(self).get("memory_", vars(self).get("_rows_of_fit"))
        if known is None and hasattr(self, "encoder_"):
            raise ValueError(
                f"This {type(self).__name__} was fitted by fit, and saved without its rows, which partial_fit adds to. "
                "Clone it, and give partial_fit all rows."
            )
        return known

    def _with_batch(self, X: Any, y: Any, sample_weight: Any) -> Memory:
        known = self._rows_so_far()
        y, sample_weight = self._of_rows(X, y, sample_weight)
        X = self._checked(X, reset=known is None, least=2 if known is None else 1)
        encoder = Encoder.learn(X, self._categories()) if known is None else known.encoder.extended(X)
        x = encoder.encode(X)
        weights = self._row_weights(x, y, sample_weight)
        kept, targets = weights > 0, self._batch_targets(y, first=known is None)
        if known is None:
            return Memory.of(encoder, x[kept], targets[kept], weights[kept], self._seed())
        return known.joined(encoder, x[kept], targets[kept], weights[kept])

    def __getstate__(self) -> dict[str, Any]:
        """Return what is saved: without the rows of `fit`."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_rows_of_fit"}

    @abstractmethod
    def _seed(self) -> int:
        """Return a seed, by `random_state`."""

    @abstractmethod
    def _batch_targets(self, y: Any, *, first: bool) -> Array:
        """Return the targets of a batch as `_fit_rows` takes them, checked against those of the first one."""

    @abstractmethod
    def _fit_rows(self, rows: Training) -> None:
        """Fit the rows, whose columns `encoder_` encodes."""
