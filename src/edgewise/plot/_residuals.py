"""What a formula leaves, against the order of the rows and against each input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._text import name_label

_ACROSS = 3  # panels side by side
_WIDE, _HIGH = 3.0, 2.5  # of a panel, in inches
_MANY = 500  # rows that are drawn small
_MEANS, _FEWEST, _EACH = 20, 5, 8  # means along a panel at most and at least, and rows for each at least
_ALIKE = 12  # values of a column that have a mean each
_TWICE = 2.0  # standard errors of a mean that are shaded


def residual_panels(residual: Array, columns: Sequence[tuple[str, Array]], *, label: str = "residual") -> Figure:
    """Draw residuals (n,) against columns (n,) by name, a panel for each, and return the figure.

    A line joins means of neighboring rows, and the shade is two of their standard errors: where it leaves zero, the
    residuals depend on the column.

    Errors: InputError without columns.

    >>> rng = np.random.default_rng(0)
    >>> figure = residual_panels(rng.normal(size=40), [("row", np.arange(40)), ("x", rng.uniform(size=40))])
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['row', '$x$']
    """
    if not columns:
        raise InputError("Residuals need at least one column to be drawn against. Got none.")
    across = min(len(columns), _ACROSS)
    down = -(-len(columns) // across)
    figure = style.Picture(figsize=(_WIDE * across + 0.4, _HIGH * down), layout="constrained")
    panels = np.atleast_1d(figure.subplots(down, across, sharey=True, squeeze=False)).ravel()
    size = float(np.abs(residual).max()) or 1.0
    for ax, (name, column) in zip(panels, columns, strict=False):
        _panel(ax, column, residual)
        style.logarithmic_where_wide(ax, ax.xaxis, column)
        title = name_label(name)
        ax.set_xlabel(title.text, color=style.INK, **title.style)
        ax.set_ylim(-1.1 * size, 1.1 * size)
    for ax in panels[len(columns) :]:
        ax.remove()
    for ax in panels[::across]:
        ax.set_ylabel(label)
    return figure


def _panel(ax: Axes, column: Array, residual: Array) -> None:
    many = len(residual) > _MANY
    ax.axhline(0, color=style.SOFT, linewidth=1, zorder=1)
    ax.scatter(column, residual, s=5 if many else 14, color=style.ACCENT, alpha=0.3 if many else 0.6, linewidths=0,
               rasterized=many, zorder=2)  # fmt: skip
    places, means, errors = _means(column, residual)
    if len(places) > 1:
        ax.fill_between(places, means - _TWICE * errors, means + _TWICE * errors, color=style.SYMBOLIC, alpha=0.18,
                        linewidth=0, zorder=3)  # fmt: skip
        ax.plot(places, means, color=style.SYMBOLIC, linewidth=1.3, zorder=4)
    style.plain_axes(ax)


def _means(column: Array, residual: Array) -> tuple[Array, Array, Array]:
    """Return places, means and standard errors of rows that are neighbors along a column, alike ones together."""
    values, place = np.unique(column, return_inverse=True)
    count = min(_MEANS, len(column) // _EACH)
    if len(values) > _ALIKE:
        if count < _FEWEST:
            return np.empty(0), np.empty(0), np.empty(0)
        order = np.argsort(column, kind="stable")
        place = np.empty(len(column), dtype=int)
        place[order] = np.arange(len(column)) * count // len(column)
        values = np.bincount(place, column) / np.bincount(place)
    rows = np.bincount(place)
    means = np.bincount(place, residual) / rows
    squares = np.bincount(place, (residual - means[place]) ** 2)
    return values, means, np.sqrt(squares / np.maximum(rows - 1, 1) / rows)
