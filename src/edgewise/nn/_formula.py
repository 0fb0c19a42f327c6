"""The formula that a network of symbolic edges is."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from edgewise import functions
from edgewise._errors import InputError
from edgewise.functions._constants import exact_constant
from edgewise.nn._layer import KANLayer
from edgewise.nn._network import KAN


def network_formula(model: KAN, names: Sequence[str] | None = None) -> list[sympy.Expr]:
    """One sympy expression for each output, over symbols of the given names (x1, x2, ... by default)."""
    given, names = names, [f"x{i + 1}" for i in range(model.n_in)] if names is None else list(names)
    sound = not isinstance(given, str) and all(isinstance(name, str) and name for name in names)
    if not sound or len(names) != model.n_in or len(set(names)) != len(names):
        raise InputError(f"The formula needs {model.n_in} different names, one for each input. Got {given!r}.")
    splines = [
        f"({depth}, {j}, {i})"
        for depth, layer in enumerate(model.layers)
        for j, i in layer.spline_mask().nonzero().tolist()  # type: ignore[operator]
    ]
    if splines:
        shown = ", ".join(splines[:5]) + (", ..." if len(splines) > 5 else "")
        raise InputError(
            f"{len(splines)} edges (layer, j, i) are still splines: {shown}. "
            "Snap them with edgewise.symbolic.snap or set them with edgewise.nn.set_function."
        )
    values: list[sympy.Expr] = [sympy.Symbol(name) for name in names]
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        assert isinstance(layer, KANLayer)
        subnodes = [_subnode(layer, j, values) for j in range(layer.n_out)]
        values = [sympy.Mul(*(subnodes[j] for j in group)) for group in nodes.groups()]
    return values


def _subnode(layer: KANLayer, j: int, values: list[sympy.Expr]) -> sympy.Expr:
    total = sympy.Integer(0)
    for i, on in enumerate(layer.mask[j].tolist()):
        if on:
            a, b, c, d = (exact_constant(v) for v in layer.affine[j, i].detach().double().tolist())
            total += c * functions.get(layer.symbols[j, i]).sympy(a * values[i] + b) + d
    return total
