"""Where a formula is defined."""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from edgewise._typing import Formula


def conditions(expressions: Iterable[Formula]) -> list[str]:
    """Return what must hold of the inputs for the formulas to be real and finite, as texts; none where they always are.

    >>> x, y = sympy.symbols("x y")
    >>> conditions([sympy.log(x - 1) / y, sympy.sqrt(1 + x**2), sympy.asin(y)])
    ['y != 0', 'x - 1 > 0', '-1 <= y <= 1']
    """
    found: dict[str, None] = {}
    for expression in expressions:
        real = {s: sympy.Dummy(s.name, real=True) for s in expression.free_symbols}
        back = {dummy: symbol for symbol, dummy in real.items()}
        for part in sympy.postorder_traversal(expression.xreplace(real)):
            for text, argument in _asked(part):
                found[text.format(sympy.sstr(argument.xreplace(back), full_prec=False))] = None
    return list(found)


def _asked(part: Formula) -> list[tuple[str, Formula]]:
    """What one function asks of its argument."""
    if part.is_Pow and not part.exp.is_integer and not part.base.is_number:
        positive = bool(part.exp.is_negative)
        if part.base.is_positive or (part.base.is_nonnegative and not positive):
            return []
        return [("{} > 0" if positive else "{} >= 0", part.base)]
    if part.is_Pow and part.exp.is_negative and not part.base.is_number:
        return [] if part.base.is_nonzero else [("{} != 0", part.base)]
    if not part.is_Function or part.args[0].is_number:
        return []
    argument = part.args[0]
    if isinstance(part, sympy.log):
        return [] if argument.is_positive else [("{} > 0", argument)]
    known = {
        sympy.asin: "-1 <= {} <= 1",
        sympy.acos: "-1 <= {} <= 1",
        sympy.atanh: "-1 < {} < 1",
        sympy.acosh: "{} >= 1",
        sympy.tan: "cos({}) != 0",
    }
    text = known.get(part.func)
    return [] if text is None else [(text, argument)]
