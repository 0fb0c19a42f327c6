"""Formulas of sympy as programs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import sympy

from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._operations import Node, apply, combine, constant, scaled, variable

_FUNCTIONS = {"exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tanh": "tanh"}
_MADE_OF_OTHERS = {
    "tan": lambda u: sympy.sin(u) / sympy.cos(u),
    "sinh": lambda u: sympy.exp(u) / 2 - sympy.exp(-u) / 2,
    "cosh": lambda u: sympy.exp(u) / 2 + sympy.exp(-u) / 2,
}
_LARGEST_EXPONENT = 12


class _Unknown(Exception):
    """The formula has no program."""


def from_expression(expression: Any, names: Sequence[str]) -> tuple[list[Node], float, float] | None:
    """Return the nodes, the scale and the offset of a formula: see `Program.from_expression`."""
    try:
        formula = sympy.sympify(expression, strict=True)
        rest, scale, offset = _outer(formula)
        nodes = _nodes(rest, {name: k for k, name in enumerate(names)})
        return (nodes, scale, offset) if len(nodes) <= layout.LONGEST else None
    except (_Unknown, OverflowError, RecursionError, ZeroDivisionError):
        return None


def _outer(formula: Any) -> tuple[Any, float, float]:
    """Return f, scale and offset of formula = offset + scale f."""
    terms = sympy.Add.make_args(formula)
    parts = _in_order([term for term in terms if term.free_symbols])
    offset = sum(_number(term) for term in terms if not term.free_symbols)
    if not parts:
        return sympy.Integer(1), 0.0, offset
    scale = _coefficient(parts[0])[0]
    return sympy.Add(*(part / scale if scale != 1.0 else part for part in parts)), scale, offset


def _in_order(terms: Sequence[Any]) -> list[Any]:
    """Return functions before variables and those before numbers: the weight of the first term is free of charge."""
    return sorted(
        terms, key=lambda term: (not term.free_symbols, bool(term.free_symbols) and _coefficient(term)[1].is_Symbol)
    )


def _number(formula: Any) -> float:
    value = formula.evalf(20)
    if not (value.is_Float or value.is_Rational) or not value.is_finite:
        raise _Unknown
    return float(value)


def _coefficient(formula: Any) -> tuple[float, Any]:
    """Return the product of the numbers of a product, and the rest."""
    numbers, rest = formula.as_independent(*formula.free_symbols, as_Add=False)
    return _number(numbers), rest


def _nodes(formula: Any, places: dict[str, int]) -> list[Node]:
    if not formula.free_symbols:
        return constant(_number(formula))
    if formula.is_Symbol:
        if formula.name not in places:
            raise _Unknown
        return variable(places[formula.name])
    if formula.is_Add:
        terms = _in_order(formula.args)
        return reduce(lambda a, b: combine("add", a, b), [_nodes(part, places) for part in terms])
    if formula.is_Mul:
        return _product(formula, places)
    if formula.is_Pow:
        return _power(formula.base, formula.exp, places)
    name = type(formula).__name__
    if name in _FUNCTIONS:
        return apply(_FUNCTIONS[name], _nodes(formula.args[0], places))
    return _other(name, formula, places)


def _other(name: str, formula: Any, places: dict[str, int]) -> list[Node]:
    """Return functions that are made of others."""
    if name == "Abs":
        return apply("power", _nodes(formula.args[0], places), 1.0)
    if name not in _MADE_OF_OTHERS:
        raise _Unknown
    return _nodes(_MADE_OF_OTHERS[name](formula.args[0]), places)


def _product(formula: Any, places: dict[str, int]) -> list[Node]:
    """Return a product as a quotient of two, with its number in the weights."""
    coefficient, rest = _coefficient(formula)
    above, below = [], []
    for part in sympy.Mul.make_args(rest):
        base, exponent = part.as_base_exp()
        negative = part.is_Pow and base is not sympy.E and exponent.is_number and exponent.is_negative
        (below if negative else above).append(sympy.Pow(base, -exponent) if negative else part)
    bottom = [_nodes(part, places) for part in below]
    if not above:
        return combine("div", constant(coefficient), reduce(_times, bottom))
    top = scaled(reduce(_times, [_nodes(part, places) for part in above]), coefficient)
    return combine("div", top, reduce(_times, bottom)) if bottom else top


def _times(a: list[Node], b: list[Node]) -> list[Node]:
    return combine("mul", a, b)


def _power(base: Any, exponent: Any, places: dict[str, int]) -> list[Node]:
    if not base.free_symbols:  # a^u = exp(u log a)
        return apply("exp", _nodes(exponent * sympy.log(base), places))
    if exponent.free_symbols:
        return apply("exp", _nodes(exponent * sympy.log(base), places))
    p = _number(exponent)
    if p < 0:
        return combine("div", constant(1.0), _power(base, -exponent, places))
    inner = _nodes(base, places)
    if p == 0.5:
        return apply("sqrt", inner)
    if not p.is_integer():
        return apply("power", inner, p)
    if p > _LARGEST_EXPONENT:
        raise _Unknown
    return _integer_power(inner, int(p))


def _integer_power(inner: list[Node], p: int) -> list[Node]:
    """Return u^p by squares, cubes and products."""
    if p == 1:
        return inner
    if p % 2 == 0:
        return apply("square", _integer_power(inner, p // 2))
    if p % 3 == 0:
        return apply("cube", _integer_power(inner, p // 3))
    return combine("mul", inner, _integer_power(inner, p - 1))
