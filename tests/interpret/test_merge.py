"""Hidden nodes that others can stand for are joined to them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import edgewise as ew

Edges = dict[tuple[int, int, int], tuple[str, tuple[float, float, float, float]]]


def rows(n: int = 200, d: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def symbolic(widths: list[Any], edges: Edges) -> ew.KAN:
    """A network of these edges alone: (layer, j, i) -> (function, constants)."""
    model = ew.KAN(widths)
    for depth, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                if (depth, j, i) in edges:
                    model = ew.nn.set_function(model, depth, j, i, *edges[depth, j, i])
                else:
                    model = ew.nn.remove_edges(model, [(depth, j, i)])
    return model


def merged(model: ew.KAN, x: torch.Tensor, tolerance: float = 1e-9) -> ew.KAN:
    """The network with nodes merged: the same function, each merge with its cost."""
    y = model(x).detach()
    result = ew.prune(model, x, y, threshold=0)
    assert result.error_after <= tolerance * float(y.std())
    assert sum(r.cost for r in result.removed) == pytest.approx(result.error_after, abs=1e-12)
    torch.testing.assert_close(result.model(x), y, atol=10 * tolerance * float(y.std()), rtol=0)
    return result.model


LINE = ("x", (1.0, 0.0, 1.0, 0.0))


def test_parallel_nodes_of_splines_become_one() -> None:
    x = rows()
    model = ew.nn.adapt_grid(ew.KAN([2, 2, 1], grid=12, seed=0), x)
    with torch.no_grad():
        model.layers[0].coefficients[1] = -2 * model.layers[0].coefficients[0] + 0.3
    model = ew.nn.adapt_grid(model, x)
    result = ew.prune(model, x, threshold=0)
    (removal,) = result.removed
    assert result.model.widths == [2, 1, 1]
    assert removal.what == "node" and removal.where == "h2 into h1" and removal.score > 0.1
    assert 0 < removal.cost == result.error_after < 3e-3 * float(model(x).detach().std())


def test_parallel_nodes_of_functions_stay_functions() -> None:
    """sin(2 u) + 3 of u, and exp of its affine image -u/2 + 1: into two outputs, each keeps its function."""
    model = symbolic(
        [1, 2, 2],
        {
            (0, 0, 0): ("x^2", (1.0, 0.0, 1.0, 0.0)),
            (0, 1, 0): ("x^2", (1.0, 0.0, -0.5, 1.0)),
            (1, 0, 0): ("sin", (2.0, 0.0, 1.0, 3.0)),
            (1, 1, 1): ("exp", (3.0, 0.5, 2.0, 0.0)),
        },
    )
    small = merged(model, rows(d=1))
    assert small.widths == [1, 1, 2]
    assert small.layers[1].symbols == {(0, 0): "sin", (1, 0): "exp"}
    assert small.layers[1].affine[1, 0].tolist() == pytest.approx([-1.5, 3.5, 2, 0])


def test_the_same_function_of_parallel_nodes_is_added() -> None:
    edges: Edges = {
        (0, 0, 0): LINE,
        (0, 1, 0): ("x", (1.0, 0.0, 2.0, 0.0)),
        (1, 0, 0): ("sin", (2.0, 0.5, 1.0, 1.0)),
        (1, 0, 1): ("sin", (1.0, 0.5, 4.0, 2.0)),
    }
    small = merged(symbolic([1, 2, 1], edges), rows(d=1))
    assert small.widths == [1, 1, 1]
    assert small.layers[1].affine[0, 0].tolist() == pytest.approx([2, 0.5, 5, 3])


def test_different_functions_of_parallel_nodes_stay_apart() -> None:
    edges: Edges = {
        (0, 0, 0): LINE,
        (0, 1, 0): LINE,
        (1, 0, 0): ("sin", (2.0, 0.0, 1.0, 0.0)),
        (1, 0, 1): ("exp", (1.0, 0.0, 1.0, 0.0)),
    }
    assert merged(symbolic([1, 2, 1], edges), rows(d=1)).widths == [1, 2, 1]


def test_product_nodes_are_parallel_too() -> None:
    """(u)(v) and (-2 u)(v), one squared and the other not, into two outputs."""
    edges: Edges = {
        (0, 0, 0): LINE,
        (0, 1, 1): LINE,
        (0, 2, 0): ("x", (1.0, 0.0, -2.0, 0.0)),
        (0, 3, 1): LINE,
        (1, 0, 0): ("x^2", (1.0, 0.0, 1.0, 0.0)),
        (1, 1, 1): ("exp", (1.0, 0.0, 1.0, 0.0)),
    }
    small = merged(symbolic([2, (0, 2), 2], edges), rows())
    assert small.widths == [2, (0, 1), 2]


def test_straight_nodes_become_one_sum() -> None:
    """y = 3 (sin a + b) - 2 (exp a + b^2) has one hidden node per function of the inputs too many."""
    edges: Edges = {
        (0, 0, 0): ("sin", (1.0, 0.0, 1.0, 0.0)),
        (0, 1, 1): ("x^2", (1.0, 0.0, 1.0, 0.0)),
        (1, 0, 0): ("x", (1.0, 0.0, 3.0, 1.0)),
        (1, 0, 1): ("x", (2.0, 1.0, -2.0, 1.0)),
    }
    small = merged(symbolic([2, 2, 1], edges), rows())
    assert small.widths == [2, 1, 1]
    assert small.layers[0].symbols == {(0, 0): "sin", (0, 1): "x^2"}


@pytest.mark.parametrize("basis", ["bspline", "linear", "chebyshev"])
def test_straight_nodes_of_splines_become_one_exactly(basis: str) -> None:
    model = ew.KAN([2, 3, 2, 1], basis=basis, seed=3, base="identity")
    x = rows()
    with torch.no_grad():
        model.layers[2].coefficients.zero_()
        model.layers[2].base_weight[0] = torch.tensor([1.0, -4.0])
    small = merged(model, x)
    assert small.widths == [2, 3, 1, 1]


def test_straight_nodes_of_unlike_slopes_into_two_outputs_stay_apart() -> None:
    edges: Edges = {
        (0, 0, 0): ("sin", (1.0, 0.0, 1.0, 0.0)),
        (0, 1, 1): ("x^2", (1.0, 0.0, 1.0, 0.0)),
        **{(1, j, i): ("x", (1.0, 0.0, 1.0 + 2 * i * j, 0.0)) for j in range(2) for i in range(2)},
    }
    assert merged(symbolic([2, 2, 2], edges), rows()).widths == [2, 2, 2]


def test_a_straight_node_that_is_the_sum_of_two_others_goes_into_both() -> None:
    x = rows()
    model = ew.KAN([2, 3, 1], grid=6, seed=1)
    with torch.no_grad():
        first = model.layers[0].coefficients
        first[2] = 2 * first[0] - 0.5 * first[1] + 0.1
    model = ew.nn.adapt_grid(model, x)
    model = ew.nn.set_function(model, 1, 0, 2, "x", (1.0, 0.0, 3.0, 1.0))
    result = ew.prune(model, x, threshold=0)
    assert result.model.widths == [2, 2, 1]
    assert [r.where for r in result.removed] == ["h3 into h1 and h2"]
    assert result.error_after < 1e-9


@pytest.mark.parametrize("held", [(0, 1, 0), (1, 0, 0), (1, 0, 1)])
def test_locked_edges_are_not_merged(held: tuple[int, int, int]) -> None:
    x = rows()
    model = ew.KAN([2, 2, 1], seed=0)
    with torch.no_grad():
        model.layers[0].coefficients[1] = 2 * model.layers[0].coefficients[0]
    model = ew.nn.adapt_grid(model, x, 12)
    assert ew.prune(model, x, threshold=0).model.widths == [2, 1, 1]
    before = ew.nn.lock(model, [held])
    after = ew.prune(before, x, threshold=0).model
    kept = [(edge, layer) for layer in after.layers for edge, rule in layer.rules.items() if rule.locked]
    assert len(kept) == 1
    (edge, layer), old = kept[0], before.layers[held[0]]
    assert torch.equal(layer.coefficients[edge], old.coefficients[held[1:]])


def test_merging_is_left_out_where_it_is_not_wanted_or_costs_too_much() -> None:
    x = rows()
    model = ew.KAN([2, 2, 1], seed=0)
    with torch.no_grad():
        model.layers[0].coefficients[1] = 2 * model.layers[0].coefficients[0]
        model.layers[1].coefficients += torch.tensor([-0.01, 0.01] * 4)
    y = model(x).detach()
    assert ew.prune(model, x, y, threshold=0, merge=False).model.widths == [2, 2, 1]
    tight = ew.prune(model, x, y, cuts=ew.interpret.Cut("edges", error=1e-12))
    assert tight.model.widths == [2, 2, 1] and tight.error_after < 1e-12


def test_merging_keeps_the_settings() -> None:
    x = rows()
    model = ew.KAN([2, 2, 1], grid=9, degree=4, base="identity", domain=(-1.5, 1.5), init="noise", dtype=torch.float32)
    with torch.no_grad():
        model.layers[0].coefficients[1] = -model.layers[0].coefficients[0]
        model.layers[0].base_weight[1] = -model.layers[0].base_weight[0]
    small = ew.prune(model, x, threshold=0).model
    assert small.widths == [2, 1, 1]
    for layer in small.layers:
        assert (layer.basis, layer.grid, layer.degree, layer.base, layer.init) == (
            model.layers[0].basis,
            9,
            4,
            "identity",
            "noise",
        )
        assert layer.dtype == torch.float32
        assert [float(end[0]) for end in layer.basis.ends(layer.knots)] == [-1.5, 1.5]
