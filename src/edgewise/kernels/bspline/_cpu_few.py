"""The B-spline kernels for a few rows: one layer, or a chain of them. Imported only to compile them.

All functions of a point are written out, zeros too, and rows are multiplied with coefficients as they lie: packing
them would take longer than the products.
"""

from typing import Any

from numba import njit, types

from edgewise.kernels.bspline._cpu_points import BLOCK, evaluator, reader
from edgewise.kernels.runtime._cpu_few import finish
from edgewise.kernels.runtime._simd import BARE, FAST, SIGNATURE, full_width, pointer_to


def build(name: str, dtype: str, degree: int) -> Any:
    """Return the Numba function of a kernel for one dtype and degree."""
    return {"few": _few, "chain": _chain}[name](getattr(types, dtype), degree + 1)


def _few(real: Any, width: int) -> Any:
    """One layer, unless its knots or mask have changed."""
    current, layer = _current(real), _layer(real, width)

    @njit(SIGNATURE, **BARE)
    def few(a: Any) -> None:
        full_width()
        if current(a, 25):
            layer(a)

    return few


def _chain(real: Any, width: int) -> Any:
    """Layers one after another, each with the products of its nodes.

    The arguments are the number of layers, where their arguments begin, 29 of each, the first's x and the last's place.
    """
    layer, multiply, wholes = _layer(real, width), _products(real), pointer_to(types.int64)

    @njit(SIGNATURE, **BARE)
    def chain(a: Any) -> None:
        full_width()
        for k in range(a[0]):
            own = wholes(a[1] + 8 * 29 * k)
            if k == 0:
                own[0] = a[2]
            if k == a[0] - 1:
                own[25 if own[25] else 18] = a[3]
            layer(own)
            if own[25]:
                multiply(own)

    return chain


def _layer(real: Any, width: int) -> Any:
    """The function of a layer's arguments that fills its outputs."""
    read, evaluate, end = reader(real), evaluator(real, width), finish(real)
    reals, zero = pointer_to(real), real(0)

    @njit(**FAST)
    def layer(a: Any) -> None:
        full_width()
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
        end(points[0], dense, (rows, n_in, n_in * count), a, 17)

    return layer


def _products(real: Any) -> Any:
    """The function that makes nodes of subnodes: sums, then products of consecutive subnodes.

    From 25 on, a layer's arguments are the nodes' place, the numbers of sums and of products, and their arities.
    """
    reals, wholes = pointer_to(real), pointer_to(types.int64)

    @njit(**FAST)
    def multiply(a: Any) -> None:
        subnodes, rows, n_sub = reals(a[18]), a[16], a[19]
        nodes, n_sum, n_products, arities = reals(a[25]), a[26], a[27], wholes(a[28])
        n_nodes = n_sum + n_products
        for n in range(rows):
            for q in range(n_sum):
                nodes[n * n_nodes + q] = subnodes[n * n_sub + q]
            at = n * n_sub + n_sum
            for q in range(n_products):
                value = subnodes[at]
                for k in range(1, arities[q]):
                    value *= subnodes[at + k]
                nodes[n * n_nodes + n_sum + q] = value
                at += arities[q]

    return multiply


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
