"""Reading data of one variable as a law: ``T(y) z^p = c f(a u(z) + b) + d``."""

import math
from collections.abc import Iterator
from fractions import Fraction

import sympy
from torch import Tensor

from edgewise._errors import InputError
from edgewise.discovery.univariate._composites import composites
from edgewise.discovery.univariate._law import TRANSFORMS, Form, UnivariateLaw, criterion, margin, senseless
from edgewise.discovery.univariate._law_fit import economical, simplified
from edgewise.formulas import functions as library
from edgewise.interpret.symbolic import Samples, curve_samples, rank_curves

_EXACT = 1e-12
_SIMPLE = 5  # complexity up to which an adequate law of noisy data ends the search
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
    if not (math.isfinite(noise) and noise >= 0):
        raise InputError(f"The noise must be a finite number >= 0. Got {noise}.")
    points = curve_samples(z, y, weight)
    found: list[UnivariateLaw] = []
    for stage in _stages(points, noise):
        stage = [law for law in stage if not senseless(law, points)]
        found = _distinct(_sorted(found + stage, noise, len(points.z)))
        exact, simple = noise == 0, bool(found) and found[0].complexity <= _SIMPLE
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
