"""Each edge's function as numbers, over the range that the data takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret._rows import rows_of
from edgewise.nn import KAN, KANLayer, trace

_POINTS = 161

Edge = tuple[int, int, int]


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

    @property
    def counts(self) -> np.ndarray:
        """How many samples lie nearer to each point than to any other, (points,): they add up to the rows."""
        middles = (self.x[1:] + self.x[:-1]) / 2
        return np.bincount(np.searchsorted(middles, self.samples[np.isfinite(self.samples)]), minlength=len(self.x))


def edge_curves(model: KAN, x: Data | None = None, *, edges: Iterable[Edge] | None = None) -> list[EdgeCurve]:
    """Return the curve of every active edge, or of some, over the range its inputs take on the rows of x.

    Shapes: x (n, n_in), or None for points spread over the first layer's knots; `edges` lists (layer, j, i).
    Errors: InputError for another width, and for edges that the network does not have.

    >>> import edgewise as ew
    >>> curve = ew.interpret.edge_curves(ew.KAN([2, 1]))[0]
    >>> curve.x.shape == curve.y.shape, curve.function
    (True, None)
    >>> len(ew.interpret.edge_curves(ew.KAN([2, 1]), edges=[(0, 0, 1)]))
    1
    """
    wanted = _active(model) if edges is None else _checked(model, edges)
    found = {}
    with torch.no_grad():
        passed = trace(model, rows_of(model, x))
        for depth in {edge[0] for edge in wanted}:
            layer, inputs, outputs = model.layers[depth], passed.inputs[depth], passed.edges[depth]
            points = _points(inputs)
            values = layer.edges(points)
            for edge in (edge for edge in wanted if edge[0] == depth):
                _, j, i = edge
                found[edge] = _curve(layer, edge, (points[:, i], values[:, j, i]), (inputs[:, i], outputs[:, j, i]))
    return [found[edge] for edge in wanted]


def _active(model: KAN) -> list[Edge]:
    return [(depth, j, i) for depth, layer in enumerate(model.layers) for j, i in layer.mask.nonzero().tolist()]


def _checked(model: KAN, edges: Iterable[Edge]) -> list[Edge]:
    active, wanted = set(_active(model)), []
    for edge in edges:
        if edge not in active:
            raise InputError(
                f"This network has no active edge (layer, j, i) = {edge!r}. Look at ew.interpret.edge_table."
            )
        wanted.append(edge)
    return wanted


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


def _curve(layer: KANLayer, edge: Edge, curve: tuple[Tensor, Tensor], data: tuple[Tensor, Tensor]) -> EdgeCurve:
    depth, j, i = edge
    x, y, samples, values = (part.double().cpu().numpy() for part in (*curve, *data))
    x, first = np.unique(x, return_index=True)
    function = layer.symbols.get((j, i))
    a, b, c, d = layer.affine[j, i].double().tolist()
    low, high = (float(end[i]) for end in layer.basis.ends(layer.knots))
    beyond = (samples < low) | (samples > high)
    return EdgeCurve(
        depth,
        j,
        i,
        x,
        y[first],
        samples,
        values,
        (low, high),
        0.0 if function else float(beyond.mean()),
        function,
        (a, b, c, d) if function else None,
    )
