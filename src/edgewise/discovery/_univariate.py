"""Reading data of one variable as a law: ``T(y) z^p = c f(a u(z) + b) + d``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy
import torch
from torch import Tensor

from edgewise import functions as library
from edgewise._errors import InputError
from edgewise.discovery._law import Form, Points, cancels, economical, judged, tidied
from edgewise.discovery._law import UnivariateLaw as UnivariateLaw
from edgewise.discovery._transforms import TRANSFORMS, Transform
from edgewise.functions import Function
from edgewise.symbolic._curve import polish_curve, rank_curves
from edgewise.symbolic._samples import checked
from edgewise.symbolic._starts import starts
from edgewise.symbolic._varpro import Batch, refine, screen

_THIN = 120
_EXACT = 1e-12
_GOOD = 1e-9
_HOPELESS = 0.5  # coarse error above which a start is not refined
_MARGIN = 1.05
_MOST = 0.7  # of the points must be clear of the edge of a transform's domain
_CAP = 100.0  # largest weight over the median weight
_POLISHED = 12
_POLISHED_NOISY = 32  # noise hides the right form among flexible ones until it has shed its constants
_CONSTANTS = {"none": 4, "scale": 3, "shift": 3, "affine": 2}
_IDENTITY = TRANSFORMS[0]


@dataclass(frozen=True)
class _Target:
    """One way to read the data: its form but for the function, T(y) z^p and weights on the points it has."""

    transform: Transform
    power: int
    odd: bool
    sign: int
    value: Tensor
    weight: Tensor


@dataclass(frozen=True)
class _Search:
    """The thinned curve that all forms are screened on: t (n,), targets and weights (m, n), t of z = 0."""

    t: Tensor
    values: Tensor
    weights: Tensor
    origin: float


def snap_univariate(
    z: Tensor, y: Tensor, *, noise: float = 0.0, weight: Tensor | None = None, limit: int = 10
) -> list[UnivariateLaw]:
    """Find formulas ``y(z)``, the simplest adequate one first.

    ``T(y) z^p = c f(a u + b) + d``  over T in y, 1/y, y^2, 1/y^2, log, sqrt, exp, sin, cos; p in -3..3;
    u in z, 1/z, z^2; f in the function library; and powers ``c z^p`` with p a fraction.

    That covers composites such as z/(e^z - 1), 1/(e^z + e^-z), sqrt((1 + z)/(1 - z)) or sin(z)^2/z^2 without a
    larger library. A negative y is read as -y, an odd one as y/z where T needs a sign. The search ends as soon
    as a form is exact. All starts of all forms are screened on a thinned curve by matrix products, refined
    together by variable projection, and the best are fitted and judged on all points in units of y.

    Args:
        z: the variable (n,).
        y: the target (n,).
        noise: rms of the noise in y over the standard deviation of y; 0 for exact data. A law is adequate if
            its error is at most 1.05 noise (1e-9 for exact data); adequate laws come first, by n log(error^2) +
            log(n)/2 complexity. With noise, constants that the data do not tell from 0 or +-1 become that.
        weight: what residuals are multiplied by (n,).
        limit: the largest number of laws returned.

    Raises `InputError` for fewer than 3 points, values that are not finite, lengths that differ, a constant y
    or z, or a negative noise.

    >>> import sympy
    >>> z = torch.linspace(0.5, 4, 60, dtype=torch.float64)
    >>> snap_univariate(z, z / (torch.exp(z) - 1))[0].expression(sympy.Symbol("z"))
    z/(exp(z) - 1)
    """
    if not (math.isfinite(noise) and noise >= 0):
        raise InputError(f"The noise must be a finite number >= 0. Got {noise}.")
    samples = checked(z, y, weight)
    points = Points(samples.z, samples.y, samples.weight, samples.spread)
    found: list[UnivariateLaw] = []
    for stage in _stages(points, noise):
        stage = [law for law in stage if law.error <= _GOOD or not cancels(law, points.z)]
        found = _distinct(_sorted(found + stage, noise, len(points.z)))
        if found and found[0].error <= (_MARGIN * noise or _EXACT):
            break
    return found[:limit]


def _stages(points: Points, noise: float) -> Iterator[list[UnivariateLaw]]:
    """Yield the laws of each stage, cheap stages first; noisy data are never left to the first alone."""
    first = _powers(points, noise) + _direct(points, noise)
    if noise > 0:
        yield first + _composites(points, noise, 1)
    else:
        yield first
        yield _composites(points, noise, 1)
    yield _composites(points, noise, -1)
    yield _composites(points, noise, 2)


def _sorted(laws: list[UnivariateLaw], noise: float, n: int) -> list[UnivariateLaw]:
    """Sort: adequate laws first, then by complexity and error."""
    if noise > 0:
        return sorted(laws, key=lambda law: (law.error > _MARGIN * noise, _information(law.error, law.complexity, n)))
    return sorted(laws, key=lambda law: (law.error > _GOOD, _price(law.error, law.complexity, 1e-13), law.error))


def _information(error: float, complexity: int, n: int) -> float:
    return 2 * n * math.log(max(error, 1e-300)) + 0.5 * math.log(n) * complexity


def _price(error: float, complexity: int, floor: float) -> float:
    return complexity + 3 * max(0.0, math.log10(max(error, 1e-300) / (5 * floor)))


def _distinct(laws: list[UnivariateLaw]) -> list[UnivariateLaw]:
    """Return the laws without those that print the same to 8 digits."""
    z = sympy.Symbol("z")
    seen: dict[str, UnivariateLaw] = {}
    for law in laws:
        expression = law.expression(z)
        rounded = expression.xreplace({f: sympy.Float(f, 8) for f in expression.atoms(sympy.Float)})
        seen.setdefault(str(rounded), law)
    return list(seen.values())


def _finished(law: UnivariateLaw, points: Points, noise: float) -> UnivariateLaw:
    return economical(law, points) if noise > 0 else tidied(law, points)


def _direct(points: Points, noise: float) -> list[UnivariateLaw]:
    """Return the best laws of the library itself."""
    fits = rank_curves(points.z, points.y, points.weight, floor=noise)
    fits = sorted(fits, key=lambda fit: fit.error)[:6] if noise > 0 else fits[:6]
    laws = [UnivariateLaw(Form(f.function, _IDENTITY), f.a, f.b, f.c, f.d, f.error) for f in fits]
    return [economical(law, points) for law in laws] if noise > 0 else laws


def _powers(points: Points, noise: float) -> list[UnivariateLaw]:
    """Return laws c z^p, with p near the weighted slope of log |y| over log z, for z > 0 and y of one sign."""
    z, y = points.z, points.y
    used = y.abs() > 3 * noise * points.spread
    if not (bool((z > 0).all()) and int(used.sum()) > 2 and float(y[used].sign().mean().abs()) == 1):
        return []
    u, v, w2 = z[used].log(), y[used].abs().log(), (points.weight * y)[used].square()
    u = u - (w2 * u).sum() / w2.sum()
    slope = float((w2 * u * v).sum() / (w2 * u.square()).sum())
    exponents = {Fraction(slope).limit_denominator(k) for k in (1, 2, 3, 4)} - {Fraction(0)}
    laws = []
    for p in exponents:
        if abs(float(p) - slope) > 0.1 or abs(p) > 12:
            continue
        function = library.get(f"x^{p}")
        f = function.torch(z)
        w2 = points.weight.square()
        c = float((w2 * f * y).sum() / (w2 * f.square()).sum())
        laws.append(tidied(UnivariateLaw(Form(function, _IDENTITY), 1.0, 0.0, c, 0.0, math.inf), points))
    return [law for law in laws if law.error <= max(_MARGIN * noise, _GOOD)]


def _composites(points: Points, noise: float, argument: int) -> list[UnivariateLaw]:
    """Return the best laws with T, p and one argument: screened, refined together, then judged in y."""
    targets = _targets(points, noise)
    n = len(points.z)
    rows = torch.linspace(0, n - 1, min(n, _THIN), dtype=torch.float64).round().long()
    rows = rows[torch.isfinite(points.z[rows] ** argument)]
    u = points.z[rows] ** argument
    middle, half = float(u.max() + u.min()) / 2, float(u.max() - u.min()) / 2
    if not targets or not 0 < half < math.inf:
        return []
    values, weights = torch.stack([t.value[rows] for t in targets]), torch.stack([t.weight[rows] for t in targets])
    values, weights = _standard(values, weights)
    scale = float(points.weight[rows].norm()) * points.spread
    search = _Search((u - middle) / half, values, weights / scale, -middle / half)
    laws = []
    for function, index, theta in _best(search, targets, noise):
        law = _law(function, targets[index], points, argument, (theta, middle, half))
        if law is not None:
            laws.append(_finished(law, points, noise))
    return laws


def _targets(points: Points, noise: float) -> list[_Target]:
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
        if transform is not _IDENTITY:
            inside = inside & (clear if noise > 0 and transform.name not in ("sin", "cos", "exp") else base.isfinite())
        if float(inside.double().mean()) < (_MOST if noise > 0 else 1 - 2 / len(z)):
            continue
        base = torch.where(inside, base, torch.nan)
        value, slope = transform.forward(base), transform.slope(base)
        for p in transform.powers:
            target = value * z**p
            weight = points.weight * (z.abs() if turned[1] else 1.0) / (slope * z**p).abs()
            good = torch.isfinite(target) & torch.isfinite(weight)
            target, weight = torch.where(good, target, 0.0), torch.where(good, weight, 0.0)
            if int(good.sum()) > 3:
                weight = weight.clamp_max(_CAP * float(weight[good].median()))
                out.append(_Target(transform, p, turned[1], turned[0], target, weight))
    return out


def _one_sign(y: Tensor) -> int:
    """Return 1 or -1 if all y that are not 0 have that sign, 0 otherwise."""
    signs = set(y.sign().unique().tolist()) - {0.0}
    return int(signs.pop()) if len(signs) == 1 else 0


def _standard(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets of weighted mean 0 and deviation 1, and weights that keep the residuals in units of y."""
    w2 = (weights / weights.amax(1, keepdim=True).clamp_min(1e-300)).square()
    total = w2.sum(1, keepdim=True).clamp_min(1e-300)
    values = values - (w2 * values).sum(1, keepdim=True) / total
    deviation = ((w2 * values.square()).sum(1, keepdim=True) / total).sqrt().clamp_min(1e-300)
    return values / deviation, weights * deviation


def _best(search: _Search, targets: list[_Target], noise: float) -> list[tuple[Function, int, Tensor]]:
    """Return the most promising (function, target, (a, b)) after refining one start of every pair."""
    functions = [library.get(name) for name in library.names()]
    owner, index, theta = [], [], []
    for i, function in enumerate(functions):
        grid = starts(function, search.origin, torch.empty(0, dtype=torch.float64))
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
        complexity += 2 * (targets[j].transform is not _IDENTITY) + 2 * (targets[j].power != 0)
        if noise > 0:
            prices.append(_information(error, complexity, len(search.t)))
        else:
            prices.append(_price(error, complexity, 1e-8))
    order = sorted(range(len(prices)), key=prices.__getitem__)[: _POLISHED_NOISY if noise > 0 else _POLISHED]
    return [(functions[int(owner[k])], int(index[k]), theta[k]) for k in order]


def _law(
    function: Function, target: _Target, points: Points, argument: int, start: tuple[Tensor, float, float]
) -> UnivariateLaw | None:
    """Fit one form on all points its target has; None if that fails."""
    form = Form(function, target.transform, target.power, argument, target.odd, target.sign)
    u = points.z**argument
    used = (target.weight > 0) & torch.isfinite(u)
    try:
        samples = checked(u[used], target.value[used], target.weight[used])
    except InputError:
        return None
    theta, middle, half = start
    a = float(theta[0]) * samples.half / half
    b = float(theta[1]) + float(theta[0]) * (samples.middle - middle) / half
    k = abs(a) if function.gauge == "scale" else 1.0
    fit = polish_curve(function, samples, torch.tensor([a / k, b / k], dtype=torch.float64))
    if not math.isfinite(fit.error):
        return None
    law = judged(UnivariateLaw(form, fit.a, fit.b, fit.c, fit.d, math.inf), points)
    return law if math.isfinite(law.error) else None
