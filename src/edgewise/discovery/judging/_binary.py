"""Formulas of inputs that have two values, as 0 and 1: whatever is done to one of them, a line does the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions import complexity, exact_constant, fitted_constants

Levels = Mapping[str, tuple[float, float]]
"""The lower and the upper value of each input that has two."""


def two_valued(names: Iterable[str], x: Array) -> dict[str, tuple[float, float]]:
    """Return the values of the columns of x (n, m) that have two."""
    found: dict[str, tuple[float, float]] = {}
    for name, column in zip(names, x.T, strict=True):
        low, high = float(column.min()), float(column.max())
        if low < high and bool(((column == low) | (column == high)).all()):
            found[name] = low, high
    return found


def binary_names(names: Iterable[str], x: Array) -> tuple[str, ...]:
    """Return the names of the columns of x (n, m) that hold 0 and 1 only."""
    return tuple(name for name, column in zip(names, x.T, strict=True) if ((column == 0) | (column == 1)).all())


def lines_of_binaries(expression: Formula, levels: Levels, *, always: bool = True) -> Formula:
    """Return a formula in which inputs of two values appear as factors or in sums, not within functions of their own.

    f(d) = f(0) + (f(1) - f(0)) d, and products of such lines are multiplied out: their constants are then determined.
    Where it is not done `always`, it is done if the formula is then simpler.

    >>> d, e = sympy.symbols("d e")
    >>> lines_of_binaries(1.5 * d**3 + 2.0 * (d - 0.5) * (e - 0.25) + 7.0 * e, {"d": (0, 1), "e": (0, 1)})
    2.0*d*e + 1.0*d + 6.0*e + 0.25
    """
    symbols = {symbol for symbol in expression.free_symbols if str(symbol) in levels}
    if not symbols:
        return expression
    found = _rewritten(expression, {symbol: levels[str(symbol)] for symbol in symbols})
    if found.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
        return expression
    bent = always and any(is_bent(part, symbols) for part in sympy.preorder_traversal(expression))
    return found if bent or _size(found) < _size(expression) else expression


def is_bent(part: Part, symbols: set[Part]) -> bool:
    """Return whether a part of a formula is a function or power of nothing but such inputs."""
    if not part.args or part.is_Add or part.is_Mul:
        return False
    return any(each.free_symbols and each.free_symbols <= symbols for each in part.args[:1])


def _size(expression: Formula) -> tuple[int, int]:
    return fitted_constants(expression) + complexity(expression), complexity(expression)


def _rewritten(part: Part, levels: Mapping[Part, tuple[float, float]]) -> Part:
    most = 3  # inputs of two values in one part of a formula that is rewritten
    symbols = {*levels}
    if not part.free_symbols & symbols or part.is_Symbol:
        return part
    if part.free_symbols <= symbols and len(part.free_symbols) <= most:
        return _line(part, levels)
    inner = part.func(*(_rewritten(each, levels) for each in part.args))
    if not inner.is_Mul:
        return inner
    pure = [each for each in inner.args if each.free_symbols and each.free_symbols <= symbols]
    together = sympy.Mul(*pure)
    if len(pure) < 2 or len(together.free_symbols) > most:
        return inner
    rest = sympy.Mul(*(each for each in inner.args if each not in pure))
    line = _line(together, levels)
    return sympy.Add(*(rest * each for each in line.args)) if line.is_Add and not rest.free_symbols else rest * line


def _line(part: Part, levels: Mapping[Part, tuple[float, float]]) -> Part:
    """Return a formula of few inputs of two values as a sum of products of them."""
    symbols = sorted(part.free_symbols, key=str)
    ends = [tuple(map(exact_constant, levels[s])) for s in symbols]
    values: dict[tuple[int, ...], Part] = {
        at: part.xreplace({s: end[k] for s, end, k in zip(symbols, ends, at, strict=True)})
        for at in itertools.product((0, 1), repeat=len(symbols))
    }
    terms = []
    for at in values:
        below = itertools.product(*((0, 1) if each else (0,) for each in at))
        coefficient = sympy.Add(*((-1) ** (sum(at) - sum(each)) * values[each] for each in below))
        steps = ((s - low) / (high - low) for s, (low, high), each in zip(symbols, ends, at, strict=True) if each)
        terms.append(coefficient * sympy.Mul(*steps))
    return sympy.expand_mul(sympy.Add(*terms))
