"""Layers and networks that are to be torch modules like any other, rows for them, and what is compared."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import edgewise as ew
from edgewise.nn import KANLayer, RationalLayer

close = torch.testing.assert_close


def _mixed() -> ew.KAN:
    """Splines beside a removed edge and symbolic ones."""
    model = ew.nn.remove_edges(ew.KAN([2, (3, 2), 2], grid=4, base="silu"), [(0, 0, 0)])
    model = ew.nn.set_function(model, 0, 1, 1, "sin", (0.7, 0.2, 1.5, 0.1))
    return ew.nn.set_function(model, 1, 0, 2, "exp", (0.3, 0.0, 1.0, -1.0))


#: what is tried: each takes two inputs, its parameters are float64
SUBJECTS: dict[str, Callable[[], Any]] = {
    "layer": lambda: KANLayer(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)),
    "fine layer": lambda: KANLayer(
        2, 3, grid=40, degree=2, base=None, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ),
    **{
        f"{basis} layer": lambda basis=basis: KANLayer(
            2, 3, basis=basis, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
        )
        for basis in ew.bases.BASES
        if basis != "bspline"
    },
    "rational layer": lambda: RationalLayer(
        2, 3, groups=2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ),
    "network": lambda: ew.KAN([2, (3, 2), 2]),
    "mixed network": _mixed,
}


def rows(count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Points inside the knots, and a few beyond them."""
    return (2.4 * torch.rand(count, 2, generator=torch.Generator().manual_seed(7), dtype=torch.float64) - 1.2).to(dtype)


def gradients(module: Callable[[Tensor], Tensor], x: Tensor, parameters: Any) -> list[Tensor | None]:
    """Of a loss, by x and each parameter."""
    x = x.detach().clone().requires_grad_()
    return list(torch.autograd.grad(module(x).square().sum(), [x, *parameters], allow_unused=True))


def assert_same_gradients(found: list[Tensor | None], expected: list[Tensor | None]) -> None:
    """None and zero are the same: a traced graph may use a parameter that has no say."""
    for a, b in zip(found, expected, strict=True):
        if a is None or b is None:
            assert all(g is None or not g.any() for g in (a, b))
        else:
            close(a, b)


def is_curve(name: str) -> bool:
    """Whether a parameter holds the numbers that an edge's function is made of."""
    return name.rpartition(".")[2] in ("coefficients", "numerator")


def shaken(module: Any, size: float) -> Any:
    other = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(size * torch.sin(torch.arange(parameter.numel()).to(parameter)).view_as(parameter))
    return other
