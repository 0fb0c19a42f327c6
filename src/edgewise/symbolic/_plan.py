"""Which nodes and edges compute a formula, and in which layer each can stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import sympy

from edgewise import functions as library
from edgewise._errors import InputError, unknown
from edgewise._typing import Formula
from edgewise.functions._constants import exact_constant
from edgewise.nn._nodes import Width
from edgewise.symbolic._vocabulary import edge_function, primitives


class Term(NamedTuple):
    """One edge: c f(a u + b) of the node that computes u."""

    function: str
    a: float
    u: Formula
    b: float
    c: float


class Subnode(NamedTuple):
    """A sum of edges and a constant."""

    terms: tuple[Term, ...]
    constant: float


@dataclass
class Plan:
    """Nodes by formula: their subnodes (one: a sum, several: a product) and the layer that can first compute them."""

    names: Sequence[str]
    outputs: set[Formula] = field(default_factory=set)
    subnodes: dict[Formula, list[Subnode]] = field(default_factory=dict)
    rank: dict[Formula, int] = field(default_factory=dict)

    def layers(self, outputs: list[Formula], least: int) -> list[list[Formula]]:
        """The nodes of each layer, at least so many: sums before products, and values that are needed later.

        The outputs keep their order. Where a product among them would have to come before a sum, all are passed on.
        """
        self.outputs = set(outputs)
        depth = max(least, *(self._add(output) for output in outputs))
        products = [self._is_product(output, depth) for output in outputs]
        if products != sorted(products):
            depth += 1
        layers: list[list[Formula]] = [[] for _ in range(depth)]
        layers[-1] = outputs
        for level in range(depth - 1, 0, -1):
            needed: dict[Formula, None] = {}
            for node in layers[level]:
                computed = self.rank[node] == level + 1
                below = [t.u for part in self.subnodes[node] for t in part.terms] if computed else [node]
                needed.update(dict.fromkeys(below))
            # A constant needs no node, but each layer has one.
            nodes = list(needed) or [sympy.Symbol(self.names[0])]
            layers[level - 1] = sorted(nodes, key=lambda node: self._is_product(node, level))
        return layers

    def width(self, nodes: list[Formula], level: int) -> Width:
        """The width of a layer, numbered from 1."""
        arities = [len(self.subnodes[node]) for node in nodes if self._is_product(node, level)]
        return len(nodes) - len(arities), arities

    def _is_product(self, node: Formula, level: int) -> bool:
        return self.rank[node] == level and len(self.subnodes.get(node, ())) > 1

    def _add(self, node: Formula) -> int:
        """Plan a node and everything under it; returns its layer."""
        if node in self.rank:
            return self.rank[node]
        if isinstance(node, sympy.Symbol):
            if node.name not in self.names:
                raise unknown("name", node.name, self.names)
            self.rank[node] = 0
            return 0
        coefficient, factors = _product(node)
        parts = [_sum(factor) for factor in factors] if len(factors) > 1 else [_sum(node)]
        if len(factors) > 1:
            terms = tuple(term._replace(c=coefficient * term.c) for term in parts[0].terms)
            parts[0] = Subnode(terms, coefficient * parts[0].constant)
        below = [self._add(term.u) for part in parts for term in part.terms]
        self.subnodes[node] = parts
        self.rank[node] = 1 + max(below, default=0)
        return self.rank[node]


def _sum(expression: Formula) -> Subnode:
    """A formula as a sum of edges; of terms that start at one node, all but one become nodes of their own."""
    constants, by_node = [], {}
    for part in sympy.Add.make_args(expression):
        if part.is_number:
            constants.append(_real(part))
        else:
            term = _term(part)
            by_node.setdefault(term.u, []).append((term, part))
    terms = []
    for group in by_node.values():
        group.sort(key=lambda pair: pair[0].function != "x")
        terms.append(group[0][0])
        for _, part in group[1:]:
            coefficient, factors = _product(part)
            terms.append(Term("x", 1.0, sympy.Mul(*factors), 0.0, coefficient))
    return Subnode(tuple(terms), math.fsum(constants))


def _term(part: Formula) -> Term:
    coefficient, factors = _product(part)
    rest = sympy.Mul(*factors)
    if len(factors) > 1 or rest.is_Symbol or rest.is_Add:
        return Term("x", 1.0, rest, 0.0, coefficient)
    function, argument = _function(rest)
    a, u, b = _affine(argument)
    return Term(function, a, u, b, coefficient)


def _product(expression: Formula) -> tuple[float, list[Formula]]:
    """Numeric coefficient and the other factors."""
    args = sympy.Mul.make_args(expression)
    numbers = [a for a in args if a.is_number]
    return _real(sympy.Mul(*numbers)), [a for a in args if not a.is_number]


def _function(expression: Formula) -> tuple[str, Formula]:
    """The edge function and its argument."""
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.as_base_exp()
        power = _power(exponent)
        return ("exp", exponent * sympy.log(base)) if power is None else (power, base)
    found = edge_function(expression)
    if found is None:
        raise unknown("function", type(expression).__name__, primitives())
    return found


def _power(exponent: Formula) -> str | None:
    """The name of x^exponent in the library; None where it has none, as for decimals that are no simple fraction."""
    exact = exact_constant(float(exponent)) if exponent.is_Float else exponent
    try:
        return library.get(f"x^{exact}").name if exact.is_Rational else None
    except InputError:
        return None


def _affine(argument: Formula) -> tuple[float, Formula, float]:
    """a, u, b with argument = a u + b."""
    parts = sympy.Add.make_args(argument)
    rest = [part for part in parts if not part.is_number]
    if len(rest) != 1:
        return 1.0, argument, 0.0
    coefficient, factors = _product(rest[0])
    return coefficient, sympy.Mul(*factors), math.fsum(_real(part) for part in parts if part.is_number)


def _real(value: Formula) -> float:
    """The double of a number, correctly rounded."""
    try:
        number = complex(sympy.N(value, 25))
    except (TypeError, ValueError, OverflowError):
        number = complex(math.nan)
    if number.imag != 0 or not math.isfinite(number.real):
        raise InputError(f"The formula holds the number {str(value)[:60]}, which is not real and finite.")
    return number.real
