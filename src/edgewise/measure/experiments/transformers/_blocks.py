"""What experiments on blocks of networks share: kinds of blocks as cases, their table, claims and curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from edgewise.experiments._experiment import MLP, OURS, Claim, grouped, limit, number, told
from edgewise.experiments._sheet import legend
from edgewise.measure import COLOURS, INK, Case, Cell, Row, Settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("mlp", "rational", "spline")
_SQUARE = 0.425  # mean of gelu(z)^2 for normal z
_SLOWEST = 1.3  # of a step, beside the perceptron's
_NAMES = {"mlp": "MLP", "rational": "KAN, rational", "spline": "KAN, spline"}
_COLOURS = {"mlp": COLOURS[MLP], "rational": COLOURS[OURS], "spline": "#2f6db5"}


class Block(NamedTuple):
    """What makes a module, from torch's global random numbers, and the learning rate that it trains with."""

    make: Callable[[], torch.nn.Module]
    rate: float


def perceptron(n_in: int, hidden: int, n_out: int) -> torch.nn.Sequential:
    """Linear, GELU, linear. First weights hand the size of normal inputs on, as those of rational layers do."""
    first, second = torch.nn.Linear(n_in, hidden), torch.nn.Linear(hidden, n_out)
    for layer, square in ((first, 1.0), (second, _SQUARE)):
        torch.nn.init.normal_(layer.weight, std=(layer.in_features * square) ** -0.5)
        torch.nn.init.zeros_(layer.bias)
    return torch.nn.Sequential(first, torch.nn.GELU(), second)


def by_kind(item: str, seeds: int, settings: Settings) -> list[Case]:
    """A case for each kind of block and seed."""
    return [
        Case(f"{item}, {kind}, seed {seed}: {model}", {"item": item, "model": model, "kind": kind, "seed": seed})
        for seed in range(seeds)
        for kind in KINDS
        if (model := MLP if kind == "mlp" else OURS) in settings.libraries
    ]


def block_table(rows: Sequence[Row], error: str, extra: str = "") -> tuple[list[str], list[list[Cell]]]:
    """A line for each kind: medians over the seeds at the last step, and the spread of the error.

    `extra` is a column of rows that is shown too.
    """
    more = [extra] if extra else []
    head = ["data", "model", "parameters", f"{error}, median", "lowest to highest", *more]
    head += ["at the MLP's seconds", "ms a step", "MLP's ms", "seconds"]
    lines = []
    for (item, kind), own in grouped(rows, "item", "kind").items():
        ends = _ends(own)
        if not ends:
            lines.append([Cell(item), Cell(_NAMES[kind]), *[Cell(str(own[-1]["status"]))] * (len(head) - 2)])
            continue
        errors = [number(row) for row in ends]
        values = [str(ends[0]["parameters"]), told(median(errors), 4), f"{min(errors):.4g} to {max(errors):.4g}"]
        values += [told(_middle(ends, name), 4) for name in more] + [told(_timely(own), 4)]
        values += [told(_middle(ends, name), 3) for name in ("step_ms", "mlp_step_ms", "seconds")]
        lines.append([Cell(item), Cell(_NAMES[kind]), *map(Cell, values)])
    return head, lines


def limits(rows: Sequence[Row], error: str) -> list[Claim]:
    """Each KAN's error at equal parameters and at equal time, and the time of its steps, over the perceptron's."""
    parts = grouped(rows, "kind")
    base = _middle(_ends(parts.get(("mlp",), [])), "error")
    claims = []
    for kind in KINDS[1:]:
        own, name = parts.get((kind,), []), _NAMES[kind]
        found = {"at equal parameters": _middle(_ends(own), "error"), "at equal time": _timely(own)}
        for when, value in found.items():
            share = value / base if base < float("inf") else base
            claims.append(limit(f"{name}: {error} over the MLP's {when}", 1, "none", share, f"{share:.3f}"))
        slower = _slower(own)
        claims.append(limit(f"{name}: time of a step over the MLP's", _SLOWEST, "about 10", slower, f"{slower:.2f}"))
    return claims


def curves(ax: Axes, rows: Sequence[Row], *, over: str) -> None:
    """The error of each kind over "steps" or "seconds": median of the seeds, and the range.

    Seconds are steps times the perceptron's median step, times how much slower a step is beside it.
    """
    unit = _middle(_ends(rows), "mlp_step_ms") / 1e3
    for kind, own in _measured(rows):
        places, low, middle, high = _spread(own)
        x = places * (unit * _slower(own) if over == "seconds" else 1)
        ax.plot(x, middle, "o-", ms=3, color=_COLOURS[kind], label=_NAMES[kind])
        ax.fill_between(x, low, high, color=_COLOURS[kind], alpha=0.2, lw=0)
    ax.set_xlabel(over if over == "steps" else "seconds of training on one core")
    legend(ax)


def step_bars(ax: Axes, rows: Sequence[Row]) -> None:
    """The time of a step of each kind over the perceptron's, and what is allowed."""
    kinds = [kind for kind, _ in _measured(rows)]
    values = [_slower(own) for _, own in _measured(rows)]
    bars = ax.bar([_NAMES[kind] for kind in kinds], values, width=0.6, color=[_COLOURS[kind] for kind in kinds])
    ax.bar_label(bars, [f"{value:.2f}" for value in values], label_type="center", color="white")
    ax.axhline(_SLOWEST, color=INK, ls=":", lw=1)
    ax.set(ylabel="time of a step over the MLP's", ylim=(0, 1.2 * max(_SLOWEST, *values, 1)))
    ax.tick_params(axis="x", labelsize=8)


def _measured(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    done = [row for row in rows if row["step"] not in ("", None)]
    return [(kind, own) for (kind,), own in grouped(done, "kind").items()]


def _ends(rows: Iterable[Row]) -> list[Row]:
    """The last row of each seed."""
    return [own[-1] for own in grouped(rows, "item", "kind", "seed").values() if own[-1]["step"] not in ("", None)]


def _middle(rows: Iterable[Row], column: str) -> float:
    return median([number(row, column) for row in rows] or [float("inf")])


def _slower(rows: Iterable[Row]) -> float:
    """The time of a step over that of the perceptron's steps taken in turns with it."""
    return median([number(row, "step_ms") / number(row, "mlp_step_ms") for row in _ends(rows)] or [float("inf")])


def _spread(rows: Iterable[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps, and there the lowest, median and highest error over the seeds."""
    places = grouped(rows, "step")
    errors = [[number(row) for row in own] for own in places.values()]
    found = [np.array([of(values) for values in errors]) for of in (min, median, max)]
    return np.array([float(step) for (step,) in places]), found[0], found[1], found[2]


def _timely(rows: Iterable[Row]) -> float:
    """The median error when the perceptron ends its steps: earlier on the curve where steps take longer."""
    if not (own := [row for row in rows if row["step"] not in ("", None)]):
        return float("inf")
    places, _, middle, _ = _spread(own)
    return float(np.interp(places[-1] / max(1.0, _slower(own)), places, middle))
