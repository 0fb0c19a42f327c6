"""Solutions to compare with: exact ones, that of Burgers by Cole and Hopf, that of Allen and Cahn by Fourier series."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise.pde import Box, Errors, Jet

_REACH, _NODES = 20.0, 1500  # of the quadrature: exp(-20^2) is nothing
_BEYOND = 10.0  # what is reached beyond the place that a characteristic, at most as fast as 1, comes from
_CHUNK = 500


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


def burgers_at(points: Array, viscosity: float, nodes: int = _NODES) -> Tensor:
    """Return value and derivatives by t and x (n, 3) at points (n, 2) of t > 0 and x.

    By Cole and Hopf u is the mean of u0(y), u0 = -sin(pi x), over y = x - sqrt(4 nu t) s with weights
    exp(-cos(pi y) / (2 pi nu) - s^2); derivatives are means and covariances under the same weights. The trapezoidal
    rule over s converges faster than any power.
    """
    reach = max(_REACH, _BEYOND + np.sqrt(points[:, 0].max() / (4 * viscosity)))
    s = np.linspace(-reach, reach, round(nodes * reach / _REACH))
    parts = []
    for start in range(0, len(points), _CHUNK):
        t, x = points[start : start + _CHUNK].T[:, :, None]
        y = x - np.sqrt(4 * viscosity * t) * s
        power = -np.cos(np.pi * y) / (2 * np.pi * viscosity) - s**2
        weights = np.exp(power - power.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        first, second, drift = -np.sin(np.pi * y), -np.pi * np.cos(np.pi * y), (y - x) / (2 * t)

        def mean(g: Array, weights: Array = weights) -> Array:
            return (weights * g).sum(1)

        u = mean(first)
        by_x = mean(second) - (mean(first**2) - u**2) / (2 * viscosity)
        by_t = mean(second * drift) - (mean(first**2 * drift) - u * mean(first * drift)) / (2 * viscosity)
        parts.append(np.stack([u, by_t, by_x], axis=1))
    return torch.from_numpy(np.concatenate(parts))


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
