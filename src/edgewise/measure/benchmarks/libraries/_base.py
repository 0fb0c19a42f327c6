"""What the benchmarks ask of a library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from edgewise.measure.benchmarks.libraries._race import Race

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


class Library(ABC):
    """A library with the settings that its own pages recommend; cubic splines wherever there are splines."""

    name: ClassVar[str]
    module: ClassVar[str]
    install: ClassVar[str]
    settings: ClassVar[str]
    recipes: ClassVar[tuple[str, ...]]
    """The ways it is trained in the benchmark `accuracy`."""

    @classmethod
    def installed(cls) -> bool:
        return find_spec(cls.module) is not None

    @abstractmethod
    def layer(self, shape: Shape, *, adam: bool = False) -> Unit:
        """Return a layer's forward and backward pass to parameters and input, and an Adam step if asked."""

    @abstractmethod
    def step(self, widths: Sequence[int], grid: int, x: np.ndarray, y: np.ndarray) -> Unit:
        """Return one Adam step of a network on all rows, in float64 or the rows' precision."""

    @abstractmethod
    def train(self, recipe: str, race: Race) -> None:
        """Train by one of `recipes`, calling `race.point` at every point of the curve, until `race.over`."""
