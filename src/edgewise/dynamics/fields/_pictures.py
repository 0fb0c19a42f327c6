"""Pictures of a measured field beside the one that obeys its equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from edgewise import plot
from edgewise._typing import Array

if TYPE_CHECKING:
    from edgewise.dynamics.fields._result import FieldEquations

_PANEL = (4.2, 3.1)  # inches


def panels(found: FieldEquations) -> Figure:
    """What was measured, the fitted field, and what is left, a row for each component."""
    data, count = found.data, len(found.names)
    fitted = found.lattice.at(data.points, (0,) * data.points.shape[1]).image(found.coefficients)
    figure = Figure(figsize=(3 * _PANEL[0], count * _PANEL[1]), layout="constrained")
    axes = figure.subplots(count, 3, squeeze=False)
    for k, name in enumerate(found.names):
        left = data.values[:, k] - fitted[:, k]
        most = float(np.abs(left).max())
        limits = plot.span(np.concatenate([data.values[:, k], fitted[:, k]]))
        shown = (data.values[:, k], "measured", limits), (fitted[:, k], "fitted", limits), (left, "left", (-most, most))
        for ax, (values, title, ends) in zip(axes[k], shown, strict=True):
            _panel(found, values, ax, name, ends)
            ax.set_title(f"{name}: {title}")
    return figure


def _panel(found: FieldEquations, values: Array, ax: object, name: str, limits: tuple[float, float]) -> None:
    data = found.data
    if data.axes is None:
        rows = data.points[:, [0, 1]] if len(found.coordinates) == 1 else data.points[:, [1, 2]]
        names = ("t", found.coordinates[0]) if len(found.coordinates) == 1 else found.coordinates
        ax.scatter(rows[:, 0], rows[:, 1], c=values, s=8, vmin=limits[0], vmax=limits[1], cmap="viridis")  # type: ignore[attr-defined]
        ax.set_xlabel(f"${names[0]}$")  # type: ignore[attr-defined]
        ax.set_ylabel(f"${names[1]}$")  # type: ignore[attr-defined]
        return
    grid = values.reshape([len(x) for x in data.axes])
    if len(found.coordinates) == 1:
        surface, names = plot.Surface(data.axes[0], data.axes[1], grid), ("t", found.coordinates[0])
    else:
        surface = plot.Surface(data.axes[1], data.axes[2], grid[len(grid) // 2])
        names = (found.coordinates[0], found.coordinates[1])
    plot.heat_map(surface, names=names, label=name, limits=limits, ax=ax)  # type: ignore[arg-type]
