"""A formula among the rows of its table: a curve with its band, or a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._field import Surface, heat_map, name_axes, shades
from edgewise.plot._text import PLAIN, plain


def fitted_curve(
    x: Array, y: Array, grid: Array, values: Array, bands: Sequence[Sequence[Array]], *, names: tuple[str, str],
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Draw rows, a curve and bands, and return the figure.

    Parameters
    ----------
    x : (n,)
        The input of the rows.
    y : (n,)
        The target of the rows.
    grid : (m,)
        The places of the curve.
    values : (m,)
        Its values.
    bands
        Ends (low, high) of each band, arrays (m,), the widest first.
    names
        Names of the input and of the target.
    ax
        Axes of a subplot, in whose place the picture is drawn; None makes a figure.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import fitted_curve
    >>> grid = np.linspace(0, 1, 5)
    >>> figure = fitted_curve(grid, grid, grid, grid, [(grid - 1, grid + 1)], names=("t", "y"))
    >>> figure.axes[0].get_xlabel()
    '$t$'
    """
    figure = style.Picture.at(ax, (5.6, 3.9))
    panel = figure.subplots()
    for low, high in bands:
        shown = np.isfinite(low) & np.isfinite(high)
        panel.fill_between(grid, low, high, where=shown, color=style.ACCENT, alpha=0.14, linewidth=0)
    panel.plot(grid, values, color=style.SYMBOLIC, linewidth=1.6)
    style.scatter_rows(panel, x, y, style.INK, zorder=1)
    name_axes(panel, *names)
    style.plain_axes(panel)
    return figure


@dataclass(frozen=True)
class Line:
    """A curve, with its band and its rows if it has some.

    Parameters
    ----------
    places : (m,)
        The places of the curve.
    values : (m,)
        Its values.
    label
        Its name in the legend; none if empty.
    band
        The ends (low, high) of its band, arrays (m,); None without a band.
    rows : (k, 2)
        The rows that belong to it; None for none.
    """

    places: Array
    values: Array
    label: str = ""
    band: tuple[Array, Array] | None = None
    rows: Array | None = None


def curve_among_rows(
    lines: Sequence[Line], *, rivals: Sequence[Line] = (), aside: Array | None = None,
    names: tuple[str, str] = ("x", "y"), ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Draw rows, the curve of a formula with its band, and rivals in gray, and return the axes.

    The vertical axis shows the rows: a curve may leave the picture. An axis is logarithmic if most rows spread over
    more than two decades of it, and all are positive.

    Parameters
    ----------
    lines
        The curves with their rows; several are colored from light to dark.
    rivals
        Curves in gray.
    aside : (k, 2)
        Rows that were set aside, open circles; None for none.
    names
        Names of the input and of the target.
    ax
        The axes to draw into; None makes a figure.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import Line, curve_among_rows
    >>> x = np.linspace(0, 1, 9)
    >>> rows = np.column_stack([x, x**2])
    >>> curve_among_rows([Line(x, x**2, "t^2", rows=rows)], names=("t", "s")).get_ylabel()
    '$s$'
    """
    ax = style.axes(ax, (6.8, 4.2))
    colors = [style.SYMBOLIC] if len(lines) == 1 else shades(len(lines) + 1)[1:]
    seen = np.concatenate([rows for rows in (*(line.rows for line in lines), aside) if rows is not None])
    for axis, column in ((ax.xaxis, seen[:, 0]), (ax.yaxis, seen[:, 1])):
        style.logarithmic_where_wide(ax, axis, column)
    for k, rival in enumerate(rivals):
        ax.plot(rival.places, rival.values, color=style.SOFT, linewidth=0.9, alpha=0.7, zorder=2,
                label="other forms" if k == 0 else None)  # fmt: skip
    for line, color in zip(lines, colors, strict=True):
        if line.band is not None:
            ax.fill_between(line.places, *line.band, color=color, alpha=0.15, linewidth=0, zorder=1)
        ax.plot(line.places, line.values, color=color, linewidth=1.8, zorder=4, label=plain(line.label) or None)
        if line.rows is not None:
            own = style.ACCENT if len(lines) == 1 else color
            many = len(seen) > style.MANY_ROWS
            ax.scatter(*line.rows.T, s=5 if many else 16, color=own, alpha=0.35 if many else 0.75, linewidths=0,
                       rasterized=many, zorder=3)  # fmt: skip
    if aside is not None and len(aside):
        ax.scatter(*aside.T, s=26, facecolors="none", edgecolors=style.INK, linewidths=0.9, zorder=5, label="set aside")
    _limits(ax, seen, lines)
    name_axes(ax, *names)
    if len(lines) <= 6 and any(line.label for line in lines):
        for text in ax.legend(frameon=False, fontsize=8, labelcolor=style.INK, loc="best").get_texts():
            text.set(**PLAIN)
    style.plain_axes(ax)
    return ax


def map_among_rows(
    surface: Surface, rows: Array, *, names: tuple[str, str] = ("x", "y"), label: str = "z", ax: Axes | None = None
) -> Axes:
    """Draw a formula of two inputs as a map in colors with the rows on it, and return the axes.

    A dot has the color of the row's own value: one that stands out is a row that the formula misses.

    Parameters
    ----------
    surface
        The formula on a grid.
    rows : (k, 3)
        The two inputs and the target of the rows.
    names
        Names of the two inputs.
    label
        Name of the target.
    ax
        The axes to draw into; None makes a figure.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import Surface, map_among_rows
    >>> x = np.linspace(0, 1, 5)
    >>> rows = np.array([[0.2, 0.2, 0.0], [0.7, 0.5, 0.4]])
    >>> map_among_rows(Surface(x, x, np.outer(x, x)), rows, names=("a", "b")).get_xlabel()
    '$a$'
    """
    ends = (float(rows[:, 2].min()), float(rows[:, 2].max()))
    ax = heat_map(surface, names=names, label=label, limits=ends, ax=style.axes(ax, (6.8, 4.4)))
    image: Any = ax.collections[0]
    many = len(rows) > style.MANY_ROWS
    ax.scatter(rows[:, 0], rows[:, 1], c=rows[:, 2], cmap=image.get_cmap(), norm=image.norm, s=10 if many else 26,
               edgecolors=style.INK, linewidths=0.3 if many else 0.6, rasterized=many, zorder=4)  # fmt: skip
    return ax


def _limits(ax: Axes, seen: Array, lines: Sequence[Line]) -> None:
    """Show the rows, and the bands but for spikes, at most once the rows' range beyond."""
    low, high = float(seen[:, 1].min()), float(seen[:, 1].max())
    size = high - low or abs(high) or 1.0
    spikes = 0.02  # of a band, the furthest, may leave the picture
    room = 0.12  # of the range of the rows, above and below
    least, most = low, high
    for below, above in (line.band for line in lines if line.band is not None):
        if np.isfinite(below).any():
            least = min(least, max(float(np.nanquantile(below, spikes)), low - size))
            most = max(most, min(float(np.nanquantile(above, 1 - spikes)), high + size))
    if ax.get_yscale() == "log":
        ax.set_ylim(low / 2, high * 2)
    else:
        ax.set_ylim(least - room * size, most + room * size)
