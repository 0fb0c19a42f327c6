"""Tables of edges, nodes, interactions and curves: what they say of networks whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.interpret import (
    curve_table,
    edge_curves,
    edge_table,
    interaction_table,
    node_table,
    shape_of,
    straightness,
)

MIXED = [3, (2, [2, 3]), (1, 1)]


def rows(n: int = 200, d: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def formula(text: str, names: str) -> ew.KAN:
    return ew.symbolic.network_of(sympy.sympify(text), names.split())


def test_edge_table_has_a_line_for_each_active_edge_with_its_scores(mixed_network: Any) -> None:
    model, x = mixed_network(MIXED, base="silu"), 1.5 * rows(d=3)
    table = edge_table(model, x, names=["a", "b", "c"], target=["u", "v"])
    assert len(table) == sum(int(layer.mask.sum()) for layer in model.layers)
    for signed, column in ((False, "score"), (True, "signed")):
        scores = ew.interpret.edge_scores(model, x, signed=signed)
        for line in table.to_dict("records"):
            assert line[column] == pytest.approx(float(scores[line["layer"]][line["j"], line["i"]]))
    assert set(table["start"]) <= {"a", "b", "c", "h1", "h2", "h3", "h4"}
    assert {"u", "v, factor 1", "v, factor 2"} >= set(table[table["layer"] == 1]["end"])
    for line in table.to_dict("records"):
        symbol = model.layers[line["layer"]].symbols.get((line["j"], line["i"]))
        assert (line["kind"], line["function"]) == (("symbolic", symbol) if symbol else ("spline", "bspline"))


def test_edge_table_tells_range_share_outside_and_shape() -> None:
    x = 2 * torch.linspace(-1, 1, 400, dtype=torch.float64).unsqueeze(1)
    line = edge_table(ew.KAN([1, 1], seed=0), x).iloc[0]
    assert (line["low"], line["high"]) == (-2, 2)
    assert line["outside"] == pytest.approx(0.5, abs=0.01)
    table = edge_table(formula("3*a + b**2 + sin(9*c)", "a b c"), rows(800, 3), names=["a", "b", "c"])
    found = table[table["layer"] == 0].set_index("start")
    assert found["shape"].to_dict() == {"a": "line", "b": "parabola", "c": "6 turns"}
    assert found.loc["a", "straight"] == pytest.approx(1) and found.loc["a", "curvature"] == 0
    b = x[:, 0] / 2
    expected = 2 * float(b.var(correction=0) / b.square().std(correction=0))
    assert found.loc["b", "curvature"] == pytest.approx(expected, rel=0.1)
    assert found.loc["b", "straight"] < 0.1
    assert (found["outside"] == 0).all()


def test_tables_take_regions_and_outputs() -> None:
    model, x = ew.KAN([2, 2, 2], seed=1), rows()
    x = x.numpy()
    table = edge_table(model, x, rows=x[:, 0] > 0.5, by="output", target=["u", "v"])
    assert table["output"].tolist() == ["u"] * 8 + ["v"] * 8
    scores = ew.interpret.edge_scores(model, x, rows=x[:, 0] > 0.5, by="output")
    assert table["score"].tolist() == pytest.approx(
        [float(v) for o in range(2) for layer in scores for v in layer[o].flatten()]
    )
    assert table[(table["layer"] == 0) & (table["i"] == 0)]["low"].min() > 0.5
    nodes = node_table(model, x, by="output")
    assert nodes["output"].tolist() == ["y1"] * 4 + ["y2"] * 4
    pairs = interaction_table(model, x, by="output", target=["u", "v"])
    assert sorted(pairs["output"]) == ["u", "v"]


def test_node_table_tells_kinds_values_and_edges(mixed_network: Any) -> None:
    model, x = mixed_network(MIXED), rows(d=3)
    table = node_table(model, x)
    assert table["kind"].tolist() == ["input"] * 3 + ["sum"] * 2 + ["product"] * 2
    assert table["name"].tolist() == ["x1", "x2", "x3", "h1", "h2", "h3", "h4"]
    inputs = torch.cat(ew.nn.trace(model, x).inputs, dim=1).detach()
    assert table["mean"].tolist() == pytest.approx(inputs.mean(0).tolist())
    assert table["spread"].tolist() == pytest.approx(inputs.std(0, correction=0).tolist())
    assert table["out"].sum() == sum(int(layer.mask.sum()) for layer in model.layers)
    assert table["into"].sum() == int(model.layers[0].mask.sum())
    assert table["score"].tolist() == pytest.approx(torch.cat(ew.interpret.node_scores(model, x)).tolist())


def test_interaction_table_puts_the_pair_that_multiplies_first() -> None:
    frame = pd.DataFrame(rows(d=4).numpy(), columns=["mass", "speed", "time", "heat"])
    table = interaction_table(formula("a + 2*b - c*d", "a b c d"), frame)
    assert table.loc[0, ["first", "second"]].tolist() == ["time", "heat"]
    assert table.loc[0, "signed"] == pytest.approx(-table.loc[0, "interaction"])
    assert len(table) == 6 and table["interaction"][1:].max() < 1e-12
    assert interaction_table(ew.KAN([1, 1]), rows(d=1)).columns.tolist() == ["first", "second", "interaction", "signed"]


def test_curves_as_numbers_are_the_network_and_count_every_row(mixed_network: Any, tmp_path: Any) -> None:
    model, x = mixed_network(MIXED), 1.5 * rows(d=3)
    table = curve_table(model, x, names=["a", "b", "c"])
    table.to_csv(tmp_path / "curves.csv", index=False)
    assert pd.read_csv(tmp_path / "curves.csv").shape == table.shape
    for (depth, j, i), part in table.groupby(["layer", "j", "i"]):
        h = torch.zeros(len(part), model.layers[depth].n_in, dtype=torch.float64)
        h[:, i] = torch.tensor(part["x"].to_numpy())
        expected = model.layers[depth].edges(h)[:, j, i].detach().numpy()
        np.testing.assert_allclose(part["y"], expected, rtol=1e-9, atol=1e-9)
        assert part["count"].sum() == len(x)
        assert (part["x"].diff()[1:] > 0).all()
        symbolic = (j, i) in model.layers[depth].symbols
        assert part["outside"].any() == (not symbolic and part["x"].abs().max() > 1)


def test_counts_are_where_the_data_are() -> None:
    x = torch.cat([torch.linspace(0, 0.1, 90), torch.linspace(0.9, 1, 10)]).double().unsqueeze(1)
    (curve,) = edge_curves(ew.KAN([1, 1]), x)
    assert curve.counts[curve.x < 0.11].sum() == 90
    assert curve.counts[(curve.x > 0.11) & (curve.x < 0.89)].sum() == 0


def test_some_edges_are_asked_for_and_others_refused() -> None:
    model = ew.nn.remove_edges(ew.KAN([2, 3, 1]), [(0, 1, 1)])
    chosen = [(1, 0, 2), (0, 0, 1)]
    assert [(c.layer, c.j, c.i) for c in edge_curves(model, rows(), edges=chosen)] == chosen
    for edge in ((0, 1, 1), (0, 3, 0), (2, 0, 0)):
        with pytest.raises(ew.InputError, match="no active edge"):
            edge_curves(model, rows(), edges=[edge])


def test_networks_without_edges_and_constant_columns_have_tables_too() -> None:
    empty = ew.nn.remove_edges(ew.KAN([1, 1]), [(0, 0, 0)])
    assert len(edge_table(empty, rows(d=1))) == len(curve_table(empty, rows(d=1))) == 0
    fixed = torch.ones(10, 1)
    line = edge_table(ew.KAN([1, 1]), fixed).iloc[0]
    assert (line["shape"], line["score"], line["curvature"], line["straight"]) == ("constant", 0, 0, 1)
    assert curve_table(ew.KAN([1, 1]), fixed)["count"].tolist() == [10]
    assert edge_table(ew.KAN([2, 1], dtype=torch.float32), rows(1)).shape[0] == 2


@pytest.mark.parametrize("table", [edge_table, node_table, interaction_table, curve_table])
def test_wrong_names_and_columns_are_refused(table: Any) -> None:
    with pytest.raises(ew.InputError, match="2 names"):
        table(ew.KAN([2, 1]), rows(), names=["a"])
    with pytest.raises(ew.InputError, match="2 input columns"):
        table(ew.KAN([2, 1]), rows(d=3))


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda t: 0 * t + 3, "constant"),
        (lambda t: -2 * t, "line"),
        (lambda t: (t - 0.3) ** 2, "parabola"),
        (np.tanh, "rising"),
        (lambda t: 1 / (t + 2), "falling"),
        (np.abs, "valley"),
        (lambda t: np.exp(-9 * t**2), "hill"),
        (lambda t: t**3 - 0.75 * t, "2 turns"),
        (lambda t: np.tanh(5 * t) + 0.005 * np.sin(60 * t), "rising"),
    ],
)
def test_shapes_are_told_in_any_order_and_scale(function: Any, shape: str) -> None:
    t = np.random.default_rng(0).uniform(-1, 1, 300)
    for scale in (1.0, 1e-6, 1e6):
        assert shape_of(t * scale, scale * function(t)) == shape
    assert 0 <= straightness(t, function(t)) <= 1


def test_a_curve_over_many_decades_has_points_in_each() -> None:
    x = torch.logspace(0, 9, 40, dtype=torch.float64).unsqueeze(1)
    x[1:-1] = 1e8 + x[1:-1] / 10  # no quantile lies in the first decades
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "1/x")
    drawn = edge_curves(model, x)[0].x
    assert drawn[0] == 1 and drawn[-1] == 1e9
    assert (drawn[1:] / drawn[:-1]).max() < 2
