"""Operations by name, programs as formulas of sympy, and formulas of sympy as programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise._errors import unknown
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._cpu_layout import (
    ADD,
    CONSTANT,
    COSTS,
    DIV,
    MUL,
    NAMES,
    POWER,
    SUB,
    TABULATED,
    VARIABLE,
)  # fmt: skip
from edgewise.formulas.programs._tabulated import function_at, matched, place_of

OPERATIONS = NAMES
"""The names of the operations, by number."""

FUNCTIONS = NAMES[DIV + 1 : TABULATED]
"""The operations of one argument, without those that a user registered."""
_OPCODES = {name: code for code, name in enumerate(NAMES)}
assert len(COSTS) == len(NAMES)


class Node(NamedTuple):
    """One step of a program: an operation, the column of a variable, and a weight.

    The weight multiplies a variable or a function; it is the value of a constant and the exponent of a power. Sums,
    differences, products and quotients have none.
    """

    operation: str
    argument: int = 0
    weight: float = 1.0

    @property
    def opcode(self) -> int:
        """The number of the operation."""
        return opcode(self.operation)


def opcode(name: str) -> int:
    """Return the number of an operation."""
    code = _OPCODES.get(name)
    if code is None:
        raise unknown("operation", name, NAMES)
    return code


def arity(code: int) -> int:
    """Return how many arguments an operation takes."""
    return 0 if code <= VARIABLE else 2 if code <= DIV else 1


def variable(column: int, weight: float = 1.0) -> list[Node]:
    """Return the nodes of weight * x[column]."""
    return [Node(NAMES[VARIABLE], column, weight)]


def constant(value: float) -> list[Node]:
    """Return the node of a number."""
    return [Node(NAMES[CONSTANT], 0, value)]


def apply(function: str, inner: Sequence[Node], weight: float = 1.0) -> list[Node]:
    """Return the nodes of weight * function(inner); for "power", of |inner| ** weight.

    >>> [node.operation for node in apply("sin", variable(0, 2.0))]
    ['variable', 'sin']
    """
    return [*inner, Node(function, 0, weight)]


def apply_own(name: str, inner: Sequence[Node], weight: float = 1.0) -> list[Node]:
    """Return the nodes of weight * f(inner), f a function that a user registered."""
    return [*inner, Node(NAMES[TABULATED], place_of(name), weight)]


def combine(operation: str, left: Sequence[Node], right: Sequence[Node]) -> list[Node]:
    """Return the nodes of the sum, difference, product or quotient of two shapes ("add", "sub", "mul", "div")."""
    return [*left, *right, Node(operation)]


def subtree_start(nodes: Sequence[Node], last: int) -> int:
    """Return where the subtree starts that ends at a node."""
    wanted, place = 1, last
    while True:
        wanted += arity(nodes[place].opcode) - 1
        if not wanted:
            return place
        place -= 1


def scaled(nodes: Sequence[Node], factor: float) -> list[Node]:
    """Return the nodes of factor times a shape, in its own weights where it has some. It may be an array of factors.

    >>> scaled(apply("exp", variable(0)), 3.0)[-1].weight
    3.0
    """
    if np.ndim(factor) == 0 and factor == 1.0:
        return list(nodes)
    last = nodes[-1]
    code = last.opcode
    if code in (ADD, SUB, MUL, DIV):
        middle = subtree_start(nodes, len(nodes) - 2)
        left, right = nodes[:middle], nodes[middle:-1]
        both = code in (ADD, SUB)
        return [*scaled(left, factor), *(scaled(right, factor) if both else right), last]
    if code == POWER:
        return combine(NAMES[MUL], constant(factor), nodes)
    return [*nodes[:-1], last._replace(weight=last.weight * factor)]


_FUNCTIONS = {
    layout.SQRT: sympy.sqrt,
    layout.EXP: sympy.exp,
    layout.LOG: sympy.log,
    layout.SIN: sympy.sin,
    layout.COS: sympy.cos,
    layout.TANH: sympy.tanh,
}
_LARGEST_LOGARITHM = 300.0  # of a factor


def expression(
    nodes: Sequence[Node], scale: float, offset: float, names: Sequence[str], positive: Sequence[str] = ()
) -> sympy.Expr:
    """Return offset + scale f, f given by its nodes: see `Program.expression`."""
    # Real, as |exp(x)| is exp(re(x)) otherwise.
    symbols = [sympy.Symbol(name, real=True, positive=True if name in positive else None) for name in names]
    factor, formula = _Writer(nodes, symbols).read(len(nodes) - 1, expressed=True)
    whole = number(offset) + number(scale * factor) * formula
    return whole.xreplace({symbol: sympy.Symbol(symbol.name) for symbol in symbols})


def number(value: float) -> sympy.Expr:
    """Return a number, as an integer if it is one."""
    largest_integer = 1e6  # numbers beyond are not written as integers
    return sympy.Integer(int(value)) if value.is_integer() and abs(value) < largest_integer else sympy.Float(value)


def _exponent(value: float) -> sympy.Expr:
    """Return an exponent, as a fraction if it is a half."""
    return sympy.Rational(number(2 * value), 2) if (2 * value).is_integer() else number(value)


class _Writer:
    """Reads nodes from the root down; weights that a parent expresses come out as factors."""

    def __init__(self, nodes: Sequence[Node], symbols: Sequence[sympy.Symbol]) -> None:
        self.codes = [node.opcode for node in nodes]
        self.places, self.weights = [node.argument for node in nodes], [node.weight for node in nodes]
        self.starts = [subtree_start(nodes, i) for i in range(len(nodes))]
        self.symbols = symbols

    def read(self, i: int, expressed: bool) -> tuple[float, Any]:
        """Return a factor and a formula whose product is the subtree at a node; the factor is 1 unless `expressed`."""
        code, weight = self.codes[i], self.weights[i]
        if code <= layout.VARIABLE:
            factor, leaf = self._leaf(i)
            return (factor, leaf) if expressed else (1.0, number(factor) * leaf)
        if code <= layout.SUB:
            return self._sum(i, expressed)
        if code <= layout.DIV:
            return self._product(i, expressed)
        if code == layout.POWER:
            return self._power(i, expressed)
        if code in (layout.SQUARE, layout.CUBE):
            degree = 2 if code == layout.SQUARE else 3
            inner, formula = self.read(i - 1, True)
            if inner and abs(degree * math.log(abs(inner))) > _LARGEST_LOGARITHM:
                inner, formula = 1.0, number(inner) * formula
            factor, formula = weight * inner**degree, formula**degree
        else:
            name = function_at(self.places[i]).sympy if code == layout.TABULATED else _FUNCTIONS[code]
            factor, formula = weight, name(self.read(i - 1, False)[1])
        if factor == 0.0:
            return 1.0, sympy.Integer(0)
        return (factor, formula) if expressed else (1.0, number(factor) * formula)

    def _leaf(self, i: int) -> tuple[float, Any]:
        """Return the number of a leaf as a factor, unless it is zero."""
        leaf = sympy.Integer(1) if self.codes[i] == layout.CONSTANT else self.symbols[self.places[i]]
        return (self.weights[i], leaf) if self.weights[i] else (1.0, sympy.Integer(0))

    def _power(self, i: int, expressed: bool) -> tuple[float, Any]:
        """|factor f|^p is |factor|^p |f|^p, unless that is too large or small for a number."""
        inner, formula = self.read(i - 1, expressed)
        size = self.weights[i] * math.log(abs(inner))
        if abs(size) > _LARGEST_LOGARITHM:
            inner, formula, size = 1.0, number(inner) * formula, 0.0
        return math.exp(size), sympy.Abs(formula) ** _exponent(self.weights[i])

    def _sum(self, i: int, expressed: bool) -> tuple[float, Any]:
        """The first term gives the scale."""
        factor, left = self.read(self.starts[i - 1] - 1, expressed)
        _, right = self.read(i - 1, False)
        right = number(1 / factor) * right if factor != 1.0 else right
        return factor, left + right if self.codes[i] == layout.ADD else left - right

    def _product(self, i: int, expressed: bool) -> tuple[float, Any]:
        a, left = self.read(self.starts[i - 1] - 1, True)
        b, right = self.read(i - 1, True)
        if self.codes[i] == layout.MUL:
            factor, formula = a * b, left * right
        else:
            factor, formula = a / b, left / right
        return (factor, formula) if expressed else (1.0, number(factor) * formula)


_OPERATIONS_OF = {"exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tanh": "tanh"}
_MADE_OF_OTHERS = {
    "tan": lambda u: sympy.sin(u) / sympy.cos(u),
    "sinh": lambda u: sympy.exp(u) / 2 - sympy.exp(-u) / 2,
    "cosh": lambda u: sympy.exp(u) / 2 + sympy.exp(-u) / 2,
}


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
    if name in _OPERATIONS_OF:
        return apply(_OPERATIONS_OF[name], _nodes(formula.args[0], places))
    return _other(name, formula, places)


def _other(name: str, formula: Any, places: dict[str, int]) -> list[Node]:
    """Return functions that are made of others."""
    if name == "Abs":
        return apply("power", _nodes(formula.args[0], places), 1.0)
    if own := matched(formula):
        return apply_own(own[0], _nodes(own[1], places))
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
    largest_exponent = 12
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
    if p > largest_exponent:
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
