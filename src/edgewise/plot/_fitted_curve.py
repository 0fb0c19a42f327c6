"""A fitted curve with its bands over the rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from edgewise._typing import Array
from edgewise.plot import _style as style
from edgewise.plot._text import plain


def fitted_curve(
    x: Array, y: Array, grid: Array, values: Array, bands: Sequence[Sequence[Array]], *, names: tuple[str, str]
) -> Figure:
    """Draw rows x, y (n,), a curve `values` over `grid` (m,), and bands (low, high) (m,), the widest first.

    >>> import numpy as np
    >>> grid = np.linspace(0, 1, 5)
    >>> figure = fitted_curve(grid, grid, grid, grid, [(grid - 1, grid + 1)], names=("t", "y"))
    >>> figure.axes[0].get_xlabel()
    't'
    """
    figure = style.Picture(figsize=(5.6, 3.9), layout="constrained")
    ax = figure.subplots()
    for low, high in bands:
        shown = np.isfinite(low) & np.isfinite(high)
        ax.fill_between(grid, low, high, where=shown, color=style.ACCENT, alpha=0.14, linewidth=0)
    ax.plot(grid, values, color=style.SYMBOLIC, linewidth=1.6)
    many = len(x) > 500
    ax.scatter(x, y, s=6 if many else 18, color=style.INK, alpha=0.35 if many else 0.75, linewidths=0, rasterized=many)
    ax.set_xlabel(plain(names[0]))
    ax.set_ylabel(plain(names[1]))
    return figure
