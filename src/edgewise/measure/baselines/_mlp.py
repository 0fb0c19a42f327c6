"""torch's multilayer perceptron, which everything is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from edgewise._errors import unknown

ACTIVATIONS = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU, "tanh": torch.nn.Tanh}

_SCALE = 1e6  # of the loss that L-BFGS sees


def perceptron(
    sizes: Sequence[int], dtype: torch.dtype = torch.float64, activation: str = "silu"
) -> torch.nn.Sequential:
    """Linear layers with biases and an activation between them.

    >>> sum(p.numel() for p in perceptron([2, 100, 100, 100, 1]).parameters())
    20601
    """
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [torch.nn.Linear(before, after, dtype=dtype), ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def lbfgs(module: torch.nn.Module, loss: Callable[[], Tensor], steps: int = 20) -> Callable[[], float]:
    """Give a function that takes so many steps of L-BFGS with strong Wolfe line search, and returns the loss, scaled.

    The loss is scaled up: torch's L-BFGS learns nothing from steps whose curvature y's is below 1e-10, and would stand
    still at an error near 1e-3.
    """
    optimizer = torch.optim.LBFGS(
        module.parameters(), max_iter=steps, history_size=50, tolerance_grad=0, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = _SCALE * loss()
        value.backward()
        return value.detach()

    return lambda: float(optimizer.step(closure))  # type: ignore[arg-type]
