"""Where the names of nodes stand, in how many lines and at what angle."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from edgewise.plot._ruler import broken, height, width
from edgewise.plot._spots import BESIDE, DOT, NameSpot, NodeSpot
from edgewise.plot._text import Label

NAME, HIDDEN, NOTE = 8.5, 6.5, 6.5  # sizes of the font in points
_MOST_LINES = 3
_SPACE = 0.09  # inches between names
_TILT, _STEEP, _LONG = 45.0, 65.0, 1.0  # degrees; the steeper for names longer than that number of inches

Labels = Sequence[Sequence[Label]]


def place_names(kind: str, nodes: Sequence[NodeSpot], labels: Labels, unit: float) -> list[NameSpot]:
    """The names of all nodes of a picture whose boxes are `unit` inches wide."""
    last = len(labels) - 1
    levels = [[node for node in nodes if node.layer == level] for level in range(len(labels))]
    rows = kind == "grid" and last % 2 == 1
    spots = _ends(levels[0], labels[0], unit, above=False)
    above = _kept(levels[-1], labels[-1], NAME, 0.0) if rows else _ends(levels[-1], labels[-1], unit, above=True)
    if kind == "grid" and not rows and len(above) == 1:  # in the corner, from where a name goes back over the boxes
        above = [replace(above[0], ha="right", x=above[0].x + DOT)]
    spots += above
    for level in range(1, last):
        on_line = kind == "grid" and level % 2 == 1
        spots += _kept(levels[level], labels[level], HIDDEN, 0.06 if on_line else None)
    return spots


def _kept(nodes: Sequence[NodeSpot], labels: Sequence[Label], size: float, lift: float | None) -> list[NameSpot]:
    """Names at the right of their nodes, above a line that leads on there when `lift` is a height above it."""
    side, spots = "center" if lift is None or size == NAME else "bottom", []
    for node in nodes:
        x, y = node.x + node.radius + BESIDE, node.y + (lift or 0.0)
        spots.append(NameSpot(node.layer, node.index, labels[node.index], x, y, "left", side, 0.0, size))
    return spots


def _ends(nodes: Sequence[NodeSpot], labels: Sequence[Label], unit: float, *, above: bool) -> list[NameSpot]:
    """Names under inputs or over outputs: side by side, in lines where that is enough, and tilted where it is not."""
    line = sorted(nodes, key=lambda node: node.x)
    shown = _side_by_side([node.x * unit for node in line], [labels[node.index] for node in line])
    sign, half = (1 if above else -1), 0.35 * NAME / 72 / unit
    longest = max(width(label, NAME) for label in labels)
    angle = 0.0 if shown else _STEEP if longest > _LONG else _TILT
    spots = []
    for k, node in enumerate(line):
        y = node.y + sign * (node.radius + BESIDE)
        if shown:
            place = (node.x, y, "center", "bottom" if above else "top")
        else:
            place = (node.x, y + sign * half * math.cos(math.radians(angle)), "left" if above else "right", "center")
        label = shown[k] if shown else labels[node.index]
        spots.append(NameSpot(node.layer, node.index, label, *place, angle, NAME))
    return spots


def _side_by_side(xs: Sequence[float], labels: Sequence[Label]) -> list[Label] | None:
    """The labels, broken into lines where they are too wide for their places in inches; None if that is not enough."""
    gaps = [b - a for a, b in pairwise(xs)]
    near = [min(gaps[max(0, k - 1) : k + 1], default=math.inf) - _SPACE for k in range(len(xs))]
    shown = []
    for label, most in zip(labels, near, strict=True):
        ways = [broken(label, lines, NAME) for lines in range(1, _MOST_LINES + 1)]
        shown.append(next((way for way in ways if width(way, NAME) <= most), ways[-1]))
    widths = [width(label, NAME) for label in shown]
    fits = all((a + b) / 2 + _SPACE <= gap + 1e-9 for a, b, gap in zip(widths, widths[1:], gaps, strict=False))
    return shown if fits else None


def corners(spot: NameSpot, unit: float) -> list[tuple[float, float]]:
    """The corners of a name's rectangle, in boxes."""
    wide = width(spot.label, spot.points) / unit
    high = height(spot.label, spot.points) / unit
    left = {"left": 0.0, "center": -wide / 2, "right": -wide}[spot.ha]
    low = {"bottom": 0.0, "center": -high / 2, "top": -high}[spot.va]
    turn = math.radians(spot.angle)
    return [
        (spot.x + x * math.cos(turn) - y * math.sin(turn), spot.y + x * math.sin(turn) + y * math.cos(turn))
        for x in (left, left + wide)
        for y in (low, low + high)
    ]
