"""Programs as formulas of sympy, each number folded into its neighbors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sympy

from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._operations import Node, subtree_start

_FUNCTIONS = {
    layout.SQRT: sympy.sqrt,
    layout.EXP: sympy.exp,
    layout.LOG: sympy.log,
    layout.SIN: sympy.sin,
    layout.COS: sympy.cos,
    layout.TANH: sympy.tanh,
}
_LARGEST_LOGARITHM = 300.0  # of a factor
_LARGEST_INTEGER = 1e6  # numbers beyond are not written as integers


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
    return sympy.Integer(int(value)) if value.is_integer() and abs(value) < _LARGEST_INTEGER else sympy.Float(value)


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
            factor, formula = weight, _FUNCTIONS[code](self.read(i - 1, False)[1])
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
