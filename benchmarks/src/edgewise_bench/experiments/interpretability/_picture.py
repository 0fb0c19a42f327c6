"""The picture of the toy targets: the networks of their formulas, and the curves without one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewise import symbolic
from edgewise._typing import Array
from edgewise_bench import Row
from edgewise_bench.drawing import COLORS, INK, SOFT, Axes, Figure, panel_grid
from edgewise_bench.experiments.interpretability._targets import BESSEL, DIGITS, SIX, TARGETS, inner_bessel, six

_POINTS = 500  # that a network's curves are drawn over


def draw(rows: Sequence[Row]) -> Figure:
    """Draw a panel for each row: its network, with its formula below."""
    figure, panels = panel_grid(len(rows))
    for ax, row in zip(panels, rows, strict=True):
        ax.set_title(str(row["item"]), fontsize=9, pad=10)
        if row["item"] in (BESSEL.name, DIGITS.name):
            curves = [[float(value) for value in curve.split()] for curve in str(row["curves"]).split(";")]
            _curves(ax, str(row["item"]), np.array(curves))
        elif "|" in str(row["curves"]):
            _wires(ax, str(row["curves"]))
        else:
            _network(ax, str(row["item"]), str(row["formula"]))
    return figure


def _curves(ax: Axes, item: str, curves: Array) -> None:
    if item == DIGITS.name:
        at = np.linspace(0, 1, curves.shape[1])
        for digit, curve in enumerate(curves):
            ax.fill_between(at, digit, digit + curve, color=COLORS["edgewise"], lw=0.8, alpha=0.8)
        ax.set(xlabel="x", ylabel="output", xticks=np.linspace(0, 1, 6), yticks=range(10))
        return
    at = np.linspace(-1, 1, curves.shape[1])
    ax.plot(at, inner_bessel(at), color=SOFT, lw=3, alpha=0.6, label="J0(20 x)")
    ax.plot(at, curves[0], color=COLORS["edgewise"], lw=1, label="the spline")
    ax.set(xlabel="x", ylim=(-0.5, 1.5))
    ax.text(0.98, 0.97, "exp(spline(x) + y²)", transform=ax.transAxes, ha="right", va="top", fontsize=8, color=INK)
    ax.legend(frameon=False, fontsize=7, loc="upper left")


def _wires(ax: Axes, text: str) -> None:
    """Draw the edges of a network, as trained and as arranged."""
    ax.axis("off")
    for side, half in enumerate(text.split("|")):
        edges = [tuple(map(int, edge.split(","))) for edge in half.split()]
        top = max(depth for depth, *_ in edges) + 1
        count = [1 + max(n for depth, j, i in edges for level, n in ((depth, i), (depth + 1, j)) if level == at)
                 for at in range(top + 1)]  # fmt: skip
        nodes = {(at, n): (1.2 * side + (n + 0.5) / count[at], at) for at in range(top + 1) for n in range(count[at])}
        for depth, j, i in edges:
            ax.plot(*zip(nodes[depth, i], nodes[depth + 1, j], strict=True), color=COLORS["edgewise"], lw=1, zorder=1)
        ax.plot(*zip(*nodes.values(), strict=True), "o", ms=4, color=INK, zorder=2)
        ax.text(1.2 * side + 0.5, -0.35, ("as trained", "arranged")[side], ha="center", va="top", fontsize=8, color=INK)


def _network(ax: Axes, item: str, text: str) -> None:
    """Draw the network of a formula, or of several equations."""
    from edgewise import plot

    ax.axis("off")
    sides = [part.split(" = ") for part in text.split("; ")]
    if item == SIX and any(len(side) != 2 for side in sides):
        ax.text(0.5, 0.5, text.replace("; ", "\n"), transform=ax.transAxes, ha="center", fontsize=7, color=INK)
        return
    formulas, targets = [side[-1] for side in sides], [side[0] if len(side) > 1 else "y" for side in sides]
    names = sorted({str(symbol) for formula in formulas for symbol in symbolic.parse(formula).free_symbols})
    x = six(_POINTS, 0) if item == SIX else TARGETS[item].table(_POINTS, 0)[0]
    model = symbolic.network_of(formulas if item == SIX else formulas[0], names)
    columns = [int(name.removeprefix("x_")) - 1 for name in names]
    plot.network(model, x[:, columns], names=names, target=targets, layout="levels", ax=ax)
    shown = "\n".join(_typeset(side) for side in sides)
    ax.text(0.5, -0.04, shown, transform=ax.transAxes, ha="center", va="top", fontsize=9, color=INK)


def _typeset(side: Sequence[str]) -> str:
    from sympy import latex

    return f"${' = '.join(latex(symbolic.parse(part)) for part in side)}$"
