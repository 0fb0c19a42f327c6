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
from edgewise.plot._text import name_label

Color = tuple[float, float, float, float]

_BOTH_SIGNS = 0.05  # of the larger side: what the other one must reach for a scale with zero in its middle
_LONGEST = 4.0  # a side of a map over the other, up to which both are drawn to the same scale
_FLAT = 1e-12  # of the largest size: a function that varies less is a constant


@dataclass(frozen=True)
class Surface:
    """A function of two coordinates on a grid: x (n,), y (m,), z (n, m).

    `distance` (n, m) is positive inside the domain of the function and negative outside.
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

    `limits` are the ends of the colors, by default those of the values; `same_scale` draws both coordinates to one
    scale, unless one range is far longer.
    Errors: InputError without a finite value.

    >>> x = np.linspace(-1, 1, 5)
    >>> heat_map(Surface(x, x, np.outer(x, x)), names=("t", "x")).get_ylabel()
    '$x$'
    """
    x, y, distance = surface.x, surface.y, surface.distance
    low, high = span(surface.shown) if limits is None else limits
    ax = style.axes(ax, (4.8, 3.6))
    colors = style.SIGNED if low == -high else _BELOW if -low > high else _AMOUNT
    options: dict[str, Any] = {"vmin": low, "vmax": high, "cmap": colors}
    image = ax.pcolormesh(x, y, surface.z.T, shading="gouraud", rasterized=True, zorder=1, **options)
    if distance is not None:
        far = min(float(distance.min()), 0.0) - 1.0
        ax.contourf(x, y, distance.T, levels=[far, 0.0], colors=[style.FAINT], zorder=2)
        ax.contour(x, y, distance.T, levels=[0.0], colors=[style.INK], linewidths=0.8, zorder=3)
    sides = float(np.ptp(x)), float(np.ptp(y))
    if same_scale and max(sides) <= _LONGEST * min(sides):
        ax.set_aspect("equal")
    _quiet(ax)
    _name(ax, *names)
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

    Shapes: x and values are as many arrays, each pair (n,). `legend` names the curves; `limits` are the ends of the
    vertical axis. `steps` draws positive values at whole numbers: with dots, on a logarithmic scale.
    Errors: InputError for other shapes, and without a finite value.

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
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif limits is not None:
        room = 0.05 * (high - low)
        ax.set_ylim(low - room, high + room)
    style.plain_axes(ax)
    _name(ax, name, label)
    if legend:
        ax.legend(frameon=False, fontsize=7.5, labelcolor=style.INK)
    return ax


def shades(count: int) -> list[Color]:
    """Return colors from light to dark for lines that have an order.

    >>> len(shades(3))
    3
    """
    return [_AMOUNT(0.3 + 0.7 * k / max(count - 1, 1)) for k in range(count)]


def span(values: Array) -> tuple[float, float]:
    """Return the ends of a scale for values: symmetric where they have both signs; NaN and infinity do not count.

    Errors: InputError without a finite value.

    >>> span(np.array([-1.0, 3.0])), span(np.array([1.0, 3.0])), span(np.array([2.0]))
    ((-3.0, 3.0), (1.0, 3.0), (1.0, 3.0))
    """
    known = values[np.isfinite(values)]
    if not len(known):
        raise InputError("There is no finite value to draw.")
    low, high = float(known.min()), float(known.max())
    if high - low <= _FLAT * max(abs(low), abs(high)):
        room = 0.5 * abs(low) or 1.0
        return low - room, high + room
    if low < 0 < high and min(-low, high) > _BOTH_SIGNS * max(-low, high):
        most = max(-low, high)
        return -most, most
    return low, high


_AMOUNT = LinearSegmentedColormap.from_list("amount", ["#f4f7fa", style.DENSITY, style.ACCENT, style.INK])
_BELOW = LinearSegmentedColormap.from_list("below", ["#5c1c04", style.SYMBOLIC, "#f0bfac", "#fcf5f2"])


def _quiet(ax: Axes) -> None:
    ax.tick_params(colors=style.SOFT, labelcolor=style.INK, labelsize=8)
    ax.spines[:].set_visible(False)
    ax.locator_params(nbins=6)


def _name(ax: Axes, across: str, up: str) -> None:
    for axis, name in ((ax.xaxis, across), (ax.yaxis, up)):
        label = name_label(name)
        axis.set_label_text(label.text, color=style.INK, **label.style)
