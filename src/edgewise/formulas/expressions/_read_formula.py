"""Formulas of columns, as a person gives them: texts and expressions whose other names are constants."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula
from edgewise.formulas.expressions._parse import parse
from edgewise.formulas.expressions._vocabulary import in_plain_symbols

_ALIKE, _SHORT = 0.8, 2  # names as similar as that to a column, of more letters, are taken for slips


def read_formula(
    given: object, names: Sequence[str], what: str, constants: Sequence[str] = ()
) -> tuple[Formula, tuple[sympy.Symbol, ...]]:
    """Return a formula that is given as a text or of sympy, and those of its names that are no columns.

    `constants` are names known to be some of these, which may be called e or pi.

    Errors: InputError for what is no formula, and for names that look like those of a column that it lacks.

    >>> read_formula("A*exp(-t)", ["t"], "A guess")
    (A*exp(-t), (A,))
    """
    if isinstance(given, str):
        words = {str(symbol) for symbol in parse(given).free_symbols} | {*constants}
        formula: Formula = parse(given, [*names, *sorted(words - {*names})])
    elif isinstance(given, sympy.Expr):
        formula = in_plain_symbols(given)
    else:
        raise InputError(f"{what} must be a text, like 'A*exp(-k*t)', or a sympy expression. Got {given!r}.")
    others = sorted({str(symbol) for symbol in formula.free_symbols} - {*names})
    unused = [name for name in names if sympy.Symbol(name) not in formula.free_symbols]
    for word in others:
        if word not in constants and len(word) > _SHORT and difflib.get_close_matches(word, unused, cutoff=_ALIKE):
            raise unknown("name", word, names)
    return formula, tuple(map(sympy.Symbol, others))
