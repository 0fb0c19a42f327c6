"""What data of one variable are turned into before a function is fitted: ``T(y) z^p``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.discovery._law import Points
from edgewise.discovery._transforms import TRANSFORMS, Transform

_LOSS = 1e-8  # y that T and back change by more, over its deviation, is too small or too large for T
_MOST = 0.7  # of noisy points must be clear of the ends of a transform's domain
_CAP = 100.0  # largest weight over the median weight


@dataclass(frozen=True)
class Target:
    """One way to read the data: its form but for the function, T(y) z^p and weights on the points it has."""

    transform: Transform
    power: int
    odd: bool
    sign: int
    value: Tensor
    weight: Tensor


def targets(points: Points, noise: float) -> list[Target]:
    """Return T(y) z^p for all T that y allows, with weights that make residuals those of y."""
    z, y = points.z, points.y
    clear = y.abs() > 3 * noise * points.spread
    sign, odd = _one_sign(y[clear]), False
    if not sign:
        sign, odd = _one_sign((y / z)[clear & (z != 0)]), True
    out = []
    for transform in TRANSFORMS:
        if not transform.signed and not sign:
            continue
        turned = (1, False) if transform.signed else (sign, odd)
        base = turned[0] * (y / z if turned[1] else y)
        low, high = transform.domain
        inside = (base > low) & (base < high)
        if noise > 0 and transform.steep:
            inside = inside & clear
        if float(inside.double().mean()) < (_MOST if noise > 0 else 1 - 2 / len(z)):
            continue
        base = torch.where(inside, base, torch.nan)
        value, slope = transform.forward(base), transform.slope(base)
        if float((transform.back(value) - base)[inside].abs().max()) > _LOSS * float(base[inside].std()):
            continue
        for p in transform.powers:
            target = value * z**p
            weight = points.weight * (z.abs() if turned[1] else 1.0) / (slope * z**p).abs()
            good = torch.isfinite(target) & torch.isfinite(weight)
            target, weight = torch.where(good, target, 0.0), torch.where(good, weight, 0.0)
            if int(good.sum()) > 3:
                weight = weight.clamp_max(_CAP * float(weight[good].median()))
                out.append(Target(transform, p, turned[1], turned[0], target, weight))
    return out


def _one_sign(y: Tensor) -> int:
    """Return 1 or -1 if all y that are not 0 have that sign, 0 otherwise."""
    signs = set(y.sign().unique().tolist()) - {0.0}
    return int(signs.pop()) if len(signs) == 1 else 0


def standard(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets of weighted mean 0 and deviation 1, and weights that keep residuals in units of y."""
    w2 = (weights / weights.amax(1, keepdim=True).clamp_min(1e-300)).square()
    total = w2.sum(1, keepdim=True).clamp_min(1e-300)
    values = values - (w2 * values).sum(1, keepdim=True) / total
    deviation = ((w2 * values.square()).sum(1, keepdim=True) / total).sqrt().clamp_min(1e-300)
    return values / deviation, weights * deviation
