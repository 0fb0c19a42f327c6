"""How well predictions meet the data."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, plain
from edgewise.train import as_matrix

_DECADES = 3.0
_LONGEST = 40  # letters of a name


def fit_quality(y: Data, predicted: Data, *, name: str = "y") -> Figure:
    """Draw predictions against data, and residuals against predictions, side by side, and return the figure.

    When y is positive and spans more than three decades the axes are logarithmic and the residuals relative.

    Shapes: y and predicted (n,) or (n, 1).
    Errors: InputError for different lengths or values that are not finite.

    >>> import edgewise as ew
    >>> figure = ew.plot.fit_quality([1.0, 2.0, 3.0], [1.1, 2.0, 2.9], name="speed")
    >>> len(figure.axes)
    2
    """
    data, model = as_matrix(y, "y").cpu().numpy(), as_matrix(predicted, "predicted").cpu().numpy()
    if data.shape != model.shape or data.shape[1] != 1:
        raise InputError(f"y and predicted must be two columns of the same length. Got {data.shape} and {model.shape}.")
    data, model = data[:, 0], model[:, 0]
    wide = bool(data.min() > 0 and math.log10(data.max() / data.min()) > _DECADES)
    figure = style.Picture(figsize=(8.6, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    _against(left, data, model, name, wide)
    _residuals(right, data, model, name, wide)
    return figure


def _against(ax: Axes, data: np.ndarray, model: np.ndarray, name: str, wide: bool) -> None:
    low, high = min(data.min(), model.min()), max(data.max(), model.max())
    if wide:
        low = data.min()
        ax.set_yscale("log", nonpositive="mask")
    ax.plot([low, high], [low, high], color=style.SOFT, linewidth=1, zorder=1)
    _dots(ax, data, model, name, wide)
    if wide:
        verdict = f"rms relative residual {np.sqrt(np.mean((model / data - 1) ** 2)):.3g}"
    else:
        rms, deviation = float(np.sqrt(np.mean((model - data) ** 2))), float(data.std())
        verdict = f"rms residual {rms:.3g}" + (
            f"\n= {rms / deviation:.3g} standard deviations" if deviation > 0 else ""
        )
    ax.text(0.04, 0.96, verdict, transform=ax.transAxes, va="top", fontsize=8.5, color=style.INK)
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
    """Points that stay light in number: small and clear when there are many, and pixels in vector files."""
    if wide:
        ax.set_xscale("log")
    many = len(x) > 500
    size, opacity = (6, 0.35) if many else (18, 0.75)
    ax.scatter(x, y, s=size, color=style.ACCENT, alpha=opacity, linewidths=0, rasterized=many, zorder=2)
    ax.set_xlabel(plain(name, _LONGEST), **PLAIN)
    style.plain_axes(ax)
