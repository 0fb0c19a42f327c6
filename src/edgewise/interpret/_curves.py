"""Each edge's function as numbers, over the range that the data takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.nn import KAN, KANLayer, trace
from edgewise.train import as_matrix

_POINTS = 161
_MOST_ROWS = 10_000


@dataclass(frozen=True)
class EdgeCurve:
    """One active edge's curve, what goes in and comes out of it, and its knots' range.

    x and y (points,) are the curve, sorted by x; samples and values (rows,) its inputs and outputs at the
    data. `outside` is the share of samples beyond the knots (0 for a symbolic edge, which has none);
    `function` and `affine` = (a, b, c, d) are set for a symbolic edge.
    """

    layer: int
    j: int
    i: int
    x: np.ndarray
    y: np.ndarray
    samples: np.ndarray
    values: np.ndarray
    knots: tuple[float, float]
    outside: float
    function: str | None
    affine: tuple[float, float, float, float] | None


def rows_of(model: KAN, x: Any) -> Tensor:
    """The rows to show a network on: at most 10 000 of x, or points spread over the first knots."""
    if x is None:
        layer = model.layers[0]
        assert isinstance(layer, KANLayer)
        low, high = layer.kind.ends(layer.knots)
        unit = torch.quasirandom.SobolEngine(model.n_in).draw(513, dtype=torch.float64)[1:].to(low)
        return low + (high - low) * unit
    table = as_matrix(x, "x")
    if table.shape[1] != model.n_in:
        raise InputError(f"This KAN takes {model.n_in} input columns. x has {table.shape[1]}.")
    return table[:: -(-len(table) // _MOST_ROWS)].to(model.device, model.dtype)


def edge_curves(model: KAN, x: Any = None) -> list[EdgeCurve]:
    """Return the curve of every active edge over the range its inputs take on the rows of x.

    Shapes: x (n, n_in), or None for points spread over the first layer's knots.
    Errors: InputError for another width.

    >>> import edgewise as ew
    >>> curve = ew.interpret.edge_curves(ew.KAN([2, 1]))[0]
    >>> curve.x.shape == curve.y.shape, curve.function
    (True, None)
    """
    with torch.no_grad():
        passed = trace(model, rows_of(model, x))
        found = []
        for depth, layer in enumerate(model.layers):
            assert isinstance(layer, KANLayer)
            points = _points(passed.inputs[depth])
            values = layer.edges(points)
            for j, i in layer.mask.nonzero().tolist():
                found.append(
                    _curve(
                        layer,
                        (depth, j, i),
                        (points[:, i], values[:, j, i]),
                        (passed.inputs[depth][:, i], passed.edges[depth][:, j, i]),
                    )
                )
    return found


def _points(inputs: Tensor) -> Tensor:
    """Evenly spread points and quantiles of each column, sorted: (points, columns)."""
    inputs = torch.where(inputs.isfinite(), inputs, torch.nan)
    low = inputs.nan_to_num(nan=torch.inf).amin(0)
    high = inputs.nan_to_num(nan=-torch.inf).amax(0)
    low, high = (end.where(end.isfinite(), torch.zeros_like(end)) for end in (low, high))
    step = torch.linspace(0, 1, _POINTS, dtype=inputs.dtype, device=inputs.device).unsqueeze(1)
    even = low + (high - low) * step
    dense = inputs.nanquantile(step[::4, 0], dim=0).nan_to_num()
    return torch.cat([even, dense]).sort(0).values


def _curve(
    layer: KANLayer, edge: tuple[int, int, int], curve: tuple[Tensor, Tensor], data: tuple[Tensor, Tensor]
) -> EdgeCurve:
    depth, j, i = edge
    x, y, samples, values = (part.double().cpu().numpy() for part in (*curve, *data))
    function = layer.symbols.get((j, i))
    a, b, c, d = layer.affine[j, i].double().tolist()
    low, high = (float(end[i]) for end in layer.kind.ends(layer.knots))
    beyond = (samples < low) | (samples > high)
    return EdgeCurve(
        depth,
        j,
        i,
        x,
        y,
        samples,
        values,
        (low, high),
        0.0 if function else float(beyond.mean()),
        function,
        (a, b, c, d) if function else None,
    )
