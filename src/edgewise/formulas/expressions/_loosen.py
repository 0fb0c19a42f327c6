"""Formulas whose numbers may be any others."""

from functools import lru_cache

import sympy

from edgewise._typing import Formula, Part
from edgewise.formulas.expressions._common_factor import common_factor


def loosened(formula: Part) -> tuple[Part, dict[sympy.Symbol, float]]:
    """Return a formula with a symbol for each number but signs and exact exponents, and the numbers' values.

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

    >>> x = sympy.Symbol("x")
    >>> free_numbers(2.5 - 2.5 * sympy.exp(-x / 3)), free_numbers(1 / (1 + x**2))
    (2, 0)
    """
    return sum(abs(value) != 1 for value in loosened(expression)[1].values())
