"""SRBench's symbolic solution: a formula that is the truth up to a constant shift or factor."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple, NoReturn

import sympy

from edgewise._typing import Array, Part

_POINTS, _DIGITS, _CONSTANT = 20, 40, 1e-6
_SECONDS = 5.0  # of sympy's simplification
_DECIMALS, _NOTHING = 3, 1e-4  # to which SRBench rounds, and below which it takes a constant for zero


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
    if _decided(lambda: _same_at(found, truth, list(symbols), x[:_POINTS]), 2 * _SECONDS):
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
    found, truth = _rounded(sympy.simplify(found.xreplace(pi), ratio=1)), truth.xreplace(pi)
    difference, ratio = _rounded(truth - found), _rounded(found / truth)
    if _is_same(difference, ratio):
        return True
    return _is_same(_rounded(sympy.simplify(difference, ratio=1)), _rounded(sympy.simplify(ratio, ratio=1)))


def _rounded(formula: Part) -> Part:
    """Round floats to three decimals, small ones to zero."""
    numbers = {n: sympy.Integer(0) if abs(n) < _NOTHING else round(n, _DECIMALS) for n in formula.atoms(sympy.Float)}
    return formula.xreplace(numbers)
