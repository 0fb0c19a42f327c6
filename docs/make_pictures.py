"""The pictures of the README, these pages and the gallery: python docs/make_pictures.py (NAME ... for some)."""

from __future__ import annotations

import re
import runpy
import sys
from functools import partial
from pathlib import Path

import numpy as np
import sympy
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series, read_csv
from sklearn.model_selection import train_test_split

import edgewise as ew
from edgewise.discovery import Discovery
from edgewise.estimators import KANRegressor

PICTURES = Path(__file__).parent / "pictures"
GALLERY = Path(__file__).parent / "gallery"
_INK, _SOFT, _SYMBOLIC = "#1b2a3a", "#8793a1", "#d1410c"
_NAMES = ["x", "y"]


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    drawn = (
        hello, diagram_2, diagram_6, diagram_20, relations, tables_curves, tables_network, paper_front, paper_fit,
        burgers,
    )  # fmt: skip
    made = {picture.__name__: picture for picture in drawn}
    made |= {f"gallery_{script.stem}": partial(case, script) for script in sorted(GALLERY.glob("*.py"))}
    style = {"mathtext.fontset": "cm", "font.size": 11, "svg.hashsalt": "edgewise", "svg.fonttype": "path"}
    with rc_context(style):
        for name in names or made:
            made[name]().savefig(PICTURES / f"{name}.svg", metadata={"Date": None})


def case(script: Path) -> Figure:
    """The picture of a worked case: what its script leaves as `figure`."""
    return runpy.run_path(str(script))["figure"]


def hello() -> Figure:
    """The network of exp(sin(pi x) + y^2) as trained and as snapped, side by side, and its formula."""
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    trained = ew.fit(ew.KAN([2, 1, 1]), x, y)
    snapped = ew.symbolic.snap(trained.model, x, y)
    figure = Figure(figsize=(6.6, 4.2), facecolor="white")
    left, right = figure.add_axes((0.0, 0.18, 0.44, 0.82)), figure.add_axes((0.56, 0.18, 0.44, 0.82))
    ew.plot.network(trained.model, x, names=_NAMES, target="f", ax=left)
    ew.plot.network(snapped.model, x, names=_NAMES, target="f", ax=right)
    _caption(left, "trained: splines", f"test error {_power(_on_fresh_rows(trained.model))}", _INK)
    _caption(right, "snapped: a formula", f"$f = {_latex(snapped.model)}$", _SYMBOLIC)
    _arrow(figure)
    return figure


def burgers() -> Figure:
    """The solution of Burgers' equation on the page about differential equations."""
    strip = ew.pde.Box(t=(0, 1), x=(-1, 1))
    begin = ew.pde.Condition(strip.face(t=0), lambda u, p: u.value + torch.sin(torch.pi * p.x))
    ends = ew.pde.Condition(strip.boundary("x"), lambda u, p: u.value)
    equation = ew.pde.Problem(strip, lambda u, p: u.t + u.value * u.x - 0.01 / torch.pi * u.xx, [begin, ends])
    return ew.pde.march(equation, tolerance=1e-6).plot()


def diagram_2() -> Figure:
    """Five nodes that share what one could do."""
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    fit = ew.fit(ew.KAN([2, 5, 1], grid=3, seed=0), x, np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2))
    return _figure(ew.plot.network(fit.model, x, names=_NAMES, target="f"))


def diagram_6() -> Figure:
    """A formula with a product node, whose edges are all functions."""
    names = ["m_1", "m_2", "x_1", "x_2", "y_1", "y_2"]
    model = ew.symbolic.network_of("m_1*m_2 / ((x_2 - x_1)**2 + (y_2 - y_1)**2)", names)
    x = np.random.default_rng(0).uniform([1, 1, 0, 2, 0, 1], [2, 2, 1, 3, 1, 3], (1000, 6))
    return _figure(ew.plot.network(model, x, names=names, target="F"))


def diagram_20() -> Figure:
    """Twenty inputs, of which six matter."""
    x = np.random.default_rng(0).uniform(-1, 1, (1500, 20))
    y = np.exp(-4 * x[:, 2] ** 2) + np.sin(3 * x[:, 6]) + x[:, 11] * x[:, 12] + np.abs(x[:, 16]) * x[:, 18]
    fit = ew.fit(ew.KAN([20, 5, 1], grid=3, seed=0), x, y, sparsity=1e-2)
    return _figure(ew.plot.network(fit.model, x, least=0.01))


def tables_curves() -> Figure:
    """What each column adds to the mass of a penguin."""
    model, x = _penguins()
    return model.plot_curves(x).figure_


def tables_network() -> Figure:
    """The same fit as a network."""
    model, x = _penguins()
    return _figure(model.plot_network(x))


def _penguins() -> tuple[KANRegressor, DataFrame]:
    """The fit of docs/tables.md, and its rows."""
    rows = read_csv(ew.datasets.path("penguins")).dropna(subset=["body_mass_g"])
    train, _ = train_test_split(rows, random_state=0)
    x = train.drop(columns="body_mass_g")
    return KANRegressor().fit(x, train["body_mass_g"]), x


def paper_front() -> Figure:
    """The front of docs/paper.md, rows weighted."""
    x, volume = _cherries()
    return _figure(_timber(x, volume, _timber(x, volume).predict(x) ** -2).plot())


def paper_fit() -> Figure:
    """The first fit of docs/paper.md, and its residuals."""
    x, volume = _cherries()
    return ew.plot.fit_quality(volume, _timber(x, volume).predict(x), name="volume")


def _cherries() -> tuple[DataFrame, Series]:
    """The rows of docs/paper.md."""
    page = (Path(__file__).parent / "paper.md").read_text(encoding="utf-8")
    rows = re.findall(r"\b(\d+\.\d),(\d+),(\d+\.\d)\b", page)
    table = DataFrame(rows, columns=["diameter", "height", "volume"]).astype(float)
    return table[["diameter", "height"]], table["volume"]


def _timber(x: DataFrame, volume: Series, weights: np.ndarray | None = None) -> Discovery:
    return ew.discover(x, volume, effort="quick", time_limit=600, template="height*?", weights=weights)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _on_fresh_rows(model: ew.KAN) -> float:
    x = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (10_000, 2)))
    y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    with torch.no_grad():
        return float((model(x)[:, 0] - y).square().mean().sqrt())


def _latex(model: ew.KAN) -> str:
    """The formula with the exponential written out, so that its argument stays large."""
    (argument,) = model.formula(_NAMES).args
    text = sympy.latex(argument, order="rev-lex").replace(r"\left", "").replace(r"\right", "")
    return rf"\exp({text})".replace("{(", "(").replace(")}", ")")


def _power(value: float) -> str:
    """A number as a rounded multiple of a power of ten."""
    digit, exponent = f"{value:.0e}".split("e")
    return rf"${digit} \times 10^{{{int(exponent)}}}$"


def relations() -> Figure:
    """The two relations of six columns, as five seeds see them."""
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 6))
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3
    return ew.find_relations(x, time_limit=3600).plot()


def _caption(ax: Axes, first: str, second: str, colour: str) -> None:
    place = {"transform": ax.transAxes, "ha": "center", "va": "top"}
    ax.text(0.5, -0.03, first, fontsize=10, color=_SOFT, **place)
    ax.text(0.5, -0.105, second, fontsize=13, color=colour, **place)


def _arrow(figure: Figure) -> None:
    ax = figure.add_axes((0.38, 0.46, 0.24, 0.2))
    ax.axis("off")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.annotate("", (0.92, 0.4), (0.08, 0.4), arrowprops={"arrowstyle": "-|>", "color": _SOFT, "linewidth": 1.6})
    ax.text(0.48, 0.55, "ew.symbolic.snap", ha="center", va="bottom", fontsize=10, family="monospace", color=_INK)


if __name__ == "__main__":
    main(sys.argv[1:])
