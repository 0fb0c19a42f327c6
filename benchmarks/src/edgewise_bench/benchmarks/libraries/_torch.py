"""What all libraries on torch share."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edgewise_bench.baselines import adam, lbfgs, parameter_count
from edgewise_bench.benchmarks.libraries._base import RATE, Library, Race, Shape, Unit


class TorchLibrary(Library):
    """A library whose layers and networks are torch modules."""

    @abstractmethod
    def module_layer(self, shape: Shape) -> torch.nn.Module: ...

    @abstractmethod
    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module: ...

    def parameters(self, module: torch.nn.Module) -> int:
        return parameter_count(module)

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

    steps = adam(module, loss, lambda: race.spent, 100) if solver == "Adam" else lbfgs(module, loss)
    race.start()
    while not race.over:
        steps()
        race.point(predict)
