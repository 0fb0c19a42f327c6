"""Formulas of inputs that are 0 or 1: whatever is done to one of them, a line does the same."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable

import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions import complexity, fitted_constants


def binary_names(names: Iterable[str], x: Array) -> tuple[str, ...]:
    """Return the names of the columns of x (n, m) that hold 0 and 1 only."""
    return tuple(name for name, column in zip(names, x.T, strict=True) if ((column == 0) | (column == 1)).all())


def lines_of_binaries(expression: Formula, names: Collection[str]) -> Formula:
    """Return a formula in which inputs of 0 and 1 of these names appear as lines, if that is simpler.

    f(d) = f(0) + (f(1) - f(0)) d, and products of such lines are multiplied out: their constants are then determined.

    >>> d, e = sympy.symbols("d e")
    >>> lines_of_binaries(1.5 * d**3 + 2.0 * (d - 0.5) * (e - 0.25) + 7.0 * e, ["d", "e"])
    2.0*d*e + 1.0*d + 6.0*e + 0.25
    """
    symbols = {symbol for symbol in expression.free_symbols if str(symbol) in names}
    if not symbols:
        return expression
    found = _rewritten(expression, symbols)
    if found.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
        return expression
    return found if _size(found) < _size(expression) else expression


def _size(expression: Formula) -> tuple[int, int]:
    return fitted_constants(expression) + complexity(expression), complexity(expression)


def _rewritten(part: Part, symbols: set[Part]) -> Part:
    most = 3  # inputs of 0 and 1 in one part of a formula that is rewritten
    if not part.free_symbols & symbols or part.is_Symbol:
        return part
    if part.free_symbols <= symbols and len(part.free_symbols) <= most:
        return _line(part)
    inner = part.func(*(_rewritten(each, symbols) for each in part.args))
    if not inner.is_Mul:
        return inner
    pure = [each for each in inner.args if each.free_symbols and each.free_symbols <= symbols]
    together = sympy.Mul(*pure)
    if len(pure) < 2 or len(together.free_symbols) > most:
        return inner
    rest = sympy.Mul(*(each for each in inner.args if each not in pure))
    line = _line(together)
    return sympy.Add(*(rest * each for each in line.args)) if line.is_Add and not rest.free_symbols else rest * line


def _line(part: Part) -> Part:
    """Return a formula of few inputs of 0 and 1 as a sum of products of them."""
    symbols = sorted(part.free_symbols, key=str)
    values: dict[tuple[int, ...], Part] = {
        at: part.xreplace(dict(zip(symbols, map(sympy.Integer, at), strict=True)))
        for at in itertools.product((0, 1), repeat=len(symbols))
    }
    terms = []
    for at in values:
        below = itertools.product(*((0, 1) if each else (0,) for each in at))
        coefficient = sympy.Add(*((-1) ** (sum(at) - sum(each)) * values[each] for each in below))
        terms.append(coefficient * sympy.Mul(*(s for s, each in zip(symbols, at, strict=True) if each)))
    return sympy.Add(*terms)
