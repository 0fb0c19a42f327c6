"""How much of the output's variation passes through each edge, node and input, and in which direction."""

import torch
from torch import Tensor

from edgewise._errors import unknown
from edgewise._typing import Data
from edgewise.interpret._rows import By, Region, region_of, table_of
from edgewise.nn import KAN, Pass, edge_derivatives


def edge_scores(model: KAN, x: Data, *, rows: Region = None, by: By = None, signed: bool = False) -> list[Tensor]:
    """Return the attribution score of every edge: its spread, as the output feels it.

    score_ji  = sqrt( mean_o mean_n A_oj(x_n)^2 Var phi_ji ) / sqrt( mean_o Var y_o ),  A_oj = d y_o / d subnode j
    signed_ji = mean_o mean_n A_oj(x_n) phi_ji'(h_ni) sd h_i / sqrt( mean_o Var y_o )

    1 means as much variation as the output has; 0 that the edge could be a constant. Rescaling a hidden node changes no
    score. An edge into a product has, for each output, the variance of its rows weighted by A_oj^2,

    Var phi_ji = mean_n A_oj(x_n)^2 (phi_ji(h_ni) - m)^2 / mean_n A_oj(x_n)^2,  m = sum_n A_oj^2 phi_ji / sum_n A_oj^2

    because A_oj contains the other factors there, and may be largest where this one varies least. The score is then
    what the output loses, to first order, if the edge is the constant m.

    With `signed` it is the direction of the effect: by how many of its spreads the output rises through this edge, on
    average, where its node rises by one. A straight edge of a sum has signed = score or -score, an even function's
    signed score is 0.

    `rows` is a region of the data, a mask of booleans or row numbers: means and the spreads of the edges are taken over
    it, while the output's spread stays that of all rows, so that regions compare. `by="output"` scores each output by
    itself, in units of its standard deviation. Together they distinguish classes: `rows=labels == 2, by="output"`.

    Shapes: x (n, n_in); one (n_out, n_in) tensor for each layer, zero where masked; one more dimension in front,
    over the network's outputs, with `by="output"`.

    Errors: InputError for x of another width, for rows that are no region of x, and for another `by`.

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

    Arguments, errors: see `edgewise.interpret.edge_scores`. Shapes: x (n, n_in); entry l holds the nodes that enter
    layer l, so entry 0 scores the inputs; with `by="output"` a row for each output.

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
    Shapes: (n_in,), or (n_out, n_in) with `by="output"`.

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
