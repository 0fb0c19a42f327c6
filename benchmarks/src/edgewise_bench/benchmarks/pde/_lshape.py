"""The L-shaped domain: a series of harmonic functions that has the corners' singularities."""

import numpy as np
import torch

from edgewise._typing import Array
from edgewise_bench.benchmarks.pde._references import Reference

CORNERS = ((0, 0), (1, 0), (1, 1), (-1, 1), (-1, -1), (0, -1))
"""The L's corners in turn; the first is the re-entrant one."""

_INWARD = (3, 3, 5, 7, 1, 3)  # quarters of pi: the direction from each corner along its bisector or nearly so
_EDGE, _SINGULAR, _POWERS = 200, 45, 30  # points of an edge; terms of the series
_SIDE = 60  # points of the lattice on [-1, 1]


def lshape(singular: int = _SINGULAR, powers: int = _POWERS) -> Reference:
    """Solve u_xx + u_yy = -1 on the L, u = 0 on its boundary; at a lattice of points inside."""
    side = (np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1
    x, y = (part.ravel() for part in np.meshgrid(side, side, indexing="ij"))
    inside = (x < 0) | (y > 0)
    z = x[inside] + 1j * y[inside]
    values = _harmonic(z, singular, powers) @ _fitted(singular, powers) - np.abs(z) ** 2 / 4
    return Reference(torch.from_numpy(np.stack([z.real, z.imag], axis=1)), torch.from_numpy(values))


def lshape_bound(singular: int = _SINGULAR, powers: int = _POWERS) -> float:
    """Return the largest value of the series' solution on the boundary.

    By the maximum principle no value inside is further off.
    """
    z = _boundary(4 * _EDGE - 1)
    return float(np.abs(_harmonic(z, singular, powers) @ _fitted(singular, powers) - np.abs(z) ** 2 / 4).max())


def _fitted(singular: int, powers: int) -> Array:
    z = _boundary(_EDGE)
    columns = _harmonic(z, singular, powers)
    sizes = np.linalg.norm(columns, axis=0)
    return np.linalg.lstsq(columns / sizes, np.abs(z) ** 2 / 4, rcond=1e-15)[0] / sizes


def _boundary(count: int) -> Array:
    """Return complex points of the boundary, dense at the corners."""
    share = (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2
    z = np.array([complex(*corner) for corner in CORNERS])
    return np.concatenate([a + (b - a) * share for a, b in zip(z, np.roll(z, -1), strict=True)])


def _harmonic(z: Array, singular: int, powers: int) -> Array:
    """Return harmonic functions at complex points, (n, functions).

    r^(2k/3) sin(2k theta / 3) around the re-entrant corner, powers of z, and z^2 log z around each corner: a quadratic
    that vanishes on both sides of a right angle needs it.
    """
    r, theta = np.abs(z), np.mod(np.angle(z), 2 * np.pi)
    columns = [r ** (2 * k / 3) * np.sin(2 * k * theta / 3) for k in range(1, singular + 1) if k % 3]
    for k in range(powers + 1):
        power = (z / 1.5) ** k
        columns += [power.real, power.imag][: 1 + (k > 0)]
    for corner, quarter in zip(CORNERS, _INWARD, strict=True):
        away = z - complex(*corner)
        turned = np.where(away == 0, 1, away) * np.exp(-0.25j * np.pi * quarter)  # the cut points outward
        term = away**2 * np.log(turned)
        columns += [term.real, term.imag]
    return np.stack(columns, axis=1)
