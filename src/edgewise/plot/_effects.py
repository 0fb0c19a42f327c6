"""What the inputs of a sum add to it, a panel each: curves with bands, levels with bars, surfaces of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._field import PairEffect, draw_pair, pair_title
from edgewise.plot._text import PLAIN, Label, name_label, plain, shortened, width


@dataclass(frozen=True)
class EffectStyle:
    """The sizes of a panel that shows an effect, and up to which number its parts are drawn one by one."""

    width: float = 2.45  # inches
    height: float = 2.05  # inches
    density: float = 0.15  # height of the density of the data, of the panel's
    points: int = 7  # distinct values of a number that are drawn as points
    counts: int = 8  # levels whose numbers of rows are written
    letters: int = 14  # of the label of a level
    line: int = 36  # letters of all labels that need not be turned


_PANEL = EffectStyle()


@dataclass(frozen=True)
class CurveEffect:
    """What a number adds: a curve with its band, and the values of the rows.

    Parameters
    ----------
    title
        What stands above the panel.
    x : (points,)
        Values of the number, ascending; they may be dates.
    y : (points,)
        What it adds there.
    low, high : (points,)
        The ends of the band.
    rows : (n,)
        The values of the rows.
    note
        What stands above the panel at the right.
    log
        Whether the horizontal axis is logarithmic.
    points : (m, 2)
        Single values with effects of their own: the value, and what it adds.
    gap
        What a missing value adds: (y, low, high, fraction of the rows).
    """

    title: str
    x: Array
    y: Array
    low: Array
    high: Array
    rows: Array
    note: str = ""
    log: bool = False
    points: Array | None = None
    gap: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class LevelEffect:
    """What each level of a category adds, with its band and number of rows.

    Parameters
    ----------
    title
        What stands above the panel.
    labels
        The levels that are shown.
    y : (levels,)
        What each level adds.
    low, high : (levels,)
        The ends of its band.
    counts : (levels,)
        Its number of rows.
    note
        What stands above the panel at the right.
    more
        The number of levels that are not shown.
    """

    title: str
    labels: Sequence[str]
    y: Array
    low: Array
    high: Array
    counts: Array
    note: str = ""
    more: int = 0


Effect = CurveEffect | LevelEffect | PairEffect


def effects(
    parts: Sequence[Effect], unit: str | Sequence[str], *, columns: int = 3, axes: Axes | Sequence[Axes] | None = None
) -> list[Axes]:  # fmt: skip
    """Draw what each part adds to a sum, a panel for each, and return the panels.

    Curves and levels share their vertical axis, in the unit of the sum, so a flat panel matters little. A band is
    blue; where the data is, is drawn along the bottom.

    Parameters
    ----------
    parts
        What each input or pair of inputs adds.
    unit
        The unit of the sum, beside the vertical axis; one for each part where they differ.
    columns
        The number of panels side by side.
    axes
        None for a new figure, one that the panels replace, or one for each part.

    Raises
    ------
    InputError
        Without parts, and for another number of axes.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import CurveEffect, effects
    >>> x = np.linspace(0, 1, 50)
    >>> part = CurveEffect("age", x, x**2, x**2 - 0.1, x**2 + 0.1, x)
    >>> effects([part], "price")[0].get_title(loc="left")
    'age'
    """
    if not parts:
        raise InputError("There is nothing to draw: no column has an effect.")
    panels = _panels(len(parts), min(columns, len(parts)), axes)
    single = [part for part in parts if not isinstance(part, PairEffect)]
    limits = _limits(single)
    first = True
    units = [unit] * len(parts) if isinstance(unit, str) else unit
    for ax, part, name in zip(panels, parts, units, strict=True):
        with style.LOCK:
            _titles(ax, part)
            if isinstance(part, PairEffect):
                draw_pair(ax, part)
                continue
            style.plain_axes(ax)
            ax.tick_params(labelsize=7)
            ax.axhline(0.0, color=style.SOFT, linewidth=0.8, zorder=1.5)
            ax.set_ylim(*limits)
            (_curve if isinstance(part, CurveEffect) else _levels)(ax, part)  # type: ignore[operator]
            if first or _starts_line(ax):
                ax.set_ylabel(plain(name), fontsize=8, color=style.INK, **PLAIN)
            else:
                ax.tick_params(labelleft=False)
            first = False
    return panels


def _panels(count: int, columns: int, axes: Axes | Sequence[Axes] | None) -> style.Panels:
    if axes is None or isinstance(axes, Axes):
        lines = math.ceil(count / columns)
        size = (_PANEL.width * columns + 0.35, _PANEL.height * lines + 0.1)
        figure = style.Picture.at(axes, size, w_pad=0.05, h_pad=0.06)
        return style.Panels(figure.add_subplot(lines, columns, k + 1) for k in range(count))
    panels = style.Panels(np.ravel(np.asarray(axes, dtype=object)))
    if len(panels) != count:
        raise InputError(f"There are {count} panels. Got {len(panels)} axes.")
    return panels


def _starts_line(ax: Axes) -> bool:
    spec = ax.get_subplotspec()
    return spec is None or spec.is_first_col()


def _titles(ax: Axes, part: Effect) -> None:
    """The title at the left, shortened to what the note at the right leaves of the panel."""
    spec, wide = ax.get_subplotspec(), ax.get_figure(root=True).get_size_inches()[0]  # type: ignore[union-attr]
    whole = ax.get_position().width * wide if spec is None else wide / spec.get_gridspec().ncols - 0.6
    room = whole - width(Label(part.note, False), 8) - 0.1
    label = pair_title(part, room) if isinstance(part, PairEffect) else name_label(part.title)
    if not label.is_math:
        label = Label("\n".join(shortened(partial(plain, line), room, 9) for line in label.text.split("\n")), False)
    ax.set_title(label.text, loc="left", fontsize=9, color=style.INK, **label.style)
    ax.set_title(part.note, loc="right", fontsize=8, color=style.SOFT, **PLAIN)


def _limits(parts: Sequence[CurveEffect | LevelEffect]) -> tuple[float, float]:
    """Return the vertical range of all panels: that of the curves, and of bands up to half of it more."""
    values = [part.y for part in parts] or [np.zeros(1)]
    for part in parts:
        if isinstance(part, CurveEffect):
            values += [] if part.points is None else [part.points[:, 1]]
            values += [] if part.gap is None else [np.array(part.gap[:1])]
    inside = np.concatenate([*values, np.zeros(1)])
    low, high = float(np.nanmin(inside)), float(np.nanmax(inside))
    span = high - low or 1.0
    bottom = min([low, *(float(np.nanmin(part.low)) for part in parts)])
    top = max([high, *(float(np.nanmax(part.high)) for part in parts)])
    low, high = max(bottom, low - 0.5 * span), min(top, high + 0.5 * span)
    if low == high:
        low, high = low - 1.0, high + 1.0
    return low - (_PANEL.density + 0.06) * (high - low), high + 0.05 * (high - low)


def _curve(ax: Axes, part: CurveEffect) -> None:
    if part.log:
        style.logarithmic(ax, ax.xaxis)
    seen = part.rows[~np.isnat(part.rows)] if part.rows.dtype.kind == "M" else part.rows[np.isfinite(part.rows)]
    distinct = np.unique(seen)
    ax.fill_between(part.x, part.low, part.high, color=style.ACCENT, alpha=0.2, linewidth=0, zorder=2)
    ax.plot(part.x, part.y, color=style.INK, linewidth=1.8, zorder=3, solid_capstyle="round")
    if len(distinct) <= _PANEL.points and part.rows.dtype.kind != "M":
        places = np.searchsorted(part.x, distinct).clip(0, len(part.x) - 1)
        ax.plot(part.x[places], part.y[places], "o", color=style.INK, markersize=4, zorder=4)
        if len(distinct) <= 3:
            ax.set_xticks(distinct.tolist())
            ax.set_xticks([], minor=True)
    if part.points is not None:
        ax.plot(*part.points.T, "o", color=style.SYMBOLIC, markersize=2.6, markeredgewidth=0, alpha=0.8, zorder=2.5)
    _ends(ax, part)
    _density(ax, seen, part.log)
    if part.gap is not None:
        _gap(ax, part.gap)


def _ends(ax: Axes, part: CurveEffect) -> None:
    """Set the horizontal range: that of the curve, and room for the mark of gaps."""
    ends = part.x[[0, -1]]
    if part.x.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        pad = (ends[1] - ends[0]) * 0.03
        ax.set_xlim(ends[0] - pad, ends[1] + pad + (ends[1] - ends[0]) * (0.13 if part.gap else 0.0))
        locator = AutoDateLocator(minticks=3, maxticks=6)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
        return
    low, high = float(ends[0]), float(ends[1])
    if part.log:
        ratio = high / low
        ax.set_xlim(low / ratio**0.03, high * ratio ** (0.16 if part.gap else 0.03))
        return
    span, side = high - low or 1.0, 0.15 if len(np.unique(part.rows)) <= _PANEL.points else 0.03
    ax.set_xlim(low - side * span, high + (max(side, 0.16) if part.gap else side) * span)


def _density(ax: Axes, seen: Array, log: bool) -> None:
    """Draw the density of the rows' values along the bottom of the panel."""
    if not len(seen):
        return
    if seen.dtype.kind == "M":
        from matplotlib.dates import date2num

        seen = np.asarray(date2num(seen))
    style.density(ax, seen.astype(float), log, _PANEL.density)


def _gap(ax: Axes, gap: tuple[float, float, float, float]) -> None:
    """Mark what a missing value adds, at the right end of the panel."""
    y, low, high, fraction = gap
    across = ax.get_yaxis_transform()
    ax.plot([0.94, 0.94], [low, high], color=style.ACCENT, alpha=0.35, linewidth=5, transform=across, zorder=2)
    ax.plot([0.94], [y], "D", color=style.INK, markersize=4, transform=across, zorder=4)
    bottom, top = ax.get_ylim()
    above = y < (bottom + top) / 2
    ax.annotate(
        f"gap\n{100 * fraction:.2g} %", (0.94, high if above else low), xycoords=across, xytext=(0, 4 if above else -4),
        textcoords="offset points", ha="center", va="bottom" if above else "top", fontsize=6, color=style.SOFT,
    )  # fmt: skip


def _levels(ax: Axes, part: LevelEffect) -> None:
    places = np.arange(len(part.y))
    bottom, top = ax.get_ylim()
    scale = _PANEL.density * (top - bottom) / max(float(np.max(part.counts, initial=0)), 1.0)
    bars: dict[str, Any] = {"width": 0.7, "bottom": bottom, "color": style.DENSITY, "zorder": 1}
    ax.bar(places, part.counts * scale, **bars)
    wide = max(2.0, min(7.0, 42 / len(places)))
    ax.vlines(places, part.low, part.high, color=style.ACCENT, alpha=0.3, linewidth=wide, zorder=2)
    ax.plot(places, part.y, "o", color=style.INK, markersize=4.2 if len(places) < 15 else 3, zorder=3)
    for place, count in zip(places, part.counts, strict=True):
        if len(places) <= _PANEL.counts:
            text = f"{int(count):,}"
            ax.annotate(
                text, (place, bottom), xytext=(0, 1.5), textcoords="offset points", ha="center", fontsize=5.5,
                color=style.INK, zorder=3,
            )  # fmt: skip
    many = len(places) > _PANEL.counts
    labels = [plain(label, _PANEL.letters) for label in part.labels]
    ax.set_xticks(places, labels, **PLAIN)
    ax.set_xlim(-0.6, len(places) - 0.4)
    ax.grid(False, axis="x")
    if len(labels) * max(map(len, labels), default=0) > _PANEL.line:
        for label in ax.get_xticklabels():
            label.set(rotation=60 if many else 35, ha="right", rotation_mode="anchor")  # type: ignore[call-arg]
            label.set_fontsize(6 if many else 7)
    if part.more:
        text = f"and {part.more} more levels"
        ax.text(0.99, 0.99, text, transform=ax.transAxes, ha="right", va="top", fontsize=6.5, color=style.SOFT)
