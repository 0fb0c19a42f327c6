"""A training run against the clock: how the test error falls with the seconds spent on training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]


class Point(NamedTuple):
    """The root mean square error on fresh rows, and the seconds of training that it took."""

    seconds: float
    error: float


@dataclass
class Race:
    """Rows to train on, fresh rows to measure on, and a stopwatch that only runs while a library trains.

    The library calls `start` when it has warmed up, `paused` around what does not count (compilation), `point` wherever
    it has a network to show, and ends once it is `over`: the time is up, or the goal is reached.
    """

    widths: list[int]
    x: np.ndarray
    y: np.ndarray
    fresh_x: np.ndarray
    fresh_y: np.ndarray
    budget: float
    goal: float
    seed: int = 0
    points: list[Point] = field(default_factory=list)
    _began: float = field(default_factory=time.perf_counter)

    def start(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    @property
    def spent(self) -> float:
        """Return the fraction of the time that is used."""
        return self.seconds / self.budget

    @property
    def over(self) -> bool:
        return self.spent >= 1 or any(point.error <= self.goal for point in self.points)

    @contextmanager
    def paused(self) -> Iterator[None]:
        stopped = time.perf_counter()
        try:
            yield
        finally:
            self._began += time.perf_counter() - stopped

    def point(self, predict: Predict) -> None:
        """Measure the network as it is now."""
        seconds = self.seconds
        with self.paused():
            error = float(np.sqrt(np.mean((predict(self.fresh_x) - self.fresh_y) ** 2)))
            self.points.append(Point(seconds, error if np.isfinite(error) else float("inf")))
