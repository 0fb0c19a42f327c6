"""Which functions a formula uses, and which it may."""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.formulas.programs import FUNCTIONS, matched, tabulated_names

_OTHERS = (
    "abs", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "sinc",
)  # fmt: skip
_WHOLE = {2: "square", 3: "cube"}
_PRODUCTS = frozenset(_WHOLE.values())


def _known() -> tuple[str, ...]:
    """Return the functions that can be allowed and forbidden, those that were registered too."""
    return (*FUNCTIONS, *_OTHERS, *tabulated_names())


def allowed_functions(given: object) -> frozenset[str]:
    """Return the functions that a list allows, or that it leaves where all of its names begin with "-".

    Whole powers are products: a list that allows functions allows them too.

    Errors: InputError for names that are no functions, and lists that both allow and forbid.

    >>> sorted(allowed_functions(["exp", "log"]))
    ['cube', 'exp', 'log', 'square']
    >>> "sin" in allowed_functions(["-sin", "-cos"]), "exp" in allowed_functions(["-sin", "-cos"])
    (False, True)
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"'functions' must list names, like ['exp', 'log'] or ['-sin', '-cos']. Got {given!r}.")
    names, known = [str(name) for name in given], _known()
    plain = [name.removeprefix("-") for name in names]
    for name in plain:
        if name not in known:
            raise unknown("function", name, known)
    signs = {name.startswith("-") for name in names}
    if len(signs) > 1:
        raise InputError(f"'functions' must allow all of its names, or forbid all by a '-' before each. Got {names!r}.")
    return frozenset(known) - frozenset(plain) if True in signs else frozenset(plain) | _PRODUCTS


def foreign_functions(expression: Formula, allowed: frozenset[str]) -> list[str]:
    """Return the functions of a formula that are not allowed.

    + - * / and whole powers beyond the cube always are. A root is allowed by "sqrt" or "power", other powers by
    "power"; bars inside of one, |u|^p, belong to it.

    >>> x = sympy.Symbol("x")
    >>> foreign_functions(sympy.sqrt(x) + x**2 + sympy.sin(x), frozenset({"exp", "square"}))
    ['sin', 'sqrt']
    """
    found: set[str] = set()

    def walk(part: Part) -> None:
        if part.is_Pow:
            wanted = _power(part)
            if not wanted & allowed and wanted:
                found.add(min(wanted, key=lambda name: name == "power"))
            inner = part.base
            walk(inner.args[0] if isinstance(inner, sympy.Abs) and not part.exp.is_Integer else inner)
            walk(part.exp)
            return
        if part.is_Function and (name := _name(part)) not in allowed:
            found.add(name)
        for inner in part.args:
            walk(inner)

    walk(expression)
    return sorted(found)


def _name(part: Part) -> str:
    own = matched(part)
    return type(part).__name__.lower() if own is None else own[0]


def _power(power: Part) -> set[str]:
    """Return the functions of which one is needed for a power; none for a product."""
    if not power.free_symbols:
        return set()
    exponent = power.exp
    if not exponent.is_number:
        return {"power"}
    value = abs(float(exponent))
    if value.is_integer():
        return {_WHOLE[int(value)]} if int(value) in _WHOLE else set()
    return {"sqrt", "power"} if (2 * value).is_integer() else {"power"}
