"""The KAN article's results on special functions."""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """The shape and the test RMSE of its best network, and the test RMSE of its best MLP.

    Source: Liu et al., KAN (2024), table 1. For ellipj, copies differ on whether the shape ends in two or three ones.
    """

    shape: str
    kan: float
    mlp: float


PUBLISHED = {
    "ellipj": Published("[2, 3, 2, 1, 1, 1]", 1.33e-4, 6.48e-4),
    "ellipkinc": Published("[2, 2, 1, 1, 1]", 1.24e-4, 5.52e-4),
    "ellipeinc": Published("[2, 2, 1, 1]", 8.26e-5, 3.04e-4),
    "jv": Published("[2, 3, 1, 1, 1]", 1.64e-3, 5.52e-3),
    "yv": Published("[2, 2, 2, 1]", 1.49e-5, 3.45e-4),
    "kv": Published("[2, 2, 1]", 2.52e-5, 1.67e-4),
    "iv": Published("[2, 4, 3, 2, 1, 1]", 9.28e-3, 1.07e-2),
    "lpmv0": Published("[2, 2, 1]", 5.25e-5, 1.74e-2),
    "lpmv1": Published("[2, 4, 1]", 6.90e-4, 1.50e-3),
    "lpmv2": Published("[2, 3, 2, 1]", 2.26e-4, 9.43e-4),
    "sph01": Published("[2, 1, 1]", 2.21e-7, 1.25e-6),
    "sph11": Published("[2, 3, 2, 1]", 1.22e-4, 6.70e-4),
    "sph02": Published("[2, 1, 1]", 1.95e-7, 2.85e-6),
    "sph12": Published("[2, 2, 1, 1]", 1.50e-5, 1.84e-3),
    "sph22": Published("[2, 2, 3, 2, 1]", 9.45e-5, 6.21e-4),
}
