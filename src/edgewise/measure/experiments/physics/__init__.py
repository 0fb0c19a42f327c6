"""Laws of physics found again: conserved quantities, Lagrangians, a material, a black hole, groups of columns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgewise import symbolic
from edgewise.experiments._experiment import MLP, OURS, Claim, Experiment, best, cases, grouped, limit, number, told
from edgewise.experiments._physics_implicit import IMPLICIT, TWO, implicit, two_oscillators
from edgewise.experiments._physics_perceptron import on_points, on_rows
from edgewise.experiments._physics_tables import TABLES
from edgewise.experiments._sheet import legend, sheet
from edgewise.measure import COLOURS, SOFT, Case, Cell, Row, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_IMPLICIT = {item.name: item for item in IMPLICIT}
_TABLES = {table.name: table for table in TABLES}
_ITEMS = (IMPLICIT[0].name, TWO, *list(_IMPLICIT)[1:], *_TABLES)
_QUICK = (IMPLICIT[0].name, IMPLICIT[3].name, TABLES[1].name, TABLES[3].name)
_NETWORK, _FORMULA = "network", "error"
_PUBLISHED = {  # the figure, and what it is of
    IMPLICIT[0].name: (1.17e-4, _NETWORK), TWO: (1.57e-3, _NETWORK), IMPLICIT[3].name: (5.03e-5, _NETWORK),
    IMPLICIT[4].name: (1.05e-4, _NETWORK), TABLES[0].name: (3.31e-11, _FORMULA), TABLES[1].name: (6.49e-9, _FORMULA),
    TABLES[3].name: (1.99e-5, _FORMULA), TABLES[4].name: (4.79e-3, _NETWORK),
}  # fmt: skip
_SECONDS = 3.0  # of each way to train a perceptron


class Physics(Experiment):
    """The examples of KAN 2.0 that need no data from elsewhere.

    What an unknown function must obey is written down and solved by Levenberg-Marquardt, one layer of curves in most
    cases; the curves are snapped, and the constants that are left solved for once more. For two oscillators all sums
    over a pair of columns and all pairs of products are tried. F(r) is read from its slope and integrated. The material
    is a table of strains and a stress, with the volume as a column for P11; the mass is read with and without the
    columns beta and gamma; the last one is a tree of the table, then its formula. Exact is a formula that leaves less
    than 1e-9 at fresh points, holds no decimal number, and (for two oscillators, and the tree) has the known parts.

    Where the sources are silent: speeds up to 0.9 in the field, where the loss is infinite at 1; r uniform; pykan's
    losses are read as root mean squares, the reading that favours it. A perceptron is not asked for several conserved
    quantities. pykan's own runs prune and snap by hand, so its figures are the published ones. Modules of bits stand
    with the experiment on interpretability.
    """

    name = "physics"
    title = "Laws of physics found again"
    source = "KAN 2.0, section 5; its figures from pykan's physics and interpretation tutorials"
    file = "physics.csv"
    extra = ("network", "formula", "exact", "curves")
    note = "root mean square of what the formula leaves at fresh points; a perceptron's own"

    def cases(self, settings: Settings) -> list[Case]:
        found = cases(_QUICK if settings.quick else _ITEMS, (OURS, MLP), settings)
        return [case for case in found if case.values != {"item": TWO, "model": MLP}]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        item, began = case.values["item"], time.process_time()
        if case.values["model"] == MLP:
            seconds = 0.2 if settings.quick else _SECONDS
            other = on_points(_IMPLICIT[item], seconds) if item in _IMPLICIT else on_rows(_TABLES[item], seconds)
            return [self.row(case, seed=0, seconds=time.process_time() - began, **other._asdict())]
        if item == TWO:
            found = two_oscillators()
        else:
            found = implicit(_IMPLICIT[item]) if item in _IMPLICIT else _TABLES[item].reading()
        curves = ";".join(" ".join(f"{value:.5g}" for value in curve.tolist()) for curve in found.curves)
        values = {**found._asdict(), "exact": "yes" if found.exact else "no", "curves": curves}
        return [self.row(case, seed=0, seconds=time.process_time() - began, **values)]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["example", "formula", "exact", "published", "before the formula", "formula", "MLP", "seconds"]
        lines = []
        for (item,), own in grouped(rows, "item").items():
            ours, other = (best(own, model=model) for model in (OURS, MLP))
            figure = f"{_PUBLISHED[item][0]:.3g}" if item in _PUBLISHED else ""
            if ours is None or ours["error"] == "":
                status = next((str(row["status"]) for row in own if row["status"]), "")
                lines.append([Cell(text) for text in (item, status, "", figure, "", "", told(number(other)), "")])
                continue
            texts = [item, str(ours["formula"]), str(ours["exact"]), figure, told(number(ours, _NETWORK))]
            texts += [told(number(ours)), told(number(other)), told(number(ours, "seconds"))]
            lines.append([*map(Cell, texts)])
        return head, lines

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        told_of = {row["item"]: row for row in rows if row["model"] == OURS and row["error"] != ""}
        known = [_known(item, told_of.get(item)) for item in _ITEMS]
        return known + [
            limit(f"{item}: what {'the formula' if stage == _FORMULA else 'comes before the formula'} leaves", figure,
                  f"{figure:.3g}", number(told_of.get(item), stage))
            for item, (figure, stage) in _PUBLISHED.items()
        ]  # fmt: skip

    def draw(self, rows: Sequence[Row]) -> Picture:
        own = [row for row in rows if row["model"] == OURS and row["curves"] != ""]
        from sympy import latex

        picture, panels = sheet(len(own))
        for ax, row in zip(panels, own, strict=True):
            at, *curves = [np.array(curve.split(), dtype=float) for curve in str(row["curves"]).split(";")]
            for number_, (known, learned) in enumerate(zip(curves[::2], curves[1::2], strict=True)):
                first = number_ == 0
                ax.plot(at, known, color=SOFT, lw=4, alpha=0.6, label="known" if first else None)
                ax.plot(at, learned, color=COLOURS[OURS], lw=1.2, label="learned" if first else None)
            formulas = [
                f"${latex(symbolic.parse(part), fold_short_frac=True)}$" for part in str(row["formula"]).split("; ")
            ]
            lines = [", ".join(formulas[k : k + 2]) for k in range(0, len(formulas), 2)]
            ax.set_title("\n".join([str(row["item"]), *lines]), fontsize=8)
            ax.set_xlabel(_across(str(row["item"])))
            ax.locator_params(axis="x", nbins=5)
        if panels:
            legend(panels[0])
        return picture


def _across(item: str) -> str:
    """The column that the picture varies."""
    if item == TWO:
        return "x_1"
    return _IMPLICIT[item].across if item in _IMPLICIT else _TABLES[item].names[_TABLES[item].across]


def _known(item: str, row: Row | None) -> Claim:
    found = Cell("not measured") if row is None else Cell(str(row["formula"]), row["exact"] == "yes")
    return Claim(f"{item}: the known law", "exact", "the law", found)
