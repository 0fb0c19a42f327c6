"""Functions of one variable and piecewise polynomials in ONNX, of doubles too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from edgewise.interpret.export._onnx_graph import OnnxValue
from edgewise.interpret.export._steps import Pieces, interpolated

_LARGEST = 28.0  # beyond it, erfc is zero in doubles


@cache
def _scaled() -> Pieces:
    """exp(x^2) erfc(x) as polynomials."""
    from scipy.special import erfcx  # takes a third of a second to load

    def values_and_sizes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = erfcx(x)[:, None]
        return values, values

    return Pieces(*interpolated(values_and_sizes, [0.0, _LARGEST]), np.zeros((2, 1)))


def _tail(size: OnnxValue) -> OnnxValue:
    """Return erfc of what is not negative."""
    graph = size.graph
    bounded = graph.where(size > _LARGEST, _LARGEST, size)  # not Min, of which runtimes disagree where x is NaN
    scaled = graph.sum(write_pieces(bounded, [_scaled()]), 2)
    return graph.node("Exp", -(bounded * bounded)) * scaled


def erfc(x: OnnxValue) -> OnnxValue:
    """Return 1 - erf(x), x (rows, columns), with the digits that small values have."""
    tail = _tail(abs(x))
    return x.graph.where(x < 0, 2 - tail, tail)


def erf(x: OnnxValue) -> OnnxValue:
    """Return the error function of x (rows, columns): near zero as a series."""
    series = [2 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(14)]
    near = x * polynomial(x * x, series)
    far = x.graph.node("Sign", x) * (1 - _tail(abs(x)))
    return x.graph.where(abs(x) > 0.5, far, near)


_DIRECT = 32  # knots that a point is compared with at once


@dataclass(frozen=True)
class Table:
    """Functions of several inputs, those of each on its own cells.

    With m cells of an input, t = (x - center) scale, and i the row of a cell: sum_k powers[k, i] t^k. Cells that an
    input lacks are never reached.

    Shapes: knots between cells (inputs, m - 1), centers and scales (inputs m), powers (degree + 1, inputs m,
    functions).
    """

    knots: np.ndarray
    centers: np.ndarray
    scales: np.ndarray
    powers: np.ndarray

    @classmethod
    def of(cls, several: Sequence[Pieces], dtype: np.dtype[Any]) -> Table:
        """Return the table of one `Pieces` for each input, over centers and scales that the dtype holds exactly."""
        cells = max(len(pieces.powers) for pieces in several)
        degree = max(2, *(pieces.powers.shape[1] for pieces in several))  # so that every result depends on x
        count = several[0].powers.shape[2]
        knots = np.full((len(several), cells - 1), math.inf)
        centers, scales = np.zeros((2, len(several), cells))
        powers = np.zeros((degree, len(several), cells, count))
        for i, pieces in enumerate(several):
            here, ends = len(pieces.powers), pieces.knots
            middle, half = (ends[:-1] + ends[1:]) / 2, np.diff(ends) / 2
            centers[i, :here] = middle.astype(dtype)
            scales[i, :here] = (1 / half).astype(dtype)
            moved = _moved(pieces.powers, centers[i, :here] - middle, 1 / scales[i, :here])
            powers[: moved.shape[1], i, :here] = moved.transpose(1, 0, 2)
            knots[i, : here - 1] = ends[1:-1]
        return cls(knots, centers.ravel(), scales.ravel(), powers.reshape(degree, -1, count))


def _moved(powers: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return coefficients in t of polynomials in shift + scale t: (cells, degree + 1, functions) each."""
    out = np.zeros_like(powers)
    for k in range(powers.shape[1]):
        for n in range(k, powers.shape[1]):
            out[:, k] += powers[:, n] * (math.comb(n, k) * shift ** (n - k) * scale**k)[:, None]
    return out


def write_pieces(x: OnnxValue, several: Sequence[Pieces]) -> OnnxValue:
    """Return the functions of x (rows, inputs), which lies between their first and last knots: one `Pieces` an input.

    Over one input x may have several columns, which are all taken for that input. A point that is no number gives none.

    Shapes: (rows, inputs, functions).
    """
    table = Table.of(several, x.graph.dtype)
    return _evaluated(x, table, _cell_rows(x, table.knots))


def write_local_pieces(x: OnnxValue, several: Sequence[Pieces]) -> OnnxValue:
    """Return what `write_pieces` does, where most of the functions are zero on a cell: the others alone are computed.

    They are neighbors, as those of B-splines are: on each cell `width` from the first one on.
    """
    graph, count = x.graph, several[0].powers.shape[2]
    found = [(pieces.powers != 0).max(axis=1) for pieces in several]  # (cells, functions)
    width = max(int((count - on[:, ::-1].argmax(1) - on.argmax(1)).max()) for on in found)
    cells = max(map(len, found))
    if width == count or cells == 1:
        return write_pieces(x, several)
    firsts = np.zeros((len(several), cells), dtype=np.int32)
    narrow = []
    for i, (pieces, on) in enumerate(zip(several, found, strict=True)):
        first = np.minimum(on.argmax(1), count - width)
        firsts[i, : len(first)] = first
        places = first[:, None, None] + np.arange(width)
        narrow.append(replace(pieces, powers=np.take_along_axis(pieces.powers, places, axis=2)))
    table = Table.of(narrow, graph.dtype)
    row = _cell_rows(x, table.knots)
    first = graph.node("Unsqueeze", graph.node("Gather", firsts.ravel(), row), np.array([2]))
    places = graph.node("Add", first, np.arange(width, dtype=np.int32))
    zeros = graph.full(x, np.zeros((len(several), count)))
    return graph.node("ScatterElements", zeros, places, _evaluated(x, table, row), axis=2)


def _evaluated(x: OnnxValue, table: Table, row: OnnxValue) -> OnnxValue:
    graph = x.graph
    center, scale = (graph.node("Gather", part, row) for part in (table.centers, table.scales))
    t = graph.node("Unsqueeze", (x - center) * scale, np.array([2]))
    return polynomial(t, [graph.node("Gather", powers, row) for powers in table.powers])


def _cell_rows(x: OnnxValue, knots: np.ndarray) -> OnnxValue:
    """Return which row of the table each point takes, (rows, inputs), by the knots at most as large as it.

    Many knots are counted in two steps, of blocks and within one, so that x is compared with few at once.
    """
    graph, (inputs, m) = x.graph, knots.shape
    numbers = np.arange(inputs, dtype=np.int32)
    if m == 0:
        return graph.constant(numbers)
    column = graph.node("Unsqueeze", x, np.array([2]))
    if m <= _DIRECT:
        return graph.node("Add", _counted(column, knots), numbers * (m + 1))
    size = math.isqrt(m - 1) + 1
    blocks = -(-m // size)
    padded = np.pad(knots, [(0, 0), (0, blocks * size - m)], constant_values=math.inf)
    block = _counted(column, padded[:, size - 1 : -1 : size])
    inner = graph.node("Gather", padded.reshape(-1, size), graph.node("Add", block, numbers * blocks))
    whole = graph.node("Add", graph.node("Mul", block, np.array(size, dtype=np.int32)), numbers * (m + 1))
    return graph.node("Add", whole, _counted(column, inner))


def _counted(column: OnnxValue, knots: Any) -> OnnxValue:
    """Return how many knots are at most x (rows, inputs, 1), as int32."""
    graph = column.graph
    return graph.sum(graph.cast(column >= knots, np.int32), 2)


_LARGE = 1e8  # beyond it, asinh(x) = log(2x) to rounding


def _is_double(x: OnnxValue) -> bool:
    return x.graph.dtype == np.float64


def polynomial(x: OnnxValue, coefficients: list[Any]) -> OnnxValue:
    """Return sum_k coefficients[k] x^k, by Horner's rule; coefficients are numbers or values."""
    total: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient if isinstance(total, OnnxValue) else x * total + coefficient
    return total


def cos(x: OnnxValue) -> OnnxValue:
    """sin(x + pi/2), with what the sum loses to rounding in first order."""
    if not _is_double(x):
        return x.graph.node("Cos", x)
    quarter, rest = math.pi / 2, 6.123233995736766e-17  # pi/2 minus the double nearest to it
    turned = x + quarter
    added = turned - x
    lost = (x - (turned - added)) + (quarter - added) + rest
    return x.graph.node("Sin", turned) - lost * x.graph.node("Sin", x)


def tan(x: OnnxValue) -> OnnxValue:
    return x.graph.node("Sin", x) / cos(x) if _is_double(x) else x.graph.node("Tan", x)


def sinh(x: OnnxValue) -> OnnxValue:
    """Near zero a series."""
    size = abs(x)
    near = x * polynomial(x * x, [1 / math.factorial(2 * k + 1) for k in range(10)])
    root = x.graph.node("Exp", size * 0.5)
    far = x.graph.node("Sign", x) * (root * 0.5 * root - 0.5 / root / root)
    return x.graph.where(size > 1.0, far, near)


def cosh(x: OnnxValue) -> OnnxValue:
    """Halves of the exponent, so that nothing overflows before the value does."""
    root = x.graph.node("Exp", abs(x) * 0.5)
    return root * 0.5 * root + 0.5 / root / root


def log1p(x: OnnxValue) -> OnnxValue:
    """x log(w)/(w - 1) with w = 1 + x rounded, in which the errors of w cancel.

    Source: Goldberg, What every computer scientist should know about floating-point arithmetic (1991), theorem 4.
    """
    graph, w = x.graph, x + 1
    exact = w.equal(1.0)
    logarithm = graph.node("Log", w)
    return graph.where(exact, x, graph.where(w < math.inf, x * logarithm / graph.where(exact, 1.0, w - 1), logarithm))


def _angle(sine: OnnxValue, cosine: OnnxValue, start: OnnxValue) -> OnnxValue:
    """The angle of the point (cosine, sine) of any distance, from a start that is true to about 1e-4."""
    graph = start.graph
    s, c = graph.node("Sin", start), cos(start)
    tangent = (sine * c - cosine * s) / (cosine * c + sine * s)
    return start + tangent * (1 - tangent * tangent * (1 / 3))


def _of_float32(operator: str, x: OnnxValue) -> OnnxValue:
    return x.graph.cast(x.graph.node(operator, x.graph.cast(x, np.float32)))


def atan(x: OnnxValue) -> OnnxValue:
    graph = x.graph
    if not _is_double(x):
        return graph.node("Atan", x)
    bounded = graph.node("Clip", x, -1e300, 1e300)
    return _angle(bounded, graph.constant(1.0), _of_float32("Atan", x))


def asin(x: OnnxValue) -> OnnxValue:
    if not _is_double(x):
        return x.graph.node("Asin", x)
    return _angle(x, x.graph.node("Sqrt", (1 - x) * (1 + x)), _of_float32("Asin", x))


def acos(x: OnnxValue) -> OnnxValue:
    if not _is_double(x):
        return x.graph.node("Acos", x)
    return _angle(x.graph.node("Sqrt", (1 - x) * (1 + x)), x, _of_float32("Acos", x))


def atan2(y: OnnxValue, x: OnnxValue) -> OnnxValue:
    graph = y.graph
    turn = graph.where(x < 0, graph.where(y < 0, -math.pi, math.pi), 0.0)
    angle = atan(y / x) + turn
    upright = graph.node("Sign", y) * (math.pi / 2)
    return graph.where(x.equal(0.0), upright, angle)


def asinh(x: OnnxValue) -> OnnxValue:
    graph, size = x.graph, abs(x)
    small = graph.where(size > _LARGE, 0.0, size)
    near = log1p(small + small * small / (1 + graph.node("Sqrt", small * small + 1)))
    far = graph.node("Log", graph.where(size > _LARGE, size, 1.0)) + math.log(2)
    return graph.node("Sign", x) * graph.where(size > _LARGE, far, near)


def acosh(x: OnnxValue) -> OnnxValue:
    graph = x.graph
    above = graph.where(x > _LARGE, 1.0, x) - 1
    near = log1p(above + graph.node("Sqrt", above * (above + 2)))
    return graph.where(x > _LARGE, graph.node("Log", x) + math.log(2), near)


def atanh(x: OnnxValue) -> OnnxValue:
    size = abs(x)
    return x.graph.node("Sign", x) * 0.5 * log1p(2 * size / (1 - size))


def sigmoid(x: OnnxValue) -> OnnxValue:
    """Not the operator, which runtimes cut off at about 18."""
    return 1 / (1 + x.graph.node("Exp", -x))


def softplus(x: OnnxValue) -> OnnxValue:
    graph = x.graph
    return graph.node("Max", x, 0.0) + log1p(graph.node("Exp", -abs(x)))


def sinc(x: OnnxValue) -> OnnxValue:
    zero = x.equal(0.0)
    safe = x.graph.where(zero, 1.0, x)
    return x.graph.where(zero, 1.0, x.graph.node("Sin", safe) / safe)
