"""Edges, nodes and inputs that come and go, as a person asks for them; outputs in other units."""

from collections.abc import Iterable

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.nn._knots import MARGINS
from edgewise.nn._layer import Edge, KANLayer
from edgewise.nn._lock import edges_of_node
from edgewise.nn._network import KAN, trace
from edgewise.nn._nodes import Nodes
from edgewise.nn._surgery import add_constant, arranged, clone, edge_of, layer_of, raise_edge


def restore_edges(model: KAN, edges: Iterable[Edge]) -> KAN:
    """Return the network with edges (layer, j, i) there again, each with the function that it had.

    >>> import edgewise as ew, torch
    >>> model, x = ew.KAN([2, 1]), torch.rand(5, 2)
    >>> again = restore_edges(ew.nn.remove_edges(model, [(0, 0, 1)]), [(0, 0, 1)])
    >>> torch.equal(again(x), model(x))
    True
    """
    new = clone(model)
    for layer, j, i in edges:
        edge_of(new, layer, j, i).mask[j, i] = True
    return new


def replace_by_mean(model: KAN, edge: Edge, x: Tensor) -> KAN:
    """Return the network with an edge's curve replaced by its mean over rows, which another edge takes on.

    Errors: InputError where the edge is the only one into its subnode, which then would be no constant but zero.

    >>> import edgewise as ew, torch
    >>> replace_by_mean(ew.KAN([2, 1]), (0, 0, 1), torch.rand(50, 2)).layers[0].mask.tolist()
    [[True, False]]
    """
    depth, j, i = edge
    layer = edge_of(model, *edge)
    if not layer.mask[j, i]:
        raise InputError(f"Edge {edge} is removed already: restore it with restore_edges.")
    if int(layer.mask[j].sum()) == 1:
        raise InputError(f"Edge {edge} is the only one into its node: remove the node instead.")
    new = clone(model)
    new_layer = new.layers[depth]
    new_layer.mask[j, i] = False
    constant = torch.zeros(layer.n_out, dtype=layer.dtype)
    constant[j] = _mean(model, edge, x)
    add_constant(new_layer, constant)
    return new


def center(model: KAN, edge: Edge, x: Tensor) -> KAN:
    """Return the network with an edge's curve shifted to mean zero over rows.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(50, 2)
    >>> model = center(ew.KAN([2, 1], dtype=torch.float64), (0, 0, 1), x)
    >>> abs(ew.nn.trace(model, x).edges[0][:, 0, 1].mean().item()) < 1e-12
    True
    """
    depth, j, i = edge
    new = clone(model)
    raise_edge(new.layers[depth], (j, i), -_mean(model, edge, x))
    return new


def remove_node(model: KAN, depth: int, q: int, x: Tensor) -> KAN:
    """Return the network without node q before layer `depth`; its mean contribution over rows stays as a constant.

    Its edges are removed, not its place: numbers of other nodes stay what they are until `compact`.

    Errors: InputError for inputs, outputs, nodes that are not there, and the last node that a subnode has.

    >>> import edgewise as ew, torch
    >>> remove_node(ew.KAN([2, 2, 1]), 1, 0, torch.rand(9, 2)).layers[1].mask.tolist()
    [[False, True]]
    """
    if depth == len(model.layers):
        raise InputError("Outputs cannot be removed: hidden nodes lie before layers 1 to the last.")
    entering = edges_of_node(model, depth, q)
    mask = layer_of(model, depth).mask
    leaving = [(depth, j, q) for j in mask[:, q].nonzero().flatten().tolist()]
    if not leaving:
        raise InputError(f"Node {q} before layer {depth} is removed already: nothing leaves it.")
    alone = [j for _, j, _ in leaving if int(mask[j].sum()) == 1]
    if alone:
        raise InputError(f"Node {q} before layer {depth} is all that subnode {alone[0]} of that layer has: it stays.")
    for edge in leaving:
        model = replace_by_mean(model, edge, x)
    new = clone(model)
    for layer, j, i in entering:
        new.layers[layer].mask[j, i] = False
    return new


def add_input(model: KAN, column: Tensor) -> KAN:
    """Return the network with one more input, the last, which it does not use yet.

    The new edges are splines over the range of `column` (rows,) that are zero, so the outputs are the same until
    training makes use of them.

    Errors: InputError for a column of another shape or that is not finite.

    >>> import edgewise as ew, torch
    >>> wide = add_input(ew.KAN([2, 3, 1]), torch.linspace(0, 5, 20))
    >>> wide.widths, wide.layers[0].coefficients[:, 2].abs().sum().item()
    ([3, 3, 1], 0.0)
    """
    if column.dim() != 1 or len(column) == 0 or not bool(torch.isfinite(column).all()):
        raise InputError(f"A new input needs a column of finite numbers (rows,). Got shape {tuple(column.shape)}.")
    new = clone(model)
    old = new.layers[0]
    new.layers[0], _ = arranged(old, range(old.n_out), [*range(old.n_in), -1])
    new.layers[0].knots[-1:] = old.basis.adapted_knots(column.unsqueeze(1).to(old.knots), old.grid, MARGINS[0])
    new.nodes[0] = Nodes(model.n_in + 1)
    new.input_names = None
    return new


def scale_outputs(model: KAN, factors: Tensor) -> KAN:
    """Return the network with output o multiplied by factors[o], a tensor (n_out,)."""
    if factors.shape != (model.n_out,):
        raise InputError(
            f"'factors' must have shape ({model.n_out},), one for each output. Got {tuple(factors.shape)}."
        )
    new = clone(model)
    last = new.layers[-1]
    with torch.no_grad():
        for group, factor in zip(new.nodes[-1].groups(), factors.tolist(), strict=True):
            j = group[0]
            last.coefficients[j] *= factor
            last.base_weight[j] *= factor
            last.affine[j, :, 2:] *= factor
    return new


def shift_outputs(model: KAN, constants: Tensor) -> KAN:
    """Return the network with constants[o] added to output o, a tensor (n_out,).

    The constant goes to one edge that training may change: d of a symbolic edge, or else the coefficients of a spline.

    Errors: InputError for an output that has no such edge, or is a product: see `shiftable`.

    >>> import edgewise as ew, torch
    >>> model = ew.KAN([2, 1])
    >>> moved = shift_outputs(model, torch.tensor([1000.0]))
    >>> bool(((moved(torch.zeros(1, 2)) - model(torch.zeros(1, 2))) - 1000 < 1e-9).all())
    True
    """
    new = clone(model)
    for o, value in enumerate(constants.tolist()):
        if value == 0:
            continue
        edge = _holder(new, new.layers[-1], o)
        if edge is None:
            raise InputError(f"Output {o} has no edge that can take a constant.")
        raise_edge(new.layers[-1], edge, value)
    return new


def shiftable(model: KAN) -> Tensor:
    """Which outputs can take a constant, (n_out,): sums with an edge whose constant training may change."""
    last = model.layers[-1]
    return torch.tensor([_holder(model, last, o) is not None for o in range(model.n_out)])


def _holder(model: KAN, last: KANLayer, o: int) -> tuple[int, int] | None:
    """The edge of output o that takes constants."""
    if o >= model.nodes[-1].n_sum:
        return None
    for free in (last.free_constants()[o, :, 3], last.free_splines()[o]):
        found = free.nonzero().flatten().tolist()
        if found:
            return o, found[0]
    return None


def _mean(model: KAN, edge: Edge, x: Tensor) -> float:
    depth, j, i = edge
    with torch.no_grad():
        return float(trace(model, x).edges[depth][:, j, i].mean())
