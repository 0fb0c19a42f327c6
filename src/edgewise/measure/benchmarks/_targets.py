"""The functions whose accuracy is raced for, as rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Target(NamedTuple):
    """A function on a box, and the network that edgewise and pykan learn it with."""

    name: str
    values: Callable[[np.ndarray], np.ndarray]
    low: float
    widths: list[int]
    rows: int

    def sample(self, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw uniform rows, each input from `low` to 1, and their values."""
        x = rng.uniform(self.low, 1, (rows, self.widths[0]))
        return x, self.values(x)


def _sine_and_square(x: np.ndarray) -> np.ndarray:
    return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)


def _elliptic(x: np.ndarray) -> np.ndarray:
    from scipy.special import ellipj

    return ellipj(x[:, 0], x[:, 1])[0]


def _four_variables(x: np.ndarray) -> np.ndarray:
    square = x**2
    first, second = square[:, 0] + square[:, 1], square[:, 2] + square[:, 3]
    return np.exp((np.sin(np.pi * first) + np.sin(np.pi * second)) / 2)


TARGETS = (
    Target("exp(sin(pi x) + y^2)", _sine_and_square, -1, [2, 1, 1], 1000),
    Target("ellipj(x, y)", _elliptic, 0, [2, 5, 1], 1000),
    Target("four variables", _four_variables, -1, [4, 2, 1, 1], 3000),
)
