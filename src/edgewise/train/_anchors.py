"""Points of a network's domain where its function is kept while it learns further rows."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.nn import KAN, KANLayer

_MIN_POINTS, _MAX_POINTS, _PER_PARAMETER = 1000, 10_000, 4
_SPACINGS = 2.0  # between rows: closer points belong to the rows
_ENTRIES = 4_000_000  # of the distances held at once


def box_points(model: KAN, parameters: int) -> Tensor:
    """Return points (m, n_in) evenly over the box of the inputs' knots; they depend on the network only."""
    first = model.layers[0]
    assert isinstance(first, KANLayer)
    low, high = first.basis.ends(first.knots)
    count = min(max(_MIN_POINTS, _PER_PARAMETER * parameters), _MAX_POINTS)
    draws = torch.quasirandom.SobolEngine(model.n_in, scramble=True, seed=0).draw(count, dtype=torch.float64)
    return low + (high - low) * draws.to(low)


def far_from(rows: Tensor, points: Tensor, model: KAN) -> Tensor:
    """Return which points are further from every row than twice the spacing of the rows, (m,).

    Lengths are in units of each input's range. The spacing is the 90 % quantile of the distance to the nearest row.
    """
    first = model.layers[0]
    assert isinstance(first, KANLayer)
    low, high = first.basis.ends(first.knots)
    rows, points = (rows / (high - low)).unique(dim=0), points / (high - low)
    subsample = rows[torch.linspace(0, len(rows) - 1, min(len(rows), _MIN_POINTS)).long()]
    if len(rows) < 2:
        return torch.ones(len(points), dtype=torch.bool, device=points.device)
    spacing = _nearest(subsample, rows, 2).quantile(0.9)
    return _nearest(points, rows, 1) > _SPACINGS * spacing


def _nearest(points: Tensor, rows: Tensor, rank: int) -> Tensor:
    """Return the distance from each point to its nearest (rank 1) or second nearest (rank 2) row."""
    step = max(1, _ENTRIES // len(rows))
    parts = [torch.cdist(part, rows).kthvalue(rank, dim=1).values for part in points.split(step)]
    return torch.cat(parts)
