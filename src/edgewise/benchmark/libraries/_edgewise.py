"""edgewise itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from edgewise.benchmark._race import Race
from edgewise.benchmark.libraries._base import DEGREE, Shape
from edgewise.benchmark.libraries._torch import TorchLibrary
from edgewise.nn import KAN, KANLayer, Layout
from edgewise.train import Options, fit

#: name -> (list of grids, options)
_RECIPES: dict[str, tuple[list[int] | str, Options]] = {
    "grid 3, no rows held out": ([3], Options(validation=0)), "grid 3": ([3], Options()), "grid 5": ([5], Options()),
    "to 10": ([5, 10], Options()), "to 20": ([5, 10, 20], Options()), "to 50": ([5, 10, 20, 50], Options()),
    "default": ("auto", Options()),
}  # fmt: skip


class Edgewise(TorchLibrary):
    """Default arguments, and in the race other lists of grids."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    settings = "KANLayer, KAN and fit with their default arguments; fit also with lists of grids, once with all rows."
    recipes = tuple(_RECIPES)

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        return KANLayer(
            shape.n_in, shape.n_out, grid=shape.grid, degree=DEGREE, dtype=getattr(torch, shape.dtype),
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        return KAN(list(widths), grid=grid, degree=DEGREE, dtype=dtype)

    def parameters(self, module: torch.nn.Module) -> int:
        """Affine constants belong to symbolic edges, of which these modules have none."""
        if isinstance(module, KANLayer):
            return layer_parameters(module.n_in, module.n_out, module.grid)
        assert isinstance(module, KAN)
        return Layout(module).size

    def train(self, recipe: str, race: Race) -> None:
        """A whole call of `fit` from scratch is one point of the curve."""
        fit(KAN(race.widths), race.x[:100], race.y[:100], grids=[3])  # compiles
        race.start()
        grids, options = _RECIPES[recipe]
        model = fit(KAN(race.widths, seed=race.seed), race.x, race.y, grids=grids, options=options).model
        race.point(lambda x: model(torch.from_numpy(x))[:, 0].detach().numpy())


def layer_parameters(n_in: int, n_out: int, grid: int) -> int:
    """Spline coefficients and the weight of the base function, on each edge."""
    return n_in * n_out * (grid + DEGREE + 1)
