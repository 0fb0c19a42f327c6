"""The few colours and sizes that every picture shares."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.text import Annotation

from edgewise.plot._drawing import Picture

INK = "#1b2a3a"  # curves, text, spline edges
SYMBOLIC = "#d1410c"  # edges and points that are formulas
ACCENT = "#2f6db5"  # data, training
SOFT = "#8793a1"  # secondary text, axes
FAINT = "#d9dfe6"  # grid lines, histograms


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given axes, or those of a new figure that no window manager knows of."""
    return Picture(figsize=size, layout="constrained").add_subplot() if ax is None else ax


def beside(ax: Axes, text: str, place: tuple[float, float], offset: tuple[float, float], colour: str) -> Annotation:
    """Write a small text beside a point of a picture, `offset` in points."""
    return ax.annotate(text, place, xytext=offset, textcoords="offset points", fontsize=8, color=colour)


def tidy(ax: Axes) -> None:
    """Leave only the lower and left axis, quiet ticks and a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["bottom", "left"]].set_color(SOFT)
    ax.tick_params(colors=SOFT, labelcolor=INK, labelsize=8, which="both")
    ax.grid(True, color=FAINT, linewidth=0.5)
    ax.set_axisbelow(True)
