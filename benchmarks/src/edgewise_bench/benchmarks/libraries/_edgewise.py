"""edgewise itself."""

from collections.abc import Sequence
from typing import Any

import torch

from edgewise.nn import KAN, KANLayer, Layout
from edgewise.optim import LM
from edgewise.train import Options, fit
from edgewise_bench.benchmarks.libraries._base import DEGREE, Race, Shape
from edgewise_bench.benchmarks.libraries._torch import TorchLibrary

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
    """Default arguments, and in the race other lists of grids."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    settings = (
        "KANLayer, KAN and fit with their default arguments; fit also with lists of grids, twice with all rows, once "
        "of these with few steps."
    )
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
