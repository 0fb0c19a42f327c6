"""The B-spline kernel for a few rows. Imported only to compile it.

All functions of a point are written out, zeros too, and rows are multiplied with coefficients as they lie: packing
them would take longer than the products.
"""

from typing import Any

from numba import njit, types

from edgewise.kernels.bspline._cpu_points import BLOCK, evaluator, reader
from edgewise.kernels.runtime._cpu_few import finish
from edgewise.kernels.runtime._simd import BARE, FAST, SIGNATURE, full_width, pointer_to


def build(name: str, dtype: str, degree: int) -> Any:
    """Return the Numba function of the kernel "few" for one dtype and degree."""
    real, width = getattr(types, dtype), degree + 1
    read, evaluate, end = reader(real), evaluator(real, width), finish(real)
    reals, zero, current = pointer_to(real), real(0), _current(real)

    @njit(SIGNATURE, **BARE)
    def few(a: Any) -> None:
        full_width()
        if not current(a, 25):
            return
        points, splines, scratch, _ = read(a)
        dense, rows = reals(a[15]), a[16]
        n_in, count = points[3], splines[5] + width - 1
        values, cells, stride, pitch = scratch
        for k in range(rows * n_in * count):
            dense[k] = zero
        for i0 in range(0, n_in, BLOCK):
            block = min(BLOCK, n_in - i0)
            evaluate(points, splines, scratch, 0, rows, i0, block)
            for n in range(rows):
                for j in range(block):
                    at = n * pitch + j
                    first = (n * n_in + i0 + j) * count + cells[at]
                    for m in range(width):
                        dense[first + m] = values[m * stride + at]
        end(dense, (rows, n_in, n_in * count), a, 17)

    return few


def _current(real: Any) -> Any:
    """The function that says whether knots are those known, and a mask is full; where not, it writes 1 to a place.

    From `at` on, the arguments are the knots, those known, how many, the mask, how many, and the place.
    """
    reals, flags, wholes = pointer_to(real), pointer_to(types.uint8), pointer_to(types.int64)

    @njit(**FAST)
    def current(a: Any, at: Any) -> Any:
        knots, known, mask = reals(a[at]), reals(a[at + 1]), flags(a[at + 3])
        same = True
        for k in range(a[at + 2]):
            same &= knots[k] == known[k]
        for k in range(a[at + 4]):
            same &= mask[k] != 0
        if not same:
            wholes(a[at + 5])[0] = 1
        return same

    return current
