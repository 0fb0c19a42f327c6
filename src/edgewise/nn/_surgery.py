"""Operations that return a new network and leave the old one as it was: edges, nodes and inputs that come and go."""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.nn._grids import MARGINS
from edgewise.nn._layer import Edge, KANLayer
from edgewise.nn._network import KAN, trace
from edgewise.nn._nodes import Nodes


def clone(model: KAN, dtype: torch.dtype | None = None) -> KAN:
    """Return a copy that shares nothing with the network.

    Parameters
    ----------
    model
        The network.
    dtype
        The dtype of the copy; that of `model` by default.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> ew.nn.clone(ew.KAN([2, 1]), torch.float32).dtype
    torch.float32
    """
    copied = copy.deepcopy(model)
    return copied if dtype is None else copied.to(dtype)


def layer_of(model: KAN, index: int) -> KANLayer:
    """Return a layer by number.

    Parameters
    ----------
    model
        The network.
    index
        The number of the layer, from 0 on.

    Raises
    ------
    InputError
        For a number that no layer has, with those that there are.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import layer_of
    >>> layer_of(ew.KAN([2, 3, 1]), 1).n_in
    3
    """
    if not 0 <= index < len(model.layers):
        raise InputError(f"This network has layers 0 to {len(model.layers) - 1}. Got {index}.")
    return model.layers[index]


def edge_of(model: KAN, layer: int, j: int, i: int) -> KANLayer:
    """Return the layer of an edge after checking that the edge exists.

    Parameters
    ----------
    model
        The network.
    layer
        The number of the layer.
    j
        The subnode that the edge ends in.
    i
        The node that the edge begins at.

    Raises
    ------
    InputError
        For an edge that is not there.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import edge_of
    >>> edge_of(ew.KAN([2, 3, 1]), 0, 2, 1).n_out
    3
    """
    found = layer_of(model, layer)
    if not (0 <= j < found.n_out and 0 <= i < found.n_in):
        raise InputError(f"Layer {layer} has edges (0..{found.n_out - 1}, 0..{found.n_in - 1}). Got ({j}, {i}).")
    return found


def edges_of_node(model: KAN, depth: int, q: int) -> list[Edge]:
    """Return the active edges that end in node q before layer `depth`: what the node computes.

    Hidden nodes are those before layers 1, 2, ...; the outputs are the nodes before the layer after the last.

    Parameters
    ----------
    model
        The network.
    depth
        The number of the layer after the node, from 1 on; the number of layers for the outputs.
    q
        The number of the node.

    Raises
    ------
    InputError
        For a node that is not there, and for inputs, which no edge enters.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import edges_of_node
    >>> edges_of_node(ew.KAN([2, 3, 1]), 1, 2)
    [(0, 2, 0), (0, 2, 1)]
    """
    last = len(model.layers)
    if not is_int(depth, 1, last):
        raise InputError(f"Nodes that edges enter lie before layers 1 to {last} ({last}: the outputs). Got {depth!r}.")
    nodes = model.nodes[depth]
    if not is_int(q, 0, nodes.n_nodes - 1):
        raise InputError(f"The nodes before layer {depth} are 0 to {nodes.n_nodes - 1}. Got {q!r}.")
    mask = model.layers[depth - 1].mask
    return [(depth - 1, j, i) for j in nodes.groups()[q] for i in mask[j].nonzero().flatten().tolist()]


def of_edge(function: Callable[..., KAN]) -> Callable[..., KAN]:
    """Let a function of a network and an edge (layer, j, i) take the edge as three arguments too."""

    @wraps(function)
    def run(model: KAN, *arguments: Any, **named: Any) -> KAN:
        if "edge" in named or (arguments and isinstance(arguments[0], Sequence)):
            return function(model, *arguments, **named)
        given = list(arguments)
        edge = tuple(named.pop(name) if name in named else given.pop(0) for name in ("layer", "j", "i"))
        return function(model, edge, *given, **named)

    return run


@of_edge
def set_function(model: KAN, edge: Edge, name: str, affine: Sequence[float] = (1.0, 0.0, 1.0, 0.0)) -> KAN:
    """Return the network with an edge replaced by the function c f(a x + b) + d.

    Parameters
    ----------
    model
        The network; it is not changed.
    edge
        The edge (layer, j, i), from node i to subnode j.
    name
        The name of f: one of `edgewise.functions.names()` or a power like "x^2/3".
    affine
        The constants (a, b, c, d).

    Raises
    ------
    InputError
        For an edge that is not there, an unknown function, and constants that are not four finite numbers.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import set_function
    >>> set_function(ew.KAN([1, 1]), (0, 0, 0), "exp").formula(["x"])
    exp(x)
    """
    functions.get(name)
    edge_of(model, *edge)
    constants = [*affine]
    if len(constants) != 4 or not all(isinstance(v, int | float) and math.isfinite(v) for v in constants):
        raise InputError(f"'affine' must be four finite numbers (a, b, c, d). Got {affine!r}.")
    new, (layer, j, i) = clone(model), edge
    target = new.layers[layer]
    target.name_edge((j, i), name)
    target.mask[j, i] = True
    with torch.no_grad():
        target.affine[j, i] = torch.tensor(constants, dtype=target.dtype)
        target.affine_free[j, i] = True
    return new


def remove_edges(model: KAN, edges: Iterable[tuple[int, int, int]]) -> KAN:
    """Return the network without some edges.

    Parameters
    ----------
    model
        The network; it is not changed.
    edges
        The edges (layer, j, i).

    Raises
    ------
    InputError
        For edges that are not there.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import remove_edges
    >>> remove_edges(ew.KAN([2, 1]), [(0, 0, 1)]).layers[0].mask.tolist()
    [[True, False]]
    """
    new = clone(model)
    for layer, j, i in edges:
        edge_of(new, layer, j, i).mask[j, i] = False
    return new


def compact(model: KAN, x: Tensor) -> KAN:
    """Return the network without nodes that are constant or that nothing leaves; inputs stay.

    The output is unchanged: what edges gave on a constant node is a constant, which goes to another edge of the same
    subnode. Where a subnode has no other edge, one constant node stays.

    Parameters
    ----------
    model
        The network; it is not changed.
    x : (n, n_in)
        The inputs at which the constants are read off.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> model, x = ew.KAN([2, 3, 1]), torch.rand(9, 2)
    >>> ew.nn.compact(ew.nn.remove_edges(model, [(1, 0, 2)]), x).widths
    [2, 2, 1]
    """
    new = clone(model)
    changed = True
    while changed:
        changed = False
        for depth in reversed(range(1, len(new.layers))):
            keep = _live_nodes(new, depth)
            if not all(keep) and any(keep):
                new = _keep_nodes(new, depth, keep, x)
                changed = True
    return new


def _live_nodes(model: KAN, depth: int) -> list[bool]:
    """Which nodes between layer depth - 1 and layer depth the outputs need."""
    mask = model.layers[depth].mask
    constant = _constant_nodes(model, depth)
    keep = [leaves and not fixed for leaves, fixed in zip(mask.any(0).tolist(), constant, strict=True)]
    for row in mask.tolist():
        entering = [q for q, on in enumerate(row) if on]
        if entering and not any(keep[q] for q in entering):
            keep[entering[0]] = True  # it holds the constant of a subnode that has nothing else
    return keep


def _constant_nodes(model: KAN, depth: int) -> list[bool]:
    """Which nodes before a layer are the same number at every row: fed by constants alone, or a product with zero."""
    if depth == 0:
        return [False] * model.n_in
    before = _constant_nodes(model, depth - 1)
    varying = [[i for i, on in enumerate(row) if on and not before[i]] for row in model.layers[depth - 1].mask.tolist()]
    empty = (~model.layers[depth - 1].mask.any(1)).tolist()
    groups = model.nodes[depth].groups()
    return [not any(varying[j] for j in group) or any(empty[j] for j in group) for group in groups]


def _keep_nodes(model: KAN, depth: int, keep: list[bool], x: Tensor) -> KAN:
    """The network with only the kept nodes at a depth; what dropped ones gave becomes a constant."""
    before, after = model.layers[depth - 1], model.layers[depth]
    nodes = model.nodes[depth]
    groups = nodes.groups()
    with torch.no_grad():
        gone = [q for q, kept in enumerate(keep) if not kept]
        constant = trace(model, x).edges[depth][:, :, gone].sum(-1).mean(0)
    kept = [q for q, k in enumerate(keep) if k]
    subnodes = [j for q in kept for j in groups[q]]
    n_sum = sum(q < nodes.n_sum for q in kept)
    model.nodes[depth] = Nodes(n_sum, tuple(len(groups[q]) for q in kept if q >= nodes.n_sum))
    model.layers[depth - 1] = select(before, outputs=subnodes)
    model.layers[depth] = select(after, inputs=kept)
    add_constant(model.layers[depth], constant)
    return model


def add_constant(layer: KANLayer, constant: Tensor) -> None:
    """Add a constant to each subnode of a layer, in place.

    It goes to one of the subnode's active edges, a locked one where all are.

    Parameters
    ----------
    layer
        The layer, which is changed.
    constant : (n_out,)
        The constant of each subnode.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import add_constant
    >>> layer = ew.nn.KANLayer(2, 1)
    >>> before = layer(torch.zeros(1, 2))
    >>> add_constant(layer, torch.tensor([2.0]))
    >>> round((layer(torch.zeros(1, 2)) - before).item(), 5)
    2.0
    """
    locked = layer.locked_mask().tolist()
    for j, value in enumerate(constant.tolist()):
        on = layer.mask[j].nonzero().flatten().tolist()
        on = [i for i in on if not locked[j][i]] or on
        if value != 0.0 and on:
            raise_edge(layer, (j, next((i for i in on if (j, i) in layer.symbols), on[0])), value)


def raise_edge(layer: KANLayer, edge: tuple[int, int], value: float) -> None:
    """Add a constant to the function of an edge, in place."""
    one = layer.basis.constant(layer.coefficients.shape[-1]).to(layer.coefficients)
    with torch.no_grad():
        if edge in layer.symbols:
            layer.affine[(*edge, 3)] += value
        else:
            layer.coefficients[edge] += value * one


def select(layer: KANLayer, outputs: list[int] | None = None, inputs: list[int] | None = None) -> KANLayer:
    """Return the layer restricted to some of its subnodes and inputs, in the order given.

    Parameters
    ----------
    layer
        The layer; it is not changed.
    outputs
        The numbers of the subnodes; all by default.
    inputs
        The numbers of the inputs; all by default.

    Examples
    --------
    >>> import edgewise as ew
    >>> ew.nn.select(ew.nn.KANLayer(3, 2), inputs=[2, 0]).mask.shape
    torch.Size([2, 2])
    """
    rows = range(layer.n_out) if outputs is None else outputs
    return arranged(layer, rows, range(layer.n_in) if inputs is None else inputs)[0]


def arranged(layer: KANLayer, rows: Sequence[int], columns: Sequence[int]) -> tuple[KANLayer, Tensor]:
    """Return the layer with these rows and columns of edges, -1 for new splines, which are zero, and which are new."""
    new = copy.deepcopy(layer)
    new.n_out, new.n_in = len(rows), len(columns)
    j, i = (torch.tensor(numbers, dtype=torch.long) for numbers in (rows, columns))
    fresh = (j < 0).unsqueeze(1) | (i < 0)
    blank = {"coefficients": 0.0, "base_weight": 0.0, "mask": True, "affine_free": True}
    for name, value in {**blank, "affine": torch.tensor([1.0, 0.0, 1.0, 0.0])}.items():
        old = getattr(layer, name)
        values = old.detach()[j][:, i].clone()
        values[fresh] = torch.as_tensor(value).to(values)
        setattr(new, name, torch.nn.Parameter(values) if isinstance(old, torch.nn.Parameter) else values)
    end = torch.ones_like(layer.knots[:1, 0])
    new.knots = layer.knots[i].clone()
    new.knots[i < 0] = layer.basis.uniform_knots(-end, end, layer.grid)
    for name in ("symbols", "rules"):
        given = getattr(layer, name).items()
        kept = {(rows.index(p), columns.index(q)): value for (p, q), value in given if p in rows and q in columns}
        setattr(new, name, kept)
    return new, fresh


def restore_edges(model: KAN, edges: Iterable[Edge]) -> KAN:
    """Return the network with removed edges there again, each with the function that it had.

    Parameters
    ----------
    model
        The network; it is not changed.
    edges
        The edges (layer, j, i).

    Raises
    ------
    InputError
        For edges that no network of this shape has.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import restore_edges
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

    Parameters
    ----------
    model
        The network; it is not changed.
    edge
        The edge (layer, j, i), from node i to subnode j.
    x : (n, n_in)
        The inputs; the mean is taken over their rows.

    Raises
    ------
    InputError
        For an edge that is removed already, and where it is the only one into its subnode, which then would be no
        constant but zero.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import replace_by_mean
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

    Parameters
    ----------
    model
        The network; it is not changed.
    edge
        The edge (layer, j, i), from node i to subnode j.
    x : (n, n_in)
        The inputs; the mean is taken over their rows.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import center
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
    """Return the network without a node; its mean contribution over rows stays as a constant.

    Its edges are removed, not its place: numbers of other nodes stay what they are until `compact`.

    Parameters
    ----------
    model
        The network; it is not changed.
    depth
        The number of the layer after the node.
    q
        The number of the node.
    x : (n, n_in)
        The inputs; the mean is taken over their rows.

    Raises
    ------
    InputError
        For inputs, outputs, nodes that are not there, and the last node that a subnode has.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import remove_node
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

    The new edges are splines over the range of the column that are zero, so the outputs are the same until training
    makes use of them.

    Parameters
    ----------
    model
        The network; it is not changed.
    column : (n,)
        The values of the new input.

    Raises
    ------
    InputError
        For a column of another shape or that is not finite.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import add_input
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
    """Return the network with each output multiplied by a factor.

    Parameters
    ----------
    model
        The network; it is not changed.
    factors : (n_out,)
        The factor of each output.

    Raises
    ------
    InputError
        For factors of another shape.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import scale_outputs
    >>> model, x = ew.KAN([2, 1]), torch.rand(5, 2)
    >>> torch.allclose(scale_outputs(model, torch.tensor([3.0]))(x), 3 * model(x))
    True
    """
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
    """Return the network with a constant added to each output.

    The constant goes to one edge that training may change: d of a symbolic edge, or else the coefficients of a spline.

    Parameters
    ----------
    model
        The network; it is not changed.
    constants : (n_out,)
        The constant of each output.

    Raises
    ------
    InputError
        For an output that has no such edge, or is a product: see `shiftable`.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import shift_outputs
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
    """Return which outputs can take a constant, (n_out,): sums with an edge whose constant training may change.

    Parameters
    ----------
    model
        The network.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import shiftable
    >>> shiftable(ew.KAN([2, (1, 1)]))
    tensor([ True, False])
    """
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
