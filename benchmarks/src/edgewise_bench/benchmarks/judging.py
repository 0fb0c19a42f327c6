"""What a formula that was found is worth: accuracy, exactness, size, SRBench's solution, and the form of the truth."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NamedTuple, NoReturn

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._typing import Array, Part
from edgewise.expressions import FitData, FreeFormula, common_factor, evaluate
from edgewise_bench.benchmarks.laws import Law

_DECIDING_ROWS, _DIGITS, _CONSTANT = 20, 40, 1e-6
_SECONDS = 5.0  # of sympy's simplification


class TimeLimitReached(Exception):
    """The time is up."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitReached` once the block has computed that long; no limit where the system has no such clock.

    It counts this process's own computing, so a busy machine does not change what is decided. In the main thread only.
    """
    if not hasattr(signal, "ITIMER_VIRTUAL"):
        yield
        return

    def ring(_: int, __: FrameType | None) -> NoReturn:
        raise TimeLimitReached

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Solution(NamedTuple):
    """Whether a formula is one, and what decided: "sympy", "numbers", "rounded" or "time"."""

    solved: bool
    decided: str


def solution(found: Part, truth: Part, symbols: Mapping[sympy.Symbol, sympy.Symbol], x: Array) -> Solution:
    """Compare a formula with the truth.

    `symbols` gives for each input, in order, the symbol that knows its sign; x (rows, inputs) are fresh rows. A
    constant difference, or a ratio that is constant and not zero, decides: to 1e-6 at 20 rows in 40 digits, which
    sympy's simplification is asked to confirm. Where these rows say no, constants are rounded as SRBench rounds them
    (to three decimals, below 1e-4 to zero), and sympy alone decides. Each has a few seconds.

    Source: La Cava et al., Contemporary symbolic regression methods and their relative performance (2021), and the
    scripts of SRBench.
    """
    one, two = found.xreplace(dict(symbols)), truth.xreplace(dict(symbols))
    if _decided(lambda: _same_at(found, truth, list(symbols), x[:_DECIDING_ROWS]), 2 * _SECONDS):
        confirmed = _decided(lambda: _is_same(sympy.simplify(one - two), sympy.simplify(one / two)))
        return Solution(True, "sympy" if confirmed else "numbers")
    rounded = _decided(lambda: _is_rounded(one, two))
    return Solution(bool(rounded), "time" if rounded is None else "rounded" if rounded else "numbers")


def _decided(question: Callable[[], bool], seconds: float = _SECONDS) -> bool | None:
    """Return the answer, or None if it takes too long or sympy fails."""
    try:
        with cpu_limit(seconds):
            return question()
    except Exception:  # noqa: BLE001 (sympy raises all kinds of errors on formulas of all kinds)
        return None


def _same_at(found: Part, truth: Part, names: list[sympy.Symbol], x: Array) -> bool:
    """Return whether difference or ratio are constant at some rows, in many digits."""
    pairs = []
    for row in x:
        place = {name: sympy.Float(float(value), _DIGITS) for name, value in zip(names, row, strict=True)}
        pair = [formula.evalf(_DIGITS, subs=place) for formula in (found, truth)]
        if not all(value.is_Float or value.is_Rational for value in pair):
            return False
        pairs.append(pair)
    off = [one - two for one, two in pairs]
    size = max(two for _, two in pairs) - min(two for _, two in pairs)
    if max(off) - min(off) <= _CONSTANT * size:
        return True
    if any(value == 0 for pair in pairs for value in pair):
        return False
    ratios = [one / two for one, two in pairs]
    return bool(max(ratios) - min(ratios) <= _CONSTANT * abs(ratios[0]))


def _is_same(difference: Part, ratio: Part) -> bool:
    return not difference.free_symbols or (not ratio.free_symbols and ratio != 0)


def _is_rounded(found: Part, truth: Part) -> bool:
    """Apply SRBench's own rule: simplify the formula, round it, and round its difference and ratio to the truth."""
    pi = {sympy.pi: sympy.pi.evalf()}
    found, truth = rounded(sympy.simplify(found.xreplace(pi), ratio=1)), truth.xreplace(pi)
    difference, ratio = rounded(truth - found), rounded(found / truth)
    if _is_same(difference, ratio):
        return True
    return _is_same(rounded(sympy.simplify(difference, ratio=1)), rounded(sympy.simplify(ratio, ratio=1)))


def rounded(formula: Part) -> Part:
    """Round floats to three decimals, small ones to zero."""
    decimals, nothing = 3, 1e-4  # to which SRBench rounds, and below which it takes a constant for zero
    numbers = {n: sympy.Integer(0) if abs(n) < nothing else round(n, decimals) for n in formula.atoms(sympy.Float)}
    return formula.xreplace(numbers)


ROWS = 2000
_REACHED = 1e-8
"""Largest error of a refitted formula that counts as the truth, relative as in `deviation`."""


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
    accurate_above, exact_below, looked_at_above = 0.999, 1e-6, 0.5
    x = law.fresh(ROWS, seed)
    y = law.values(x)
    r2 = _r2(predicted, y)
    exact = deviation(evaluate(found, law.names, x), y) < exact_below
    near = exact or r2 > looked_at_above
    solved = solution(found, law.truth, law.symbols(), x) if near else None
    form = near and (exact or refitted(found, law.truth, law.names, x, y).right)
    return Verdict(
        r2, r2 > accurate_above, exact, bool(solved and solved.solved), solved.decided if solved else "r2", form,
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
    small = 1e-3  # of the target's standard deviation: smaller values are compared with that
    off = np.abs(values - truth) / np.maximum(np.abs(truth), small * truth.std())
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
    expression = with_values(free)
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        return float("inf")
    return deviation(evaluate(expression, names, x), y)


def with_values(free: FreeFormula) -> Part:
    """Return a formula with the values of its constants, in 17 digits."""
    return free.template.xreplace({s: sympy.Float(v, 17) for s, v in zip(free.symbols, free.values, strict=True)})


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


_ONE = sympy.Float(1 + 1e-7)


def with_parameters(formula: str, names: Sequence[str], parameters: Sequence[float]) -> Part:
    """Return a formula of names and of b1, b2, ... with these parameters.

    >>> with_parameters("b1*v + b2", ["v"], [2.0, 0.5])
    2.0*v + 0.5
    """
    symbols = [f"b{k + 1}" for k in range(len(parameters))]
    parsed: Part = symbolic.parse(formula, [*names, *symbols])
    return parsed.xreplace(dict(zip(map(sympy.Symbol, symbols), map(sympy.Float, parameters), strict=True)))


def with_ones(formula: Part) -> Part:
    """Return a formula with a number at every term of a sum and every argument, where it is one too.

    >>> str(with_ones(sympy.exp(sympy.Symbol("v")))) != "exp(v)"
    True
    """
    if formula.is_Atom:
        return formula
    parts = [with_ones(part) for part in formula.args]
    return formula.func(*(part * _ONE for part in parts) if formula.is_Add or formula.is_Function else parts)


def is_right(formula: Part, truth: Part, names: Sequence[str], x: Array, y: Array) -> bool:
    """Return whether a formula is the truth but for the values of constants, those that are one included.

    x: (n, n_in), in any order. y: (n,), the truth without noise. Half of the rows are fitted to.
    """
    return any(refitted(each, truth, list(names), x, y).right for each in (formula, with_ones(formula)))


def of_form(formula: Part, truth: Part, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula is the truth between the rows x (n, n_in) but for the values of its constants.

    >>> v, rows = sympy.Symbol("v"), np.array([[1.0], [4.0]])
    >>> of_form(14.0 / v, 2.0 / v, ["v"], rows), of_form(14.0 / v + v, 2.0 / v, ["v"], rows)
    (True, False)
    """
    between_rows = 500  # between the least and the greatest input, that a form is fitted to
    between = np.random.default_rng(0).permutation(np.linspace(x.min(0), x.max(0), between_rows))  # half is fitted to
    values = evaluate(truth, list(names), between)
    return bool(formula.free_symbols) and is_right(formula, truth, names, between, values)
