"""A formula as a sum of terms with coefficients, of which some may differ by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy

from edgewise._typing import Formula, Part
from edgewise.formulas.expressions import complexity

_MANY = 6  # terms, of which each alone is tried


@dataclass(frozen=True)
class Shape:
    """y = sum_j c_j t_j(x): `terms` are the t_j, and the coefficients of those in `varying` differ by group.

    >>> x = sympy.Symbol("x")
    >>> Shape((sympy.S.One, x), frozenset({0})).written(["a"], [2.5])
    a + 2.5*x
    """

    terms: tuple[Formula, ...]
    varying: frozenset[int] = frozenset()

    @property
    def complexity(self) -> int:
        """That of the formula; a constant that differs by group counts as one more."""
        return complexity(self.with_constants([sympy.Float(1.5)] * len(self.terms))) + len(self.varying)

    def written(self, names: Sequence[str], shared: Sequence[float]) -> Formula:
        """Return the formula with symbols of these names for what differs by group, and the shared coefficients."""
        symbols, numbers = iter(names), iter(shared)
        coefficients = [
            sympy.Symbol(next(symbols)) if j in self.varying else sympy.Float(next(numbers))
            for j in range(len(self.terms))
        ]
        return self.with_constants(coefficients)

    def with_constants(self, coefficients: Sequence[Part]) -> Formula:
        """Return the sum of the terms, each times its coefficient."""
        return sympy.Add(*(c * t for c, t in zip(coefficients, self.terms, strict=True)))


def shapes_of(expression: Formula) -> list[Shape]:
    """Return the ways in which constants of a formula may differ by group: none, one of them, or all.

    A formula without an offset may have one that differs. Of a sum, the scale of all of it may differ, too.

    >>> x = sympy.Symbol("x")
    >>> [(s.terms, sorted(s.varying)) for s in shapes_of(2.5 * x)]
    [((x,), []), ((x,), [0]), ((1, x), [0]), ((1, x), [0, 1])]
    """
    separate = _terms(expression)
    lists = [separate, [sympy.S.One, *separate]] if sympy.S.One not in separate else [separate]
    others = [t for t in separate if t != 1]
    if len(others) > 1:
        whole = sympy.Add(*(c * t for c, t in _pairs(expression) if t != 1))
        lists += [[sympy.S.One, whole]]
    found: list[Shape] = []
    for terms in lists:
        places = range(len(terms))
        singles = [{j} for j in places] if len(terms) <= _MANY else [{0}]
        for varying in [set(), *singles, {*places}]:
            added = terms is not separate and terms[1:] == separate
            shape = Shape(tuple(terms), frozenset(varying))
            if shape not in found and not (added and 0 not in varying):
                found.append(shape)
    return found


def _terms(expression: Formula) -> list[Formula]:
    return [t for _, t in _pairs(expression)]


def _pairs(expression: Formula) -> list[tuple[Part, Formula]]:
    """Return the coefficients and terms of a formula; the constant comes first, with the term 1."""
    number, rest = expression.as_coeff_Mul()
    if rest.is_Add and number != 1:
        expression = sympy.Add(*(number * part for part in rest.args))
    constant, pairs = sympy.S.Zero, []
    for part in sympy.Add.make_args(expression):
        if not part.free_symbols:
            constant += part
        else:
            pairs.append(part.as_independent(*part.free_symbols, as_Add=False))
    return [*([(constant, sympy.S.One)] if constant != 0 else []), *pairs]
