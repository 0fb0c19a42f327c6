"""Which inputs act together: exact second derivatives of the network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.interpret._rows import region_of, table_of
from edgewise.interpret._scores import output_spread, spread_of
from edgewise.interpret._slopes import edge_derivatives
from edgewise.nn import KAN, Nodes, Pass, clone, layer_of

_NUMBERS = 2**22  # second derivatives held at once


def interactions(model: KAN, x: Any, *, rows: Any = None, by: str | None = None, signed: bool = False) -> Tensor:
    """Return how strongly each pair of inputs acts together: the mean size of the mixed second derivative.

    interaction_ab = mean_o mean_n | d2 y_o / d x_a d x_b | sd x_a sd x_b / sqrt( mean_o Var y_o )

    It is exactly 0 for two inputs whose effects add up, and does not depend on units. The diagonal is the bending along
    each input. With `signed` the mean is taken without absolute values: above 0 where two inputs strengthen each other.
    Derivatives are exact, in float64 whatever the network's numbers are. Beyond the knots splines are straight.

    `rows` and `by` are those of `edgewise.interpret.edge_scores`: a region of the data, and each output by itself.

    Shapes: x (n, n_in); (n_in, n_in), or (n_out, n_in, n_in) with `by="output"`.
    Errors: InputError for x of another width, for rows that are no region of x, and for another `by`.

    >>> import edgewise as ew, sympy, torch
    >>> a, b, c = sympy.symbols("a b c")
    >>> model = ew.symbolic.network_of(a + b * c, ["a", "b", "c"])
    >>> x = torch.rand(100, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> (ew.interpret.interactions(model, x) > 1e-12).tolist()
    [[False, False, False], [False, False, True], [False, True, False]]

    Source: Friedman and Popescu, Predictive learning via rule ensembles (2008), section 8.1: no interaction where the
    mixed second derivative is zero.
    """
    model = clone(model, torch.float64)
    table = table_of(model, x)
    region = region_of(table, rows)
    total = table.new_zeros(model.n_out, model.n_in, model.n_in)
    with torch.no_grad():
        for piece in region.split(max(1, _NUMBERS // total.numel())):
            found = hessians(model, piece)
            total += (found if signed else found.abs()).sum(0)
        spread = output_spread(model(table), by)
    sizes = spread_of(region)
    means = total / len(region) * sizes.unsqueeze(1) * sizes
    return (means if by else means.mean(0)) / spread


def hessians(model: KAN, x: Tensor) -> Tensor:
    """The second derivatives of every output by every pair of inputs: (n, n_out, n_in, n_in).

    H_o = sum over layers of  sum_i (sum_j A_oj phi_ji'') g_i g_i'  +  sum over products of the pairs of their factors,
    with g the gradients of nodes by inputs, carried forward, and A the sensitivities, carried back.
    """
    forward = Pass(model, x)
    slopes = [edge_derivatives(layer_of(model, depth), h, 1) for depth, h in enumerate(forward.inputs)]
    gradient = torch.eye(model.n_in, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
    out = x.new_zeros(len(x), model.n_out, model.n_in, model.n_in)
    for depth, nodes in enumerate(model.nodes[1:]):
        curvature = edge_derivatives(layer_of(model, depth), forward.inputs[depth], 2)
        bend = forward.sensitivities[depth] @ curvature
        out += torch.einsum("noi,nia,nib->noab", bend, gradient, gradient)
        inner, subnodes = slopes[depth] @ gradient, forward.subnodes[depth]
        if depth + 1 < len(slopes):
            by_node = forward.sensitivities[depth + 1] @ slopes[depth + 1]
        else:
            by_node = torch.eye(model.n_out, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        out += _products(nodes, subnodes, by_node, inner)
        own = torch.eye(nodes.n_nodes, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        gradient = nodes.pull_back(subnodes, own) @ inner if nodes.arities else inner
    return out


def _products(nodes: Nodes, subnodes: Tensor, by_node: Tensor, gradient: Tensor) -> Tensor:
    """What the products of one level add: for each pair of factors, their gradients by what the others multiply to."""
    n, d = len(subnodes), gradient.shape[2]
    out = subnodes.new_zeros(n, by_node.shape[1], d, d)
    for q, group in enumerate(nodes.groups()[nodes.n_sum :], start=nodes.n_sum):
        bend = subnodes.new_zeros(n, d, d)
        for j in group:
            for k in group:
                if j != k:
                    rest = subnodes[:, [i for i in group if i not in (j, k)]].prod(-1)
                    bend += rest[:, None, None] * gradient[:, j, :, None] * gradient[:, k, None, :]
        out += by_node[:, :, q, None, None] * bend.unsqueeze(1)
    return out
