"""How much of the output's variation passes through each edge, node and input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.nn import KAN, KANLayer, Pass
from edgewise.train import as_matrix


def edge_scores(model: KAN, x: Any) -> list[Tensor]:
    """Return the attribution score of every edge: its spread, as the output feels it.

    score_ji = sqrt( mean_o mean_n A_oj(x_n)^2 Var phi_ji ) / sqrt( mean_o Var y_o ),  A_oj = d y_o / d subnode j

    1 means as much variation as the output has; 0 that the edge could be a constant. Rescaling a hidden node changes no
    score. Shapes: x (n, n_in); one (n_out, n_in) tensor for each layer, zero where masked.

    >>> import edgewise as ew, torch
    >>> [s.shape for s in ew.interpret.edge_scores(ew.KAN([2, 3, 1]), torch.rand(50, 2))]
    [torch.Size([3, 2]), torch.Size([1, 3])]
    """
    with torch.no_grad():
        forward = Pass(model, as_matrix(x, "x").to(model.device, model.dtype))
        spread = forward.outputs.var(0, correction=0).mean().sqrt().clamp_min(1e-300)
        scores = []
        for depth, layer in enumerate(model.layers):
            assert isinstance(layer, KANLayer)
            sensitivity = forward.sensitivities[depth].square().mean((0, 1)).sqrt()
            values = layer.edges(forward.inputs[depth])
            scores.append(sensitivity.unsqueeze(1) * values.std(0, correction=0) / spread)
    return scores


def node_scores(model: KAN, x: Any) -> list[Tensor]:
    """Return the score of every node before each layer: the root sum of squares of the edges that leave it.

    Shapes: x (n, n_in); entry l holds the nodes that enter layer l, so entry 0 scores the inputs.

    >>> import edgewise as ew, torch
    >>> [s.shape for s in ew.interpret.node_scores(ew.KAN([2, 3, 1]), torch.rand(50, 2))]
    [torch.Size([2]), torch.Size([3])]
    """
    return [scores.square().sum(0).sqrt() for scores in edge_scores(model, x)]


def input_scores(model: KAN, x: Any) -> Tensor:
    """Return the score of every input, (n_in,).

    >>> import edgewise as ew, torch
    >>> ew.interpret.input_scores(ew.KAN([2, 3, 1]), torch.rand(50, 2)).shape
    torch.Size([2])
    """
    return node_scores(model, x)[0]
