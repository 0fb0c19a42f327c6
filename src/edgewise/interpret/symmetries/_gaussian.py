"""A Gaussian process: a smooth function through scattered points, of a table or of logarithms of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.interpret.symmetries._gradients import Coordinates

_SUBSET = 500  # rows that the scales are fitted on
_ROWS = 1500  # rows that the function goes through
_STEPS = 60
_TOLERANCE = 1e-6  # relative change of the logarithm of the likelihood that ends the fit of the scales
_FEATURES = 1000  # random waves that a sample of the prior is made of
_JITTER = 1e-9  # of the process's variance, for the factorisation
_LENGTH, _AMPLITUDE, _NOISE = (0.05, 400.0), (0.05, 3000.0), (1e-4, 2.0)  # bounds, in spreads


@dataclass(frozen=True)
class Scales:
    """Length of each column, amplitude and noise, in units of the spreads."""

    lengths: Tensor
    amplitude: float
    noise: float

    @classmethod
    def of(cls, logs: Array) -> Scales:
        sizes = np.exp(logs)
        return cls(torch.from_numpy(sizes[:-2]), float(sizes[-2]), float(sizes[-1]))

    def logs(self) -> Array:
        return np.log([*self.lengths.tolist(), self.amplitude, self.noise])

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        """Covariances of points (n, m) and (k, m): amplitude^2 exp(-|a - b|^2 / 2), in lengths."""
        a, b = a / self.lengths, b / self.lengths
        square = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
        return self.amplitude**2 * torch.exp(-square.clamp_min(0) / 2)

    def factor(self, matrix: Tensor, uneven: Tensor) -> Tensor:
        """The Cholesky factor of covariances with the noise of the rows, `uneven` (n,) times the noise."""
        return torch.linalg.cholesky(matrix + torch.diag((self.noise * uneven) ** 2 + _JITTER * self.amplitude**2))


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process: its mean and its samples at points (n, m) as values (n, 1 + samples), and their slopes.

    `residual` is what the value of each row that it was fitted to, number `kept`, differs by from the process fitted
    without that row; `calibration` the root mean square of those in units of their predicted spread: samples are
    widened by it.
    """

    scales: Scales
    rows: Tensor
    kept: Tensor
    coefficients: Tensor
    waves: tuple[Tensor, Tensor, Tensor]
    residual: Tensor
    calibration: float

    def values(self, u: Tensor) -> Tensor:
        frequency, phase, weight = self.waves
        known = self.scales.between(u, self.rows) @ self.coefficients
        return self._joined(known, torch.cos(u @ frequency + phase) @ weight)

    def slopes(self, u: Tensor) -> Tensor:
        """Derivatives by each column: (n, m, 1 + samples)."""
        frequency, phase, weight = self.waves
        near, waves = self.scales.between(u, self.rows), -torch.sin(u @ frequency + phase)
        known, parts = near @ self.coefficients, []
        for i, length in enumerate(self.scales.lengths):
            moved = near @ (self.rows[:, i, None] * self.coefficients)
            slope = (moved - u[:, i, None] * known) / length**2
            parts.append(self._joined(slope, (waves * frequency[i]) @ weight))
        return torch.stack(parts, dim=1)

    def _joined(self, known: Tensor, prior: Tensor) -> Tensor:
        mean = known[:, :1]
        return torch.cat([mean, mean + self.calibration * (prior + known[:, 1:])], dim=1)


def gaussian_process(
    u: Tensor, t: Tensor, uneven: Tensor, samples: int, seed: int, start: Scales | None = None
) -> GaussianProcess:
    """Fit a process of zero mean to columns u (n, m) and a target t (n,), both of mean 0 and spread 1.

    Scales maximise the likelihood of up to 500 rows, from `start` or from smooth ones. Samples come by conditioning
    random waves on the data.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), 2.2, 5.4; Wilson et al.,
    Pathwise Conditioning of Gaussian Processes (2021).
    """
    generator = torch.Generator().manual_seed(int(seed))
    order = torch.randperm(len(u), generator=generator)[:_ROWS]
    u, t, uneven = u[order], t[order], uneven[order]
    scales = _fitted(u[:_SUBSET], t[:_SUBSET], uneven[:_SUBSET], start)
    factor = scales.factor(scales.between(u, u), uneven)
    frequency, phase, weight = waves(scales.lengths, scales.amplitude, _FEATURES, samples, generator)
    noise = scales.noise * uneven.unsqueeze(1) * torch.randn(len(u), samples, generator=generator, dtype=u.dtype)
    drawn = torch.cos(u @ frequency + phase) @ weight + noise
    coefficients = torch.cholesky_solve(torch.cat([t.unsqueeze(1), -drawn], dim=1), factor)
    variance = torch.cholesky_inverse(factor).diagonal()
    residual = coefficients[:, 0] / variance
    calibration = max(1.0, float((residual * variance.sqrt()).square().mean().sqrt()))
    return GaussianProcess(scales, u, order, coefficients, (frequency, phase, weight), residual, calibration)


def _fitted(u: Tensor, t: Tensor, uneven: Tensor, start: Scales | None) -> Scales:
    """The scales of the largest likelihood."""
    from scipy.optimize import minimize

    bounds = np.log([*[_LENGTH] * u.shape[1], _AMPLITUDE, _NOISE])
    smooth = Scales(torch.full((u.shape[1],), 2.0, dtype=u.dtype), 2.0, 0.01)
    begin = np.clip((start or smooth).logs(), *bounds.T)
    options = {"maxiter": _STEPS, "ftol": _TOLERANCE}
    return Scales.of(minimize(_misfit, begin, args=(u, t, uneven), jac=True, bounds=bounds, options=options).x)


def _misfit(logs: Array, u: Tensor, t: Tensor, uneven: Tensor) -> tuple[float, Array]:
    """Minus the logarithm of the likelihood up to a constant, and its derivatives by the logarithms of the scales."""
    scales = Scales.of(logs)
    smooth = scales.between(u, u)
    factor = scales.factor(smooth, uneven)
    solved = torch.cholesky_solve(t.unsqueeze(1), factor)
    value = 0.5 * float(t @ solved[:, 0]) + float(factor.diagonal().log().sum())
    pull = torch.cholesky_inverse(factor) - solved @ solved.T
    both = pull * smooth
    # sum_ab both_ab (u_a - u_b)^2 by matrix products
    spread = 2 * (both.sum(1) @ u.square() - (u * (both @ u)).sum(0))
    by_length = 0.5 * spread / scales.lengths.square()
    jitter = _JITTER * scales.amplitude**2 * pull.diagonal().sum()
    by_noise = (pull.diagonal() * (scales.noise * uneven) ** 2).sum()
    return value, torch.cat([by_length, (both.sum() + jitter)[None], by_noise[None]]).numpy()


def waves(
    lengths: Tensor, amplitude: float, count: int, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Frequencies, phases and weights of waves whose sums are samples of a process of columns of these lengths."""
    frequency = torch.randn(len(lengths), count, generator=generator, dtype=lengths.dtype) / lengths.unsqueeze(1)
    phase = 2 * math.pi * torch.rand(count, generator=generator, dtype=lengths.dtype)
    weight = torch.randn(count, samples, generator=generator, dtype=lengths.dtype)
    return frequency, phase, amplitude * math.sqrt(2 / count) * weight


@dataclass(frozen=True)
class TableProcess:
    """A process of a table, fitted in standardised coordinates.

    `residual` is what the target of each row that was fitted, number `process.kept`, differs by from its prediction
    without that row; `noise` is the standard deviation of the noise that was found, times the weight of a row.
    """

    coordinates: Coordinates
    process: GaussianProcess
    center: Tensor
    width: Tensor
    middle: Tensor
    spread: Tensor
    residual: Tensor
    noise: float

    @classmethod
    def of(
        cls, coordinates: Coordinates, x: Tensor, y: Tensor, weight: Tensor, samples: int = 0,
        start: Scales | None = None, seed: int = 0,
    ) -> TableProcess:  # fmt: skip
        """Fit a target y (n,) of columns x (n, m), whose noise is taken to be in proportion to 1 / weight (n,)."""
        u, t = coordinates.inputs(x), coordinates.target(y)
        noise = 1 / (weight * coordinates.slope(y).abs()).clamp_min(1e-300)
        size = noise.median()
        uneven = (noise / size).clamp(0.01, 100)
        center, width, middle, spread = u.mean(0), u.std(0), t.mean(), t.std()
        process = gaussian_process((u - center) / width, (t - middle) / spread, uneven, samples, seed, start)
        residual = y[process.kept] - coordinates.back(t[process.kept] - spread * process.residual)
        found = process.scales.noise * float(spread / size)
        return cls(coordinates, process, center, width, middle, spread, residual, found)

    def values(self, x: Tensor) -> Tensor:
        """Values (n, 1 + samples) of the target."""
        u = (self.coordinates.inputs(x) - self.center) / self.width
        return self.coordinates.back(self.middle + self.spread * self.process.values(u))

    def slopes(self, x: Tensor) -> Tensor:
        """Derivatives (n, m, 1 + samples) of the target by the columns of x."""
        u = (self.coordinates.inputs(x) - self.center) / self.width
        seen = self.spread * self.process.slopes(u) / self.width.unsqueeze(1)
        # Where the target is seen as itself, only the shape of its values counts.
        values = seen[:, 0] if self.coordinates.target_as == "itself" else self.values(x)
        return self.coordinates.gradient(x, values, seen)
