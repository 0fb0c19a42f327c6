"""Constants that differ from one trajectory to the next: their means, how much they vary, and those of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.dynamics._equations import Constant
from edgewise.dynamics._fit import substeps_for
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._shooting import integrate
from edgewise.dynamics._system import System

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Population:
    """A nonlinear mixed-effects model: constants that vary between trajectories, log |c_i| = log |c| + b_i.

    The random effects b_i are normally distributed with mean zero.

    Parameters
    ----------
    constants
        The constants of the typical trajectory (fixed effects), with standard errors.
    spread
        The standard deviation of the logarithm of each between trajectories, zero for those that do not vary.
    individual : (trajectories, constants)
        The constants of each trajectory, shrunk towards the typical ones where its own rows say little.
    starts : (trajectories, states)
        The states at the beginning of each trajectory.
    noise
        The standard deviation of the residuals, by state.
    """

    constants: dict[str, Constant]
    spread: dict[str, float]
    individual: Array = field(repr=False)
    starts: Array = field(repr=False)
    noise: dict[str, float]

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each constant: value, standard error, interval and spread. It needs pandas."""
        import pandas as pd

        rows = [
            {"constant": name, "value": c.value, "error": c.error, "low": c.interval[0], "high": c.interval[1],
             "spread": self.spread[name]}
            for name, c in self.constants.items()
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        lines = [f"{name} = {c}, log varies by {self.spread[name]:.2g}" for name, c in self.constants.items()]
        return "\n".join([*lines, f"of {len(self.individual)} trajectories"])


def population(system: System, data: Measured, starts: Array, noise: Array) -> Population:
    """Fit the nonlinear mixed-effects model by restricted maximum likelihood.

    `starts` (N, m) and `noise` (d,) are those of a fit to all trajectories. Parameters of a trajectory are its start,
    in units of their spread, and the logarithms of its constants. They are normally distributed, the constants with
    any correlation. The model is linearized at each trajectory's parameters until these no longer move.

    Source: Lindstrom and Bates, Nonlinear mixed effects models for repeated measures data (1990).
    """
    rounds, small, longest = 60, 1e-4, 0.7  # of linear models; moves of parameters at which they end, and at most
    system = system.compact()
    if len(starts) < 3 or not system.n_parameters:
        raise InputError(
            f"How constants vary needs at least 3 trajectories and a constant. Got {len(starts)} trajectories and "
            f"{system.n_parameters} constants."
        )
    m, count = starts.shape[1], system.n_parameters
    unit = np.maximum(starts.std(axis=0), 1e-3 * np.abs(starts).max(axis=0) + 1e-300)
    signs = np.sign(system.parameters)
    logs = np.log(np.abs(system.parameters) + 1e-300)
    own = np.column_stack([starts / unit, np.tile(logs, (len(starts), 1))])
    trajectories = [_Trajectory(_part(data, rows), system, signs, unit, noise) for rows in data.pieces()]
    step = np.zeros_like(own)
    values = np.concatenate([np.zeros(m), np.full(count, -2.3), np.zeros(count * (count - 1) // 2 + 1)])
    covariance = np.eye(m + count)
    for _ in range(rounds):
        models = []
        for k, each in enumerate(trajectories):
            own[k], model = each.model(own[k], step[k])
            models.append(model)
        moments = _Moments.of(models, own)
        values = _fitted(values, moments, count)
        _, mean, covariance, effects = _restricted(values, moments, count)
        step = mean + effects - own
        step[:, m:] = np.clip(step[:, m:], -longest, longest)
        if np.abs(step).max() < small:
            break
    spreads = np.where(values[m : m + count] < _LEAST + 1, 0.0, np.exp(values[m : m + count]))
    names = [f"c{k + 1}" for k in range(count)]
    constants = {
        name: _constant(name, float(sign * np.exp(log)), float(error))
        for name, sign, log, error in zip(names, signs, mean[m:], np.sqrt(np.diag(covariance))[m:], strict=True)
    }
    left = dict(zip(data.names, (noise * np.exp(values[-1])).tolist(), strict=True))
    own = own + step
    individual, begun = signs * np.exp(own[:, m:]), own[:, :m] * unit
    return Population(constants, dict(zip(names, spreads.tolist(), strict=True)), individual, begun, left)


def _part(data: Measured, rows: slice) -> Measured:
    return data.only(rows, (0, rows.stop - rows.start))


def _constant(name: str, value: float, error: float) -> Constant:
    """Return a constant whose logarithm has a standard error."""
    ends = sorted((value * np.exp(-1.96 * error), value * np.exp(1.96 * error)))
    return Constant(name, value, abs(value) * error, (float(ends[0]), float(ends[1])))


class _Model(NamedTuple):
    """One trajectory near its parameters: residuals over the noise (n,), and their derivatives (n, P)."""

    rest: Array
    by: Array


@dataclass
class _Trajectory:
    """The rows of one trajectory, what its parameters stand for, and the last model."""

    data: Measured
    system: System
    signs: Array
    unit: Array
    noise: Array
    substeps: int = 0
    last: _Model | None = None

    def model(self, own: Array, step: Array) -> tuple[Array, _Model]:
        """Return the parameters a step further, or less far where the squares grow, and the model there."""
        grown, largest = 4.0, 1e9  # times the squares before; of residuals and their derivatives over the noise
        before = np.inf if self.last is None else float(self.last.rest @ self.last.rest)
        for length in (1.0, 0.5, 0.25, 0.1, 0.03) if self.last is not None else (0.0,):
            found = self._linear(own + length * step)
            sound = max(np.abs(found.by).max(), np.abs(found.rest).max()) < largest
            if sound and (self.last is None or float(found.rest @ found.rest) < grown * before + len(found.rest)):
                self.last = found
                return own + length * step, found
        if self.last is None:
            raise InputError("The equations cannot be followed along a trajectory: allow other terms, or leave it out.")
        return own, self.last

    def _linear(self, own: Array) -> _Model:
        m, d = len(self.unit), self.data.n_observed
        constants = self.signs * np.exp(own[m:])
        system, start, times = self.system.at(constants), (own[:m] * self.unit)[None], self.data.times[None]
        if not self.substeps:  # constants may grow: twice as many as they need at first
            self.substeps = 2 * substeps_for(system, start, times, self.noise)
        states = integrate(system, start, times, self.substeps, slopes=True)[0, :, :d]
        seen = self.data.seen.ravel()
        noise = self.noise * self.data.spread
        by = (states[:, :, 1:] * np.concatenate([self.unit, constants]) / noise[:, :, None]).reshape(len(seen), -1)
        rest = ((self.data.values - states[:, :, 0]) / noise).ravel()
        return _Model(rest[seen], by[seen])


_LEAST, _MOST = -7.0, 3.0  # logarithms of spreads


def _fitted(values: Array, moments: _Moments, count: int) -> Array:
    """Return the spreads and the noise with the largest restricted likelihood."""
    from scipy.optimize import minimize

    n, close = moments.target.shape[1], {"ftol": 1e-12, "gtol": 1e-7, "maxiter": 500}
    bounds = [(_LEAST, _MOST)] * n + [(-20.0, 20.0)] * (len(values) - n - 1) + [(-12.0, 12.0)]
    narrow = np.concatenate([values[: n - count], np.full(count, -3.0), values[n:]])
    found = [
        minimize(lambda v: _restricted(v, moments, count)[0], begin, method="L-BFGS-B", bounds=bounds, options=close)
        for begin in (values, narrow)
    ]
    best = min(found, key=lambda each: each.fun if np.isfinite(each.fun) else np.inf)
    return np.asarray(best.x) if np.isfinite(best.x).all() else values


def _root(values: Array, n: int, count: int) -> Array:
    """Return L (n, n), where L L' is the covariance of the parameters: rows of norm 1 times the spreads.

    The last `count` are correlated.
    """
    lower, own = np.eye(n), np.eye(count)
    own[np.tril_indices(count, -1)] = values[n:-1]
    lower[n - count :, n - count :] = own / np.linalg.norm(own, axis=1)[:, None]
    return np.exp(values[:n])[:, None] * lower


class _Moments(NamedTuple):
    """Orthogonal factors J = Q R of the derivatives (n, P) of N trajectories with targets y (n,).

    R (N, P, P), Q'y (N, P), the squares of y that Q leaves (N,), and the number of all values. Products J'J would lose
    what nearly exact values say of how constants vary.
    """

    factor: Array
    target: Array
    left: Array
    rows: int

    @classmethod
    def of(cls, models: list[_Model], own: Array) -> _Moments:
        """Return them for the linear models at parameters (N, P): targets are those of the parameters themselves."""
        count, n = own.shape
        factor, target, left = np.zeros((count, n, n)), np.zeros((count, n)), np.zeros(count)
        for k, (model, at) in enumerate(zip(models, own, strict=True)):
            q, r = np.linalg.qr(model.by)
            along = q.T @ model.rest
            factor[k, : len(r)], target[k, : len(r)] = r, along + r @ at
            left[k] = np.sum((model.rest - q @ along) ** 2)
        return cls(factor, target, left, sum(len(model.rest) for model in models))


def _restricted(values: Array, moments: _Moments, count: int) -> tuple[float, Array, Array, Array]:
    """Return minus the restricted log-likelihood, the fixed effects, their covariance, and the random effects.

    `values` are the logarithms of the spreads, what correlates the constants, and the logarithm of the noise.
    """
    n, noise = moments.target.shape[1], np.exp(values[-1])
    root, factor, target = _root(values, n, count), moments.factor / noise, moments.target / noise
    drawn = factor @ root
    wide = np.linalg.qr(np.concatenate([np.broadcast_to(np.eye(n), drawn.shape), drawn.transpose(0, 2, 1)], 1)).R
    whitened = np.linalg.solve(wide.transpose(0, 2, 1), np.concatenate([factor, target[:, :, None]], 2))
    by, y = whitened[:, :, :n], whitened[:, :, n]
    whole = np.einsum("kji,kjl->il", by, by)
    covariance = np.linalg.pinv(whole, hermitian=True)
    mean = covariance @ np.einsum("kji,kj->i", by, y)
    rest = y - by @ mean
    total = moments.left.sum() / noise**2 + np.sum(rest**2) + 2 * moments.rows * values[-1]
    total += 2 * np.log(np.abs(np.einsum("kii->ki", wide))).sum() + np.linalg.slogdet(whole)[1]
    effects = np.einsum("kji,kj->ki", drawn, np.linalg.solve(wide, rest[:, :, None])[:, :, 0]) @ root.T
    return 0.5 * float(total), mean, covariance, effects
