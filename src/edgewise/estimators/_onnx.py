"""Estimators in ONNX: the columns of a table, networks of them, and means or classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.interpret.export import OnnxGraph, OnnxValue, onnx_function, onnx_network
from edgewise.nn import KAN, clone, shift_outputs
from edgewise.tables.additive import (
    Accelerated,
    AdditiveFit,
    Cox,
    Curve,
    Design,
    Gap,
    Gaussian,
    Levels,
    LogLink,
    Ordered,
    Target,
)
from edgewise.tables.encoding import Category, Column, Encoder
from edgewise.tables.steps import Bins, StepModel

#: an empty cell of text, and what runtimes make of None, NaN, NA and NaT
_EMPTY = ("", "None", "nan", "<NA>", "NaT")


@dataclass(frozen=True)
class OnnxColumns:
    """The columns that an encoder knows, as inputs of a graph.

    `numbers` (rows, m) are those of numbers, dates and labels that are numbers, at `places` by column; `texts` the
    others, (rows, 1) each.
    """

    graph: OnnxGraph
    encoder: Encoder
    numbers: OnnxValue | None
    places: dict[int, int]
    texts: dict[int, OnnxValue]

    @classmethod
    def declared(cls, graph: OnnxGraph, encoder: Encoder, names: Sequence[str] | None) -> OnnxColumns:
        """Declare the inputs: `x` for columns without names that are all numbers, otherwise one for each column.

        `names` replace these names. Errors: InputError for another number of names, and for names that occur twice.
        """
        texts = [_holds_text(column) for column in encoder.columns]
        if not encoder.named and not any(texts):
            (name,) = _checked(names, ["x"])
            return cls(graph, encoder, graph.input(name, len(texts)), {k: k for k in range(len(texts))}, {})
        given = _checked(names, encoder.names)
        values = [graph.input(name, kind="text" if text else "number") for name, text in zip(given, texts, strict=True)]
        numeric = [k for k, text in enumerate(texts) if not text]
        numbers = graph.concat([values[k] for k in numeric]) if numeric else None
        places = {column: place for place, column in enumerate(numeric)}
        return cls(graph, encoder, numbers, places, {k: values[k] for k, text in enumerate(texts) if text})

    def values(self, design: Design) -> OnnxValue:
        """Return `design.values` less `centers`, (rows, inputs); numbers beyond the ends of a curve become its ends.

        Errors: InputError for levels that are equal in this precision.
        """
        parts, centers = list(enumerate(design.inputs)), self.centers(design)
        found: dict[tuple[int, ...], OnnxValue] = {}
        for name in ("raw", "log", "asinh"):
            curves = {k: part for k, part in parts if isinstance(part, Curve) and part.axis.name == name}
            if curves:
                found[(*curves,)] = self._curves(name, list(curves.values()), centers[[*curves]])
        gaps = {k: part.column for k, part in parts if isinstance(part, Gap)}
        if gaps:
            missing = self.graph.node("IsNaN", self._taken(list(gaps.values())))
            found[(*gaps,)] = self.graph.cast(missing)
        found |= {(k,): self._levels(part) for k, part in parts if isinstance(part, Levels)}
        if not found:
            return self.graph.full(self._one, np.zeros(1))
        order = [k for group in found for k in group]
        joined = self.graph.concat(list(found.values()))
        return joined if order == sorted(order) else self.graph.columns(joined, np.argsort(order).tolist())

    def steps(self, model: StepModel) -> OnnxValue:
        """Return the sum of tables of steps at the rows, (rows, outputs)."""
        tables = [np.reshape(table.values, (-1, len(model.intercept))) for table in model.tables]
        if not tables:
            return self.graph.full(self._one, model.intercept)
        begins = np.cumsum([0, *map(len, tables)])
        places: dict[tuple[int, Bins], OnnxValue] = {}
        cells = []
        for table, begin in zip(model.tables, begins, strict=False):
            strides = np.cumprod([1, *table.values.shape[-2:0:-1]])[::-1]
            cell = None
            for column, bins, stride in zip(table.columns, table.bins, strides, strict=True):
                if (column, bins) not in places:
                    places[column, bins] = self._place(column, bins)
                part = self.graph.node("Mul", places[column, bins], np.array([int(stride)]))
                cell = part if cell is None else self.graph.node("Add", cell, part)
            cells.append(self.graph.node("Add", cell, np.array([int(begin)])))
        found = self.graph.node("Gather", np.concatenate(tables), self.graph.concat(cells), axis=0)
        return self.graph.sum(found, axis=1) + model.intercept

    def _place(self, column: int, bins: Bins) -> OnnxValue:
        """Return `Bins.places` of a column, whole numbers (rows, 1)."""
        graph, kind = self.graph, self.encoder.columns[column]
        if not bins.levels:
            x = self._taken([column])
            passed = graph.cast(x > _below(np.array(bins.cuts), graph.dtype), np.int64)
            place = graph.node("ReduceSum", passed, np.array([1]), keepdims=1) if bins.cuts else graph.cast(x * 0, int)
            return graph.where(graph.node("IsNaN", x), np.array(0), graph.node("Add", place, np.array([1])))
        assert isinstance(kind, Category)
        numbers = 1 + np.arange(len(kind.levels))
        gap = len(kind.levels) + 1 if kind.gap else 0
        numbers, gap = np.where(numbers <= bins.levels, numbers, 0), gap if gap <= bins.levels else 0
        if column in self.texts:
            empty = [text for text in _EMPTY if text not in kind.levels]
            labels, numbers = np.array([*kind.levels, *empty]), np.append(numbers, np.repeat(gap, len(empty)))
            return graph.cast(graph.cast(self.texts[column].equal(labels)) @ numbers.astype(float)[:, None], np.int64)
        x = self._taken([column])
        levels = self._rounded(np.array([float(label) for label in kind.levels]), kind)
        place = graph.cast(graph.cast(x.equal(levels)) @ numbers.astype(float)[:, None], np.int64)
        return graph.where(graph.node("IsNaN", x), np.array(gap), place)

    def centers(self, design: Design) -> Array:
        """Return what `values` leaves out of each input, (inputs,): means of curves, zero for levels and gaps.

        They are rounded to what the precision holds exactly, so that differences keep their digits.
        """
        return self._exact(np.array([part.fill if isinstance(part, Curve) else 0.0 for part in design.inputs]))

    @property
    def _one(self) -> OnnxValue:
        """One of the inputs, for the number of rows."""
        return self.numbers if self.numbers is not None else next(iter(self.texts.values()))

    def _taken(self, columns: Sequence[int]) -> OnnxValue:
        """Return columns of numbers, (rows, len(columns))."""
        assert self.numbers is not None
        chosen = [self.places[column] for column in columns]
        return self.numbers if chosen == list(range(len(self.places))) else self.graph.columns(self.numbers, chosen)

    def _curves(self, name: str, curves: Sequence[Curve], centers: Array) -> OnnxValue:
        """Return what `Curve.value` does of curves on one kind of axis, less their centers, (rows, curves)."""
        graph, axes = self.graph, [curve.axis for curve in curves]
        x = self._taken([curve.column for curve in curves])
        scale, shift, middle, width = np.array([[a.scale, a.shift, a.center, a.width] for a in axes]).T
        if name == "raw":
            moved = x - centers
        elif name == "log":
            factor = np.exp(-centers)
            moved = graph.node("Log", graph.node("Max", x * (factor / scale) + shift * factor, 0.0))
        else:  # the middle in two parts, so that the difference has all digits
            near = self._exact(middle * scale)
            moved = onnx_function("asinh", ((x - near) - (middle * scale - near)) * (1 / (width * scale))) - centers
        low, high = np.array([curve.ends for curve in curves]).T - centers
        fill = np.array([curve.fill for curve in curves]) - centers
        return graph.where(graph.node("IsNaN", x), fill, graph.node("Min", graph.node("Max", moved, low), high))

    def _levels(self, part: Levels) -> OnnxValue:
        """Return what `Levels.value` does, (rows, 1): one comparison for each label."""
        column = self.encoder.columns[part.column]
        if not isinstance(column, Category):
            x = self._taken([part.column])
            return self._numbered(part, x, self._rounded(part.values, column), part.value(part.values))
        codes = part.value(np.arange(len(column.levels), dtype=float))
        gap = part.value(np.array([len(column.levels) if column.gap else np.nan]))
        if part.column in self.texts:
            empty = [text for text in _EMPTY if text not in column.levels]
            labels = np.array([*column.levels, *empty])
            return self._numbered(part, self.texts[part.column], labels, np.append(codes, np.repeat(gap, len(empty))))
        x = self._taken([part.column])
        levels = self._rounded(np.array([float(label) for label in column.levels]), column)
        return self.graph.where(self.graph.node("IsNaN", x), gap, self._numbered(part, x, levels, codes))

    def _numbered(self, part: Levels, x: OnnxValue, labels: Array, numbers: Array) -> OnnxValue:
        """Return the number of the label that x (rows, 1) is, and that of a level never seen if it is none."""
        unknown = float(len(part.values))
        return self.graph.cast(x.equal(labels)) @ (numbers - unknown)[:, None] + unknown

    def _rounded(self, labels: Array, column: Column) -> Array:
        with np.errstate(over="ignore"):
            rounded = labels.astype(self.graph.dtype)
        if len(np.unique(rounded[np.isfinite(rounded)])) < len(labels):
            raise InputError(
                f"Column {column.name!r} has levels that {self.graph.dtype.name} does not tell apart. "
                "Use dtype='float64'."
            )
        return rounded

    def _exact(self, values: Array) -> Array:
        """Return the numbers of the precision next to some values, zero for those beyond it."""
        with np.errstate(over="ignore"):
            rounded = values.astype(self.graph.dtype).astype(float)
        return np.where(np.isfinite(rounded), rounded, 0.0)


def _below(values: Array, dtype: np.dtype) -> Array:
    """Return the largest numbers of a precision that are not above some values."""
    with np.errstate(over="ignore"):
        rounded = values.astype(dtype)
    return np.where(rounded.astype(float) > values, np.nextafter(rounded, dtype.type(-np.inf)), rounded)


def _holds_text(column: Column) -> bool:
    """Return whether the cells of a column are texts. Errors: InputError for levels of texts and of numbers."""
    kinds = {isinstance(label, str) for label in column.levels} if isinstance(column, Category) else {False}
    if len(kinds) > 1:
        raise InputError(
            f"Column {column.name!r} has levels of text and of numbers, and an input in ONNX holds one kind. "
            "Make them texts before fitting."
        )
    return kinds == {True}


def _checked(names: Sequence[str] | None, own: list[str]) -> list[str]:
    if names is None:
        return own
    if isinstance(names, str) or len(names) != len(own):
        raise InputError(f"'names' must be {len(own)} texts, for the inputs {', '.join(own[:8])}. Got {names!r:.100}.")
    return list(names)


def write_regressor(
    graph: OnnxGraph, encoder: Encoder, fits: Sequence[AdditiveFit], networks: Sequence[KAN],
    names: Sequence[str] | None = None, *, ascending: bool = False,
) -> None:  # fmt: skip
    """Write the mean of each target: the output `y` (rows, targets); `ascending`: in ascending order in each row.

    Errors: InputError for names that do not fit, and for numbers that the graph's precision does not hold.
    """
    columns = OnnxColumns.declared(graph, encoder, names)
    means = [_mean(fit, made, columns) for fit, made in zip(fits, networks, strict=True)]
    for turn in range(len(means) if ascending else 0):
        for k in range(turn % 2, len(means) - 1, 2):
            means[k : k + 2] = [graph.node(operator, *means[k : k + 2]) for operator in ("Min", "Max")]
    graph.output("y", graph.concat(means), width=len(means))


def write_classifier(
    graph: OnnxGraph, encoder: Encoder, fit: AdditiveFit, made: KAN, classes: Array, names: Sequence[str] | None = None
) -> None:  # fmt: skip
    """Write the most probable class, `label` (rows,), and all `probabilities` (rows, classes).

    Errors: InputError for names that do not fit, for numbers that the graph's precision does not hold, and for classes
    that are neither texts nor whole numbers.
    """
    columns = OnnxColumns.declared(graph, encoder, names)
    eta = _eta(fit, made, columns)
    if isinstance(fit.family, Ordered):
        assert fit.family.thresholds is not None
        until = onnx_function("sigmoid", np.array(fit.family.thresholds) - eta)
        edges = graph.concat([eta * 0.0, until, eta * 0.0 + 1.0])
        numbers = list(range(len(classes)))
        chances = graph.columns(edges, [k + 1 for k in numbers]) - graph.columns(edges, numbers)
    elif len(classes) == 2:
        second = _bounded(onnx_function("sigmoid", eta), fit)
        chances = graph.concat([1 - second, second])
    else:
        chances = graph.node("Softmax", eta, axis=1)
    labels = _labels(classes)
    label = graph.node("Gather", labels, graph.node("ArgMax", chances, axis=1, keepdims=0))
    graph.output("label", label, kind="integer" if labels.dtype == np.int64 else "text")
    graph.output("probabilities", chances, width=len(classes))


def _labels(classes: Array) -> Array:
    """Return classes as texts or int64, truth values as 0 and 1."""
    if all(isinstance(label, str) for label in classes):
        return np.array([str(label) for label in classes])
    if classes.dtype.kind in "biuf":
        whole = classes.astype(np.int64)
        if (whole == classes).all():
            return whole
    raise InputError(f"Classes in ONNX are texts or whole numbers (int64). Got {classes[-1]!r}.")


def _mean(fit: AdditiveFit, made: KAN, columns: OnnxColumns) -> OnnxValue:
    """Return what `AdditiveFit.predict` does, (rows, 1)."""
    if isinstance(fit.family, Gaussian):
        return _smeared(fit, _eta(fit, made, columns))
    if fit.family.is_location:
        return _backward(fit.target, _eta(fit, made, columns))
    if isinstance(fit.family, Cox | Accelerated):
        eta = _eta(fit, made, columns)
        return eta * float(fit.family.mean(np.ones((1, 1)))[0, 0])
    assert isinstance(fit.family, LogLink)
    start = fit.model.intercept  # apart, so that the exponent is small and keeps its digits
    eta = _eta(fit, shift_outputs(made, torch.as_tensor(-start)), columns)
    return _bounded(eta.graph.node("Exp", eta) * np.exp(start), fit)


def _eta(fit: AdditiveFit, made: KAN, columns: OnnxColumns) -> OnnxValue:
    """Return the sum of a fit, (rows, outputs): a network of the values of its design, and steps.

    Knots are moved with the values.
    """
    moved, centers = clone(made), columns.centers(fit.design)
    if len(centers):
        layer = moved.layers[0]
        layer.knots = layer.knots - torch.as_tensor(centers)[:, None]
    smooth = onnx_network(moved, columns.values(fit.design))
    return smooth if fit.model.steps is None else smooth + columns.steps(fit.model.steps)


def _bounded(mean: OnnxValue, fit: AdditiveFit) -> OnnxValue:
    """Return the mean of a family, within the bounds that it has for any eta."""
    low, high = fit.family.mean(np.array([[-np.inf], [np.inf]]))[:, -1]
    return mean.graph.node("Min", mean.graph.node("Max", mean, np.array(low)), np.array(high))


def _smeared(fit: AdditiveFit, eta: OnnxValue) -> OnnxValue:
    """Return what `Target.mean` does of eta (rows, 1)."""
    middle = _backward(fit.target, eta)
    if fit.target.name == "identity":
        return middle
    errors = fit.target.errors(fit.residual)
    more = _backward(fit.target, eta + errors) - middle  # so that a sum of many alike loses no digits
    return middle + more @ np.full((len(errors), 1), 1 / len(errors))


def _backward(target: Target, eta: OnnxValue) -> OnnxValue:
    """Return what `Target.backward` does, elementwise."""
    graph = eta.graph
    if target.name == "log":
        return graph.node("Min", graph.node("Exp", eta * target.scale) * np.exp(target.center), target.largest)
    mapped = eta * target.scale + target.center
    if target.name == "identity":
        return mapped
    half = graph.node("Max", graph.node("Min", mapped, 2 * np.sqrt(target.largest)), 0.0) / 2
    return half * half
