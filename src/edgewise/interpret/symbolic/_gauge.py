"""Constants of symbolic edges that others can absorb, moved to where they read best and then frozen."""

from collections.abc import Iterable

import torch

from edgewise.formulas import functions
from edgewise.nn import KAN, KANLayer, clone, layer_of

Edge = tuple[int, int]  # j, i
A, B, C, D = range(4)
_TINY = 1e-3  # of the largest factor c into a subnode


def canonicalize(model: KAN) -> KAN:
    """Return the same function with redundant constants at 0 or 1 and frozen.

    Inside an edge: what the function's gauge says (a = +-1 for powers, b = 0 for exp, both for x). Between layers: the
    constants d into a node move to b of the edges that leave it, and the node's scale is that of its first edge, tiny
    ones aside. Into an output all constants d become one, and a product there has one scale. Nodes with spline edges
    or locked ones on either side keep theirs.
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
    sizes = [abs(float(layer.affine[e][C])) for e in edges]
    main = next(e for e, size in zip(edges, sizes, strict=True) if size >= _TINY * max(sizes))
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
