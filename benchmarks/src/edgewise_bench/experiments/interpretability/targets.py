"""Toy targets, functions of bits made of small functions, and their pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import sympy
import torch

from edgewise import KAN, Options, fit, prune, symbolic
from edgewise._typing import Array
from edgewise.expressions import evaluate
from edgewise.interpret import Cut, arrange
from edgewise.nn import layer_of
from edgewise_bench import Row
from edgewise_bench.drawing import COLORS, INK, SOFT, Axes, Figure, panel_grid

_EXACT, _FLAT = 1e-9, 1e-3  # relative to the value, or to this fraction of the standard deviation if that is more


@dataclass(frozen=True)
class ToyTarget:
    """A function of columns x_1, x_2, ... that are uniform on [low, high], and what the article saw in its network."""

    name: str
    columns: int
    low: float
    high: float
    law: Callable[[Array], Array]
    published: str

    @property
    def names(self) -> list[str]:
        return [f"x_{number}" for number in range(1, self.columns + 1)]

    def table(self, rows: int, seed: int, beyond: float = 0.0) -> tuple[Array, Array]:
        """Draw rows (n, columns) and their values (n,); `beyond` widens the range at both ends by that fraction."""
        more = beyond * (self.high - self.low)
        x = np.random.default_rng(seed).uniform(self.low - more, self.high + more, (rows, self.columns))
        return x, self.law(x)

    def error(self, formula: Any, seed: int = 12345) -> float:
        """Return the largest deviation at fresh points, also a tenth of the range beyond the data."""
        test_points, farther = (
            2000,
            0.1,
        )  # test points; the fraction of its range by which each input goes beyond it there
        worst = 0.0
        for beyond in (0.0, farther):
            x, y = self.table(test_points, seed, beyond)
            off = np.abs(evaluate(formula, self.names, x) - y) / np.maximum(np.abs(y), _FLAT * y.std())
            worst = max(worst, float(off.max()) if np.isfinite(off).all() else float("inf"))
        return worst


def exact(formula: Any, error: float) -> bool:
    """Return whether a formula equals the target: no deviation beyond rounding, and no decimal number.

    >>> x = sympy.Symbol("x")
    >>> exact(x**2 / 3, 1e-16), exact(0.333 * x**2, 1e-16), exact(x**2, 1e-3)
    (True, False, False)
    """
    return error < _EXACT and not formula.atoms(sympy.Float)


_NAMED = (
    ToyTarget("x y", 2, -1, 1, lambda x: x[:, 0] * x[:, 1], "2 x y as a square of a sum less squares"),
    ToyTarget("x / y", 2, 0.1, 1, lambda x: x[:, 0] / x[:, 1], "exp of log x less log y"),
    ToyTarget("tanh(5 (x1^4 + x2^4 + x3^4 - 1))", 3, -1, 1,
        lambda x: np.tanh(5 * ((x**4).sum(axis=1) - 1)), "quartics, tanh"),
    ToyTarget("sqrt((x1 - x2)^2 + (x3 - x4)^2)", 4, -1, 1,
        lambda x: np.hypot(x[:, 0] - x[:, 1], x[:, 2] - x[:, 3]), "differences, squares, root"),
)  # fmt: skip
TARGETS = {target.name: target for target in _NAMED}
"""Those that a formula says."""


def inner_bessel(x: Array) -> Array:
    """Return J0(20 x)."""
    from scipy.special import j0

    return j0(20 * x)


BESSEL = ToyTarget("exp(J0(20 x) + y^2)", 2, -1, 1,
    lambda x: np.exp(inner_bessel(x[:, 0]) + x[:, 1] ** 2), "the Bessel curve as a spline")  # fmt: skip
DIGITS = ToyTarget("first decimal digit", 1, 0, 1, lambda x: np.floor(10 * x[:, 0]), "spikes at the matching digit")
SIX = "six columns, no target"
SIX_PUBLISHED = "one relation in each of two seeds"


def six(rows: int, seed: int) -> Array:
    """Draw six columns, uniform on [-1, 1] except x_3 = exp(sin(pi x_1) + x_2^2) and x_4 = x_5^3."""
    x = np.random.default_rng(seed).uniform(-1, 1, (rows, 6))
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3
    return x


_SPARSITY, _GRID, _ROUNDS = 0.01, 3, 4


@dataclass(frozen=True)
class Bits:
    """Groups of neighboring bits, -1 or 1, and what is computed from each group: columns of 0 or 1."""

    name: str
    groups: int
    size: int
    widths: list[Any]
    law: Callable[[Array], Array]  # of (n, groups, size), to (n, outputs)
    published: str

    def table(self) -> tuple[Array, Array]:
        """Return all rows there are."""
        x = np.array(list(product((-1.0, 1.0), repeat=self.groups * self.size)))
        return x, self.law(x.reshape(len(x), self.groups, self.size))


BITS = (
    Bits("majority of three majorities of 3 bits", 3, 3, [9, 10, 10, 1],
         lambda x: (np.sign(x.sum(2)).sum(1, keepdims=True) > 0).astype(float), "neurons swapped in training"),
    Bits("parities of five pairs of bits", 5, 2, [10, 10, 5], lambda x: (x.prod(2) > 0).astype(float),
         "neurons swapped in training"),
)  # fmt: skip


def modules(bits: Bits, seed: int, quick: bool) -> tuple[dict[str, Any], bool]:
    """Train with sparsity and prune, as long as edges are removed, then arrange the network.

    Return the columns of a row, whose curves are edges "layer,j,i" before and after the nodes were arranged; and
    whether every row is answered correctly by nodes that read one group of bits each.
    """
    x, y = bits.table()
    options = Options(seed=seed, validation=0.0, restarts=1 if quick else "auto")
    lean = _pruned(KAN(bits.widths, seed=seed), x, y, _SPARSITY, options)
    for _ in range(0 if quick else _ROUNDS):
        again = _pruned(lean, x, y, 2 * _SPARSITY, replace(options, restarts=1))
        if len(_edges_of(again)) >= len(_edges_of(lean)):
            break
        lean = again
    laid = arrange(lean, x)
    with torch.no_grad():
        wrong = ((laid.model(torch.from_numpy(x)).numpy() > 0.5) != (y > 0.5)).any(axis=1)
    read = [row.nonzero().flatten().tolist() for row in layer_of(laid.model, 0).mask]
    right = sorted(read) == [list(range(k, k + bits.size)) for k in range(0, x.shape[1], bits.size)]
    nodes = " | ".join(" ".join(str(bit + 1) for bit in node) for node in read)
    text = f"nodes that read bits {nodes}; connections of {laid.before:.2g} arranged to {laid.after:.2g}"
    wires = "|".join(" ".join(",".join(map(str, edge)) for edge in _edges_of(net)) for net in (lean, laid.model))
    found = {"formula": text, "error": float(wrong.mean()), "shape": str(laid.model.widths), "curves": wires}
    return found, right and not bool(wrong.any())


def _pruned(model: KAN, x: Array, y: Array, sparsity: float, options: Options) -> KAN:
    error = 0.2  # that pruning may leave: answers are 0 or 1
    trained = fit(model, x, y, sparsity=sparsity, grids=[_GRID], options=options).model
    return prune(trained, x, y, cuts=Cut("edges", error=error)).model


def _edges_of(model: KAN) -> list[tuple[int, int, int]]:
    layers = enumerate(layer_of(model, depth).mask for depth in range(len(model.layers)))
    return [(depth, j, i) for depth, mask in layers for j, i in mask.nonzero().tolist()]


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
    points = 500  # that a network's curves are drawn over
    from edgewise import plot

    ax.axis("off")
    sides = [part.split(" = ") for part in text.split("; ")]
    if item == SIX and any(len(side) != 2 for side in sides):
        ax.text(0.5, 0.5, text.replace("; ", "\n"), transform=ax.transAxes, ha="center", fontsize=7, color=INK)
        return
    formulas, targets = [side[-1] for side in sides], [side[0] if len(side) > 1 else "y" for side in sides]
    names = sorted({str(symbol) for formula in formulas for symbol in symbolic.parse(formula).free_symbols})
    x = six(points, 0) if item == SIX else TARGETS[item].table(points, 0)[0]
    model = symbolic.network_of(formulas if item == SIX else formulas[0], names)
    columns = [int(name.removeprefix("x_")) - 1 for name in names]
    plot.network(model, x[:, columns], names=names, target=targets, layout="levels", ax=ax)
    shown = "\n".join(_typeset(side) for side in sides)
    ax.text(0.5, -0.04, shown, transform=ax.transAxes, ha="center", va="top", fontsize=9, color=INK)


def _typeset(side: Sequence[str]) -> str:
    from sympy import latex

    return f"${' = '.join(latex(symbolic.parse(part)) for part in side)}$"
