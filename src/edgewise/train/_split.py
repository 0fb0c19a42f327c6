"""The rows of a fit: those trained on, those held out, and few of them where few are enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.train._loss import CrossEntropy, Loss
from edgewise.train._options import Options
from edgewise.train._rows import Rows
from edgewise.train._stream import Stream
from edgewise.train._table import Table

_SAMPLE = 50_000  # rows that knots, penalties and starts are read from


@dataclass(frozen=True)
class Part:
    """Rows, and as many of them in memory as knots and penalties are read from."""

    rows: Rows
    sample: Table


@dataclass(frozen=True)
class Split:
    """All rows, those that are trained on, and those held out (the trained ones where none are).

    Targets are in units of `scale`, a power of two. `notes` say what is unusual about the split.
    """

    whole: Part
    train: Part
    held: Table
    has_held: bool
    scale: float
    notes: Sequence[str] = ()


def split(rows: Table | Stream, loss: Loss, options: Options) -> Split:
    """Hold rows out, and bring targets to size one."""
    unit = isinstance(loss, CrossEntropy)
    if isinstance(rows, Stream):
        scale = 1.0 if unit else _scale(rows.survey.spread, rows.survey.size)
        return _split_stream(rows.scaled(scale), options.held_out(len(rows), classes=unit))
    scale = 1.0 if unit else _scale(_spread(rows.y), float(rows.y.abs().max()))
    whole = Table(rows.x, rows.y / scale, rows.weights)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(options.seed)).to(rows.x.device)
    count = options.held_out(len(rows), classes=unit)
    train = whole.rows(order[count:])
    held = whole.rows(order[:count]) if count else train
    return Split(Part(whole, few_of(whole)), Part(train, few_of(train)), held, count > 0, scale)


def _split_stream(stream: Stream, wanted: int) -> Split:
    notes = []
    if wanted:
        train, held = stream.divided(wanted / len(stream))
        if 0 < len(held) <= 2 * wanted and len(train):
            sample = train.sample()
            return Split(Part(stream, sample), Part(train, sample), held.sample(), True, stream.scale)
        notes.append(
            f"No row is held out: rows are told apart by what their inputs are, and {len(held)} of {len(stream)} would "
            f"have been, not {wanted}."
        )
    sample = stream.sample()
    return Split(Part(stream, sample), Part(stream, sample), sample, False, stream.scale, notes)


def _spread(y: Tensor) -> float:
    return float(y.std(0, correction=0).square().mean().sqrt())


def _scale(spread: float, size: float) -> float:
    """A power of two near the targets' spread, so that scaling is exact."""
    return 2.0 ** round(math.log2(spread if spread > 0 else max(size, 1e-300)))


def few_of(table: Table) -> Table:
    """The table, or of a long one some rows in even steps and those with the least and the largest of each input."""
    if len(table) <= _SAMPLE:
        return table
    steps = torch.linspace(0, len(table) - 1, _SAMPLE, device=table.x.device).long()
    return table.rows(torch.cat([steps, table.x.argmin(0), table.x.argmax(0)]).unique())
