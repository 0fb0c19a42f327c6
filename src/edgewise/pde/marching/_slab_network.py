"""A slab of time as the network that it is: product nodes of a spline in space and a polynomial in time."""

from __future__ import annotations

import numpy as np

from edgewise._typing import Array
from edgewise.nn import KAN, lock
from edgewise.pde.marching._evolution import Evolution
from edgewise.pde.marching._slab import Slab
from edgewise.pde.splines._networks import Factors, network_of_factors

_POINTS = 3  # of a cell, for each coefficient there


def network_of(evolution: Evolution, slab: Slab) -> KAN:
    """Return a slab as KAN([2, (0, [2] * R), unknowns]), whose edges of time are locked, to rounding."""
    degree, line, time = slab.space.degree, slab.space, evolution.time
    x, _ = line.gauss(_POINTS * (degree + 1))
    t = slab.begin + slab.length * (0.5 - 0.5 * np.cos(np.pi * (np.arange(len(x)) + 0.5) / len(x)))
    matrix, tau = line.matrix(x), (t - slab.begin) / slab.length
    in_space, in_time, sums = list[Array](), list[Array](), list[int]()
    for v in range(len(evolution.orders)):
        c, _, _ = evolution.part(v, ())
        if slab.changing[c]:
            in_space.append(matrix @ slab.begins[:, c])
            in_time.append(np.ones_like(t))
        in_space += [matrix @ slab.inner[:, c, m] for m in range(slab.inner.shape[2])]
        in_time += list(slab.shapes(c, tau).T)
        sums += [v] * (len(in_space) - len(sums))
    factors = (
        Factors(evolution.space, line.cells, x, np.stack(in_space, 1)),
        Factors(time, np.array([slab.begin, slab.end]), t, np.stack(in_time, 1)),
    )
    model = network_of_factors(degree, factors, sums, len(evolution.orders))
    return lock(model, [(0, 2 * r + 1, time) for r in range(len(sums))])
