"""The constants of a formula, and the other parameters of a likelihood, at its maximum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.discovery.likelihoods._likelihood import Likelihood, Linear
from edgewise.formulas.expressions import FreeFormula, Tape, profile_ends

Bounds = Mapping[sympy.Symbol, tuple[float, float]]


@dataclass(frozen=True)
class Maximum:
    """A formula whose constants, with `theta` (q,), minimize the loss -log L of a likelihood at rows.

    `columns` (n,) are the inputs by `names`, `converged` says whether the last step was next to nothing.

    Source: Levenberg-Marquardt on the expected information (Fisher scoring), then Newton's steps.
    """

    likelihood: Likelihood
    free: FreeFormula
    names: tuple[str, ...]
    columns: tuple[Array, ...]
    theta: Array
    loss: float
    bounds: Bounds
    converged: bool = False

    @cached_property
    def tape(self) -> Tape:
        return Tape(self.free.template, self.names, self.free.symbols)

    @property
    def values(self) -> Array:
        """The values (n,) of the formula at the rows."""
        return self.tape.values(self.columns, self.free.values)

    @property
    def point(self) -> Array:
        """The constants and theta, (k + q,)."""
        return np.append(self.free.values, self.theta)

    @cached_property
    def linear(self) -> Linear:
        """The gradient by the constants, and the root of their expected information."""
        return self.likelihood.linear(self.tape, self.columns, np.array(self.free.values), self.theta)

    @cached_property
    def hessian(self) -> Array:
        """The second derivatives (k + q, k + q) of the loss, by differences of its gradient."""
        part = 1e-4  # of a standard error with all others known, or of theta: steps of differences
        k, point = len(self.free.values), self.point
        with np.errstate(all="ignore"):
            sizes = np.linalg.norm(self.linear.root, axis=0)
            steps = part * np.append(1 / np.where(sizes > 0, sizes, 1.0), np.ones(len(self.theta)))
            found = np.empty((len(point), len(point)))
            for i, step in enumerate(steps):
                ends = [self.gradient(point + sign * step * (np.arange(len(point)) == i)) for sign in (1, -1)]
                found[i] = (ends[0] - ends[1]) / (2 * step)
        found[k:, :k] = found[:k, k:].T  # those by differences of exact slopes
        return (found + found.T) / 2

    def gradient(self, point: Array) -> Array:
        """Return the derivatives (k + q,) of the loss."""
        part = 1e-4  # steps of differences by theta
        k = len(self.free.values)
        constants, theta = point[:k], point[k:]
        slopes = self.likelihood.linear(self.tape, self.columns, constants, theta).gradient
        moves = part * np.eye(len(theta))
        ends = [[self.at(np.append(constants, theta + sign * move)) for sign in (1, -1)] for move in moves]
        return np.append(slopes, [(up - down) / (2 * part) for up, down in ends])

    def at(self, point: Array) -> float:
        """Return the loss at other constants and theta; infinite where there is none."""
        k = len(self.free.values)
        with np.errstate(all="ignore"):
            loss = self.likelihood.loss(self.tape, self.columns, point[:k], point[k:])
        return loss if math.isfinite(loss) else math.inf

    def moved(self, point: Array, loss: float, converged: bool = False) -> Maximum:
        k = len(self.free.values)
        free = replace(self.free, values=tuple(map(float, point[:k])))
        return replace(self, free=free, theta=point[k:], loss=loss, converged=converged)

    @property
    def unit(self) -> float:
        """The factor of standard errors."""
        return self.likelihood.unit(self.loss, self.theta, len(self.free.values))

    @cached_property
    def covariance(self) -> Array:
        """The covariance (k, k) of the constants; infinite where the rows do not determine them."""
        k = len(self.free.values)
        with np.errstate(all="ignore"):
            if self.likelihood.observed:
                return self.unit**2 * _inverse(self.hessian)[:k, :k]
            return self.unit**2 * _inverse(self.linear.root.T @ self.linear.root)

    @cached_property
    def errors(self) -> Array:
        """The standard errors (q,) of the parameters as they are named."""
        part = 1e-5  # steps of differences by theta
        k, q = len(self.free.values), len(self.theta)
        if not q:
            return np.zeros(0)
        spread = np.sqrt(np.maximum(np.diag(_inverse(self.hessian))[k:], 0.0))
        natural = self.likelihood.natural
        ends = [natural(self.theta + sign * part) for sign in (1, -1)]
        return np.abs(ends[0] - ends[1]) / (2 * part) * spread

    def profile(self, number: int, rise: float) -> tuple[float, float]:
        """Return the values of a constant at which the loss, minimized by all others, is higher by that rise."""
        value, error = self.free.values[number], math.sqrt(max(float(self.covariance[number, number]), 0.0))
        if not math.isfinite(error) or not error:
            return -math.inf, math.inf

        def beyond(at: float) -> bool:
            pinned = self.free.pinned(number, sympy.Float(at, 17))
            kept = [self.free.symbols.index(symbol) for symbol in pinned.symbols]
            moved = np.array(self.free.values) + self.covariance[:, number] / error**2 * (at - value)
            starts = [replace(pinned, values=tuple(map(float, moved[kept]))), pinned]
            found = [
                maximum(self.likelihood, start, self.names, self.columns, self.bounds, self.theta) for start in starts
            ]
            return all(each is None or each.loss > self.loss + rise for each in found)

        half = math.sqrt(2 * rise) * error / self.unit
        return profile_ends(value, half, beyond)

    def _outward(self) -> Array:
        """Return which constants (k,) stand at a bound that the gradient pushes them against."""
        found = np.zeros(len(self.free.values), dtype=bool)
        for place, symbol in enumerate(self.free.symbols):
            low, high = self.bounds.get(symbol, (-math.inf, math.inf))
            value, slope = self.free.values[place], self.linear.gradient[place]
            found[place] = (value <= low and slope > 0) or (value >= high and slope < 0)
        return found

    @property
    def held(self) -> dict[str, float]:
        """The constants that stand at a bound, by name."""
        return {
            symbol.name: value
            for symbol, value, out in zip(self.free.symbols, self.free.values, self._outward(), strict=True)
            if out
        }

    def _within(self, point: Array) -> Array:
        ends = [self.bounds.get(symbol, (-math.inf, math.inf)) for symbol in self.free.symbols]
        ends += [(-math.inf, math.inf)] * len(self.theta)
        return np.clip(point, *np.array(ends, dtype=np.float64).reshape(-1, 2).T)

    def climbed(self) -> Maximum:
        """Return the maximum of the likelihood that damped steps by the expected information lead to."""
        steps, most, still = 200, 1e10, 1e-12  # steps; damping; relative change of the loss that ends them
        here, damping = self, 1e-3
        for _ in range(steps):
            matrix, gradient, kept = here._system()
            if not (np.isfinite(matrix).all() and np.isfinite(gradient).all()):
                return here
            before = here.loss
            while damping < most:
                step = _solved(matrix + damping * np.diag(np.diag(matrix)), -gradient)
                point = here.point
                point[kept] += step
                point = here._within(point)
                loss = here.at(point)
                if loss < here.loss:
                    here, damping = here.moved(point, loss), max(damping / 10, 1e-12)
                    break
                damping *= 10
            if damping >= most or before - here.loss <= still * (abs(before) + 1):
                break
        return here.polished()

    def _system(self) -> tuple[Array, Array, Array]:
        """Return the expected curvature, the gradient, and the places of what is free to move."""
        k, q = len(self.free.values), len(self.theta)
        gradient = self.gradient(self.point)
        kept = np.append(~self._outward(), np.ones(q, dtype=bool))
        matrix = np.zeros((k + q, k + q))
        matrix[:k, :k] = self.linear.root.T @ self.linear.root
        matrix[k:, k:] = self._curved()
        size = np.diag(matrix)
        matrix += np.diag(np.where(size > 0, 0.0, max(float(size.max(initial=0.0)), 1.0)))
        return matrix[np.ix_(kept, kept)], gradient[kept], np.flatnonzero(kept)

    def _curved(self) -> Array:
        """Return second derivatives (q, q) of the loss by theta, positive on the diagonal, and nothing off it."""
        part = 1e-2  # steps of differences by theta
        k, point, found = len(self.free.values), self.point, []
        for place in range(k, len(point)):
            step = part * (np.arange(len(point)) == place)
            found.append((self.at(point + step) - 2 * self.loss + self.at(point - step)) / part**2)
        return np.diag([max(abs(each), 1e-3) if math.isfinite(each) else 1.0 for each in found])

    def polished(self) -> Maximum:
        """Return the maximum to its last digits, by Newton's steps."""
        steps, enough = 8, 1e-12  # steps; fall of the loss by the last one
        here = self
        for _ in range(steps):
            kept = np.append(~here._outward(), np.ones(len(here.theta), dtype=bool))
            places = np.flatnonzero(kept)
            gradient = here.gradient(here.point)[places]
            curvature = here.hessian[np.ix_(places, places)]
            if not np.isfinite(curvature).all() or not np.isfinite(gradient).all():
                return here
            step = _solved(curvature, -gradient)
            fall = float(-gradient @ step)
            if abs(fall) <= enough:
                return replace(here, converged=True)
            point = here.point
            point[places] += step
            point = here._within(point)
            loss = here.at(point)
            if not (fall > 0 and loss <= here.loss + 1e-13 * abs(here.loss)):
                break
            here = here.moved(point, loss)
        close = 1e-7  # of the loss: a step that is not made for rounding
        return replace(here, converged=bool(abs(fall) < close))


def maximum(
    likelihood: Likelihood, free: FreeFormula, names: Sequence[str], columns: Sequence[Array], bounds: Bounds,
    theta: Array | None = None,
) -> Maximum | None:  # fmt: skip
    """Return the maximum of a likelihood near a formula's constants; None where it is undefined there.

    Parameters
    ----------
    likelihood
        The likelihood of the rows.
    free
        The formula, with constants to start from.
    names
        Names of the columns.
    columns : (n,)
        The columns, an array each.
    bounds
        Ends (low, high) of some constants.
    theta : (q,)
        Other parameters to start from; found when left out.
    """
    tape = Tape(free.template, names, free.symbols)
    with np.errstate(all="ignore"):
        values = tape.values(columns, free.values)
        if not np.isfinite(values).all():
            return None
        start = likelihood.start(values) if theta is None else theta
        here = Maximum(likelihood, free, tuple(names), tuple(columns), start, math.inf, bounds)
        here = replace(here, loss=here.at(here.point))
        return here.climbed() if math.isfinite(here.loss) else None


def _solved(matrix: Array, aim: Array) -> Array:
    """Return the solution of a symmetric system, scaled to a diagonal of ones; the shortest of a singular one."""
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    return np.linalg.lstsq(matrix / size / size[:, None], aim / size, rcond=1e-14)[0] / size


def _inverse(matrix: Array) -> Array:
    """Return the inverse of a symmetric matrix; infinite where it is singular."""
    if not np.isfinite(matrix).all() or not len(matrix):
        return np.full(matrix.shape, np.inf)
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    scaled = matrix / size / size[:, None]
    if not np.isfinite(scaled).all() or np.linalg.cond(scaled) > 1e14:
        return np.full(matrix.shape, np.inf)
    return np.linalg.inv(scaled) / size / size[:, None]
