"""Reading data of one variable as a law: ``T(y) z^p = c f(a u(z) + b) + d``, also of composites."""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import sympy
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.discovery.univariate._law import (
    TRANSFORMS,
    Form,
    UnivariateLaw,
    criterion,
    economical,
    judged,
    margin,
    movable,
    senseless,
    simplified,
)
from edgewise.formulas import functions as library
from edgewise.formulas.functions import Function
from edgewise.interpret.symbolic import (
    Batch,
    Samples,
    curve_samples,
    polish_curve,
    rank_curves,
    refine,
    screen,
    start_grid,
)

_EXACT = 1e-12


class _Target(NamedTuple):
    """One way to read the data: its form but for the function, T(y) z^p and weights on the points it has."""

    form: Form
    value: Tensor
    weight: Tensor


def _targets(points: Samples, noise: float, argument: int) -> list[_Target]:
    """Return T(y) z^p for all T that y allows, with weights that make residuals those of y."""
    loss = 1e-8  # y that T and back change by more, over its deviation, is too small or too large for T
    most = 0.7  # of noisy points must be clear of the ends of a transform's domain
    cap = 100.0  # largest weight over the median weight
    z, y, any_function = points.z, points.y, library.get("x")
    clear = y.abs() > 3 * noise * points.spread
    one_sign, as_odd = _one_sign(y[clear]), False
    if not one_sign:
        one_sign, as_odd = _one_sign((y / z)[clear & (z != 0)]), True
    out = []
    for transform in TRANSFORMS:
        sign, odd = (1, False) if transform.signed else (one_sign, as_odd)
        if not sign:
            continue
        base = sign * (y / z if odd else y)
        low, high = transform.domain
        inside = (base > low) & (base < high)
        if noise > 0 and transform.steep:
            inside = inside & clear
        if float(inside.double().mean()) < (most if noise > 0 else 1 - 2 / len(z)):
            continue
        base = torch.where(inside, base, torch.nan)
        value, slope = transform.forward(base), transform.slope(base)
        if float((transform.back(value) - base)[inside].abs().max()) > loss * float(base[inside].std()):
            continue
        for p in transform.powers:
            target = value * z**p
            weight = points.weight * (z.abs() if odd else 1.0) / (slope * z**p).abs()
            good = torch.isfinite(target) & torch.isfinite(weight)
            target, weight = torch.where(good, target, 0.0), torch.where(good, weight, 0.0)
            if int(good.sum()) > 3:
                weight = weight.clamp_max(cap * float(weight[good].median()))
                out.append(_Target(Form(any_function, transform, p, argument, odd, sign), target, weight))
    return out


def _one_sign(y: Tensor) -> int:
    """Return 1 or -1 if all y that are not 0 have that sign, 0 otherwise."""
    signs = set(y.sign().unique().tolist()) - {0.0}
    return int(signs.pop()) if len(signs) == 1 else 0


def _standard(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets of weighted mean 0 and deviation 1, and weights that keep residuals in units of y."""
    w2 = (weights / weights.amax(1, keepdim=True).clamp_min(1e-300)).square()
    total = w2.sum(1, keepdim=True).clamp_min(1e-300)
    values = values - (w2 * values).sum(1, keepdim=True) / total
    deviation = ((w2 * values.square()).sum(1, keepdim=True) / total).sqrt().clamp_min(1e-300)
    return values / deviation, weights * deviation


def composites(points: Samples, noise: float, argument: int) -> list[UnivariateLaw]:
    """Return the best laws with T, p and one argument: screened, refined together, then judged in y."""
    n_thin = 120
    enough = 4  # exact laws
    polished = 12
    polished_noisy = 32  # noise hides the right form among flexible ones until it has shed its constants
    polished_later = 16  # the same for arguments other than z
    readings = _targets(points, noise, argument)
    n = len(points.z)
    rows = torch.linspace(0, n - 1, min(n, n_thin), dtype=torch.float64).round().long()
    rows = rows[torch.isfinite(points.z[rows] ** argument)]
    u = points.z[rows] ** argument
    middle, half = float(u.max() + u.min()) / 2, float(u.max() - u.min()) / 2
    if not readings or not 0 < half < math.inf:
        return []
    values, weights = torch.stack([r.value[rows] for r in readings]), torch.stack([r.weight[rows] for r in readings])
    values, weights = _standard(values, weights)
    scale = float(points.weight[rows].norm()) * points.spread
    starts = _starts((u - middle) / half, values, weights / scale, -middle / half)
    if starts is None:
        return []
    functions, index, theta, errors = starts
    criteria = []
    for function, j, error in zip(functions, index, errors, strict=True):
        form = readings[j].form
        size = function.complexity + len(movable(function)) + 2 * (form.transform.name != "identity")
        criteria.append(criterion(error, size + 2 * (form.power != 0), noise, len(rows), 1e-8))
    laws: list[UnivariateLaw] = []
    count = polished if noise == 0 else polished_noisy if argument == 1 else polished_later
    for k in sorted(range(len(criteria)), key=criteria.__getitem__)[:count]:
        law = _law(functions[k], readings[index[k]], points, (theta[k], middle, half))
        if law is not None:
            laws.append(economical(law, points) if noise > 0 else simplified(law, points))
        if noise == 0 and sum(found.error <= _EXACT for found in laws) == enough:
            break
    return laws


def _starts(
    t: Tensor, values: Tensor, weights: Tensor, origin: float
) -> tuple[list[Function], list[int], Tensor, list[float]] | None:
    """Refine one start of every function and target: functions, numbers of the targets, (a, b) and errors."""
    hopeless = 0.5  # coarse error above which a start is not refined
    functions = [library.get(name) for name in library.names(core=True)]
    owner, index, theta = [], [], []
    for i, function in enumerate(functions):
        grid = start_grid(function, origin, torch.empty(0, dtype=torch.float64))
        rss, best = screen(function, t, grid, values, weights).min(1)
        chosen = (rss < hopeless**2).nonzero()[:, 0]
        owner.append(torch.full_like(chosen, i))
        index.append(chosen)
        theta.append(grid[best[chosen]])
    owner, index, theta = torch.cat(owner), torch.cat(index), torch.cat(theta)
    if not len(owner):
        return None
    theta, rss = refine(Batch(functions, owner), t, values[index], weights[index], theta, steps=25, tolerance=1e-3)
    return [functions[i] for i in owner.tolist()], index.tolist(), theta, rss.sqrt().tolist()


def _law(
    function: Function, target: _Target, points: Samples, start: tuple[Tensor, float, float]
) -> UnivariateLaw | None:
    """Fit one form on all points its target has; None if that fails."""
    form = replace(target.form, function=function)
    u = points.z**form.argument
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


_IDENTITY = TRANSFORMS[0]


def snap_univariate(
    z: Tensor, y: Tensor, *, noise: float = 0.0, weight: Tensor | None = None, limit: int = 10
) -> list[UnivariateLaw]:
    """Find formulas ``y(z)``, the simplest adequate one first, `limit` at most.

    ``T(y) z^p = c f(a u + b) + d``  over T in y, 1/y, y^2, 1/y^2, log, sqrt, exp, sin, cos; p in -3..3;
    u in z, 1/z, z^2; f in the function library; and powers ``c z^p`` with p a fraction.

    That covers composites such as z/(e^z - 1), 1/(e^z + e^-z), sqrt((1 + z)/(1 - z)) or sin(z)^2/z^2 without
    a larger library. A negative y is read as -y, an odd one as y/z where T needs a sign. The search ends as
    soon as a form is exact or, with noise, adequate and simple. All starts of all forms are screened on a
    thinned curve by matrix products, refined together by variable projection, and the best are fitted and
    judged on all points in units of y.

    z and y (n,); `weight` (n,) multiplies residuals; `noise` is its rms over the standard deviation of y, 0 for exact
    data. Adequate laws, whose error `margin` allows, come first: of exact data by complexity, of noisy data by
    n log(error^2) + log(n)/2 complexity, and constants that noise does not tell from 0 or +-1 become that.

    Raises `InputError` for fewer than 3 points, values that are not finite, lengths that differ, a constant y
    or z, or a negative noise.

    >>> import sympy, torch
    >>> z = torch.linspace(0.5, 4, 60, dtype=torch.float64)
    >>> snap_univariate(z, z / (torch.exp(z) - 1))[0].expression(sympy.Symbol("z"))
    z/(exp(z) - 1)
    """
    shortest = 5  # complexity up to which an adequate law of noisy data ends the search
    if not (math.isfinite(noise) and noise >= 0):
        raise InputError(f"The noise must be a finite number >= 0. Got {noise}.")
    points = curve_samples(z, y, weight)
    found: list[UnivariateLaw] = []
    for stage in _stages(points, noise):
        stage = [law for law in stage if not senseless(law, points)]
        found = _distinct(_sorted(found + stage, noise, len(points.z)))
        exact, simple = noise == 0, bool(found) and found[0].complexity <= shortest
        if found and found[0].error <= (_EXACT if exact else margin(noise, len(points.z))) and (exact or simple):
            break
    return found[:limit]


def _stages(points: Samples, noise: float) -> Iterator[list[UnivariateLaw]]:
    """Yield the laws of each stage, cheap stages first; noisy data are never left to the first alone."""
    first = _powers(points, noise) + _direct(points, noise)
    if noise > 0:
        yield first + composites(points, noise, 1)
    else:
        yield first
        yield composites(points, noise, 1)
    yield composites(points, noise, -1)
    yield composites(points, noise, 2)


def _sorted(laws: list[UnivariateLaw], noise: float, n: int) -> list[UnivariateLaw]:
    """Sort: adequate laws first, then by complexity and error."""

    def key(law: UnivariateLaw) -> tuple[bool, float, float]:
        # z^c written as exp(c log z): a real exponent says more than a fraction.
        free = noise > 0 and law.form.function.name == law.form.transform.name == "log"
        return law.error > margin(noise, n), criterion(law.error, law.complexity + free, noise, n, 1e-13), law.error

    return sorted(laws, key=key)


def _distinct(laws: list[UnivariateLaw]) -> list[UnivariateLaw]:
    """Return the laws without those that print the same to 8 digits."""
    z = sympy.Symbol("z")
    seen: dict[str, UnivariateLaw] = {}
    for law in laws:
        expression = law.expression(z)
        rounded = expression.xreplace({f: sympy.Float(f, 8) for f in expression.atoms(sympy.Float)})
        seen.setdefault(str(rounded), law)
    return list(seen.values())


def _direct(points: Samples, noise: float) -> list[UnivariateLaw]:
    """Return the best laws of the library itself."""
    fits = rank_curves(points.z, points.y, points.weight, floor=noise, functions=library.names(core=True))
    fits = sorted(fits, key=lambda fit: fit.error)[:6] if noise > 0 else fits[:6]
    laws = [UnivariateLaw(Form(f.function, _IDENTITY), f.a, f.b, f.c, f.d, f.error) for f in fits]
    return [economical(law, points) for law in laws] if noise > 0 else [simplified(law, points) for law in laws]


def _powers(points: Samples, noise: float) -> list[UnivariateLaw]:
    """Return laws c z^p, p near the weighted slope of log |y| over log z, for z > 0 and y of one sign."""
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
        laws.append(simplified(UnivariateLaw(Form(function, _IDENTITY), 1.0, 0.0, c, 0.0, math.inf), points))
    return [law for law in laws if law.error <= margin(noise, len(z))]
