"""What a formula leaves out of a network: whether it is short enough to read, and the functions that it only names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from edgewise.nn._formula import spline_name
from edgewise.nn._layer import Edge
from edgewise.nn._network import KAN

_LONGEST = 2000  # terms


def is_readable(model: KAN) -> bool:
    """Whether every edge is symbolic and the formula has at most about 2000 terms, told before it is made.

    The terms are as many as the ways that lead from the inputs to the outputs.

    >>> model = KAN([1, 1])
    >>> is_readable(model)
    False
    """
    if model.spline_edges():
        return False
    ways = [1] * model.n_in
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        rows: list[list[bool]] = layer.mask.tolist()
        into = [sum(w for w, on in zip(ways, row, strict=True) if on) for row in rows]
        ways = [sum(into[j] for j in group) for group in nodes.groups()]
    return sum(ways) <= _LONGEST


def spline_functions(model: KAN) -> dict[str, Callable[[Any], Any]]:
    """The functions of the spline edges by their names in `KAN.formula(splines="symbols")`, of numbers or numpy arrays.

    They are the network's own: sympy.lambdify takes the mapping among its `modules`.

    >>> import edgewise as ew, numpy as np, sympy, torch
    >>> model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "exp")
    >>> formula = model.formula(["x", "y"], splines="symbols")
    >>> formula
    phi_0_0_1(y) + exp(x)
    >>> call = sympy.lambdify(["x", "y"], formula, [spline_functions(model), "numpy"])
    >>> rows = np.linspace(-1, 1, 10).reshape(5, 2)
    >>> bool(np.allclose(call(*rows.T), model(torch.from_numpy(rows))[:, 0].detach()))
    True
    """
    return {spline_name(*edge): _curve(model, edge) for edge in model.spline_edges()}


def _curve(model: KAN, edge: Edge) -> Callable[[Any], Any]:
    depth, j, i = edge
    layer = model.layers[depth]

    def curve(u: Any) -> Any:
        values = torch.as_tensor(np.asarray(u), dtype=torch.float64, device=layer.coefficients.device)
        with torch.no_grad():
            inputs = torch.zeros(values.numel(), layer.n_in, dtype=layer.dtype, device=values.device)
            inputs[:, i] = values.reshape(-1).to(layer.dtype)
            out = layer.edges(inputs)[:, j, i]
        found = out.double().cpu().numpy().reshape(values.shape)
        return found if found.shape else float(found)

    return curve
