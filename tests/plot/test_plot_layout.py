"""What pictures are laid out of, as plain values: places, order, labels, names."""

from __future__ import annotations

import math

import numpy as np
import pytest

import edgewise as ew
from edgewise import plot
from edgewise.plot import Label, edge_label, name_label
from edgewise.plot._levels import crossings, natural, ordered, spread
from edgewise.plot._text import broken, width


@pytest.mark.parametrize("seed", range(5))
def test_spread_is_the_nearest_arrangement(seed: int) -> None:
    random = np.random.default_rng(seed)
    wishes, gaps = np.sort(random.uniform(0, 10, 8)), random.uniform(0.5, 1.5, 7)
    places = np.array(spread(wishes.tolist(), gaps.tolist(), (-50.0, 50.0)))
    assert (np.diff(places) >= gaps - 1e-9).all()
    best = ((places - wishes) ** 2).sum()
    for other in np.random.default_rng(seed + 100).normal(places, 0.3, (500, 8)):
        if (np.diff(other) >= gaps).all():
            assert ((other - wishes) ** 2).sum() >= best - 1e-9


def test_nodes_are_ordered_so_that_few_lines_cross() -> None:
    model = ew.KAN([4, (2, [2]), 4, 1])
    nodes = list(model.nodes)
    pairs = [[(0, 3), (1, 2), (2, 1), (3, 0)], [(0, 0), (1, 1), (2, 2), (3, 2)], [(0, k) for k in range(4)]]
    order = ordered(nodes, pairs)
    assert crossings(nodes, pairs, natural(nodes)) > 0
    assert crossings(nodes, pairs, order) == 0
    assert order[0] == [0, 1, 2, 3]
    assert [sorted(level) for level in order] == natural(nodes)
    assert abs(order[1].index(2) - order[1].index(3)) == 1


@pytest.mark.parametrize(
    ("name", "affine", "expected"),
    [
        ("x", (2.0, 0.0, 1.0, 1.0), r"$2\,t+1$"),
        ("x", (-1.0, 1.0, 1.0, 0.0), "$1-t$"),
        ("x", (1.0, 1.0, -2.0, 0.0), r"$-2\,t-2$"),
        ("x^2", (1.0, 0.0, 1.0, -0.5), "$t^{2}-0.5$"),
        ("1/x^2", (1.0, 3.0, 2.0, 0.0), "$2/(t+3)^{2}$"),
        ("exp", (-1.0, 0.0, -1.0, 0.0), "$-e^{-t}$"),
        ("1/sqrt", (1.0, 0.0, 1.0, 0.0), r"$1/\sqrt{t}$"),
        ("gaussian", (2.0, 0.0, 1.0, 0.0), r"$e^{-(2\,t)^2}$"),
        ("sin", (math.pi, 0.0, 1.5 * math.pi, 0.0), r"$(3\pi/2)\mathrm{sin}(\pi\,t)$"),
        ("abs", (1.0, 0.0, 3.14e5, 0.0), r"$3.14{\times}10^{5}|t|$"),
    ],
)
def test_edge_label(name: str, affine: tuple[float, float, float, float], expected: str) -> None:
    assert edge_label(name, affine, "t").text == expected


def test_every_function_of_the_library_has_a_label_that_prints() -> None:
    for name in [*ew.functions.names(), "x^-7/3", "x^0.123"]:
        for affine, argument in (((1.0, 0.0, 1.0, 0.0), "h_{1.2}"), ((-2.5, 1e9, 1e-12, -1.0), r"\mathrm{mass\_kg}")):
            assert plot.typesets(edge_label(name, affine, argument).text.strip("$"))
    for constant in (math.inf, math.nan, 0.0):
        assert plot.typesets(edge_label("1/x", (constant, constant, constant, constant)).text.strip("$"))


@pytest.mark.parametrize("name", ["a_b", "50%", "$x$", r"a\b", "x^2", "{", "two words", "#&", "ε_0", "x12", "mu_max"])
def test_any_name_can_be_typeset(name: str) -> None:
    assert plot.typesets(plot.math_name(name))
    label = name_label(name)
    assert not label.is_math or plot.typesets(label.text.strip("$"))


def test_long_names_break_where_they_become_narrowest() -> None:
    label = Label("average blood pressure (mm Hg)", False)
    widths = [width(broken(label, lines, 8.0), 8.0) for lines in (1, 2, 3)]
    assert widths == sorted(widths, reverse=True)
    assert broken(label, 2, 8.0).text == "average blood\npressure (mm Hg)"
    assert broken(Label("$a b$", True), 2, 8.0) == Label("$a b$", True)
