"""The search for composite laws of one variable: screened together, refined together, judged one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise import functions as library
from edgewise._errors import InputError
from edgewise.discovery._law import Form, Points, UnivariateLaw, information, judged, price
from edgewise.discovery._law_fit import economical, tidied
from edgewise.discovery._targets import Target, standard, targets
from edgewise.functions import Function
from edgewise.symbolic import Batch, curve_samples, polish_curve, refine, screen, start_grid

_THIN = 120
_EXACT = 1e-12
_ENOUGH = 4  # exact laws
_HOPELESS = 0.5  # coarse error above which a start is not refined
_POLISHED = 12
_POLISHED_NOISY = 32  # noise hides the right form among flexible ones until it has shed its constants
_POLISHED_LATER = 16  # the same for arguments other than z
_CONSTANTS = {"none": 4, "scale": 3, "shift": 3, "affine": 2}


@dataclass(frozen=True)
class _Search:
    """The thinned curve that all forms are screened on: t (n,), targets and weights (m, n), t of z = 0."""

    t: Tensor
    values: Tensor
    weights: Tensor
    origin: float


def composites(points: Points, noise: float, argument: int) -> list[UnivariateLaw]:
    """Return the best laws with T, p and one argument: screened, refined together, then judged in y."""
    rows_of = targets(points, noise)
    n = len(points.z)
    rows = torch.linspace(0, n - 1, min(n, _THIN), dtype=torch.float64).round().long()
    rows = rows[torch.isfinite(points.z[rows] ** argument)]
    u = points.z[rows] ** argument
    middle, half = float(u.max() + u.min()) / 2, float(u.max() - u.min()) / 2
    if not rows_of or not 0 < half < math.inf:
        return []
    values, weights = (
        torch.stack([t.value[rows] for t in rows_of]),
        torch.stack([t.weight[rows] for t in rows_of]),
    )
    values, weights = standard(values, weights)
    scale = float(points.weight[rows].norm()) * points.spread
    search = _Search((u - middle) / half, values, weights / scale, -middle / half)
    laws: list[UnivariateLaw] = []
    count = _POLISHED if noise == 0 else _POLISHED_NOISY if argument == 1 else _POLISHED_LATER
    for function, index, theta in _best(search, rows_of, noise)[:count]:
        law = _law(function, rows_of[index], points, argument, (theta, middle, half))
        if law is not None:
            laws.append(economical(law, points) if noise > 0 else tidied(law, points))
        if noise == 0 and sum(found.error <= _EXACT for found in laws) == _ENOUGH:
            break
    return laws


def _best(search: _Search, rows_of: list[Target], noise: float) -> list[tuple[Function, int, Tensor]]:
    """Return the most promising (function, target, (a, b)) after refining one start of every pair."""
    functions = [library.get(name) for name in library.names(core=True)]
    owner, index, theta = [], [], []
    for i, function in enumerate(functions):
        grid = start_grid(function, search.origin, torch.empty(0, dtype=torch.float64))
        rss, best = screen(function, search.t, grid, search.values, search.weights).min(1)
        chosen = (rss < _HOPELESS**2).nonzero()[:, 0]
        owner.append(torch.full_like(chosen, i))
        index.append(chosen)
        theta.append(grid[best[chosen]])
    owner, index, theta = torch.cat(owner), torch.cat(index), torch.cat(theta)
    if not len(owner):
        return []
    batch = Batch(functions, owner)
    theta, rss = refine(batch, search.t, search.values[index], search.weights[index], theta, steps=25, tolerance=1e-3)
    prices = []
    for i, j, error in zip(owner.tolist(), index.tolist(), rss.sqrt().tolist(), strict=True):
        complexity = functions[i].complexity + _CONSTANTS[functions[i].gauge]
        complexity += 2 * (rows_of[j].transform.name != "identity") + 2 * (rows_of[j].power != 0)
        if noise > 0:
            prices.append(information(error, complexity, len(search.t)))
        else:
            prices.append(price(error, complexity, 1e-8))
    order = sorted(range(len(prices)), key=prices.__getitem__)[:_POLISHED_NOISY]
    return [(functions[int(owner[k])], int(index[k]), theta[k]) for k in order]


def _law(
    function: Function, target: Target, points: Points, argument: int, start: tuple[Tensor, float, float]
) -> UnivariateLaw | None:
    """Fit one form on all points its target has; None if that fails."""
    form = Form(function, target.transform, target.power, argument, target.odd, target.sign)
    u = points.z**argument
    used = (target.weight > 0) & torch.isfinite(u)
    try:
        samples = curve_samples(u[used], target.value[used], target.weight[used])
    except InputError:
        return None
    theta, middle, half = start
    a = float(theta[0]) * samples.half_width / half
    b = float(theta[1]) + float(theta[0]) * (samples.center - middle) / half
    k = abs(a) if function.gauge == "scale" else 1.0
    fit = polish_curve(function, samples, torch.tensor([a / k, b / k], dtype=torch.float64))
    if not math.isfinite(fit.error):
        return None
    law = judged(UnivariateLaw(form, fit.a, fit.b, fit.c, fit.d, math.inf), points)
    return law if math.isfinite(law.error) else None
