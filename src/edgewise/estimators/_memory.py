"""The rows of a stream that an estimator remembers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewise._typing import Array
from edgewise.tables.encoding import Encoder

_MOST_ROWS, _MOST_NUMBERS = 100_000, 20_000_000


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
        most = max(min(_MOST_ROWS, _MOST_NUMBERS // self.x.shape[1]), 1)
        if len(self.keys) <= most:
            return self
        kept = np.sort(np.argpartition(self.keys, most)[:most])
        parts = {name: getattr(self, name)[kept] for name in ("x", "y", "weights", "keys")}
        return replace(self, **parts)


def _keys(seed: int, seen: int, count: int) -> Array:
    return np.random.default_rng([seed, seen]).random(count)
