"""How much of the output's variation passes through each edge, node and input, and which inputs act together."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise._jets import gradient_of, hessian_of, jets_of
from edgewise._typing import Data
from edgewise.nn import KAN, Pass, clone, edge_derivatives
from edgewise.train import as_inputs

By = Literal["output"] | None
Region = Data | None
_MOST_ROWS = 10_000


def table_of(model: KAN, x: Data) -> Tensor:
    """All rows of x, checked, in the network's number type and on its device."""
    return as_inputs(x, model).to(model.dtype)


def rows_of(model: KAN, x: Data | None) -> Tensor:
    """Return the rows to show a network on, a tensor in its number type and on its device.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame, of which at most 10 000 rows are taken. None takes points that
        are spread over the first layer's knots.

    Examples
    --------
    >>> import edgewise as ew
    >>> model = ew.KAN([2, 3, 1])
    >>> rows_of(model, torch.rand(50, 2)).shape, rows_of(model, None).shape
    (torch.Size([50, 2]), torch.Size([512, 2]))
    """
    if x is None:
        layer = model.layers[0]
        low, high = layer.basis.ends(layer.knots)
        unit = torch.quasirandom.SobolEngine(model.n_in).draw(513, dtype=torch.float64)[1:].to(low)
        return low + (high - low) * unit
    table = table_of(model, x)
    return table[:: -(-len(table) // _MOST_ROWS)]


def region_of(table: Tensor, rows: Region) -> Tensor:
    """Those rows of a table that `rows` chooses: a mask of as many booleans, row numbers, or None for all of them."""
    if rows is None:
        return table
    try:
        chosen = torch.tensor(np.asarray(rows), device=table.device)  # a copy, since what is given may be read-only
    except (TypeError, ValueError, RuntimeError):
        chosen = torch.empty(0)
    whole = chosen.dtype == torch.bool or not (chosen.is_floating_point() or chosen.is_complex())
    if chosen.dim() != 1 or not whole or (chosen.dtype == torch.bool and len(chosen) != len(table)):
        raise InputError(
            f"'rows' must be a mask of {len(table)} booleans or a list of row numbers. "
            f"Got {type(rows).__name__} of shape {tuple(chosen.shape)}."
        )
    numbers = chosen.nonzero().flatten() if chosen.dtype == torch.bool else chosen.long()
    if len(numbers) == 0:
        raise InputError("'rows' chooses no row: widen the region.")
    if not -len(table) <= int(numbers.min()) <= int(numbers.max()) < len(table):
        raise InputError(f"'rows' must be row numbers below {len(table)}. Got {int(numbers.max())}.")
    return table[numbers]


def edge_scores(model: KAN, x: Data, *, rows: Region = None, by: By = None, signed: bool = False) -> list[Tensor]:
    """Return the attribution score of every edge: its spread, as the output feels it.

    score_ji  = sqrt( mean_o mean_n A_oj(x_n)^2 Var phi_ji ) / sqrt( mean_o Var y_o ),  A_oj = d y_o / d subnode j
    signed_ji = mean_o mean_n A_oj(x_n) phi_ji'(h_ni) sd h_i / sqrt( mean_o Var y_o )

    1 means as much variation as the output has; 0 that the edge could be a constant. Rescaling a hidden node changes no
    score. An edge into a product has, for each output, the variance of its rows weighted by A_oj^2,

    Var phi_ji = mean_n A_oj(x_n)^2 (phi_ji(h_ni) - m)^2 / mean_n A_oj(x_n)^2,  m = sum_n A_oj^2 phi_ji / sum_n A_oj^2

    because A_oj contains the other factors there, and may be largest where this one varies least. The score is then
    what the output loses, to first order, if the edge is the constant m.

    `rows` and `by` together distinguish classes: `rows=labels == 2, by="output"`.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default. Means and the spreads of the edges
        are taken over it, while the output's spread stays that of all rows, so that regions compare.
    by
        "output" scores each output by itself, in units of its standard deviation; None takes all outputs together.
    signed
        Whether scores have the direction of the effect: by how many of its spreads the output rises through this edge,
        on average, where its node rises by one. A straight edge of a sum has signed = score or -score, an even
        function's signed score is 0.

    Returns
    -------
    list of tensors
        The scores (n_out, n_in) of each layer, zero where masked; one more dimension in front, over the network's
        outputs, with `by="output"`.

    Raises
    ------
    InputError
        For x of another width, for rows that are no region of x, and for another `by`.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> [s.shape for s in ew.interpret.edge_scores(ew.KAN([2, 3, 1]), torch.rand(50, 2))]
    [torch.Size([3, 2]), torch.Size([1, 3])]
    >>> x = torch.linspace(-1, 1, 200).unsqueeze(1)
    >>> bend = ew.nn.set_function(ew.KAN([1, 1]), (0, 0, 0), "abs")
    >>> left, right = (ew.interpret.input_scores(bend, x, rows=x[:, 0] * side > 0, signed=True) for side in (-1, 1))
    >>> bool(left < 0) and bool(right > 0)
    True
    """
    table = table_of(model, x)
    region = region_of(table, rows)
    with torch.no_grad():
        forward = Pass(model, region)
        spread = output_spread(forward.outputs if rows is None else model(table), by)
        return [_layer_scores(forward, depth, signed, by) / spread for depth in range(len(model.layers))]


def node_scores(model: KAN, x: Data, *, rows: Region = None, by: By = None, signed: bool = False) -> list[Tensor]:
    """Return the score of every node before each layer, from the scores of the edges that leave it.

    score_i = sqrt( sum_j score_ji^2 ),  signed_i = sum_j signed_ji = mean_o mean_n (d y_o / d h_i) sd h_i / spread

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default. Means and the spreads of the edges
        are taken over it, while the output's spread stays that of all rows, so that regions compare.
    by
        "output" scores each output by itself, in units of its standard deviation; None takes all outputs together.
    signed
        Whether scores have the direction of the effect, as in `edgewise.interpret.edge_scores`.

    Returns
    -------
    list of tensors
        Entry l holds the nodes that enter layer l, so entry 0 scores the inputs; with `by="output"` a row for each
        output.

    Raises
    ------
    InputError
        For x of another width, for rows that are no region of x, and for another `by`.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> [s.shape for s in ew.interpret.node_scores(ew.KAN([2, 3, 1]), torch.rand(50, 2))]
    [torch.Size([2]), torch.Size([3])]
    """
    found = edge_scores(model, x, rows=rows, by=by, signed=signed)
    return [scores.sum(-2) if signed else scores.square().sum(-2).sqrt() for scores in found]


def input_scores(model: KAN, x: Data, *, rows: Region = None, by: By = None, signed: bool = False) -> Tensor:
    """Return the score of every input: entry 0 of `edgewise.interpret.node_scores`.

    Where one layer gives the output and inputs are independent, score_i^2 is the share of the output's variance that
    input i brings. Edges count by themselves: an input that works through several of them scores more than its share.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default. Means and the spreads of the edges
        are taken over it, while the output's spread stays that of all rows, so that regions compare.
    by
        "output" scores each output by itself, in units of its standard deviation; None takes all outputs together.
    signed
        Whether scores have the direction of the effect, as in `edgewise.interpret.edge_scores`.

    Returns
    -------
    tensor
        The scores (n_in,), or (n_out, n_in) with `by="output"`.

    Raises
    ------
    InputError
        For x of another width, for rows that are no region of x, and for another `by`.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> ew.interpret.input_scores(ew.KAN([2, 3, 1]), torch.rand(50, 2)).shape
    torch.Size([2])
    """
    return node_scores(model, x, rows=rows, by=by, signed=signed)[0]


def output_spread(outputs: Tensor, by: By) -> Tensor:
    """The unit of scores: each output's spread, (n_out, 1, 1), or that of all outputs together, (); never zero."""
    if by not in (None, "output"):
        raise unknown("'by'", by, ["output", "None"])
    rounding = torch.finfo(outputs.dtype).eps * outputs.abs().amax(0)
    spread = spread_of(outputs)
    if by is None:
        spread, rounding = spread.square().mean().sqrt(), rounding.max()
    spread = spread.maximum(rounding).clamp_min(torch.finfo(outputs.dtype).tiny)
    return spread if by is None else spread.view(-1, 1, 1)


def spread_of(values: Tensor) -> Tensor:
    """The standard deviation over rows, 0 where values differ by rounding alone."""
    spread = values.std(0, correction=0)
    rounding = 4 * torch.finfo(values.dtype).eps * values.abs().amax(0)
    return torch.where(spread > rounding, spread, 0)


def _layer_scores(forward: Pass, depth: int, signed: bool, by: By) -> Tensor:
    """A layer's scores in the output's own units: (n_out, subnodes, nodes), or over all outputs (subnodes, nodes)."""
    layer, h = forward.model.layers[depth], forward.inputs[depth]
    sensitivity = forward.sensitivities[depth]
    if signed:
        slopes = edge_derivatives(layer, h, 1)
        scores = torch.einsum("noj,nji->oji", sensitivity, slopes) / len(h) * spread_of(h)
        return scores if by else scores.mean(0)
    edges, sums = layer.edges(h), forward.model.nodes[depth + 1].n_sum
    felt = sensitivity.square().mean(0)
    scores = (felt if by else felt.mean(0)).sqrt().unsqueeze(-1) * spread_of(edges)
    if sums < layer.n_out:
        each = torch.stack([_factor_scores(part[:, sums:], edges[:, sums:]) for part in sensitivity.unbind(1)])
        scores[..., sums:, :] = each if by else each.square().mean(0).sqrt()
    return scores


def constants(model: KAN, x: Tensor) -> list[Tensor]:
    """Return what an edge is when it is held: its mean over rows (n, n_in), into a product weighted by sum_o A_oj^2.

    Shapes: (subnodes, nodes) a layer.
    """
    with torch.no_grad():
        forward, found = Pass(model, x), []
        for depth, (layer, h) in enumerate(zip(model.layers, forward.inputs, strict=True)):
            edges, sums = layer.edges(h), model.nodes[depth + 1].n_sum
            factors = _weighted_mean(forward.sensitivities[depth][..., sums:], edges[:, sums:])
            found.append(torch.cat([edges[:, :sums].mean(0), factors]))
        return found


def _factor_scores(sensitivity: Tensor, edges: Tensor) -> Tensor:
    """What one output loses, to first order, if a factor's edge is held: of (n, j) and (n, j, i), (j, i)."""
    deviation = edges - _weighted_mean(sensitivity.unsqueeze(1), edges)
    lost = (sensitivity.unsqueeze(-1) * deviation).square().mean(0).sqrt()
    return torch.where(spread_of(edges) > 0, lost, 0)


def _weighted_mean(sensitivity: Tensor, edges: Tensor) -> Tensor:
    """The mean of edges (n, j, i) weighted by squares of sensitivities (n, o, j), the plain one where these are 0."""
    tiny = torch.finfo(sensitivity.dtype).tiny
    weights = (sensitivity / sensitivity.abs().amax((0, 1)).clamp_min(tiny)).square().sum(1)
    weights = torch.where((weights > 0).any(0), weights, 1).unsqueeze(-1)
    return (weights * edges).sum(0) / weights.sum(0)


_NUMBERS = 2**22  # second derivatives held at once


def interactions(model: KAN, x: Data, *, rows: Region = None, by: By = None, signed: bool = False) -> Tensor:
    """Return how strongly each pair of inputs acts together: the mean size of the mixed second derivative.

    interaction_ab = mean_o mean_n | d2 y_o / d x_a d x_b | sd x_a sd x_b / sqrt( mean_o Var y_o )

    It is exactly 0 for two inputs whose effects add up, and does not depend on units. The diagonal is the bending along
    each input. Derivatives are exact, in float64 whatever the network's numbers are. Beyond the knots splines are
    straight.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    rows
        A region of the data, a mask of booleans or row numbers; all rows by default. Means and the spreads of the
        inputs are taken over it, while the output's spread stays that of all rows, so that regions compare.
    by
        "output" scores each output by itself, in units of its standard deviation; None takes all outputs together.
    signed
        Whether the mean is taken without absolute values: above 0 where two inputs strengthen each other.

    Returns
    -------
    tensor
        The interactions (n_in, n_in), or (n_out, n_in, n_in) with `by="output"`.

    Raises
    ------
    InputError
        For x of another width, for rows that are no region of x, and for another `by`.

    References
    ----------
    Friedman and Popescu, Predictive learning via rule ensembles (2008), section 8.1: no interaction where the mixed
    second derivative is zero.

    Examples
    --------
    >>> import edgewise as ew, sympy, torch
    >>> a, b, c = sympy.symbols("a b c")
    >>> model = ew.symbolic.network_of(a + b * c, ["a", "b", "c"])
    >>> x = torch.rand(100, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> (ew.interpret.interactions(model, x) > 1e-12).tolist()
    [[False, False, False], [False, False, True], [False, True, False]]
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
    """Return the second derivatives of every output by every pair of inputs: (n, n_out, n_in, n_in).

    H_o = sum over layers of  sum_i (sum_j A_oj phi_ji'') g_i g_i'  +  sum over products of the pairs of their factors,
    with g the gradients of nodes by inputs, carried forward, and A the sensitivities, carried back.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs, a tensor in the network's number type.

    Examples
    --------
    >>> import edgewise as ew
    >>> model = ew.KAN([2, 3, 1])
    >>> hessians(model, rows_of(model, torch.rand(50, 2))).shape
    torch.Size([50, 1, 2, 2])
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
