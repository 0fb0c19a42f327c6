"""Rows that come in batches and are never all in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.train._data import Shape, as_batch
from edgewise.train._table import Table

_KEPT = 20_000  # rows of a sample


@dataclass(frozen=True)
class Survey:
    """What one pass over all rows finds: how many, their mean weight, the targets' moments, the inputs' ranges."""

    rows: int
    weight: float
    mean: Tensor
    square: Tensor
    size: float
    lo: Tensor
    hi: Tensor


@dataclass(frozen=True)
class Stream:
    """A source of batches (x, y) or (x, y, weights) that can be gone through again and again, in any order.

    A row is on one side or the other by what its inputs are, not by where it comes: a place in [0, 1) is computed from
    them, and rows below `share` are held out. So a loader may shuffle, and equal inputs stay together.
    """

    source: Iterable[Any]
    shape: Shape
    survey: Survey
    side: str = "all"
    share: float = 0.0
    scale: float = 1.0
    count: int = 0

    @classmethod
    def of(cls, source: Iterable[Any], shape: Shape) -> Stream:
        """Go through the rows once, and check them all."""
        rows, weight, size = 0, 0.0, 0.0
        first = second = lo = hi = None
        for x, y, w in _checked(source, shape):
            rows += len(x)
            weight += float(w.sum())
            size = max(size, float(y.abs().max()))
            sums = y.sum(0), y.square().sum(0)
            ends = x.amin(0), x.amax(0)
            first, second = sums if first is None or second is None else (first + sums[0], second + sums[1])
            lo = ends[0] if lo is None else torch.minimum(lo, ends[0])
            hi = ends[1] if hi is None else torch.maximum(hi, ends[1])
        if rows < 3 or weight <= 0 or first is None or second is None or lo is None or hi is None:
            raise InputError(f"Fitting needs at least 3 rows of positive weight. Got {rows} rows.")
        return cls(source, shape, Survey(rows, weight / rows, first / rows, second / rows, size, lo, hi), count=rows)

    def __len__(self) -> int:
        return self.count

    @property
    def spread(self) -> float:
        return float((self.survey.square - self.survey.mean.square()).clamp_min(0).mean().sqrt())

    @property
    def size(self) -> float:
        return self.survey.size

    def scaled(self, scale: float, side: str, share: float) -> Stream:
        """The rows of one side ("all", "rest", "held") with targets in another unit."""
        new = replace(self, scale=scale, side=side, share=min(share, _KEPT / len(self)))
        if side == "all":
            return new
        return replace(new, count=sum(len(part) for part in new._parts()))

    def batches(self, rows: int) -> Iterator[Table]:
        """The rows of this side, pooled or cut into pieces of at most `rows`."""
        waiting: list[Table] = []
        for part in self._parts():
            waiting.append(part)
            if sum(map(len, waiting)) >= rows:
                whole = _joined(waiting)
                full = len(whole) // rows * rows
                yield from _cut(whole, 0, full).batches(rows)
                waiting = [_cut(whole, full, len(whole))] if full < len(whole) else []
        if waiting:
            yield _joined(waiting)

    def sample(self) -> Table:
        """Rows of this side in even steps, and those at the ends of each input's range."""
        step = max(1, len(self) // _KEPT)
        kept: list[Table] = []
        seen = 0
        for part in self._parts():
            even = (torch.arange(seen, seen + len(part), device=part.x.device) % step) == 0
            ends = ((part.x == self.survey.lo) | (part.x == self.survey.hi)).any(1) & (len(kept) < _KEPT)
            seen += len(part)
            index = (even | ends).nonzero()[:, 0]
            if len(index):
                kept.append(Table(part.x[index], part.y[index], part.weights[index]))
        return _joined(kept)

    def _parts(self) -> Iterator[Table]:
        for x, y, w in _checked(self.source, self.shape):
            part = Table(x, y / self.scale, w / self.survey.weight)
            if self.side != "all":
                held = self._place(x) < self.share
                index = (held if self.side == "held" else ~held).nonzero()[:, 0]
                part = Table(part.x[index], part.y[index], part.weights[index])
            if len(part):
                yield part

    def _place(self, x: Tensor) -> Tensor:
        """A number in [0, 1) that depends on a row's inputs and looks random."""
        generator = torch.Generator().manual_seed(0)
        turns = 1e4 * (1 + torch.rand(x.shape[1], generator=generator, dtype=torch.float64)).to(x.device)
        width = (self.survey.hi - self.survey.lo).clamp_min(1e-300)
        return (((x - self.survey.lo) / width) @ turns).frac()


def _checked(source: Iterable[Any], shape: Shape) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    first = 0
    for batch in source:
        x, y, w = as_batch(batch, shape, first)
        first += len(x)
        keep = w > 0
        yield (x, y, w) if bool(keep.all()) else (x[keep], y[keep], w[keep])


def _joined(parts: list[Table]) -> Table:
    if len(parts) == 1:
        return parts[0]
    return Table(*(torch.cat([getattr(part, name) for part in parts]) for name in ("x", "y", "weights")))


def _cut(table: Table, start: int, stop: int) -> Table:
    return Table(table.x[start:stop], table.y[start:stop], table.weights[start:stop])
