"""Solutions to compare with: exact ones, Cole and Hopf's, and those of Fourier series."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise_bench.baselines import burgers_at
from edgewise_bench.benchmarks.pde._fourier import Fourier, Stepper, split_steps

_TIMES, _PLACES = 100, 256  # of the lattices after the start
_COUNT = 20_000  # points where exact solutions are compared
_SEED = 31


class Reference(NamedTuple):
    """A solution at points (n, d): values (n,)."""

    points: Tensor
    values: Tensor

    def error(self, found: Tensor) -> float:
        """Return the relative L2 error of values at the points.

        >>> round(Reference(torch.zeros(2, 1), torch.tensor([3.0, 4.0])).error(torch.tensor([3.0, 4.5])), 6)
        0.1
        """
        return float((found - self.values).norm() / self.values.norm())


def exact(domain: Any, function: Callable[[SimpleNamespace], Tensor]) -> Reference:
    """Return a known function of the coordinates at points of a domain: lambda p: torch.sin(p.x)."""
    points = domain.points(_COUNT, seed=_SEED)
    at = SimpleNamespace(**{name: points[:, k] for k, name in enumerate(domain.names)})
    return Reference(points, function(at))


def burgers(viscosity: float) -> Reference:
    """Solve u_t + u u_x = viscosity u_xx for t in [0, 1], x in [-1, 1], from u = -sin(pi x)."""
    t, x = np.linspace(0, 1, _TIMES + 1), np.linspace(-1, 1, _PLACES + 1)
    later = burgers_at(_lattice(t[1:], x).numpy(), viscosity)[:, 0].reshape(_TIMES, -1)
    return _on_lattice(t, x, np.concatenate([-np.sin(np.pi * x)[None], later.numpy()]))


def allen_cahn(diffusion: float = 1e-4, modes: int = 2048, steps: int = 2000) -> Reference:
    """Solve u_t = diffusion u_xx + 5 (u - u^3), period 2, t in [0, 1], from u = x^2 cos(pi x), which has a kink."""
    line = Fourier(modes, 1.0)

    def start(x: Array) -> Array:
        return x**2 * np.cos(np.pi * x)

    def reaction(v: Array) -> Array:
        return np.fft.fft(-5 * np.real(line.values(v)) ** 3)

    stepper = Stepper(5 - diffusion * line.waves**2, reaction)
    found = stepper.run(line.coefficients(start, jump=4.0), 1.0, steps, _TIMES)
    return _periodic(line, start, found, 1.0)


def korteweg(dispersion: float = 0.022**2, modes: int = 512, steps: int = 32_000) -> Reference:
    """Solve u_t + u u_x + dispersion u_xxx = 0, period 2, t in [0, 1], from u = cos(pi x)."""
    line = Fourier(modes, 1.0)

    def start(x: Array) -> Array:
        return np.cos(np.pi * x)

    stepper = Stepper(1j * dispersion * line.waves**3, _transport(line, 1.0))
    return _periodic(line, start, stepper.run(line.coefficients(start, 0.0), 1.0, steps, _TIMES), 1.0)


def kuramoto(duration: float, modes: int = 512, steps: int = 16_000) -> Reference:
    """Solve u_t + a u u_x + b u_xx + c u_xxxx = 0, period 2 pi, from u = cos(x) (1 + sin(x)).

    a = 100 / 16, b = 100 / 16^2, c = 100 / 16^4.
    """
    line = Fourier(modes, np.pi, np.pi)

    def start(x: Array) -> Array:
        return np.cos(x) * (1 + np.sin(x))

    linear = 100 / 16**2 * line.waves**2 - 100 / 16**4 * line.waves**4
    stepper = Stepper(linear, _transport(line, 100 / 16))
    return _periodic(line, start, stepper.run(line.coefficients(start, 0.0), duration, steps, _TIMES), duration)


def schroedinger(modes: int = 4096, steps: int = 4000) -> Reference:
    """Solve i h_t + h_xx / 2 + |h|^2 h = 0, period 10, t in [0, pi / 2], from h = 2 sech(x), which has a kink: |h|."""
    line = Fourier(modes, 5.0)

    def start(x: Array) -> Array:
        return 2 / np.cosh(x)

    first = line.coefficients(start, jump=4 * np.tanh(5) / np.cosh(5))
    return _periodic(line, start, split_steps(line, first, np.pi / 2, steps, _TIMES), np.pi / 2, np.abs)


def _transport(line: Fourier, speed: float) -> Callable[[Array], Array]:
    """Return  v -> -speed u u_x  without aliases."""
    slope = -0.5j * speed * line.waves * line.resolved
    return lambda v: slope * np.fft.fft(np.real(line.values(v)) ** 2)


def _periodic(
    line: Fourier, start: Callable[[Array], Array], found: Array, duration: float,
    read: Callable[[Array], Array] = np.real,
) -> Reference:  # fmt: skip
    """Return values at some of the points of a line, the exact ones at the start."""
    every = line.modes // _PLACES
    x = line.x[::every]
    values = read(np.fft.ifft(found[1:], axis=1))[:, ::every]
    return _on_lattice(np.linspace(0, duration, _TIMES + 1), x, np.concatenate([start(x)[None], values]))


def _on_lattice(t: Array, x: Array, values: Array) -> Reference:
    return Reference(_lattice(t, x), torch.from_numpy(values).flatten())


def _lattice(t: Array, x: Array) -> Tensor:
    return torch.cartesian_prod(torch.from_numpy(t), torch.from_numpy(x))
