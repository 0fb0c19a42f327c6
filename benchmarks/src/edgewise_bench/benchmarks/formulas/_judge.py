"""What a formula that was found is worth: accuracy, exactness, size, and whether it has the form of the truth."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.expressions import FitData, FreeFormula, common_factor, evaluate
from edgewise_bench.benchmarks.formulas._laws import Law
from edgewise_bench.benchmarks.formulas._solution import solution

ROWS = 2000
_ACCURATE, _EXACT, _SOMEWHAT = 0.999, 1e-6, 0.5
_REACHED = 1e-8
"""Largest error of a refitted formula that counts as the truth, relative as in `deviation`."""
_SMALL = 1e-3  # of the target's standard deviation: smaller values are compared with that


@dataclass(frozen=True)
class Verdict:
    """A judgement on clean rows that the search has not seen.

    r2: of the predictions. accurate: r2 > 0.999. exact: the largest |f - y| / max(|y|, 1e-3 std y) is below 1e-6.
    solved: SRBench's symbolic solution, and what decided it. form: right but for the values of constants. size,
    truth_size: operations; within: size <= 2 truth_size + 3.
    """

    r2: float
    accurate: bool
    exact: bool
    solved: bool
    decided: str
    form: bool
    size: int
    truth_size: int
    within: bool


def judge(found: Part, predicted: Array, law: Law, seed: int) -> Verdict:
    """Judge a formula for a law; `predicted` are the library's own values at `law.fresh(ROWS, seed)`.

    What r2 <= 0.5 is, as in SRBench, not looked at further.
    """
    x = law.fresh(ROWS, seed)
    y = law.values(x)
    r2 = _r2(predicted, y)
    exact = deviation(evaluate(found, law.names, x), y) < _EXACT
    near = exact or r2 > _SOMEWHAT
    solved = solution(found, law.truth, law.symbols(), x) if near else None
    form = near and (exact or refitted(found, law.truth, law.names, x, y).right)
    return Verdict(
        r2, r2 > _ACCURATE, exact, bool(solved and solved.solved), solved.decided if solved else "r2", form,
        size(found), size(law.truth), within_bound(found, law.truth),
    )  # fmt: skip


def _r2(predicted: Array, y: Array) -> float:
    with np.errstate(all="ignore"):
        r2 = 1 - float(np.mean((predicted - y) ** 2) / y.var())
    return r2 if np.isfinite(r2) else float("-inf")


def size(formula: Part) -> int:
    """Return the length of a formula: operations, as sympy counts them.

    >>> size(sympy.sin(2 * sympy.Symbol("x")))
    2
    """
    return int(sympy.count_ops(formula))


def within_bound(formula: Part, truth: Part) -> bool:
    """Return whether a formula has at most twice the operations of the truth and three more."""
    return size(formula) <= 2 * size(truth) + 3


class Form(NamedTuple):
    """What remains of a formula once its constants are fitted to clean rows.

    `error` is the largest deviation on all clean rows; `bounded` says whether the size is within its bound, `right`
    whether it is the truth and nothing else.
    """

    error: float
    bounded: bool
    right: bool


def deviation(values: Array, truth: Array) -> float:
    """Return the largest |f - y| / max(|y|, 1e-3 std y); infinity if f is undefined.

    >>> deviation(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    0.5
    """
    off = np.abs(values - truth) / np.maximum(np.abs(truth), _SMALL * truth.std())
    return float(off.max()) if np.isfinite(off).all() else float("inf")


def refitted(found: Part, truth: Part, names: list[str], x: Array, y: Array) -> Form:
    """Give every number of a formula but integer exponents a fresh value, the best on half of the clean rows.

    The form is right where, after that, over all rows:

    - the largest deviation from the truth is below 1e-8;
    - no constant may as well be zero, and no exponent one: else a part of the formula does not belong to the truth.
      What is added to the whole may: SRBench's solutions are up to a constant shift or factor;
    - there is no input that the truth does not have;
    - what is left, factors of one and that shift dropped, has at most twice the truth's operations and three.
    """
    constants = with_free_constants(found)
    half = len(y) // 2
    best = constants.free.fit(FitData.of(names, x[:half], y[:half]), steps=200)
    error = _deviation(best, names, x, y)
    if not error < _REACHED:
        return Form(error, bounded=False, right=False)

    def pinned(symbol: Part, value: int) -> FreeFormula | None:
        """Return the formula with a constant replaced, if that changes nothing."""
        other = left.pinned(left.symbols.index(symbol), sympy.Integer(value))
        return other if _deviation(other, names, x, y) < _REACHED else None

    vanished, left = False, best
    for symbol in best.symbols:
        if symbol in left.symbols and (without := pinned(symbol, 0)):
            vanished |= symbol != constants.shift
            left = without if symbol == constants.shift else left
    for symbol in left.symbols:
        if symbol in left.symbols and (simpler := pinned(symbol, 1) or pinned(symbol, -1)):
            vanished |= symbol in constants.exponents
            left = simpler
    short = left.expression
    extra = bool({str(s) for s in short.free_symbols} - {str(s) for s in truth.free_symbols})
    bounded = within_bound(short, truth)
    return Form(error, bounded, right=bounded and not vanished and not extra)


def _deviation(free: FreeFormula, names: list[str], x: Array, y: Array) -> float:
    expression = free.template.xreplace({s: sympy.Float(v, 17) for s, v in zip(free.symbols, free.values, strict=True)})
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        return float("inf")
    return deviation(evaluate(expression, names, x), y)


@dataclass(frozen=True)
class Constants:
    """A formula whose numbers are free; which of them is added to the whole, and which are exponents."""

    free: FreeFormula
    shift: Part | None
    exponents: frozenset[Part]


def with_free_constants(formula: Part) -> Constants:
    """Return the formula with a symbol for every number except integer exponents and signs.

    >>> x = sympy.Symbol("x")
    >>> with_free_constants(2 * x**2 + sympy.sin(0.1 * x) + 3).free.values
    (3.0, 2.0, 0.1)
    """
    constants: dict[sympy.Symbol, float] = {}
    exponents: set[Part] = set()

    def fresh(number: Part) -> Part:
        symbol = sympy.Dummy(f"constant{len(constants)}", real=True)
        constants[symbol] = float(number)
        return symbol

    def walk(part: Part) -> Part:
        if part.is_number:
            return part if part == -1 or not part.evalf().is_Float else fresh(part)
        if part.is_Pow and part.exp.is_number:
            exponent = part.exp if part.exp.is_Integer else fresh(part.exp)
            exponents.update({exponent} & set(constants))
            return walk(part.base) ** exponent
        common = common_factor(part)
        if common is not None:
            return walk(common[0]) * walk(common[1])
        if part.is_Mul or part.is_Add:
            number, rest = part.as_independent(*part.free_symbols, as_Add=part.is_Add)
            own = [] if number == part.identity else [walk(number)]
            return part.func(*own, *(walk(term) for term in type(part).make_args(rest)))
        return part.func(*map(walk, part.args)) if part.args else part

    template = walk(formula)
    shifts = [term for term in sympy.Add.make_args(template) if template.is_Add and term in constants]
    free = FreeFormula(template, tuple(constants), tuple(constants.values()))
    return Constants(free, shifts[0] if shifts else None, frozenset(exponents))
