"""A Parquet file, or a folder of them, as rows to train on, read in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._extras import needed


@dataclass(frozen=True)
class Parquet:
    """A Parquet file or a folder of them, possibly larger than memory, for `fit` in the place of x and y.

    The files of a folder, in the order of their names, have the same columns and are read one after the other. `target`
    names the column of y, or several for several outputs; `inputs` those of x, by default all others except `weights`
    and the index of a pandas table. Each pass of training reads the rows once, `batch` rows at a time. Ranks of a
    process group share the rows: each reads those row groups that hold its own.

    Errors: InputError for a file that is missing, empty or damaged, and for columns that are missing, named twice or
    not numeric.

    >>> Parquet("rows.parquet", target="y")
    Traceback (most recent call last):
    edgewise._errors.InputError: There is no file rows.parquet: check the name and the folder.
    """

    path: str | Path
    target: str | Sequence[str]
    inputs: str | Sequence[str] | None = None
    weights: str | None = None
    batch: int = 65_536
    files: tuple[tuple[Path, int], ...] = field(init=False, repr=False)
    rows: range = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | Path):
            raise InputError(f"'path' must be the name of a file. Got {self.path!r}.")
        if not is_int(self.batch, 1):
            raise InputError(f"'batch' must be an int >= 1. Got {self.batch!r}.")
        if self.weights is not None and not isinstance(self.weights, str):
            raise InputError(f"'weights' must name a column. Got {self.weights!r}.")
        targets, weights = _names("target", self.target), [self.weights] if self.weights else []
        places = _places(Path(self.path))
        with _opened(places[0]) as file:
            schema = file.schema_arrow
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        others = [name for name in schema.names if name not in (*targets, *weights, *index)]
        chosen = others if self.inputs is None else _names("inputs", self.inputs)
        object.__setattr__(self, "target", tuple(targets))
        object.__setattr__(self, "inputs", tuple(chosen))
        files = []
        for place in places:
            with _opened(place) as file:
                _check_columns(place.name, file.schema_arrow, chosen, targets, weights)
                files.append((place, file.metadata.num_rows))
        rows = sum(count for _, count in files)
        if not rows:
            raise InputError(f"{self.path} has no rows.")
        object.__setattr__(self, "files", tuple(files))
        object.__setattr__(self, "rows", range(rows))

    def part(self, number: int, count: int) -> Parquet:
        """Return one of `count` parts of about equally many rows, in order: what rank `number` of them reads."""
        part, rows = copy(self), self.rows
        object.__setattr__(part, "rows", rows[len(rows) * number // count : len(rows) * (number + 1) // count])
        return part

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield batches of x (n, inputs), y (n, targets) and weights (n,), if any."""
        assert self.inputs is not None
        groups = [self.inputs, self.target, *([(self.weights,)] if self.weights else [])]
        columns, first = [name for group in groups for name in group], 0
        for place, count in self.files:
            wanted = range(max(self.rows.start - first, 0), min(self.rows.stop - first, count))
            first += count
            if wanted:
                with _opened(place) as file:
                    for batch in _batches(file, wanted, self.batch, columns):
                        yield tuple(np.stack([_numbers(batch[name]) for name in group], 1) for group in groups)


def _places(path: Path) -> list[Path]:
    """Return the Parquet files of a folder, or the one file."""
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.parquet"))
    if not found:
        raise InputError(f"There is no .parquet file in the folder {path}.")
    return found


def _batches(file: Any, wanted: range, size: int, columns: list[str]) -> Iterator[Any]:
    """Yield the wanted rows of a file in batches; row groups that hold none of them are not read."""
    groups, first, begin = [], 0, 0
    for number in range(file.num_row_groups):
        count = file.metadata.row_group(number).num_rows
        if first < wanted.stop and first + count > wanted.start:
            begin = begin if groups else first
            groups.append(number)
        first += count
    for batch in file.iter_batches(size, row_groups=groups, columns=columns, use_threads=False):
        own = range(max(wanted.start - begin, 0), min(wanted.stop - begin, len(batch)))
        begin += len(batch)
        if own:
            yield batch.slice(own.start, len(own))


def _names(what: str, given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{what!r} must name a column or list some. Got {given!r}.")
    return names


def _check_columns(file: str, schema: Any, inputs: list[str], targets: list[str], weights: list[str]) -> None:
    kinds = needed("pyarrow.types")

    named = [*inputs, *targets, *weights]
    for name in named:
        if name not in schema.names:
            raise unknown(f"column of {file}", name, schema.names)
    for name in named:
        if schema.names.count(name) > 1:
            raise InputError(f"{file} has two columns named {name!r}: rename one.")
        if named.count(name) > 1:
            raise InputError(
                f"Column {name!r} is asked for twice. Inputs, target and weights must be columns of their own."
            )
        kind = schema.field(name).type
        if not (kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind)):
            remedy = "Name the inputs to leave it out" if name in inputs else "Store it as numbers, classes as 0, 1, 2"
            raise InputError(f"Column {name!r} of {file} holds {kind}, no numbers. {remedy}.")
    if not inputs:
        raise InputError(f"{file} needs at least one input column beside the target. It has {', '.join(schema.names)}.")


def _numbers(column: Any) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _opened(path: str | Path) -> AbstractContextManager[Any]:
    from edgewise.tables.io import open_parquet  # which brings libraries that a fit does not need otherwise

    return open_parquet(path)
