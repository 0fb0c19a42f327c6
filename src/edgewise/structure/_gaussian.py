"""A Gaussian process: a smooth function through scattered points, and samples of what else it could have been."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_SUBSET = 500  # rows that the scales are fitted on
_ROWS = 1500  # rows that the function goes through
_STEPS = 60
_FEATURES = 1000  # random waves that a sample of the prior is made of
_JITTER = 1e-9  # of the process's variance, for the factorisation
_BOUNDS = ((-3.0, 6.0), (-3.0, 8.0), (-9.0, 0.7))  # logarithms of lengths, amplitude and noise, in spreads


@dataclass(frozen=True)
class Scales:
    """Length of each column, amplitude and noise, in units of the spreads; `uneven` (n,) multiplies the noise."""

    lengths: Tensor
    amplitude: Tensor
    noise: Tensor

    @classmethod
    def of(cls, logs: Tensor) -> Scales:
        lengths, amplitude, noise = (
            part.clamp(*bounds).exp() for part, bounds in zip((logs[:-2], logs[-2], logs[-1]), _BOUNDS, strict=True)
        )
        return cls(lengths, amplitude, noise)

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        """Covariances of points (n, m) and (k, m): amplitude^2 exp(-|a - b|^2 / 2), in lengths."""
        a, b = a / self.lengths, b / self.lengths
        square = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
        return self.amplitude**2 * torch.exp(-square.clamp_min(0) / 2)

    def factor(self, u: Tensor, uneven: Tensor) -> Tensor:
        """The Cholesky factor of the covariance of noisy values at the rows of u."""
        matrix = self.between(u, u)
        return torch.linalg.cholesky(
            matrix + torch.diag((self.noise * uneven) ** 2 + _JITTER * self.amplitude.detach() ** 2)
        )


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process: called, it gives its mean and its samples at points (n, m) as (n, 1 + samples).

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

    def __call__(self, u: Tensor) -> Tensor:
        known = self.scales.between(u, self.rows) @ self.coefficients
        frequency, phase, weight = self.waves
        prior = torch.cos(u @ frequency + phase) @ weight
        mean = known[:, :1]
        return torch.cat([mean, mean + self.calibration * (prior + known[:, 1:])], dim=1)


def gaussian_process(u: Tensor, t: Tensor, uneven: Tensor, samples: int, seed: int) -> GaussianProcess:
    """Fit a process of zero mean to columns u (n, m) and a target t (n,), both of mean 0 and spread 1.

    Scales maximise the likelihood of up to 500 rows. Samples come by conditioning random waves on the data.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), 2.2, 5.4; Wilson et al.,
    Pathwise Conditioning of Gaussian Processes (2021).
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(u), generator=generator)[:_ROWS]
    u, t, uneven = u[order], t[order], uneven[order]
    scales = _fitted(u[:_SUBSET], t[:_SUBSET], uneven[:_SUBSET])
    factor = scales.factor(u, uneven)
    waves = _waves(scales, u.shape[1], samples, generator)
    frequency, phase, weight = waves
    noise = scales.noise * uneven.unsqueeze(1) * torch.randn(len(u), samples, generator=generator, dtype=u.dtype)
    drawn = torch.cos(u @ frequency + phase) @ weight + noise
    coefficients = torch.cholesky_solve(torch.cat([t.unsqueeze(1), -drawn], dim=1), factor)
    variance = torch.cholesky_inverse(factor).diagonal()
    residual = coefficients[:, 0] / variance
    calibration = max(1.0, float((residual * variance.sqrt()).square().mean().sqrt()))
    return GaussianProcess(scales, u, order, coefficients, waves, residual, calibration)


def _fitted(u: Tensor, t: Tensor, uneven: Tensor) -> Scales:
    """The scales of the largest likelihood, from a smooth start."""
    start = [math.log(2.0)] * u.shape[1] + [math.log(2.0), math.log(0.01)]
    logs = torch.tensor(start, dtype=u.dtype, requires_grad=True)
    search = torch.optim.LBFGS([logs], max_iter=_STEPS, history_size=12, line_search_fn="strong_wolfe")

    def misfit() -> Tensor:
        search.zero_grad()
        factor = Scales.of(logs).factor(u, uneven)
        solved = torch.cholesky_solve(t.unsqueeze(1), factor)[:, 0]
        value = 0.5 * t @ solved + factor.diagonal().log().sum()
        value.backward()
        return value.detach()

    search.step(misfit)  # type: ignore[arg-type]
    return Scales.of(logs.detach())


def _waves(scales: Scales, m: int, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Frequencies, phases and weights of waves whose sums are samples of the prior."""
    options = {"generator": generator, "dtype": torch.float64}
    frequency = torch.randn(m, _FEATURES, **options) / scales.lengths.unsqueeze(1)
    phase = 2 * math.pi * torch.rand(_FEATURES, **options)
    weight = scales.amplitude * math.sqrt(2 / _FEATURES) * torch.randn(_FEATURES, samples, **options)
    return frequency, phase, weight
