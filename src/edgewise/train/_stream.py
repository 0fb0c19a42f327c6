"""Rows that come in batches and are never all in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.train._data import Shape, Table, as_batch
from edgewise.train._ranks import ALONE, Ranks

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
