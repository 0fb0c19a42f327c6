"""Networks in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy
import torch

from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.interpret.export._curves import pieces_of
from edgewise.interpret.export._onnx_formula import onnx_function, written
from edgewise.interpret.export._onnx_functions import sigmoid
from edgewise.interpret.export._onnx_graph import OnnxValue
from edgewise.interpret.export._onnx_pieces import write_local_pieces, write_pieces
from edgewise.nn import KAN, KANLayer, Nodes

#: base functions by name
_BASES: dict[str, Callable[[OnnxValue], OnnxValue]] = {"silu": lambda x: x * sigmoid(x), "identity": lambda x: x}
#: functions of the library whose formulas would overflow, or mean complex numbers
_WRITTEN = {"softplus": "softplus", "logistic": "sigmoid", "abs": "Abs"}


def onnx_network(model: KAN, x: OnnxValue) -> OnnxValue:
    """Return the outputs (rows, n_out) of a network for inputs x (rows, n_in).

    Every spline edge is a table of polynomials, continued along its tangents; every symbolic edge is its function.

    Errors: InputError for a function of an edge that cannot be written in ONNX.

    >>> import edgewise as ew
    >>> graph = ew.export.OnnxGraph("float64")
    >>> graph.output("y", onnx_network(ew.KAN([2, 3, 1]), graph.input("x", width=2)), width=1)
    """
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        x = _nodes(nodes, _layer(layer, x))
    return x


def _layer(layer: KANLayer, x: OnnxValue) -> OnnxValue:
    """Return the subnodes (rows, n_out)."""
    parts = []
    used = layer.spline_mask().any(0).nonzero()[:, 0].tolist()
    if used:
        parts.append(_splines(layer, used, x if len(used) == layer.n_in else x.graph.columns(x, used)))
    if layer.active_symbols():
        parts.append(_symbols(layer, x))
    if not parts:
        return x.graph.full(x, np.zeros(layer.n_out))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _splines(layer: KANLayer, used: Sequence[int], x: OnnxValue) -> OnnxValue:
    """Return the sums of the spline edges from the inputs used, x (rows, used).

    Each input has a table of its edges. In a wide layer of functions that live on few cells it has one of the
    functions, which are fewer, and a product of matrices combines them.
    """
    graph, mask = x.graph, layer.spline_mask().double().cpu()
    weights = (layer.coefficients.detach().double().cpu() * mask.unsqueeze(-1))[:, used]
    n_out, _, count = weights.shape
    wide = layer.basis.degree is not None and n_out > count
    sums = [torch.eye(count)] * len(used) if wide else weights.unbind(1)
    pieces = [pieces_of(layer, i, each) for i, each in zip(used, sums, strict=True)]
    lo, hi = (np.array([p.knots[end] for p in pieces]) for end in (0, -1))
    slopes = np.stack([p.slopes for p in pieces], axis=1)  # (2, used, sums)
    below, above = x < lo, x > hi
    inside = graph.where(below, lo, graph.where(above, hi, x))
    if wide:
        slopes = np.einsum("eik,jik->eij", slopes, weights.numpy())
        flat = graph.node("Reshape", write_local_pieces(inside, pieces), np.array([0, len(used) * count]))
        total = flat @ weights.flatten(1).T.numpy()
    else:
        total = graph.sum(write_pieces(inside, pieces), 1)
    nothing = x - x  # NaN at infinity
    straight = [graph.where(below, x - lo, nothing), graph.where(above, x - hi, nothing)]
    factors = [*slopes]
    if layer.base is not None:
        straight.append(_BASES[layer.base](x))
        factors.append((layer.base_weight.detach().double().cpu() * mask)[:, used].T.numpy())
    return total + graph.concat(straight) @ np.concatenate(factors)


def _symbols(layer: KANLayer, x: OnnxValue) -> OnnxValue:
    """Return the sums of the symbolic edges.

    Values of edges are added where they belong, and not multiplied by zero elsewhere: one that is infinite spoils its
    own subnode alone.
    """
    graph, affine = x.graph, layer.affine.detach().double().cpu()
    parts, places = [], [[] for _ in range(layer.n_out)]
    x = x + (x - x)  # what is infinite is undefined from here on
    count = 0
    for name, edges in layer.active_symbols().items():
        rows, columns = (list(numbers) for numbers in zip(*edges, strict=True))
        a, b, c, d = affine[rows, columns].T.numpy()
        parts.append(_function(name, graph.columns(x, columns) * a + b) * c + d)
        for j in rows:
            places[j].append(count)
            count += 1
    widest = max(map(len, places))
    zeros = graph.full(x, np.zeros(1))
    padded = np.array([[*found, *[count] * (widest - len(found))] for found in places])
    return graph.sum(graph.node("Gather", graph.concat([*parts, zeros]), padded, axis=1), 2)


def _function(name: str, z: OnnxValue) -> OnnxValue:
    """Return a function of the library, elementwise."""
    if name in _WRITTEN:
        return onnx_function(_WRITTEN[name], z)
    symbol = sympy.Symbol("z")
    try:
        (value,) = written(z.graph, [functions.get(name).sympy(symbol)], [symbol.name], [z])
    except InputError as error:
        raise InputError(f"The function {name!r} of an edge cannot be exported. {error}") from None
    return value


def _nodes(nodes: Nodes, subnodes: OnnxValue) -> OnnxValue:
    """Return the nodes (rows, n_nodes): the sums, then the products, factor by factor."""
    if not nodes.arities:
        return subnodes
    graph, groups = subnodes.graph, nodes.groups()
    most = max(nodes.arities)
    one = nodes.n_subnodes
    if min(nodes.arities) < most:
        subnodes = graph.concat([subnodes, graph.full(subnodes, np.ones(1))])
    sums, products = groups[: nodes.n_sum], groups[nodes.n_sum :]
    factors = [graph.columns(subnodes, [g[k] if k < len(g) else one for g in products]) for k in range(most)]
    value = factors[0]
    for factor in factors[1:]:
        value = value * factor
    return graph.concat([graph.columns(subnodes, [g[0] for g in sums]), value]) if sums else value
