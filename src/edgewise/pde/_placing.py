"""Where an equation is looked at: even points, and more of them where it is least obeyed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgewise.pde._domain import Domain

_POOL = 8  # candidates for each point that is moved
_MOVED = 0.5  # of the points


def placed(
    domain: Domain, count: int, left: Callable[[Tensor], Tensor], seed: int, turn: int
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Points (n, d), half of them with a density that grows with the residual `left`, and weights (n,) of mean one.

    Weights are one over the density, so that sums over points remain integrals over the domain. Where the residual is
    not finite, the density is the least.

    Source: Wu et al., Computer Methods in Applied Mechanics and Engineering 403 (2023), for the density.
    """
    moved = int(_MOVED * count)
    pool, even = domain.points(_POOL * moved, seed + 7919 * turn, "random"), domain.points(count - moved, seed)

    def finite(points: Tensor) -> Tensor:
        return left(points).nan_to_num(nan=0.0, posinf=0.0)

    residual = finite(pool)
    mean = residual.mean().clamp_min(1e-300)
    density = 0.5 * (residual / mean + 1.0)
    chosen = torch.multinomial(density, moved, generator=torch.Generator().manual_seed(seed + turn))
    whole = torch.cat([density[chosen], 0.5 * (finite(even) / mean + 1.0)])
    each = 1.0 / (_MOVED * whole + 1.0 - _MOVED)
    return torch.cat([pool[chosen], even]), each / each.mean()
