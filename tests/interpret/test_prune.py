"""Pruning by score, count and budget: what goes, what it costs, what stays."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.interpret import Cut, input_scores

SETTINGS: dict[str, Any] = {"grid": 4, "degree": 4, "base": "silu", "domain": (-2.0, 3.0), "init": "noise"}


def rows(n: int = 300, d: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def formula(text: str, names: str) -> ew.KAN:
    return ew.symbolic.network_of(sympy.sympify(text), names.split())


def assert_sound(result: ew.interpret.PruneResult, model: ew.KAN, x: torch.Tensor, y: torch.Tensor) -> None:
    """The errors are those of the networks, the costs add up to their difference, and the account has a line each."""
    after = float((result.model(x).detach() - y.reshape(len(x), -1)).square().mean().sqrt())
    assert result.error_after == pytest.approx(after, rel=1e-4, abs=1e-6)
    total = sum(removal.cost for removal in result.removed)
    assert total == pytest.approx(result.error_after - result.error_before, abs=1e-9)
    lines = result.report().splitlines()
    assert len(lines) == len(result.removed) + (2 if result.removed else 1)
    assert [len(names) for names in result.names] == [nodes.n_nodes for nodes in result.model.nodes]
    assert (result.model.n_in, result.model.n_out) == (model.n_in, model.n_out)
    narrow = result.narrow()
    assert torch.allclose(narrow.model(x[:, narrow.columns]), result.model(x), rtol=1e-6, atol=1e-6)


def test_prune_removes_an_input_that_does_not_matter_and_reports_each_cost() -> None:
    x = rows()
    y = torch.sin(3 * x[:, 0])
    fit = ew.fit(ew.KAN([2, 2, 1]), x, y, grids=[5], sparsity=1e-2)
    result = ew.prune(fit.model, x, y, names=["angle", "mass"])
    assert any(r.what == "input" and r.where == "mass" for r in result.removed)
    edges = [r for r in result.removed if r.what == "edge"]
    assert edges and all(r.score < 1e-2 for r in edges)
    assert result.error_after < result.error_before + 0.02
    assert "mass → h" in result.report() and result.report().endswith("reads angle")
    assert_sound(result, fit.model, x, y)
    again = ew.fit(result.model, x, y)
    assert again.validation_error < 1e-4


def test_prune_keeps_the_given_network_and_its_width() -> None:
    x = rows()
    model = ew.KAN([2, 4, 1])
    before = {k: v.clone() for k, v in model.state_dict().items() if isinstance(v, torch.Tensor)}
    small = ew.prune(model, x, threshold=0.5).model
    for k, v in before.items():
        assert torch.equal(model.state_dict()[k], v)
    assert small.n_in == 2


def test_everything_below_the_threshold_leaves_one_edge_into_the_output() -> None:
    x = rows()
    small = ew.prune(ew.KAN([2, 3, 1]), x, threshold=0.999).model
    assert int(small.layers[-1].mask.sum()) == 1
    assert torch.isfinite(small(x)).all()


def test_the_last_edge_into_each_output_stays() -> None:
    model, x = ew.KAN([3, (2, 1), 3], seed=1), rows(d=3)
    small = ew.prune(model, x, cuts=Cut("edges", keep=1)).model
    assert small.layers[-1].mask.any(1).all()
    assert int(sum(layer.mask.sum() for layer in small.layers)) >= 4


@pytest.mark.parametrize("widths", [[2, 3, 1], [2, (2, 2), 2], [2, (1, [3]), 3, 1], [2, 2, (0, [2, 3])]], ids=str)
@pytest.mark.parametrize("what", ["edges", "nodes", "inputs"])
def test_any_network_is_cut_to_a_count(widths: list[Any], what: str, mixed_network: Any) -> None:
    model, x = mixed_network(widths, seed=3), rows(80)
    y = model(x).detach()
    result = ew.prune(model, x, y, cuts=Cut(what, keep=1))
    assert_sound(result, model, x, y)
    assert {r.what for r in result.removed} >= {what[:-1]}
    left = {
        "edges": sum(int(layer.mask.sum()) for layer in result.model.layers),
        "nodes": sum(nodes.n_nodes for nodes in result.model.nodes[1:-1]),
        "inputs": len(result.narrow().columns),
    }[what]
    before = {"edges": 5, "nodes": len(widths), "inputs": 1}[what]
    assert left <= before + (model.n_out - 1) * 3


def test_inputs_are_cut_to_those_that_matter_most() -> None:
    model = formula("sin(a) + 2*b + c/100 + d*e", "a b c d e")
    x = rows(d=5)
    result = ew.prune(model, x, cuts=Cut("inputs", keep=2), names=list("abcde"))
    order = input_scores(model, x).argsort(descending=True)[:2].sort().values
    assert result.narrow().columns == order.tolist() == [0, 1]
    assert result.narrow().names == ["a", "b"]
    gone = [r.where for r in result.removed if r.what == "input"]
    assert sorted(gone) == ["c", "d", "e"]
    assert str(result.narrow().model.formula(["u", "v"])).startswith("2*v + sin(u)")


@pytest.mark.parametrize("what", ["edges", "nodes", "inputs"])
def test_a_budget_holds_and_nothing_more_could_go(what: str) -> None:
    x = rows(d=3)
    model = ew.KAN([3, 4, 1], seed=2)
    noise = torch.randn(len(x), 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = model(x).detach() + 0.3 * noise
    result = ew.prune(model, x, y, cuts=Cut(what, budget=1.6), merge=False)
    assert result.error_before < result.error_after <= 1.6 * result.error_before
    assert result.removed
    again = ew.prune(result.model, x, y, cuts=Cut(what, error=1.6 * result.error_before), merge=False)
    assert [r for r in again.removed if r.what == what[:-1]] == []
    assert_sound(result, model, x, y)


def test_the_error_allowed_is_absolute_or_relative_whichever_is_more() -> None:
    cut = Cut("edges", budget=2.0, error=0.5)
    assert cut.limit(0.1) == 0.5 and cut.limit(1.0) == 2.0
    assert Cut("edges", below=0.1).limit(1.0) == float("inf")


def test_cuts_compose_and_come_in_turn() -> None:
    x = rows(d=4)
    model = ew.KAN([4, 5, 1], seed=0)
    result = ew.prune(model, x, cuts=[Cut("inputs", keep=2), Cut("nodes", keep=2), Cut("edges", keep=3)], merge=False)
    small = result.model
    assert len(result.narrow().columns) <= 2
    assert small.widths[1] <= 2 and sum(int(layer.mask.sum()) for layer in small.layers) <= 4
    kinds = [r.what for r in result.removed if r.score > 0]
    assert kinds == sorted(kinds, key=["input", "node", "edge"].index)


def test_a_factor_that_is_constant_leaves_its_product() -> None:
    x = rows(d=3)
    model = ew.KAN([3, (1, [3]), 1], seed=0)
    for j, i in ((1, 1), (1, 2), (2, 0), (2, 2), (3, 0), (3, 1)):
        model = ew.nn.remove_edges(model, [(0, j, i)])
    for j, (i, affine) in enumerate([(0, (1.0, 0.0, 1.0, 3.0)), (1, (1.0, 0.0, 1e-9, 2.0)), (2, (1.0, 0.0, 1.0, 2.0))]):
        model = ew.nn.set_function(model, 0, j + 1, i, "x", affine)
    y = model(x).detach()
    result = ew.prune(model, x, y, cuts=Cut("edges", below=1e-6), merge=False)
    assert result.model.widths == [3, (1, 1), 1]
    assert float((result.model(x).detach() - y).abs().max()) < 1e-7
    single = ew.prune(model, x, y, cuts=[Cut("edges", below=1e-6), Cut("inputs", keep=1)], merge=False)
    assert single.model.nodes[1].arities == ()


def assert_same_settings(small: ew.KAN, model: ew.KAN, ends: tuple[float, float] | None) -> None:
    first = model.layers[0]
    for layer in small.layers:
        assert (layer.basis, layer.grid, layer.base, layer.init) == (first.basis, first.grid, first.base, first.init)
        assert layer.dtype == layer.knots.dtype == layer.base_weight.dtype == first.dtype
        assert layer.mask.shape == layer.affine_free.shape[:2] == (layer.n_out, layer.n_in)
        if ends:
            assert torch.stack(layer.basis.ends(layer.knots)).T.tolist() == [list(ends)] * layer.n_in


@pytest.mark.parametrize("basis", ew.bases.BASES)
def test_every_cut_keeps_the_settings(basis: str) -> None:
    dtype = torch.float64 if basis == "rbf" else torch.float32
    settings = {**SETTINGS, "basis": basis, "dtype": dtype, **({} if basis == "bspline" else {"degree": 3})}
    model, x = ew.KAN([3, (3, 1), 2], seed=1, **settings), rows(60, 3)
    for cut in (Cut("edges", below=0.3), Cut("edges", keep=5), Cut("nodes", keep=2), Cut("inputs", keep=1)):
        result = ew.prune(model, x, cuts=cut)
        assert result.removed
        assert_same_settings(result.model, model, (-2.0, 3.0))
        assert_same_settings(result.narrow().model, model, (-2.0, 3.0))


def test_refitting_moves_knots_and_keeps_all_other_settings() -> None:
    model, x = ew.KAN([2, 2, 1], seed=1, dtype=torch.float32, **SETTINGS), rows(60)
    small = ew.prune(model, x, cuts=Cut("nodes", keep=1, refit=True)).model
    assert small.widths == [2, 1, 1]
    assert_same_settings(small, model, None)


def test_locked_edges_stay_as_they_are() -> None:
    x = rows(d=3)
    model = ew.nn.lock(ew.KAN([3, 3, 1], seed=1), [(0, 1, 2), (1, 0, 1)])
    locked = model.layers[0].coefficients[1, 2].detach()
    for cut in (Cut("edges", keep=1), Cut("nodes", keep=1), Cut("inputs", keep=1)):
        small = ew.prune(model, x, cuts=cut).model
        held = [edge for edge, rule in small.layers[0].rules.items() if rule.locked]
        assert len(held) == 1 and small.layers[0].mask[held[0]]
        assert torch.equal(small.layers[0].coefficients[held[0]], locked)
        assert any(rule.locked for rule in small.layers[1].rules.values())


def test_names_are_those_of_the_given_network_and_of_a_data_frame() -> None:
    frame = pd.DataFrame(rows(d=3).numpy(), columns=["mass", "speed", "time"])
    model = ew.KAN([3, 4, 1], seed=5)
    result = ew.prune(model, frame, cuts=[Cut("inputs", keep=2), Cut("nodes", keep=2)], merge=False)
    gone = {r.where for r in result.removed if r.what == "node"}
    assert set(result.names[1]) == {"h1", "h2", "h3", "h4"} - gone
    assert set(result.names[0]) == {"mass", "speed", "time"}
    assert {r.where for r in result.removed if r.what == "input"} < {"mass", "speed", "time"}


@pytest.mark.parametrize("seed", [0, 1])
def test_five_nodes_become_the_one_that_the_formula_needs(seed: int) -> None:
    x = rows(400, seed=seed)
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


def test_a_network_that_needs_all_it_has_loses_nothing_and_says_so() -> None:
    x = rows()
    model = formula("a + b", "a b")
    result = ew.prune(model, x)
    assert result.removed == []
    assert result.report().startswith("0 removals; error")
    assert_sound(result, model, x, model(x).detach())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"slack": 0.9}, "slack"),
        ({"slack": True}, "slack"),
        ({"slack": "2"}, "slack"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": "a"}, "threshold"),
        ({"cuts": "edges"}, "cuts"),
        ({"cuts": [3]}, "cuts"),
        ({"cuts": 3}, "cuts"),
        ({"cuts": Cut("edges", budget=1.1)}, "needs y"),
        ({"names": ["a"]}, "2 names"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        ew.prune(ew.KAN([2, 1]), rows(), **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs a limit"),
        ({"what": "edge", "keep": 1}, "edges"),
        ({"what": [], "keep": 1}, "edges"),
        ({"keep": 0}, "keep"),
        ({"keep": True}, "keep"),
        ({"keep": 2.5}, "keep"),
        ({"below": -1}, "below"),
        ({"below": float("nan")}, "below"),
        ({"budget": 0.9}, "budget"),
        ({"budget": "1"}, "budget"),
        ({"error": -1}, "error"),
        ({"error": float("inf")}, "error"),
        ({"keep": 1, "refit": 1}, "refit"),
    ],
)
def test_cuts_out_of_range_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        Cut(**arguments)


def test_classes_are_scored_by_cross_entropy() -> None:
    x = rows(d=3)
    model = ew.KAN([3, 3], seed=0)
    labels = model(x).detach().argmax(1)
    result = ew.prune(model, x, labels, cuts=Cut("edges", budget=1.02))
    logits = torch.nn.functional.cross_entropy(result.model(x).detach(), labels)
    assert result.error_after == pytest.approx(float(logits)) and result.removed
    assert result.error_after <= 1.02 * result.error_before
    for arguments in ({"slack": 1.1}, {"cuts": Cut("nodes", keep=1, refit=True)}):
        with pytest.raises(ew.InputError, match="classes"):
            ew.prune(model, x, labels, **arguments)
    with pytest.raises(ew.InputError, match="class numbers 0 to 2"):
        ew.prune(model, x, labels + 1)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(ew.InputError, match="columns"):
        ew.prune(ew.KAN([2, 1]), rows(d=3), rows(d=1))
