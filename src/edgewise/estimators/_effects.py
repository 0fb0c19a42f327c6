"""The parts of a fit as numbers to draw: curves with bands, levels with counts, surfaces of products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions
from edgewise.tables.additive import Curve, Gap, Levels
from edgewise.tables.encoding import Category, Dates, Encoder

if TYPE_CHECKING:
    from edgewise import plot

Pair = tuple[int, int]


@dataclass(frozen=True)
class Effects:
    """One sum of a fit on rows x: what each column and product adds to output k."""

    parts: Contributions
    encoder: Encoder
    x: Array
    output: int = 0

    @cached_property
    def shares(self) -> Array:
        """The share of each part in the sum of the variances of all, (parts,)."""
        variances = self.parts.of(self.x)[:, :, self.output].var(0)
        return variances / max(float(variances.sum()), 1e-300)

    def of_column(self, column: int) -> plot.CurveEffect | plot.LevelEffect:
        """Return what a column adds."""
        if isinstance(self.encoder.columns[column], Category):
            return self._of_levels(column)
        return self._of_curve(column)

    def of_pair(self, number: int) -> plot.PairEffect:
        """Return what a product adds, by its number among the products."""
        from edgewise import plot

        parts = self.parts
        pair = list(parts.model.products)[number]
        columns = parts.pairs[number]
        sides = [self._side(column) for column in columns]
        first, second = (places for _, places in sides)
        inputs = [parts.model.design.inputs[k] for k in pair]
        grid = np.meshgrid(first, second, indexing="ij")
        features = {k: part.features(values.ravel()) for k, part, values in zip(pair, inputs, grid, strict=True)}
        beta = parts.model.products[pair][:, self.output]
        mean = parts.fit.target.scale * parts.means.products[pair][self.output]
        z = (parts.model.design.product(features, pair)[0] @ beta - mean).reshape(len(first), len(second))
        name = f"{parts.columns[columns[0]]} × {parts.columns[columns[1]]}"
        rows = self.x[:, columns][np.isfinite(self.x[:, columns]).all(1)]
        most = 400  # rows that are drawn
        drawn = rows[np.random.default_rng(0).permutation(len(rows))[:most]]
        spots = np.column_stack(
            [_spots(*side, each, k) for k, (side, each) in enumerate(zip(sides, drawn.T, strict=True))]
        )
        return plot.PairEffect(name, sides[0][0], sides[1][0], z, spots, self._note(len(parts.columns) + number))

    def _note(self, part: int) -> str:
        percent = 100 * float(self.shares[part])
        return f"{percent:.0f} %" if percent >= 1 else "< 1 %"

    def _inputs(self, column: int) -> dict[type, int]:
        """Return the number of the curve, the gap and the levels of a column."""
        inputs = self.parts.model.design.inputs
        return {type(part): k for k, part in enumerate(inputs) if part.column == column}

    def _value(self, kinds: Sequence[int], x: Array) -> Array:
        """Return what some inputs add at values x (n,) of their column, about their means."""
        model, total = self.parts.model, np.zeros(len(x))
        for k in kinds:
            features = model.design.inputs[k].features(x) - self.parts.means.features[k]
            total += features @ model.beta[k][:, self.output]
        return total

    def _band(self, kinds: Sequence[int], x: Array) -> Array:
        """Return half the width of the band of some inputs at values x (n,) of their column."""
        deviations = 1.6449  # standard deviations, which hold 90 %
        found = [self.parts.model.deviation(k, x)[:, self.output] ** 2 for k in kinds]
        return deviations * np.sqrt(np.sum(found, 0)) if found else np.zeros(len(x))

    def _of_curve(self, column: int) -> plot.CurveEffect:
        from edgewise import plot

        kinds, rows = self._inputs(column), self.x[:, column]
        every = list(kinds.values())
        places, log = self._places(column)
        shown = [kinds[kind] for kind in (Curve, Gap) if kind in kinds]
        curve = [kinds[Curve]] if Curve in kinds else []
        y, band = self._value(shown, places), self._band(curve, places)
        points = gap = None
        if Levels in kinds:
            values = self.parts.model.design.inputs[kinds[Levels]].value
            single = np.unique(rows[np.isfinite(rows)])
            single = single[
                np.isin(values(single), np.arange(self.parts.model.design.inputs[kinds[Levels]].n_features))
            ]
            points = np.column_stack([single, self._value(every, single)])
            points = points[(single >= places[0]) & (single <= places[-1])]
        if Gap in kinds:
            at = np.array([np.nan])
            middle, half = float(self._value(every, at)[0]), float(self._band([*curve, kinds[Gap]], at)[0])
            gap = (middle, middle - half, middle + half, float(np.isnan(rows).mean()))
        return plot.CurveEffect(
            self.parts.columns[column], self._dated(column, places), y, y - band, y + band,
            self._dated(column, rows), self._note(column), log, points, gap,
        )  # fmt: skip

    def _of_levels(self, column: int) -> plot.LevelEffect:
        from edgewise import plot

        codes, labels = self._codes(column)
        every = list(self._inputs(column).values())
        y, band = self._value(every, codes), self._band(every, codes)
        counts = np.array([(self.x[:, column] == code).sum() for code in codes])
        more = len(self.encoder.levels[column] or []) - len(codes)
        title, note = self.parts.columns[column], self._note(column)
        return plot.LevelEffect(title, labels, y, y - band, y + band, counts, note, more)

    def _codes(self, column: int) -> tuple[Array, list[str]]:
        """Return the codes and labels of the levels that are shown: those of most rows."""
        labels = self.encoder.levels[column] or []
        counts = np.bincount(self.x[np.isfinite(self.x[:, column]), column].astype(int), minlength=len(labels))
        most = 14  # levels
        shown = np.sort(np.argsort(-counts, kind="stable")[:most])
        return shown.astype(float), ["gap" if labels[k] is None else str(labels[k]) for k in shown]

    def _places(self, column: int) -> tuple[Array, bool]:
        """Return the values of a number at which its curve is drawn, and whether their axis is logarithmic."""
        seen = self.x[np.isfinite(self.x[:, column]), column]
        points, quantiles = 161, 41
        tail = 0.02  # of the rows at each end of a column with a few large values, beyond the range that is drawn
        kinds = self._inputs(column)
        part = self.parts.model.design.inputs[kinds[Curve]] if Curve in kinds else None
        if not len(seen):
            return np.zeros(1), False
        axis = part.axis.name if isinstance(part, Curve) else "raw"
        low, high = float(seen.min()), float(seen.max())
        if axis == "asinh":
            low, high = np.quantile(seen, [tail, 1 - tail]).tolist()
        log = axis == "log" and low > 0
        even = np.geomspace(low, high, points) if log else np.linspace(low, high, points)
        dense = np.quantile(seen, np.linspace(0, 1, quantiles), method="nearest")
        few = np.unique(seen) if len(np.unique(seen)) < points else seen[:0]
        places = np.unique(np.concatenate([even, dense, few]))
        return places[(places >= low) & (places <= high)], log

    def _side(self, column: int) -> tuple[plot.Side, Array]:
        """Return one side of a surface, and the values of the column at its grid."""
        from edgewise import plot

        name = self.parts.columns[column]
        if isinstance(self.encoder.columns[column], Category):
            codes, labels = self._codes(column)
            return plot.Side(name, np.arange(len(codes)), labels), codes
        places, log = self._places(column)
        distinct = np.unique(self.x[np.isfinite(self.x[:, column]), column])
        few, points = 7, 61  # values that are drawn as levels, and points of a side
        if len(distinct) <= few:
            return plot.Side(name, np.arange(len(distinct)), [f"{value:g}" for value in distinct]), distinct
        low, high = places[0], places[-1]
        grid = np.geomspace(low, high, points) if log else np.linspace(low, high, points)
        return plot.Side(name, grid, None, log), grid

    def _dated(self, column: int, values: Array) -> Array:
        """Return days since 1970 as dates, if the column holds dates."""
        kind = self.encoder.columns[column]
        if not (isinstance(kind, Dates) and kind.kind == "date"):
            return values
        seconds = np.where(np.isfinite(values), values * 86400.0, 0.0).astype("datetime64[s]")
        seconds[~np.isfinite(values)] = np.datetime64("NaT")
        return seconds


def _spots(side: plot.Side, grid: Array, values: Array, seed: int) -> Array:
    """Return where rows lie on a side: levels scattered a little about their numbers, others than those shown nowhere.

    Values of the column at the grid are `grid`.
    """
    if side.labels is None:
        return values
    places = np.searchsorted(grid, values).clip(0, len(grid) - 1)
    scattered = places + np.random.default_rng(seed).uniform(-0.3, 0.3, len(values))
    return np.where(grid[places] == values, scattered, np.nan)
