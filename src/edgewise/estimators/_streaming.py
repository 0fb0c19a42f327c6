"""Estimators that are given their rows batch by batch."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from edgewise._typing import Array
from edgewise.encoding import Encoder
from edgewise.estimators._memory import Memory
from edgewise.estimators._table import SupervisedEstimator, Training


class Streaming(SupervisedEstimator):
    """An estimator with `partial_fit`: it remembers the rows it is given, and fits all that it remembers.

    Fitted attribute: `memory_`, the rows; only after `partial_fit`.
    """

    memory_: Memory

    def _fit_batch(self, X: Any, y: Any, sample_weight: Any, seed: int) -> None:
        """Remember the rows of a batch, and fit what is remembered; nothing has changed where this raises an error."""
        before = vars(self).get("encoder_")
        memory = self._with_batch(X, y, sample_weight, seed)
        self.encoder_ = memory.encoder
        try:
            self._fit_rows(Training(memory.x, memory.y, self._weighted(memory.weights, memory.y)))
        except BaseException:
            if before is None:
                del self.encoder_
            else:
                self.encoder_ = before
            raise
        self.memory_ = memory

    def _forget(self) -> None:
        """Forget the rows of a stream."""
        vars(self).pop("memory_", None)

    def _with_batch(self, X: Any, y: Any, sample_weight: Any, seed: int) -> Memory:
        known = vars(self).get("memory_")
        if known is None and hasattr(self, "encoder_"):
            raise ValueError(
                f"{type(self).__name__} was fitted by fit, which keeps no rows that partial_fit could add to. "
                "Clone it, and give partial_fit all rows."
            )
        self._require(y)
        X = self._checked(X, reset=known is None, least=2 if known is None else 1)
        encoder = Encoder.learn(X, self.categorical_features) if known is None else known.encoder.extended(X)
        x = encoder.encode(X)
        weights = self._row_weights(x, y, sample_weight)
        kept, targets = weights > 0, self._batch_targets(y, first=known is None)
        if known is None:
            return Memory.of(encoder, x[kept], targets[kept], weights[kept], seed)
        return known.joined(encoder, x[kept], targets[kept], weights[kept])

    @abstractmethod
    def _batch_targets(self, y: Any, *, first: bool) -> Array:
        """Return the targets of a batch as `_fit_rows` takes them, checked against those of the first one."""

    @abstractmethod
    def _fit_rows(self, rows: Training) -> None:
        """Fit the rows, whose columns `encoder_` encodes."""
