"""The rows of a table that a stated formula is fitted to: its columns, the target, weights and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.discovery.mixed import label_of
from edgewise.discovery.residuals import Repeated
from edgewise.formulas.expressions import FitData
from edgewise.tables.encoding import Category, Dates, Encoder, as_array, is_frame
from edgewise.tables.io import limits_of

FEWEST_GROUPS = 3  # for standard errors that allow for clusters


@dataclass(frozen=True)
class Columns:
    """A table column by column, as it came: a frame, a mapping from names to columns, or an array with `names`."""

    table: Any
    names: tuple[str, ...]

    @classmethod
    def of(cls, x: Any, names: Sequence[str] | None = None) -> Columns:
        """Return the columns of a table; those of an array are x1, x2, ... unless they are named.

        Errors: InputError for names that do not fit, and for what is no table.
        """
        if is_frame(x) or isinstance(x, Mapping):
            listed: Any = x.columns if is_frame(x) else x  # type: ignore[union-attr]
            own = [str(name) for name in listed]
        else:
            x = as_array(x.to_numpy() if hasattr(x, "to_numpy") else x)
            x = np.asarray(x)
            x = x[:, None] if x.ndim == 1 else x
            if x.ndim != 2:
                raise InputError(f"'x' must be a table of rows and columns. Got the shape {x.shape}.")
            own = [f"x{k + 1}" for k in range(x.shape[1])]
        named = own if names is None else [names] if isinstance(names, str) else list(names)
        if len(named) != len(own) or len({*named}) < len(named) or not all(isinstance(n, str) and n for n in named):
            raise InputError(f"'names' must hold {len(own)} different names, one for each column of x. Got {named!r}.")
        return cls(x, tuple(named))

    def cells(self, name: str) -> Any:
        """Return a column by name as it came."""
        if name not in self.names:
            raise unknown("column", name, self.names)
        place = self.names.index(name)
        if is_frame(self.table):
            return self.table[self.table.columns[place]]
        return list(self.table.values())[place] if isinstance(self.table, Mapping) else self.table[:, place]

    def repeated(self, kept: Array) -> dict[str, Repeated]:
        """Return the columns whose values may be labels, for the rows `kept` (m,)."""
        pd = needed("pandas")

        found: dict[str, Repeated | None] = {}
        for name in self.names:
            cells = pd.Series(np.asarray(as_array(self.cells(name))).reshape(-1))
            if len(cells) <= kept.max(initial=-1) or cells.dtype.kind in "Mm":
                continue
            text = cells.dtype.kind not in "biuf"
            codes = np.asarray(pd.factorize(cells)[0] if text else cells, dtype=np.float64)
            found[name] = Repeated.of(np.where(codes < 0, np.nan, codes)[kept] if text else codes[kept], text)
        return {name: column for name, column in found.items() if column is not None}

    def numbers(self, given: Any, what: str) -> Array:
        """Return a column (n,), by name or as it came, as doubles with nan at gaps.

        Errors: InputError for text, dates, infinities, and columns that are not there.
        """
        pd = needed("pandas")

        called = given if isinstance(given, str) else what
        cells = self._aligned(given)
        values = as_array(cells.to_numpy() if hasattr(cells, "to_numpy") else cells)
        values = np.asarray(values)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1 or not len(values):
            raise InputError(f"{called!r} must be one column of numbers. Got the shape {values.shape}.")
        frame = pd.DataFrame({called: values})
        encoder = Encoder.learn(frame)
        if isinstance(encoder.columns[0], Category):
            raise InputError(
                f"Column {called!r} holds text, as {str(values[0])!r}. Use a column of 1 and 0, like "
                f"x[{called!r}] == {str(values[0])!r}, or fit the rows of each text on their own."
            )
        if isinstance(encoder.columns[0], Dates):
            raise InputError(f"Column {called!r} holds dates. Pass numbers, such as the days since the first date.")
        return encoder.encode(frame)[:, 0]

    def filled(self, given: Any, what: str) -> Array:
        """Return a column (n,) by name or as it came, or a number for all rows."""
        if is_number(given):
            return np.full(len(self.cells(self.names[0])), float(given))
        return self.numbers(given, what)

    def positions(self, given: Any, what: str) -> Array:
        """Return a column (n,) of numbers, or of dates as days, by name or as it came."""
        cells = np.asarray(as_array(self._aligned(given)))
        if cells.dtype.kind == "M":
            days = cells.astype("datetime64[us]").astype(np.float64) / 8.64e10
            return np.where(np.isnat(cells), np.nan, days)
        return self.numbers(given, what)

    def limits(self, given: Any) -> tuple[Array, Array] | None:
        """Return what each value of a column of text lies between, as "<0.05" says it; None where no cell does.

        Ends without a limit are infinite. Errors: InputError for a column that does not exist.
        """
        cells = np.asarray(as_array(self._aligned(given)))
        return limits_of(cells) if cells.dtype.kind in "OSUT" and cells.ndim == 1 else None

    def _aligned(self, given: Any) -> Any:
        """Return a column by name or as it came; a Series whose index is a permutation of the table's, in its order."""
        if isinstance(given, str):
            return self.cells(given)
        index = getattr(self.table, "index", None)
        if index is None or not hasattr(given, "iloc") or len(given) != len(index) or given.index.equals(index):
            return given
        permuted = given.index.is_unique and not given.index.symmetric_difference(index).size
        return given.loc[index] if permuted else given

    def labeled(self, given: Any, rows: int) -> list[Any]:
        """Return the cells of a column of labels, by name or as it came, one for each of the rows.

        Errors: InputError for another number of them.
        """
        cells = np.asarray(as_array(self._aligned(given))).reshape(-1)
        if len(cells) != rows:
            raise InputError(f"'groups' must have a label for each of the {rows} rows. Got {len(cells)}.")
        return cells.tolist()

    def labels(self, given: Any) -> tuple[Array, tuple[str, ...]]:
        """Return numbers (n,) of groups, -1 at gaps, and their names, for a column of labels by name or as it came."""
        pd = needed("pandas")

        cells = self._aligned(given)
        codes, names = pd.factorize(pd.Series(np.asarray(as_array(cells)).reshape(-1)))
        return codes, tuple(map(label_of, names))


@dataclass(frozen=True)
class Rows:
    """Complete rows: inputs x (n, m) by `names`, y (n,), weights of residuals (n,), and groups (n,) or None.

    `kept` (n,) are their numbers in the table given, `notes` say what was left out. `labels` are the names of the
    groups in the column `grouped`; without groups, `repeated` are columns that may be labels of repeated rows.
    """

    names: tuple[str, ...]
    target: str
    x: Array
    y: Array
    weight: Array
    groups: Array | None
    kept: Array
    notes: tuple[str, ...] = ()
    grouped: str = ""
    labels: tuple[str, ...] = ()
    repeated: Mapping[str, Repeated] = field(default_factory=dict, repr=False)
    extra: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(
        cls, columns: Columns, used: Sequence[str], y: Any, sigma: Any = None, weights: Any = None, groups: Any = None,
        extra: Mapping[str, Array] | None = None,
    ) -> Rows:  # fmt: skip
        """Return the rows without gaps in the columns that are `used`, the target, and what is said of rows.

        Errors: InputError for columns of different lengths, weights that are not positive, and those of `Columns`.
        """
        target = y if isinstance(y, str) else str(getattr(y, "name", None) or "y")
        numbers = {name: columns.numbers(name, name) for name in used}
        numbers |= extra or {}
        numbers["y"] = columns.numbers(y, target)
        for what, given in (("sigma", sigma), ("weights", weights)):
            if given is not None:
                numbers[what] = columns.numbers(given, what)
        codes, labels = (None, ()) if groups is None else columns.labels(groups)
        lengths = {name: len(values) for name, values in numbers.items()}
        lengths |= {} if codes is None else {"groups": len(codes)}
        if len({*lengths.values()}) > 1:
            raise InputError(f"x, y and what is said of rows must have equally many rows. Got {lengths}.")
        gaps = {name: np.isnan(values) for name, values in numbers.items()}
        gaps |= {} if codes is None else {"groups": codes < 0}
        lacking = np.any(list(gaps.values()), axis=0)
        kept = np.flatnonzero(~lacking)
        notes = ()
        if lacking.any():
            where = ", ".join(
                f"{(target if name == 'y' else name)!r} in {int(gap.sum())}" for name, gap in gaps.items() if gap.any()
            )
            count = int(lacking.sum())
            notes = (f"{count} row{'s' * (count > 1)} of {len(lacking)} left out: values are missing ({where}).",)
        weight = _weight(numbers.get("sigma"), numbers.get("weights"), kept)
        x = np.column_stack([numbers[name][kept] for name in used])
        own = None if codes is None else codes[kept]
        more = {name: numbers[name][kept] for name in extra or {}}
        grouped = groups if isinstance(groups, str) else str(getattr(groups, "name", None) or "groups")
        found = cls(tuple(used), target, x, numbers["y"][kept], weight, own, kept, notes, grouped, labels, extra=more)
        found = found.only(weight > 0) if (weight == 0).any() else found
        return found._numbered() if groups is not None else replace(found, repeated=columns.repeated(found.kept))

    @cached_property
    def data(self) -> FitData:
        """The rows prepared for a fit, with weights that make the root of the sum of squares a relative error."""
        return FitData.of(self.names, self.x, self.y, self.weight)

    @property
    def factor(self) -> float:
        """What the weights of `data` are, over those of the rows."""
        return float(self.data.weight.max() / self.weight.max())

    def _numbered(self) -> Rows:
        """Return the rows with groups numbered without those that have no row."""
        assert self.groups is not None
        there, codes = np.unique(self.groups, return_inverse=True)
        return replace(self, groups=codes, labels=tuple(self.labels[k] for k in there))

    def measured(self, y: Array, weight: Array) -> Rows:
        """Return the rows with other values of the target (n,), and other weights (n,)."""
        return replace(self, y=y, weight=weight)

    def only(self, keep: Array) -> Rows:
        """Return some of the rows; those left out have no weight."""
        count = int((~keep).sum())
        note = f"{count} row{'s' * (count > 1)} of {len(keep)} left out: the weight is 0."
        groups = None if self.groups is None else self.groups[keep]
        return replace(
            self, x=self.x[keep], y=self.y[keep], weight=self.weight[keep], groups=groups, kept=self.kept[keep],
            notes=(*self.notes, note), extra={name: values[keep] for name, values in self.extra.items()},
        )  # fmt: skip


def _weight(sigma: Array | None, weights: Array | None, kept: Array) -> Array:
    """Return what multiplies residuals: sqrt(weights) / sigma."""
    few = 3  # weights that are positive, at least
    weight = np.ones(len(kept))
    if weights is not None:
        given = weights[kept]
        if (given < 0).any() or np.count_nonzero(given) < min(few, len(given)):
            raise InputError(f"'weights' must not be negative, and positive on {few} rows. Least: {given.min():g}.")
        weight = np.sqrt(given)
    if sigma is not None:
        given = sigma[kept]
        if not (given > 0).all():
            bad = int(np.argmax(given <= 0))
            raise InputError(f"'sigma' must hold positive standard errors. Got {given[bad]:g} in row {kept[bad]}.")
        weight = weight / given
    return weight
