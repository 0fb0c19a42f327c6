"""What every picture shares: colors, figures, and one thread that draws at a time.

matplotlib has one parser of mathematics and one set of settings for all threads, so two that draw at once read each
other's half-parsed formulas. Whatever measures or draws text holds `LOCK`, and every figure made here takes it.
"""

import io
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

INK = "#1b2a3a"  # curves, text, spline edges
SYMBOLIC = "#d1410c"  # edges and points that are formulas
ACCENT = "#2f6db5"  # data, training
SOFT = "#8793a1"  # secondary text, axes
FAINT = "#d9dfe6"  # grid lines, histograms
DENSITY = "#b9cbe0"  # where the data is
SIGNED = LinearSegmentedColormap.from_list("signed", [SYMBOLIC, "white", ACCENT])

_TAIL, _DECADES = 0.05, 100.0  # of values that do not count, and the ratio of the others on a logarithmic axis

LOCK = threading.RLock()

if hasattr(os, "register_at_fork"):  # a fork waits for the drawing to end: its copy of the lock is free
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@contextmanager
def drawing(texts: Iterable[str]) -> Iterator[None]:
    """Hold the lock; characters that the font lacks become boxes, without a warning for each."""
    with LOCK:
        if all(text.isascii() for text in texts):
            yield
            return
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            yield


def svg(figure: Figure) -> bytes:
    """Return a figure as an SVG image on white, with letters as outlines: the same bytes for the same figure.

    Parameters
    ----------
    figure
        The figure.

    Examples
    --------
    >>> import edgewise as ew
    >>> svg(ew.plot.scores([1.0, 2.0]).figure)[:5]
    b'<?xml'
    """
    buffer = io.BytesIO()
    values: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "edgewise"}
    with drawing(_texts(figure)):
        before = {key: mpl.rcParams[key] for key in values}  # others keep what another thread gives them meanwhile
        mpl.rcParams.update(values)
        try:
            figure.savefig(buffer, format="svg", dpi=200, facecolor="white", metadata={"Date": None})
        finally:
            mpl.rcParams.update(before)
    return buffer.getvalue()


class Picture(Figure):
    """A matplotlib figure that threads can draw and save side by side.

    Parameters
    ----------
    figsize, dpi, facecolor, edgecolor, linewidth, frameon, subplotpars, tight_layout, constrained_layout, layout
        The parameters of matplotlib's figure.
    **kwargs
        Its other properties.
    """

    def draw(self, renderer: Any) -> None:
        """Draw the figure.

        Parameters
        ----------
        renderer
            The renderer of matplotlib.
        """
        with drawing(_texts(self)):
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure to a file.

        Parameters
        ----------
        fname
            The file, or a buffer.
        **options
            The options of matplotlib's figure.
        """
        with drawing(_texts(self)):
            super().savefig(fname, **options)

    def get_tightbbox(self, *arguments: Any, **options: Any) -> Any:
        """Return the box around everything that is drawn.

        Parameters
        ----------
        *arguments
            The arguments of matplotlib's figure.
        **options
            Its options.
        """
        with drawing(_texts(self)):
            return super().get_tightbbox(*arguments, **options)


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given axes, or those of a new figure that no window manager knows of."""
    return Picture(figsize=size, layout="constrained").add_subplot() if ax is None else ax


def beside(ax: Axes, text: str, place: tuple[float, float], offset: tuple[float, float], color: str) -> Annotation:
    """Write a small text beside a point of a picture, `offset` in points."""
    return ax.annotate(text, place, xytext=offset, textcoords="offset points", fontsize=8, color=color)


def plain_axes(ax: Axes) -> None:
    """Leave only the lower and left axis, quiet ticks and a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["bottom", "left"]].set_color(SOFT)
    ax.tick_params(colors=SOFT, labelcolor=INK, labelsize=8, which="both")
    ax.grid(True, color=FAINT, linewidth=0.5)
    ax.set_axisbelow(True)


def logarithmic(ax: Axes, axis: Axis) -> None:
    """Make an axis logarithmic, with few plain numbers at its ticks."""
    (ax.set_xscale if axis is ax.xaxis else ax.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if 1e-4 < value < 1e6 else f"{value:.0e}"))
    axis.set_minor_locator(NullLocator())


def logarithmic_where_wide(ax: Axes, axis: Axis, column: Any) -> None:
    """Make an axis logarithmic if its values are positive, and most of them spread over more than two decades."""
    low, high = np.quantile(column, [_TAIL, 1 - _TAIL])
    if np.min(column) > 0 and high > _DECADES * low:
        logarithmic(ax, axis)
        if np.max(column) > 10 * _DECADES * np.min(column):  # powers of ten alone
            axis.set_major_locator(LogLocator(numticks=7))
