"""Constants that all terms of a sum share: sympy multiplies them out."""

from typing import cast

import sympy

from edgewise._typing import Formula, Part


def common_factor(total: Part) -> tuple[sympy.Float, Formula] | None:
    """Return the Float that all terms of a sum have in common up to their signs, and the sum without it.

    >>> common_factor(2.5 - 2.5 * sympy.exp(sympy.Symbol("x")))
    (2.50000000000000, 1 - exp(x))
    """
    if not (total.is_Add and total.args):
        return None
    pairs = [term.as_coeff_Mul() for term in total.args]
    if not all(number.is_Float for number, _ in pairs):
        return None
    first = abs(pairs[0][0])
    if any(abs(number) != first for number, _ in pairs):
        return None
    return cast("sympy.Float", first), sympy.Add(*(rest if number > 0 else -rest for number, rest in pairs))


def factored(expression: Part) -> Part:
    """Return a formula with the common factors of its sums written before them, as sympy does not keep them.

    >>> factored(2.5 - 2.5 * sympy.exp(sympy.Symbol("x")))
    2.5*(1 - exp(x))
    """
    if not expression.args or not expression.has(sympy.Float):
        return expression
    common = common_factor(expression)
    if common is not None:
        return sympy.Mul(common[0], factored(common[1]), evaluate=False)
    parts = [factored(part) for part in expression.args]
    same = all(part is before for part, before in zip(parts, expression.args, strict=True))
    return expression if same else expression.func(*parts)
