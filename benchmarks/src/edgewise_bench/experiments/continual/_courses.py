"""The functions that are shown region by region."""

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array

_PEAKS, _HALF, _SHARP = 5, 0.2, 300.0
_ACROSS = 3  # squares, each way
_POINTS = 400  # of each region, to test


@dataclass(frozen=True)
class Course:
    """A function on [-1, 1]^inputs, the regions it is shown in, and the network that the article or this page gives.

    lattice: points that pictures are drawn at.
    """

    name: str
    inputs: int
    phases: int
    rows: int
    widths: tuple[int, ...]
    grid: int
    lattice: Array

    def target(self, x: Array) -> Array:
        """Return the function (n,) at rows (n, inputs)."""
        if self.inputs == 2:
            return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
        return np.exp(-_SHARP * (x - _centers()) ** 2).sum(1)

    def region(self, number: int, test: bool = False) -> Array:
        """Return the training or test inputs of a region."""
        if self.inputs == 1:
            line = np.linspace(-_HALF, _HALF, _POINTS if test else self.rows)
            return (_centers()[number] + line)[:, None]
        draws = np.random.default_rng([number, int(test)]).uniform(0, 1, (_POINTS if test else self.rows, 2))
        corner = np.array([number % _ACROSS, number // _ACROSS])
        return (corner + draws) * 2 / _ACROSS - 1


def _centers() -> Array:
    return 2 / _PEAKS * (np.arange(_PEAKS) - (_PEAKS - 1) / 2)


def _lattice(points: int, inputs: int) -> Array:
    """Return evenly spaced points of [-1, 1]^inputs."""
    axes = np.meshgrid(*[np.linspace(-1, 1, points)] * inputs)
    return np.stack([axis.ravel() for axis in axes], axis=1)


COURSES = {
    row.name: row
    for row in (
        Course("five peaks", 1, _PEAKS, 100, (1, 1), 200, _lattice(201, 1)),
        Course("nine squares", 2, _ACROSS**2, 300, (2, 10, 1), 10, _lattice(37, 2)),
    )
}
