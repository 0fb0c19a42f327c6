"""Scaling laws: how fast the error falls as splines get finer, beside perceptrons that get larger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise.experiments._experiment import (
    MLP,
    OURS,
    PYKAN,
    Claim,
    Experiment,
    best,
    cases,
    grouped,
    number,
    told,
)  # fmt: skip
from edgewise.experiments._key import key
from edgewise.experiments._perceptron import size, started, trained
from edgewise.experiments._pykan import refined
from edgewise.experiments._scaling_data import TARGETS, Target
from edgewise.experiments._sheet import sheet
from edgewise.experiments._values import rmse, values
from edgewise.measure import COLOURS, INK, LABELS, SOFT, Case, Cell, Row, Settings
from edgewise.nn import KAN, Layout
from edgewise.train import Options, fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

_ITEMS = {target.name: target for target in TARGETS}
_PERCEPTRONS = ((2, 10), (2, 100), (3, 10), (3, 40), (4, 20), (5, 20))  # layers, width
_TEST_ROWS, _TEST_SEED = 5000, 1
_RESOLVED, _ROUNDING = 1e-3, 1e-12  # of the target's spread
_STEEPEST, _FLATTEST, _DECADES, _LOW = -4.3, -3.7, 2.0, 1e-8
_TINY = ("J0(20 x)", "x y")


class Scaling(Experiment):
    """Test RMSE against parameters, and the exponent of the error in the number of cells.

    Published: the error falls nearly like the fourth power of the parameters, whatever the number of inputs, which are
    edges times G as the article counts. So exponents are of G; the real count is edges times (G + 3), for which they
    are steeper. An exponent is fitted, by least squares of logarithms, to the test errors of all grids whose training
    error lies between 1e-3 of the target's spread, above which its curves are not resolved yet, and 1e-12 of it, which
    is rounding. The article states neither domains nor rows: here, uniform rows on [-1, 1]^d, as many as the finest
    grid wants, the same for every model; a perceptron sees targets in spreads from their mean. Each of
    six perceptrons is trained for 8 s, more than most of the whole curves of splines take (10 s for a hundred inputs).
    pykan is not given the hundred inputs, for its time.
    """

    name = "scaling"
    title = "Scaling laws"
    source = "KAN, section 3.1 and figure 3.1"
    file = "scaling.csv"
    extra = ("grid", "solver", "train", "spread")
    note = "test RMSE on 5000 other rows; exponents in the number of cells G, and in the number of parameters"

    def cases(self, settings: Settings) -> list[Case]:
        found = cases(_TINY if settings.quick else _ITEMS, (OURS, MLP, PYKAN), settings)
        return [case for case in found if case.values["model"] != PYKAN or _ITEMS[case.values["item"]].theirs]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        ways: dict[str, Callable[[Target, bool], Iterator[dict[str, Any]]]] = {
            OURS: _ours, MLP: _perceptrons, PYKAN: _theirs,
        }  # fmt: skip
        found = ways[case.values["model"]](_ITEMS[case.values["item"]], settings.quick)
        return [self.row(case, seed=0, **values) for values in found]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = [
            "target", "network", "published exponent", "exponent in G", "in parameters", "decades", "lowest RMSE",
            "parameters", "seconds", "lowest of MLPs", "their parameters", "lowest of pykan", "exponent in G",
        ]  # fmt: skip
        lines = []
        for item in dict.fromkeys(str(row["item"]) for row in rows):
            ours, mlp, pykan = (best(rows, item=item, model=model) for model in (OURS, MLP, PYKAN))
            curve, other = (_counted(rows, item, model) for model in (OURS, PYKAN))
            slopes = ["exact", ""] if _exact(ours) else [_slope(curve), _slope(curve, "parameters")]
            texts = [item, str(_ITEMS[item].widths), "-4", *slopes]
            texts += [told(_decades(curve)), _lowest(ours), _of(ours, "parameters"), _of(ours, "seconds")]
            texts += [_lowest(mlp), _of(mlp, "parameters"), _lowest(pykan), _slope(other)]
            lines.append([Cell(text) for text in texts])
        return head, lines

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        items = list(dict.fromkeys(str(row["item"]) for row in rows))
        found = [_claim(rows, item) for item in items]
        low = sum(number(best(rows, item=item, model=OURS)) <= _LOW for item in items)
        text = f"{low} of {len(items)}"
        return [*found, Claim("targets with a test RMSE of 1e-8 or less", "at least 3", "none", Cell(text, low >= 3))]

    def draw(self, rows: Sequence[Row]) -> Picture:
        from matplotlib.ticker import NullFormatter

        items = list(dict.fromkeys(str(row["item"]) for row in rows))
        picture, panels = sheet(len(items), across=3)
        good = [{**row, "depth": _depth(row)} for row in rows if not row["status"]]
        for ax, item in zip(panels, items, strict=True):
            own = [row for row in good if row["item"] == item]
            for (model, depth), part in grouped(own, "model", "depth").items():
                _curve(ax, model, depth, part)
            _guides(ax, _ITEMS[item], _counted(own, item, OURS))
            ax.set(xscale="log", yscale="log", title=item)
            ax.xaxis.set_minor_formatter(NullFormatter())
        for ax in panels[-3:]:
            ax.set_xlabel("parameters")
        for ax in panels[::3]:
            ax.set_ylabel("test RMSE")
        key(picture, panels)
        return picture


def _ours(target: Target, quick: bool) -> Iterator[dict[str, Any]]:
    (x, y), (fresh, truth) = target.table(0), target.table(_TEST_SEED, _TEST_ROWS)
    model, spent = KAN(target.widths, seed=0), 0.0
    for grid in target.grids[: 4 if quick else None]:
        began = time.process_time()
        model = fit(model, x, y, grids=[grid], options=Options(validation=0.0, smoothing=0.0)).model
        spent += time.process_time() - began
        found = {"shape": str(target.widths), "grid": grid, "parameters": Layout(model).size, "spread": float(y.std())}
        train, test = rmse(values(model, x), y), rmse(values(model, fresh), truth)
        yield {**found, "train": train, "error": test, "seconds": spent}


def _perceptrons(target: Target, quick: bool) -> Iterator[dict[str, Any]]:
    (x, y), (fresh, truth) = target.table(0), target.table(_TEST_SEED, _TEST_ROWS)
    mean, spread = float(y.mean()), float(y.std())
    inputs, wanted = torch.from_numpy(x), torch.from_numpy((y - mean) / spread)
    for depth, width in _PERCEPTRONS[: 2 if quick else None]:
        sizes = [target.inputs, *[width] * (depth - 1), 1]
        run = trained(
            lambda sizes=sizes: started(sizes, 0),
            lambda module: (module(inputs)[:, 0] - wanted).square().mean(),
            0.3 if quick else target.patience,
        )
        train, test = (rmse(mean + spread * values(run.module, at), to) for at, to in ((x, y), (fresh, truth)))
        found = {"shape": str(sizes), "solver": run.solver, "parameters": size(run.module), "spread": spread}
        yield {**found, "train": train, "error": test, "seconds": run.seconds}


def _theirs(target: Target, quick: bool) -> Iterator[dict[str, Any]]:
    (x, y), test = target.table(0), target.table(_TEST_SEED, _TEST_ROWS)
    grids, steps = ((3,), 2) if quick else (target.theirs, 200)
    for stage in refined(target.widths, (x, y), test, grids, steps, seed=0):
        found = {"shape": str(target.widths), "grid": stage.grid, "parameters": stage.parameters}
        found |= {"train": rmse(stage.predict(x), y), "spread": float(y.std())}
        yield {**found, "error": stage.error, "seconds": stage.seconds}


def _counted(rows: Sequence[Row], item: str, model: str) -> list[Row]:
    """The grids that an exponent is fitted to; none where they are fewer than three."""
    own = [row for row in rows if row["item"] == item and row["model"] == model and not row["status"]]
    good = [row for row in own if _ROUNDING <= number(row, "train") / number(row, "spread") <= _RESOLVED]
    return good if len(good) > 2 else []


def _claim(rows: Sequence[Row], item: str) -> Claim:
    """That the error falls with the fourth power, or that there is none."""
    curve, lowest = _counted(rows, item, OURS), best(rows, item=item, model=OURS)
    bounds = f"{_STEEPEST} to {_FLATTEST} over {_DECADES:g} decades"
    if _exact(lowest):
        return Claim(f"{item}: exponent", f"{bounds}, or exact", "-4", Cell(f"exact: {_lowest(lowest)}", True))
    if not curve:
        return Claim(f"{item}: exponent", bounds, "-4", Cell("not measured"))
    kept = _STEEPEST <= _exponent(curve) <= _FLATTEST and _decades(curve) >= _DECADES
    return Claim(f"{item}: exponent", bounds, "-4", Cell(f"{_slope(curve)} over {_decades(curve):.1f} decades", kept))


def _exact(row: Row | None) -> bool:
    return number(row) < _ROUNDING * number(row, "spread")


def _exponent(rows: Sequence[Row], size: str = "grid") -> float:
    sizes, errors = (np.log([number(row, column) for row in rows]) for column in (size, "error"))
    return float(np.polyfit(sizes, errors, 1)[0])


def _decades(rows: Sequence[Row]) -> float:
    errors = [number(row) for row in rows]
    return float(np.log10(max(errors) / min(errors))) if errors else float("inf")


def _slope(rows: Sequence[Row], size: str = "grid") -> str:
    return f"{_exponent(rows, size):.2f}" if rows else ""


def _lowest(row: Row | None) -> str:
    return str(row["status"] or told(number(row))) if row else ""


def _of(row: Row | None, column: str) -> str:
    return told(number(row, column), 6 if column == "parameters" else 2)


def _depth(row: Row) -> int:
    """Layers of a perceptron; 0 for the others."""
    return str(row["shape"]).count(",") if row["model"] == MLP else 0


def _curve(ax: Axes, model: str, depth: str, rows: Sequence[Row]) -> None:
    places = sorted((number(row, "parameters"), number(row)) for row in rows)
    label = f"{LABELS.get(model, model)}, {depth} layers" if model == MLP else model
    style = {"2": "-", "3": "--", "4": "-.", "5": ":"}.get(depth, "-")
    wide = 1.0 if model == MLP else 1.6
    ax.plot(*zip(*places, strict=True), "o", ls=style, ms=3, lw=wide, color=COLOURS[model], label=label)


def _guides(ax: Axes, target: Target, curve: Sequence[Row]) -> None:
    """The powers -4 and -4 / inputs of the parameters as the article counts them, through the first grid counted."""
    if not curve:
        return
    ends = curve[0], curve[-1]
    first, last = (number(row, "parameters") for row in ends)
    grown = number(ends[1], "grid") / number(ends[0], "grid")
    start = number(ends[0])
    powers = [(-4, INK, "--")] + [(-4 / target.inputs, SOFT, (0, (5, 2)))] * (target.inputs > 1)
    for power, colour, style in powers:
        label = "$G^{-4}$" if power == -4 else "$G^{-4/d}$, d inputs"
        ax.plot([first, last], [start, start * grown**power], color=colour, lw=0.9, ls=style, label=label)
