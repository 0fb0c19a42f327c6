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
    """Length of each column, amplitude and noise, in units of the standard deviations.

    Parameters
    ----------
    lengths : (m,)
        Over how much of each column the function varies.
    amplitude
        The standard deviation of the function.
    noise
        The standard deviation of the noise.
    """

    lengths: Tensor
    amplitude: float
    noise: float

    @classmethod
    def of(cls, logs: Array) -> Scales:
        """Return the scales of given logarithms.

        Parameters
        ----------
        logs : (m + 2,)
            Logarithms of the lengths, the amplitude and the noise.
        """
        sizes = np.exp(logs)
        return cls(torch.from_numpy(sizes[:-2]), float(sizes[-2]), float(sizes[-1]))

    def logs(self) -> Array:
        """Return the logarithms (m + 2,) of the lengths, the amplitude and the noise."""
        return np.log([*self.lengths.tolist(), self.amplitude, self.noise])

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the covariances (n, k) of two sets of points: amplitude^2 exp(-|a - b|^2 / 2), in lengths.

        Parameters
        ----------
        a : (n, m)
            The first points.
        b : (k, m)
            The second points.
        """
        a, b = a / self.lengths, b / self.lengths
        square = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
        return self.amplitude**2 * torch.exp(-square.clamp_min(0) / 2)

    def factor(self, matrix: Tensor, uneven: Tensor) -> Tensor:
        """Return the Cholesky factor (n, n) of covariances with the noise of the rows.

        Parameters
        ----------
        matrix : (n, n)
            The covariances without noise.
        uneven : (n,)
            The noise of each row, in units of `noise`.
        """
        return torch.linalg.cholesky(matrix + torch.diag((self.noise * uneven) ** 2 + _JITTER * self.amplitude**2))


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process: its mean and its samples at points (n, m) as values (n, 1 + samples), and their slopes.

    Parameters
    ----------
    scales
        The lengths, the amplitude and the noise.
    rows : (k, m)
        The points that the process goes through.
    kept : (k,)
        The number of each of these rows in the table that was fitted.
    coefficients : (k, 1 + samples)
        The factors of the covariances with these rows, for the mean and for each sample.
    waves
        Frequencies (m, waves), phases (waves,) and weights (waves, samples) of the samples of the prior.
    residual : (k,)
        What the value of each row differs by from the process fitted without that row.
    calibration
        The root mean square of the residuals in units of their predicted spread, 1 at least: samples are widened by it.
    """

    scales: Scales
    rows: Tensor
    kept: Tensor
    coefficients: Tensor
    waves: tuple[Tensor, Tensor, Tensor]
    residual: Tensor
    calibration: float

    def values(self, u: Tensor) -> Tensor:
        """Return the mean and the samples at points: (n, 1 + samples).

        Parameters
        ----------
        u : (n, m)
            Points, one a row.
        """
        frequency, phase, weight = self.waves
        known = self.scales.between(u, self.rows) @ self.coefficients
        return self._joined(known, torch.cos(u @ frequency + phase) @ weight)

    def slopes(self, u: Tensor) -> Tensor:
        """Return the derivatives by each column: (n, m, 1 + samples).

        Parameters
        ----------
        u : (n, m)
            Points, one a row.
        """
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
    """Fit a process of zero mean to columns and a target, both of mean 0 and standard deviation 1.

    Scales maximize the likelihood of up to 500 rows; the function goes through up to 1500. Samples come by conditioning
    random waves on the data.

    Parameters
    ----------
    u : (n, m)
        The columns.
    t : (n,)
        The target.
    uneven : (n,)
        The noise of each row, in units of the noise that is fitted.
    samples
        The number of samples.
    seed
        Seed of the choice of rows and of the samples.
    start
        The scales to start from; by default smooth ones.

    Returns
    -------
    GaussianProcess
        The process, with the scales that were fitted.

    References
    ----------
    Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), 2.2, 5.4; Wilson et al., Pathwise
    Conditioning of Gaussian Processes (2021).

    Examples
    --------
    >>> u = torch.linspace(-1.7, 1.7, 40, dtype=torch.float64).unsqueeze(1)
    >>> t = torch.sin(2 * u[:, 0])
    >>> t = (t - t.mean()) / t.std()
    >>> values = gaussian_process(u, t, torch.ones_like(t), samples=2, seed=0).values(u)
    >>> values.shape, bool((values[:, 0] - t).abs().max() < 1e-2)
    (torch.Size([40, 3]), True)
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
    """Return frequencies, phases and weights of waves whose sums are samples of a process.

    Parameters
    ----------
    lengths : (m,)
        The length of each column.
    amplitude
        The standard deviation of the process.
    count
        The number of waves.
    samples
        The number of samples.
    generator
        The random numbers, a torch generator.

    Returns
    -------
    frequencies, phases, weights
        Tensors (m, count), (count,) and (count, samples).

    Examples
    --------
    >>> found = waves(torch.tensor([1.0, 2.0]), 1.0, 100, 3, torch.Generator().manual_seed(0))
    >>> [part.shape for part in found]
    [torch.Size([2, 100]), torch.Size([100]), torch.Size([100, 3])]
    """
    frequency = torch.randn(len(lengths), count, generator=generator, dtype=lengths.dtype) / lengths.unsqueeze(1)
    phase = 2 * math.pi * torch.rand(count, generator=generator, dtype=lengths.dtype)
    weight = torch.randn(count, samples, generator=generator, dtype=lengths.dtype)
    return frequency, phase, amplitude * math.sqrt(2 / count) * weight


@dataclass(frozen=True)
class TableProcess:
    """A process of a table, fitted in standardized coordinates.

    Parameters
    ----------
    coordinates
        What the process sees of the columns and of the target.
    process
        The process of the standardized coordinates.
    center, width : (m,)
        Mean and standard deviation of the columns, as they are seen.
    middle, spread : ()
        Mean and standard deviation of the target, as it is seen.
    residual : (k,)
        What the target of each row that was fitted, number `process.kept`, differs by from its prediction without that
        row.
    noise
        The standard deviation of the noise that was found, times the weight of a row.
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
        """Fit a target of columns.

        Parameters
        ----------
        coordinates
            What the process sees of the columns and of the target.
        x : (n, m)
            The columns.
        y : (n,)
            The target.
        weight : (n,)
            The noise of each row is taken to be in proportion to 1 / weight.
        samples
            The number of samples.
        start
            The scales to start from; by default smooth ones.
        seed
            Seed of the choice of rows and of the samples.
        """
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
        """Return the mean and the samples of the target: (n, 1 + samples).

        Parameters
        ----------
        x : (n, m)
            The columns.
        """
        u = (self.coordinates.inputs(x) - self.center) / self.width
        return self.coordinates.back(self.middle + self.spread * self.process.values(u))

    def slopes(self, x: Tensor) -> Tensor:
        """Return the derivatives of the target by the columns: (n, m, 1 + samples).

        Parameters
        ----------
        x : (n, m)
            The columns.
        """
        u = (self.coordinates.inputs(x) - self.center) / self.width
        seen = self.spread * self.process.slopes(u) / self.width.unsqueeze(1)
        # Where the target is seen as itself, only the shape of its values counts.
        values = seen[:, 0] if self.coordinates.target_as == "itself" else self.values(x)
        return self.coordinates.gradient(x, values, seen)
