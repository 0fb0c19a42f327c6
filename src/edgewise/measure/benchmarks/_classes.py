"""Tables of classes, and the networks that are trained on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise.nn import KAN, Layout


class Rows(NamedTuple):
    """Rows that are trained on, and rows to measure on: inputs (n, d), class numbers (n,)."""

    x: Tensor
    y: Tensor
    fresh_x: Tensor
    fresh_y: Tensor

    def accuracy(self, model: torch.nn.Module) -> float:
        """Return the test accuracy of a network: by its largest output, or the sign of its only one."""
        dtype = next(model.parameters()).dtype
        with torch.no_grad():
            outputs = model(self.fresh_x.to(dtype))
        choice = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
        return float((choice == self.fresh_y).double().mean())


@dataclass(frozen=True)
class Task:
    """A table of classes, drawn with a seed or always the same, and the network that edgewise trains on it."""

    name: str
    table: Callable[[int], tuple[np.ndarray, np.ndarray]]
    widths: tuple[int, ...]
    grid: int = 5
    degree: int = 3

    @property
    def parameters(self) -> int:
        return Layout(self.network(0)).size

    def network(self, seed: int) -> KAN:
        return KAN(self.widths, grid=self.grid, degree=self.degree, seed=seed)

    def rows(self, seed: int, most: int | None = None) -> Rows:
        """Return the table; the seed chooses 30 % of the rows for testing.

        The training rows standardize the inputs. `most`: take that many rows only.
        """
        x, y = self.table(seed)
        order = np.random.default_rng(seed).permutation(len(x))[:most]
        cut = round(0.7 * len(order))
        inputs, classes = torch.from_numpy(x[order]), torch.from_numpy(y[order]).long()
        inputs = (inputs - inputs[:cut].mean(0)) / inputs[:cut].std(0).clamp_min(1e-9)
        return Rows(inputs[:cut], classes[:cut], inputs[cut:], classes[cut:])


def moons(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw two interleaved half circles: 1000 rows, noise of 0.2."""
    rng = np.random.default_rng(seed)
    y, turn = rng.integers(0, 2, 1000), rng.uniform(0, np.pi, 1000)
    upper, lower = np.c_[np.cos(turn), np.sin(turn)], np.c_[1 - np.cos(turn), 0.5 - np.sin(turn)]
    return np.where(y[:, None] == 0, upper, lower) + 0.2 * rng.standard_normal((1000, 2)), y


def breast_cancer(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Load 569 tumors, 30 measurements each, malignant or benign."""
    from sklearn.datasets import load_breast_cancer

    found: Any = load_breast_cancer()
    return found.data, found.target


def digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Load 1797 handwritten digits of 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return found.data, found.target


# The networks were chosen on other moons, and within the training rows of the tables.
TASKS = (
    Task("two moons", moons, (2, 1)),
    Task("breast cancer", breast_cancer, (30, 1)),
    Task("digits", digits, (64, 10), grid=2, degree=1),
)
