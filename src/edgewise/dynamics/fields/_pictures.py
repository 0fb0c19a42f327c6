"""Pictures of a measured field, the field that satisfies its equations, and the residuals."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._typing import Array
from edgewise.dynamics.fields._measured import Measured

_PANEL = (4.2, 3.1)  # inches


def panels(data: Measured, fitted: Array, within: Axes | None = None) -> Figure:
    """The data, the fitted field (n, d) at their points, and the residuals, a row for each component."""
    count = len(data.names)
    figure = plot.Picture.at(within, (3 * _PANEL[0], count * _PANEL[1]))
    axes = figure.subplots(count, 3, squeeze=False)
    for k, name in enumerate(data.names):
        left = data.values[:, k] - fitted[:, k]
        most = float(np.abs(left).max())
        limits = plot.span(np.concatenate([data.values[:, k], fitted[:, k]]))
        shown = (data.values[:, k], "data", limits), (fitted[:, k], "fit", limits), (left, "residuals", (-most, most))
        for ax, (values, title, ends) in zip(axes[k], shown, strict=True):
            _panel(data, values, ax, name, ends)
            ax.set_title(f"{name}: {title}", loc="left")
    return figure


def _panel(data: Measured, values: Array, ax: Axes, name: str, limits: tuple[float, float]) -> None:
    if data.axes is None:
        rows = data.points[:, [0, 1]] if len(data.coordinates) == 1 else data.points[:, [1, 2]]
        names = ("t", data.coordinates[0]) if len(data.coordinates) == 1 else data.coordinates
        low, high = limits
        dots = ax.scatter(rows[:, 0], rows[:, 1], c=values, s=8, vmin=low, vmax=high, cmap=plot.colors(low, high))
        ax.figure.colorbar(dots, ax=ax, shrink=0.9, pad=0.02)
        ax.set(xlabel=f"${names[0]}$", ylabel=f"${names[1]}$")
        ax.spines[:].set_visible(False)
        return
    grid = values.reshape([len(x) for x in data.axes])
    if len(data.coordinates) == 1:
        surface, names = plot.Surface(data.axes[0], data.axes[1], grid), ("t", data.coordinates[0])
    else:
        surface = plot.Surface(data.axes[1], data.axes[2], grid[len(grid) // 2])
        names = (data.coordinates[0], data.coordinates[1])
    plot.heat_map(surface, names=names, label=name, limits=limits, ax=ax)
