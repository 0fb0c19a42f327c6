"""Formulas as text that the parser reads back."""

from typing import Any

import sympy

from edgewise._errors import InputError
from edgewise._typing import Part
from edgewise.formulas.expressions._common_factor import factored
from edgewise.formulas.expressions._constants import shorten
from edgewise.formulas.expressions._grammar import syntax_tree


def write(expression: Part, digits: int | None = None) -> str:
    """Return a formula as one line of text: numbers in full or with some digits, names that are no words in backquotes.

    `parse(text, names)` reads it back. A backquote within a name becomes an apostrophe.

    >>> temperature = sympy.Symbol("T (K)")
    >>> write(temperature**2 / 3 + sympy.Float("0.123456789"), 6)
    '`T (K)`**2/3 + 0.123457'
    """
    shown = expression if digits is None else shorten(expression, digits)
    named = shown.xreplace({s: _named(s) for s in shown.free_symbols})
    return sympy.sstr(factored(named), full_prec=False)


def _named(symbol: Any) -> sympy.Symbol:
    return sympy.Symbol(quoted(symbol.name), **symbol.assumptions0)


def quoted(name: str) -> str:
    """Return a name as it stands in a formula: as it is if it is a word, else in backquotes.

    >>> quoted("mass"), quoted("mass (kg)"), quoted("2020")
    ('mass', '`mass (kg)`', '`2020`')
    """
    try:
        tree = syntax_tree(name)
    except InputError:
        tree = None
    plain = tree is not None and tree.kind == "name" and tree.text == name
    return name if plain else "`" + name.replace("`", "'") + "`"
