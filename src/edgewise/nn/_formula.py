"""The formula that a network of symbolic edges is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
import torch

from edgewise import functions
from edgewise._errors import InputError
from edgewise.expressions import exact_constant
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN


def network_formula(model: KAN, names: Sequence[str] | None = None, splines: str | None = None) -> list[sympy.Expr]:
    """One sympy expression for each output, over symbols of the given names (x1, x2, ... by default)."""
    if splines not in (None, "symbols"):
        raise InputError(f"'splines' must be None or 'symbols'. Got {splines!r}.")
    given, names = names, [f"x{i + 1}" for i in range(model.n_in)] if names is None else list(names)
    sound = not isinstance(given, str) and all(isinstance(name, str) and name for name in names)
    if not sound or len(names) != model.n_in or len(set(names)) != len(names):
        raise InputError(f"The formula needs {model.n_in} different names, one for each input. Got {given!r}.")
    edges = spline_edges(model)
    if edges and splines is None:
        shown = ", ".join(str(edge) for edge in edges[:5]) + (", ..." if len(edges) > 5 else "")
        raise InputError(
            f"{len(edges)} edges (layer, j, i) are still splines: {shown}. Snap them with edgewise.symbolic.snap, set "
            "them with edgewise.nn.set_function, or ask for splines='symbols'."
        )
    taken = {spline_name(*edge) for edge in edges} & set(names)
    if taken:
        raise InputError(f"{sorted(taken)[0]!r} is the name of a spline edge. Give the input another name.")
    values: list[sympy.Expr] = [sympy.Symbol(name) for name in names]
    for depth, nodes in enumerate(model.nodes[1:]):
        layer = model.layers[depth]
        assert isinstance(layer, KANLayer)
        subnodes = [_subnode(layer, depth, j, values) for j in range(layer.n_out)]
        values = [sympy.Mul(*(subnodes[j] for j in group)) for group in nodes.groups()]
    return values


def spline_edges(model: KAN) -> list[tuple[int, int, int]]:
    """The active spline edges (layer, j, i)."""
    masks = [layer.spline_mask() for layer in model.layers]  # type: ignore[operator]
    return [(depth, j, i) for depth, mask in enumerate(masks) for j, i in mask.nonzero().tolist()]


def spline_name(depth: int, j: int, i: int) -> str:
    """What a formula calls the function of a spline edge."""
    return f"phi_{depth}_{j}_{i}"


def spline_functions(model: KAN) -> dict[str, Callable[[Any], Any]]:
    """The functions of the spline edges by their names in `KAN.formula(splines="symbols")`, of numbers or numpy arrays.

    They are the network's own: sympy.lambdify takes the mapping among its `modules`.

    >>> import edgewise as ew, numpy as np, torch
    >>> model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "exp")
    >>> formula = model.formula(["x", "y"], splines="symbols")
    >>> formula
    phi_0_0_1(y) + exp(x)
    >>> call = sympy.lambdify(["x", "y"], formula, [spline_functions(model), "numpy"])
    >>> rows = np.linspace(-1, 1, 10).reshape(5, 2)
    >>> bool(np.allclose(call(*rows.T), model(torch.from_numpy(rows))[:, 0].detach()))
    True
    """
    return {spline_name(*edge): _curve(model, edge) for edge in spline_edges(model)}


def _curve(model: KAN, edge: tuple[int, int, int]) -> Callable[[Any], Any]:
    depth, j, i = edge
    layer = model.layers[depth]
    assert isinstance(layer, KANLayer)

    def curve(u: Any) -> Any:
        values = torch.as_tensor(np.asarray(u), dtype=torch.float64, device=layer.coefficients.device)
        with torch.no_grad():
            inputs = torch.zeros(values.numel(), layer.n_in, dtype=layer.dtype, device=values.device)
            inputs[:, i] = values.reshape(-1).to(layer.dtype)
            out = layer.edges(inputs)[:, j, i]
        found = out.double().cpu().numpy().reshape(values.shape)
        return found if found.shape else float(found)

    return curve


def _subnode(layer: KANLayer, depth: int, j: int, values: list[sympy.Expr]) -> sympy.Expr:
    total = sympy.Integer(0)
    for i, on in enumerate(layer.mask[j].tolist()):
        if on and (j, i) not in layer.symbols:
            total += sympy.Function(spline_name(depth, j, i))(values[i])
        elif on:
            total += edge_formula(layer, j, i, values[i])
    return total


def edge_formula(layer: KANLayer, j: int, i: int, x: sympy.Expr) -> sympy.Expr:
    """c f(a x + b) + d: what the symbolic edge from i to j makes of x."""
    a, b, c, d = (exact_constant(v) for v in layer.affine[j, i].detach().double().tolist())
    return c * functions.get(layer.symbols[j, i]).sympy(a * x + b) + d
