"""Tables in units that suit every model, and errors in a table's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.experiments._values import rmse

Table = tuple[Array, Array]
"""Inputs (n, d) and values (n,)."""


class Scaled(NamedTuple):
    """Rows that train, that choose, and of the test: inputs on [-1, 1], values in spreads from their mean."""

    train: Table
    held: Table
    test: Table
    spread: float

    def errors(self, predict: Callable[[Array], Array]) -> dict[str, float]:
        """RMSE on the rows that choose and on those of the test, in the values' own units."""
        held, test = (self.spread * rmse(predict(x), y) for x, y in (self.held, self.test))
        return {"held": held, "error": test}


def scaled(tables: Sequence[Table], low: Sequence[float], high: Sequence[float], known: Array) -> Scaled:
    """Three tables over a box in the units of its corners, and of the mean and the spread of known values."""
    bottom, size, mean, spread = np.array(low), np.subtract(high, low), float(known.mean()), float(known.std())
    train, held, test = ((2 * (x - bottom) / size - 1, (y - mean) / spread) for x, y in tables)
    return Scaled(train, held, test, spread)
