"""Each edge's function as numbers, over the range that the data takes, and its shape in a word."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array, Data
from edgewise.interpret._scores import rows_of
from edgewise.nn import KAN, Edge, KANLayer, trace

_POINTS = 161

_NOTHING = 1e-9  # of the size of the values: a curve that varies by less is constant
_CLOSE = 1e-4  # of the variance: what a line or a parabola may leave
_SMALL = 0.02  # of the range: a way back that is shorter is no turn


@dataclass(frozen=True)
class EdgeCurve:
    """One active edge's curve, what goes in and comes out of it, and its knots' range.

    Parameters
    ----------
    layer, j, i
        The edge, from node i to subnode j of a layer.
    x : (points,)
        Inputs of the curve, sorted.
    y : (points,)
        Values of the curve.
    samples : (rows,)
        The edge's inputs at the data.
    values : (rows,)
        The edge's outputs at the data.
    knots
        The ends of the range that the knots span.
    outside
        The share of samples beyond the knots; 0 for a symbolic edge, which has none.
    function
        The name of a symbolic edge's function; None for a spline.
    affine
        The constants (a, b, c, d) of a symbolic edge; None for a spline.
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

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame, of which at most 10 000 rows are taken. None takes points that
        are spread over the first layer's knots.
    edges
        The edges, each (layer, j, i); all active ones by default.

    Raises
    ------
    InputError
        For x of another width, and for edges that the network does not have.

    Examples
    --------
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
            for at, j, i in wanted:
                if at == depth:
                    parts = points[:, i], values[:, j, i], inputs[:, i], outputs[:, j, i]
                    found[at, j, i] = _curve(layer, (at, j, i), parts)
    return [found[edge] for edge in wanted]


def _active(model: KAN) -> list[Edge]:
    return [(depth, j, i) for depth, layer in enumerate(model.layers) for j, i in layer.mask.nonzero().tolist()]


def _checked(model: KAN, edges: Iterable[Edge]) -> list[Edge]:
    active, wanted = set(_active(model)), list(edges)
    for edge in wanted:
        if edge not in active:
            problem = f"This network has no active edge (layer, j, i) = {edge!r}"
            raise InputError(f"{problem}. Look at ew.interpret.edge_table.")
    return wanted


def _points(inputs: Tensor) -> Tensor:
    """Evenly spread points and quantiles of each column, sorted: (points, columns).

    Over more than three decades of positive numbers, points that are evenly spread in the logarithm are among them.
    """
    inputs = torch.where(inputs.isfinite(), inputs, torch.nan)
    low = inputs.nan_to_num(nan=torch.inf).amin(0)
    high = inputs.nan_to_num(nan=-torch.inf).amax(0)
    low, high = (end.where(end.isfinite(), torch.zeros_like(end)) for end in (low, high))
    step = torch.linspace(0, 1, _POINTS, dtype=inputs.dtype, device=inputs.device).unsqueeze(1)
    even = low + (high - low) * step
    dense = inputs.nanquantile(step[::4, 0], dim=0).nan_to_num()
    wide = (low > 0) & (high > 1e3 * low)
    ratio = torch.where(wide, high / low, torch.ones_like(low))
    decades = torch.where(wide, low * ratio ** step[::4], even[::4]).clamp(low, high)
    return torch.cat([even, dense, decades]).sort(0).values


def _curve(layer: KANLayer, edge: Edge, parts: tuple[Tensor, ...]) -> EdgeCurve:
    _, j, i = edge
    x, y, samples, values = (part.double().cpu().numpy() for part in parts)
    x, first = np.unique(x, return_index=True)
    low, high = (float(end[i]) for end in layer.basis.ends(layer.knots))
    function = layer.symbols.get((j, i))
    outside = 0.0 if function else float(((samples < low) | (samples > high)).mean())
    affine: Any = tuple(layer.affine[j, i].double().tolist()) if function else None
    return EdgeCurve(*edge, x, y[first], samples, values, (low, high), outside, function, affine)


def straightness(samples: Array, values: Array) -> float:
    """Return the share of the values' variance that the best line through the samples explains, 1 for a constant.

    Parameters
    ----------
    samples : (n,)
        Inputs of a curve.
    values : (n,)
        Its values there.

    Examples
    --------
    >>> t = np.linspace(0, 1, 20)
    >>> straightness(t, 2 * t + 1), round(straightness(t, t**2), 2)
    (1.0, 0.93)
    """
    return _explained(samples, values, 1)


def shape_of(samples: Array, values: Array) -> str:
    """Return a word for the curve through the samples, which helps to choose a function for it.

    "constant", "line" and "parabola" where that explains all but 1e-4 of the variance; "rising" and "falling" if it
    never turns, "hill" and "valley" if once, else the number of turns. A way back of less than 2 % is no turn.

    Parameters
    ----------
    samples : (n,)
        Inputs of a curve, in any order.
    values : (n,)
        Its values there. Points that are not finite are left out.

    Examples
    --------
    >>> t = np.linspace(-1, 1, 50)
    >>> [shape_of(t, y) for y in (0 * t, 2 * t + 1, t**2, np.exp(t), np.cos(3 * t), np.sin(9 * t))]
    ['constant', 'line', 'parabola', 'rising', 'hill', '6 turns']
    """
    sound = np.isfinite(samples) & np.isfinite(values)
    samples, values = samples[sound], values[sound]
    if not len(values) or np.ptp(values) <= _NOTHING * np.abs(values).max():
        return "constant"
    for degree, name in ((1, "line"), (2, "parabola")):
        if _explained(samples, values, degree) >= 1 - _CLOSE:
            return name
    ways = _ways(values[np.argsort(samples, kind="stable")])
    if len(ways) == 1:
        return "rising" if ways[0] > 0 else "falling"
    if len(ways) == 2:
        return "hill" if ways[0] > 0 else "valley"
    return f"{len(ways) - 1} turns"


def _ways(values: Array) -> list[int]:
    """The directions that the values go in turn, 1 up and -1 down."""
    least, ways = _SMALL * np.ptp(values), list[int]()
    low = high = values[0]  # since the last turn
    for value in values:
        low, high = min(low, value), max(high, value)
        way = 1 if value > low + least else -1 if value < high - least else 0
        if way and (not ways or way != ways[-1]):
            ways.append(way)
        if way:
            low = high = value
    return ways


def _explained(samples: Array, values: Array, degree: int) -> float:
    total = float(np.square(values - values.mean()).sum())
    spread = float(samples.std())
    if total == 0 or spread == 0:
        return 1.0
    t = (samples - samples.mean()) / spread
    powers = np.vander(t, degree + 1)
    left = values - powers @ np.linalg.lstsq(powers, values, rcond=None)[0]
    return 1 - float(np.square(left).sum()) / total
