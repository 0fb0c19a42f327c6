"""Data, and fits of them, that tests of training share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import edgewise as ew


def points(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1


def noise(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(100 + seed), dtype=torch.float64)


def rms(model: ew.KAN, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((model(x) - (y if y.dim() == 2 else y.unsqueeze(1))).square().mean().sqrt())


def wave(x: Tensor) -> Tensor:
    return torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)


def once(**arguments: Any) -> ew.Options:
    return ew.Options(restarts=1, **arguments)
