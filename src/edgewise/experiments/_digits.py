"""Handwritten digits: small KANs beside perceptrons of as many parameters, trained alike."""

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
from edgewise.measure import Case, Cell, Row, Settings
from edgewise.nn import KAN, RationalLayer

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_PIXELS, _CLASSES, _BATCH = 64, 10, 128
_HIDDEN, _NARROW = 128, 18  # nodes: at 18 splines have as many parameters
_STEPS, _CHECKS, _TIMED, _SEEDS = 600, 12, 50, 5
_TEST = 360  # images of each seed's own, a fifth

#: network -> what makes it, and its learning rate
_NETWORKS: dict[str, Block] = {
    "mlp": Block(lambda: perceptron(_PIXELS, _HIDDEN, _CLASSES), 3e-2),
    "rational": Block(lambda: _rational(), 3e-2),
    "spline": Block(lambda: _spline(), 1e-2),
}


class Digits(Experiment):
    """Cross-entropy on images of digits (8 x 8) that were not trained on, scikit-learn's 1797.

    A perceptron 64 -> 128 -> 10 with GELU; two layers of rational functions, one for all nodes of a layer, as wide; a
    network of splines of degree 3 on three cells, as wide as equal parameters allow. All see the same minibatches of
    128 images for the same number of steps of AdamW in float32; a fifth of the images, drawn anew for each seed, is
    never trained on. Each network's learning rate is the best of 3e-3, 1e-2 and 3e-2, and groups, grids and the
    perceptron's first weights the better of two, on a tenth of the training images of three other seeds.
    Milliseconds of a step are medians of steps taken in turns with the perceptron. Nothing is published for these
    images.
    """

    name = "digits"
    title = "KANs as classifiers of images"
    source = "here; rational layers: Kolmogorov-Arnold Transformer (2024)"
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
        count, checks, timed = (6, 2, 2) if settings.quick else (_STEPS, _CHECKS, _TIMED)
        kind, seed = case.values["kind"], case.values["seed"]
        train, test = _split(seed)
        timing = milliseconds({name: _model(name, seed) for name in (kind, "mlp")}, _batches(train, seed), timed)
        model, loss = _model(kind, seed), _batches(train, seed)
        width = _NARROW if kind == "spline" else _HIDDEN
        found = {"parameters": parameters(model, _batches(train, seed)), "shape": str([_PIXELS, width, _CLASSES])}
        found |= {"step_ms": timing[kind], "mlp_step_ms": timing["mlp"]}
        rows, spent, began = [], 0.0, time.process_time()
        for step in steps(model, loss, count, _NETWORKS[kind].rate):
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
    """The images to train on and those to judge by, pixels from -1 to 1."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    everything = _Images(torch.from_numpy(x).float()[order] / 8 - 1, torch.from_numpy(y).long()[order])
    test, train = (_Images(*(part[rows] for part in everything)) for rows in (slice(_TEST), slice(_TEST, None)))
    return train, test


def _batches(images: _Images, seed: int) -> Callable[[torch.nn.Module], Tensor]:
    """The loss of a network on images drawn anew for each call, the same sequence of them for a seed."""
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
        return _NETWORKS[kind].make()


def _rational() -> torch.nn.Module:
    first = RationalLayer(_PIXELS, _HIDDEN, groups=1, init="identity")
    return torch.nn.Sequential(first, RationalLayer(_HIDDEN, _CLASSES, groups=1, init="silu"))


def _spline() -> torch.nn.Module:
    seed = int(torch.randint(2**31, ()))
    return KAN([_PIXELS, _NARROW, _CLASSES], base="silu", grid=3, dtype=torch.float32, seed=seed)
