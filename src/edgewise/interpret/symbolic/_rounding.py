"""Constants of a symbolic network made integers, small fractions and multiples of pi where the error allows."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch

from edgewise.formulas.expressions import ZERO, Choice, SimpleConstant, round_greedily, simple_constants
from edgewise.nn import KAN, Layout, Pass, clone, layer_of
from edgewise.train import Table, error_of, refit

_EXACT = 1e-6  # relative error below which constants must agree to 1e-6 to be rounded
_SURE = 1e-3  # relative width from which noisy constants are only rounded to fractions, for pi would be chance
Place = tuple[int, int, int, int]  # layer, j, i, which of a b c d


class _Trial(NamedTuple):
    """A network on a table, and the lowest error on the way to it."""

    model: KAN
    least: float


def round_network(model: KAN, table: Table, spread: float) -> KAN:
    """Return the network with constants rounded one at a time, the surest first, the others refitted after each.

    On exact data a constant is rounded when it lies within 1e-6 of a simple one and the error does not rise above twice
    what it was (or rounding level); on noisy data within 2.5 standard errors, with a rise below 0.4 %, and to a
    multiple of pi or of a root only where that is closer than a thousandth.
    """

    def taken(now: _Trial, choice: Choice) -> _Trial | None:
        model, error = refit(_frozen(now.model, choice.place, choice.constant.value), table, 20, 1e-6)
        exact = now.least < _EXACT * spread
        limit = max(2 * now.least, 1e-12 * spread) if exact else 1.004 * now.least
        return _Trial(model, min(now.least, error) if exact else error) if error <= limit else None

    start = _Trial(model, error_of(model, table))
    return round_greedily(start, lambda t: _choices(t.model, table, t.least / spread), taken).model


def _frozen(model: KAN, place: Place, value: float) -> KAN:
    depth, j, i, which = place
    new = clone(model)
    layer = layer_of(new, depth)
    with torch.no_grad():
        layer.affine[j, i, which] = value
        layer.affine_free[j, i, which] = False
    return new


def _choices(model: KAN, table: Table, error: float) -> Iterator[Choice]:
    """Yield the free constants near a simple one: of exact data the nearest first, of noisy data the simplest."""
    deviations = _standard_errors(model, table) if error >= _EXACT else {}
    free = [layer_of(model, depth).free_constants() for depth in range(len(model.layers))]
    count = sum(int(mask.sum()) for mask in free)
    for depth, mask in enumerate(free):
        for j, i, which in mask.nonzero().tolist():
            place = (depth, j, i, which)
            value = float(layer_of(model, depth).affine[j, i, which].detach())
            for score, simple in _near(which, value, deviations.get(place), error):
                cost = (simple.complexity > 6, score, simple.complexity)
                yield Choice(cost, (count, place, simple.expr), place, simple)


def _near(which: int, value: float, deviation: float | None, error: float) -> list[tuple[float, SimpleConstant]]:
    if deviation is None:
        width = 1e-6 * max(abs(value), 1e-3)
        if abs(value) < max(1e-7, 100 * error):
            return [(0.0, ZERO)]
    else:
        width = 2.5 * deviation
        if abs(value) < width and which in (1, 3):
            return [(abs(value) / width, ZERO)]
    if value == 0 or not math.isfinite(width) or width > 0.5 * abs(value):
        return []
    rtol = width / abs(value)
    if deviation is None:
        return [(abs(n.value - value) / width, n) for n in simple_constants(value, rtol)[:2]]
    simple = [n for n in simple_constants(value, rtol, 12) if n.expr.is_Rational or rtol < _SURE]
    return [(float(n.complexity), n) for n in simple[:2]]


def _standard_errors(model: KAN, table: Table) -> dict[Place, float]:
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
