"""The rows and curves of groups, a panel for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise.plot import _style as style
from edgewise.plot._field import name_axes
from edgewise.plot._rows import Line
from edgewise.plot._text import plain


def group_panels(
    lines: Sequence[Line], mean: Line, *, names: tuple[str, str] = ("x", "y"), ax: Axes | None = None
) -> Figure:
    """Draw the rows of each group with its curve in a panel, the curve of the mean dashed, and return the figure.

    Parameters
    ----------
    lines
        The curve of each group with its rows; the label is its title. Of more than 24, the first are drawn.
    mean
        The curve of the mean constants.
    names
        Names of the input and of the target.
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Raises
    ------
    InputError
        Without a group.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.plot import Line, group_panels
    >>> x = np.linspace(0, 1, 9)
    >>> lines = [Line(x, c * x, f"group {c}", rows=np.column_stack([x, c * x])) for c in (1, 2, 3)]
    >>> [ax.get_title() for ax in group_panels(lines, Line(x, 2 * x)).axes]
    ['group 1', 'group 2', 'group 3']
    """
    most, widest = 24, 6  # panels, and of a row
    if not lines:
        raise InputError("Panels need at least one group. Got none.")
    shown = lines[:most]
    across = min(len(shown), widest)
    down = -(-len(shown) // across)
    figure = style.Picture.at(ax, (max(1.5 * across, 3.0) + 0.6, 1.6 * down + 0.6))
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, line in zip(panels, shown, strict=False):
        panel.plot(mean.places, mean.values, color=style.SOFT, linewidth=1.0, linestyle="--", zorder=2)
        panel.plot(line.places, line.values, color=style.SYMBOLIC, linewidth=1.5, zorder=4)
        if line.rows is not None:
            panel.scatter(*np.asarray(line.rows).T, s=9, color=style.ACCENT, alpha=0.75, linewidths=0, zorder=3)
        panel.set_title(plain(line.label), fontsize=8, color=style.INK)
        style.plain_axes(panel)
    for panel in panels[len(shown) :]:
        panel.remove()
    for k, panel in enumerate(panels[: len(shown)]):
        name_axes(panel, names[0] if k + across >= len(shown) else "", names[1] if k % across == 0 else "")
    return figure
