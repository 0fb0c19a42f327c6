"""Constants of symbolic edges: moved to where they read best, and made integers, fractions and multiples of pi."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch

from edgewise.formulas import functions
from edgewise.formulas.expressions import ZERO, Choice, SimpleConstant, round_greedily, simple_constants
from edgewise.nn import KAN, KANLayer, Layout, Pass, clone, layer_of
from edgewise.train import Table, error_of, refit

Edge = tuple[int, int]  # j, i
A, B, C, D = range(4)


def canonicalize(model: KAN) -> KAN:
    """Return the same function with redundant constants at 0 or 1 and frozen.

    Inside an edge: what the function's gauge says (a = +-1 for powers, b = 0 for exp, both for x). Between layers: the
    constants d into a node move to b of the edges that leave it, and the node's scale is that of its first edge, tiny
    ones aside. Into an output all constants d become one, and a product there has one scale. Nodes with spline edges
    or locked ones on either side keep theirs.

    Parameters
    ----------
    model
        The network; it is not changed.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.symbolic import canonicalize
    >>> model = ew.nn.set_function(ew.KAN([1, 1]), (0, 0, 0), "x^2", (2.0, 0.0, 3.0, 0.0))
    >>> canonicalize(model).layers[0].affine[0, 0].tolist()
    [1.0, 0.0, 12.0, 0.0]
    """
    new = clone(model)
    with torch.no_grad():
        for depth in range(len(new.layers)):
            _inside(layer_of(new, depth))
        for depth in range(1, len(new.layers)):
            _between(new, depth)
            _inside(layer_of(new, depth))
        _one_scale(new)
        for depth in range(len(new.layers)):
            _one_offset(new, depth)
    return new


def _movable(layer: KANLayer, edge: Edge) -> bool:
    """Return whether the constants of an edge may be written in another way."""
    return edge in layer.symbols and not (edge in layer.rules and layer.rules[edge].locked)


def _entering(layer: KANLayer, subnodes: Iterable[int]) -> list[list[Edge]] | None:
    """Return the edges into each of some subnodes; None where there is none, or one whose constants may not move."""
    entering = [[(j, int(i)) for i in layer.mask[j].nonzero().flatten()] for j in subnodes]
    return entering if all(edges and all(_movable(layer, e) for e in edges) for edges in entering) else None


def _rescale(layer: KANLayer, edges: list[Edge], signed: bool) -> float:
    """Divide what enters a subnode by the constant c of its main edge, or its size, which is then frozen.

    The main edge is the first one that is not tiny beside the others. Return the divisor, 0 where nothing changed.
    """
    tiny = 1e-3  # of the largest factor c into a subnode
    sizes = [abs(float(layer.affine[e][C])) for e in edges]
    main = next(e for e, size in zip(edges, sizes, strict=True) if size >= tiny * max(sizes))
    first = float(layer.affine[main][C])
    part = first if signed else abs(first)
    if part:
        for e in edges:
            layer.affine[e][C:] /= part
        layer.affine[main][C] = first / part
        layer.affine_free[(*main, C)] = False
    return part


def _take_offset(layer: KANLayer, edges: list[Edge]) -> float:
    """Return the sum of the constants d of edges, which become 0 and are frozen."""
    shift = 0.0
    for e in edges:
        shift += float(layer.affine[e][D])
        layer.affine[e][D] = 0.0
        layer.affine_free[(*e, D)] = False
    return shift


def _inside(layer: KANLayer) -> None:
    for name, edges in layer.active_symbols().items():
        row = functions.get(name)
        for j, i in edges:
            if not _movable(layer, (j, i)):
                continue
            a, b, c, d = layer.affine[j, i].tolist()
            if row.gauge == "affine":
                layer.affine[j, i] = torch.tensor([1.0, 0.0, c * a, d + c * b], dtype=layer.dtype)
                layer.affine_free[j, i, :C] = False
            elif row.gauge == "shift":
                at, zero = row.torch(torch.tensor([b, 0.0], dtype=torch.float64))
                factor = float(at / zero)
                layer.affine[j, i] = torch.tensor([a, 0.0, c * factor, d], dtype=layer.dtype)
                layer.affine_free[j, i, B] = False
            elif row.gauge == "scale" and a != 0:
                size = torch.tensor([abs(a), 1.0], dtype=torch.float64)
                at, one = row.torch(size).tolist()
                shift, factor = (c * (at - one), 1.0) if name == "log" else (0.0, at / one)
                values = [a / abs(a), b / abs(a), c * factor, d + shift]
                layer.affine[j, i] = torch.tensor(values, dtype=layer.dtype)
                layer.affine_free[j, i, A] = False


def _between(model: KAN, depth: int) -> None:
    before, after = layer_of(model, depth - 1), layer_of(model, depth)
    for q, group in enumerate(model.nodes[depth].groups()):
        leaving = [(int(j), q) for j in after.mask[:, q].nonzero().flatten()]
        entering = _entering(before, group)
        if entering is None or not leaving or not all(_movable(after, e) for e in leaving):
            continue
        scale = 1.0
        for edges in entering:
            part = _rescale(before, edges, signed=len(group) > 1)
            if not part:
                break
            scale *= part
        shift = _take_offset(before, entering[0]) if len(group) == 1 else 0.0
        for e in leaving:
            after.affine[e][B] += after.affine[e][A] * scale * shift
            after.affine[e][A] *= scale


def _one_scale(model: KAN) -> None:
    """Leave one scale for each product that is an output: that of its first subnode."""
    last = layer_of(model, len(model.layers) - 1)
    for group in model.nodes[-1].groups():
        first, *others = _entering(last, group) or [[]]
        for edges in others:
            part = _rescale(last, edges, signed=True)
            for e in first if part else ():
                last.affine[e][C:] *= part


def _one_offset(model: KAN, depth: int) -> None:
    """Leave one constant d for each subnode of a product or an output."""
    layer, nodes = layer_of(model, depth), model.nodes[depth + 1]
    hidden_sums = nodes.n_sum if depth < len(model.layers) - 1 else 0
    for j in range(hidden_sums, layer.n_out):
        for edges in _entering(layer, [j]) or ():
            layer.affine[edges[0]][D] += _take_offset(layer, edges[1:])


_EXACT = 1e-6  # relative error below which constants must agree to 1e-6 to be rounded
Place = tuple[int, int, int, int]  # layer, j, i, which of a b c d


class _Trial(NamedTuple):
    """A network on a table, and the lowest error on the way to it."""

    model: KAN
    least: float


def round_network(model: KAN, table: Table, spread: float) -> KAN:
    """Return the network with constants rounded one at a time, the surest first, the others refitted after each.

    On exact data a constant is rounded when it lies within 1e-6 of a simple one and the error does not rise above twice
    what it was (or rounding level); on noisy data within 2.5 standard errors, with a rise below 0.4 %, and to a
    multiple of pi or of a root only where that is closer than a thousandth.

    Parameters
    ----------
    model
        The network; it is not changed.
    table
        The rows.
    spread
        Standard deviation of the targets.
    """

    def taken(now: _Trial, choice: Choice) -> _Trial | None:
        model, error = refit(_frozen(now.model, choice.place, choice.constant.value), table, 20, 1e-6)
        exact = now.least < _EXACT * spread
        limit = max(2 * now.least, 1e-12 * spread) if exact else 1.004 * now.least
        return _Trial(model, min(now.least, error) if exact else error) if error <= limit else None

    start = _Trial(model, error_of(model, table))
    return round_greedily(start, lambda t: _choices(t.model, table, t.least / spread), taken).model


def _frozen(model: KAN, place: Place, value: float) -> KAN:
    depth, j, i, which = place
    new = clone(model)
    layer = layer_of(new, depth)
    with torch.no_grad():
        layer.affine[j, i, which] = value
        layer.affine_free[j, i, which] = False
    return new


def _choices(model: KAN, table: Table, error: float) -> Iterator[Choice]:
    """Yield the free constants near a simple one: of exact data the nearest first, of noisy data the simplest."""
    deviations = _standard_errors(model, table) if error >= _EXACT else {}
    free = [layer_of(model, depth).free_constants() for depth in range(len(model.layers))]
    count = sum(int(mask.sum()) for mask in free)
    for depth, mask in enumerate(free):
        for j, i, which in mask.nonzero().tolist():
            place = (depth, j, i, which)
            value = float(layer_of(model, depth).affine[j, i, which].detach())
            for score, simple in _near(which, value, deviations.get(place), error):
                cost = (simple.complexity > 6, score, simple.complexity)
                yield Choice(cost, (count, place, simple.expr), place, simple)


def _near(which: int, value: float, deviation: float | None, error: float) -> list[tuple[float, SimpleConstant]]:
    sure = 1e-3  # relative width from which noisy constants are only rounded to fractions, for pi would be chance
    if deviation is None:
        width = 1e-6 * max(abs(value), 1e-3)
        if abs(value) < max(1e-7, 100 * error):
            return [(0.0, ZERO)]
    else:
        width = 2.5 * deviation
        if abs(value) < width and which in (1, 3):
            return [(abs(value) / width, ZERO)]
    if value == 0 or not math.isfinite(width) or width > 0.5 * abs(value):
        return []
    rtol = width / abs(value)
    if deviation is None:
        return [(abs(n.value - value) / width, n) for n in simple_constants(value, rtol)[:2]]
    simple = [n for n in simple_constants(value, rtol, 12) if n.expr.is_Rational or rtol < sure]
    return [(float(n.complexity), n) for n in simple[:2]]


def _standard_errors(model: KAN, table: Table) -> dict[Place, float]:
    """sqrt(diag of noise^2 (J'J)^-1) for the affine constants."""
    layout = Layout(model)
    with torch.no_grad():
        forward = Pass(model, table.x)
        jacobian = (forward.jacobian(layout) * table.weights.sqrt()[:, None, None]).flatten(0, 1)
        jacobian = jacobian[torch.isfinite(jacobian).all(1)]  # slopes are infinite where a domain ends
        residual = (forward.outputs - table.y).square().mean()
        scale = jacobian.norm(dim=0).clamp_min(1e-300)
        gram = (jacobian / scale).T @ (jacobian / scale)
        inverse = torch.linalg.pinv(gram, rtol=1e-13, hermitian=True)
        deviation = (inverse.diagonal().clamp_min(0) * residual).sqrt() / scale
    out: dict[Place, float] = {}
    for depth, block in enumerate(layout.blocks):
        for k, (j, i, which) in enumerate(block.affine.tolist()):
            out[depth, j, i, which] = float(deviation[block.middle + k])
    return out
