"""Other libraries of KANs in torch, behind the interface of `TorchLibrary`."""

import contextlib
import importlib
import itertools
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from edgewise_bench.baselines import (
    default_dtype,
    pykan_refined,
    pykan_rows,
    silenced,
)
from edgewise_bench.benchmarks.libraries._libraries import DEGREE, Race, Shape, TorchLibrary, train

_GRIDS, _STEPS, _STRIDE = (3, 10, 20, 50, 100), 200, 5


class EfficientKAN(TorchLibrary):
    """Its layer with default arguments, and networks of such layers: the package's own KAN passes grid as degree."""

    name = "efficient-kan"
    module = "kan_gpt"
    install = "kan-gpt"
    recipes = ("L-BFGS, grid 5", "L-BFGS, grid 20", "Adam, grid 20")

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        return _linear(shape.n_in, shape.n_out, shape.grid, getattr(torch, shape.dtype))

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        return torch.nn.Sequential(*(_linear(*pair, grid, dtype) for pair in pairwise(widths)))

    def train(self, recipe: str, race: Race) -> None:
        """Train a wider network than edgewise's: the narrow one leaves the fixed grid of its hidden layer."""
        solver, grid = recipe.split(", grid ")
        torch.manual_seed(race.seed)
        module = self.module_network([race.x.shape[1], 10, 1], int(grid), torch.float64)
        train(module, race, solver)


def _linear(n_in: int, n_out: int, grid: int, dtype: torch.dtype) -> torch.nn.Module:
    # The module itself: the package's front page brings in a language model.
    from kan_gpt.efficient_kan.model import KANLinear  # pyright: ignore[reportMissingImports]

    return KANLinear(n_in, n_out, grid_size=grid, spline_order=DEGREE).to(dtype)


class PyKAN(TorchLibrary):
    """Its layer with default arguments, and its network in the mode that it calls speed, trained as in its Example 1.

    Speed mode leaves out symbolic edges and stored activations.
    """

    name = "pykan"
    module = "kan"
    install = "pykan"
    recipes = ("its notebook",)

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        return _Outputs(_layer(shape))

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        from kan import KAN  # pyright: ignore[reportMissingImports]

        with default_dtype(dtype), silenced():
            return KAN(width=list(widths), grid=grid, k=DEGREE, seed=0, auto_save=False).speed()

    def parameters(self, module: torch.nn.Module) -> int:
        """Count parameters without those of symbolic edges, which speed mode leaves out."""
        return super().parameters(module.act_fun if hasattr(module, "act_fun") else module)  # type: ignore[arg-type]

    def train(self, recipe: str, race: Race) -> None:
        rows = pykan_rows((race.x, race.y))
        models = pykan_refined(race.widths, _GRIDS, rows["train_input"], race.seed)
        with default_dtype(torch.float64), silenced(), contextlib.suppress(_Over):
            race.start()
            for model in models:
                model.fit(rows, opt="LBFGS", steps=_STEPS, metrics=[_callback(race, model)])


class _Over(Exception):
    """Ends pykan's `fit`."""


def _callback(race: Race, model: Any) -> Callable[[], Tensor]:
    """Return what `fit` calls after every step, which adds a point to the curve after some."""
    steps = itertools.count(1)

    def callback() -> Tensor:
        if next(steps) % _STRIDE == 0:
            race.point(lambda rows: model(torch.from_numpy(rows))[:, 0].detach().numpy())
        if race.over:
            raise _Over
        return torch.zeros(())

    return callback


class _Outputs(torch.nn.Module):
    """A layer of pykan without the activations that it returns with its outputs."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.inner = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0]


def _layer(shape: Shape) -> torch.nn.Module:
    """Build the layer with random coefficients: it would solve least squares for each edge, which takes minutes."""
    module = importlib.import_module("kan.KANLayer")

    def drawn(x_eval: Tensor, y_eval: Tensor, grid: Tensor, k: int) -> Tensor:
        return 0.1 * torch.randn(y_eval.shape[1], y_eval.shape[2], grid.shape[1] - k - 1)

    with default_dtype(getattr(torch, shape.dtype)), mock.patch.object(module, "curve2coef", drawn):
        return module.KANLayer(in_dim=shape.n_in, out_dim=shape.n_out, num=shape.grid, k=DEGREE)
