"""The columns of a table in ONNX: inputs of a file, and what a network is given for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.interpret.export import OnnxGraph, OnnxValue, onnx_function
from edgewise.tables.additive import Curve, Design, Gap, Levels
from edgewise.tables.encoding import Category, Column, Encoder

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

        Errors: InputError for levels that the precision does not tell apart.
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
