"""The fit of the four constants of a law of one variable, in units of y."""

import math
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor

from edgewise._typing import Array
from edgewise.discovery.univariate._law import UnivariateLaw, judged, with_slope
from edgewise.formulas.functions import Function
from edgewise.interpret.symbolic import Batch, Samples

_TRIALS = (("b", (0.0, 1.0, -1.0)), ("d", (0.0, 1.0, -1.0)), ("a", (1.0, -1.0)), ("c", (1.0, -1.0)))
_CONSTANTS = ("a", "b", "c", "d")


def simplified(law: UnivariateLaw, points: Samples) -> UnivariateLaw:
    """Return the law with constants within 1e-9 of 0 or +-1 set to that, unless the error rises."""
    law = judged(law, points)
    size = {"b": abs(law.a) * float((points.z**law.form.argument).abs().max()), "d": abs(law.c)}
    for name, values in _TRIALS:
        for value in values:
            if 0 < abs(getattr(law, name) - value) <= 1e-9 * size.get(name, 1.0):
                trial = judged(replace(law, **{name: value}), points)
                law = trial if trial.error <= max(3 * law.error, 1e-13) else law
    return law


def _jacobian(law: UnivariateLaw, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the predictions (n,) and their derivatives by a, b, c, d (n, 4); zero where undefined."""
    form = law.form
    batch = Batch.of(form.function)
    u = z**form.argument
    inner = batch.arguments(torch.tensor([[law.a, law.b]], dtype=z.dtype), u)
    f, df = (part[0] for part in with_slope(batch.values, inner))
    scale = z**-form.power
    y, slope = with_slope(form.transform.back, (law.c * f + law.d) * scale)
    outer = form.sign * slope * scale
    if form.odd:
        y, outer = y * z, outer * z
    rows = outer[:, None] * torch.stack([law.c * df * u, law.c * df, f, torch.ones_like(f)], 1)
    return form.sign * y, torch.where(torch.isfinite(rows), rows, 0.0)


def movable(function: Function) -> list[str]:
    """Return the constants that no other one can replace."""
    fixed = {"none": "", "scale": "a", "shift": "b", "affine": "ab"}[function.gauge]
    return [name for name in _CONSTANTS if name not in fixed]


def fitted(law: UnivariateLaw, points: Samples, names: list[str], *, steps: int = 12) -> UnivariateLaw:
    """Return the law with the named constants fitted to y itself, by at most `steps` evaluations."""
    columns = [_CONSTANTS.index(name) for name in names]
    law = judged(law, points)
    if len(points.z) < len(names) or not math.isfinite(law.error):
        return law

    def at(values: Array) -> UnivariateLaw:
        return replace(law, **dict(zip(names, values.tolist(), strict=True)))

    def residual(values: Array) -> Array:
        return points.residual(at(values).predict(points.z)).numpy()

    def jacobian(values: Array) -> Array:
        rows = _jacobian(at(values), points.z)[1]
        return (-points.weight[:, None] * rows[:, columns]).numpy()

    start = np.array([getattr(law, name) for name in names])
    if not np.isfinite(start).all():
        return law
    found = least_squares(residual, start, jacobian, method="lm", x_scale="jac", max_nfev=steps)  # type: ignore[arg-type]
    return min(law, judged(at(found.x), points), key=lambda one: one.error)


def economical(law: UnivariateLaw, points: Samples) -> UnivariateLaw:
    """Fit the constants to y and make those 0 or +-1 that the data do not tell from it.

    A constant goes while n log(rss) is expected to rise by less than log n (the Bayesian information
    criterion): Wald's test, the other constants following linearly. Then the rest is fitted once more.
    """
    names = movable(law.form.function)
    law = fitted(law, points, names)
    _, rows = _jacobian(law, points.z)
    rows = points.weight[:, None] * rows[:, [_CONSTANTS.index(n) for n in names]]
    n = int((points.weight > 0).sum())
    variance = (law.error * points.spread * float(points.weight.norm())) ** 2 / max(1, n - len(names))
    values, kept = _reduced([getattr(law, m) for m in names], names, rows, variance * math.log(n))
    if len(kept) == len(names):
        return law
    if not np.isfinite(values).all():  # of a Jacobian that tells nothing of a constant
        return law
    trial = replace(law, **dict(zip(names, values, strict=True)))
    trial = fitted(trial, points, kept) if kept else judged(trial, points)
    allowed = math.exp(0.75 * (len(names) - len(kept)) * math.log(n) / n)
    return trial if trial.error <= allowed * law.error else law


def _reduced(values: list[float], names: list[str], rows: Tensor, allowed: float) -> tuple[list[float], list[str]]:
    """Return all constants after fixing what may be fixed, and the names of those still free.

    ``rows`` (n, k) is the weighted Jacobian; a constant may be fixed if the weighted sum of squares rises by
    at most ``allowed``.
    """
    scale = rows.norm(dim=0).clamp_min(1e-300)
    if not bool(torch.isfinite(scale).all()):
        return values, names
    _, singular, vh = torch.linalg.svd(rows / scale, full_matrices=False)
    half = (vh / singular.clamp_min(1e-12)[:, None]) / scale
    inverse = half.T @ half
    theta, free = torch.tensor(values, dtype=rows.dtype), list(range(len(names)))
    for name, targets in _TRIALS:
        if name not in names or not math.isfinite(float(inverse.abs().max())):
            continue
        k = names.index(name)
        here = float(theta[k])
        target = min(targets, key=lambda v: abs(here - v))
        if (here - target) ** 2 <= allowed * float(inverse[k, k]):
            column = inverse[:, k] / inverse[k, k]
            theta = theta + column * (target - here)
            theta[k] = target
            inverse = inverse - torch.outer(column, inverse[k])
            free.remove(k)
    return theta.tolist(), [names[k] for k in free]
