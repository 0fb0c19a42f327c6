"""How many bits a formula saves, by the Bayesian criterion, and whether another model knows what a law leaves."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import sympy
from scipy.special import betainc, betaln

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import fitted_constants, loosened


def criterion(error: float, size: int, rows: int, noise: float) -> float:
    """Return n log(error^2) + log(n) / 2 size, for n rows.

    `error` is the root mean square residual over the target's standard deviation; one below the floor (rounding level
    for exact data, 0.97 of the noise for noisy data) counts as the floor. `size` is the complexity plus the number of
    fitted constants.

    >>> round(criterion(0.1, 4, 100, 0.0) - criterion(0.1, 6, 100, 0.0), 2)
    -4.61
    """
    floor = max(EXACT / 10, 0.97 * noise)
    return rows * math.log(max(error, floor) ** 2) + 0.5 * math.log(rows) * size


def as_given(residual: Array, constants: int) -> bool:
    """Return whether residuals (n,) over the standard errors that were given are as large as these say: chi-squared.

    >>> noise = np.random.default_rng(0).normal(size=100)
    >>> as_given(noise, 2), as_given(2 * noise, 2)
    (True, False)
    """
    unlikely = 5e-4  # chance of residuals that are smaller, or larger, if standard errors are as given
    from scipy.special import chdtr

    freedom = max(len(residual) - constants, 1)
    return unlikely < float(chdtr(freedom, float(residual @ residual))) < 1 - unlikely


def encompassing(residual: Array, difference: Array) -> float:
    """Return the chance that residuals of a law agree as much with what another model says: a one-sided t test.

        t = sum(r d) / sqrt(sum(r^2 d^2))

    residual r (n,): rows less the law. difference d (n,): the other model, fitted without the row, less the law. If the
    law is right, d is the error of the other model alone, and independent of r. The denominator allows for noise that
    differs from row to row.

    >>> rng = np.random.default_rng(1)
    >>> noise, error, missed = rng.normal(size=(3, 400)) * [[1], [0.3], [0.3]]
    >>> encompassing(noise, error) > 0.05, encompassing(missed + noise, missed + error) < 1e-4
    (True, True)

    Source: Davidson and MacKinnon, Several tests for model specification in the presence of alternative hypotheses,
    Econometrica 49 (1981).
    """
    from scipy.special import stdtr  # the import of scipy.stats takes a third of a second

    product = residual * difference
    size = float(np.sqrt(np.sum(product**2)))
    if not np.isfinite(size) or size <= 0:
        return 1.0
    return float(stdtr(len(product) - 1, -product.sum() / size))


#: bits that a formula must save to be claimed: by chance it does so on one table in a thousand
ENOUGH = 10.0

# Bits of each symbol of a formula: minus the logarithm of its share. All shares add up to 1, as in a prefix code.
_VARIABLE, _NUMBER, _SUM, _POWER, _PI, _FUNCTION = 2.0, 3.0, 3.0, 4.0, 5.0, 7.0
_FIRST, _OTHER = 3.0, 1.0  # half of the shares is for lines, planes and power laws, which are tried first


def saved(formula: Part, values: Array, y: Array, weight: Array, n_inputs: int) -> float:
    """Return the bits that a formula saves on the target, against a constant; 0 for a constant.

    bits = -log2 P(r, n, k) - length,  r = rms weight (f - y) over the weighted standard deviation of y

    P is the chance that k fitted constants leave as little of n independent normal values (`chance`), `length` what the
    formula takes in a prefix code. Numbers are read as exact, which takes bits, or as fitted, which takes rows,
    whichever is cheaper. Errors below the last decimal place of y, or below rounding, say no more than these.

    values, y, weight: (n,).
    """
    gaussian = 1 / math.sqrt(2 * math.pi * math.e)  # standard deviation, in last places, at which a value takes no bit
    if not formula.free_symbols:
        return 0.0
    exact = fitted_constants(formula), length(formula, n_inputs) + _OTHER
    template, numbers = loosened(formula)
    fitted = len(numbers), length(placed(template, numbers), n_inputs) + _OTHER
    used = len(formula.free_symbols)
    first = used + 1, _FIRST + (math.log2(n_inputs) if used == 1 else n_inputs)
    readings = [exact, fitted, first] if _plain(sympy.powdenest(template, force=True), numbers) else [exact, fitted]
    order = np.argsort(np.abs(_deviations(y, weight, y, weight)), kind="stable")
    floor = gaussian * last_place(y) * float(np.median(weight))
    rows = values[order], y[order], weight[order]
    return max(_worth(k, *rows, floor) - bits for k, bits in readings)


def telling(n: int, n_inputs: int) -> bool:
    """Return whether n rows are enough to see a line that leaves half of the standard deviation, if there is one."""
    plain = 0.5  # of the standard deviation: a line that leaves that much must be seen before a constant is claimed
    return chance(plain, n, 2) - _FIRST - math.log2(n_inputs) >= ENOUGH


def _worth(k: int, values: Array, y: Array, weight: Array, floor: float) -> float:
    """Return -log2 of the chance that k constants fit as well, of rows of which the furthest from the mean come last.

    The least of two: all rows together; and the furthest ones apart, each worth its own digits only. An outlier
    makes the standard deviation large, and anything that meets it seem good. `floor` is the least error.
    """

    rounding = 1e-10  # of the target's standard deviation: smaller errors count as this one
    furthest = 20  # one row in this number (at least one row) may be an outlier

    def first(n: int) -> tuple[float, float]:
        """Return the error on the first n rows, and -log2 of its chance."""
        deviation = spread(y[:n], weight[:n])
        error = max(_rms((weight * (values - y))[:n]), floor, rounding * deviation, 1e-300)
        return error, chance(error / deviation, n, k) if deviation > 0 else 0.0

    near = len(y) - max(1, len(y) // furthest)
    error, apart = first(near)
    far = _deviations(y[near:], weight[near:], y[:near], weight[:near])
    left = np.maximum(np.abs(weight * (values - y))[near:], error)
    apart += float(np.log2(np.clip(np.abs(far) / left, 1e-3, 1e9)).sum())
    return min(apart, first(len(y))[1])


def _deviations(y: Array, weight: Array, of: Array, weights: Array) -> Array:
    """Return weighted deviations from a weighted mean."""
    return weight * (y - np.average(of, weights=weights**2))


def spread(y: Array, weight: Array) -> float:
    """Return the weighted standard deviation, 0 where the weights are too small to be squared."""
    largest = 1e100  # of weights as they are
    most = float(np.max(weight, initial=0.0))
    if most > largest:  # so that squares stay finite
        return most * spread(y, weight / most)
    return _rms(_deviations(y, weight, y, weight)) if np.square(weight).sum() > 0 else 0.0


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def chance(ratio: float, n: int, k: int) -> float:
    """Return -log2 of the chance that k constants leave that ratio of the standard deviation of n normal values.

    P = I_{r^2}((n - k) / 2, max(k - 1, 1) / 2),  the regularised incomplete beta function

    0 without spare rows.

    >>> round(chance(0.1, 12, 2)), chance(1e-9, 5, 5)
    (35, 0.0)
    """
    if n <= k or not ratio < 1:
        return 0.0
    a, b, x = (n - k) / 2, max(k - 1, 1) / 2, ratio**2
    tail = float(betainc(a, b, x))
    if tail > 1e-290:
        return -math.log2(tail)
    return -(a * math.log(x) - math.log(a) - float(betaln(a, b))) / math.log(2)


def placed(template: Part, numbers: Iterable[sympy.Symbol]) -> Part:
    """Return a form with a number in each place: all different, so that none cancels another."""
    return template.xreplace({symbol: sympy.Float(0.5 + k / 1024) for k, symbol in enumerate(numbers)})


def length(formula: Part, n_inputs: int) -> float:
    """Return the bits that a formula takes: its operations, variables and numbers, in a prefix code.

    The value of a fitted constant takes none: it is counted as a row that the constant takes away.

    >>> x, y = sympy.symbols("x y")
    >>> length(x * y, 2), length(2 * x * y + 1, 2)
    (9.0, 25.0)
    """
    nodes: Iterator[Part] = iter(sympy.preorder_traversal(formula))
    return sum(_bits(part, n_inputs) for part in nodes)


def _bits(part: Part, n_inputs: int) -> float:
    if part.is_Symbol:
        return _VARIABLE + math.log2(n_inputs)
    if part.is_Rational:
        return _NUMBER + _whole(abs(int(part.p))) + _whole(int(part.q)) - 1
    if part.is_Atom:
        return _NUMBER if part.is_Float else _PI
    if part.is_Add or part.is_Mul:
        return _SUM * (len(part.args) - 1)
    return _POWER if part.is_Pow else _FUNCTION


def _whole(number: int) -> int:
    """Return the bits of a whole number: 1 for 0 and 1, 3 for 2 and 3, 5 for 4 to 7."""
    return 2 * max(number.bit_length(), 1) - 1


def _plain(template: Part, numbers: dict[sympy.Symbol, float]) -> bool:
    """Return whether a formula is a line or plane, or a power law."""
    inputs = template.free_symbols - set(numbers)

    def constant(part: Formula) -> bool:
        return not part.free_symbols & inputs

    def monomial(part: Formula, linear: bool) -> bool:
        factors = [f for f in sympy.Mul.make_args(part) if not constant(f)]
        if linear:
            return len(factors) <= 1 and all(f in inputs for f in factors)
        return all(f in inputs or (isinstance(f, sympy.Pow) and f.base in inputs and constant(f.exp)) for f in factors)

    return monomial(template, False) or all(monomial(term, True) for term in sympy.Add.make_args(template))


def last_place(y: Array) -> float:
    """Return the unit in the last decimal place that the values are given to, the median one.

    >>> last_place(np.array([87.97, 224.7, 365.26])), last_place(np.array([1.0, 20.0, 7.0]))
    (0.01, 1.0)
    """
    return 10.0 ** -float(np.median([_places(repr(float(value))) for value in y]))


def _places(text: str) -> int:
    """Return the decimals that a number is written with."""
    mantissa, _, exponent = text.partition("e")
    return len(mantissa.partition(".")[2].rstrip("0")) - int(exponent or 0)
