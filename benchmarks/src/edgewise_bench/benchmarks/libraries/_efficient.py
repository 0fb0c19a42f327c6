"""efficient-KAN, as the package kan-gpt carries it."""

from collections.abc import Sequence
from itertools import pairwise

import torch

from edgewise_bench.benchmarks.libraries._base import DEGREE, Race, Shape
from edgewise_bench.benchmarks.libraries._torch import TorchLibrary, train


class EfficientKAN(TorchLibrary):
    """Its layer with default arguments, and networks of such layers in sequence."""

    name = "efficient-kan"
    module = "kan_gpt"
    install = "kan-gpt"
    settings = (
        "KANLinear with its default arguments, in sequence for networks: the package's own KAN class passes the grid "
        "as the degree."
    )
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
