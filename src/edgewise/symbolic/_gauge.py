"""Constants of symbolic edges that others can absorb, moved to where they read best and then frozen."""

from __future__ import annotations

import torch

from edgewise import functions
from edgewise.nn import KAN, KANLayer, clone, layer_of

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


def _movable(layer: KANLayer, edge: tuple[int, int]) -> bool:
    """Return whether the constants of an edge may be written in another way."""
    return edge in layer.symbols and not (edge in layer.rules and layer.rules[edge].locked)


def _main(layer: KANLayer, edges: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the edge that sets a subnode's scale: the first one that is not tiny beside the others."""
    sizes = [abs(float(layer.affine[e][C])) for e in edges]
    return next(e for e, size in zip(edges, sizes, strict=True) if size >= _TINY * max(sizes))


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
                factor = float(
                    row.torch(torch.tensor(b, dtype=torch.float64)) / row.torch(torch.zeros((), dtype=torch.float64))
                )
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
        entering = [[(j, int(i)) for i in before.mask[j].nonzero().flatten()] for j in group]
        if not leaving or not all(_movable(after, e) for e in leaving):
            continue
        if not all(edges and all(_movable(before, e) for e in edges) for edges in entering):
            continue
        scale = 1.0
        for edges in entering:
            main = _main(before, edges)
            first = float(before.affine[main][C])
            if first == 0:
                break
            part = abs(first) if len(group) == 1 else first
            for e in edges:
                before.affine[e][C:] /= part
            before.affine[main][C] = first / part
            before.affine_free[(*main, C)] = False
            scale *= part
        shift = 0.0
        if len(group) == 1:
            for e in entering[0]:
                shift += float(before.affine[e][D])
                before.affine[e][D] = 0.0
                before.affine_free[(*e, D)] = False
        for e in leaving:
            after.affine[e][B] += after.affine[e][A] * scale * shift
            after.affine[e][A] *= scale


def _one_scale(model: KAN) -> None:
    """Leave one scale for each product that is an output: that of its first subnode."""
    last = layer_of(model, len(model.layers) - 1)
    for group in model.nodes[-1].groups():
        entering = [[(j, int(i)) for i in last.mask[j].nonzero().flatten()] for j in group]
        if not all(edges and all(_movable(last, e) for e in edges) for edges in entering):
            continue
        for edges in entering[1:]:
            main = _main(last, edges)
            part = float(last.affine[main][C])
            if part == 0:
                continue
            for e in edges:
                last.affine[e][C:] /= part
            last.affine[main][C] = 1.0
            last.affine_free[(*main, C)] = False
            for e in entering[0]:
                last.affine[e][C:] *= part


def _one_offset(model: KAN, depth: int) -> None:
    """Leave one constant d for each subnode of a product or an output."""
    layer, nodes = layer_of(model, depth), model.nodes[depth + 1]
    for j in range(layer.n_out):
        edges = [(j, int(i)) for i in layer.mask[j].nonzero().flatten()]
        hidden_sum = depth < len(model.layers) - 1 and j < nodes.n_sum
        if hidden_sum or len(edges) < 2 or not all(_movable(layer, e) for e in edges):
            continue
        for e in edges[1:]:
            layer.affine[edges[0]][D] += layer.affine[e][D]
            layer.affine[e][D] = 0.0
            layer.affine_free[(*e, D)] = False
