"""Rows whose errors are correlated with those of the rows before them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.likelihoods._likelihood import OfValues, Summary


@dataclass(frozen=True)
class Correlated(OfValues):
    """Normal errors e / weight, e a stationary autoregression of first order along the `order` (n,) of the rows.

    e_t = r_t e_(t-1) + sqrt(1 - r_t^2) s u_t,  r_t = rho between neighbors at equal steps, else exp(-dt / tau)

    `order` holds positions, such as times; None for the order of the rows, at equal steps. Errors of different `groups`
    (n,) are independent.

    Source: Harvey, Time Series Models (1993); Pinheiro and Bates, Mixed-Effects Models in S and S-PLUS (2000), section
    5.3.
    """

    y: Array
    weight: Array
    order: Array | None = None
    groups: Array | None = None

    name = "correlated"
    measure = "rms residual"

    @cached_property
    def _sorted(self) -> Array:
        """The numbers (n,) of the rows, group after group, each in order."""
        keys = [np.arange(len(self.y)) if self.order is None else self.order]
        return np.lexsort([*keys, *([] if self.groups is None else [self.groups])])

    @cached_property
    def _distances(self) -> Array:
        """The distances (n - 1,) of neighbors; infinite between groups."""
        gaps = np.ones(len(self.y) - 1) if self.order is None else np.diff(self.order[self._sorted])
        return gaps if self.groups is None else np.where(np.diff(self.groups[self._sorted]) != 0, np.inf, gaps)

    @cached_property
    def _least(self) -> float:
        return float(self._distances.min(initial=np.inf))

    @cached_property
    def equal(self) -> bool:
        """Whether all neighbors are a whole number of steps apart, of which most are one or a few."""
        near, few = 0.07, 3  # of the least distance, as of months of 28 to 31 days; steps
        gaps = self._distances[np.isfinite(self._distances)] / self._least
        return not len(gaps) or bool((np.abs(gaps / np.round(gaps) - 1) <= near).all() and np.median(gaps) <= few)

    @cached_property
    def step(self) -> float:
        """The distance that counts as one step: of most neighbors, or their median one."""
        gaps = self._distances[np.isfinite(self._distances)]
        if not len(gaps):
            return 1.0
        return float(np.mean(gaps / np.round(gaps / self._least))) if self.equal else float(np.median(gaps))

    @cached_property
    def _steps(self) -> Array:
        """The numbers of steps (n - 1,) between neighbors, 1 between groups."""
        found = np.where(np.isfinite(self._distances), self._distances, self.step) / self.step
        return np.round(found) if self.equal else found

    @property
    def parameters(self) -> tuple[str, ...]:
        return "standard deviation", "correlation" if self.equal else "correlation time"

    @property
    def measured(self) -> Array:
        return np.ones(len(self.y), dtype=bool)

    def start(self, values: Array) -> Array:
        left = (self.weight * (self.y - values))[self._sorted]
        size = max(float(np.sqrt(np.mean(left**2))), 1e-300)
        rho = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-300)
        rho = min(max(rho, -0.9), 0.9)
        return np.array([math.log(size), math.atanh(rho) if self.equal else math.log(-1 / math.log(max(rho, 0.05)))])

    def natural(self, theta: Array) -> Array:
        size, memory = np.exp(np.minimum(theta[0], 600.0)), theta[1]
        return np.array([size, np.tanh(memory) if self.equal else self.step * np.exp(min(memory, 600.0))])

    def _correlations(self, theta: Array) -> Array:
        """Return the correlation (n - 1,) of each row's error with that before it; 0 between groups."""
        most = 1 - 1e-9
        if self.equal:
            rho = min(max(math.tanh(float(theta[1])), -most), most) ** self._steps
        else:
            rho = np.minimum(np.exp(-self._steps * math.exp(-max(float(theta[1]), -600.0))), most)
        return np.where(np.isfinite(self._distances), rho, 0.0)

    def _whitened(self, columns: Array, theta: Array) -> Array:
        """Return columns (n, m) of weighted errors as independent ones of variance one, in order."""
        rho = self._correlations(theta)[:, None]
        found = columns[self._sorted]
        return np.vstack([found[:1], (found[1:] - rho * found[:-1]) / np.sqrt(1 - rho**2)]) / self._size(theta)

    def _size(self, theta: Array) -> float:
        return math.exp(min(float(theta[0]), 600.0))

    def minus_log(self, values: Array, theta: Array) -> float:
        z = self._innovations(values, theta)
        rho = self._correlations(theta)
        sizes = len(self.y) * math.log(self._size(theta)) + 0.5 * float(np.log1p(-(rho**2)).sum())
        constant = len(self.y) / 2 * math.log(2 * math.pi) - float(np.log(self.weight).sum())
        return 0.5 * float(z @ z) + sizes + constant

    def _innovations(self, values: Array, theta: Array) -> Array:
        return self._whitened((self.weight * (self.y - values))[:, None], theta)[:, 0]

    def residual(self, values: Array, theta: Array) -> Array:
        """Return what the row before does not foretell (n,), over its standard deviation."""
        found = np.empty(len(self.y))
        found[self._sorted] = self._innovations(values, theta)
        return found

    def slope(self, values: Array, theta: Array) -> Array:
        rho = self._correlations(theta)
        z = self._innovations(values, theta) / self._size(theta)
        z[1:] /= np.sqrt(1 - rho**2)
        z[:-1] -= rho * z[1:]
        found = np.empty(len(z))
        found[self._sorted] = -z
        return self.weight * found

    def rooted(self, columns: Array, values: Array, theta: Array) -> Array:
        return self._whitened(self.weight[:, None] * columns, theta)

    def rows(self, keep: Array) -> Correlated:
        order = np.arange(len(self.y), dtype=np.float64) if self.order is None else self.order
        groups = None if self.groups is None else self.groups[keep]
        return replace(self, y=self.y[keep], weight=self.weight[keep], order=order[keep], groups=groups)

    def size(self, values: Array, theta: Array) -> float:
        """Return the mean square of the errors, correlated as they are."""
        return float(np.mean((self.weight * (self.y - values)) ** 2))

    def unit(self, loss: float, theta: Array, constants: int) -> float:
        """Return sqrt(n / (n - k)): the size of the errors is that of maximum likelihood."""
        return math.sqrt(len(self.y) / max(len(self.y) - constants, 1))

    def level(self, theta: Array) -> float:
        return self._size(theta) / float(np.median(self.weight))

    def deviation(self, values: Array, theta: Array) -> Array:
        return np.full(len(values), self.level(theta))

    def summary(self, values: Array, theta: Array, errors: Array, constants: int) -> Summary:
        size, memory = self.natural(theta)
        size *= self.unit(0.0, theta, constants)
        what = "correlation of neighboring rows" if self.equal else "correlation falls to 1/e over"
        freedom = len(self.y) - constants
        return Summary(
            f"Residual standard error {size:.4g} with {freedom} degrees of freedom, {len(self.y)} rows; {what} "
            f"{memory:.3g} ± {errors[1]:.2g}"
        )


def check_positions(order: Array, groups: Array | None = None) -> None:
    """Raise InputError where rows of a group are at the same position."""
    group = np.zeros(len(order)) if groups is None else groups
    pairs, counts = np.unique(np.column_stack([group, order]), axis=0, return_counts=True)
    if (counts > 1).any():
        raise InputError(
            f"'correlated' must hold different positions of the rows. Got {pairs[np.argmax(counts), 1]:g} in "
            f"{counts.max()} rows. Rows of several series need 'groups'."
        )
