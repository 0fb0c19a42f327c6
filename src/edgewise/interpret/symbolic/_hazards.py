"""Poles and ends of domains beside the arguments that a function is given."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.formulas.functions import Function

_NEAR = 0.05  # of the data's range: closer singular points are mentioned
_GAP = 10.0  # mean distances between neighbors: a pole in a wider gap of the data is mentioned and not refused


class Hazard(NamedTuple):
    """What is said of the singular point nearest to the data, and whether it rules the function out."""

    text: str
    refused: bool


def hazard(function: Function, a: float, b: float, z: Tensor) -> Hazard:
    """Look for poles and ends of the domain of f(a z + b) among and beside the data z (n,).

    A pole between two neighbors is refused, unless they lie far apart for data as dense as these. Points of the data
    outside the domain are refused; ends of the domain are where the function stops, and are mentioned when near.

    >>> from edgewise import functions
    >>> z = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> hazard(functions.get("1/x"), 1.0, -0.21, z)
    Hazard(text='pole at 0.21, inside the data', refused=True)
    >>> hazard(functions.get("log"), 1.0, 1.02, z)
    Hazard(text='undefined below -1.02, 1.0% of the range from the data', refused=False)
    """
    if a == 0 or not (math.isfinite(a) and math.isfinite(b)):
        return Hazard("", not (math.isfinite(a) and math.isfinite(b)))
    z = torch.sort(z.double()).values
    low, high = float(z[0]), float(z[-1])
    found = [_pole((pole - b) / a, z, low, high) for pole in function.poles]
    ends = [(end, side) for end, side in zip(function.domain, ("below", "above"), strict=True) if math.isfinite(end)]
    turned = {"below": "above", "above": "below"}
    found += [_end((end - b) / a, side if a > 0 else turned[side], low, high) for end, side in ends]
    named = [h for h in found if h.text]
    return next((h for h in named if h.refused), named[0] if named else Hazard("", False))


def _pole(at: float, z: Tensor, low: float, high: float) -> Hazard:
    if not low < at < high:
        return _kept(f"pole at {at:.4g}", max(low - at, at - high), high - low)
    after = int(torch.searchsorted(z, torch.tensor(at, dtype=z.dtype), right=True))
    wide = float(z[after] - z[after - 1]) > _GAP * (high - low) / (len(z) - 1)
    return Hazard(f"pole at {at:.4g}, {'in a gap of' if wide else 'inside'} the data", not wide)


def _end(at: float, side: str, low: float, high: float) -> Hazard:
    distance = low - at if side == "below" else at - high
    if distance < -1e-12 * max(abs(low), abs(high), high - low):
        return Hazard(f"undefined {side} {at:.4g}, inside the data", True)
    return _kept(f"undefined {side} {at:.4g}", max(distance, 0.0), high - low)


def _kept(what: str, distance: float, reach: float) -> Hazard:
    """Return what is said of a singular point outside the data: nothing unless it is near."""
    return Hazard(
        f"{what}, {distance / reach:.1%} of the range from the data" if distance <= _NEAR * reach else "", False
    )
