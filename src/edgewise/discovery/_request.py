"""What a discovery is asked to explain: a table for each target, from x and y as they come, with weights and units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._renamed import renamed
from edgewise._typing import Array
from edgewise.discovery.knowledge import Known
from edgewise.discovery.likelihoods import Likelihood
from edgewise.discovery.tables import Loss, Missing, Prepared, Table, prepare
from edgewise.formulas.expressions import dimension
from edgewise.tables.encoding import Dates, as_array, is_frame
from edgewise.train import as_matrix


@dataclass(frozen=True)
class RowWeights:
    """What multiplies the residuals (n,), and whether it is one over their standard errors; None for equal rows."""

    weight: Array | None = None
    known: bool = False

    @classmethod
    def of(cls, x: Any, sigma: Any, weights: Any) -> RowWeights:
        """Return sqrt(weights) / sigma: each an array (rows,), or the name of a column of x.

        Errors: InputError unless standard errors are positive, weights are not negative, and five weights positive.
        """
        if sigma is None and weights is None:
            return cls()
        rows = row_count(x)
        weight = np.ones(rows)
        if weights is not None:
            given = _column(x, rows, weights, "weights")
            if (given < 0).any() or np.count_nonzero(given) < min(5, rows):
                raise InputError(f"'weights' must not be negative, and positive on five rows. Least: {given.min():g}.")
            weight = np.sqrt(given)
        if sigma is not None:
            given = _column(x, rows, sigma, "sigma")
            if not (given > 0).all():
                bad = int(np.argmax(given <= 0))
                raise InputError(f"'sigma' must hold positive standard errors. Got {given[bad]:g} in row {bad}.")
            weight = weight / given
        return cls(weight, sigma is not None)


def inputs_of(x: Any, *given: Any) -> Any:
    """Return a table without the columns whose names are given.

    Errors: InputError where a name is given and x is no data frame, or lacks it.
    """
    names = [name for name in given if isinstance(name, str)]
    if not names:
        return x
    if not hasattr(x, "columns"):
        raise InputError(f"{names[0]!r} names a column, but x is no DataFrame. Give the values as an array.")
    own = [str(column) for column in x.columns]
    for name in names:
        if name not in own:
            raise unknown("column", name, own)
    return x[[column for column in x.columns if str(column) not in names]]


def column_of(x: Any, given: Any) -> Any:
    """Return the column of a table that a name means; what is no name as it is.

    Errors: InputError where a name is given and x is no data frame, or lacks it.
    """
    if not isinstance(given, str):
        return given
    inputs_of(x, given)
    return x[next(column for column in x.columns if str(column) == given)]


def row_count(x: Any) -> int:
    """Return the number of rows of inputs. Errors: InputError for what has none."""
    try:
        return len(x)
    except TypeError:
        raise InputError(f"x must be an array or a table (n, d). Got {type(x).__name__}.") from None


def checked_loss(loss: object) -> Loss:
    """Return a loss by name.

    Parameters
    ----------
    loss
        "squared" or "huber".

    Raises
    ------
    InputError
        For any other name.

    Examples
    --------
    >>> from edgewise.discovery import checked_loss
    >>> checked_loss("huber")
    'huber'
    """
    word = renamed("loss", loss)
    for known in get_args(Loss):
        if isinstance(word, str) and word == known:
            return known
    raise InputError(f"'loss' must be 'squared' or 'huber'. Got {loss!r}.")


def _column(x: Any, rows: int, given: Any, what: str) -> Array:
    """Return given numbers (rows,), or those of a column of the table."""
    numbers = as_matrix(column_of(x, given), f"'{what}'")
    if tuple(numbers.shape) != (rows, 1):
        raise InputError(f"'{what}' must have one number for each of the {rows} rows. Got {tuple(numbers.shape)}.")
    return numbers[:, 0].cpu().numpy()


@dataclass(frozen=True)
class Request:
    """A table of numbers, how it was made of columns as they came, and the likelihood that judges it, if one does."""

    table: Table
    prepared: Prepared
    likelihood: Likelihood | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of formulas: those of the table, without those that tell groups apart."""
        return self.table.names[: len(self.table.names) - max(len(self.prepared.labels) - 1, 0)]

    def in_inputs(self, known: Known) -> Known:
        """Return what is known with inputs in place of columns: of one that is forbidden, all of its inputs are.

        Columns that are no input have no units, and inputs that are 0 or 1 for levels and gaps have no dimension.
        """
        encoder, terms = self.prepared.columns.encoder, self.prepared.columns.terms
        unused = {*encoder.names} - {*self.inputs, self.table.target}
        changed: Any = dict(known)
        forbid, units = known.get("forbid"), known.get("units")
        if isinstance(forbid, str | Iterable):
            words = [forbid] if isinstance(forbid, str) else forbid
            own = {name: [t.name for t in terms if encoder.names[t.column] == name] for name in unused}
            changed["forbid"] = [name for word in words for name in own.get(word, [word])]
        if isinstance(units, Mapping):
            bare = {term.name: "" for term in terms if term.kind != "number" and term.name in self.inputs}
            changed["units"] = bare | {name: unit for name, unit in units.items() if name not in unused}
        return changed


def requests(
    x: Any, y: Any, names: Sequence[str] | None, target: str | Sequence[str] | None, missing: Missing | None,
    group: str | None = None, of_rows: RowWeights | None = None,
) -> list[Request]:  # fmt: skip
    """Return a table for each target of y.

    Errors: InputError for wrong shapes, infinities, a constant target, fewer than 5 complete rows, bad names.
    """
    if missing not in (None, "drop", "indicator"):
        raise InputError(f"'missing' must be 'drop' (leave such rows out) or 'indicator'. Got {missing!r}.")
    rows, targets = _inputs(x), _targets(y, target)
    count = len(rows.columns) if is_frame(rows) else rows.shape[1]
    chosen = column_names(rows, names, count)
    found = []
    given = of_rows or RowWeights()
    counted = None if group is None or given.weight is None else given.weight > 0
    for called, values in targets.items():
        prepared = _prepared(rows, values, chosen, called, missing or "drop", (group, counted))
        found.append(Request(_table(prepared, values, called, given), prepared))
    return found


def _table(prepared: Prepared, y: Array, target: str, of_rows: RowWeights) -> Table:
    """Return the table of the rows that are kept, with their numbers in the table given."""
    kept, names = prepared.rows, prepared.columns.names
    x = as_matrix(prepared.x, "x").numpy() if prepared.columns.terms else prepared.x
    if of_rows.weight is None:
        table = Table.of(names, x, y[kept], target)
    else:
        table = Table.weighted(names, x, y[kept], target, of_rows.weight[kept], of_rows.known)
    return table if len(kept) == len(y) else replace(table, index=kept[table.numbers])


def _prepared(
    rows: Any, y: Array, names: tuple[str, ...], target: str, missing: Missing, grouped: tuple[str | None, Array | None]
) -> Prepared:
    fewest = 5  # rows
    if len(rows) != len(y):
        raise InputError(
            f"x and y must have equally many rows and y one column. Got {(len(rows), len(names))} and {(len(y), 1)}."
        )
    there = y[~np.isnan(y)]
    if len(rows) < fewest or len(there) < fewest:
        raise InputError(f"Discovery needs at least {fewest} rows. Got {min(len(rows), len(there))}.")
    if float(np.ptp(there)) <= 1e-14 * float(np.abs(there).max()):
        raise InputError(f"The target is constant ({there[0]:g}): there is nothing to explain.")
    found = prepare(rows, y, names, target, missing, *grouped)
    if len(found.rows) < fewest:
        said = " ".join(found.columns.notes)
        raise InputError(f"Discovery needs at least {fewest} complete rows. Got {len(found.rows)}. {said}")
    kept = y[found.rows]
    if float(np.ptp(kept)) <= 1e-14 * float(np.abs(kept).max()):
        raise InputError(f"The target is constant ({kept[0]:g}) in all complete rows: there is nothing to explain.")
    return found


def _inputs(x: Any) -> Any:
    """Return a data frame as it is, and anything else as an array of two dimensions, of numbers if it can be."""
    if is_frame(x):
        return x
    array = as_array(x.to_numpy() if hasattr(x, "to_numpy") else x)
    array = _floats(array)
    if array.dtype.kind not in "biuf":
        texts = array.dtype.kind in "OSUTMm" and array.ndim == 2
        return array if texts else as_matrix(x, "x")
    gaps = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    checked = as_matrix(np.where(gaps, 0.0, array) if gaps.any() else array, "x").numpy()
    return np.where(gaps.reshape(checked.shape), np.nan, checked) if gaps.any() else checked


def _floats(values: Any) -> Any:
    """Return an array of objects as doubles, where all of them are numbers or gaps."""
    array = np.asarray(values)
    if array.dtype != object:
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        return array


def _targets(y: Any, target: Any) -> dict[str, Array]:
    """Return the targets by name, as doubles with nan at gaps."""
    several = isinstance(target, list | tuple)
    if target is not None and not (isinstance(target, str) or (several and all(isinstance(t, str) for t in target))):
        raise InputError(f"'target' must be a name, or a list of names, one for each column of y. Got {target!r}.")
    if is_frame(y):
        own = [str(name) for name in y.columns]
        columns = [_one_target(y[name]).reshape(-1) for name in y.columns]
    else:
        matrix = _one_target(y)
        matrix = matrix[:, None] if matrix.ndim == 1 else matrix
        columns = list(matrix.T)
        base = str(getattr(y, "name", None) or "y")
        own = [base] if len(columns) == 1 else [f"{base}{k + 1}" for k in range(len(columns))]
    names = [target] if isinstance(target, str) else [*target] if several else own
    if len(names) != len(columns) or len({*names}) < len(names) or not columns:
        raise InputError(f"'target' must name the {len(columns)} columns of y, each differently. Got {names!r}.")
    return dict(zip(names, columns, strict=True))


def _one_target(y: Any) -> Array:
    """Return numbers with nan at gaps. Errors: InputError for text, infinities, and values out of range."""
    values = y.to_numpy() if hasattr(y, "to_numpy") else y
    array = _floats(as_array(values))
    if array.dtype.kind != "f" or not np.isnan(array).any() or array.ndim not in (1, 2):
        if array.dtype.kind in "OSUT" and array.size:
            cell = str(array.reshape(-1)[0])
            raise InputError(f"y must be numbers. It holds text, as {cell!r}: pass 1 and 0, like y == {cell!r}.")
        return as_matrix(y, "y").cpu().numpy()
    gaps = np.isnan(array)
    if gaps.all():
        raise InputError("The target has no values: every row of y is nan.")
    return np.where(gaps, np.nan, as_matrix(np.where(gaps, 0.0, array), "y").numpy().reshape(array.shape))


def column_names(x: Any, names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return the names of the columns of a table: those given, else those of a data frame, else x1, x2, ...

    Parameters
    ----------
    x
        The table.
    names
        The names; None for those of a DataFrame, or x1, x2, ...
    count
        Number of the columns.

    Raises
    ------
    InputError
        Unless they are `count` different names.

    Examples
    --------
    >>> from edgewise.discovery import column_names
    >>> column_names([[1.0, 2.0]], None, 2)
    ('x1', 'x2')
    """
    if names is not None and (isinstance(names, str) or not isinstance(names, Iterable)):
        raise InputError(f"'names' must list the names of the columns of x. Got {names!r}.")
    own = [str(c) for c in x.columns] if hasattr(x, "columns") else [f"x{i + 1}" for i in range(count)]
    known = tuple(own if names is None else names)
    if not all(isinstance(n, str) and n for n in known) or len({*known}) != len(known) or len(known) != count:
        raise InputError(f"'names' must hold {count} different names, one for each column of x. Got {list(known)!r}.")
    return known


TABLE = "table"
"""The value of `units` that asks for those of the data frame."""

_NONE = frozenset({"", "-", "--", "1", "%", "none", "n/a", "dimensionless", "unitless"})


def with_table_units(each: Request, known: Known, x: Any, y: Any) -> tuple[Request, Known]:
    """Return what is known with the units of the table in place of `units="table"`, or of a table that has `units`.

    They are `attrs["units"]` of the data frames x and y, or `units` of an `edgewise.io.Table`. An empty cell, as levels
    and gaps, has no dimension. Units are left out, and a note says why, where one cannot be read, or none has a
    dimension.
    """
    asked = known.get("units")
    if isinstance(asked, str) and asked == TABLE:
        given = {**_attached(y), **_attached(x)}
    elif isinstance(getattr(asked, "units", None), Mapping):
        given = {str(name): str(unit) for name, unit in asked.units.items()}  # type: ignore[union-attr]
    else:
        return each, known
    units, note = _read(each, given)
    others: Any = {key: value for key, value in known.items() if key != "units"}
    columns = replace(each.prepared.columns, notes=(*each.prepared.columns.notes, note))
    noted = replace(each, prepared=replace(each.prepared, columns=columns))
    return noted, others if units is None else others | {"units": units}


def _attached(table: Any) -> dict[str, str]:
    """Return the units that a data frame or a series of pandas carries."""
    attrs = getattr(table, "attrs", None)
    units = attrs.get("units") if isinstance(attrs, Mapping) else None
    return {str(name): str(unit) for name, unit in units.items()} if isinstance(units, Mapping) else {}


def _read(each: Request, given: Mapping[str, str]) -> tuple[dict[str, str] | None, str]:
    """Return the units of the inputs and of the target where all can be read, and a note."""
    columns, target = each.prepared.columns, each.table.target
    by_name = {term.name: term for term in columns.terms}
    units: dict[str, str] = {}
    for name in each.inputs:
        term = by_name[name]
        source = columns.encoder.columns[term.column]
        own = "day" if isinstance(source, Dates) else given.get(source.name, "")
        units[name] = own if term.kind == "number" else ""
    if target in given:
        units[target] = given[target]
    units = {name: "" if unit.strip().lower() in _NONE else unit.strip() for name, unit in units.items()}
    measured = {name: unit for name, unit in units.items() if unit}
    if not measured:
        return None, "Units of the table are not used: no column has one."
    try:
        dimensions = [dimension(unit) for unit in measured.values()]
    except InputError as error:
        return None, f"Units of the table are not used: {error}"
    if not any(dimensions):
        return None, "Units of the table are not used: none has a dimension."
    bare = [name for name, unit in units.items() if not unit]
    listed = ", ".join(f"{name} in {unit}" for name, unit in measured.items())
    return units, f"Units by the table: {listed}{'; without: ' + ', '.join(bare) if bare else ''}."
