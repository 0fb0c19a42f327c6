"""The curves and pairs of columns of a fitted estimator as numbers to draw and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions
from edgewise.tables.additive import Curve, Gap, Levels
from edgewise.tables.encoding import Category, Dates, Encoder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from edgewise import plot


@dataclass(frozen=True)
class Effects:
    """One sum of a fit on rows x: what each column and pair of columns adds to output k."""

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
        """Return what a pair of columns adds, by its number among the sets of columns."""
        from edgewise import plot

        parts, columns = self.parts, self.parts.groups[number]
        sides = [self._side(column) for column in columns]
        first, second = (places for _, places in sides)
        grid = np.column_stack([side.ravel() for side in np.meshgrid(first, second, indexing="ij")])
        z = parts.steps(columns, grid)[:, self.output]
        if number < len(parts.pairs):
            pair = list(parts.model.products)[number]
            features = {k: parts.model.design.inputs[k].features(own) for k, own in zip(pair, grid.T, strict=True)}
            beta = parts.model.products[pair][:, self.output]
            mean = parts.fit.target.scale * parts.means.products[pair][self.output]
            z = z + parts.model.design.product(features, pair)[0] @ beta - mean
        z = z.reshape(len(first), len(second))
        name = " × ".join(parts.columns[column] for column in columns)
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

    def inputs(self, column: int, *kinds: type) -> list[int]:
        """Return the numbers of the inputs of a column, of some kinds: curves, gaps, levels."""
        inputs = self.parts.model.design.inputs
        return [k for k, part in enumerate(inputs) if part.column == column and isinstance(part, kinds or object)]

    def _value(self, column: int, kinds: Sequence[int], x: Array) -> Array:
        """Return what some inputs of a column and its steps add at its values x (n,), about their means."""
        model, total = self.parts.model, self.parts.steps((column,), x[:, None])[:, self.output]
        for k in kinds:
            features = model.design.inputs[k].features(x) - self.parts.means.features[k]
            total += features @ model.beta[k][:, self.output]
        return total

    def band(self, kinds: Sequence[int], x: Array) -> Array:
        """Return half the width of the band of some inputs at values x (n,) of their column."""
        deviations = 1.6449  # standard deviations, which hold 90 %
        found = [self.parts.model.deviation(k, x)[:, self.output] ** 2 for k in kinds]
        return deviations * np.sqrt(np.sum(found, 0)) if found else np.zeros(len(x))

    def _of_curve(self, column: int) -> plot.CurveEffect:
        from edgewise import plot

        every, rows = self.inputs(column), self.x[:, column]
        curves, gaps, levels = (self.inputs(column, kind) for kind in (Curve, Gap, Levels))
        places, log = self.places(column)
        y, band = self._value(column, [*curves, *gaps], places), self.band(curves, places)
        points = gap = None
        if levels:
            part = self.parts.model.design.inputs[levels[0]]
            single = np.unique(rows[np.isfinite(rows)])
            single = single[np.isin(part.value(single), np.arange(part.n_features))]
            points = np.column_stack([single, self._value(column, every, single)])
            points = points[(single >= places[0]) & (single <= places[-1])]
        if gaps:
            at = np.array([np.nan])
            half = float(self.band([*curves, *gaps], at)[0])
            middle = float(self._value(column, every, at)[0])
            gap = (middle, middle - half, middle + half, float(np.isnan(rows).mean()))
        return plot.CurveEffect(
            self.parts.columns[column], self._dated(column, places), y, y - band, y + band,
            self._dated(column, rows), self._note(column), log, points, gap,
        )  # fmt: skip

    def _of_levels(self, column: int) -> plot.LevelEffect:
        from edgewise import plot

        codes, labels = self.codes(column)
        every = self.inputs(column)
        y, band = self._value(column, every, codes), self.band(every, codes)
        counts = np.array([(self.x[:, column] == code).sum() for code in codes])
        more = len(self.encoder.levels[column] or []) - len(codes)
        title, note = self.parts.columns[column], self._note(column)
        return plot.LevelEffect(title, labels, y, y - band, y + band, counts, note, more)

    def codes(self, column: int) -> tuple[Array, list[str]]:
        """Return the codes and labels of the levels that are shown: those of most rows."""
        labels = self.encoder.levels[column] or []
        counts = np.bincount(self.x[np.isfinite(self.x[:, column]), column].astype(int), minlength=len(labels))
        most = 14  # levels
        shown = np.sort(np.argsort(-counts, kind="stable")[:most])
        return shown.astype(float), ["gap" if labels[k] is None else str(labels[k]) for k in shown]

    def places(self, column: int) -> tuple[Array, bool]:
        """Return the values of a number at which its curve is drawn, and whether their axis is logarithmic."""
        seen = self.x[np.isfinite(self.x[:, column]), column]
        points, quantiles = 161, 41
        tail = 0.02  # of the rows at each end of a column with a few large values, beyond the range that is drawn
        curves = self.inputs(column, Curve)
        part = self.parts.model.design.inputs[curves[-1]] if curves else None  # after a line, the one with wiggles
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
            codes, labels = self.codes(column)
            return plot.Side(name, np.arange(len(codes)), labels), codes
        places, log = self.places(column)
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


Feature = int | str | tuple[int, int] | tuple[str, str]


class CurvesDisplay:
    """The curves and pairs of columns of a `KANRegressor` or `KANClassifier`, a panel each, the most important first.

    Pairs come after columns. Triples of columns, whose steps are mostly faint, are not drawn: `importance` has them.

    A panel shows what its column adds to the sum, about the mean over the rows of `fit`, and its share of the variance.
    Panels of columns have one vertical axis, in the units of the sum. The band holds 90 % of the posterior probability,
    smoothing and shape taken as known; levels have bars instead, a gap a diamond at the right. Along the bottom is the
    density of the rows, above each level their number. Dots are single values with effects of their own. A product is
    a map of colors, with some of the rows as dots. Of a column with a few extreme values, those that were read on an
    asinh axis, the outer 2 % on each side are not drawn; of a category only the 14 levels with most rows.

    Parameters
    ----------
    effects
        The panels as `edgewise.plot` takes them.
    unit
        What the sum stands for; one for each panel where they differ.

    Attributes
    ----------
    axes_
        A list with the axes of each panel, after `plot`.
    ax_
        The first of them.
    figure_
        Their figure.
    """

    axes_: list[Axes]
    ax_: Axes
    figure_: Figure

    def __init__(
        self, effects: Sequence[plot.CurveEffect | plot.LevelEffect | plot.PairEffect], *, unit: str | Sequence[str]
    ) -> None:  # fmt: skip
        self.effects = list(effects)
        self.unit = unit

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, features: Sequence[Feature] | None = None, target: Any = None, ax: Any = None,
        n_cols: int = 3, most: int = 9,
    ) -> CurvesDisplay:  # fmt: skip
        """Draw the curves of a fitted estimator on the rows of X, and return the display.

        Parameters
        ----------
        estimator
            A fitted `KANRegressor` or `KANClassifier`.
        X : (n, p)
            The table.
        features
            Columns, by name or position, and pairs of columns with a product; None for the most important parts.
        target
            Which of several targets or classes, by position; None for the first target, or for all classes, a row of
            panels each.
        ax
            Axes that the panels replace, or one for each panel; None for a new figure.
        n_cols
            Panels in a row.
        most
            How many parts are drawn, at most, if `features` does not say which; of several classes, `n_cols` of each.

        Raises
        ------
        InputError
            For features and targets that are not there, pairs without a product, and a fit in which nothing has an
            effect. Other errors are those of `predict`.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.estimators import CurvesDisplay
        >>> from edgewise.estimators import KANRegressor
        >>> x = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
        >>> model = KANRegressor(products=0).fit(x, x[:, 0] + 3 * x[:, 1] ** 2)
        >>> display = CurvesDisplay.from_estimator(model, x)
        >>> [ax.get_title(loc="left") for ax in display.axes_]
        ['$x_{2}$', '$x_{1}$']
        """
        check_is_fitted(estimator, "fits_")
        sums = [(t, k, label) for t, labels in enumerate(estimator._sums()) for k, label in enumerate(labels)]
        if target is not None and not is_int(target, 0, len(sums) - 1):
            raise InputError(f"'target' must be a number from 0 to {len(sums) - 1}. Got {target!r}.")
        drawn = [each for each in sums if each[0] == 0] if target is None else [sums[target]]
        number, several = drawn[0][0], len(drawn) > 1
        parts, rows = estimator._parts()[number], estimator._encode(X)
        found = [Effects(parts, estimator.encoder_, rows, output) for _, output, _ in drawn]
        columns, most = len(parts.columns), min(most, n_cols) if several else most
        chosen = _most_important(found, most) if features is None else [_part(each, found[0]) for each in features]
        effects = [each.of_column(k) if k < columns else each.of_pair(k - columns) for each in found for k in chosen]
        name = getattr(estimator, "_target", "target") if len(estimator.fits_) == 1 else f"target {number}"
        units = [f"adds to {parts.unit(name, str(label))}" for _, _, label in drawn for _ in chosen]
        return cls(effects, unit=units if several else units[0]).plot(ax=ax, n_cols=len(chosen) if several else n_cols)

    def plot(self, *, ax: Any = None, n_cols: int = 3) -> CurvesDisplay:
        """Draw the panels, and return the display.

        Parameters
        ----------
        ax
            Axes that the panels replace, or one for each panel; None for a new figure.
        n_cols
            Panels in a row.
        """
        from edgewise import plot

        self.axes_ = plot.effects(self.effects, self.unit, columns=n_cols, axes=ax)
        self.ax_ = self.axes_[0]
        figure = self.ax_.get_figure(root=True)
        assert figure is not None
        self.figure_ = figure
        return self

    def _repr_png_(self) -> Any:
        from edgewise import plot

        figure = getattr(self, "figure_", None)
        return figure._repr_png_() if isinstance(figure, plot.Picture) else None


def _most_important(found: Sequence[Effects], most: int) -> list[int]:
    """Return the numbers of the columns that matter most to some sums, and after them of pairs."""
    parts, shares = found[0].parts, np.mean([each.shares for each in found], 0)
    count = len(parts.columns)
    drawn = np.array([*range(count), *(count + k for k, group in enumerate(parts.groups) if len(group) == 2)])
    order = drawn[np.argsort(-shares[drawn], kind="stable")]
    visible = 0.002  # share of the variance from which a part is drawn unasked
    shown = [int(k) for k in order[:most] if shares[k] >= visible] or [int(order[0])]
    return sorted(shown, key=lambda k: k >= count)


def _part(feature: Feature, found: Effects) -> int:
    """Return the number of a column, or of a pair of columns."""
    if isinstance(feature, tuple):
        wanted = tuple(sorted(_column(each, found) for each in feature))
        pairs = [tuple(sorted(group)) for group in found.parts.groups]
        if len(wanted) != 2 or wanted not in pairs:
            raise InputError(f"There is no product of the pair {feature!r}: see edges_.")
        return len(found.parts.columns) + pairs.index(wanted)
    return _column(feature, found)


def _column(feature: Any, found: Effects) -> int:
    names = found.parts.columns
    if isinstance(feature, str):
        if feature not in names:
            raise unknown("column in 'features'", feature, names)
        return names.index(feature)
    if not is_int(feature, 0, len(names) - 1):
        raise InputError(f"'features' must hold names or positions from 0 to {len(names) - 1}. Got {feature!r}.")
    return int(feature)
