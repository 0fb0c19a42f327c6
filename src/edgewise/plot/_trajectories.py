"""Measured trajectories, and the curves of the equations that were found for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._field import name_axes

Path = tuple[Array, Array]  # times (n,) and states (n, d)


def trajectories(
    rows: Sequence[Path], curves: Sequence[Path], names: Sequence[str],
    rates: Callable[[Array], Array] | None = None, *, ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Draw rows and curves of each state over time; of two states also in their plane, with directions.

    Parameters
    ----------
    rows
        Times (n,) and values (n, d) of each trajectory, nan where there are none.
    curves
        The same of the curves.
    names
        Names of the states.
    rates
        A function from states (n, 2) to rates (n, 2), of two states that nothing else drives.
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import trajectories
    >>> t = np.linspace(0, 6, 50)
    >>> circle = (t, np.stack([np.cos(t), -np.sin(t)], axis=1))
    >>> figure = trajectories([circle], [circle], ["x", "v"], lambda z: np.stack([z[:, 1], -z[:, 0]], axis=1))
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['$x$', '$v$', '$v$']
    """
    count = len(names)
    figure = style.Picture.at(ax, (6.2 + 4.0 * (rates is not None), 1.0 + 1.7 * count))
    grid = figure.add_gridspec(count, 2, width_ratios=(6.2, 4.0)) if rates else figure.add_gridspec(count, 1)
    first: Axes | None = None
    for k, name in enumerate(names):
        panel = figure.add_subplot(grid[k, 0], sharex=first)
        first = first or panel
        for t, x in rows:
            style.scatter_rows(panel, t, x[:, k], style.INK)
        for t, x in curves:
            panel.plot(t, x[:, k], color=style.SYMBOLIC, linewidth=1.4)
        name_axes(panel, "t" if k + 1 == count else "", name)
        style.plain_axes(panel)
        panel.tick_params(labelbottom=k + 1 == count)
    if rates is not None:
        _plane(figure.add_subplot(grid[:, 1]), rows, curves, names, rates)
    return figure


def _plane(
    ax: Axes, rows: Sequence[Path], curves: Sequence[Path], names: Sequence[str], rates: Callable[[Array], Array]
) -> None:
    """Draw rows and curves in the plane of two states, on streamlines of the rates."""
    across, margin = 24, 0.06  # places along a side, and of a range around it
    for _, x in rows:
        style.scatter_rows(ax, x[:, 0], x[:, 1], style.INK)
    for _, x in curves:
        ax.plot(x[:, 0], x[:, 1], color=style.SYMBOLIC, linewidth=1.4)
    seen = np.concatenate([x for _, x in [*rows, *curves]])
    low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
    low, high = low - margin * (high - low), high + margin * (high - low)
    sides = [np.linspace(a, b, across) for a, b in zip(low, high, strict=True)]
    if (high > low).all():
        at = np.stack([side.ravel() for side in np.meshgrid(*sides)], axis=1)
        u, v = np.nan_to_num(rates(at)).T.reshape(2, across, across)
        ax.streamplot(sides[0], sides[1], u, v, color=style.FAINT, linewidth=0.8, arrowsize=0.8, density=0.9, zorder=0)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    name_axes(ax, names[0], names[1])
    style.plain_axes(ax)
    ax.grid(False)
