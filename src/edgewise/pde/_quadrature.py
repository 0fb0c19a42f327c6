"""Points and weights of integrals over domains and over their boundaries."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edgewise.pde._boundary import Boundary
from edgewise.pde._box import Box, Face
from edgewise.pde._disk import Disk
from edgewise.pde._domain import Domain
from edgewise.pde._placed import unit

_PANEL = 8  # Gauss points of a panel
_LEAST = 5  # Gauss points of a coordinate, below which a Sobol sequence is better
_TRIED = 2  # points of the box around another domain, for each that is asked for

Rule = tuple[Tensor, Tensor]
"""Points (n, d) and their weights (n,), which add up to the size of what is integrated over."""


def quadrature(where: Domain | Face | Boundary, count: int) -> Rule:
    """Return about `count` points and weights of an integral over a domain, or along a boundary.

    Gauss's rule in panels on boxes and their faces, and on disks in polar coordinates; equally spaced points along
    other boundaries, and a Sobol sequence on other domains, whose error falls about as 1 / count.

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
    if isinstance(where, Box) and count ** (1 / len(where.names)) >= _LEAST:
        return _box(where.low, where.high, count)
    low, high = where.ends
    tried = count if isinstance(where, Box) else _TRIED * count
    points = low + (high - low) * unit(tried, len(low), 0, "sobol")
    weights = torch.full((tried,), float((high - low).prod()) / tried, dtype=torch.float64)
    inside = where.contains(points)
    return points[inside], weights[inside]


def gauss(low: float, high: float, count: int) -> Rule:
    """Return Gauss's rule in panels of an interval: points (n,) and weights (n,)."""
    panels, order = max(1, count // _PANEL), min(_PANEL, count)
    at, own = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(order))
    width = (high - low) / panels
    starts = low + width * torch.arange(panels, dtype=torch.float64)
    return (starts[:, None] + width * (at + 1) / 2).flatten(), (own * width / 2).repeat(panels)


def _box(low: Sequence[float], high: Sequence[float], count: int) -> Rule:
    each = max(_PANEL, round(count ** (1 / len(low)))) if len(low) < 4 else int(count ** (1 / len(low)))
    sides = [gauss(*ends, each) for ends in zip(low, high, strict=True)]
    points = torch.cartesian_prod(*[at for at, _ in sides]).reshape(-1, len(sides))
    weights = torch.ones(1, dtype=torch.float64)
    for _, own in sides:
        weights = (weights[:, None] * own).flatten()
    return points, weights


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
    radii, widths = gauss(0.0, disk.radius, max(_PANEL, round(math.sqrt(count / 3))))
    turns = max(16, count // len(radii))
    angles = 2 * math.pi * torch.arange(turns, dtype=torch.float64) / turns
    around = torch.stack([angles.cos(), angles.sin()], 1)
    points = torch.tensor(disk.center, dtype=torch.float64) + (radii[:, None, None] * around).reshape(-1, 2)
    return points, (widths * radii * (2 * math.pi / turns)).repeat_interleave(turns)
