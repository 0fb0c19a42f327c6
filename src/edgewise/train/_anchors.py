"""Points of a network's own domain at which what it is stays, while it learns something elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.nn import KAN, KANLayer

_FEWEST, _MOST, _FOR_EACH = 1000, 10_000, 4  # points, and points for each parameter
_SPACINGS = 2.0  # between rows: what is no further from one is theirs
_ENTRIES = 4_000_000  # of the distances held at once


def spread(model: KAN, parameters: int) -> Tensor:
    """Points (m, n_in) evenly over the box that the knots of the inputs span, the same for the same network."""
    first = model.layers[0]
    assert isinstance(first, KANLayer)
    low, high = first.basis.ends(first.knots)
    count = min(max(_FEWEST, _FOR_EACH * parameters), _MOST)
    draws = torch.quasirandom.SobolEngine(model.n_in, scramble=True, seed=0).draw(count, dtype=torch.float64)
    return low + (high - low) * draws.to(low)


def away(points: Tensor, rows: Tensor, model: KAN) -> Tensor:
    """Which points are further from each row than twice what rows are from one another, (m,).

    Lengths are in units of each input's range. The distance between rows is the one to the nearest other, which nine of
    ten rows keep.
    """
    first = model.layers[0]
    assert isinstance(first, KANLayer)
    low, high = first.basis.ends(first.knots)
    rows, points = (rows / (high - low)).unique(dim=0), points / (high - low)
    few = rows[torch.linspace(0, len(rows) - 1, min(len(rows), _FEWEST)).long()]
    if len(rows) < 2:
        return torch.ones(len(points), dtype=torch.bool, device=points.device)
    spacing = _nearest(few, rows, 2).quantile(0.9)
    return _nearest(points, rows, 1) > _SPACINGS * spacing


def _nearest(points: Tensor, rows: Tensor, rank: int) -> Tensor:
    """Distance from each point to the row that is nearest, or second nearest, to it."""
    step = max(1, _ENTRIES // len(rows))
    parts = [torch.cdist(part, rows).kthvalue(rank, dim=1).values for part in points.split(step)]
    return torch.cat(parts)
