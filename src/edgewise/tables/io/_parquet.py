"""Parquet files: opened with one line for whatever is wrong with them, and their columns by type."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.tables.io._grid import Field, Grid, check_unique
from edgewise.tables.io._numbers import parquet_dates

_DAMAGE = (OSError, ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RuntimeError, MemoryError)
"""What pyarrow raises at a damaged file, besides its own exceptions."""
_LARGEST_INTEGER = 2**53
"""Larger integers are not all float64 numbers."""
_PRINTED = 17
"""Digits that are enough to print a float64 number."""


@contextmanager
def open_parquet(path: str | Path) -> Iterator[Any]:
    """Open a Parquet file as a `pyarrow.parquet.ParquetFile`; any error while it is read is an `InputError`."""
    pa = needed("pyarrow")
    pq = needed("pyarrow.parquet")

    if not Path(path).is_file():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    except (pa.ArrowException, *_DAMAGE) as error:
        detail = next(iter(str(error).splitlines()), "").rstrip(".")[:200]
        raise InputError(
            f"{path} is not a Parquet file, or a damaged one ({detail or type(error).__name__}): write the table again."
        ) from None


def read_parquet(path: Path) -> Grid:
    """Return the columns of a Parquet file, a named index of pandas first."""
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: write the table again.")
    with open_parquet(path) as file:
        table = file.read(use_threads=False)  # a thread of pyarrow that lives at exit may abort the process
        table.validate(full=True)
        names, index = _names(table.schema)
        order = [*index, *(place for place in range(len(names)) if place not in set(index))]
        named = [(name, table.column(place)) for place in order if (name := names[place]) is not None]
        fields = [*_ranges(table), *(_field(name, column) for name, column in named)]
        check_unique(path, [field.name for field in fields])
        if not table.num_rows or not fields:
            raise InputError(f"{path} has no rows: write the table again with its data.")
        return Grid(fields, table.num_rows)


def _ranges(table: Any) -> list[Field]:
    """Named indices that pandas stores as the range of their numbers."""
    ranges = (table.schema.pandas_metadata or {}).get("index_columns", ())
    return [
        Field(str(index["name"]), np.arange(index["start"], index["stop"], index["step"], dtype=np.float64))
        for index in ranges
        if isinstance(index, dict)
        and index.get("name") is not None
        and len(range(index["start"], index["stop"], index["step"])) == table.num_rows
    ]


def _names(schema: Any) -> tuple[list[str | None], list[int]]:
    """The names as pandas prints them, None for an index without a name, and the places of the other indices."""
    stored = [str(name) for name in schema.names]
    said = schema.pandas_metadata or {}
    indices = {name for name in said.get("index_columns", ()) if isinstance(name, str)}
    shown: dict[str, Any] = {
        column["field_name"]: column["name"] for column in said.get("columns", ()) if isinstance(column, dict)
    }
    names = [
        None if name in indices and shown.get(name, name) is None else str(shown.get(name) or name).strip()
        for name in stored
    ]
    index = [place for place, name in enumerate(stored) if name in indices and names[place] is not None]
    return names, index


def _field(name: str, column: Any) -> Field:
    pa = needed("pyarrow")
    kinds = needed("pyarrow.types")

    if isinstance(column.type, pa.ExtensionType | pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    while kinds.is_dictionary(column.type) or kinds.is_run_end_encoded(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind):
        values = np.asarray(column.to_numpy(), dtype=np.float64)
        large = np.flatnonzero(kinds.is_integer(kind) & (np.abs(values) >= _LARGEST_INTEGER))
        return Field(name, values, any(map(_loses_digits, column.take(large).to_pylist(), values[large])))
    if kinds.is_decimal(kind):
        exact = column.to_pylist()
        values = np.array([np.nan if value is None else float(value) for value in exact])
        return Field(name, values, any(map(_loses_digits, exact, values.tolist())))
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        return Field(name, column.to_pylist())
    if kinds.is_null(kind):
        return Field(name, np.full(len(column), np.nan))
    if kinds.is_date(kind) or kinds.is_timestamp(kind):
        return Field(name, "dates", dates=parquet_dates(column))
    if kinds.is_temporal(kind):
        return Field(name, "durations" if kinds.is_duration(kind) or kinds.is_interval(kind) else "dates")
    return Field(name, f"values of the type {str(kind)[:40]}")


def _loses_digits(value: Any, near: float) -> bool:
    """Whether a float is not the number: an integer that float64 does not hold, or more digits than it has."""
    if value is None or not np.isfinite(near):
        return False
    if isinstance(value, Decimal) and value != value.to_integral_value():
        return len(value.normalize().as_tuple().digits) > _PRINTED
    return int(value) != int(near)
