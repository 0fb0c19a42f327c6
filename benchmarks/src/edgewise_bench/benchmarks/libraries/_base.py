"""What the benchmarks ask of a library, and a race against the clock that it trains in."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import numpy as np

DEGREE = 3
RATE = 1e-3
"""Of every library's Adam step."""


class Unit(NamedTuple):
    """Something to time: one call of it, and how many parameters it trains."""

    call: Callable[[], Any]
    parameters: int


class Shape(NamedTuple):
    """One layer's sizes: rows, inputs, outputs, grid cells, and the precision."""

    batch: int
    n_in: int
    n_out: int
    grid: int
    dtype: str

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs from -1 to 1 and a gradient of the outputs, the same for every library."""
        rng = np.random.default_rng(0)
        x = rng.uniform(-1, 1, (self.batch, self.n_in))
        return x.astype(self.dtype), rng.standard_normal((self.batch, self.n_out)).astype(self.dtype)


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

    def point(self, predict: Callable[[np.ndarray], np.ndarray]) -> None:
        """Measure the network as it is now."""
        seconds = self.seconds
        with self.paused():
            error = float(np.sqrt(np.mean((predict(self.fresh_x) - self.fresh_y) ** 2)))
            self.points.append(Point(seconds, error if np.isfinite(error) else float("inf")))


class ThirdParty(ABC):
    """A library that is measured: its name, its module, how to install it, and the settings that its pages recommend.

    edgewise and torch are measured in the same way.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    install: ClassVar[str]
    settings: ClassVar[str]

    @classmethod
    def installed(cls) -> bool:
        return find_spec(cls.module) is not None


class Library(ThirdParty):
    """A library with the settings that its own pages recommend; cubic splines wherever there are splines."""

    recipes: ClassVar[tuple[str, ...]]
    """The ways it is trained in the benchmark `accuracy`."""

    @abstractmethod
    def layer(self, shape: Shape, *, adam: bool = False) -> Unit:
        """Return a layer's forward and backward pass to parameters and input, and an Adam step if asked."""

    @abstractmethod
    def step(self, widths: Sequence[int], grid: int, x: np.ndarray, y: np.ndarray) -> Unit:
        """Return one Adam step of a network on all rows, in float64 or the rows' precision."""

    @abstractmethod
    def train(self, recipe: str, race: Race) -> None:
        """Train by one of `recipes`, calling `race.point` at every point of the curve, until `race.over`."""
