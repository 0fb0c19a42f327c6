"""Hidden nodes in the order that makes connections short; the network computes what it did."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise.nn import layer_of

X = torch.rand(60, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
WIDTHS = st.tuples(st.integers(0, 4), st.lists(st.integers(2, 3), max_size=3)).filter(lambda w: w[0] + len(w[1]) > 0)


@given(hidden=st.lists(WIDTHS, min_size=1, max_size=3), seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_network_computes_what_it_did_over_shorter_connections(hidden: list, seed: int) -> None:
    model = ew.KAN([4, *hidden, 2], seed=seed)
    found = ew.interpret.arrange(model, X)
    assert torch.allclose(found.model(X), model(X), rtol=1e-10, atol=1e-12)
    assert found.after <= found.before
    assert [sorted(level) for level in found.order] == [list(range(nodes.n_nodes)) for nodes in model.nodes]
    assert found.order[0] == [0, 1, 2, 3] and found.order[-1] == [0, 1]
    again = ew.interpret.arrange(found.model, X)
    assert again.before == pytest.approx(found.after) and again.after == pytest.approx(found.after)


def paths(order: list[int]) -> ew.KAN:
    """Four inputs, each with a hidden node and an output of its own; the hidden nodes stand in that order."""
    model = ew.KAN([4, 4, 4], seed=0)
    for depth, wanted in (
        (0, [(place, k) for place, k in enumerate(order)]),
        (1, [(k, p) for p, k in enumerate(order)]),
    ):
        mask = layer_of(model, depth).mask
        mask[:] = False
        for j, i in wanted:
            mask[j, i] = True
    return model


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2], [0, 1, 2, 3]])
def test_paths_that_cross_are_laid_side_by_side(order: list[int]) -> None:
    found = ew.interpret.arrange(paths(order), X)
    assert found.after == 0
    assert [order[q] for q in found.order[1]] == [0, 1, 2, 3]
    assert layer_of(found.model, 0).mask.equal(torch.eye(4, dtype=torch.bool))


def test_rules_and_functions_go_with_their_nodes() -> None:
    model = ew.nn.lock(ew.nn.set_function(paths([3, 2, 1, 0]), 0, 0, 3, "sin"), [(0, 0, 3)])
    found = ew.interpret.arrange(model, X)
    assert layer_of(found.model, 0).symbols == {(3, 3): "sin"}
    assert layer_of(found.model, 0).locked_mask().nonzero().tolist() == [[3, 3]]


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ew.InputError, match="4"):
        ew.interpret.arrange(paths([0, 1, 2, 3]), X[:, :3])
