"""Constants of a symbolic network made integers, small fractions and multiples of pi where the error allows."""

from __future__ import annotations

import math

import torch

from edgewise.expressions import SimpleConstant, simple_constants
from edgewise.nn import KAN, Layout, Pass, clone, layer_of
from edgewise.train import Table, error_of, refit

_EXACT = 1e-6  # relative error below which constants must agree to 1e-6 to be rounded
_SURE = 1e-3  # relative width from which noisy constants are only rounded to fractions, for pi would be chance
Place = tuple[int, int, int, int]  # layer, j, i, which of a b c d


def rounded(model: KAN, table: Table, spread: float) -> KAN:
    """Return the network with constants rounded one at a time, the surest first, the others refitted after each.

    On exact data a constant is rounded when it lies within 1e-6 of a simple one and the error does not rise above twice
    what it was (or rounding level); on noisy data within 2.5 standard errors, with a rise below 0.4 %, and to a
    multiple of pi or of a root only where that is closer than a thousandth.
    """
    error = error_of(model, table)
    while True:
        options = _options(model, table, error / spread)
        for place, simple in options:
            trial, trial_error = refit(_frozen(model, place, simple.value), table, 20, 1e-6)
            limit = max(2 * error, 1e-12 * spread) if error < _EXACT * spread else 1.004 * error
            if trial_error <= limit:
                model, error = trial, min(error, trial_error) if error < _EXACT * spread else trial_error
                break
        else:
            return model


def _frozen(model: KAN, place: Place, value: float) -> KAN:
    depth, j, i, which = place
    new = clone(model)
    layer = layer_of(new, depth)
    with torch.no_grad():
        layer.affine[j, i, which] = value
        layer.affine_free[j, i, which] = False
    return new


def _options(model: KAN, table: Table, error: float) -> list[tuple[Place, SimpleConstant]]:
    """The free constants near a simple constant: of exact data the nearest first, of noisy data the simplest."""
    found: list[tuple[float, Place, SimpleConstant]] = []
    deviations = _standard_errors(model, table, error) if error >= _EXACT else {}
    for depth in range(len(model.layers)):
        layer = layer_of(model, depth)
        for j, i, which in layer.free_constants().nonzero().tolist():
            place = (depth, j, i, which)
            found += _near(place, float(layer.affine[j, i, which].detach()), deviations.get(place), error)
    found.sort(key=lambda entry: (entry[2].complexity > 6, entry[0], entry[2].complexity))
    return [(place, simple) for _, place, simple in found]


def _near(
    place: Place, value: float, deviation: float | None, error: float
) -> list[tuple[float, Place, SimpleConstant]]:
    if deviation is None:
        width = 1e-6 * max(abs(value), 1e-3)
        if abs(value) < max(1e-7, 100 * error):
            return [(0.0, place, SimpleConstant(0, 0.0, 0))]  # type: ignore[arg-type]
    else:
        width = 2.5 * deviation
        if abs(value) < width and place[3] in (1, 3):
            return [(abs(value) / width, place, SimpleConstant(0, 0.0, 0))]  # type: ignore[arg-type]
    if value == 0 or not math.isfinite(width) or width > 0.5 * abs(value):
        return []
    if deviation is None:
        return [(abs(n.value - value) / width, place, n) for n in simple_constants(value, width / abs(value))[:2]]
    rtol = width / abs(value)
    simple = [n for n in simple_constants(value, rtol, 12) if n.expr.is_Rational or rtol < _SURE]
    return [(float(n.complexity), place, n) for n in simple[:2]]


def _standard_errors(model: KAN, table: Table, error: float) -> dict[Place, float]:
    """sqrt(diag of noise^2 (J'J)^-1) for the affine constants."""
    layout = Layout(model)
    with torch.no_grad():
        forward = Pass(model, table.x)
        jacobian = (forward.jacobian(layout) * table.weights.sqrt()[:, None, None]).flatten(0, 1)
        jacobian = jacobian[torch.isfinite(jacobian).all(1)]  # slopes are infinite where a domain ends
        residual = (forward.outputs - table.y).square().mean()
        scale = jacobian.norm(dim=0).clamp_min(1e-300)
        gram = (jacobian / scale).T @ (jacobian / scale)
        inverse = torch.linalg.pinv(gram, rtol=1e-13, hermitian=True)
        deviation = (inverse.diagonal().clamp_min(0) * residual).sqrt() / scale
    out: dict[Place, float] = {}
    for depth, block in enumerate(layout.blocks):
        for k, (j, i, which) in enumerate(block.affine.tolist()):
            out[depth, j, i, which] = float(deviation[block.middle + k])
    return out
