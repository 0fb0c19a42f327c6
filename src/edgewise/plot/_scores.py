"""Scores of inputs, interactions of pairs, and columns that are tied."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise._printable import printable, shortened
from edgewise._typing import Data
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, Label, name_label, plain, width
from edgewise.train import as_matrix

_LONGEST = 46  # letters of an equation
_SHADES = LinearSegmentedColormap.from_list("evidence", ["#f1f4f7", style.ACCENT])


class Tie(NamedTuple):
    """One relation between columns.

    Parameters
    ----------
    columns
        The numbers of its columns, from 0.
    text
        Its equation, or what is known of it.
    support
        How many seeds found it.
    """

    columns: Sequence[int]
    text: str
    support: str = ""


def relations(ties: Sequence[Tie], names: Sequence[str], shares: Data, *, ax: Axes | None = None) -> Figure:
    """Draw one line of joined dots for each relation above a matrix of the evidence, and return the figure.

    A cell is dark where shuffling the column alone destroys what the seed recognized.

    Parameters
    ----------
    ties
        The relations.
    names
        Names of the columns.
    shares : (seeds, columns)
        The evidence of each seed on each column, from 0 to 1.
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Raises
    ------
    InputError
        Where shares do not have one column for each name, or a relation has a column that is not there.

    Examples
    --------
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
    cell = 0.42  # inches
    size = (2.2 + cell * len(names) + 3.4, max(1.1, room + 0.3) + cell * sum(heights))
    figure = style.Picture.at(ax, size)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    _ties(upper, ties, len(names))
    _evidence(lower, values, shown)
    return figure


def _ties(ax: Axes, ties: Sequence[Tie], columns: int) -> None:
    for row, tie in enumerate(ties):
        spots = sorted(tie.columns)
        ax.plot([-0.5, columns - 0.5], [row, row], color=style.FAINT, linewidth=0.5, zorder=1)
        ax.plot(spots, [row] * len(spots), "o-", color=style.SYMBOLIC, markersize=8, linewidth=2, zorder=2)
        text = shortened(printable(tie.text), _LONGEST)
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
    return len(names) > 8 or max(map(len, names)) > 4


def _bare(ax: Axes, columns: int) -> None:
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, colors=style.INK, labelsize=8)
    ax.set_xlim(-0.5, columns - 0.5)


_SIZES = LinearSegmentedColormap.from_list("sizes", ["white", "#a9c4e4", style.ACCENT, style.INK])


def scores(values: Data, names: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw scores of inputs, the largest on top, and return the axes; negative, signed ones go to the left.

    Parameters
    ----------
    values : (n,)
        The scores, those of `edgewise.interpret.input_scores`.
    names
        Names of the n inputs, x1, x2, ... by default.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        For values that are not finite, or another number of names.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> ax = ew.plot.scores(ew.interpret.input_scores(ew.KAN([3, 1]), torch.rand(50, 3)), ["a", "b", "c"])
    >>> len(ax.patches)
    3
    """
    column = as_matrix(values, "values").double().cpu().numpy()
    if column.shape[1] != 1:
        raise InputError(f"'values' must be one score for each input. Got shape {column.shape}.")
    labels = _labels(names, len(column))
    order = np.argsort(np.abs(column[:, 0]), kind="stable")
    shown = column[order, 0]
    room = max(width(label, 8.0) for label in labels)
    ax = style.axes(ax, (max(3.35, room + 1.8), 0.5 + 0.21 * len(shown)))
    colors = [style.ACCENT if value >= 0 else style.SYMBOLIC for value in shown]
    ax.barh(range(len(shown)), shown, height=0.66, color=colors, zorder=2)
    _ticks(ax.yaxis, [labels[k] for k in order])
    if (shown < 0).any():
        ax.axvline(0, color=style.SOFT, linewidth=0.8, zorder=3)
    ax.set_xlabel("score", fontsize=8.5)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    style.plain_axes(ax)
    ax.grid(False, axis="y")
    return ax


def interactions(matrix: Data, names: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw how strongly each pair of inputs acts together, and return the axes.

    Blue is strong, white none; where values are negative, blue is above 0 and orange below. The diagonal is gray: it
    tells how much the network bends along each input. Up to 12 inputs the values are written as well.

    Parameters
    ----------
    matrix : (n, n)
        The interactions, those of `edgewise.interpret.interactions`.
    names
        Names of the n inputs, x1, x2, ... by default.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        For a matrix that is not square or not finite, or another number of names.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> ax = ew.plot.interactions(ew.interpret.interactions(ew.KAN([3, 2, 1]), torch.rand(50, 3)), ["a", "b", "c"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['$a$', '$b$', '$c$']
    """
    table = as_matrix(matrix, "matrix").double().cpu().numpy()
    if table.shape[0] != table.shape[1]:
        raise InputError(f"'matrix' must be square, a row and a column for each input. Got shape {table.shape}.")
    labels, count = _labels(names, len(table)), len(table)
    written = count <= 12  # as numbers, too
    cells, room = (0.38 if written else 0.22) * count, max(width(label, 8.0) for label in labels)
    ax = style.axes(ax, (cells + room + 1.3, cells + 0.75 * room + 0.3))
    pairs = np.where(np.eye(count, dtype=bool), np.nan, table)
    most, signed = float(np.nanmax(np.abs(pairs), initial=0.0)) or 1.0, bool((pairs < 0).any())
    image = ax.imshow(pairs, cmap=style.SIGNED if signed else _SIZES, vmin=-most if signed else 0.0, vmax=most)
    ax.set_facecolor(style.FAINT)
    _ticks(ax.yaxis, labels)
    _ticks(ax.xaxis, labels)
    ax.tick_params(length=0, labelsize=8, labelcolor=style.INK)
    for label in ax.get_xticklabels():
        label.set(rotation=45, ha="right", rotation_mode="anchor")  # type: ignore[call-arg]
    ax.spines[:].set_visible(False)
    least = 0.005  # rounds to 0.01
    if written and least <= np.abs(table).max() < 10:
        _write(ax, table, least, 0.5 * most)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.03)
    bar.set_label("interaction", fontsize=8.5, color=style.INK)
    bar.ax.tick_params(labelsize=7, colors=style.SOFT, labelcolor=style.INK)
    bar.outline.set_visible(False)  # type: ignore[operator]
    return ax


def _write(ax: Axes, table: np.ndarray, least: float, dark: float) -> None:
    """The numbers of a table in its cells, white on dark ones; those that round to 0 stay away."""
    for (row, column), value in np.ndenumerate(table):
        if abs(value) >= least:
            color = "white" if row != column and abs(value) > dark else style.INK
            text = f"{value:.2f}".replace("-", "−")
            ax.text(column, row, text, ha="center", va="center", fontsize=6.5, color=color)


def _ticks(axis: Axis, names: Sequence[Label]) -> None:
    axis.set_ticks(range(len(names)), [label.text for label in names])
    for text, label in zip(axis.get_ticklabels(), names, strict=True):
        text.set(**label.style)


def _labels(names: Sequence[str] | None, count: int) -> list[Label]:
    if names is not None and (isinstance(names, str) or len(names) != count):
        raise InputError(f"The 'names' parameter must list {count} names. Got {names!r}.")
    return [name_label(str(name)) for name in (names or [f"x{k + 1}" for k in range(count)])]
