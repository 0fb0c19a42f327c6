"""A function of one or two coordinates: as curves, or as a map in colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, Label, name_label, plain, width

_LETTERS = 10  # of a level's label


@dataclass(frozen=True)
class Side:
    """One of the two inputs of a pair.

    Parameters
    ----------
    name
        Its name.
    values : (n,)
        Its values on the grid; levels are numbered from zero.
    labels
        The labels of the levels of a category; None for a number.
    log
        Whether its axis is logarithmic.
    """

    name: str
    values: Array
    labels: Sequence[str] | None = None
    log: bool = False


@dataclass(frozen=True)
class PairEffect:
    """What a product adds on a grid, and the rows it was seen at.

    Parameters
    ----------
    title
        What stands above the panel.
    across
        The input of the horizontal axis.
    up
        The input of the vertical axis.
    z : (values across, values up)
        What the product adds.
    rows : (n, 2)
        The two inputs of the rows.
    note
        What stands above the panel at the right.
    """

    title: str
    across: Side
    up: Side
    z: Array
    rows: Array
    note: str = ""


def draw_pair(ax: Axes, part: PairEffect) -> None:
    """Draw the surface of a pair: blue adds, orange takes away, fully where rows reach furthest; dots are rows."""
    most = float(np.max(np.abs(_at_rows(part)), initial=0.0)) or float(np.abs(part.z).max()) or 1.0
    for axis, side in ((ax.xaxis, part.across), (ax.yaxis, part.up)):
        if side.log and side.labels is None:
            style.logarithmic(ax, axis)
    options: dict[str, Any] = {"cmap": style.SIGNED, "vmin": -most, "vmax": most, "shading": "nearest"}
    image = ax.pcolormesh(part.across.values, part.up.values, part.z.T, rasterized=True, zorder=1, **options)
    ends = ax.get_xlim(), ax.get_ylim()
    ax.plot(*part.rows.T, ".", color=style.INK, markersize=1.6, markeredgewidth=0, alpha=0.45, zorder=2)
    ax.set(xlim=ends[0], ylim=ends[1])
    ax.tick_params(colors=style.SOFT, labelcolor=style.INK, labelsize=7)
    ax.spines[:].set_visible(False)
    for axis, side in ((ax.xaxis, part.across), (ax.yaxis, part.up)):
        label = name_label(side.name)
        axis.set_label_text(label.text, fontsize=7.5, color=style.INK, **label.style)
        axis.labelpad = 2.5
        if side.labels is not None:
            axis.set_ticks(side.values.tolist(), [plain(each, _LETTERS) for each in side.labels], **PLAIN)
    across, up = 36, 28  # letters of labels that fit along the axes
    if part.across.labels is not None and _length(part.across.labels) > across:
        for text in ax.get_xticklabels():
            text.set(rotation=35, ha="right", rotation_mode="anchor")  # type: ignore[call-arg]
    if part.up.labels is not None and _length(part.up.labels) <= up:
        for text in ax.get_yticklabels():
            text.set(rotation=90, va="center")  # type: ignore[call-arg]
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.02, 0.0, 0.035, 1.0)))
    bar.ax.tick_params(labelsize=6.5, colors=style.SOFT, labelcolor=style.INK, length=2, pad=1.5)
    bar.ax.locator_params(nbins=5)
    bar.outline.set_visible(False)  # type: ignore[operator]


def _at_rows(part: PairEffect) -> Array:
    """Return the surface at the points of the grid that are nearest to the rows."""
    rows = part.rows[np.isfinite(part.rows).all(1)]
    near = [
        np.searchsorted((side.values[1:] + side.values[:-1]) / 2, column)
        for side, column in zip((part.across, part.up), rows.T, strict=True)
    ]
    return part.z[near[0], near[1]]


def pair_title(part: PairEffect, room: float) -> Label:
    """Return the title of a pair, whose names are set as those of other panels; in two lines if it is wider than the
    room, in inches."""
    first, second = name_label(part.across.name), name_label(part.up.name)
    if part.title == f"{part.across.name} × {part.up.name}" and first.is_math and second.is_math:
        return Label(f"{first.text} × {second.text}", True)
    title = name_label(part.title)
    return title if width(title, 9) < room else Label(title.text.replace(" × ", "\n× "), title.is_math)


def _length(labels: Sequence[str]) -> int:
    """Return how many letters a row of labels takes, all as wide as the longest."""
    return len(labels) * min(max(map(len, labels), default=0), _LETTERS)


Color = tuple[float, float, float, float]


@dataclass(frozen=True)
class Surface:
    """A function of two coordinates on a grid.

    Parameters
    ----------
    x : (n,)
        Places of the first coordinate.
    y : (m,)
        Places of the second coordinate.
    z : (n, m)
        The values.
    distance : (n, m)
        Positive inside the domain of the function and negative outside; None where it is defined everywhere.

    Raises
    ------
    InputError
        For values of another shape.
    """

    x: Array
    y: Array
    z: Array
    distance: Array | None = None

    def __post_init__(self) -> None:
        shape = (len(self.x), len(self.y))
        if self.z.shape != shape or (self.distance is not None and self.distance.shape != shape):
            raise InputError(f"A map of {shape[0]} x {shape[1]} places needs as many values. Got {self.z.shape}.")

    @property
    def shown(self) -> Array:
        """The values inside the domain, flat."""
        return self.z.ravel() if self.distance is None else self.z[self.distance >= 0]


def heat_map(
    surface: Surface, *, names: tuple[str, str] = ("x", "y"), label: str = "u",
    limits: tuple[float, float] | None = None, same_scale: bool = False, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Draw a function of two coordinates in colors, and return the axes.

    A function of both signs is orange below zero and blue above it, with white for zero; another one runs from light to
    dark, in blue, or in orange where it is negative. What is outside a domain is gray.

    Parameters
    ----------
    surface
        The function on a grid.
    names
        Names of the two coordinates.
    label
        Name of the function.
    limits
        The ends of the colors, by default those of the values.
    same_scale
        Whether both coordinates are drawn to one scale, unless one range is far longer.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        Without a finite value.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import Surface, heat_map
    >>> x = np.linspace(-1, 1, 5)
    >>> heat_map(Surface(x, x, np.outer(x, x)), names=("t", "x")).get_ylabel()
    '$x$'
    """
    x, y, distance = surface.x, surface.y, surface.distance
    low, high = span(surface.shown) if limits is None else limits
    ax = style.axes(ax, (4.8, 3.6))
    options: dict[str, Any] = {"vmin": low, "vmax": high, "cmap": colors(low, high)}
    image = ax.pcolormesh(x, y, surface.z.T, shading="gouraud", rasterized=True, zorder=1, **options)
    if distance is not None:
        far = min(float(distance.min()), 0.0) - 1.0
        ax.contourf(x, y, distance.T, levels=[far, 0.0], colors=[style.FAINT], zorder=2)
        ax.contour(x, y, distance.T, levels=[0.0], colors=[style.INK], linewidths=0.8, zorder=3)
    sides = float(np.ptp(x)), float(np.ptp(y))
    longest = 4.0  # a side over the other, up to which both are drawn to the same scale
    if same_scale and max(sides) <= longest * min(sides):
        ax.set_aspect("equal")
    _quiet(ax)
    name_axes(ax, *names)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.9, pad=0.02)
    bar.ax.tick_params(labelsize=7, colors=style.SOFT, labelcolor=style.INK, length=2)
    bar.ax.locator_params(nbins=6)
    bar.outline.set_visible(False)  # type: ignore[operator]
    title = name_label(label)
    ax.set_title(title.text, loc="left", fontsize=10, color=style.INK, **title.style)
    return ax


def profiles(
    x: Sequence[Array], values: Sequence[Array], *, name: str = "x", label: str = "u", legend: Sequence[str] = (),
    limits: tuple[float, float] | None = None, steps: bool = False, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Draw functions of one coordinate, from light to dark where they are several, and return the axes.

    Parameters
    ----------
    x : (n,)
        The places of each function, an array each.
    values : (n,)
        The values of each function, an array each.
    name
        Name of the coordinate.
    label
        Name of the functions.
    legend
        Names of the curves; none by default.
    limits
        The ends of the vertical axis, by default those of the values.
    steps
        Whether positive values at whole numbers are drawn: with dots, on a logarithmic scale.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        For other shapes, and without a finite value.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import profiles
    >>> x = np.linspace(0, 1, 5)
    >>> len(profiles([x, x], [x, x**2], legend=["t = 0", "t = 1"]).lines)
    2
    """
    if not values or any(len(one) != len(two) for one, two in zip(x, values, strict=True)):
        raise InputError("Curves need as many values as places. Got others.")
    low, high = span(np.concatenate(values)) if limits is None else limits
    ax = style.axes(ax, (4.8, 3.2))
    for k, (places, curve) in enumerate(zip(x, values, strict=True)):
        color = style.ACCENT if len(values) == 1 else shades(len(values))[k]
        dot = "o" if steps else None
        ax.plot(
            places, curve, color=color, linewidth=1.5, label=legend[k] if legend else None, marker=dot, markersize=4
        )
    if steps:
        ax.set_yscale("log")
        style.say_logarithmic(ax, ax.yaxis)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif limits is not None:
        room = 0.05 * (high - low)
        ax.set_ylim(low - room, high + room)
    style.plain_axes(ax)
    name_axes(ax, name, label)
    if legend:
        ax.legend(frameon=False, fontsize=7.5, labelcolor=style.INK)
    return ax


def shades(count: int) -> list[Color]:
    """Return colors from light to dark for lines that have an order.

    >>> len(shades(3))
    3
    """
    return [_AMOUNT(0.3 + 0.7 * k / max(count - 1, 1)) for k in range(count)]


def colors(low: float, high: float) -> LinearSegmentedColormap:
    """Return the colors of a scale: from orange through white to blue where it is symmetric, else from light to dark.

    Parameters
    ----------
    low, high
        The ends of the scale, those of `span`.

    Examples
    --------
    >>> from edgewise.plot import colors
    >>> colors(-1.0, 1.0).name, colors(0.0, 1.0).name
    ('signed', 'amount')
    """
    return style.SIGNED if low == -high else _BELOW if -low > high else _AMOUNT


def span(values: Array) -> tuple[float, float]:
    """Return the ends of a scale for values: symmetric where they have both signs.

    Parameters
    ----------
    values
        The values, an array of any shape; NaN and infinity do not count.

    Raises
    ------
    InputError
        Without a finite value.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import span
    >>> span(np.array([-1.0, 3.0])), span(np.array([1.0, 3.0])), span(np.array([2.0]))
    ((-3.0, 3.0), (1.0, 3.0), (1.0, 3.0))
    """
    known = values[np.isfinite(values)]
    if not len(known):
        raise InputError("There is no finite value to draw.")
    low, high = float(known.min()), float(known.max())
    flat = 1e-12  # of the largest size: values that vary less are a constant
    both_signs = 0.05  # of the larger side: what the other one must reach for a scale with zero in its middle
    if high - low <= flat * max(abs(low), abs(high)):
        room = 0.5 * abs(low) or 1.0
        return low - room, high + room
    if low < 0 < high and min(-low, high) > both_signs * max(-low, high):
        most = max(-low, high)
        return -most, most
    return low, high


_AMOUNT = LinearSegmentedColormap.from_list("amount", ["#f4f7fa", style.DENSITY, style.ACCENT, style.INK])
_BELOW = LinearSegmentedColormap.from_list("below", ["#5c1c04", style.SYMBOLIC, "#f0bfac", "#fcf5f2"])


def _quiet(ax: Axes) -> None:
    ax.tick_params(colors=style.SOFT, labelcolor=style.INK, labelsize=8)
    ax.spines[:].set_visible(False)
    ax.locator_params(nbins=6)


def name_axes(ax: Axes, across: str, up: str) -> None:
    """Write the names of both axes, as mathematics where they are."""
    for axis, name in ((ax.xaxis, across), (ax.yaxis, up)):
        label = name_label(name)
        axis.set_label_text(label.text, color=style.INK, **label.style)
