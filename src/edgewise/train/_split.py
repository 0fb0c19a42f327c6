"""The rows of a fit: those trained on, those that choose, those that only report, and samples of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.nn import KAN, scale_outputs, shift_outputs, shiftable
from edgewise.train._loss import CrossEntropy, Loss
from edgewise.train._options import Options
from edgewise.train._rows import Rows
from edgewise.train._stream import Stream
from edgewise.train._table import Table

_FAR = 2.0  # of the targets' spread: their middle is taken off
_ROUNDING = 1e-15  # of the targets' size: a spread below it is none
_SAMPLE = 50_000  # rows that knots, penalties and starts are read from


@dataclass(frozen=True)
class Part:
    """Rows, and as many of them in memory as knots and penalties are read from."""

    rows: Rows
    sample: Table


@dataclass(frozen=True)
class Units:
    """The targets of training: (y - centre) / scale, which is the target's rows near size one.

    `scale` is a power of two and `centre` (n_out,) so near the targets that both are exact. Outputs that are not far
    from zero, or cannot take a constant, have centre zero.
    """

    scale: float
    centre: Tensor

    def of(self, y: Tensor) -> Tensor:
        return y / self.scale - self.centre / self.scale

    def inside(self, model: KAN) -> KAN:
        """A network in these units."""
        return shift_outputs(self.scaled(model), -self.centre / self.scale)

    def outside(self, model: KAN) -> KAN:
        """A network of these units in those of the targets."""
        return shift_outputs(scale_outputs(model, torch.full_like(self.centre, self.scale)), self.centre)

    def scaled(self, model: KAN) -> KAN:
        """A network in the unit, whose outputs are not moved."""
        return scale_outputs(model, torch.full_like(self.centre, 1 / self.scale))


@dataclass(frozen=True)
class Split:
    """All rows, those that are trained on, those held out to choose (the trained ones where none are), and those held
    out only to report the error of what was chosen, if any.

    Targets are in `units`. `notes` say what is unusual about the split.
    """

    whole: Part
    train: Part
    held: Table
    has_held: bool
    test: Table | None
    units: Units
    notes: Sequence[str] = ()

    @property
    def final(self) -> int:
        """Rows that the chosen grid has to be supported by: those that train, and those that only report until then."""
        return len(self.train.rows) + (0 if self.test is None else len(self.test))

    @property
    def leaves_out(self) -> bool:
        """Whether there are rows that are not trained on until the end."""
        return self.has_held or self.test is not None


def split(rows: Table | Stream, loss: Loss, options: Options, model: KAN) -> Split:
    """Hold rows out, and bring targets to size one."""
    classes = isinstance(loss, CrossEntropy)
    chosen = options.held_out(len(rows), classes=classes)
    reported = options.reported(len(rows), chosen)
    if isinstance(rows, Stream):
        found = rows.survey
        units = _one(model) if classes else _units(model, found.spread, found.size, found.mean)
        return _split_stream(rows.within(units.of), units, chosen, reported)
    units = _one(model)
    if not classes:
        units = _units(model, _spread(rows.y), float(rows.y.abs().max()), loss.constant(rows.y, rows.weights, 0))
    whole = Table(rows.x, rows.y if classes else units.of(rows.y), rows.weights)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(options.seed)).to(rows.x.device)
    train = whole.rows(order[chosen + reported :])
    held = whole.rows(order[:chosen]) if chosen else train
    test = whole.rows(order[chosen : chosen + reported]) if reported else None
    return Split(Part(whole, few_of(whole)), Part(train, few_of(train)), held, chosen > 0, test, units)


def _split_stream(stream: Stream, units: Units, chosen: int, reported: int) -> Split:
    notes = []
    if chosen or reported:
        train, held, test = stream.divided(chosen, reported)
        if len(train) and all(_about(part, count) for part, count in ((held, chosen), (test, reported))):
            parts = [part for part, count in ((train, 1), (held, chosen), (test, reported)) if count]
            sample, *few = stream.samples(parts)
            by, report = (few[0] if chosen else sample), (few[-1] if reported else None)
            return Split(Part(stream, sample), Part(train, sample), by, chosen > 0, report, units)
        notes.append(
            f"No row is held out: rows are told apart by what their inputs are, and {len(held)} of {len(stream)} would "
            f"have been, not {chosen}."
        )
    sample = stream.sample()
    return Split(Part(stream, sample), Part(stream, sample), sample, False, None, units, notes)


def _about(part: Stream, count: int) -> bool:
    """Whether a part has about as many rows as it should."""
    return 0 < len(part) <= 2 * count if count else True


def _spread(y: Tensor) -> float:
    return float(y.std(0, correction=0).square().mean().sqrt())


def _one(model: KAN) -> Units:
    return Units(1.0, torch.zeros(model.n_out, dtype=torch.float64, device=model.device))


def _units(model: KAN, spread: float, size: float, middle: Tensor) -> Units:
    """A power of two near the targets' spread, and their middle where it is far off."""
    scale = 2.0 ** round(math.log2(spread if spread > _ROUNDING * size else max(size, 1e-300)))
    far = shiftable(model).to(middle.device) & (middle.abs() > _FAR * scale)
    return Units(scale, torch.where(far, middle, 0.0))


def few_of(table: Table) -> Table:
    """The table, or of a long one some rows in even steps and those with the least and the largest of each input."""
    if len(table) <= _SAMPLE:
        return table
    steps = torch.linspace(0, len(table) - 1, _SAMPLE, device=table.x.device).long()
    return table.rows(torch.cat([steps, table.x.argmin(0), table.x.argmax(0)]).unique())
