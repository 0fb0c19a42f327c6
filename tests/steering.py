"""A small session to steer: two inputs, forty rows."""

from __future__ import annotations

from typing import Any

import torch

import edgewise as ew
from edgewise.session import Session


def rows(n: int = 40, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = 0.5 + torch.rand(n, 2, dtype=torch.float64, generator=generator)
    return x, torch.exp(x[:, 0]) / x[:, 1] + torch.sin(2 * x[:, 1])


def begin(widths: Any = (2, 2, 1), **more: Any) -> Session:
    x, y = rows()
    return Session(ew.KAN(list(widths), grid=3, seed=1), x, y, ["a", "b"], **more)
