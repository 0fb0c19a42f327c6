"""KAN blocks in transformers: a language model and a vision transformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from edgewise.nn import KANFeedForward
from edgewise_bench import Row
from edgewise_bench.baselines import minibatches
from edgewise_bench.datasets import characters
from edgewise_bench.drawing import Figure
from edgewise_bench.experiments.transformers import blocks
from edgewise_bench.tables import number

_CONTEXT, _TEXTS = 64, 32
_TOGETHER = 128  # windows that are evaluated together
_SIDE, _PATCH, _CLASSES, _BATCH = 8, 2, 10, 128


class Language(blocks.BlockExperiment):
    """Cross-entropy of the next character of Python's help topics, a transformer of two layers of width 64.

    Only the feed-forward blocks differ: linear, GELU, linear with four times the width; SwiGLU with 8/3 of the width;
    two layers of grouped rational functions; two layers of splines with two cells of degree 2, as wide as equal
    parameters allow. All see the same
    windows of 64 characters, 32 a step, for the same number of steps of AdamW in float32, and are judged on the last
    tenth of the text, of which no paragraph stands in the rest. Each block's learning rate is the best of 3e-3, 8e-3
    and 1.6e-2 in a run of 400 steps with another seed, trained on the first eight tenths of the text and judged on the
    ninth; there the MLP did better with the initial weights that it has here (1.86) than with torch's own (1.91).
    Splines were chosen there too, in runs of 800 steps with two seeds: two cells of degree 2 did as well as the MLP
    (1.44), three straight pieces worse (1.49); their range of -1 to 1, which is the block's default, and no base
    function, did far better than -4 to 4 with one (1.74 and 2.20 after 400 steps). Milliseconds of a step are medians
    of steps taken in turns with the MLP's model. The text differs between versions of Python: `characters` is its size.
    Nothing is published for this text; a KAN of pykan would take hours. `closed` is the share of the splines that a
    function of the library fits with R2 > 0.99, `closed_untrained` that of the network before training.
    """

    name = "language"
    title = "KAN blocks in a transformer"
    needs: ClassVar = {"pydoc_data": "This Python has no help topics: install its documentation."}
    extra = ("kind", "step", "step_ms", "mlp_step_ms", "characters", "closed", "closed_untrained")
    note = (
        "cross-entropy of the next character in nats, on the last tenth of the text; seconds of training on one core. "
        "closed: the share of splines that one function of the library fits with R2 > 0.99, next to that of the "
        "untrained network; coarse splines are nearly closed forms before they have learned anything. "
        "pykan has no batched layer that such a model could be made of in this time"
    )
    item, error_name, seeds, steps = "text", "validation loss", 3, 800
    shown = ("closed", "closed_untrained")
    blocks = {  # noqa: RUF012 (declared as a class variable in the base)
        "mlp": blocks.Block(lambda: blocks.mlp_block(4 * blocks.WIDTH), 8e-3),
        "swiglu": blocks.Block(lambda: blocks.SwiGLU(170), 8e-3),
        "rational": blocks.Block(lambda: KANFeedForward(blocks.WIDTH), 8e-3),
        "spline": blocks.Block(lambda: KANFeedForward(blocks.WIDTH, kind="spline", grid=2, degree=2), 8e-3),
    }

    def training(self, seed: int, quick: bool) -> blocks.Training:
        held_out_from = 0.9  # where the last tenth of the text begins
        text = characters()
        codes = torch.from_numpy(text.codes)
        train, rest = codes[: (cut := int(held_out_from * len(codes)))], codes[cut:]
        windows = rest[: len(rest) // (_CONTEXT + 1) * (_CONTEXT + 1)].view(-1, _CONTEXT + 1)
        held_out = windows[: _TOGETHER if quick else None]
        network = partial(blocks.Transformer, len(text.alphabet), _CONTEXT)
        loss, evaluate = partial(_windows, train, seed), partial(_cross_entropy, held_out)
        return blocks.Training(network, loss, evaluate, {"characters": len(text.codes)})


class Digits(blocks.BlockExperiment):
    """Cross-entropy on images of digits (8 x 8) that were not trained on, scikit-learn's 1797.

    A vision transformer of two layers of width 64 sees an image as 16 patches. Only the feed-forward blocks differ:
    linear, GELU, linear with four times the width; two layers of grouped rational functions; two layers of splines with
    three straight pieces, as wide as equal parameters allow. All see the same minibatches of 128 images for the same
    number of steps of AdamW in float32, and are judged on 360 images drawn for each seed. Settings were chosen by
    images that no seed is judged by: 144 of 540, drawn for each of two or three other seeds, on a network trained
    without them. Each block's learning rate is the best there of 2e-3, 4e-3 and 8e-3. With the MLP, vectors of size 1
    for places did better (0.05) than 0.02 (0.20), 0.3 and 0.6, and its initial weights better (0.07) than torch's own
    (0.10); eight rational functions did a little better than one (0.07 and 0.08), and splines of three straight pieces
    better than of two cells of degree 2 (0.05 and 0.08). The number of steps is where the MLP's loss there no longer
    falls. Milliseconds of a step are medians of steps taken in turns with the MLP's model. Nothing is published for
    these images.
    """

    name = "digits"
    title = "KAN blocks in a vision transformer"
    needs: ClassVar = {"sklearn": "scikit-learn, which has the images, is not installed here: pip install scikit-learn"}
    extra = ("kind", "step", "step_ms", "mlp_step_ms", "accuracy")
    note = "cross-entropy in nats and accuracy on images not trained on; seconds of training on one core"
    item, error_name, shown, seeds, steps = "digits", "test loss", ("accuracy",), 5, 240
    blocks = {  # noqa: RUF012 (declared as a class variable in the base)
        "mlp": blocks.Block(lambda: blocks.mlp_block(4 * blocks.WIDTH), 4e-3),
        "rational": blocks.Block(lambda: KANFeedForward(blocks.WIDTH), 4e-3),
        "spline": blocks.Block(lambda: KANFeedForward(blocks.WIDTH, kind="spline", grid=3, degree=1), 8e-3),
    }

    def training(self, seed: int, quick: bool) -> blocks.Training:
        train, test = _split(seed)
        network = partial(blocks.ImageTransformer, _SIDE, _PATCH, _CLASSES)
        return blocks.Training(network, partial(minibatches, *train, _BATCH, seed), partial(_judged, test), {})

    def draw(self, rows: Sequence[Row]) -> Figure:
        figure = super().draw(rows)
        if any(number(row) < float("inf") for row in rows):
            for ax in figure.axes[:2]:
                ax.set_yscale("log")
        return figure


def _windows(codes: Tensor, seed: int) -> Callable[[torch.nn.Module], Tensor]:
    """Return the loss of a transformer on new windows for each call, the same sequence of them for a seed."""
    generator, within = torch.Generator().manual_seed(seed), torch.arange(_CONTEXT + 1)

    def loss(model: torch.nn.Module) -> Tensor:
        assert isinstance(model, blocks.Transformer)
        first = torch.randint(len(codes) - _CONTEXT, (_TEXTS, 1), generator=generator)
        return model.loss(codes[first + within])

    return loss


def _cross_entropy(windows: Tensor, model: torch.nn.Module) -> dict[str, float]:
    assert isinstance(model, blocks.Transformer)
    with torch.no_grad():
        total = sum(float(model.loss(part)) * len(part) for part in windows.split(_TOGETHER))
    return {"error": total / len(windows)}


def _split(seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return the training images, first those that settings were chosen by, and the test images; pixels -1 to 1."""
    choosing, test = (
        540,
        360,
    )  # images that settings were chosen by, which no seed judges by; those that a seed judges by
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    others = torch.randperm(len(x) - choosing, generator=torch.Generator().manual_seed(seed))
    order = torch.cat([order[:choosing], order[choosing:][others]])
    images, classes = torch.from_numpy(x).float().view(-1, _SIDE, _SIDE)[order] / 8 - 1, torch.from_numpy(y)[order]
    return (images[:-test], classes[:-test]), (images[-test:], classes[-test:])


def _judged(images: tuple[Tensor, Tensor], model: torch.nn.Module) -> dict[str, float]:
    x, classes = images
    with torch.no_grad():
        scores = model(x)
    right = (scores.argmax(1) == classes).float().mean()
    return {"error": float(cross_entropy(scores, classes)), "accuracy": float(right)}
