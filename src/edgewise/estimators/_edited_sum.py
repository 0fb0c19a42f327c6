"""What an edit does to the sum of a fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions, Means
from edgewise.estimators._edit import Edit
from edgewise.tables.additive import (
    AdditiveFit,
    AdditiveModel,
    Curve,
    Levels,
    between,
    control_points,
    moved,
    weights_of,
    with_room,
    with_table,
)
from edgewise.tables.encoding import Category, Column, Dates, Encoder
from edgewise.tables.steps import Bins, StepTable

_FAINT = 1e-9  # weight of a control point or cell without rows, of that of a row


@dataclass(frozen=True)
class EditedSum:
    """The sum of a fit, of which edits change contributions and leave the baseline: of its model and means.

    Numbers are in the units of `fit.model`. `x` (n, p) and `weights` (n,) are the rows that means are taken over.
    """

    fit: AdditiveFit
    means: Means
    encoder: Encoder
    x: Array
    weights: Array

    @property
    def model(self) -> AdditiveModel:
        return self.fit.model

    @cached_property
    def parts(self) -> Contributions:
        """The parts of the sum."""
        return Contributions(self.fit, self.encoder.names, self.means)

    def after(self, edit: Edit, outputs: list[int]) -> EditedSum:
        """Return the sum after an edit of some outputs. Errors: InputError for an edit that does not fit the part."""
        place = self.parts.names().index(edit.part)
        if edit.change == "removed":
            return self._without(place, outputs)
        if place >= len(self.encoder.columns):
            raise InputError(f"Only columns take the change {edit.change!r}. {edit.part!r} can be 'removed'.")
        column = self.encoder.columns[place]
        if isinstance(column, Category) or edit.levels:
            return self._at_levels(edit, place, column, outputs)
        return self._between(edit, place, column, outputs)

    def contributions(self, x: Array, column: int) -> Array:
        """Return what a column adds at rows x (n, p), (n, K), about its mean."""
        total = np.zeros((len(x), self.model.outputs))
        inputs = zip(self.model.design.inputs, self.means.features, self.model.beta, strict=True)
        for part, mean, beta in inputs:
            if part.column == column:
                total += (part.features(x[:, column]) - mean) @ beta
        for table, middle in zip(self.model.steps.tables if self.model.steps else (), self.means.steps, strict=True):
            if table.columns == (column,):
                total += table.at(x) - middle
        return total

    def _with(self, model: AdditiveModel, means: Means | None = None) -> EditedSum:
        means = self.means if means is None else means
        count = len(model.steps.tables) if model.steps else 0
        more = [np.zeros(model.outputs)] * (count - len(means.steps))  # of tables that are new, which come last
        fit = replace(self.fit, model=model)
        return replace(self, fit=fit, means=replace(means, steps=(*means.steps, *more)))

    def _number(self, kind: type, column: int) -> int | None:
        """Return the number of the curve, or effects of levels, of a column."""
        inputs = self.model.design.inputs
        found = [k for k, part in enumerate(inputs) if isinstance(part, kind) and part.column == column]
        return found[0] if found else None

    def _at_levels(self, edit: Edit, place: int, column: Column, outputs: list[int]) -> EditedSum:
        """Return the sum with other effects of some levels, by a table of one column that is added."""
        codes = _codes(edit, column)
        at = np.full((len(codes), self.x.shape[1]), np.nan)
        at[:, place] = codes
        before = self.contributions(at, place)
        rows = np.array([self.weights[_same(self.x[:, place], code)].sum() for code in codes])
        if edit.change == "raised":
            change = np.full_like(before, (edit.amount or 0.0) / self.fit.target.scale)
        elif edit.change == "fixed":
            change = (edit.amount or 0.0) / self.fit.target.scale - before
        elif edit.change in ("flat", "equal"):
            change = np.average(before, axis=0, weights=np.maximum(rows, _FAINT)) - before
        else:
            raise InputError(f"Levels have no order, so {edit.part!r} cannot be made {edit.change}.")
        bins = Bins(levels=len(column.labels)) if isinstance(column, Category) else Bins()
        values = np.zeros((bins.size, self.model.outputs))
        values[np.ix_(bins.places(codes), np.array(outputs))] = change[:, outputs]
        return self._with(with_table(self.model, StepTable((place,), (bins,), values)))

    def _between(self, edit: Edit, place: int, column: Column, outputs: list[int]) -> EditedSum:
        """Return the sum with another curve, other steps and no effects of single values in an interval."""
        number = self._number(Curve, place)
        if number is None:
            raise InputError(f"{edit.part!r} has no curve: the column was constant.")
        if sum(isinstance(part, Curve) and part.column == place for part in self.model.design.inputs) > 1:
            raise InputError(f"{edit.part!r} has a line and a curve on another axis, which cannot be edited together.")
        low, high, inside = self._interval(edit, place, column)
        room = self._with(with_room(self.model, number, (low, high)), self._widened(number))
        added = (edit.amount or 0.0) / self.fit.target.scale
        if edit.change == "raised":
            return room._moved(number, low, high, lambda points, weights: points + added, outputs)
        before = self.contributions(self.x, place)
        room = room._without_values(place, inside, outputs)
        if edit.change in ("rising", "falling"):
            sign = 1 if edit.change == "rising" else -1

            def monotone(points: Array, weights: Array) -> Array:
                return sign * isotonic_regression(sign * points, weights=weights).x

            return room._moved(number, low, high, monotone, outputs)._stepped(place, (low, high), before, outputs, sign)
        if edit.change == "flat":
            levels = np.average(before[inside], axis=0, weights=self.weights[inside])
        else:
            levels = np.full(self.model.outputs, added)
        for k in outputs:
            room = room._moved(number, low, high, lambda points, _, level=levels[k]: np.full_like(points, level), [k])
        return room._stepped(place, (low, high), before, outputs, 0)

    def _interval(self, edit: Edit, place: int, column: Column) -> tuple[float, float, Array]:
        """Return the ends of an interval, infinite beyond the rows, and which rows are in it."""
        x = self.x[:, place]
        low = _number_of(edit.low, column, -np.inf)
        high = _number_of(edit.high, column, np.inf)
        inside = (x >= low) & (x <= high)
        if not low < high or not inside.any():
            raise InputError(f"No rows of {edit.part!r} are between {edit.low} and {edit.high}: widen the interval.")
        seen = x[np.isfinite(x)]
        return low if low > seen.min() else -np.inf, high if high < seen.max() else np.inf, inside

    def _widened(self, number: int) -> Means:
        """Return the means with those of functions that are changed by hand, which are zero."""
        part = self.model.design.inputs[number]
        if isinstance(part, Curve) and part.by_hand:
            return self.means
        features = list(self.means.features)
        features[number] = np.append(features[number], np.zeros(self.model.outputs))
        return replace(self.means, features=tuple(features))

    def _moved(self, number: int, low: float, high: float, to: Any, outputs: list[int]) -> EditedSum:
        """Return the sum whose curve has the control points `to(points, weights)` in an interval."""
        part = self.model.design.inputs[number]
        assert isinstance(part, Curve)
        own = [k for k, each in enumerate(self.model.design.inputs) if each.column == part.column]
        points = control_points(self.model, number)  # of contributions at numbers, but for steps
        points = points - sum(self.means.features[k] @ self.model.beta[k] for k in own)
        weights = weights_of(part, self.x[:, part.column], self.weights) + _FAINT
        inside, change = between(part, low, high), np.zeros_like(points)
        for k in outputs:
            change[inside, k] = to(points[inside, k], weights[inside]) - points[inside, k]
        return self._with(moved(self.model, number, change))

    def _without_values(self, place: int, inside: Array, outputs: list[int]) -> EditedSum:
        """Return the sum without effects of single values that rows of an interval have; other values keep theirs."""
        number, curve = self._number(Levels, place), self._number(Curve, place)
        if number is None or curve is None:
            return self
        part, beta = self.model.design.inputs[number], list(self.model.beta)
        gone = part.features(self.x[inside, place]).any(0)
        lost = np.zeros_like(beta[number])
        for k in outputs:
            lost[gone, k] = beta[number][gone, k]
        beta[number] = beta[number] - lost
        mean = self.means.features[number] @ lost
        model = replace(self.model, beta=tuple(beta), intercept=self.model.intercept + mean)
        change = np.tile(-mean, (len(control_points(model, curve)), 1))
        return self._with(moved(model, curve, change))

    def _stepped(
        self, place: int, ends: tuple[float, float], before: Array, outputs: list[int], sign: int
    ) -> EditedSum:  # fmt: skip
        """Return the sum whose steps of a column add nothing in an interval, or what makes it rise or fall with `sign`.

        `before` (n, K) is what the column added at the rows. Of steps that rise, isotonic regression finds those that
        bring the curve closest to it.
        """
        steps = self.model.steps
        found = [k for k, table in enumerate(steps.tables) if table.columns == (place,)] if steps else []
        if steps is None or not found:
            return self
        table = steps.tables[found[0]]
        fine = Bins((*((float(np.nextafter(ends[0], -np.inf)),) if np.isfinite(ends[0]) else ()),
                     *((ends[1],) if np.isfinite(ends[1]) else ())))  # fmt: skip
        bins = (table.bins[0].refined(fine),)
        table = table.on(bins)
        middle, x = self.means.steps[found[0]], self.x[:, place]
        cuts = np.array([-np.inf, *bins[0].cuts, np.inf])
        own = 1 + np.flatnonzero((cuts[1:] > ends[0]) & (cuts[:-1] < ends[1]))
        values = table.values.copy()
        for k in outputs:
            values[own, k] = middle[k]
            if sign:
                left = before[:, k] - (self.contributions(self.x, place)[:, k] - (table.at(self.x)[:, k] - middle[k]))
                cells = np.where(np.isfinite(x), bins[0].places(x), 0)
                rows = np.bincount(cells, self.weights, bins[0].size)[own] + _FAINT
                sums = np.bincount(cells, self.weights * left, bins[0].size)[own]
                sums += _FAINT * (table.values[own, k] - middle[k])
                values[own, k] += sign * isotonic_regression(sign * sums / rows, weights=rows).x
        tables = list(steps.tables)
        tables[found[0]] = replace(table, values=values)
        return self._with(replace(self.model, steps=replace(steps, tables=tuple(tables))))

    def _without(self, place: int, outputs: list[int]) -> EditedSum:
        """Return the sum in which a part counts with its mean."""
        model, means, columns = self.model, self.means, len(self.encoder.columns)
        intercept, beta = model.intercept.copy(), [own.copy() for own in model.beta]
        if place >= columns + len(self.parts.groups):
            everything = replace(model, hidden=None, intercept=intercept + means.hidden)
            return self._with(everything, replace(means, hidden=0.0))
        group = (place,) if place < columns else self.parts.groups[place - columns]
        for k, part in enumerate(model.design.inputs):
            if (part.column,) == group:
                intercept[outputs] += (means.features[k] @ beta[k])[outputs]
                beta[k][:, outputs] = 0.0
        products = {pair: own.copy() for pair, own in model.products.items()}
        for pair, columns_of in zip(model.products, self.parts.pairs, strict=True):
            if columns_of == group:
                intercept[outputs] += means.products[pair][outputs]
                products[pair][:, outputs] = 0.0
                means = replace(means, products=means.products | {pair: _zeroed(means.products[pair], outputs)})
        left = replace(model, intercept=intercept, beta=tuple(beta), products=products)
        return self._with(left, means)._without_steps(tuple(sorted(group)), outputs)

    def _without_steps(self, group: tuple[int, ...], outputs: list[int]) -> EditedSum:
        steps = self.model.steps
        if steps is None:
            return self
        tables = list(steps.tables)
        for k, table in enumerate(tables):
            if table.columns == group:
                values = table.values.copy()
                values[..., outputs] = self.means.steps[k][outputs]
                tables[k] = replace(table, values=values)
        return self._with(replace(self.model, steps=replace(steps, tables=tuple(tables))))


def _zeroed(mean: Array, outputs: list[int]) -> Array:
    left = mean.copy()
    left[outputs] = 0.0
    return left


def _same(values: Array, code: float) -> Array:
    return np.isnan(values) if np.isnan(code) else values == code


def _codes(edit: Edit, column: Column) -> Array:
    """Return the codes of the levels of an edit; of a number NaN, its gap."""
    if not isinstance(column, Category):
        if edit.levels != (None,):
            raise InputError(f"{edit.part!r} holds numbers: give 'low' and 'high', or levels=(None,) for gaps.")
        return np.array([np.nan])
    if not edit.levels:
        raise InputError(f"{edit.part!r} is a category: list the 'levels' to change.")
    exact = {label: k for k, label in enumerate(column.labels)}
    texts = {str(label): k for k, label in enumerate(column.labels) if label is not None}
    found = [exact.get(level, texts.get(str(level))) for level in edit.levels]
    if None in found:
        raise unknown(f"level of {edit.part!r}", str(edit.levels[found.index(None)]), [*texts])
    return np.array(found, dtype=float)


def _number_of(end: float | str | None, column: Column, nothing: float) -> float:
    """Return an end of an interval as the number that the column has there. Errors: InputError."""
    if end is None:
        return nothing
    try:
        if isinstance(end, str) and isinstance(column, Dates) and column.kind == "date":
            return float(np.datetime64(end, "s").astype(float)) / 86400.0
        return float(end)
    except (TypeError, ValueError):
        raise InputError(f"An end of an interval of {column.name!r} must be a number or a date. Got {end!r}.") from None
