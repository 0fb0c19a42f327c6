"""Solutions to compare with: exact ones, that of Burgers by Cole and Hopf, that of Allen and Cahn by Fourier series."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde import Box, Errors, Jet
from edgewise_bench.baselines import burgers_at


class Truth(NamedTuple):
    """A solution on a lattice of some shape: points (n, 2), values (n,), gradients (n, 2)."""

    points: Tensor
    value: Tensor
    gradient: Tensor
    shape: tuple[int, int]

    def errors(self, found: Jet) -> Errors:
        """Return the errors of a function at the points."""
        off, gradient = found.value - self.value, found.gradient - self.gradient
        square, h1 = float(off.square().mean()), float(gradient.square().sum(1).mean())
        size = float(self.value.square().mean())
        return Errors(square**0.5, (square + h1) ** 0.5, (square / size) ** 0.5, float(off.abs().max()))


def exact(box: Box, function: Callable[..., Any], rows: int, columns: int) -> Truth:
    """Return a solution written as a function of p: lambda p: torch.sin(p.x)."""
    x = _lattice(box, rows, columns)
    true: Jet = function(SimpleNamespace(**Jet.coordinates(x, box.names)))
    return Truth(x, true.value, true.gradient, (rows, columns))


def burgers(box: Box, viscosity: float, rows: int, columns: int) -> Truth:
    """Solve u_t + u u_x = viscosity u_xx with u = -sin(pi x) at t = 0, for Box(t=(0, T), x=(-1, 1))."""
    x = _lattice(box, rows, columns)
    found = burgers_at(x.numpy(), viscosity)
    return Truth(x, found[:, 0], found[:, 1:], (rows, columns))


def allen_cahn(
    box: Box, diffusion: float, reaction: float, rows: int, columns: int, finer: int = 4, tolerance: float = 1e-10
) -> Truth:
    """Solve u_t = diffusion u_xx + reaction (u - u^3), periodic, with u = sin(pi x / 2)^2 cos(pi x) at t = 0.

    Fourier collocation in x for Box(t=(0, T), x=(-1, 1)), at `finer` times as many points as columns; an explicit
    Runge-Kutta method of order 8 in t. The lattice's last row is at t = T, its first column at x = -1.
    """
    from scipy.integrate import solve_ivp

    modes = finer * columns
    x, t = -1 + 2 * np.arange(modes) / modes, np.linspace(box.low[0], box.high[0], rows + 1)
    wave = np.pi * np.fft.rfftfreq(modes, 1 / modes)

    def derivative(_: float, u: Array) -> Array:
        return np.fft.irfft(-diffusion * wave**2 * np.fft.rfft(u), modes) + reaction * (u - u**3)

    start = np.sin(np.pi * x / 2) ** 2 * np.cos(np.pi * x)
    found = solve_ivp(derivative, (t[0], t[-1]), start, "DOP853", t[1:], rtol=tolerance, atol=tolerance)
    u = found.y.T
    by_x, by_t = np.fft.irfft(1j * wave * np.fft.rfft(u), modes), np.stack([derivative(0, part) for part in u])
    value, first, second = (torch.from_numpy(part[:, ::finer].ravel()) for part in (u, by_t, by_x))
    points = torch.cartesian_prod(torch.from_numpy(t[1:]), torch.from_numpy(x[::finer].copy()))
    return Truth(points, value, torch.stack([first, second], 1), (rows, columns))


def _lattice(box: Box, rows: int, columns: int) -> Tensor:
    """Return the cell centers of a two-dimensional box."""
    low, high = box.ends
    sides = [
        low[k] + (high[k] - low[k]) * (torch.arange(count, dtype=torch.float64) + 0.5) / count
        for k, count in enumerate((rows, columns))
    ]
    return torch.cartesian_prod(*sides)
