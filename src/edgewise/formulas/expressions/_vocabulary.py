"""The words of formulas: constants, functions, names of inputs, and text that the parser reads back."""

import operator
import re
from collections.abc import Iterable, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.formulas import functions as library
from edgewise.formulas.expressions._centered import products_kept
from edgewise.formulas.expressions._constants import readable_float, shorten
from edgewise.formulas.expressions._grammar import SyntaxNode, character, syntax_tree
from edgewise.formulas.expressions._products import factored

CONSTANTS = {"pi": sympy.pi, "π": sympy.pi, "e": sympy.E, "E": sympy.E}
#: other spellings, each by means of the library's functions; every parameter stands once, so that nothing grows
_OTHERS = {
    "sqrt": "u^(1/2)",
    "cbrt": "u^(1/3)",
    "square": "u^2",
    "ln": "log(u)",
    "log10": "log(u)/log(10)",
    "log2": "log(u)/log(2)",
    "log1p": "log(1 + u)",
    "expm1": "exp(u) - 1",
    "sec": "1/cos(u)",
    "csc": "1/sin(u)",
    "cot": "1/tan(u)",
    "sech": "1/cosh(u)",
    "csch": "1/sinh(u)",
    "coth": "1/tanh(u)",
    "arcsin": "asin(u)",
    "arccos": "acos(u)",
    "arctan": "atan(u)",
    "arcsinh": "asinh(u)",
    "arccosh": "acosh(u)",
    "arctanh": "atanh(u)",
    "sigmoid": "logistic(u)",
    "pow": "u^v",
    "hypot": "sqrt(u^2 + v^2)",
}
_PARAMETERS = ("u", "v")
_U = sympy.Symbol("u")


def primitives() -> MappingProxyType[str, str]:
    """Return each function that a formula can name, and the row of the library that it is.

    A row has its own name and sympy's: both "abs" and "Abs".

    Examples
    --------
    >>> from edgewise.expressions import primitives
    >>> primitives()["Abs"], primitives()["exp"]
    ('abs', 'exp')
    """
    return _primitives(tuple(library.names()))


@cache
def _primitives(rows: tuple[str, ...]) -> MappingProxyType[str, str]:
    named = {_head(row): row for row in rows if _is_plain(row)}
    return MappingProxyType(named | {row: row for row in rows if row.isidentifier() and row != "x"})


def others() -> MappingProxyType[str, SyntaxNode]:
    """Return each function that is written by means of others: a formula in u, or in u and v."""
    return _others(frozenset(primitives()))


@cache
def _others(known: frozenset[str]) -> MappingProxyType[str, SyntaxNode]:
    found: dict[str, SyntaxNode] = {}
    for name, text in _OTHERS.items():
        tree = syntax_tree(text)
        if name not in known and _texts(tree, "call") <= known | set(found):
            found[name] = tree
    return MappingProxyType(found)


def parameters(tree: SyntaxNode) -> list[str]:
    """Return the parameters of one of the `others`."""
    used = _texts(tree, "name")
    return [name for name in _PARAMETERS if name in used]


def check_words(tree: SyntaxNode, names: Sequence[str] | None) -> None:
    """Raise the error for the first word that is no name, constant or function, or that is used as another kind."""
    if tree.kind == "name":
        _check_name(tree, names)
    elif tree.kind == "call":
        _check_call(tree, names or ())
    for part in tree.parts:
        check_words(part, names)


def _check_name(node: SyntaxNode, names: Sequence[str] | None) -> None:
    name = node.text
    if (names is not None and name in names) or name in CONSTANTS:
        return
    if name in primitives() or name in others():
        raise node.place.error(f"{name!r} is a function and needs an argument: {name}(...).")
    if names is not None:
        raise node.place.error(f"{unknown('name', name, names)}{_foreign(name)}")


def _check_call(node: SyntaxNode, names: Sequence[str]) -> None:
    name, known = node.text, [*primitives(), *others()]
    if name not in known and (name in names or name in CONSTANTS):
        raise node.place.error(f"{name!r} is no function: write {name}*(...) for a product.")
    if name not in known:
        raise node.place.error(f"{unknown('function', name, known)}{_foreign(name)}")
    wanted = len(parameters(others()[name])) if name in others() else 1
    if len(node.parts) != wanted:
        raise node.place.error(f"{name!r} takes {wanted} argument{'s' * (wanted > 1)}. Got {len(node.parts)}.")


def _foreign(name: str) -> str:
    """Return what stands in a word beyond ASCII, as it may look like something else."""
    signs = [character(sign) for sign in dict.fromkeys(name) if not sign.isascii()]
    return f" It holds {', '.join(signs[:3])}." if signs else ""


def library_function(expression: Part) -> tuple[str, Part] | None:
    """Return the row and the argument of f(u), f a function of the library; None where it is none.

    Parameters
    ----------
    expression
        The formula.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import library_function
    >>> x = sympy.Symbol("x")
    >>> library_function(sympy.Abs(x + 1)), library_function(sympy.gamma(x))
    (('abs', x + 1), None)
    """
    if (softplus := _softplus(expression)) is not None:
        return "softplus", softplus
    for row in _by_head(tuple(library.names())).get(type(expression).__name__, ()):
        if library.get(row).sympy(_U).args == (_U,):
            return row, expression.args[0]
        for argument in expression.args:
            if library.get(row).sympy(argument) == expression:
                return row, argument
    return None


def _softplus(expression: Part) -> Part | None:
    """u of log(1 + exp(u)), which overflows where the row of the library does not."""
    if not isinstance(expression, sympy.log):
        return None
    one, rest = expression.args[0].as_coeff_Add()
    return rest.exp if one == 1 and isinstance(rest, sympy.exp) else None


@cache
def _by_head(rows: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if _is_plain(row):
            found.setdefault(_head(row), []).append(row)
    return found


def _head(row: str) -> str:
    return type(library.get(row).sympy(_U)).__name__


def _is_plain(row: str) -> bool:
    """Return whether the row is one function of sympy applied to its argument, and no composition."""
    form = library.get(row).sympy(_U)
    return _U in form.args and not isinstance(form, sympy.Add | sympy.Mul | sympy.Pow)


def _texts(tree: SyntaxNode, kind: str) -> set[str]:
    found = {tree.text} if tree.kind == kind else set()
    return found.union(*(_texts(part, kind) for part in tree.parts))


def check_names(names: object) -> list[str]:
    """Return the names of inputs as a list, once they are what names have to be.

    Parameters
    ----------
    names
        The names.

    Raises
    ------
    InputError
        For what is no list of different texts.

    Examples
    --------
    >>> from edgewise.expressions import check_names
    >>> check_names(("mass", "speed"))
    ['mass', 'speed']
    """
    listed = list(names) if isinstance(names, Sequence) and not isinstance(names, str) else None
    if not listed or not all(isinstance(name, str) and name for name in listed) or len({*listed}) != len(listed):
        raise InputError(f"'names' must list different names, one for each input, like ['a', 'b']. Got {names!r}.")
    return listed


def used_names(formulas: Iterable[Part]) -> list[str]:
    """Return the names of the symbols in formulas, x2 before x10.

    Parameters
    ----------
    formulas
        The formulas.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import used_names
    >>> used_names([sympy.Symbol("x10") + sympy.Symbol("x2")])
    ['x2', 'x10']
    """
    names = {symbol.name for formula in formulas for symbol in formula.free_symbols}
    return sorted(
        names, key=lambda name: [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", name)]
    )


def in_plain_symbols(formula: Part) -> Formula:
    """Return the formula over symbols of the same names without assumptions.

    Parameters
    ----------
    formula
        The formula.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import in_plain_symbols
    >>> in_plain_symbols(sympy.Symbol("x", positive=True)) == sympy.Symbol("x")
    True
    """
    others = {symbol: sympy.Symbol(symbol.name) for symbol in formula.free_symbols}
    return formula.xreplace({symbol: plain for symbol, plain in others.items() if symbol != plain})


def write(expression: Part, digits: int | None = None) -> str:
    """Return a formula as one line of text: names that are no words stand in backquotes.

    `parse(text, names)` reads it back. A backquote within a name becomes an apostrophe.

    Parameters
    ----------
    expression
        The formula.
    digits
        Significant digits of its numbers; None writes them in full.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import write
    >>> temperature = sympy.Symbol("T (K)")
    >>> write(temperature**2 / 3 + sympy.Float("0.123456789"), 6)
    '`T (K)`**2/3 + 0.123457'
    """
    with products_kept(expression):
        shown = expression if digits is None else shorten(expression, digits)
        named = decimals(shown).xreplace({s: _named(s) for s in shown.free_symbols})
        return sympy.sstr(factored(named), full_prec=False)


def decimals(expression: Part) -> Formula:
    """Return a formula with decimals for the fractions that are shorter so: 34.65 for 693/20, but 2/3 and 7/2 stay.

    Exponents stay too.

    Parameters
    ----------
    expression
        The formula.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import decimals
    >>> x = sympy.Symbol("x")
    >>> decimals(sympy.Rational(693, 20) * x ** sympy.Rational(12, 5) + sympy.Rational(2, 3))
    34.65*x**(12/5) + 2/3
    """
    plain = 9  # up to which numerators and denominators stay
    if expression.is_Rational:
        text = repr(float(expression)) if expression.q > 1 and max(abs(expression.p), expression.q) > plain else ""
        short = bool(text) and len(text) <= len(str(expression)) and sympy.Rational(text) == expression
        return readable_float(float(expression)) if short else expression
    if expression.is_Pow and expression.exp.is_Rational:
        args = [decimals(expression.base), expression.exp]
    else:
        args = [decimals(part) for part in expression.args]
    return expression if all(map(operator.is_, args, expression.args)) else expression.func(*args)


def _named(symbol: Any) -> sympy.Symbol:
    return sympy.Symbol(quoted(symbol.name), **symbol.assumptions0)


def quoted(name: str) -> str:
    """Return a name as it stands in a formula: as it is if it is a word, else in backquotes.

    Parameters
    ----------
    name
        The name.

    Examples
    --------
    >>> from edgewise.expressions import quoted
    >>> quoted("mass"), quoted("mass (kg)"), quoted("2020")
    ('mass', '`mass (kg)`', '`2020`')
    """
    try:
        tree = syntax_tree(name)
    except InputError:
        tree = None
    plain = tree is not None and tree.kind == "name" and tree.text == name
    return name if plain else "`" + name.replace("`", "'") + "`"
