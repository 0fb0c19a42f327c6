"""Scaling laws: how fast the error falls as splines get finer, compared with MLPs that get larger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.nn import KAN
from edgewise.train import Options
from edgewise_bench import MLP, OURS, PYKAN, Case, Cell, Criterion, Experiment, Model, Row, Settings
from edgewise_bench.baselines import pykan_stages
from edgewise_bench.drawing import COLORS, INK, LABELS, SOFT, Axes, Figure, outer_labels, panel_grid, shared_legend
from edgewise_bench.experiments.dataset import Dataset, refined, scaled
from edgewise_bench.tables import best, format_error, format_number, grouped, items_of, number

_RESOLVED, _ROUNDING = 1e-3, 1e-12  # relative to the target's standard deviation
_STEEPEST, _FLATTEST, _DECADES, _LOW = -4.3, -3.7, 2.0, 1e-8
_TINY = ("J0(20 x)", "x y")


@dataclass(frozen=True)
class Target:
    """A function on [-1, 1]^inputs and a network of its shape.

    rows: training rows. grids: of the network, coarse to fine. pykan_grids: the grids that pykan is given.
    patience: seconds of each of an MLP's two solvers.
    """

    name: str
    inputs: int
    values: Callable[[Array], Array]
    widths: list[int]
    grids: tuple[int, ...]
    rows: int = 5000
    pykan_grids: tuple[int, ...] = (3, 5, 10, 20, 50)
    patience: float = 4.0

    def table(self, seed: int, rows: int | None = None) -> tuple[Array, Array]:
        """Return uniform points (rows, inputs) and the values there (rows,)."""
        x = np.random.default_rng(seed).uniform(-1, 1, (rows or self.rows, self.inputs))
        return x, self.values(x)


def _bessel(x: Array) -> Array:
    from scipy.special import j0

    return j0(20 * x[:, 0])


_FINE = (3, 5, 10, 20, 50, 100, 200)
_TARGETS = (
    Target("J0(20 x)", 1, _bessel, [1, 1], (*_FINE, 500)),
    Target("exp(sin(pi x) + y^2)", 2, lambda x: np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2), [2, 1, 1], _FINE),
    Target("x y", 2, lambda x: x.prod(1), [2, 2, 1], _FINE[:5]),
    Target("sin(pi x/2) sin(pi y/2)", 2, lambda x: np.sin(np.pi * x / 2).prod(1), [2, 2, 1], _FINE[:6]),
    Target("exp(mean of 100 sin^2(pi x/2))", 100, lambda x: np.exp(np.mean(np.sin(np.pi * x / 2) ** 2, axis=1)),
           [100, 1, 1], (3, 5, 8, 12, 20, 30), 20_000, (), patience=5.0),
    Target("exp(mean of 2 sin(pi (x^2 + y^2)))", 4,
           lambda x: np.exp(np.sin(np.pi * (x[:, ::2] ** 2 + x[:, 1::2] ** 2)).mean(1)), [4, 2, 1, 1], _FINE[:6]),
)  # fmt: skip
"""The five of the article, and the product on bent axes: the product itself is a sum of squares, exact in splines."""
_ITEMS = {target.name: target for target in _TARGETS}


class Scaling(Experiment):
    """Test RMSE against parameters, and the exponent of the error in the number of cells.

    Published: the error falls nearly like the fourth power of the parameters, whatever the number of inputs, where the
    article counts edges times G as parameters. So exponents are of G; the real count is edges times (G + 3), for which
    they are steeper. An exponent is fitted, by least squares of logarithms, to the test errors of all grids whose
    training error lies between 1e-3 of the target's standard deviation, above which its curves are not resolved yet,
    and 1e-12 of it, which is rounding. The article states neither domains nor rows: here, uniform rows on [-1, 1]^d, as
    many as the finest grid needs, the same for every model; an MLP sees standardized targets. Each of six MLPs is
    trained for 8 s, more than most of the whole curves of splines take (10 s for a hundred inputs). pykan is not given
    the hundred inputs, for its time.
    """

    name = "scaling"
    title = "Scaling laws"
    source = "KAN, section 3.1 and figure 3.1"
    extra = ("grid", "solver", "train", "spread")
    note = "test RMSE on 5000 other rows; exponents in the number of cells G, and in the number of parameters"

    def cases(self, settings: Settings) -> list[Case]:
        found = self.product(_TINY if settings.quick else _ITEMS, (OURS, MLP, PYKAN), settings)
        return [case for case in found if case.values["model"] != PYKAN or _ITEMS[case.values["item"]].pykan_grids]

    def models(self) -> Mapping[str, Model]:
        return {OURS: partial(_rows, _edgewise), MLP: partial(_rows, _mlps), PYKAN: partial(_rows, _pykan)}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = [
            "target", "network", "published exponent", "exponent in G", "in parameters", "decades", "lowest RMSE",
            "parameters", "seconds", "lowest of MLPs", "their parameters", "lowest of pykan", "exponent in G",
        ]  # fmt: skip
        lines = []
        for item in items_of(rows):
            ours, mlp, pykan = (best(rows, item=item, model=model) for model in (OURS, MLP, PYKAN))
            curve, other = (_counted(rows, item, model) for model in (OURS, PYKAN))
            slopes = ["exact", ""] if _exact(ours) else [_slope(curve), _slope(curve, "parameters")]
            texts = [item, str(_ITEMS[item].widths), "-4", *slopes, format_number(_decades(curve)), format_error(ours)]
            texts += [format_number(number(ours, "parameters"), 6), format_number(number(ours, "seconds"))]
            texts += [format_error(mlp), format_number(number(mlp, "parameters"), 6)]
            lines.append([Cell(text) for text in (*texts, format_error(pykan), _slope(other))])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        items = items_of(rows)
        low = [number(best(rows, item=item, model=OURS)) <= _LOW for item in items]
        return [
            *(_exponent_criterion(rows, item) for item in items),
            Criterion.at_least("targets with a test RMSE of 1e-8 or less", 3, "none", low),
        ]

    def draw(self, rows: Sequence[Row]) -> Figure:
        from matplotlib.ticker import NullFormatter

        items = items_of(rows)
        figure, panels = panel_grid(len(items), columns=3)
        good = [{**row, "depth": _depth(row)} for row in rows if not row["status"]]
        for ax, item in zip(panels, items, strict=True):
            own = [row for row in good if row["item"] == item]
            for (model, depth), part in grouped(own, "model", "depth").items():
                _curve(ax, model, depth, part)
            _guides(ax, _ITEMS[item], _counted(own, item, OURS))
            ax.set(xscale="log", yscale="log", title=item)
            ax.xaxis.set_minor_formatter(NullFormatter())
        outer_labels(panels, 3, "parameters", "test RMSE")
        shared_legend(figure, panels)
        return figure


def _rows(train: Callable[..., Iterator[dict[str, Any]]], case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the rows of a model, with the standard deviation of the target's values."""
    test_rows, test_seed = 5000, 1
    target = _ITEMS[case.values["item"]]
    known, test = target.table(0), target.table(test_seed, test_rows)
    for found in train(target, Dataset(known, {"train": known, "error": test}), settings.quick):
        yield {**found, "spread": float(known[1].std())}


def _edgewise(target: Target, data: Dataset, quick: bool) -> Iterator[dict[str, Any]]:
    grids, options = target.grids[: 4 if quick else None], Options(validation=0.0, smoothing=0.0)
    return data.rows(refined(KAN(target.widths, seed=0), data.train, grids, options))


def _mlps(target: Target, data: Dataset, quick: bool) -> Iterator[dict[str, Any]]:
    mlps = ((2, 10), (2, 100), (3, 10), (3, 40), (4, 20), (5, 20))  # layers, width
    units = scaled(data.train, data.judged, -1.0, 1.0, data.train[1])
    for depth, width in mlps[: 2 if quick else None]:
        yield units.train_mlp([width] * (depth - 1), 0.3 if quick else target.patience)


def _pykan(target: Target, data: Dataset, quick: bool) -> Iterator[dict[str, Any]]:
    grids, steps = ((3,), 2) if quick else (target.pykan_grids, 200)
    return data.rows(pykan_stages(target.widths, data.train, grids, steps, seed=0))


def _counted(rows: Sequence[Row], item: str, model: str) -> list[Row]:
    """Return the grids that an exponent is fitted to; none if they are fewer than three."""
    own = [row for row in rows if row["item"] == item and row["model"] == model and not row["status"]]
    good = [row for row in own if _ROUNDING <= number(row, "train") / number(row, "spread") <= _RESOLVED]
    return good if len(good) > 2 else []


def _exponent_criterion(rows: Sequence[Row], item: str) -> Criterion:
    """Require the error to fall with the fourth power, or to be zero."""
    curve, lowest = _counted(rows, item, OURS), best(rows, item=item, model=OURS)
    what, bounds = f"{item}: exponent", f"{_STEEPEST} to {_FLATTEST} over {_DECADES:g} decades"
    if _exact(lowest):
        return Criterion(what, f"{bounds}, or exact", "-4", Cell(f"exact: {format_error(lowest)}", True))
    if not curve:
        return Criterion(what, bounds, "-4", Cell("not measured"))
    passed = _STEEPEST <= _exponent(curve) <= _FLATTEST and _decades(curve) >= _DECADES
    return Criterion(what, bounds, "-4", Cell(f"{_slope(curve)} over {_decades(curve):.1f} decades", passed))


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


def _depth(row: Row) -> int:
    """Return the layers of an MLP; 0 for the others."""
    return str(row["shape"]).count(",") if row["model"] == MLP else 0


def _curve(ax: Axes, model: str, depth: str, rows: Sequence[Row]) -> None:
    places = sorted((number(row, "parameters"), number(row)) for row in rows)
    label = f"{LABELS.get(model, model)}, {depth} layers" if model == MLP else model
    style = {"2": "-", "3": "--", "4": "-.", "5": ":"}.get(depth, "-")
    wide = 1.0 if model == MLP else 1.6
    ax.plot(*zip(*places, strict=True), "o", ls=style, ms=3, lw=wide, color=COLORS[model], label=label)


def _guides(ax: Axes, target: Target, curve: Sequence[Row]) -> None:
    """Draw powers -4 and -4 / inputs of the parameters as the article counts them, through the first grid counted."""
    if not curve:
        return
    first, last = (number(row, "parameters") for row in (curve[0], curve[-1]))
    grown, start = number(curve[-1], "grid") / number(curve[0], "grid"), number(curve[0])
    powers = [(-4, INK, "--")] + [(-4 / target.inputs, SOFT, (0, (5, 2)))] * (target.inputs > 1)
    for power, color, style in powers:
        label = "$G^{-4}$" if power == -4 else "$G^{-4/d}$, d inputs"
        ax.plot([first, last], [start, start * grown**power], color=color, lw=0.9, ls=style, label=label)
