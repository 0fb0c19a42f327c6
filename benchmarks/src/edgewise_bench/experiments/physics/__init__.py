"""Laws of physics found again: conserved quantities, Lagrangians, a material, a black hole, groups of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise import symbolic
from edgewise_bench import MLP, OURS, Case, Cell, Criterion, Experiment, Row, Settings
from edgewise_bench.baselines import parameter_count, seeded_mlp, train_mlp
from edgewise_bench.drawing import COLORS, SOFT, Figure, panel_grid, panel_legend
from edgewise_bench.experiments.pde.problems import autograd_jet
from edgewise_bench.experiments.physics.laws import IMPLICIT, TABLES, TWO, implicit, two_oscillators
from edgewise_bench.tables import best, format_number, grouped, number

_IMPLICIT = {item.name: item for item in IMPLICIT}
_TABLES = {table.name: table for table in TABLES}
_ITEMS = (IMPLICIT[0].name, TWO, *list(_IMPLICIT)[1:], *_TABLES)
_QUICK = (IMPLICIT[0].name, IMPLICIT[3].name, TABLES[1].name, TABLES[3].name)
_ACROSS = {TWO: "x_1", **{item.name: item.across for item in IMPLICIT}}  # the column that the picture varies
_ACROSS |= {table.name: table.names[table.across] for table in TABLES}
_NETWORK, _FORMULA = "network", "error"
_PUBLISHED = {  # the value, and what it is of
    IMPLICIT[0].name: (1.17e-4, _NETWORK), TWO: (1.57e-3, _NETWORK), IMPLICIT[3].name: (5.03e-5, _NETWORK),
    IMPLICIT[4].name: (1.05e-4, _NETWORK), TABLES[0].name: (3.31e-11, _FORMULA), TABLES[1].name: (6.49e-9, _FORMULA),
    TABLES[3].name: (1.99e-5, _FORMULA), TABLES[4].name: (4.79e-3, _NETWORK),
}  # fmt: skip


class Physics(Experiment):
    """The examples of KAN 2.0 that need no data from elsewhere.

    The conditions on an unknown function are written down and solved by Levenberg-Marquardt, one layer of curves in
    most cases; the curves are snapped, and the remaining constants solved for once more. For two oscillators all sums
    over a pair of columns and all pairs of products are tried. F(r) is found from its derivative and integrated. The
    material is a table of strains and a stress, with the volume as a column for P11; the mass is found with and without
    the columns beta and gamma; the last one is a tree of the table, then its formula. Exact is a formula whose residual
    is below 1e-9 at fresh points, contains no decimal number, and (for two oscillators, and the tree) has the known
    parts.

    Where the sources are silent: speeds up to 0.9 in the field, where the loss is infinite at 1; r uniform; pykan's
    losses are read as root mean squares, the reading that favors it. An MLP is not asked for several conserved
    quantities. pykan's own runs prune and snap by hand, so its figures are the published ones. Modules of bits stand
    with the experiment on interpretability.
    """

    name = "physics"
    title = "Laws of physics found again"
    source = "KAN 2.0, section 5; its figures from pykan's physics and interpretation tutorials"
    extra = ("network", "formula", "exact", "curves")
    note = "root mean square residual of the formula at fresh points; of an MLP its own residual"

    def cases(self, settings: Settings) -> list[Case]:
        found = self.product(_QUICK if settings.quick else _ITEMS, (OURS, MLP), settings)
        return [case for case in found if case.values != {"item": TWO, "model": MLP}]

    def edgewise(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        item = case.values["item"]
        if item == TWO:
            found = two_oscillators()
        else:
            found = implicit(_IMPLICIT[item]) if item in _IMPLICIT else _TABLES[item].reading()
        curves = ";".join(" ".join(f"{value:.5g}" for value in curve.tolist()) for curve in found.curves)
        yield {**found._asdict(), "exact": "yes" if found.exact else "no", "curves": curves}

    def mlp(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        """Train on the published loss, the mean square of the law's residual; or on the rows of a table."""
        patience = 3.0  # of each of an MLP's two solvers
        hidden, points = [20, 20], 1000
        item = case.values["item"]
        if item in _IMPLICIT:
            law, names = _IMPLICIT[item], tuple(_IMPLICIT[item].names)
            known, fresh = law.problem.box.points(points), law.fresh()

            def off(module: torch.nn.Module, at: Any) -> Tensor:
                return law.off(autograd_jet(module, at, names), at)
        else:
            table, names = _TABLES[item], _TABLES[item].names
            known, fresh = (tuple(map(torch.from_numpy, table.data(seed))) for seed in (0, 1000))

            def off(module: torch.nn.Module, at: Any) -> Tensor:
                return module(at[0])[:, 0] - at[1]

        sizes, seconds = [len(names), *hidden, 1], 0.2 if settings.quick else patience
        run = train_mlp(lambda: seeded_mlp(sizes, 0), lambda module: off(module, known).square().mean(), seconds)
        error = float(off(run.module, fresh).detach().square().mean().sqrt())
        yield {"error": error, "shape": str(sizes), "parameters": parameter_count(run.module)}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["example", "formula", "exact", "published", "before the formula", "formula", "MLP", "seconds"]
        lines = []
        for (item,), own in grouped(rows, "item").items():
            ours, other = (best(own, model=model) for model in (OURS, MLP))
            figure = f"{_PUBLISHED[item][0]:.3g}" if item in _PUBLISHED else ""
            said = [next((str(row["status"]) for row in own if row["status"]), ""), ""]
            if ours is not None and ours["error"] != "":
                said = [str(ours["formula"]), str(ours["exact"])]
            numbers = (number(ours, _NETWORK), number(ours), number(other), number(ours, "seconds"))
            lines.append([Cell(text) for text in (item, *said, figure, *map(format_number, numbers))])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        found = {row["item"]: row for row in rows if row["model"] == OURS and row["error"] != ""}
        made = [_known(item, found.get(item)) for item in _ITEMS]
        for item, (bound, stage) in _PUBLISHED.items():
            what = f"{item}: residual {'of the formula' if stage == _FORMULA else 'before the formula'}"
            made.append(Criterion.at_most(what, bound, f"{bound:.3g}", number(found.get(item), stage)))
        return made

    def draw(self, rows: Sequence[Row]) -> Figure:
        own = [row for row in rows if row["model"] == OURS and row["curves"] != ""]
        from sympy import latex

        figure, panels = panel_grid(len(own))
        for ax, row in zip(panels, own, strict=True):
            at, *curves = [np.array(curve.split(), dtype=float) for curve in str(row["curves"]).split(";")]
            for number_, (known, learned) in enumerate(zip(curves[::2], curves[1::2], strict=True)):
                first = number_ == 0
                ax.plot(at, known, color=SOFT, lw=4, alpha=0.6, label="known" if first else None)
                ax.plot(at, learned, color=COLORS[OURS], lw=1.2, label="learned" if first else None)
            formulas = [
                f"${latex(symbolic.parse(part), fold_short_frac=True)}$" for part in str(row["formula"]).split("; ")
            ]
            lines = [", ".join(formulas[k : k + 2]) for k in range(0, len(formulas), 2)]
            ax.set_title("\n".join([str(row["item"]), *lines]), fontsize=8)
            ax.set_xlabel(_ACROSS[str(row["item"])])
            ax.locator_params(axis="x", nbins=5)
        if panels:
            panel_legend(panels[0])
        return figure


def _known(item: str, row: Row | None) -> Criterion:
    found = Cell("not measured") if row is None else Cell(str(row["formula"]), row["exact"] == "yes")
    return Criterion(f"{item}: the known law", "exact", "the law", found)
