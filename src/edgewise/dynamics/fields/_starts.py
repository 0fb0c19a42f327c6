"""Where the search starts: regressions on smooth fields, and on integrals against bumps of the rows themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics.fields._joint import Joint, Support
from edgewise.dynamics.fields._lattice import Lattice
from edgewise.dynamics.fields._measured import Measured
from edgewise.dynamics.fields._supports import regressed
from edgewise.dynamics.fields._terms import Factor, Term


class Start(NamedTuple):
    """Terms and constants of each equation."""

    support: Support
    constants: tuple[Array, ...]


def strong(joint: Joint, coefficients: Array, costs: Array) -> Start:
    """By the equation at points of the smooth field, less a tenth at each edge."""
    at, rates = joint.state(coefficients)
    inner = np.zeros([len(x) for x in joint.places], dtype=bool)
    inner[tuple(slice(max(n // 10, 1), -max(n // 10, 1)) for n in inner.shape)] = True
    columns = joint.library(at)[inner.ravel()]
    finite = np.isfinite(columns).all(0)
    return _start([regressed(np.where(finite, columns, 0.0), rate, costs) for rate in rates[inner.ravel()].T])


def weak(
    measured: Measured, lattice: Lattice, coefficients: Array, noise: Array, terms: Sequence[Term], costs: Array,
    width: float, order: int,
) -> Start:  # fmt: skip
    """By integrals against bumps some cells wide, to which derivatives are passed on.

    Powers of noisy values are corrected by what noise adds to them: E (u + e)^2 = u^2 + s^2.
    """
    axes = measured.axes
    assert axes is not None
    shape, d = [len(x) for x in axes], measured.values.shape[1]
    values = measured.values.reshape(*shape, d)
    halves = [min(max(width * 6 * (x[-1] - x[0]) / c, 5 * (x[1] - x[0])), (x[-1] - x[0]) / 2.2)
              for x, c in zip(axes, lattice.cells, strict=True)]  # fmt: skip
    most = 24 if len(axes) == 2 else 9
    bumps = [_bumps(x, half, min(int(np.ceil((x[-1] - x[0]) / half * 2.5)), most))
             for x, half in zip(axes, halves, strict=True)]  # fmt: skip
    smooth: dict[Factor, Array] = {}

    def integral(field: Array, by: Sequence[int]) -> Array:
        for k, count in enumerate(by):
            field = np.moveaxis(np.tensordot(bumps[k][count], field, (1, k)), 0, k)
        return (-1) ** sum(by) * field.ravel()

    def curve(factor: Factor) -> Array:
        if factor not in smooth:
            component, by = factor
            rows = lattice.on_grid(axes, (0, *by))
            smooth[factor] = rows.image(coefficients[:, component : component + 1]).reshape(shape)
        return smooth[factor]

    zero, found = (0,) * len(shape), []
    for term in terms:
        moved = [factor for factor in term.factors if sum(factor[1])]
        plain = [c for c, by in term.factors if not sum(by)]
        if term.function or len(moved) > 1 or (moved and plain and not (d == 1 and term.order == 1)):
            field = term.value({factor: curve(factor) for factor in term.factors})
            found.append(integral(np.broadcast_to(field, shape), zero))
        elif moved:  # u^(p - 1) u_x is the derivative of u^p / p
            power = len(plain) + 1
            component, by = moved[0]
            found.append(integral(_power(values[..., component], power, noise[component] ** 2), (0, *by)) / power)
        else:
            field = np.ones(shape)
            for c in set(plain):
                field = field * _power(values[..., c], plain.count(c), noise[c] ** 2)
            found.append(integral(field, zero))
    columns = np.stack(found, 1)
    rates = [integral(values[..., c], (order, *zero[1:])) for c in range(d)]
    columns = np.where(np.isfinite(columns).all(0), columns, 0.0)
    return _start([regressed(columns, rate, costs) for rate in rates])


def _start(found: Sequence[tuple[tuple[int, ...], Array]]) -> Start:
    return Start(tuple(support for support, _ in found), tuple(constants for _, constants in found))


def _power(u: Array, power: int, noise: float) -> Array:
    """Powers of what was measured with noise of a variance, whose means are those of the powers without it."""
    return [np.ones_like(u), u, u**2 - noise, u**3 - 3 * noise * u][power]


def _bumps(x: Array, half: float, count: int) -> dict[int, Array]:
    """Bumps (1 - s^2)^8 and their derivatives, (count, n) of each order, times the weights of a trapezoidal rule."""
    centers = np.linspace(x[0] + half, x[-1] - half, count)
    s = (x - centers[:, None]) / half
    weights = np.gradient(x)
    weights[[0, -1]] /= 2
    bump = np.polynomial.Polynomial([1, 0, -1]) ** 8
    return {n: np.where(abs(s) < 1, (bump.deriv(n) if n else bump)(s), 0.0) / half**n * weights for n in range(5)}
