"""Points in a unit cube, and on lattices of which only a part is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown

Way = Literal["sobol", "random", "grid"]
_WAYS = get_args(Way)


def unit(count: int, d: int, seed: int, how: Way) -> Tensor:
    """Return points (n, d) in [0, 1]^d: a Sobol sequence, uniform random ones, or a lattice of at most `count`."""
    if how not in _WAYS:
        raise unknown("way to place points", how, _WAYS)
    if not is_int(count, 1):
        raise InputError(f"The number of points must be an int >= 1. Got {count!r}.")
    count = int(count)
    if how == "random":
        return torch.rand(count, d, generator=torch.Generator().manual_seed(int(seed)), dtype=torch.float64)
    if how == "grid":
        side = torch.linspace(0, 1, max(2, math.floor(count ** (1 / d) + 1e-9)), dtype=torch.float64)
        return torch.cartesian_prod(*[side] * d).reshape(-1, d)
    return torch.quasirandom.SobolEngine(d, scramble=True, seed=int(seed)).draw(count, dtype=torch.float64)


def lattice(kept: Callable[[int], Tensor], count: int, share: float) -> Tensor:
    """Return the largest lattice of which at most `count` points are kept; about a share of its points is."""
    tried = max(4, math.ceil(1.3 * count / share))
    found = kept(tried)
    while len(found) > count and tried > 4:
        tried = max(4, min(tried - 1, math.floor((math.sqrt(tried) - 0.5) ** 2)))
        found = kept(tried)
    return found
