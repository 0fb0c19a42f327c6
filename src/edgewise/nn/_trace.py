"""One pass through a network with everything on the way kept."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edgewise.nn._network import KAN


@dataclass(frozen=True)
class Trace:
    """What each part of a network gave for a table of inputs; lists run over the layers.

    inputs[l] (n, nodes before), edges[l] (n, subnodes, nodes before), subnodes[l] (n, subnodes), outputs (n, n_out).
    """

    inputs: list[Tensor]
    edges: list[Tensor]
    subnodes: list[Tensor]
    outputs: Tensor


def trace(model: KAN, x: Tensor) -> Trace:
    """Run a network once and return every activation.

    >>> import edgewise as ew, torch
    >>> t = ew.nn.trace(ew.KAN([2, 3, 1]), torch.rand(10, 2))
    >>> t.edges[0].shape
    torch.Size([10, 3, 2])
    """
    inputs, edges, subnodes = [], [], []
    h = x.to(model.dtype)
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        inputs.append(h)
        edges.append(layer.edges(h))
        subnodes.append(edges[-1].sum(-1))
        h = nodes.combine(subnodes[-1])
    return Trace(inputs, edges, subnodes, h)
