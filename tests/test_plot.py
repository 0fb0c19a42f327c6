"""Pictures: where things lie, what is written, and that nothing is shown or saved."""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import edgewise as ew
from edgewise import plot
from edgewise.plot._layout import spread
from edgewise.plot._text import edge_formula, function_label
from edgewise.train import FitResult, Outcome, Row


def rows(n: int, columns: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(n, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def products(ax: Axes) -> int:
    return sum(patch.get_gid() == "product" for patch in ax.patches)


def drawn(figure: Figure | None) -> None:
    assert figure is not None
    figure.draw_without_rendering()


WIDTHS = [
    [1, 1],
    [2, 5, 1],
    [4, (2, 2), 1],
    [3, (1, [3, 2]), (0, 1)],
    [20, 10, 1],
    [3, 4, 4, 2],
]


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_layout_keeps_nodes_and_boxes_apart_and_inside(widths: list) -> None:
    d = plot.diagram(ew.KAN(widths))
    spots = [point for node in d.nodes for point in {(node.x, node.y), *node.factors}]
    for (x1, y1), (x2, y2) in itertools.combinations(spots, 2):
        assert math.hypot(x1 - x2, y1 - y2) > 0.5
    for a, b in itertools.combinations([edge.box for edge in d.edges], 2):
        assert max(abs(a[0] - b[0]), abs(a[1] - b[1])) > 1.05
    for edge in d.edges:
        assert 0.5 <= edge.box[0] <= d.width - 0.5
        assert edge.start[1] < edge.box[1] - 0.5
        assert edge.box[1] + 0.5 < edge.end[1]
    assert d.height == max(node.y for node in d.nodes)


def test_layout_has_an_edge_where_the_mask_has_one() -> None:
    model = ew.nn.remove_edges(ew.KAN([3, (1, 1), 1]), [(0, 0, 1), (0, 2, 2), (1, 0, 0)])
    d = plot.diagram(model)
    found = {(edge.layer, edge.j, edge.i) for edge in d.edges}
    expected = {(depth, j, i) for depth, layer in enumerate(model.layers) for j, i in layer.mask.nonzero().tolist()}
    assert found == expected
    assert len(found) == len(d.edges)


def test_edges_of_a_product_end_in_its_factors() -> None:
    d = plot.diagram(ew.KAN([1, (1, 1), 1]))
    (product,) = [node for node in d.nodes if node.kind == "product"]
    ends = {edge.end for edge in d.edges if edge.layer == 0 and edge.j in (1, 2)}
    assert ends == set(product.factors)
    assert all(y < product.y for _, y in product.factors)


@pytest.mark.parametrize("seed", range(5))
def test_spread_is_the_nearest_arrangement(seed: int) -> None:
    wishes = np.sort(np.random.default_rng(seed).uniform(0, 10, 8))
    places = np.array(spread(wishes.tolist(), 1.0, (-50.0, 50.0)))
    assert (np.diff(places) >= 1.0 - 1e-9).all()
    best = ((places - wishes) ** 2).sum()
    for other in np.random.default_rng(seed + 100).normal(places, 0.3, (500, 8)):
        if (np.diff(other) >= 1.0).all():
            assert ((other - wishes) ** 2).sum() >= best - 1e-9


def test_network_prints_names_literally() -> None:
    names = ["mass_kg", "$T_0$", r"\alpha^{2", "<b>x</b>"]
    ax = plot.network(ew.KAN([4, 2, 1]), rows(50, 4), names=names, target="period_days")
    assert set(names) <= set(texts(ax))
    assert "period_days" in texts(ax)
    drawn(ax.get_figure(root=True))
    assert all(not text.get_parse_math() for text in ax.texts)


def test_network_draws_what_is_active_and_names_what_is_symbolic() -> None:
    model = ew.nn.set_function(ew.KAN([2, (1, 2), 1]), 0, 0, 0, "sin")
    model = ew.nn.set_function(model, 1, 0, 0, "x^1.5")
    model = ew.nn.remove_edges(model, [(0, 1, 1)])
    ax = plot.network(model, rows(50, 2).abs())
    assert "sin" in texts(ax)
    assert "$x^{3/2}$" in texts(ax)
    assert products(ax) == 2
    lines, boxes, little_curves = ax.collections
    assert len(little_curves.get_paths()) == len(boxes.get_paths()) == 2 * 5 - 1 + 3
    assert len(lines.get_paths()) == 2 * len(boxes.get_paths())
    colours = {tuple(colour[:3]) for colour in np.asarray(little_curves.get_edgecolor())}
    assert len(colours) == 2


def test_network_opacity_follows_the_scores() -> None:
    model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "x", (1.0, 0.0, 5.0, 0.0))
    model = ew.nn.set_function(model, 0, 0, 1, "x", (1.0, 0.0, 0.01, 0.0))
    opacities = sorted(plot.network(model, rows(200, 2)).collections[0].get_edgecolor()[:, 3])  # type: ignore[call-overload,index]
    assert opacities[0] == pytest.approx(0.1)
    assert opacities[-1] > 0.99


def test_network_grows_with_its_width() -> None:
    names = [f"a_long_column_name_{k}" for k in range(20)]
    ax = plot.network(ew.KAN([20, 10, 1]), rows(100, 20), names=names)
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert set(names) <= set(texts(ax))
    assert figure.get_figwidth() > 15
    small = plot.network(ew.KAN([2, 1])).get_figure(root=True)
    assert small is not None
    assert small.get_figwidth() < 4


def test_network_takes_axes_arrays_frames_and_float32() -> None:
    ax = Figure().add_subplot()
    model = ew.KAN([2, 1, 2], dtype=torch.float32)
    assert plot.network(model, rows(9, 2).numpy(), target=["u", "v"], ax=ax) is ax
    frame = pd.DataFrame(rows(9, 2).numpy(), columns=["a", "b"])
    drawn(plot.network(model, frame).get_figure(root=True))


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(5, 2),
        torch.tensor([[-1.0, 2.0]]),
        torch.tensor([[1e-9, 1e12], [1e3, -1e12]]),
    ],
    ids=["constant", "one row", "far out"],
)
def test_odd_data_is_drawn_without_warnings(x: torch.Tensor) -> None:
    model = ew.nn.set_function(ew.KAN([2, 2, 1]), 0, 0, 0, "log")
    drawn(plot.network(model, x).get_figure(root=True))
    drawn(plot.curves(model, x))


def test_network_without_edges_still_shows_its_nodes() -> None:
    model = ew.nn.remove_edges(ew.KAN([2, 1]), [(0, 0, 0), (0, 0, 1)])
    ax = plot.network(model, rows(9, 2))
    assert {"x1", "x2", "y"} <= set(texts(ax))
    drawn(ax.get_figure(root=True))
    with pytest.raises(ew.InputError, match="no active edge"):
        plot.curves(model, rows(9, 2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": rows(9, 3)}, "takes 2 input columns. x has 3"),
        ({"names": ["a"]}, "'names' parameter must list 2 names"),
        ({"names": "ab"}, "'names' parameter must list 2 names"),
        ({"target": ["u", "v"]}, "'target' parameter must list 1 names"),
        ({"x": [[1.0, math.nan]]}, "x has nan in row 0"),
    ],
)
def test_network_refuses_what_does_not_fit(arguments: dict, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        plot.network(ew.KAN([2, 1]), **arguments)


def test_edge_curves_are_the_network() -> None:
    model = ew.KAN([1, 1], seed=3)
    x = 3 * rows(300, 1)
    (curve,) = ew.interpret.edge_curves(model, x)
    assert np.allclose(curve.y, model(torch.tensor(curve.x)[:, None])[:, 0].detach())
    assert curve.x[0] == pytest.approx(float(x.min()))
    assert curve.x[-1] == pytest.approx(float(x.max()))
    assert curve.outside == pytest.approx(float((x.abs() > 1).double().mean()))
    assert curve.knots == pytest.approx((-1, 1))


def test_curves_has_a_panel_for_each_active_edge() -> None:
    model = ew.nn.set_function(ew.KAN([2, (1, 1), 1]), 0, 0, 0, "sin", (3.0, 0.0, 1.0, 0.5))
    model = ew.nn.remove_edges(model, [(0, 1, 1)])
    figure = plot.curves(model, 2 * rows(100, 2), names=["a_1", "b"], target="z")
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [
        "a_1 → h1",
        "b → h1",
        "a_1 → h2, factor 1",
        "a_1 → h2, factor 2",
        "b → h2, factor 2",
        "h1 → z",
        "h2 → z",
    ]
    assert "sin(3 a_1) + 0.5" in texts(figure.axes[0])
    assert any("% outside" in text for text in texts(figure.axes[1]))
    drawn(figure)


def test_curves_over_many_decades_are_logarithmic() -> None:
    x = 10 ** (4 * rows(50, 1))
    assert plot.curves(ew.KAN([1, 1]), x).axes[0].get_xscale() == "log"
    assert plot.curves(ew.KAN([1, 1]), x - 5).axes[0].get_xscale() == "linear"


@pytest.mark.parametrize(
    ("name", "affine", "expected"),
    [
        ("x", (2.0, 0.0, 1.0, 1.0), "2 t + 1"),
        ("x", (1.0, 1.0, -2.0, 0.0), "−2 (t + 1)"),
        ("x^2", (1.0, 0.0, 1.0, -0.5), "t^2 − 0.5"),
        ("1/x^2", (1.0, 3.0, 1.0, 0.0), "1/(t + 3)^2"),
        ("exp", (-1.0, 0.0, -1.0, 0.0), "−exp(−t)"),
        ("1/sqrt", (1.0, 0.0, 1.0, 0.0), "1/sqrt(t)"),
    ],
)
def test_edge_formula(name: str, affine: tuple[float, float, float, float], expected: str) -> None:
    assert edge_formula(name, affine, "t") == expected


def test_every_function_of_the_library_has_a_label_that_prints() -> None:
    for name in [*ew.functions.names(), "x^-7/3", "x^0.123"]:
        text, is_math = function_label(name)
        assert not is_math or plot.typesets(text.strip("$"))


@pytest.mark.parametrize("name", ["a_b", "50%", "$x$", r"a\b", "x^2", "{", "two words", "#&", "ε_0", "x12", "mu"])
def test_any_name_can_be_typeset(name: str) -> None:
    assert plot.typesets(plot.math_name(name))


def test_history_draws_both_errors_and_the_grids() -> None:
    record = [Row(0, 3, 20, 1e-2, 2e-2, 0.1), Row(1, 5, 30, 1e-5, 2e-5, 0.4), Row(2, 5, 30, 0.0, 1e-5, 0.5)]
    ax = plot.history(FitResult(ew.KAN([1, 1]), record, Outcome.CONVERGED, 0.0, 1e-5))
    assert len(ax.lines) == 2
    assert texts(ax) == ["grid 3", "5"]
    assert ax.get_yscale() == "log"
    drawn(ax.get_figure(root=True))


def test_history_without_held_out_rows_draws_one_line() -> None:
    record = [Row(0, 3, 20, 1e-2, math.nan, 0.1)]
    ax = plot.history(FitResult(ew.KAN([1, 1]), record, Outcome.CONVERGED, 1e-2, math.nan))
    assert len(ax.lines) == 1
    with pytest.raises(ew.InputError, match="no finished round"):
        plot.history(FitResult(ew.KAN([1, 1]), [], Outcome.TIME_LIMIT, 1e-2, math.nan))


def test_fit_quality_is_logarithmic_over_decades_and_survives_perfection() -> None:
    y = torch.logspace(-3, 5, 30, dtype=torch.float64)
    left, right = plot.fit_quality(y, y, name="period_days").axes
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    assert right.get_ylabel() == "relative residual"
    figure = plot.fit_quality(y - 1, y - 1)
    assert [ax.get_xscale() for ax in figure.axes] == ["linear", "linear"]
    drawn(figure)
    drawn(plot.fit_quality(y, -y))
    with pytest.raises(ew.InputError, match="same length"):
        plot.fit_quality([1.0, 2.0], [1.0])


def test_pareto_marks_the_front_and_the_choice() -> None:
    found = [
        plot.Candidate(0, 1, 0.5, "x"),
        plot.Candidate(1, 3, 0.6, "x + 1"),
        plot.Candidate(2, 4, 0.0, "x**2", chosen=True),
    ]
    ax = plot.pareto(found)
    (step,) = ax.lines
    assert list(step.get_xdata()) == [1, 4]
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2"]
    drawn(ax.get_figure(root=True))
    drawn(plot.pareto([plot.Candidate(0, 1, math.nan, "1/0")]).get_figure(root=True))
    with pytest.raises(ew.InputError, match="at least one candidate"):
        plot.pareto([])


def test_pictures_write_nothing_and_leave_pyplot_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = "matplotlib.pyplot" in sys.modules
    state = torch.random.get_rng_state()
    plot.network(ew.KAN([2, 1, 1]))
    plot.curves(ew.KAN([2, 1]), rows(20, 2))
    assert ("matplotlib.pyplot" in sys.modules) == before
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not list(tmp_path.iterdir())
