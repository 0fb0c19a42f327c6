"""The constants of formulas, told from their structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sympy

from edgewise._typing import Formula

_STRUCTURE = (sympy.S.One, sympy.S.NegativeOne, sympy.S.Zero)


@dataclass
class Constants:
    """Formulas with a symbol in the place of each constant, and the constants in the order of their symbols.

    A constant is what multiplies or is added, unless it is 1 or -1, and an exponent that is a decimal.

    >>> x = sympy.Symbol("x")
    >>> found = Constants.of([3 * sympy.sin(2 * sympy.pi * x) ** 2 / 4 + x])
    >>> found.values, found.formulas
    ([3/4, 2*pi], [c0*sin(c1*x)**2 + x])
    """

    symbol: Callable[[int], sympy.Symbol] = lambda k: sympy.Symbol(f"c{k}")
    formulas: list[Formula] = field(default_factory=list)
    values: list[Formula] = field(default_factory=list)
    symbols: list[sympy.Symbol] = field(default_factory=list)

    @classmethod
    def of(cls, formulas: Sequence[Formula], symbol: Callable[[int], sympy.Symbol] | None = None) -> Constants:
        found = cls() if symbol is None else cls(symbol)
        found.formulas = [found._freed(f) if not f.is_number else found._new(f) for f in formulas]
        return found

    def _new(self, value: Formula) -> Formula:
        self.symbols.append(self.symbol(len(self.values)))
        self.values.append(value)
        return self.symbols[-1]

    def _freed(self, formula: Formula) -> Formula:
        """Return the formula with symbols; equal numbers in different places are different constants."""
        if formula.is_Add or formula.is_Mul:
            numbers = [a for a in formula.args if a.is_number]
            rest = [a for a in formula.args if not a.is_number]
            number = formula.func(*numbers)
            first = [] if not numbers else [number if number in _STRUCTURE else self._new(number)]
            return formula.func(*first, *(self._freed(a) for a in rest))
        if formula.is_Pow:
            exponent = self._new(formula.exp) if formula.exp.is_Float else self._exponent(formula.exp)
            return self._freed(formula.base) ** exponent if not formula.base.is_number else formula.base**exponent
        if not formula.args or formula.is_number:
            return formula
        return formula.func(*(self._freed(a) for a in formula.args))

    def _exponent(self, exponent: Formula) -> Formula:
        return exponent if exponent.is_number else self._freed(exponent)
