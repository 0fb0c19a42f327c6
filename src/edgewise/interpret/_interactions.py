"""Which inputs act together: exact second derivatives of the network."""

import torch
from torch import Tensor

from edgewise._jets import gradient_of, hessian_of, jets_of
from edgewise._typing import Data
from edgewise.interpret._rows import By, Region, region_of, table_of
from edgewise.interpret._scores import output_spread, spread_of
from edgewise.nn import KAN, Pass, clone, edge_derivatives

_NUMBERS = 2**22  # second derivatives held at once


def interactions(model: KAN, x: Data, *, rows: Region = None, by: By = None, signed: bool = False) -> Tensor:
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
        widest = max([model.n_out, *(nodes.n_subnodes for nodes in model.nodes[1:] if nodes.arities)])
        for piece in region.split(max(1, _NUMBERS // (widest * model.n_in**2))):
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
    slopes = [edge_derivatives(layer, h, 1) for layer, h in zip(model.layers, forward.inputs, strict=True)]
    gradient = _identity(x, model.n_in)
    out = x.new_zeros(len(x), model.n_out, model.n_in, model.n_in)
    for depth, nodes in enumerate(model.nodes[1:]):
        curvature = forward.sensitivities[depth] @ edge_derivatives(model.layers[depth], forward.inputs[depth], 2)
        out += torch.einsum("noi,nia,nib->noab", curvature, gradient, gradient)
        gradient = slopes[depth] @ gradient
        if nodes.arities:
            straight = gradient.new_zeros(*gradient.shape, model.n_in)
            jets = nodes.jets(jets_of(forward.subnodes[depth], gradient, straight))
            gradient, curvature = gradient_of(jets, model.n_in), hessian_of(jets, model.n_in)
            last = depth + 1 == len(slopes)
            by_node = _identity(x, model.n_out) if last else forward.sensitivities[depth + 1] @ slopes[depth + 1]
            out += torch.einsum("noq,nqab->noab", by_node, curvature)
    return out


def _identity(x: Tensor, size: int) -> Tensor:
    return torch.eye(size, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
