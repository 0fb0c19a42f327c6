"""Errors in the inputs and in the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery.likelihoods._likelihood import Likelihood, Linear, Summary
from edgewise.formulas.expressions import Tape


@dataclass(frozen=True)
class Orthogonal(Likelihood):
    """Errors of standard deviations `sigma` (n,) of the target and `sigma_x` (n, m) of the inputs.

    minimize 1/2 sum min over d of ((y - f(x + d)) / sigma)^2 + sum_j (d_j / sigma_x_j)^2

    The true inputs x + d of each row are solved for at given constants; the curvature that is left for these is that of
    residuals with the variance sigma^2 + sum_j (df/dx_j sigma_x_j)^2. `known` says that the standard deviations are
    exact, not up to a common factor. `formula` gives the derivatives by the inputs.

    Source: Boggs, Byrd and Schnabel, A stable and efficient algorithm for nonlinear orthogonal distance regression
    (1987).
    """

    y: Array
    sigma: Array
    sigma_x: Array
    formula: Part
    names: tuple[str, ...]
    symbols: tuple[sympy.Symbol, ...]
    known: bool = False

    name = "orthogonal"
    measure = "rms residual over sigma"

    @cached_property
    def _slopes(self) -> list[Tape]:
        """The derivatives of the formula by the inputs."""
        return [Tape(sympy.diff(self.formula, sympy.Symbol(n)), self.names, self.symbols) for n in self.names]

    @property
    def measured(self) -> Array:
        return np.ones(len(self.y), dtype=bool)

    def start(self, values: Array) -> Array:
        return np.zeros(0)

    def natural(self, theta: Array) -> Array:
        return theta

    def moved(self, tape: Tape, columns: Sequence[Array], constants: Array) -> tuple[Array, Array]:
        """Return the true inputs less the measured ones, (n, m), and the sums of squares of the rows, (n,).

        By Gauss-Newton steps that are halved while they raise the sum of squares of a row.
        """
        rounds, halvings, still = 60, 12, 1e-14
        x, variance = np.column_stack(columns), self.sigma_x**2
        d = np.zeros_like(x)
        size, left = self._squares(tape, x, d, constants)
        for _ in range(rounds):
            slope = self._slope(x + d, constants)
            spread = self.sigma**2 + (slope**2 * variance).sum(1)
            aim = variance * slope * ((left + (slope * d).sum(1)) / spread)[:, None]
            step, moved = aim - d, np.zeros(len(x), dtype=bool)
            part = np.ones(len(x))
            for _ in range(halvings):
                trial = d + np.where(moved, 0.0, part)[:, None] * step
                total, rest = self._squares(tape, x, trial, constants)
                better = ~moved & (total < size)
                d = np.where(better[:, None], trial, d)
                size, left = np.where(better, total, size), np.where(better, rest, left)
                moved |= better
                part = np.where(moved, part, part / 2)
                if moved.all():
                    break
            if not moved.any() or float(np.max(np.abs(step) / np.maximum(self.sigma_x, 1e-300), initial=0.0)) < still:
                break
        return d, size

    def _slope(self, x: Array, constants: Array) -> Array:
        """Return the derivatives (n, m) by the inputs; 0 where they have no errors."""
        columns = [np.ascontiguousarray(column) for column in x.T]
        found = [
            tape.values(columns, constants) if self.sigma_x[:, j].any() else np.zeros(len(x))
            for j, tape in enumerate(self._slopes)
        ]
        return np.nan_to_num(np.column_stack(found), posinf=0.0, neginf=0.0)

    def _squares(self, tape: Tape, x: Array, d: Array, constants: Array) -> tuple[Array, Array]:
        """Return the sums of squares (n,) at moved inputs, infinite where undefined, and residuals (n,)."""
        left = self.y - tape.values([np.ascontiguousarray(column) for column in (x + d).T], constants)
        with np.errstate(all="ignore"):
            own = np.where(self.sigma_x > 0, d / np.where(self.sigma_x > 0, self.sigma_x, 1.0), 0.0)
            total = (left / self.sigma) ** 2 + (own**2).sum(1)
        return np.where(np.isfinite(total), total, np.inf), left

    def loss(self, tape: Tape, columns: Sequence[Array], constants: Array, theta: Array) -> float:
        return 0.5 * float(self.moved(tape, columns, constants)[1].sum())

    def linear(self, tape: Tape, columns: Sequence[Array], constants: Array, theta: Array) -> Linear:
        x = np.column_stack(columns)
        at = x + self.moved(tape, columns, constants)[0]
        values, jacobian = tape.jacobian([np.ascontiguousarray(column) for column in at.T], constants)
        spread = self.sigma**2 + (self._slope(at, constants) ** 2 * self.sigma_x**2).sum(1)
        gradient = -jacobian.T @ ((self.y - values) / self.sigma**2)
        return Linear(gradient, jacobian / np.sqrt(spread)[:, None])

    def residual(self, values: Array, theta: Array) -> Array:
        return (self.y - values) / self.sigma

    def rows(self, keep: Array) -> Orthogonal:
        return replace(self, y=self.y[keep], sigma=self.sigma[keep], sigma_x=self.sigma_x[keep])

    def size(self, values: Array, theta: Array) -> float:
        """Return the mean square of residuals over their standard errors, inputs as they were measured."""
        return float(np.mean(((self.y - values) / self.sigma) ** 2))

    def unit(self, loss: float, theta: Array, constants: int) -> float:
        return 1.0 if self.known else math.sqrt(2 * loss / max(len(self.y) - constants, 1))

    def log_likelihood(self, loss: float) -> float:
        """Return nan: the true inputs are estimated with the constants, one for each row."""
        return math.nan

    def level(self, theta: Array) -> float:
        return float(np.median(self.sigma))

    def deviation(self, values: Array, theta: Array) -> Array:
        return np.full(len(values), self.level(theta))

    def summary(self, values: Array, theta: Array, errors: Array, constants: int) -> Summary:
        return Summary("")
