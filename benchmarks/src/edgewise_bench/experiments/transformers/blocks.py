"""Feed-forward blocks compared in the same small transformer: training, table, criteria and curves."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pixel_unshuffle, scaled_dot_product_attention

from edgewise_bench import MLP, OURS, Case, Cell, Criterion, Experiment, Model, Row, Settings
from edgewise_bench.baselines import adamw_milliseconds, adamw_steps, seeded, used_parameters
from edgewise_bench.drawing import COLORS, INK, Axes, Figure, panel_grid, panel_legend
from edgewise_bench.tables import format_number, grouped, number

WIDTH, HEADS, DEPTH = 64, 4, 2
_CODES, _IMAGES = 0.02, 1.0  # of first vectors for characters and their places; of those for places in an image


class Transformer(torch.nn.Module):
    """Characters, each embedded, through a trunk and a linear map.

    Shapes: codes (rows, context) -> scores (rows, context, characters); a score sees the characters up to its place.
    """

    def __init__(self, characters: int, context: int, feed_forward: Callable[[], torch.nn.Module]) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(characters, WIDTH)
        torch.nn.init.normal_(self.embedding.weight, std=_CODES)
        self.trunk = _Trunk(context, feed_forward, size=_CODES, causal=True)
        self.scores = torch.nn.Linear(WIDTH, characters)

    def forward(self, codes: Tensor) -> Tensor:
        return self.scores(self.trunk(self.embedding(codes)))

    def loss(self, windows: Tensor) -> Tensor:
        """Return the cross-entropy of every character but the first of windows (rows, context + 1), in nats."""
        return cross_entropy(self(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


class ImageTransformer(torch.nn.Module):
    """Square patches of an image, each mapped linearly, through a trunk; then their mean and a linear map.

    Shapes: images (rows, side, side) -> scores (rows, classes).
    """

    def __init__(self, side: int, patch: int, classes: int, feed_forward: Callable[[], torch.nn.Module]) -> None:
        super().__init__()
        self.patch = patch
        self.embedding = torch.nn.Linear(patch**2, WIDTH)
        self.trunk = _Trunk((side // patch) ** 2, feed_forward, size=_IMAGES, causal=False)
        self.scores = torch.nn.Linear(WIDTH, classes)

    def forward(self, images: Tensor) -> Tensor:
        patches = pixel_unshuffle(images[:, None], self.patch).flatten(2).transpose(1, 2)
        return self.scores(self.trunk(self.embedding(patches)).mean(1))


class _Trunk(torch.nn.Module):
    """A vector for each place added, blocks x + attention(norm(x)), then x + feed_forward(norm(x)), and a last norm."""

    def __init__(
        self, places: int, feed_forward: Callable[[], torch.nn.Module], *, size: float, causal: bool
    ) -> None:  # fmt: skip
        super().__init__()
        self.place = torch.nn.Parameter(size * torch.randn(places, WIDTH))
        self.blocks = torch.nn.Sequential(*(_Block(feed_forward(), causal) for _ in range(DEPTH)))
        self.norm = torch.nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.blocks(x + self.place[: x.shape[1]]))


class _Block(torch.nn.Module):
    def __init__(self, feed_forward: torch.nn.Module, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.before, self.between = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.query_key_value, self.output = torch.nn.Linear(WIDTH, 3 * WIDTH), torch.nn.Linear(WIDTH, WIDTH)
        self.feed_forward = feed_forward

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attention(self.before(x))
        return x + self.feed_forward(self.between(x))

    def _attention(self, x: Tensor) -> Tensor:
        query, key, value = self.query_key_value(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.output(mixed.transpose(1, 2).flatten(2))


_SLOWEST = 1.3  # limit for the time of a step over the MLP's
_NAMES = {"mlp": "MLP", "swiglu": "SwiGLU", "rational": "KAN, rational", "spline": "KAN, spline"}
_COLORS = {"mlp": COLORS[MLP], "swiglu": "#8a5a9e", "rational": COLORS[OURS], "spline": "#2f6db5"}
_KANS = ("rational", "spline")


class Block(NamedTuple):
    """What makes a block, from torch's global random numbers, and the learning rate that it trains with."""

    make: Callable[[], torch.nn.Module]
    rate: float


class Training(NamedTuple):
    """How a network is made around blocks, its minibatch loss, how it is evaluated, and columns of all rows."""

    network: Callable[[Callable[[], torch.nn.Module]], torch.nn.Module]
    minibatches: Callable[[], Callable[[torch.nn.Module], torch.Tensor]]
    evaluate: Callable[[torch.nn.Module], dict[str, float]]
    columns: dict[str, Any]


class BlockExperiment(Experiment):
    """Kinds of blocks in the same network, trained by the same steps.

    item: what the data are. error_name: what the column `error` is. shown: an extra column that the table shows.
    """

    source = "none of the articles; rational blocks in Kolmogorov-Arnold Transformer (2024)"
    item: ClassVar[str]
    error_name: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()
    seeds: ClassVar[int]
    steps: ClassVar[int]
    blocks: ClassVar[Mapping[str, Block]]

    @abstractmethod
    def training(self, seed: int, quick: bool) -> Training:
        """Load the data of a seed."""

    def cases(self, settings: Settings) -> list[Case]:
        if self.missing():
            return []
        item = self.item
        return [
            Case(f"{item}, {kind}, seed {seed}: {model}", {"item": item, "model": model, "kind": kind, "seed": seed})
            for seed in range(1 if settings.quick else self.seeds)
            for kind in self.blocks
            if (model := OURS if kind in _KANS else MLP) in settings.libraries
        ]

    def models(self) -> Mapping[str, Model]:
        return dict.fromkeys((OURS, MLP), self._train)

    def _train(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        check_count, timed_steps = 10, 20  # evaluations of a run; steps that are timed
        count, checks, timed = (4, 2, 2) if settings.quick else (self.steps, check_count, timed_steps)
        kind, seed = case.values["kind"], case.values["seed"]
        do = self.training(seed, settings.quick)

        def made(kind: str) -> torch.nn.Module:
            with seeded(seed):
                return do.network(self.blocks[kind].make).float()

        timing = adamw_milliseconds({name: made(name) for name in (kind, "mlp")}, do.minibatches(), timed)
        model = made(kind)
        found = {"shape": f"{DEPTH} x {WIDTH}", "parameters": used_parameters(model, do.minibatches()), **do.columns}
        found |= {"step_ms": timing[kind], "mlp_step_ms": timing["mlp"]}
        spent, began = 0.0, time.process_time()
        for step in adamw_steps(model, do.minibatches(), count, self.blocks[kind].rate):
            if step % (count // checks) == 0:
                spent += time.process_time() - began
                if step == count and "closed" in self.extra and kind == "spline":
                    found |= {"closed": closed_share(model, seed), "closed_untrained": closed_share(made(kind), seed)}
                yield {**found, "step": step, "seconds": spent, **do.evaluate(model)}
                began = time.process_time()

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        """Return a line for each kind: medians over the seeds at the last step, and the range of the error."""
        head = ["data", "model", "parameters", f"{self.error_name}, median", "lowest to highest", *self.shown]
        head += ["at the MLP's seconds", "ms a step", "MLP's ms", "seconds"]
        lines = []
        for (item, kind), own in grouped(rows, "item", "kind").items():
            ends = _ends(own)
            if not ends:
                lines.append([Cell(item), Cell(_NAMES[kind]), *[Cell(str(own[-1]["status"]))] * (len(head) - 2)])
                continue
            errors = [number(row) for row in ends]
            texts = [item, _NAMES[kind], str(ends[0]["parameters"]), format_number(median(errors), 4)]
            texts.append(f"{min(errors):.4g} to {max(errors):.4g}")
            texts += [format_number(value, 4) for value in (*(_median(ends, n) for n in self.shown), _timely(own))]
            texts += [format_number(_median(ends, name), 3) for name in ("step_ms", "mlp_step_ms", "seconds")]
            lines.append([Cell(text) for text in texts])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        """Limit each KAN's error at equal parameters and at equal time, and the time of its steps, over the MLP's; and
        its error over that of SwiGLU, where that is measured."""
        parts = grouped(rows, "kind")
        base = _median(_ends(parts.get(("mlp",), [])), "error")
        gated = parts.get(("swiglu",), [])
        made = []
        for kind in _KANS:
            own, name = parts.get((kind,), []), _NAMES[kind]
            errors = {"parameters": _median(_ends(own), "error"), "time": _timely(own)}
            for when, value in errors.items():
                ratio = value / base if base < float("inf") else base
                what = f"{name}: {self.error_name} over the MLP's at equal {when}"
                made.append(Criterion.at_most(what, 1, "none", ratio, f"{ratio:.3f}"))
            if gated:
                others = {"parameters": _median(_ends(gated), "error"), "time": _timely(gated)}
                for when, value in errors.items():
                    ratio = value / others[when]
                    what = f"{name}: {self.error_name} over SwiGLU's at equal {when}"
                    made.append(Criterion.at_most(what, 1, "none", ratio, f"{ratio:.3f}"))
            slower, what = _slower(own), f"{name}: time of a step over the MLP's"
            made.append(Criterion.at_most(what, _SLOWEST, "about 10", slower, f"{slower:.2f}"))
        return made

    def draw(self, rows: Sequence[Row]) -> Figure:
        figure, panels = panel_grid(3)
        _curves(panels[0], rows, over="steps")
        _curves(panels[1], rows, over="seconds")
        panels[0].set_ylabel(f"{self.error_name}, nats")
        _step_bars(panels[2], rows)
        return figure


def mlp_block(hidden: int) -> torch.nn.Sequential:
    """Build linear, GELU, linear; initial weights preserve the scale of normal inputs, as those of rational layers."""
    mean_square = 0.425  # mean of gelu(z)^2 for normal z
    first, second = torch.nn.Linear(WIDTH, hidden), torch.nn.Linear(hidden, WIDTH)
    for layer, square in ((first, 1.0), (second, mean_square)):
        torch.nn.init.normal_(layer.weight, std=(layer.in_features * square) ** -0.5)
        torch.nn.init.zeros_(layer.bias)
    return torch.nn.Sequential(first, torch.nn.GELU(), second)


class SwiGLU(torch.nn.Module):
    """W_2 (silu(W_1 x) * W_3 x), the feed-forward block of current language models.

    Initial weights preserve the scale of normal inputs.

    Source: Shazeer, GLU variants improve transformer (2020).
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        mean_square = 0.356  # mean of (silu(z) z')^2 for independent normal z and z'
        self.gate, self.up = torch.nn.Linear(WIDTH, hidden), torch.nn.Linear(WIDTH, hidden)
        self.down = torch.nn.Linear(hidden, WIDTH)
        for layer, square in ((self.gate, 1.0), (self.up, 1.0), (self.down, mean_square)):
            torch.nn.init.normal_(layer.weight, std=(layer.in_features * square) ** -0.5)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.nn.functional.silu(self.gate(x)) * self.up(x))


def closed_share(model: torch.nn.Module, seed: int) -> float:
    """Return the share of 50 edges of each layer of splines that a function of the library fits with R2 > 0.99.

    c f(a x + b) + d for 64 inputs from -1 to 1; straight lines and constants count. Trained networks mean something
    only next to untrained ones: coarse splines are nearly closed forms whatever their coefficients.
    """
    edges, points, enough = 50, 64, 0.99
    from edgewise.nn import KANLayer
    from edgewise.symbolic import rank_curves

    generator, places = torch.Generator().manual_seed(seed), torch.linspace(-1, 1, points, dtype=torch.float64)
    found = []
    for layer in (each for each in model.modules() if isinstance(each, KANLayer)):
        with torch.no_grad():
            values = layer.edges(places.to(layer.dtype)[:, None].expand(-1, layer.n_in)).double().flatten(1)
        for k in torch.randperm(values.shape[1], generator=generator)[:edges]:
            found.append(min(fit.error for fit in rank_curves(places, values[:, k])) ** 2 <= 1 - enough)
    return sum(found) / len(found)


def _curves(ax: Axes, rows: Sequence[Row], *, over: str) -> None:
    """Draw the error of each kind over "steps" or "seconds": median and range over the seeds.

    Seconds are steps times the MLP's median step, times the ratio of the two models' step times.
    """
    unit = _median(_ends(rows), "mlp_step_ms") / 1e3
    for kind, own in _measured(rows):
        places, low, middle, high = _range(own)
        x = places * (unit * _slower(own) if over == "seconds" else 1)
        ax.plot(x, middle, "o-", ms=3, color=_COLORS[kind], label=_NAMES[kind])
        ax.fill_between(x, low, high, color=_COLORS[kind], alpha=0.2, lw=0)
    ax.set_xlabel(over if over == "steps" else "seconds of training on one core")
    panel_legend(ax)


def _step_bars(ax: Axes, rows: Sequence[Row]) -> None:
    """Draw the time of a step of each kind over the MLP's, and the limit."""
    kinds = [kind for kind, _ in _measured(rows)]
    values = [_slower(own) for _, own in _measured(rows)]
    bars = ax.bar([_NAMES[kind] for kind in kinds], values, width=0.6, color=[_COLORS[kind] for kind in kinds])
    ax.bar_label(bars, [f"{value:.2f}" for value in values], label_type="center", color="white")
    ax.axhline(_SLOWEST, color=INK, ls=":", lw=1)
    ax.set(ylabel="time of a step over the MLP's", ylim=(0, 1.2 * max(_SLOWEST, *values, 1)))
    ax.tick_params(axis="x", labelsize=8)


def _measured(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    done = [row for row in rows if row["step"] not in ("", None)]
    return [(kind, own) for (kind,), own in grouped(done, "kind").items()]


def _ends(rows: Iterable[Row]) -> list[Row]:
    """Return the last row of each seed."""
    return [own[-1] for own in grouped(rows, "item", "kind", "seed").values() if own[-1]["step"] not in ("", None)]


def _median(rows: Iterable[Row], column: str) -> float:
    return median([number(row, column) for row in rows] or [float("inf")])


def _slower(rows: Iterable[Row]) -> float:
    """Return the time of a step over that of the MLP's steps taken in turns with it."""
    return median([number(row, "step_ms") / number(row, "mlp_step_ms") for row in _ends(rows)] or [float("inf")])


def _range(rows: Iterable[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the steps, and there the lowest, median and highest error over the seeds."""
    places = grouped(rows, "step")
    errors = [[number(row) for row in own] for own in places.values()]
    found = [np.array([of(values) for values in errors]) for of in (min, median, max)]
    return np.array([float(step) for (step,) in places]), found[0], found[1], found[2]


def _timely(rows: Iterable[Row]) -> float:
    """Return the median error when the MLP ends its steps: earlier on the curve if steps take longer."""
    if not (own := [row for row in rows if row["step"] not in ("", None)]):
        return float("inf")
    places, _, middle, _ = _range(own)
    return float(np.interp(places[-1] / max(1.0, _slower(own)), places, middle))
