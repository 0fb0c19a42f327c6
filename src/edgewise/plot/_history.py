"""How the error fell during training."""

import numpy as np
from matplotlib.axes import Axes

from edgewise._errors import InputError
from edgewise.plot import _style as style
from edgewise.train import FitResult

_EXACT = 1e-17
_DOTS = 40


def history(fit_result: FitResult, ax: Axes | None = None) -> Axes:
    """Draw training and validation error over time, with the grid of each round, and return the axes.

    Units: root mean square error in the target's units, seconds.
    Errors: InputError for a record without rows.

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
    train = [max(row.train, _EXACT) for row in rows]
    held = [max(row.validation, _EXACT) for row in rows]
    dot, square = ("o", "s") if len(rows) <= _DOTS else ("", "")  # the rows of many epochs make a line
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
    ax.set_yscale("log")
    ax.margins(x=0.06, y=0.15)
    ax.set_xlabel("seconds")
    ax.set_ylabel("rms error")
    style.plain_axes(ax)
    ax.legend(frameon=False, fontsize=8, labelcolor=style.INK)
    return ax
