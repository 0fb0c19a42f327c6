"""A network without some of its edges: what is left gives what it must, in any network."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise.interpret import edge_means, without

WIDTHS: list[list[Any]] = [
    [2, 3, 1],
    [2, (2, 2), 2],
    [3, (1, [3]), 3, 1],
    [2, 2, (0, [2, 3])],
    [3, (2, [2, 3]), (1, 1)],
]


def rows(n: int, d: int) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def active(model: ew.KAN) -> list[tuple[int, int, int]]:
    return [(d, j, i) for d, layer in enumerate(model.layers) for j, i in layer.mask.nonzero().tolist()]


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("base", [None, "silu"])
def test_each_edge_is_replaced_by_its_mean_and_what_it_held_up_goes(
    widths: list[Any], base: str | None, mixed_network: Any
) -> None:
    """Where no node goes with it, the network is the one in which the edge is a constant; factors may go."""
    model, x = mixed_network(widths, seed=1, base=base), rows(30, widths[0])
    means, compared = edge_means(model, x), 0
    for edge in active(model):
        found = without(model, means, [edge])
        if found is None:
            alone = int(model.layers[edge[0]].mask[edge[1]].sum()) == 1
            assert alone
            continue
        new, kept = found
        assert [nodes.n_nodes for nodes in new.nodes] == [len(left) for left in kept]
        assert kept[0] == list(range(model.n_in)) and kept[-1] == list(range(model.n_out))
        for layer, before, after in zip(new.layers, new.nodes, new.nodes[1:], strict=False):
            assert layer.mask.shape == (after.n_subnodes, before.n_nodes) == (layer.n_out, layer.n_in)
            assert layer.mask.any(1).all()
        if all(len(left) == nodes.n_nodes for left, nodes in zip(kept, model.nodes, strict=True)):
            depth, j, i = edge
            fixed = ew.nn.set_function(model, *edge, "x", (1.0, 0.0, 0.0, float(means[depth][j, i])))
            torch.testing.assert_close(new(x), fixed(x), rtol=1e-9, atol=1e-9)
            compared += 1
    assert compared


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_idle_parts_go_and_the_function_stays(widths: list[Any]) -> None:
    model, x = ew.KAN(widths, seed=2), rows(20, widths[0])
    groups = model.nodes[1].groups()
    model = ew.nn.remove_edges(model, [(0, groups[0][0], i) for i in range(widths[0])])
    found = without(model, edge_means(model, x), [], idle=True)
    if found is None:  # the only node before the output
        assert len(groups) == 1
        return
    new, kept = found
    assert kept[1] == list(range(1, len(groups)))
    torch.testing.assert_close(new(x), model(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_locked_edges_neither_go_nor_change(seed: int, mixed_network: Any) -> None:
    model, x = mixed_network([3, (2, [2, 3]), (1, 1)], seed=seed), rows(30, 3)
    edges = active(model)
    held = [edges[k] for k in torch.randperm(len(edges), generator=torch.Generator().manual_seed(seed))[:4]]
    model = ew.nn.lock(model, held)
    means, curves = edge_means(model, x), held_curves(model)
    for edge in edges:
        found = without(model, means, [edge])
        if edge in held:
            assert found is None
        elif found is not None:
            left = held_curves(found[0])
            assert len(left) == len(curves)
            for curve in left:
                assert any(torch.allclose(curve, other) for other in curves)


def held_curves(model: ew.KAN) -> list[torch.Tensor]:
    """The locked edges' functions at some points."""
    points = torch.linspace(-2, 2, 9, dtype=torch.float64).unsqueeze(1)
    return [
        layer.edges(points.expand(-1, layer.n_in))[:, j, i].detach()
        for layer in model.layers
        for (j, i), rule in layer.rules.items()
        if rule.locked and layer.mask[j, i]
    ]


def test_the_given_network_stays_as_it_was(mixed_network: Any) -> None:
    model, x = mixed_network(WIDTHS[-1]), rows(20, 3)
    before = model(x)
    without(model, edge_means(model, x), active(model)[:3])
    assert torch.equal(model(x), before)
