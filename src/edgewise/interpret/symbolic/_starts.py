"""Where a search for the inner constants of ``y = c f(a t + b) + d`` starts, for t in [-1, 1]."""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from edgewise.formulas.functions import Function

_FREQUENCIES = torch.cat([torch.logspace(-1.3, -0.3, 8), torch.arange(0.6, 64.0, 0.6)]).double()
_WIDTHS = torch.logspace(-1, 1.5, 14, dtype=torch.float64)
_CENTERS = torch.cat([torch.linspace(-1.6, 1.6, 17), torch.tensor([-3.0, -2.2, 2.2, 3.0])]).double()
_RATES = torch.logspace(-1.7, 2.7, 34, dtype=torch.float64)
_GAPS = torch.cat([torch.zeros(1), torch.logspace(-9, 2, 36)]).double()
_HALF_ENDS = torch.tensor([0.2, 0.6, 1.2, 2.0, 3.0, 4.5, 7.0], dtype=torch.float64)
_ENDS = torch.sigmoid(torch.cat([-_HALF_ENDS.flip(0), _HALF_ENDS]))


@dataclass(frozen=True)
class Traits:
    """What a search has to know of a function: its parity (1, -1 or 0) and whether 0 is a singular point."""

    parity: int
    singular: bool


@cache
def traits(function: Function) -> Traits:
    """Find the parity and the singular point of a function by evaluating it; a domain of one side has no parity."""
    u = torch.tensor([0.11, 0.37, 0.52, 0.83], dtype=torch.float64)
    f, g = function.torch(u), function.torch(-u)
    parity = 1 if torch.allclose(f, g, 1e-12, 0) else -1 if torch.allclose(f, -g, 1e-12, 0) else 0
    parity *= function.domain[0] == -function.domain[1]
    at_zero = function.torch(torch.zeros(1, dtype=torch.float64))
    return Traits(parity, function.domain[0] == 0 or not bool(torch.isfinite(at_zero)))


def start_grid(function: Function, origin: float, landmarks: Tensor) -> Tensor:
    """Return the coarse grid of (a, b), shape (G, 2).

    ``origin`` is the t of z = 0, where singular points like to be; ``landmarks`` are t at which the data show
    something: the tops of peaks, the neighborhood of poles.
    """
    if function.gauge == "affine":
        return torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    if function.gauge == "shift":
        rates = torch.cat([_RATES, -_RATES])
        return torch.stack([rates, -rates.abs()], 1)
    if function.gauge == "scale":
        return _scale_starts(function, origin, landmarks)
    if function.name in ("sin", "cos"):
        phases = torch.arange(4, dtype=torch.float64) * (math.pi / 4)
        return torch.cartesian_prod(_FREQUENCIES, phases)
    low, high = function.domain
    if math.isfinite(low) and math.isfinite(high):
        return _bounded_starts(low, high, traits(function).parity)
    if math.isfinite(low) or math.isfinite(high):
        return _one_sided_starts(low, high)
    return _smooth_starts(function, landmarks)


def _scale_starts(function: Function, origin: float, landmarks: Tensor) -> Tensor:
    """Grids of ``sign (t - t0)``: t0 beyond the ends where it is singular, anywhere where it is not."""
    inside = torch.cat([torch.tensor([origin], dtype=torch.float64), landmarks])
    outside = 1 + _GAPS
    if function.domain[0] == 0:
        right = torch.stack([torch.ones_like(outside), outside], 1)
        left = torch.stack([-torch.ones_like(outside), outside], 1)
        return torch.cat([right, left, torch.tensor([[1.0, -origin], [-1.0, origin]], dtype=torch.float64)])
    if traits(function).singular:
        points = torch.cat([outside, -outside, inside])
    else:
        points = torch.cat([_CENTERS, outside[20:], -outside[20:], inside])
    rows = torch.stack([torch.ones_like(points), -points], 1)
    return rows if traits(function).parity else torch.cat([rows, -rows])


def _bounded_starts(low: float, high: float, parity: int) -> Tensor:
    """All pairs of end points of the argument inside a bounded domain."""
    ends = low + (high - low) * _ENDS
    first, last = torch.combinations(ends).unbind(1)
    rows = torch.stack([(last - first) / 2, (last + first) / 2], 1)
    return rows if parity else torch.cat([rows, rows * torch.tensor([-1.0, 1.0], dtype=torch.float64)])


def _one_sided_starts(low: float, high: float) -> Tensor:
    widths, gaps = torch.cartesian_prod(_WIDTHS, torch.logspace(-6, 2, 17, dtype=torch.float64)).unbind(1)
    b = low + gaps + widths if math.isfinite(low) else high - gaps - widths
    return torch.cat([torch.stack([widths, b], 1), torch.stack([-widths, b], 1)])


def _smooth_starts(function: Function, landmarks: Tensor) -> Tensor:
    rows = torch.cartesian_prod(_WIDTHS, _CENTERS)
    if len(landmarks):
        rows = torch.cat([rows, torch.cartesian_prod(torch.cat([_WIDTHS, 2 ** torch.arange(5, 9.0)]), landmarks)])
    a, center = rows.unbind(1)
    rows = torch.stack([a, -a * center], 1)
    return rows if traits(function).parity else torch.cat([rows, -rows])
