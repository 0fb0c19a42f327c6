"""What every picture shares: colors, figures, and one thread that draws at a time.

matplotlib has one parser of mathematics and one set of settings for all threads, so two that draw at once read each
other's half-parsed formulas. Whatever measures or draws text holds `LOCK`, and every figure made here takes it.
"""

import io
import math
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

from edgewise._errors import InputError

INK = "#1b2a3a"  # curves, text, spline edges
SYMBOLIC = "#d1410c"  # edges and points that are formulas
ACCENT = "#2f6db5"  # data, training
SOFT = "#8793a1"  # secondary text, axes
FAINT = "#d9dfe6"  # grid lines, histograms
DENSITY = "#b9cbe0"  # where the data is
SIGNED = LinearSegmentedColormap.from_list("signed", [SYMBOLIC, "white", ACCENT])

EXACT = 1e-17  # errors of zero are drawn here on logarithmic axes
MANY_ROWS = 500  # beyond, rows are drawn small

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
    >>> from edgewise.plot import svg
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


def shown(figure: Any) -> tuple[bytes, dict[str, int]] | None:
    """Return a picture as a notebook shows it, with its size in pixels of the page; pyplot shows its own figures."""
    if not isinstance(figure, Picture):
        return None
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200, bbox_inches="tight")
    png = buffer.getvalue()
    return png, {"width": int.from_bytes(png[16:20]) // 2, "height": int.from_bytes(png[20:24]) // 2}


class Panel(Axes):
    """The axes of a picture; a cell of a notebook that ends in them shows the picture."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        return shown(self.get_figure(root=True))


class Panels(list[Axes]):
    """The axes of a picture of several panels, which a notebook shows likewise."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        return shown(self[0].get_figure(root=True))


class Picture(Figure):
    """A matplotlib figure that threads can draw and save side by side, and that a notebook shows without pyplot.

    Parameters
    ----------
    figsize, dpi, facecolor, edgecolor, linewidth, frameon, subplotpars, tight_layout, constrained_layout, layout
        The parameters of matplotlib's figure.
    **kwargs
        Its other properties.
    """

    @classmethod
    def at(cls, ax: Axes | None, size: tuple[float, float], **pads: float) -> Any:
        """Return a figure for several panels in the place of some axes, a `SubFigure`, or a new picture.

        Parameters
        ----------
        ax
            Axes of a subplot, which are removed; None for a new picture.
        size
            Width and height of a new picture in inches.
        **pads
            Settings of the constrained layout of a new picture.

        Raises
        ------
        InputError
            For axes that are not those of a subplot.
        """
        if ax is None:
            made = cls(figsize=size, layout="constrained")
            made.get_layout_engine().set(**pads)  # type: ignore[union-attr]
            return made
        spec, parent = ax.get_subplotspec(), ax.figure
        if spec is None:
            raise InputError("The panels replace axes of a subplot: figure.add_subplot() or figure.subplots().")
        ax.remove()
        return parent.add_subfigure(spec)

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

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        return shown(self)

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
    return Picture(figsize=size, layout="constrained").add_subplot(axes_class=Panel) if ax is None else ax


def beside(ax: Axes, text: str, place: tuple[float, float], offset: tuple[float, float], color: str) -> Annotation:
    """Write a small text beside a point of a picture, `offset` in points."""
    return ax.annotate(text, place, xytext=offset, textcoords="offset points", fontsize=8, color=color)


def plain_axes(ax: Axes) -> None:
    """Leave only the lower and left axis, quiet ticks and a faint grid, as in all pictures here.

    Parameters
    ----------
    ax
        The axes.

    Examples
    --------
    >>> import edgewise as ew
    >>> ax = ew.plot.Picture(figsize=(4, 3)).add_subplot()
    >>> ew.plot.plain_axes(ax)
    >>> ax.spines["top"].get_visible()
    False
    """
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
    say_logarithmic(ax, axis)


def say_logarithmic(ax: Axes, axis: Axis) -> None:
    """Write at the end of an axis that it is logarithmic."""
    across = axis is ax.xaxis
    ax.annotate(
        "log", (1, 0) if across else (0, 1), xycoords="axes fraction", xytext=(3, 0) if across else (-6, 4),
        textcoords="offset points", ha="left" if across else "right", va="center" if across else "bottom", fontsize=7,
        color=SOFT,
    )  # fmt: skip


def logarithmic_where_wide(ax: Axes, axis: Axis, column: Any) -> None:
    """Make an axis logarithmic if its values are positive, and most of them spread over more than two decades."""
    tail, ratio = 0.05, 100.0
    low, high = np.quantile(column, [tail, 1 - tail])
    if np.min(column) > 0 and high > ratio * low:
        logarithmic(ax, axis)
        if np.max(column) > 10 * ratio * np.min(column):  # powers of ten alone
            axis.set_major_locator(LogLocator(numticks=7))


def spans_decades(low: float, high: float) -> bool:
    """Whether a positive range spans more than three decades."""
    return low > 0 and math.log10(high / low) > 3


Dots = tuple[float, float]  # area of a dot in square points, and its opacity


def scatter_rows(
    ax: Axes, x: Any, y: Any, color: Any, *, few: Dots = (18, 0.75), many: Dots = (6, 0.35), zorder: float = 2
) -> None:
    """Draw rows as dots that stay light in number: small and clear beyond 500 rows, and pixels in vector files."""
    crowded = len(x) > MANY_ROWS
    size, opacity = many if crowded else few
    ax.scatter(x, y, s=size, color=color, alpha=opacity, linewidths=0, rasterized=crowded, zorder=zorder)


def density(ax: Axes, values: Any, log: bool, height: float) -> None:
    """Draw a low histogram along the bottom of a panel, `height` of it high."""
    bins = 36
    ends = ax.get_xlim()
    edges = np.geomspace(*ends, bins + 1) if log else np.linspace(*ends, bins + 1)
    counts, _ = np.histogram(values, edges)
    heights = height * counts / max(1, counts.max())
    ax.stairs(heights, edges, fill=True, color=DENSITY, transform=ax.get_xaxis_transform(), zorder=1)
