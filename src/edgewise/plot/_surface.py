"""What a pair of inputs adds to a sum, as a surface in colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, Label, name_label, plain

_LETTERS = 10  # of a level's label
_LINE, _UPRIGHT = 36, 28  # of labels that fit along the lower, and along the vertical axis


@dataclass(frozen=True)
class Side:
    """One of the two inputs: a name and its values on the grid, or the labels of its levels, numbered from zero."""

    name: str
    values: Array
    labels: Sequence[str] | None = None
    log: bool = False


@dataclass(frozen=True)
class PairEffect:
    """What a product adds on a grid, z (values across, values up), and the rows (n, 2) it was seen at.

    `title` is what stands above the panel, `note` to its right.
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
    if part.across.labels is not None and _length(part.across.labels) > _LINE:
        for text in ax.get_xticklabels():
            text.set(rotation=35, ha="right", rotation_mode="anchor")  # type: ignore[call-arg]
    if part.up.labels is not None and _length(part.up.labels) <= _UPRIGHT:
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


def pair_title(part: PairEffect) -> Label:
    """Return the title of a pair, whose names are set as those of other panels."""
    first, second = name_label(part.across.name), name_label(part.up.name)
    if part.title != f"{part.across.name} × {part.up.name}" or not (first.is_math and second.is_math):
        return name_label(part.title)
    return Label(f"{first.text} × {second.text}", True)


def _length(labels: Sequence[str]) -> int:
    """Return how many letters a row of labels takes, all as wide as the longest."""
    return len(labels) * min(max(map(len, labels), default=0), _LETTERS)
