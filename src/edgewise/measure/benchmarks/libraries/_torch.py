"""What all libraries on torch share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise.measure import baselines
from edgewise.measure.benchmarks.libraries._base import RATE, Library, Shape, Unit
from edgewise.measure.benchmarks.libraries._race import Race


class TorchLibrary(Library):
    """A library whose layers and networks are torch modules."""

    @abstractmethod
    def module_layer(self, shape: Shape) -> torch.nn.Module: ...

    @abstractmethod
    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module: ...

    def parameters(self, module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

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


def adam(module: torch.nn.Module, race: Race, rate: float, steps: int = 100) -> None:
    """Train by Adam on all rows until the race is over; the rate falls to a hundredth."""
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    loss = _loss(module, race)
    race.start()
    while not race.over:
        optimizer.param_groups[0]["lr"] = rate * 0.01**race.spent
        for _ in range(steps):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
        race.point(_predictor(module))


def lbfgs(module: torch.nn.Module, race: Race) -> None:
    """Train by L-BFGS with strong Wolfe line search until the race is over."""
    steps = baselines.lbfgs(module, _loss(module, race))
    race.start()
    while not race.over:
        steps()
        race.point(_predictor(module))


def _loss(module: torch.nn.Module, race: Race) -> Callable[[], Tensor]:
    x, y = torch.from_numpy(race.x), torch.from_numpy(race.y)[:, None]
    return lambda: (module(x) - y).square().mean()


def _predictor(module: torch.nn.Module) -> Callable[[np.ndarray], Any]:
    def predict(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(x))[:, 0].numpy()

    return predict
