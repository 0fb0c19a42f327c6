"""The libraries on torch that are measured, each with its own recommended settings; what is asked of a library."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise.nn import KAN, KANLayer, Layout
from edgewise.optim import LM
from edgewise.train import Options, fit
from edgewise_bench import baselines

DEGREE = 3
RATE = 1e-3
"""Of every library's Adam step."""
SINGLE = ((1024, 64, 64), (1024, 256, 256), (512, 512, 512), (4096, 784, 64))
DOUBLE = ((1000, 2, 5), (1000, 5, 1))
GRIDS = (5, 20, 100)
"""Rows, inputs and outputs of the layers that are measured in single and in double precision, and their grids."""


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
    """A library that is measured: its name, its module, and how to install it.

    edgewise and torch are measured in the same way.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    install: ClassVar[str]

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


class TorchLibrary(Library):
    """A library whose layers and networks are torch modules."""

    @abstractmethod
    def module_layer(self, shape: Shape) -> torch.nn.Module: ...

    @abstractmethod
    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module: ...

    def parameters(self, module: torch.nn.Module) -> int:
        return baselines.parameter_count(module)

    def layer(self, shape: Shape, *, adam: bool = False) -> Unit:
        module = self.module_layer(shape)
        x, upstream = map(torch.from_numpy, shape.data())
        x.requires_grad_()
        trained = [x, *module.parameters()]
        optimizer = torch.optim.Adam(module.parameters(), lr=RATE) if adam else None

        def call() -> None:
            for tensor in trained:
                tensor.grad = None
            module(x).backward(upstream)
            if optimizer:
                optimizer.step()

        return Unit(call, self.parameters(module))

    def step(self, widths: Sequence[int], grid: int, x: np.ndarray, y: np.ndarray) -> Unit:
        x_rows, y_rows = torch.from_numpy(x), torch.from_numpy(y)
        module = self.module_network(widths, grid, x_rows.dtype)
        optimizer = torch.optim.Adam(module.parameters(), lr=RATE)

        def call() -> None:
            optimizer.zero_grad()
            (module(x_rows) - y_rows).square().mean().backward()
            optimizer.step()

        return Unit(call, self.parameters(module))


def train(module: torch.nn.Module, race: Race, solver: str) -> None:
    """Train by "Adam" or "L-BFGS" on all rows until the race is over."""
    x, y = torch.from_numpy(race.x), torch.from_numpy(race.y)[:, None]

    def loss() -> Tensor:
        return (module(x) - y).square().mean()

    def predict(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(rows))[:, 0].numpy()

    steps = baselines.adam(module, loss, lambda: race.spent, 100) if solver == "Adam" else baselines.lbfgs(module, loss)
    race.start()
    while not race.over:
        steps()
        race.point(predict)


_ALL, _GLANCE = (
    {"options": Options(validation=0)},
    {"solver": LM(steps=10), "options": Options(validation=0, restarts=1)},
)
#: name -> arguments of `fit`, from a glance to all that it does by itself
_RECIPES: dict[str, dict[str, Any]] = {
    "grid 3, no rows held out": {"grids": [3], **_ALL},
    "grid 3, one start, 10 steps a run": {"grids": [3], **_GLANCE},
    "grid 3": {"grids": [3]},
    "grid 5": {"grids": [5]},
    "to 10": {"grids": [5, 10]},
    "to 20": {"grids": [5, 10, 20]},
    "to 50": {"grids": [5, 10, 20, 50]},
    "default": {},
}


class Edgewise(TorchLibrary):
    """Default arguments, and in the race other lists of grids, twice with all rows, once of these with few steps."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    recipes = tuple(_RECIPES)

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        return KANLayer(
            shape.n_in, shape.n_out, grid=shape.grid, degree=DEGREE, dtype=getattr(torch, shape.dtype),
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        return KAN(list(widths), grid=grid, degree=DEGREE, dtype=dtype)

    def parameters(self, module: torch.nn.Module) -> int:
        """Count parameters without the affine constants of symbolic edges, of which there are none."""
        if isinstance(module, KANLayer):
            return layer_parameters(module.n_in, module.n_out, module.grid)
        assert isinstance(module, KAN)
        return Layout(module).size

    def train(self, recipe: str, race: Race) -> None:
        """Call `fit` from scratch: one point of the curve."""
        fit(KAN(race.widths), race.x[:100], race.y[:100], grids=[3])  # compiles
        race.start()
        model = fit(KAN(race.widths, seed=race.seed), race.x, race.y, **_RECIPES[recipe]).model
        race.point(lambda x: model(torch.from_numpy(x))[:, 0].detach().numpy())


def layer_parameters(n_in: int, n_out: int, grid: int) -> int:
    """Count spline coefficients and the weight of the base function, on each edge."""
    return n_in * n_out * (grid + DEGREE + 1)


class MLP(TorchLibrary):
    """One hidden layer of SiLU, as many parameters as edgewise's layer or network of the same shape, or nearly so."""

    name = "mlp"
    module = "torch"
    install = "torch"
    recipes = ("L-BFGS, [30]", "L-BFGS, [100]", "L-BFGS, [30, 30]", "Adam, [100, 100]")

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        hidden = hidden_width(shape.n_in, shape.n_out, layer_parameters(shape.n_in, shape.n_out, shape.grid))
        return baselines.mlp([shape.n_in, hidden, shape.n_out], getattr(torch, shape.dtype))

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        size = Layout(KAN(list(widths), grid=grid)).size
        return baselines.mlp([widths[0], hidden_width(widths[0], widths[-1], size), widths[-1]], dtype)

    def train(self, recipe: str, race: Race) -> None:
        solver, widths = recipe.split(", ", 1)
        torch.manual_seed(race.seed)
        module = baselines.mlp([race.x.shape[1], *json.loads(widths), 1], torch.float64)
        train(module, race, solver)


def hidden_width(n_in: int, n_out: int, parameters: int) -> int:
    """Return the hidden width of the MLP whose parameter count is nearest to `parameters`.

    H (n_in + n_out + 1) + n_out = parameters

    >>> hidden_width(64, 64, 64 * 64 * 9)
    285
    """
    return max(1, round((parameters - n_out) / (n_in + n_out + 1)))
