"""Pruning and merging."""

from __future__ import annotations

import pytest
import torch

import edgewise as ew
from edgewise.interpret import merge_parallel
from edgewise.train import Table


def rows(n: int = 300, d: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_prune_removes_an_input_that_does_not_matter_and_reports_each_cost() -> None:
    x = rows()
    y = torch.sin(3 * x[:, 0])
    fit = ew.fit(ew.KAN([2, 2, 1]), x, y, sparsity=1e-2)
    result = ew.prune(fit.model, x, y)
    assert any(r.what == "input" and r.where == "x2" for r in result.removed)
    edges = [r for r in result.removed if r.what == "edge"]
    assert edges and all(r.score < 1e-2 for r in edges)
    assert result.error_after < result.error_before + 0.02
    assert "removals; error" in result.report()
    assert len(result.report().splitlines()) == len(result.removed) + 1
    again = ew.fit(result.model, x, y)
    assert again.validation_error < 1e-4


def test_the_cost_of_each_edge_is_the_growth_of_the_error() -> None:
    x = rows()
    model = ew.KAN([2, 3, 1], seed=1)
    with torch.no_grad():
        y = model(x)
    result = ew.prune(model, x, y, threshold=0.3, merge=False)
    assert result.error_before < 1e-12
    assert sum(r.cost for r in result.removed) == pytest.approx(result.error_after - result.error_before, abs=1e-9)


def test_prune_keeps_the_given_network_and_its_width() -> None:
    x = rows()
    model = ew.KAN([2, 4, 1])
    before = {k: v.clone() for k, v in model.state_dict().items() if isinstance(v, torch.Tensor)}
    small = ew.prune(model, x, threshold=0.5).model
    for k, v in before.items():
        assert torch.equal(model.state_dict()[k], v)
    assert small.n_in == 2


def test_a_pruned_network_trains_without_nan_and_keeps_degree_and_base() -> None:
    x = rows()
    y = x[:, 0] ** 2
    fit = ew.fit(ew.KAN([2, 3, 1], degree=4, base="silu"), x, y, sparsity=1e-2)
    small = ew.prune(fit.model, x, y).model
    assert small.layers[0].degree == 4
    assert small.layers[0].base == "silu"
    again = ew.fit(small, x, y)
    assert again.validation_error < 1e-4


def test_everything_below_the_threshold_leaves_one_edge_into_the_output() -> None:
    x = rows()
    small = ew.prune(ew.KAN([2, 3, 1]), x, threshold=0.999).model
    assert int(small.layers[-1].mask.sum()) == 1
    assert torch.isfinite(small(x)).all()


def test_parallel_nodes_become_one_without_changing_the_function() -> None:
    model = ew.nn.adapt_grid(ew.KAN([2, 2, 1], grid=12, seed=0), rows())
    with torch.no_grad():
        model.layers[0].coefficients[1] = 2 * model.layers[0].coefficients[0] + 0.3
    x = rows()
    model = ew.nn.adapt_grid(model, x)
    with torch.no_grad():
        y = model(x)
    merged, which = merge_parallel(model, Table(x, y, torch.ones(len(x), dtype=torch.float64)))
    assert merged.widths == [2, 1, 1]
    assert len(which) == 1
    with torch.no_grad():
        change = merged(x) - y
    assert float(change.abs().max()) < 1e-2 * float(y.std())
    assert which[0][1] == pytest.approx(float(change.square().mean().sqrt()), rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_five_nodes_become_the_one_that_the_formula_needs(seed: int) -> None:
    x = rows(1000, seed=seed)
    y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    wide = ew.fit(ew.KAN([2, 5, 1], seed=seed), x, y, sparsity=1e-2)
    small = ew.prune(wide.model, x, y, slack=1.1)
    assert small.model.widths == [2, 1, 1]
    assert small.error_after < 0.02
    assert [r for r in small.removed if r.what == "node"]


def test_a_node_that_is_needed_stays() -> None:
    x = rows(500)
    y = torch.sin(3 * x[:, 0]) * x[:, 1]
    wide = ew.fit(ew.KAN([2, 3, 1]), x, y, grids=[5])
    assert ew.prune(wide.model, x, y, slack=1.1).model.nodes[1].n_nodes >= 2


@pytest.mark.parametrize("slack", [None, 1.1])
def test_a_single_precision_network_is_pruned_and_stays_one(slack: float | None) -> None:
    x = rows()
    y = torch.sin(3 * x[:, 0])
    wide = ew.fit(ew.KAN([2, 3, 1], dtype=torch.float32), x, y, sparsity=1e-2)
    small = ew.prune(wide.model, x, y, slack=slack)
    assert small.model.dtype == torch.float32
    assert small.error_after < small.error_before + 0.02


@pytest.mark.parametrize("slack", [0.9, True, "2"])
def test_a_slack_below_one_is_refused(slack: object) -> None:
    with pytest.raises(ew.InputError, match="slack"):
        ew.prune(ew.KAN([2, 1]), rows(), slack=slack)


@pytest.mark.parametrize("threshold", [-0.1, 1.0, True])
def test_thresholds_outside_the_range_are_refused(threshold: float) -> None:
    with pytest.raises(ew.InputError, match="threshold"):
        ew.prune(ew.KAN([2, 1]), rows(), threshold=threshold)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(ew.InputError, match="columns"):
        ew.prune(ew.KAN([2, 1]), rows(d=3), rows(d=1))
