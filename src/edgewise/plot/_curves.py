"""Every active edge's function in its own panel."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret import EdgeCurve, edge_curves, end_names, node_names
from edgewise.nn import KAN
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, edge_formula, plain, shortened

_ROOM = 2.5  # inches of a panel for a line of text


def curves(
    model: KAN,
    x: Data | None = None,
    names: Sequence[str] | None = None,
    *,
    target: str | Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw each active edge's function with the density of the samples that reach it, and return the figure.

    Bars along the bottom are the density. Gray ticks on top of a panel are the spline's knots; where they end, the
    curve goes on along its tangent, and the share of samples out there is printed. A symbolic edge is orange, with its
    formula.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame. None takes points that are spread over the first layer's knots.
    names
        Names of the inputs; by default those that the network was trained with, or x1, x2, ...
    target
        Name of the output, or a list of names; by default y, or y1, y2, ...
    ax
        Axes of a subplot, in whose place the panels are drawn; None makes a figure.

    Raises
    ------
    InputError
        For x, names or target of another width, or when no edge is active.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> figure = ew.plot.curves(ew.KAN([2, 1]), torch.rand(100, 2), names=["mass_kg", "speed"])
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['mass_kg → y', 'speed → y']
    """
    labels = node_names(model, names, target)
    found = edge_curves(model, x)
    if not found:
        raise InputError("This network has no active edge to draw.")
    columns = min(len(found), max(4, math.ceil(math.sqrt(len(found)))), 6)
    lines = math.ceil(len(found) / columns)
    figure = style.Picture.at(ax, (2.75 * columns + 0.3, 2.55 * lines + 0.3), w_pad=0.09, h_pad=0.07)
    for number, curve in enumerate(found):
        panel = figure.add_subplot(lines, columns, number + 1)
        layer = model.layers[curve.layer]
        knots = [] if curve.function else layer.basis.breakpoints(layer.knots[curve.i : curve.i + 1])[0].tolist()
        start = labels[curve.layer][curve.i]
        _panel(panel, curve, knots, start)
        end = end_names(model, labels, curve.layer)[curve.j]
        title = shortened(lambda most, start=start, end=end: f"{plain(start, most)} → {plain(end, most)}", _ROOM, 9)
        panel.set_title(title, loc="left", fontsize=9, color=style.INK, **PLAIN)
        panel.set_xlabel(shortened(lambda most, start=start: plain(start, most), _ROOM, 8), fontsize=8, **PLAIN)
        panel.set_ylabel(shortened(lambda most, end=end: f"adds to {plain(end, most)}", _ROOM, 8), fontsize=8, **PLAIN)
    if any(not curve.function for curve in found):
        figure.supxlabel("bars: samples; ticks on top: knots of the spline", fontsize=7.5, color=style.SOFT)
    return figure


def _panel(ax: Axes, curve: EdgeCurve, knots: list[float], name: str) -> None:
    color = style.SYMBOLIC if curve.function else style.INK
    samples = curve.samples[np.isfinite(curve.samples)]
    low, high = float(curve.x[0]), float(curve.x[-1])
    wide = style.spans_decades(low, high)
    if wide:
        ax.set_xscale("log")
        style.say_logarithmic(ax, ax.xaxis)
    pad = 0.04 * (high - low) or 0.5
    ax.set_xlim(*((low / 1.3, high * 1.3) if wide else (low - pad, high + pad)))
    bottom, top = shown_range(curve)
    span = top - bottom if top - bottom > 1e-12 * max(abs(bottom), abs(top)) else max(1.0, abs(top))
    room = 0.34 if curve.function or curve.outside else 0.12  # for the note on top
    ax.set_ylim(bottom - 0.3 * span, top + room * span)
    ax.plot(curve.x, curve.y, color=color, linewidth=1.8, zorder=3)
    style.density(ax, samples, wide, 0.16)
    _knots(ax, knots, curve.outside)
    if curve.function and curve.affine:
        function, affine = curve.function, curve.affine
        text = shortened(lambda most: edge_formula(function, affine, plain(name, most)), _ROOM, 8)
        _note(ax, (0.03, 0.97), text, 8, color)
    style.plain_axes(ax)
    ax.tick_params(labelsize=7)


def _knots(ax: Axes, knots: list[float], outside: float) -> None:
    if not knots:
        return
    ends = ax.get_xlim()
    seen = [knot for knot in knots if ends[0] <= knot <= ends[1]]
    ax.vlines(seen, 0.965, 1.0, color=style.SOFT, linewidth=0.8, transform=ax.get_xaxis_transform(), zorder=2)
    for start, stop in ((ends[0], knots[0]), (knots[-1], ends[1])):
        if outside > 0 and stop > start:
            ax.axvspan(start, stop, color="#f1ece6", linewidth=0, zorder=0)
    ax.set_xlim(*ends)
    if outside > 0:
        _note(ax, (0.97, 0.93), f"{100 * outside:.2g} % outside", 7, style.SOFT)


def _note(ax: Axes, place: tuple[float, float], text: str, size: float, color: str) -> None:
    """Text in a corner of the panel, on a white ground, as it is."""
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    side: Any = "right" if place[0] > 0.5 else "left"
    note = ax.text(*place, text, transform=ax.transAxes, ha=side, va="top", color=color, zorder=5, **PLAIN)
    note.set(fontsize=size, bbox=ground)


def shown_range(curve: EdgeCurve) -> tuple[float, float]:
    """The range of y worth showing: what the samples take, which a pole between them does not stretch."""
    values = curve.values[np.isfinite(curve.values)]
    if not values.size:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    inside = curve.y[np.isfinite(curve.y)]
    span = high - low
    if inside.size and span > 0:
        low = min(low, max(float(inside.min()), low - 0.3 * span))
        high = max(high, min(float(inside.max()), high + 0.3 * span))
    return low, high


def unit_curve(curve: EdgeCurve) -> np.ndarray:
    """Return the curve scaled into the unit square, (points, 2), NaN outside; a constant lies in the middle.

    Parameters
    ----------
    curve
        An edge's curve, as `edgewise.interpret.edge_curves` returns it.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.plot import unit_curve
    >>> unit_curve(ew.interpret.edge_curves(ew.KAN([2, 1]))[0]).shape[1]
    2
    """
    low, high = shown_range(curve)
    start, span = curve.x[0], curve.x[-1] - curve.x[0]
    flat = high - low <= 1e-12 * max(abs(low), abs(high))
    across = (curve.x - start) / span if span > 0 else np.linspace(0, 1, len(curve.x))
    with np.errstate(invalid="ignore"):
        up = np.full_like(across, 0.5) if flat else (curve.y - low) / (high - low)
        up = np.where((up < -0.02) | (up > 1.02), np.nan, up)
    return np.column_stack([across, up])
