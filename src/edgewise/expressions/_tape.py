"""Formulas as numbers: a sympy expression becomes numpy operations with a reverse sweep for its constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array, Formula

Unary = tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]  # value(z), derivative(z, value)

_UNARY: dict[type, Unary] = {
    sympy.exp: (np.exp, lambda _, v: v),
    sympy.log: (np.log, lambda z, _: 1 / z),
    sympy.sin: (np.sin, lambda z, _: np.cos(z)),
    sympy.cos: (np.cos, lambda z, _: -np.sin(z)),
    sympy.tan: (np.tan, lambda _, v: 1 + v * v),
    sympy.asin: (np.arcsin, lambda z, _: 1 / np.sqrt(1 - z * z)),
    sympy.acos: (np.arccos, lambda z, _: -1 / np.sqrt(1 - z * z)),
    sympy.atan: (np.arctan, lambda z, _: 1 / (1 + z * z)),
    sympy.sinh: (np.sinh, lambda z, _: np.cosh(z)),
    sympy.cosh: (np.cosh, lambda z, _: np.sinh(z)),
    sympy.tanh: (np.tanh, lambda _, v: 1 - v * v),
    sympy.asinh: (np.arcsinh, lambda z, _: 1 / np.sqrt(1 + z * z)),
    sympy.acosh: (np.arccosh, lambda z, _: 1 / np.sqrt(z * z - 1)),
    sympy.atanh: (np.arctanh, lambda z, _: 1 / (1 - z * z)),
    sympy.Abs: (np.abs, lambda z, _: np.sign(z)),
    sympy.sign: (np.sign, lambda z, _: 0 * z),
}


@dataclass(frozen=True)
class _Node:
    """One operation: its value from its arguments, and the derivative with respect to one of them."""

    args: tuple[int, ...]
    value: Callable[..., Array]
    slope: Callable[[int, list[Array], Array], Array]  # position, argument values, own value
    active: bool  # depends on a constant that is to be fitted


@dataclass
class Tape:
    """An expression compiled for many evaluations with changing constants.

    Common subexpressions are computed once. Only nodes that depend on a constant take part in the reverse
    sweep, so x**p with a fixed p never takes the logarithm of x.

    Args:
        expression: a sympy expression.
        names: the variables, in the order of the columns.
        constants: the symbols whose derivatives are wanted.
    """

    expression: Formula
    names: Sequence[str]
    constants: Sequence[sympy.Symbol] = ()
    _nodes: list[_Node | None] = field(default_factory=list)
    _numbers: list[Array | None] = field(default_factory=list)
    _places: dict[Formula, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._columns = {name: i for i, name in enumerate(self.names)}
        self._leaves = len(self.names) + len(self.constants)
        self._nodes = [None] * self._leaves
        self._numbers = [None] * self._leaves
        for k, symbol in enumerate(self.constants):
            self._places[symbol] = len(self.names) + k
        with np.errstate(all="ignore"):
            self._root = self._place(sympy.sympify(self.expression, strict=True))

    def values(self, columns: Sequence[Array], constants: Sequence[float] | Array = ()) -> Array:
        """Return the values (N,) at columns of N numbers each; nan or inf where undefined."""
        return self._broadcast(self._forward(columns, constants)[self._root], columns)

    def jacobian(self, columns: Sequence[Array], constants: Sequence[float] | Array) -> tuple[Array, Array]:
        """Return the values (N,) and their derivatives (N, P) with respect to the P constants."""
        values = self._forward(columns, constants)
        sweep: list[Any] = [None] * len(self._nodes)
        sweep[self._root] = np.float64(1.0)
        with np.errstate(all="ignore"):
            for k in range(len(self._nodes) - 1, self._leaves - 1, -1):
                node, flow = self._nodes[k], sweep[k]
                if node is None or flow is None or not node.active:
                    continue
                inputs = [values[a] for a in node.args]
                for position, a in enumerate(node.args):
                    if self._is_active(a):
                        part = flow * node.slope(position, inputs, values[k])
                        sweep[a] = part if sweep[a] is None else sweep[a] + part
        jacobian = np.zeros((len(columns[0]) if columns else 1, len(self.constants)))
        for k in range(len(self.constants)):
            part = sweep[len(self.names) + k]
            if part is not None:
                jacobian[:, k] = part
        return self._broadcast(values[self._root], columns), jacobian

    def _forward(self, columns: Sequence[Array], constants: Sequence[float] | Array) -> list[Array]:
        values: list[Any] = [*columns, *(np.float64(c) for c in constants)]
        with np.errstate(all="ignore"):
            for k in range(self._leaves, len(self._nodes)):
                node = self._nodes[k]
                values.append(self._numbers[k] if node is None else node.value(*(values[a] for a in node.args)))
        return values

    @staticmethod
    def _broadcast(value: Array, columns: Sequence[Array]) -> Array:
        return np.array(np.broadcast_to(value, len(columns[0]) if columns else 1), dtype=np.float64)

    def _is_active(self, place: int) -> bool:
        node = self._nodes[place]
        return node.active if node is not None else len(self.names) <= place < self._leaves

    def _place(self, expr: Formula) -> int:
        """Return the place of an expression on the tape, writing it and what it needs first."""
        place = self._places.get(expr)
        if place is None:
            if isinstance(expr, sympy.Symbol):
                place = self._columns[expr.name]
            elif not expr.free_symbols:
                place = self._append(None, _number(expr))
            else:
                place = self._operation(expr)
            self._places[expr] = place
        return place

    def _append(self, node: _Node | None, number: Array | None = None) -> int:
        self._nodes.append(node)
        self._numbers.append(number)
        return len(self._nodes) - 1

    def _operation(self, expr: Formula) -> int:
        if expr.is_Pow and expr.exp.is_Rational:
            args, (value, slope) = (self._place(expr.base),), _power(expr.exp)
        elif expr.is_Pow:
            args, value, slope = (self._place(expr.base), self._place(expr.exp)), np.power, _power_slope
        elif expr.is_Add or expr.is_Mul:
            args = tuple(self._place(a) for a in expr.args)
            value, slope = (_sum, _sum_slope) if expr.is_Add else (_product, _product_slope)
        elif expr.func in _UNARY:
            args, (value, slope) = (self._place(expr.args[0]),), _unary(_UNARY[expr.func])
        else:
            args, value, slope = self._opaque(expr)
        return self._append(_Node(args, value, slope, any(self._is_active(a) for a in args)))

    def _opaque(self, expr: Formula) -> tuple:
        """Return the parts of a node for a function that is not in the table (erf, Piecewise, ...)."""
        inner = expr.args
        if not all(isinstance(a, sympy.Expr) for a in inner):
            inner = tuple(sorted(expr.free_symbols, key=lambda s: s.name))
        dummies = [sympy.Dummy(f"z{k}") for k in range(len(inner))]
        pattern = expr.func(*dummies) if inner == expr.args else expr.xreplace(dict(zip(inner, dummies, strict=True)))
        value = _lambda(tuple(dummies), pattern)

        def slope(position: int, values: list[Array], _: Array) -> Array:
            return _lambda(tuple(dummies), sympy.diff(pattern, dummies[position]))(*values)

        return tuple(self._place(a) for a in inner), value, slope


@lru_cache(maxsize=512)
def _lambda(dummies: tuple[sympy.Dummy, ...], pattern: Formula) -> Callable[..., Array]:
    call = sympy.lambdify(dummies, pattern, modules=["scipy", "numpy"])
    return lambda *values: _real(call(*values))


def _real(value: object) -> Array:
    """Return an array of doubles, nan where a value is complex."""
    array: Any = np.asarray(value)
    if np.iscomplexobj(array):
        return np.where(np.abs(array.imag) <= 1e-14 * np.abs(array.real), array.real, np.nan)
    return array.astype(np.float64)


@lru_cache(maxsize=4096)
def _number(expr: Formula) -> Array:
    """Return an expression without symbols as a double, nan if it is not a real number."""
    if expr.is_Float or expr.is_Rational:
        return np.array(float(expr))
    value = expr.evalf(20)
    return np.array(float(value) if value.is_Float or value.is_Rational else np.nan)


def _sum(*values: Array) -> Array:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _sum_slope(*_: object) -> Array:
    return np.array(1.0)


def _product(*values: Array) -> Array:
    total = values[0]
    for value in values[1:]:
        total = total * value
    return total


def _product_slope(position: int, values: list[Array], _: Array) -> Array:
    rest = values[:position] + values[position + 1 :]
    return _product(*rest) if rest else np.array(1.0)


def _unary(pair: Unary) -> tuple[Callable, Callable]:
    value, derivative = pair
    return value, lambda _, values, v: derivative(values[0], v)


def _power(exponent: Formula) -> tuple[Callable, Callable]:
    """Return value and slope of z -> z**p for a fixed rational p."""
    p = float(exponent)
    if p == 2:
        return np.square, lambda _, z, __: 2 * z[0]
    if p == 3:
        return lambda z: z * z * z, lambda _, z, __: 3 * z[0] * z[0]
    if p == 4:
        return lambda z: np.square(z * z), lambda _, z, __: 4 * z[0] * z[0] * z[0]
    if p == -1:
        return lambda z: 1 / z, lambda _, __, v: -v * v
    if p == -2:
        return lambda z: 1 / (z * z), lambda _, z, v: -2 * v / z[0]
    if p == 0.5:
        return np.sqrt, lambda _, __, v: 0.5 / v
    if p == -0.5:
        return lambda z: 1 / np.sqrt(z), lambda _, z, v: -0.5 * v / z[0]
    return lambda z: np.power(z, p), lambda _, z, __: p * np.power(z[0], p - 1)


def _power_slope(position: int, values: list[Array], v: Array) -> Array:
    base, exponent = values
    if position == 0:
        return exponent * np.power(base, exponent - 1)
    return np.where((base == 0) & (v == 0), 0.0, v * np.log(base))


def evaluate(expr: Formula, names: Sequence[str], x: Array) -> Array:
    """Return the values of a formula at the rows of a table, nan where it is undefined.

    Symbols are matched with columns by name, whatever their assumptions; names may be any text.

    Args:
        expr: a sympy expression.
        names: the column names.
        x: the table (N, len(names)).

    Returns:
        Values (N,); a constant is repeated N times; complex values, poles and overflows are nan.

    Raises:
        KeyError: a symbol of the formula is not among the names.

    Example:
        >>> evaluate(sympy.sqrt(sympy.Symbol("x")), ["x"], np.array([[4.0], [-1.0]]))
        array([ 2., nan])
    """
    table = np.asarray(x, dtype=np.float64)
    columns = [np.ascontiguousarray(table[:, i]) for i in range(table.shape[1])]
    values = np.broadcast_to(Tape(expr, names).values(columns), len(table)).copy()
    values[~np.isfinite(values)] = np.nan
    return values
