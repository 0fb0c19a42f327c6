"""Fitted constants made exact: redundant ones removed, simple ones put in where the data allow."""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import sympy
import torch

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions._constants import ZERO, SimpleConstant, simple_constants
from edgewise.formulas.expressions._fit_constants import FitData, FittedFormula, FreeFormula
from edgewise.formulas.expressions._products import common_factor


def loosened(formula: Part) -> tuple[Part, dict[sympy.Symbol, float]]:
    """Return a formula with a symbol for each number but signs and exact exponents, and the numbers' values.

    Parameters
    ----------
    formula
        The formula.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import loosened
    >>> x = sympy.Symbol("x")
    >>> sorted(loosened(sympy.pi * x**2 / 4 - 3)[1].values())
    [-3.0, 0.7853981633974483]
    """
    numbers: dict[sympy.Symbol, float] = {}

    def freed(number: Part) -> Part:
        if number in (0, -1) or not number.is_real:
            return number
        symbol = sympy.Dummy(f"n{len(numbers)}")
        numbers[symbol] = float(number)
        return symbol

    def walk(part: Part) -> Part:
        if part.is_number:
            return freed(part)
        if part.is_Pow:
            exact = part.exp.is_number and not part.exp.has(sympy.Float)
            return walk(part.base) ** (part.exp if exact else walk(part.exp))
        common = common_factor(part)
        if common is not None:
            return freed(common[0]) * walk(common[1])
        if part.is_Add or part.is_Mul:
            number, rest = part.as_independent(*part.free_symbols, as_Add=part.is_Add)
            first = [] if number == part.identity else [freed(number)]
            return part.func(*first, *map(walk, type(part).make_args(rest)))
        return part.func(*map(walk, part.args)) if part.args else part

    return walk(formula), numbers


@lru_cache(maxsize=20_000)
def free_numbers(expression: Formula) -> int:
    """Return how many numbers of a formula could be others: all but 1, signs and exact exponents.

    Parameters
    ----------
    expression
        The formula.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> free_numbers(2.5 - 2.5 * sympy.exp(-x / 3)), free_numbers(1 / (1 + x**2))
    (2, 0)
    """
    return sum(abs(value) != 1 for value in loosened(expression)[1].values())


_EXACT = 1e-9  # an error below this means exact data and the right form
_TOLERANCE = 1e-7  # exact data: how far a constant may be from its exact value
_SIGMAS_SIMPLE = 3.3  # standard errors that 0, 1, 2, 1/2, 3, 3/2 and the like, likely from the start, may be off


class Choice(NamedTuple):
    """A simple constant for a place; choices are tried in the order of their cost, those of one key once.

    Parameters
    ----------
    cost
        What choices are sorted by.
    key
        What makes two choices the same.
    place
        Where the constant goes.
    constant
        The constant.
    """

    cost: Any
    key: Hashable
    place: Any
    constant: SimpleConstant


Fitted = TypeVar("Fitted")


def round_greedily(
    start: Fitted, choices: Callable[[Fitted], Iterable[Choice]], taken: Callable[[Fitted, Choice], Fitted | None]
) -> Fitted:
    """Make constants simple one at a time.

    After each choice that was taken, list the choices again for the refitted constants.

    Parameters
    ----------
    start
        The formula, or what stands for it, with its constants fitted.
    choices
        A function that lists the choices for fitted constants.
    taken
        A function that makes a choice and refits the other constants; it gives None where the choice is not allowed.
        The first choice, in the order of their cost, that it allows is made.

    Returns
    -------
    Fitted
        The same as `start`, after the last choice.

    Examples
    --------
    >>> from edgewise.expressions import Choice, round_greedily, simple_constants
    >>> def near(values):
    ...     for k, value in enumerate(values):
    ...         yield from (Choice(k, k, k, constant) for constant in simple_constants(value, 1e-3)[:1])
    >>> def put(values, choice):
    ...     return [*values[: choice.place], choice.constant.value, *values[choice.place + 1 :]]
    >>> round_greedily([0.5001, 3.0002], near, put)
    [0.5, 3.0]
    """
    tried: set[Hashable] = set()
    found: Fitted | None = start
    while found is not None:
        start, found = found, None
        for choice in sorted(choices(start), key=lambda c: c.cost):
            if found is None and choice.key not in tried:
                tried.add(choice.key)
                found = taken(start, choice)
    return start


def round_constants(expression: Formula, data: FitData, noise: float = 0.0) -> FittedFormula:
    """Refit a formula, remove redundant constants, and make constants exact where the data allow it.

    Exact data (noise 0 and an error below 1e-5, or an error below 1e-9): constants within 1e-7 of a simple constant,
    nearest first; kept if the error, after refitting the other constants, is at most max(3 x before, 1e-10).

    Noisy data: constants within 3.3 standard errors of a simple constant (d <= 12), most convincing first; kept if the
    refitted error rises by less than 0.4 % (6/N if that is more), and if coincidence is ruled out: the bits that the
    simple number saves over a fitted one, less its description, are 2 (exponents: 0). Multiples of pi must save 5, and
    stand only where they mean something: as a factor within a wave, or of a formula that is a product.

    Parameters
    ----------
    expression
        The formula. Its Floats are free, exponents included.
    data
        The rows.
    noise
        The rms of the noise over the weighted standard deviation of y.

    Returns
    -------
    FittedFormula
        The formula, and its error.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.expressions import FitData, round_constants
    >>> x = np.linspace(1, 3, 40)
    >>> t = sympy.Symbol("t")
    >>> round_constants(3.1 * t**1.49, FitData.of(["t"], x[:, None], np.pi * x**1.5)).expression
    pi*t**(3/2)
    """
    right = 1e-5  # an error above this means another form than that of exact data, with no exact constants
    start = FreeFormula.of(expression).fit(data)
    if not np.isfinite(start.error):
        start = _with_defined_exponents(start, data)
    if not np.isfinite(start.error):
        return FittedFormula(start.expression, np.inf)
    free = pin_redundant(start, data)
    if noise <= 0 and free.error > right:
        return free.fitted(data)
    exact = noise <= 0 or free.error < _EXACT
    together = _rounded_together(free, data) if exact else None
    found = together or _rounded(free, data, exact)
    if found.error < _EXACT and found.symbols:  # some only hid the others' deviations, and are redundant now
        found = pin_redundant(found, data)
    return found.fitted(data)


def allowed_error(error: float, exact: bool, n: int) -> float:
    """Return the largest error that setting one constant to an exact value may lead to."""
    rise = 0.004  # noisy data: the largest relative rise of the error by rounding one constant
    if not exact:
        return error * (1 + max(rise, 0.55 * _SIGMAS_SIMPLE**2 / n))  # s standard errors cost s^2 / 2n
    return max(3 * error, 1e-10) if error < _EXACT else 1.001 * error


def _with_defined_exponents(free: FreeFormula, data: FitData) -> FreeFormula:
    """Round Float exponents of bases that are negative somewhere, where nothing can be fitted before."""
    for k, value in reversed(list(enumerate(free.values))):
        if _role(free, k) == "exponent":
            trial = free.pinned(k, sympy.Integer(round(value))).fit(data)
            if np.isfinite(trial.error):
                return trial
    return free


def pin_redundant(free: FreeFormula, data: FitData) -> FreeFormula:
    """Pin constants that the data cannot determine until the others are unique.

    While the Jacobian with respect to relative changes of the constants has s_min < max(1e-7 s_max, 1e-13), a constant
    that takes part in its null vector is set to 0 (if it is added), to 1 or -1 (if it multiplies) or to the
    nearest simple constant, and the rest is refitted; the first choice that keeps the error is taken. Every round
    removes a constant; where no choice keeps the error, the redundancy stays. A constant that alone is the null vector
    is tried at 0 whatever its part is.

    Parameters
    ----------
    free
        The formula, with its constants fitted.
    data
        The rows.

    Returns
    -------
    FreeFormula
        The formula with the constants that are left.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.expressions import FitData, FreeFormula, pin_redundant
    >>> x = np.linspace(1, 2, 30)[:, None]
    >>> formula = FreeFormula.of(1.5 * sympy.exp(2.0 * sympy.Symbol("t") + 0.7))
    >>> data = FitData.of(["t"], x, 3 * np.exp(2 * x[:, 0]))
    >>> len(pin_redundant(formula.fit(data), data).symbols)
    2
    """
    nearly = 0.999  # of a null vector: a constant that no row sees
    while free.symbols and np.isfinite(free.error):
        null = _null_vector(free, data)
        if null is None:
            break
        order = np.flatnonzero(np.abs(null) > 0.1 * np.abs(null).max())
        limit = allowed_error(free.error, free.error < _EXACT, data.n)
        alone = [int(k) for k in order if abs(null[k]) > nearly]
        pinned = next((t for t in _pins(free, order, alone, data) if t.error <= limit), None)
        if pinned is None:
            break
        free = pinned
    return free


def _null_vector(free: FreeFormula, data: FitData) -> Array | None:
    """Return the direction of relative changes that the data do not see, if there is one."""
    rank = 1e-7  # singular values below this fraction of the largest are redundant constants
    unseen = 1e-13  # singular values below it are those of redundant constants at any rate, over the target's spread
    _, jacobian = free.relative_jacobian(data)
    if not np.isfinite(jacobian).all():
        return None
    s, v = _svd(jacobian)
    return v[:, -1] if s[-1] < max(rank * s[0], unseen) else None


def _svd(table: Array) -> tuple[Array, Array]:
    """Return singular values and right vectors of a tall table."""
    triangle = torch.linalg.qr(torch.from_numpy(table), mode="r").R
    _, s, vh = torch.linalg.svd(triangle, full_matrices=False)
    return s.numpy(), vh.T.numpy()


def _pins(free: FreeFormula, order: Array, alone: Sequence[int], data: FitData) -> Iterator[FreeFormula]:
    """Yield refitted formulas with a constant pinned: terms to 0, factors to 1 or -1, then anything.

    What no row sees at all, `alone`, is tried at 0 first, as the coefficient of a term that is lost beside others.
    """
    near = sorted(order, key=lambda k: abs(np.log(abs(free.values[k]) or 1e-300)))
    roles = {k: _role(free, k) for k in near}
    choices = [(k, 0) for k in near if roles[k] == "term" or k in alone]
    choices += [(k, 1 if free.values[k] >= 0 else -1) for k in near if roles[k] == "factor"]
    choices += [(k, 1 if free.values[k] >= 0 else -1) for k in near if roles[k] != "factor"]
    for k, value in choices:
        yield free.pinned(k, sympy.Integer(value)).fit(data)
    for k in near:
        candidates = simple_constants(free.values[k], 0.2, 4)
        if candidates:
            yield free.pinned(k, candidates[0].expr).fit(data)


def _role(free: FreeFormula, k: int) -> str:
    """Return what a constant is in its formula: a term of a sum, an exponent, or a factor (anything else)."""
    symbol = free.symbols[k]
    nodes: Iterator[Part] = iter(sympy.preorder_traversal(free.template))
    for node in nodes:
        if symbol in node.args:
            if node.is_Add:
                return "term"
            return "exponent" if node.is_Pow and node.exp == symbol else "factor"
        if node.is_Pow and symbol in node.exp.free_symbols and node.exp.is_Mul:
            return "exponent"
    return "factor"


def _rounded_together(free: FreeFormula, data: FitData) -> FreeFormula | None:
    """Return the formula with the constants of exact data rounded all at once, None where that is not right."""
    every = free
    for k in reversed(range(len(free.symbols))):
        candidates = simple_constants(free.values[k], _TOLERANCE)
        if not candidates:
            return None
        every = every.pinned(k, candidates[0].expr)
    every = every.fit(data)
    return every if every.error <= allowed_error(free.error, True, data.n) else None


def _rounded(free: FreeFormula, data: FitData, exact: bool) -> FreeFormula:
    """Round the constants one at a time."""

    def taken(now: FreeFormula, choice: Choice) -> FreeFormula | None:
        trial = now.pinned(now.symbols.index(choice.place), choice.constant.expr).fit(data)
        return trial if trial.error <= allowed_error(now.error, exact, data.n) else None

    return round_greedily(free, _nearest if exact else partial(_likely, data=data), taken)


def _nearest(free: FreeFormula) -> Iterator[Choice]:
    """Yield the simple constants near those of exact data, the nearest first; each constant is tried once."""
    for symbol, value in zip(free.symbols, free.values, strict=True):
        for simple in simple_constants(value, _TOLERANCE)[:2]:
            yield Choice(abs(simple.value - value) / abs(value or 1), symbol, symbol, simple)


@dataclass(frozen=True)
class Convincing:
    """The bits that a simple number must save over a fitted one in a noisy table.

    log2(|c| / (sigma sqrt(2 pi))) - z^2 / (2 log 2) - description

    The first two terms are what the simple number, z standard errors sigma from the fitted c, is more likely by than a
    number of that size drawn at random; the description is that of the number, `of_complexity` bits a unit. So 2^-bits
    is the chance of a coincidence.

    of_complexity: bits that a unit of a constant's complexity stands for. exponent: for exponents, most of which are
    simple in laws. number: for all other fractions and whole numbers. named: for those with pi or a root, which are
    looked for in few places only.
    """

    of_complexity: float = 0.7
    exponent: float = 0.0
    number: float = 2.0
    named: float = 4.0

    def enough(self, constant: SimpleConstant, role: str) -> float:
        """Return the bits that a constant must save in a place of its role."""
        if not constant.expr.is_Rational:
            return self.named
        return self.exponent if role == "exponent" else self.number

    def saved(self, constant: SimpleConstant, value: float, error: float) -> float:
        """Return the bits that a constant saves at the place of a fitted value with a standard error."""
        z = (constant.value - value) / error
        likelier = math.log2(abs(value) / (error * math.sqrt(2 * math.pi))) - z**2 / (2 * math.log(2))
        return likelier - self.of_complexity * constant.complexity


CONVINCING = Convincing()


def _likely(free: FreeFormula, data: FitData) -> Iterator[Choice]:
    """Yield up to three values for each constant of noisy data; the cost is the log2 of the chance of a coincidence."""
    denominator_noisy = 12  # noisy data: the largest denominator
    errors = _standard_errors(free, data) if free.symbols else ()
    for k, (symbol, value, error) in enumerate(zip(free.symbols, free.values, errors, strict=True)):
        if abs(value) <= _SIGMAS_SIMPLE * error:
            yield Choice(0.0, (symbol.name, ZERO.expr), symbol, ZERO)
            continue
        error = max(error, _TOLERANCE * abs(value))
        role, has_name = _role(free, k), _has_place_of_name(free.template, symbol)
        near = simple_constants(value, _SIGMAS_SIMPLE * error / abs(value), denominator_noisy)
        allowed = [c for c in near if c.expr.is_Rational or (has_name and c.expr.has(sympy.pi))]
        for c in allowed[:3]:
            bits = CONVINCING.saved(c, value, error)
            if bits >= CONVINCING.enough(c, role):
                yield Choice(-bits, (symbol.name, c.expr), symbol, c)


def _has_place_of_name(template: Part, symbol: sympy.Symbol) -> bool:
    """Return whether a multiple of pi means something at the place of a constant of a noisy table.

    It does as a factor within a wave, of a law that is a product, and of a Gaussian: an intercept is not 10 pi.
    """
    if any(symbol in wave.free_symbols for wave in template.atoms(sympy.sin, sympy.cos, sympy.tan)):
        return any(symbol in part.args for part in sympy.preorder_traversal(template) if part.is_Mul)
    return template.is_Mul and symbol in template.args


def _standard_errors(free: FreeFormula, data: FitData) -> Array:
    """Return the standard errors of the constants, from the Jacobian and the residual."""
    scales, jacobian = free.relative_jacobian(data)
    if not np.isfinite(jacobian).all():
        return np.zeros(len(scales))
    s, v = _svd(jacobian)
    freedom = max(1, data.n - len(s))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.sqrt(np.sum((v / np.maximum(s, 1e-12 * s[0])) ** 2, axis=1))
    return scales * np.nan_to_num(spread) * free.error / np.sqrt(freedom)
