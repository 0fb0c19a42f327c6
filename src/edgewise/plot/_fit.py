"""How well predictions meet the data: errors, what is left, and how the error fell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise._typing import Array, Data
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, name_label, plain
from edgewise.train import FitResult, as_matrix


def residual_panels(
    residual: Array, columns: Sequence[tuple[str, Array]], *, label: str = "residual", ax: Axes | None = None
) -> Figure:
    """Draw residuals against columns by name, a panel for each, and return the figure.

    A line joins means of neighboring rows, and the shade is two of their standard errors: where it leaves zero, the
    residuals depend on the column.

    Parameters
    ----------
    residual : (n,)
        The residuals.
    columns
        Names and values (n,) of columns.
    label
        Name of the residuals.
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Raises
    ------
    InputError
        Without columns.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import residual_panels
    >>> rng = np.random.default_rng(0)
    >>> figure = residual_panels(rng.normal(size=40), [("row", np.arange(40)), ("x", rng.uniform(size=40))])
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['row', '$x$']
    """
    if not columns:
        raise InputError("Residuals need at least one column to be drawn against. Got none.")
    across = min(len(columns), 3)
    down = -(-len(columns) // across)
    figure = style.Picture.at(ax, (3.0 * across + 0.4, 2.5 * down))
    panels = np.atleast_1d(figure.subplots(down, across, sharey=True, squeeze=False)).ravel()
    size = float(np.abs(residual).max()) or 1.0
    for panel, (name, column) in zip(panels, columns, strict=False):
        _panel(panel, column, residual)
        style.logarithmic_where_wide(panel, panel.xaxis, column)
        title = name_label(name)
        panel.set_xlabel(title.text, color=style.INK, **title.style)
        panel.set_ylim(-1.1 * size, 1.1 * size)
    for panel in panels[len(columns) :]:
        panel.remove()
    for panel in panels[::across]:
        panel.set_ylabel(label)
    return figure


def _panel(ax: Axes, column: Array, residual: Array) -> None:
    ax.axhline(0, color=style.SOFT, linewidth=1, zorder=1)
    style.scatter_rows(ax, column, residual, style.ACCENT, few=(14, 0.6), many=(5, 0.3))
    places, means, errors = _means(column, residual)
    if len(places) > 1:
        ax.fill_between(places, means - 2 * errors, means + 2 * errors, color=style.SYMBOLIC, alpha=0.18,
                        linewidth=0, zorder=3)  # fmt: skip
        ax.plot(places, means, color=style.SYMBOLIC, linewidth=1.3, zorder=4)
    style.plain_axes(ax)


def _means(column: Array, residual: Array) -> tuple[Array, Array, Array]:
    """Return places, means and standard errors of rows that are neighbors along a column, alike ones together."""
    values, place = np.unique(column, return_inverse=True)
    alike, each = 12, 8  # values of a column that have a mean each; rows for a mean at least
    most, fewest = 20, 5  # means along a panel
    count = min(most, len(column) // each)
    if len(values) > alike:
        if count < fewest:
            return np.empty(0), np.empty(0), np.empty(0)
        order = np.argsort(column, kind="stable")
        place = np.empty(len(column), dtype=int)
        place[order] = np.arange(len(column)) * count // len(column)
        values = np.bincount(place, column) / np.bincount(place)
    rows = np.bincount(place)
    means = np.bincount(place, residual) / rows
    squares = np.bincount(place, (residual - means[place]) ** 2)
    return values, means, np.sqrt(squares / np.maximum(rows - 1, 1) / rows)


def history(fit_result: FitResult, ax: Axes | None = None) -> Axes:
    """Draw training and validation error over time, with the grid of each round, and return the axes.

    The error is the root mean square in the target's unit, the time is in seconds.

    Parameters
    ----------
    fit_result
        What `edgewise.fit` returned.
    ax
        The axes to draw into; None makes a figure.

    Raises
    ------
    InputError
        For a record without rows.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(60, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> ew.plot.history(ew.fit(ew.KAN([1, 1]), x, x**2, grids=[3, 5])).get_ylabel()
    'rms error'
    """
    rows = fit_result.history
    if not rows:
        raise InputError("This fit has no finished round to draw. Allow it more time.")
    ax = style.axes(ax, (5.6, 3.4))
    seconds = [row.seconds for row in rows]
    train = [max(row.train, style.EXACT) for row in rows]
    held = [max(row.validation, style.EXACT) for row in rows]
    dot, square = ("o", "s") if len(rows) <= 40 else ("", "")  # the rows of many epochs make a line
    ax.plot(seconds, train, f"-{dot}", color=style.ACCENT, markersize=4, linewidth=1.4, label="training rows")
    if not np.isnan(held).all():
        ax.plot(seconds, held, f"--{square}", color=style.SYMBOLIC, markersize=4, linewidth=1.4, label="held-out rows")
    before = None
    for row, height in zip(rows, train, strict=True):
        if row.grid != before:
            label = f"grid {row.grid}" if before is None else f"{row.grid}"
            top = float(np.nanmax([height, row.validation]))
            style.beside(ax, label, (row.seconds, top), (0, 7), style.INK).set(ha="center")
        before = row.grid
    seen = [*train, *(error for error in held if not np.isnan(error))]
    if max(seen) > 4 * min(seen):
        style.logarithmic(ax, ax.yaxis)
    ax.margins(x=0.06, y=0.15)
    ax.set_xlabel("seconds")
    ax.set_ylabel("rms error")
    style.plain_axes(ax)
    ax.legend(frameon=False, fontsize=8, labelcolor=style.INK)
    return ax


def fit_quality(y: Data, predicted: Data, *, name: str = "y", ax: Axes | None = None) -> Figure:
    """Draw predictions against data, and residuals against predictions, side by side, and return the figure.

    When y is positive and spans more than three decades the axes are logarithmic and the residuals relative.

    Parameters
    ----------
    y : (n,) or (n, 1)
        The data.
    predicted : (n,) or (n, 1)
        The predictions.
    name
        Name of the target.
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Raises
    ------
    InputError
        For different lengths or values that are not finite.

    Examples
    --------
    >>> import edgewise as ew
    >>> figure = ew.plot.fit_quality([1.0, 2.0, 3.0], [1.1, 2.0, 2.9], name="speed")
    >>> len(figure.axes)
    2
    """
    data, model = as_matrix(y, "y").cpu().numpy(), as_matrix(predicted, "predicted").cpu().numpy()
    if data.shape != model.shape or data.shape[1] != 1:
        raise InputError(f"y and predicted must be two columns of the same length. Got {data.shape} and {model.shape}.")
    data, model = data[:, 0], model[:, 0]
    wide = style.spans_decades(data.min(), data.max())
    figure = style.Picture.at(ax, (8.6, 3.7))
    left, right = figure.subplots(1, 2)
    _against(left, data, model, name, wide)
    _residuals(right, data, model, name, wide)
    return figure


def _against(ax: Axes, data: np.ndarray, model: np.ndarray, name: str, wide: bool) -> None:
    low, high = min(data.min(), model.min()), max(data.max(), model.max())
    if wide:
        low = data.min()
        ax.set_yscale("log", nonpositive="mask")
        style.say_logarithmic(ax, ax.yaxis)
    ax.plot([low, high], [low, high], color=style.SOFT, linewidth=1, zorder=1)
    _dots(ax, data, model, name, wide)
    if wide:
        verdict = f"rms relative residual {np.sqrt(np.mean((model / data - 1) ** 2)):.3g}"
    else:
        rms, deviation = float(np.sqrt(np.mean((model - data) ** 2))), float(data.std())
        verdict = f"rms residual {rms:.3g}" + (f" = {rms / deviation:.3g} standard deviations" if deviation > 0 else "")
    ax.set_title(verdict, loc="left", fontsize=8.5, color=style.INK)
    ax.set_ylabel("predicted")


def _residuals(ax: Axes, data: np.ndarray, model: np.ndarray, name: str, wide: bool) -> None:
    left_over = (data - model) / data if wide else data - model
    ax.axhline(0, color=style.SOFT, linewidth=1, zorder=1)
    _dots(ax, model, left_over, f"predicted {name}", wide and bool((model > 0).all()))
    size = float(np.abs(left_over).max())
    ax.set_ylim(*((-1.15 * size, 1.15 * size) if size > 0 else (-1, 1)))
    if 1e-300 < size < 1e-3 or size > 1e4:
        ax.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
        ax.yaxis.get_offset_text().set(fontsize=8, color=style.INK)
    ax.set_ylabel("relative residual" if wide else "residual")


def _dots(ax: Axes, x: np.ndarray, y: np.ndarray, name: str, wide: bool) -> None:
    """Draw rows, and name the horizontal axis."""
    if wide:
        ax.set_xscale("log")
        style.say_logarithmic(ax, ax.xaxis)
    style.scatter_rows(ax, x, y, style.ACCENT)
    ax.set_xlabel(plain(name, 40), **PLAIN)
    style.plain_axes(ax)
