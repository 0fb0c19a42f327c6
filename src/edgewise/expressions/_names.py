"""Names of inputs, and the symbols of formulas that carry them."""

import re
from collections.abc import Iterable, Sequence

import sympy

from edgewise._errors import InputError
from edgewise._typing import Formula, Part


def check_names(names: object) -> list[str]:
    """Return the names of inputs as a list, once they are what names have to be."""
    listed = list(names) if isinstance(names, Sequence) and not isinstance(names, str) else None
    if not listed or not all(isinstance(name, str) and name for name in listed) or len({*listed}) != len(listed):
        raise InputError(f"'names' must list different names, one for each input, like ['a', 'b']. Got {names!r}.")
    return listed


def used_names(formulas: Iterable[Part]) -> list[str]:
    """Return the names of the symbols in formulas, x2 before x10."""
    names = {symbol.name for formula in formulas for symbol in formula.free_symbols}
    return sorted(
        names, key=lambda name: [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", name)]
    )


def in_plain_symbols(formula: Part) -> Formula:
    """Return the formula over symbols of the same names without assumptions."""
    return formula.xreplace({symbol: sympy.Symbol(symbol.name) for symbol in formula.free_symbols})
