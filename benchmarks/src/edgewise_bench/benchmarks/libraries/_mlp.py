"""torch's MLP: the unit that everything is compared with."""

import json
from collections.abc import Sequence

import torch

from edgewise.nn import KAN, Layout
from edgewise_bench.baselines import mlp
from edgewise_bench.benchmarks.libraries._base import Race, Shape
from edgewise_bench.benchmarks.libraries._edgewise import layer_parameters
from edgewise_bench.benchmarks.libraries._torch import TorchLibrary, train


class MLP(TorchLibrary):
    """One hidden layer of SiLU, as many parameters as edgewise's layer or network of the same shape."""

    name = "mlp"
    module = "torch"
    install = "torch"
    settings = (
        "Linear, SiLU, Linear with biases; the hidden width H makes the parameters, H (n_in + n_out + 1) + n_out, as "
        "near to edgewise's as a whole H can."
    )
    recipes = ("L-BFGS, [30]", "L-BFGS, [100]", "L-BFGS, [30, 30]", "Adam, [100, 100]")

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        hidden = hidden_width(shape.n_in, shape.n_out, layer_parameters(shape.n_in, shape.n_out, shape.grid))
        return mlp([shape.n_in, hidden, shape.n_out], getattr(torch, shape.dtype))

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        size = Layout(KAN(list(widths), grid=grid)).size
        return mlp([widths[0], hidden_width(widths[0], widths[-1], size), widths[-1]], dtype)

    def train(self, recipe: str, race: Race) -> None:
        solver, widths = recipe.split(", ", 1)
        torch.manual_seed(race.seed)
        module = mlp([race.x.shape[1], *json.loads(widths), 1], torch.float64)
        train(module, race, solver)


def hidden_width(n_in: int, n_out: int, parameters: int) -> int:
    """Return the hidden width of the MLP whose parameter count is nearest to `parameters`.

    H (n_in + n_out + 1) + n_out = parameters

    >>> hidden_width(64, 64, 64 * 64 * 9)
    285
    """
    return max(1, round((parameters - n_out) / (n_in + n_out + 1)))
