"""The sheet that pictures of experiments are drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewise.measure import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

_WIDTH, _HEIGHT, _ACROSS = 3.4, 2.9, 4  # inches of a panel; panels across


def legend(ax: Axes) -> None:
    """The names of what is drawn, where there is anything."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=7)


def sheet(panels: int, across: int = _ACROSS) -> tuple[Picture, list[Axes]]:
    """A picture with so many panels, in rows of at most `across`."""
    from matplotlib.figure import Figure

    columns = min(panels, across) or 1
    lines = -(-panels // columns) or 1
    picture = Figure(figsize=(_WIDTH * columns + 0.4, _HEIGHT * lines + 0.3), layout="constrained")
    axes = list(picture.subplots(lines, columns, squeeze=False).flat)
    for ax in axes[panels:]:
        ax.remove()
    for ax in axes[:panels]:
        plain(ax)
    return picture, axes[:panels]
