"""Points and weights of integrals over domains, faces and boundaries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, pairwise, repeat

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde.geometry._boundary import Boundary, unit
from edgewise.pde.geometry._corner import meetings
from edgewise.pde.geometry._curve import Circle, Curve, Rectangle, Segment, Sphere
from edgewise.pde.geometry._domain import Box, Domain, Face
from edgewise.pde.geometry._round import Disk
from edgewise.pde.splines._space import Products

Rule = tuple[Tensor, Tensor]
"""Points (n, d) and their weights (n,), which add up to the size of what is integrated over."""

Inside = Callable[[Tensor], Tensor]


def quadrature(where: Domain | Face | Boundary, count: int) -> Rule:
    """Return about `count` points and weights of an integral over a domain, or along a boundary.

    Gauss's rule in panels on boxes and their faces, on disks in polar coordinates, and on other domains of two and
    three coordinates in slices; equally spaced points along other boundaries, and a Sobol sequence on boxes of many
    coordinates, whose error falls about as 1 / count.

    >>> points, weights = quadrature(Box(x=(0, 2)), 100)
    >>> round(float(weights @ points[:, 0] ** 3), 12)
    4.0
    """
    if isinstance(where, Face):
        parts = [_face(where.box, k, end, count // len(where.fixed)) for k, end in where.fixed]
        return torch.cat([points for points, _ in parts]), torch.cat([weights for _, weights in parts])
    if isinstance(where, Boundary):
        return where.spaced(count)
    if isinstance(where, Disk):
        return _disk(where, count)
    if isinstance(where, Box) and count ** (1 / len(where.names)) >= 5:  # else a Sobol sequence is better
        return _box(where.low, where.high, count)
    if not isinstance(where, Box) and len(where.names) < 4:
        return _sliced(where.curves(), where.contains, count)
    low, high = where.ends
    tried = count if isinstance(where, Box) else 2 * count  # points of the box around another domain
    points = low + (high - low) * unit(tried, len(low), 0, "sobol")
    weights = torch.full((tried,), float((high - low).prod()) / tried, dtype=torch.float64)
    inside = where.contains(points)
    return points[inside], weights[inside]


def _box(low: Sequence[float], high: Sequence[float], count: int, panel: int = 8) -> Rule:
    """Gauss points of panels, of which each has `panel` by each coordinate."""
    each = max(panel, round(count ** (1 / len(low)))) if len(low) < 4 else int(count ** (1 / len(low)))
    panels = Products.even(zip(low, high, strict=True), repeat(max(1, each // panel)), 0)
    points, weights = panels.gauss(min(panel, each))
    return torch.from_numpy(points), torch.from_numpy(weights)


def _face(box: Box, k: int, end: float, count: int) -> Rule:
    """The rule of one face; on a line it is a point of weight one."""
    others = [i for i in range(len(box.names)) if i != k]
    if not others:
        return torch.tensor([[end]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    inner, weights = _box([box.low[i] for i in others], [box.high[i] for i in others], count)
    points = torch.full((len(inner), len(box.names)), end, dtype=torch.float64)
    points[:, others] = inner
    return points, weights


def _disk(disk: Disk, count: int) -> Rule:
    points, widths = _box((0.0,), (disk.radius,), round(math.sqrt(count / 3)))
    radii = points[:, 0]
    turns = max(16, count // len(radii))
    angles = 2 * math.pi * torch.arange(turns, dtype=torch.float64) / turns
    around = torch.stack([angles.cos(), angles.sin()], 1)
    points = torch.tensor(disk.center, dtype=torch.float64) + (radii[:, None, None] * around).reshape(-1, 2)
    return points, (widths * radii * (2 * math.pi / turns)).repeat_interleave(turns)


def _sliced(curves: Sequence[Curve], inside: Inside, count: int) -> Rule:
    """The rule of what curves or surfaces enclose, slice by slice of the last coordinate.

    Between the heights at which slices change their kind, integrals over slices are smooth functions of the height, but
    for roots at the ends, which  h = (1 - cos pi t) / 2  turns into smooth functions of t.
    """
    breaks, spatial = _heights(curves), any(isinstance(curve, Sphere | Rectangle) for curve in curves)
    each = max(8, math.ceil((count / len(breaks)) ** (1 / 3 if spatial else 1 / 2)))
    nodes, shares = np.polynomial.legendre.leggauss(each)
    turns = np.pi * (nodes + 1) / 2
    points, weights = [], []
    for low, high in pairwise(breaks):
        heights = low + (high - low) * (1 - np.cos(turns)) / 2
        widths = shares * (high - low) * np.pi / 4 * np.sin(turns)
        if not spatial:
            own, sizes, number = _rows(curves, inside, heights, each)
            points.append(np.column_stack([own, heights[number]]))
            weights.append(sizes * widths[number])
            continue
        for height, width in zip(heights.tolist(), widths.tolist(), strict=True):

            def within(at: Tensor, height: float = height) -> Tensor:
                return inside(torch.cat([at, torch.full((len(at), 1), height, dtype=torch.float64)], 1))

            if flat := list(_slice(curves, height)):
                own, sizes = _sliced(flat, within, each**2)
                points.append(np.column_stack([own.numpy(), np.full(len(own), height)]))
                weights.append(width * sizes.numpy())
    return torch.from_numpy(np.concatenate(points)), torch.from_numpy(np.concatenate(weights))


def _rows(curves: Sequence[Curve], inside: Inside, heights: Array, each: int) -> tuple[Array, Array, Array]:
    """Points of rows at some heights, none of which meets a corner: x, weights, and the numbers of the rows."""
    ends = []
    for curve in curves:
        if isinstance(curve, Segment):
            (x0, y0), (x1, y1) = curve.start, curve.end
            if min(y0, y1) < heights[0] < max(y0, y1):
                ends.append(x0 + (x1 - x0) * (heights - y0) / (y1 - y0))
        elif isinstance(curve, Circle) and abs(heights[0] - curve.center[1]) < curve.radius:
            half = np.sqrt(curve.radius**2 - (heights - curve.center[1]) ** 2)
            ends += [curve.center[0] - half, curve.center[0] + half]
    if len(ends) < 2:
        return np.zeros(0), np.zeros(0), np.zeros(0, dtype=int)
    x = np.sort(np.stack(ends, 1), 1)
    middles, lengths = (x[:, 1:] + x[:, :-1]) / 2, np.diff(x)
    at = np.column_stack([middles.ravel(), np.repeat(heights, middles.shape[1])])
    kept = inside(torch.from_numpy(at)).numpy() & (lengths.ravel() > 0)
    nodes, shares = np.polynomial.legendre.leggauss(each)
    half = lengths.ravel()[kept, None] / 2
    own = middles.ravel()[kept, None] + half * nodes
    rows = np.repeat(np.arange(len(heights)), middles.shape[1])[kept]
    return own.ravel(), (half * shares).ravel(), np.repeat(rows, each)


def _heights(curves: Sequence[Curve]) -> list[float]:
    """The heights at which slices change their kind, ascending: of ends, corners and poles."""
    found: list[float] = []
    for curve in curves:
        if isinstance(curve, Rectangle):
            found += [curve.low[2], curve.high[2]]
        elif isinstance(curve, Circle | Sphere):
            found += [curve.center[-1] - curve.radius, curve.center[-1] + curve.radius]
    found += [y for _, y in meetings(curves)]
    found += [height for pair in combinations(curves, 2) for height in _poles(*pair)]
    size = max(found) - min(found)
    kept: list[float] = []
    for height in sorted(found):
        if not kept or height - kept[-1] > 1e-12 * size:
            kept.append(height)
    return kept


def _poles(one: Curve, two: Curve) -> Iterable[float]:
    """The least and the greatest height of the circle in which two surfaces meet."""
    if isinstance(two, Sphere) and not isinstance(one, Sphere):
        one, two = two, one
    if not isinstance(one, Sphere):
        return []
    m, r = np.array(one.center), one.radius
    if isinstance(two, Sphere):
        across = np.array(two.center) - m
        far = float(np.linalg.norm(across))
        foot = (far**2 + r**2 - two.radius**2) / (2 * far) if far > 0 else r
        across = across / max(far, 1e-300)
    elif isinstance(two, Rectangle) and two.k < 2:
        across = np.eye(3)[two.k]
        foot = two.low[two.k] - float(m[two.k])
    else:
        return []
    if abs(foot) >= r:
        return []
    reach = math.sqrt((r**2 - foot**2) * max(0.0, 1 - float(across[2]) ** 2))
    middle = float(m[2] + foot * across[2])
    return [middle - reach, middle + reach]


def _slice(curves: Sequence[Curve], height: float) -> Iterable[Curve]:
    """The curves in which surfaces meet a height."""
    for curve in curves:
        if isinstance(curve, Sphere) and abs(height - curve.center[2]) < curve.radius:
            yield Circle(curve.center[:2], math.sqrt(curve.radius**2 - (height - curve.center[2]) ** 2), curve.sense)
        elif isinstance(curve, Rectangle) and curve.k < 2 and curve.low[2] < height < curve.high[2]:
            yield Segment(curve.low[:2], curve.high[:2], curve.sense)
