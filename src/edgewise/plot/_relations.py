"""Columns that are tied: which, by what, and how each seed saw it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise._typing import Data
from edgewise.plot import _style as style
from edgewise.plot._ruler import width
from edgewise.plot._text import PLAIN, Label, plain

_CELL = 0.42  # inches
_LONGEST = 46  # letters of an equation
_CROWDED = 8  # names from which they stand upright
_SHADES = LinearSegmentedColormap.from_list("evidence", ["#f1f4f7", style.ACCENT])


class Tie(NamedTuple):
    """One relation: the numbers of its columns, its equation or what is known of it, and how many seeds found it."""

    columns: Sequence[int]
    text: str
    support: str = ""


def relations(ties: Sequence[Tie], names: Sequence[str], shares: Data) -> Figure:
    """Draw one line of joined dots for each relation above a matrix of the evidence of each seed on each column.

    A cell is dark where shuffling the column alone destroys what the seed recognised.

    Shapes: shares (seeds, columns), from 0 to 1.
    Errors: InputError where shares do not have one column for each name, or a relation has a column that is not there.

    >>> import edgewise as ew
    >>> figure = ew.plot.relations([ew.plot.Tie([0, 2], "c = a**2")], ["a", "b", "c"], [[1.0, 0.0, 1.0]])
    >>> len(figure.axes)
    2
    """
    values = np.asarray(shares, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names) or 0 in values.shape:
        raise InputError(
            f"'shares' must have shape (seeds, {len(names)}), one column for each name. Got {values.shape}."
        )
    for tie in ties:
        if not all(0 <= column < len(names) for column in tie.columns):
            raise InputError(f"A relation's columns must be numbers from 0 to {len(names) - 1}. Got {[*tie.columns]}.")
    heights = [max(1, len(ties)), len(values)]
    shown = [plain(name, _LONGEST) for name in names]
    room = max(width(Label(name, False), 8.0) for name in shown) if _upright(shown) else 0.0
    size = (2.2 + _CELL * len(names) + 3.4, max(1.1, room + 0.3) + _CELL * sum(heights))
    figure = style.Picture(figsize=size, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    _ties(upper, ties, len(names))
    _evidence(lower, values, shown)
    return figure


def _ties(ax: Axes, ties: Sequence[Tie], columns: int) -> None:
    for row, tie in enumerate(ties):
        spots = sorted(tie.columns)
        ax.plot([-0.5, columns - 0.5], [row, row], color=style.FAINT, linewidth=0.5, zorder=1)
        ax.plot(spots, [row] * len(spots), "o-", color=style.SYMBOLIC, markersize=8, linewidth=2, zorder=2)
        text = printable(tie.text)
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        ax.text(columns - 0.3, row, text, va="center", fontsize=9, color=style.INK, **PLAIN)
    if not ties:
        ax.text((columns - 1) / 2, 0, "no relation", ha="center", va="center", fontsize=9, color=style.SOFT)
    count = max(1, len(ties))
    ax.set_ylim(count - 0.5, -0.5)
    ax.set_yticks(range(len(ties)), [plain(tie.support) for tie in ties], **PLAIN)
    ax.set_ylabel("found in", color=style.INK, fontsize=8)
    _bare(ax, columns)


def _evidence(ax: Axes, values: np.ndarray, names: Sequence[str]) -> None:
    ax.imshow(values, cmap=_SHADES, vmin=0, vmax=1, aspect="auto", interpolation="none")
    for edge in np.arange(0.5, values.shape[1] - 1):
        ax.axvline(edge, color="white", linewidth=2)
    for edge in np.arange(0.5, values.shape[0] - 1):
        ax.axhline(edge, color="white", linewidth=2)
    ax.set_xticks(range(len(names)), names, rotation=90 if _upright(names) else 0, **PLAIN)
    ax.set_yticks(range(len(values)), [str(seed + 1) for seed in range(len(values))])
    ax.set_ylabel("seed", color=style.INK, fontsize=8)
    _bare(ax, len(names))


def _upright(names: Sequence[str]) -> bool:
    return len(names) > _CROWDED or max(map(len, names)) > 4


def _bare(ax: Axes, columns: int) -> None:
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, colors=style.INK, labelsize=8)
    ax.set_xlim(-0.5, columns - 0.5)
