"""Sums of small symmetric matrices in a band."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.kernels.compiled import addresses, compiled

_KERNELS = "edgewise.kernels._cpu_bands"


def add_to_band(columns: Array, matrices: Array, places: Array) -> None:
    """Add symmetric matrices (C, K, K), whose rows have places (C, K), to a lower band by its columns (n, width).

    columns[p, q - p] is the entry of row q and column p, q >= p. A place may stand twice in a matrix.

    Errors: IndexError for places that the band does not hold, which the kernel would write beyond.
    """
    count, size = places.shape
    if places.size:
        low, high = places.min(1), places.max(1)
        if low.min() < 0 or high.max() >= len(columns) or (high - low).max() >= columns.shape[1]:
            raise IndexError(f"Places must be 0 to {len(columns) - 1}, and less than {columns.shape[1]} apart.")
    values = np.ascontiguousarray(matrices, dtype=np.float64)
    own = np.ascontiguousarray(places, dtype=np.int32)
    sizes = [count, size, columns.shape[1]]
    compiled(_KERNELS, "add", "float64")(addresses([values.ctypes.data, own.ctypes.data, columns.ctypes.data, *sizes]))
