"""Polynomials between knots in ONNX: find the cell of a point, take its coefficients, evaluate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgewise.interpret.export._curves import Pieces
from edgewise.interpret.export._onnx_functions import polynomial
from edgewise.interpret.export._onnx_graph import OnnxValue

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
