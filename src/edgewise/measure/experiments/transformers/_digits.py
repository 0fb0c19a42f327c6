"""Handwritten digits: feed-forward blocks of KAN layers beside perceptrons, in the same small vision transformer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from edgewise.experiments._adamw import milliseconds, parameters, steps
from edgewise.experiments._blocks import Block, block_table, by_kind, curves, limits, perceptron, step_bars
from edgewise.experiments._experiment import Claim, Experiment, number
from edgewise.experiments._sheet import sheet
from edgewise.experiments._transformer import ImageTransformer
from edgewise.measure import Case, Cell, Row, Settings
from edgewise.nn import KANFeedForward

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_SIDE, _PATCH, _CLASSES = 8, 2, 10
_WIDTH, _HEADS, _DEPTH, _BATCH = 64, 4, 2, 128
_STEPS, _CHECKS, _TIMED, _SEEDS = 240, 10, 20, 5
_CHOOSING, _TEST = 540, 360  # images that settings were chosen by, which no seed judges by; those that a seed judges by

#: block -> what makes it, and its learning rate
_BLOCKS: dict[str, Block] = {
    "mlp": Block(lambda: perceptron(_WIDTH, 4 * _WIDTH, _WIDTH), 4e-3),
    "rational": Block(lambda: KANFeedForward(_WIDTH), 4e-3),
    "spline": Block(lambda: KANFeedForward(_WIDTH, kind="spline", grid=3, degree=1), 8e-3),
}


class Digits(Experiment):
    """Cross-entropy on images of digits (8 x 8) that were not trained on, scikit-learn's 1797.

    A vision transformer of two layers of width 64 sees an image as 16 patches. Only the feed-forward blocks differ:
    linear, GELU, linear with four times the width; two layers of grouped rational functions; two layers of splines
    with three straight pieces, as wide as equal parameters allow. All see the same minibatches of 128 images for
    the same number of steps of AdamW in float32, and are judged on 360 images, drawn anew for each seed. Settings
    were chosen by images that no seed is judged by: 144 of 540, drawn anew for each of two or three other seeds, on
    a network trained without them. Each block's learning rate is the best there of 2e-3, 4e-3 and 8e-3. With the
    perceptron, vectors of size 1 for places did better (0.05) than 0.02 (0.20), 0.3 and 0.6, and its first weights
    better (0.07) than torch's own (0.10); eight rational functions did a little better than one (0.07 and 0.08),
    and splines of three straight pieces better than of two cells of degree 2 (0.05 and 0.08). The number of steps
    is where the perceptron's loss there no longer falls. Milliseconds of a step are medians of steps taken in turns
    with the perceptron's model. Nothing is published for these images.
    """

    name = "digits"
    title = "KAN blocks in a vision transformer"
    source = "none of the articles; rational blocks in Kolmogorov-Arnold Transformer (2024)"
    file = "digits.csv"
    extra = ("kind", "step", "step_ms", "mlp_step_ms", "accuracy")
    note = "cross-entropy in nats and accuracy on images not trained on; seconds of training on one core"

    def lacks(self) -> str:
        if find_spec("sklearn") is not None:
            return ""
        return "scikit-learn, which has the images, is not installed here: pip install scikit-learn"

    def cases(self, settings: Settings) -> list[Case]:
        return [] if self.lacks() else by_kind("digits", 1 if settings.quick else _SEEDS, settings)

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        count, checks, timed = (4, 2, 2) if settings.quick else (_STEPS, _CHECKS, _TIMED)
        kind, seed = case.values["kind"], case.values["seed"]
        train, test = _split(seed)
        timing = milliseconds({name: _model(name, seed) for name in (kind, "mlp")}, _batches(train, seed), timed)
        model, loss = _model(kind, seed), _batches(train, seed)
        found = {"shape": f"{_DEPTH} x {_WIDTH}", "parameters": parameters(model, _batches(train, seed))}
        found |= {"step_ms": timing[kind], "mlp_step_ms": timing["mlp"]}
        rows, spent, began = [], 0.0, time.process_time()
        for step in steps(model, loss, count, _BLOCKS[kind].rate):
            if step % (count // checks) == 0:
                spent += time.process_time() - began
                rows.append(self.row(case, step=step, seconds=spent, **_judged(model, test), **found))
                began = time.process_time()
        return rows

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return block_table(rows, "test loss", "accuracy")

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        return limits(rows, "test loss")

    def draw(self, rows: Sequence[Row]) -> Picture:
        picture, panels = sheet(3)
        for ax, over in zip(panels, ("steps", "seconds"), strict=False):
            curves(ax, rows, over=over)
            if any(number(row) < float("inf") for row in rows):
                ax.set_yscale("log")
        panels[0].set_ylabel("test loss, nats")
        step_bars(panels[2], rows)
        return picture


class _Images(NamedTuple):
    x: Tensor
    y: Tensor


def _split(seed: int) -> tuple[_Images, _Images]:
    """The images to train on, first those that settings were chosen by, and those to judge by; pixels -1 to 1."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    others = torch.randperm(len(x) - _CHOOSING, generator=torch.Generator().manual_seed(seed))
    order = torch.cat([order[:_CHOOSING], order[_CHOOSING:][others]])
    images, classes = torch.from_numpy(x).float().view(-1, _SIDE, _SIDE)[order] / 8 - 1, torch.from_numpy(y)[order]
    return _Images(images[:-_TEST], classes[:-_TEST]), _Images(images[-_TEST:], classes[-_TEST:])


def _batches(images: _Images, seed: int) -> Callable[[torch.nn.Module], Tensor]:
    """The loss of a model on images drawn anew for each call, the same sequence of them for a seed."""
    generator = torch.Generator().manual_seed(seed)

    def loss(model: torch.nn.Module) -> Tensor:
        rows = torch.randint(len(images.x), (_BATCH,), generator=generator)
        return cross_entropy(model(images.x[rows]), images.y[rows])

    return loss


def _judged(model: torch.nn.Module, images: _Images) -> dict[str, float]:
    with torch.no_grad():
        scores = model(images.x)
    right = (scores.argmax(1) == images.y).float().mean()
    return {"error": float(cross_entropy(scores, images.y)), "accuracy": float(right)}


def _model(kind: str, seed: int) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ImageTransformer(_SIDE, _PATCH, _CLASSES, _WIDTH, _HEADS, _DEPTH, _BLOCKS[kind].make).float()
