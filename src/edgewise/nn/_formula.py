"""The formula that a network of symbolic edges is; sympy loads when one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.nn._layer import KANLayer, spline_edges
from edgewise.nn._nodes import Nodes

if TYPE_CHECKING:
    import sympy


def network_formula(
    layers: Sequence[KANLayer], nodes: Sequence[Nodes], names: Sequence[str] | None, splines: str | None
) -> list[sympy.Expr]:  # fmt: skip
    """Return one formula for each output, over symbols of the inputs.

    Parameters
    ----------
    layers
        The layers of the network.
    nodes
        The nodes of the network, inputs first.
    names
        Names of the inputs; x1, x2, ... by default.
    splines
        "symbols" writes spline edges as unknown functions; with None there must be none.
    """
    if splines not in (None, "symbols"):
        raise InputError(f"'splines' must be None or 'symbols'. Got {splines!r}.")
    n_in = nodes[0].n_nodes
    given, names = names, [f"x{i + 1}" for i in range(n_in)] if names is None else list(names)
    sound = not isinstance(given, str) and all(isinstance(name, str) and name for name in names)
    if not sound or len(names) != n_in or len(set(names)) != len(names):
        raise InputError(f"The formula needs {n_in} different names, one for each input. Got {given!r}.")
    edges = spline_edges(layers)
    if edges and splines is None:
        shown = ", ".join(str(edge) for edge in edges[:5]) + (", ..." if len(edges) > 5 else "")
        raise InputError(
            f"{len(edges)} edges (layer, j, i) are still splines: {shown}. Snap them with edgewise.symbolic.snap, set "
            "them with edgewise.nn.set_function, or ask for splines='symbols'."
        )
    taken = {spline_name(*edge) for edge in edges} & set(names)
    if taken:
        raise InputError(f"{sorted(taken)[0]!r} is the name of a spline edge. Give the input another name.")
    import sympy

    values: list[sympy.Expr] = [sympy.Symbol(name) for name in names]
    for depth, (layer, combined) in enumerate(zip(layers, nodes[1:], strict=True)):

        def spline(j: int, i: int, x: sympy.Expr, depth: int = depth) -> sympy.Expr:
            return sympy.Function(spline_name(depth, j, i))(x)

        values = combined.formulas(subnode_formulas(layer, values, spline))
    return values


def subnode_formulas(
    layer: KANLayer, inputs: Sequence[sympy.Expr], spline: Callable[[int, int, sympy.Expr], sympy.Expr]
) -> list[sympy.Expr]:  # fmt: skip
    """Return what the edges into each subnode add up to.

    Parameters
    ----------
    layer
        The layer.
    inputs
        The formula of each input.
    spline
        Writes an edge that is no function, as `spline(j, i, x)`.
    """
    import sympy

    mask = layer.mask.tolist()
    totals: list[sympy.Expr] = [sympy.Integer(0)] * layer.n_out
    for j in range(layer.n_out):
        for i, x in enumerate(inputs):
            if mask[j][i]:
                totals[j] += edge_formula(layer, j, i, x) if (j, i) in layer.symbols else spline(j, i, x)
    return totals


def edge_formula(layer: KANLayer, j: int, i: int, x: sympy.Expr) -> sympy.Expr:
    """Return c f(a x + b) + d, what the symbolic edge from i to j makes of x.

    Parameters
    ----------
    layer
        The layer.
    j
        The subnode that the edge ends in.
    i
        The input that the edge begins at.
    x
        The formula of that input.
    """
    from edgewise.formulas.expressions import exact_constant

    a, b, c, d = (exact_constant(v) for v in layer.affine[j, i].detach().double().tolist())
    return c * functions.get(layer.symbols[j, i]).sympy(a * x + b) + d


def spline_name(depth: int, j: int, i: int) -> str:
    """Return what a formula calls the function of a spline edge.

    Parameters
    ----------
    depth
        The number of the layer.
    j
        The subnode that the edge ends in.
    i
        The node that the edge begins at.

    Examples
    --------
    >>> from edgewise.nn import spline_name
    >>> spline_name(0, 2, 1)
    'phi_0_2_1'
    """
    return f"phi_{depth}_{j}_{i}"
