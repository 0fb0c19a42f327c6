"""Pictures: where things lie, what is written, and that nothing is shown or saved."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import edgewise as ew
from edgewise import plot
from edgewise.plot import edge_formula
from edgewise.train import FitResult, Outcome, Row


def rows(n: int, columns: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(n, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def drawn(figure: Figure | None) -> None:
    assert figure is not None
    figure.draw_without_rendering()


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
    assert [ax.get_xlabel() for ax in figure.axes[::6]] == ["a_1", "h2"]
    assert [ax.get_ylabel() for ax in figure.axes[2:6]] == [
        "adds to h2, factor 1",
        *["adds to h2, factor 2"] * 2,
        "adds to z",
    ]
    assert figure.get_supxlabel() == "bars: samples; ticks on top: knots of the spline"
    assert "sin(3 a_1) + 0.5" in texts(figure.axes[0])
    assert any("% outside" in text for text in texts(figure.axes[1]))
    drawn(figure)


def test_curves_over_many_decades_are_logarithmic() -> None:
    x = 10 ** (4 * rows(50, 1))
    (ax,) = plot.curves(ew.KAN([1, 1]), x).axes
    assert ax.get_xscale() == "log" and "log" in texts(ax)
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


def test_titles_of_effects_end_before_their_notes() -> None:
    grid = np.linspace(0, 1, 30)
    names = [
        "gestation length in days of the animals (median)",
        "island × bill_length_mm",
        "a",
        "body mass (kg/m²) " * 3,
    ]
    notes = ["2 %", "12 % ± 3", "log, 41 %", "a note of a few words"]
    parts = [
        plot.CurveEffect(name, grid, grid, grid - 0.1, grid + 0.1, grid, note=note)
        for name, note in zip(names, notes, strict=True)
    ]
    for columns in (1, 2, 4):
        panels = plot.effects(parts, "adds to brain weight (g)", columns=columns)
        figure = panels[0].figure
        drawn(figure)
        for ax, name in zip(panels, names, strict=True):
            title, note = (getattr(ax, part).get_window_extent() for part in ("_left_title", "_right_title"))
            assert title.x1 < note.x0 and title.x0 > 0 and note.x1 <= figure.bbox.x1
            assert ax.get_title(loc="left")[:3] == name[:3] or name == "a"
        labels = [ax.get_ylabel() for ax in panels]
        assert labels.count("adds to brain weight (g)") == math.ceil(4 / columns)


def test_history_draws_both_errors_and_the_grids() -> None:
    record = [Row(0, 3, 20, 1e-2, 2e-2, 0.1), Row(1, 5, 30, 1e-5, 2e-5, 0.4), Row(2, 5, 30, 0.0, 1e-5, 0.5)]
    ax = plot.history(FitResult(ew.KAN([1, 1]), record, Outcome.CONVERGED, 0.0, 1e-5))
    assert len(ax.lines) == 2
    assert texts(ax) == ["grid 3", "5", "log"]
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
    assert [text.get_text() for text in ax.texts] == ["log", "0", "1", "2"]
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


def test_scores_are_bars_sorted_by_size() -> None:
    ax = plot.scores([0.2, -0.5, 0.0], ["theta_1", "a long name (kg)", "x"])
    widths = [bar.get_width() for bar in ax.patches]  # type: ignore[attr-defined]
    assert widths == [0.0, 0.2, -0.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["$x$", r"$\theta_{1}$", "a long name (kg)"]
    assert len({tuple(bar.get_facecolor()) for bar in ax.patches}) == 2
    drawn(ax.get_figure(root=True))


@pytest.mark.parametrize("count", [1, 3, 20])
def test_interactions_are_cells_with_a_grey_diagonal(count: int) -> None:
    matrix = rows(count, count).numpy()
    ax = plot.interactions(matrix + matrix.T)
    (image,) = ax.images
    shown = np.ma.getmaskarray(np.ma.asarray(image.get_array()))
    assert np.array_equal(shown, np.eye(count, dtype=bool))
    assert bool(texts(ax)) == (count <= 12)
    drawn(ax.get_figure(root=True))
    drawn(plot.interactions(np.zeros((count, count))).get_figure(root=True))


@pytest.mark.parametrize(
    ("draw", "values", "names", "words"),
    [
        (plot.scores, [[1.0, 2.0]], None, "one score for each input"),
        (plot.scores, [1.0, math.nan], None, "nan"),
        (plot.scores, [1.0, 2.0], ["a"], "must list 2 names"),
        (plot.interactions, [[1.0, 2.0]], None, "must be square"),
        (plot.interactions, [[1.0, 2.0], [math.inf, 0.0]], None, "inf"),
        (plot.interactions, [[1.0, 2.0], [2.0, 0.0]], "ab", "must list 2 names"),
    ],
)
def test_scores_and_interactions_refuse_what_does_not_fit(draw: Any, values: Any, names: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        draw(values, names)
