"""A small language model: feed-forward blocks of KAN layers beside perceptrons, in the same transformer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgewise.datasets import Characters, characters
from edgewise.experiments._adamw import milliseconds, parameters, steps
from edgewise.experiments._blocks import Block, block_table, by_kind, curves, limits, perceptron, step_bars
from edgewise.experiments._experiment import Claim, Experiment
from edgewise.experiments._sheet import sheet
from edgewise.experiments._transformer import Transformer
from edgewise.measure import Case, Cell, Row, Settings
from edgewise.nn import KANFeedForward

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_WIDTH, _HEADS, _DEPTH, _CONTEXT, _BATCH = 64, 4, 2, 64, 32
_STEPS, _CHECKS, _TIMED, _SEEDS = 800, 10, 20, 3
_HELD_OUT = 0.9  # where the last tenth of the text begins
_AT_ONCE = 128  # windows that are judged together

#: block -> what makes it, and its learning rate
_BLOCKS: dict[str, Block] = {
    "mlp": Block(lambda: perceptron(_WIDTH, 4 * _WIDTH, _WIDTH), 8e-3),
    "rational": Block(lambda: KANFeedForward(_WIDTH), 8e-3),
    "spline": Block(lambda: KANFeedForward(_WIDTH, kind="spline", grid=2, degree=2), 8e-3),
}


class Language(Experiment):
    """Cross-entropy of the next character of Python's help topics, a transformer of two layers of width 64.

    Only the feed-forward blocks differ: linear, GELU, linear with four times the width; two layers of grouped rational
    functions; two layers of splines with two cells of degree 2, as wide as equal parameters allow. All see the same
    windows of 64 characters, 32 a step, for the same number of steps of AdamW in float32, and are judged on the
    last tenth of the text, of which no paragraph stands in the rest. Each block's learning rate is the best of
    3e-3, 8e-3 and 1.6e-2 in a run of 400 steps with another seed, trained on the first eight tenths of the text and
    judged on the ninth; there the perceptron did better with the first weights that it has here (1.86) than with
    torch's own (1.91). Splines were chosen there too, in runs of 800 steps with two seeds: two cells of degree 2
    did as well as the perceptron (1.44), three straight pieces worse (1.49); their range of -1 to 1, which is the
    block's default, and no base function, did far better than -4 to 4 with one (1.74 and 2.20 after 400 steps).
    Milliseconds of a step are medians of steps taken in turns with the perceptron's model. The text differs between
    versions of Python: `characters` is its size. Nothing is published for this text; a KAN of pykan would take
    hours.
    """

    name = "language"
    title = "KAN blocks in a transformer"
    source = "none of the articles; rational blocks in Kolmogorov-Arnold Transformer (2024)"
    file = "language.csv"
    extra = ("kind", "step", "step_ms", "mlp_step_ms", "characters")
    note = (
        "cross-entropy of the next character in nats, on the last tenth of the text; seconds of training on one core. "
        "pykan has no batched layer that such a model could be made of in this time"
    )

    def lacks(self) -> str:
        return "" if find_spec("pydoc_data") else "This Python has no help topics: install its documentation."

    def cases(self, settings: Settings) -> list[Case]:
        return [] if self.lacks() else by_kind("text", 1 if settings.quick else _SEEDS, settings)

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        count, checks, timed = (4, 2, 2) if settings.quick else (_STEPS, _CHECKS, _TIMED)
        text, kind, seed = characters(), case.values["kind"], case.values["seed"]
        train, held_out = _split(text, _AT_ONCE if settings.quick else None)
        timing = milliseconds({name: _model(text, name, seed) for name in (kind, "mlp")}, _windows(train, seed), timed)
        model, loss = _model(text, kind, seed), _windows(train, seed)
        found = {"shape": f"{_DEPTH} x {_WIDTH}", "parameters": parameters(model, _windows(train, seed))}
        found |= {"step_ms": timing[kind], "mlp_step_ms": timing["mlp"], "characters": len(text.codes)}
        rows, spent, began = [], 0.0, time.process_time()
        for step in steps(model, loss, count, _BLOCKS[kind].rate):
            if step % (count // checks) == 0:
                spent += time.process_time() - began
                rows.append(self.row(case, error=_judged(model, held_out), step=step, seconds=spent, **found))
                began = time.process_time()
        return rows

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return block_table(rows, "validation loss")

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        return limits(rows, "validation loss")

    def draw(self, rows: Sequence[Row]) -> Picture:
        picture, panels = sheet(3)
        curves(panels[0], rows, over="steps")
        curves(panels[1], rows, over="seconds")
        panels[0].set_ylabel("validation loss, nats")
        step_bars(panels[2], rows)
        return picture


def _model(text: Characters, kind: str, seed: int) -> Transformer:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Transformer(len(text.alphabet), _CONTEXT, _WIDTH, _HEADS, _DEPTH, _BLOCKS[kind].make).float()


def _split(text: Characters, most: int | None) -> tuple[Tensor, Tensor]:
    """The codes to train on, and windows side by side of those held out, `most` of them."""
    codes = torch.from_numpy(text.codes)
    train, rest = codes[: (cut := int(_HELD_OUT * len(codes)))], codes[cut:]
    return train, rest[: len(rest) // (_CONTEXT + 1) * (_CONTEXT + 1)].view(-1, _CONTEXT + 1)[:most]


def _windows(codes: Tensor, seed: int) -> Callable[[torch.nn.Module], Tensor]:
    """The loss of a transformer on windows drawn anew for each call, the same sequence of them for a seed."""
    generator, within = torch.Generator().manual_seed(seed), torch.arange(_CONTEXT + 1)

    def loss(model: torch.nn.Module) -> Tensor:
        assert isinstance(model, Transformer)
        first = torch.randint(len(codes) - _CONTEXT, (_BATCH, 1), generator=generator)
        return model.loss(codes[first + within])

    return loss


def _judged(model: Transformer, windows: Tensor) -> float:
    with torch.no_grad():
        total = sum(float(model.loss(part)) * len(part) for part in windows.split(_AT_ONCE))
    return total / len(windows)
