"""The solution of Burgers' equation by Cole and Hopf, to rounding."""

import numpy as np
import torch
from torch import Tensor

from edgewise._typing import Array

_REACH, _NODES = 20.0, 1500  # of the quadrature: exp(-20^2) is nothing
_BEYOND = 10.0  # what is reached beyond the place that a characteristic, at most as fast as 1, comes from
_CHUNK = 500


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
