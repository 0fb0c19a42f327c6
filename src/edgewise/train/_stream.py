"""Rows that come in batches and are never all in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise.train._data import ALONE, Ranks, Shape, Table, as_batch

_KEPT = 20_000  # rows of a subsample
_MIXERS = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)  # odd, of SplitMix64


@dataclass(frozen=True)
class StreamStatistics:
    """What the first pass finds: number of rows, mean weight, moments of the targets, ranges of the inputs."""

    rows: int
    weight: float
    std: float
    size: float
    mean: Tensor
    lo: Tensor
    hi: Tensor


@dataclass(frozen=True)
class Stream:
    """A source of batches (x, y) or (x, y, weights) that can be read any number of times, in any order.

    The inputs of a row decide which part it belongs to, not its position: they are hashed to a number in [0, 1), and a
    part has the rows from `low` to `high`. So a loader may shuffle, and equal inputs stay together. `unit` is applied
    to the targets.

    On several ranks, each reads a source of its own, of `own` rows. Parts and their subsamples are those of one process
    that reads the ranks' sources one after the other: of the `count` rows of a part, `first` are on the ranks before.
    """

    source: Iterable[Any]
    shape: Shape
    statistics: StreamStatistics
    low: float = 0.0
    high: float = 1.0
    unit: Callable[[Tensor], Tensor] = torch.clone
    count: int = 0
    ranks: Ranks = ALONE
    own: int = 0
    first: int = 0

    @classmethod
    def of(cls, source: Iterable[Any], shape: Shape, ranks: Ranks = ALONE) -> Stream:
        """Read all rows of this process once, and check them."""
        moments, error = _Moments(shape), None
        try:
            for x, y, w in _checked(source, shape):
                moments.take(x, y, w)
        except InputError as refused:
            error = refused
        ranks.require(error)
        own, first = moments.rows, ranks.before(moments.rows)
        found = moments.statistics(ranks)
        if found.rows < 3:
            raise InputError(f"Fitting needs at least 3 rows of positive weight. Got {found.rows}.")
        return cls(source, shape, found, count=found.rows, ranks=ranks, own=own, first=first)

    def __len__(self) -> int:
        return self.count

    def within(self, unit: Callable[[Tensor], Tensor]) -> Stream:
        """Return the same rows with targets in another unit."""
        return replace(self, unit=unit)

    def split(self, validation: int, test: int) -> tuple[Stream, Stream, Stream]:
        """Return training, validation and test rows; the last two as large as given, or as a subsample."""
        first = min(validation, _KEPT) / len(self)
        second = first + min(test, _KEPT) / len(self)
        parts = [replace(self, low=low, high=high) for low, high in ((second, 1.0), (0.0, first), (first, second))]
        counts = [0] * 3
        for rows in self._parts():
            place = _place(rows.x)
            for number, part in enumerate(parts):
                counts[number] += int(part.takes(place).sum())
        training, selecting, reporting = (
            replace(part, count=round(self.ranks.total(n)[0]), first=self.ranks.before(n))
            for part, n in zip(parts, counts, strict=True)
        )
        return training, selecting, reporting

    def takes(self, place: Tensor) -> Tensor:
        """Return which places belong to this part."""
        return (self.low <= place) & (place < self.high)

    def batches(self, rows: int) -> Iterator[Table]:
        """Return the rows of this part, pooled or cut into batches of at most `rows`."""
        waiting: list[Table] = []
        count = 0
        for part in self._parts():
            waiting.append(part)
            count += len(part)
            if count >= rows:
                pool, full = _joined(waiting), count // rows * rows
                yield from pool.part(slice(full)).batches(rows)
                waiting = [pool.part(slice(full, count))] if full < count else []
                count -= full
        if waiting:
            yield _joined(waiting)

    def subsample(self) -> Table:
        """Return a subsample of this part."""
        return self.subsamples([self])[0]

    def subsamples(self, parts: Sequence[Stream]) -> list[Table]:
        """Return a subsample of each part by one pass: evenly spaced rows, and one at each end of each input's range.

        Their order is random, so that the first few represent all of them, even if the source is sorted.
        """
        found = [_Subsample(part) for part in parts]
        for rows in self._parts():
            place = _place(rows.x)
            for one in found:
                one.take(rows.part(one.part.takes(place)))
        return [one.table() for one in found]

    def _parts(self) -> Iterator[Table]:
        seen = 0
        for x, y, w in _checked(self.source, self.shape):
            seen += len(x)
            part = Table(x, self.unit(y), w / self.statistics.weight)
            if self.high - self.low < 1:
                part = part.part(self.takes(_place(x)))
            if len(part):
                yield part
        if seen != self.own:
            raise InputError(
                f"Batches must give the same rows whenever they are read. Got {self.own} rows at first "
                f"and {seen} now. Rows that can be read only once must be in memory or in a file."
            )


class _Moments:
    """What a pass over the rows of this process finds."""

    def __init__(self, shape: Shape) -> None:
        inputs = torch.full((shape.n_in,), torch.inf, dtype=torch.float64, device=shape.device)
        self.rows, self.weight, self.size = 0, 0.0, 0.0
        self.lo, self.hi = inputs, -inputs
        self.origin = torch.zeros(1 if shape.classes else shape.n_out, dtype=torch.float64, device=shape.device)
        self.first = self.second = self.origin

    def take(self, x: Tensor, y: Tensor, w: Tensor) -> None:
        if not self.rows:
            self.origin = y.mean(0)  # targets far from zero keep the digits of their standard deviation
        off = y - self.origin
        self.rows += len(x)
        self.weight += float(w.sum())
        self.size = max(self.size, float(y.abs().max()))
        self.first, self.second = self.first + off.sum(0), self.second + off.square().sum(0)
        self.lo, self.hi = torch.minimum(self.lo, x.amin(0)), torch.maximum(self.hi, x.amax(0))

    def statistics(self, ranks: Ranks) -> StreamStatistics:
        """Return the statistics of the rows of all ranks."""
        origin = ranks.from_first(self.origin)
        move = self.origin - origin
        first = self.first + self.rows * move
        second = self.second + 2 * move * self.first + self.rows * move.square()
        low, hi = -self.lo, self.hi.clone()
        ranks.add(first, second)
        ranks.highest(low, hi)
        total, weight = ranks.total(self.rows, self.weight)
        rows, size = round(total), ranks.largest(self.size)
        if not rows:
            return StreamStatistics(0, 0.0, 0.0, 0.0, origin, -low, hi)
        variance = (second / rows - (first / rows).square()).clamp_min(0)
        std = float(variance.mean().sqrt())
        return StreamStatistics(rows, weight / rows, std, size, origin + first / rows, -low, hi)


class _Subsample:
    """The rows kept of one part during a pass: x, y, weight and number in the part, by columns."""

    def __init__(self, part: Stream) -> None:
        self.part, self.step, self.seen = part, max(1, len(part) // _KEPT), part.first
        self.ends = torch.cat([part.statistics.lo, part.statistics.hi])
        self.at = torch.full_like(self.ends, torch.inf)  # the first row at each end
        self.kept: list[Tensor] = []

    def take(self, rows: Table) -> None:
        if not len(rows):
            return
        number = torch.arange(self.seen, self.seen + len(rows), device=rows.x.device)
        chosen = (number % self.step) == 0
        there = (rows.x.repeat(1, 2) == self.ends) & self.at.isinf()
        found, place = there.any(0), there.int().argmax(0)
        chosen[place[found]] = True
        self.at[found] = number[place[found]].double()
        self.seen += len(rows)
        if chosen.any():
            columns = (rows.x, rows.y, rows.weights[:, None], number[:, None].double())
            self.kept.append(torch.cat(columns, 1)[chosen])

    def table(self) -> Table:
        ranks, n_in, mean = self.part.ranks, self.part.shape.n_in, self.part.statistics.mean
        width = n_in + self.part.unit(mean[None]).shape[1] + 2
        rows = torch.cat(ranks.gathered(torch.cat([self.ends.new_empty(0, width), *self.kept])))
        first = -self.at
        ranks.highest(first)
        number = rows[:, -1]
        rows = rows[(number % self.step == 0) | torch.isin(number, -first)]
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
        found = rows[order.to(rows.device)]
        x, y = found[:, :n_in].contiguous(), found[:, n_in:-2].contiguous()
        return Table(x, y, found[:, -2] / found[:, -2].mean())


def _place(x: Tensor) -> Tensor:
    """Hash each row's inputs (n, n_in) to a number in [0, 1)."""
    mixed = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for column in (x + 0.0).view(torch.int64).unbind(1):  # minus zero is zero
        mixed = mixed ^ column
        for shift, factor in zip((30, 27), _MIXERS, strict=True):
            mixed = (mixed ^ (mixed >> shift)) * factor
        mixed = mixed ^ (mixed >> 31)
    return (mixed & (2**53 - 1)).double() / 2**53


def _checked(source: Iterable[Any], shape: Shape) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    first = 0
    for batch in source:
        x, y, w = as_batch(batch, shape, first)
        first += len(x)
        keep = w > 0
        if keep.any():
            yield x[keep], y[keep], w[keep]


def _joined(parts: list[Table]) -> Table:
    if len(parts) == 1:
        return parts[0]
    return Table(*(torch.cat([getattr(part, name) for part in parts]) for name in ("x", "y", "weights")))


@dataclass(frozen=True)
class Parquet:
    """A Parquet file or a folder of them, possibly larger than memory, for `fit` in the place of x and y.

    Ranks of a process group share the rows: each reads those row groups that hold its own.

    Parameters
    ----------
    path
        The file or the folder. The files of a folder, in the order of their names, have the same columns and are read
        one after the other.
    target
        Name of the column of y, or several for several outputs.
    inputs
        Names of the columns of x; None for all others except `weights` and the index of a pandas table.
    weights
        Name of the column of weights; None for equal ones.
    batch
        Rows read at a time; each pass of training reads all rows once.

    Raises
    ------
    InputError
        For a file that is missing, empty or damaged, and for columns that are missing, named twice or not numeric.

    Examples
    --------
    >>> from edgewise.train import Parquet
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
        """Return one of several parts of about equally many rows, in order.

        Parameters
        ----------
        number
            Which part, from 0: that of the rank of this number.
        count
            Number of parts.
        """
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
