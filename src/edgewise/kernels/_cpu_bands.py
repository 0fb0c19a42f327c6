"""The kernel that adds small symmetric matrices to the columns of a lower band.

Imported only to compile it; `bands.py` calls what comes out.
"""

from typing import Any

from numba import njit, types

from edgewise.kernels.source import BARE, SIGNATURE, pointer_to


def build(name: str, dtype: str, *sizes: int) -> Any:
    """Return the Numba function of the kernel."""
    reals, wholes = pointer_to(getattr(types, dtype)), pointer_to(types.int32)

    @njit(SIGNATURE, **BARE)
    def add(a: Any) -> None:
        """columns[p_j, p_i - p_j] += matrices[c, i, j] where p_i >= p_j, p the places of matrix c."""
        matrices, places, columns, count, size, wide = reals(a[0]), wholes(a[1]), reals(a[2]), a[3], a[4], a[5]
        for c in range(count):
            own, at = c * size * size, c * size
            for j in range(size):
                first = places[at + j]
                base, row = first * (wide - 1), own + j * size
                for i in range(size):
                    place = places[at + i]
                    if place >= first:
                        columns[base + place] += matrices[row + i]

    return add
