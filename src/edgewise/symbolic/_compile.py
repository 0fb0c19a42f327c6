"""From a formula to the network that computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sympy
import torch

from edgewise import functions as library
from edgewise._errors import InputError
from edgewise._typing import Formula
from edgewise.nn import KAN, layer_of

_NAMES = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.tanh: "tanh",
    sympy.sinh: "sinh", sympy.cosh: "cosh", sympy.asin: "asin", sympy.acos: "acos", sympy.atan: "atan",
    sympy.atanh: "atanh", sympy.Abs: "abs",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One edge: c f(a u + b) of the node that computes u."""

    function: str
    a: float
    u: Formula
    b: float
    c: float


@dataclass(frozen=True)
class Subnode:
    """A sum of edges and a constant."""

    terms: tuple[Term, ...]
    constant: float


@dataclass
class _Plan:
    """Nodes by formula: their subnodes (one: a sum, several: a product) and the layer that can first compute them."""

    names: Sequence[str]
    subnodes: dict[Formula, list[Subnode]] = field(default_factory=dict)
    rank: dict[Formula, int] = field(default_factory=dict)

    def add(self, node: Formula) -> int:
        """Plan a node and everything under it; returns its layer."""
        if node in self.rank:
            return self.rank[node]
        if node.is_Symbol:
            if node.name not in self.names:
                raise InputError(f"The formula uses {node.name!r}, which is not among the inputs {list(self.names)}.")
            self.rank[node] = 0
            return 0
        _, factors = _product(node)
        parts = [_sum(f) for f in factors] if len(factors) > 1 else [_sum(node)]
        if len(factors) > 1:
            coefficient = float(node / sympy.Mul(*factors))
            first = parts[0]
            terms = tuple(Term(t.function, t.a, t.u, t.b, coefficient * t.c) for t in first.terms)
            parts[0] = Subnode(terms, coefficient * first.constant)
        self.subnodes[node] = parts
        below = [self.add(t.u) for part in parts for t in part.terms]
        self.rank[node] = 1 + max(below, default=0)
        return self.rank[node]


def network_of(expression: Formula, names: Sequence[str]) -> KAN:
    """Return the network of symbolic edges that computes a formula: the reverse of `KAN.formula`.

    Sums become sum nodes, products product nodes, powers and functions of one argument edges; a value that is needed
    later is passed on by an edge x. Symbols are matched to inputs by name.

    Errors: InputError for other names, functions outside the library, and numbers that are not real.

    >>> from sympy import Symbol, exp, pi, sin
    >>> x, y = Symbol("x"), Symbol("y")
    >>> network_of(exp(sin(pi * x) + y**2), ["x", "y"]).widths
    [2, 1, 1]
    >>> network_of(2 * x / y**2, ["x", "y"]).formula(["x", "y"])
    2*x/y**2
    """
    expression = sympy.sympify(expression) if isinstance(expression, int | float) else expression
    expression = expression.xreplace({s: sympy.Symbol(s.name) for s in expression.free_symbols})
    plan = _Plan(names)
    depth = max(1, plan.add(expression))
    layers = _layers(plan, expression, depth)
    model = KAN([len(names), *(_width(plan, nodes) for nodes in layers)], grid=1, base=None)
    before = [sympy.Symbol(name) for name in names]
    for number, nodes in enumerate(layers):
        _fill(model, number, plan, before, nodes)
        before = nodes
    return model


def _layers(plan: _Plan, output: Formula, depth: int) -> list[list[Formula]]:
    """The nodes of each layer, sums before products, values that are needed later passed on."""
    layers: list[list[Formula]] = [[] for _ in range(depth)]
    layers[-1] = [output]
    for level in range(depth - 1, 0, -1):
        needed: dict[Formula, None] = {}
        for node in layers[level]:
            if plan.rank[node] == level + 1:
                needed.update(dict.fromkeys(t.u for part in plan.subnodes[node] for t in part.terms))
            else:
                needed[node] = None
        nodes = list(needed)
        layers[level - 1] = sorted(nodes, key=lambda n: _is_product(plan, n, level))
    return layers


def _is_product(plan: _Plan, node: Formula, level: int) -> bool:
    return plan.rank[node] == level and len(plan.subnodes.get(node, ())) > 1


def _width(plan: _Plan, nodes: list[Formula]) -> tuple[int, list[int]]:
    level = max(plan.rank[n] for n in nodes)
    arities = [len(plan.subnodes[n]) for n in nodes if _is_product(plan, n, level) and plan.rank[n] == level]
    return len(nodes) - len(arities), arities


def _fill(model: KAN, number: int, plan: _Plan, before: list[Formula], nodes: list[Formula]) -> None:
    """Set the edges of one layer."""
    layer = layer_of(model, number)
    layer.mask[:] = False
    j = 0
    for node in nodes:
        computed_here = plan.rank[node] == number + 1
        passed = Subnode((Term("x", 1.0, node, 0.0, 1.0),), 0.0)
        for part in plan.subnodes[node] if computed_here else [passed]:
            constant = part.constant
            terms = part.terms or (Term("x", 0.0, before[0], 0.0, 1.0),)
            for term in terms:
                i = before.index(term.u)
                layer.mask[j, i] = True
                layer.symbols[j, i] = term.function
                values = torch.tensor([term.a, term.b, term.c, constant], dtype=layer.dtype)
                layer.affine.data[j, i] = values
                constant = 0.0
            j += 1


def _sum(expression: Formula) -> Subnode:
    """A formula as a sum of edges; of terms that start at one node, all but one become nodes of their own."""
    constant, by_node = 0.0, {}
    for part in sympy.Add.make_args(expression):
        if part.is_number:
            constant += _real(part)
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
    return Subnode(tuple(terms), constant)


def _term(part: Formula) -> Term:
    coefficient, factors = _product(part)
    if len(factors) > 1:
        return Term("x", 1.0, sympy.Mul(*factors), 0.0, coefficient)
    (rest,) = factors
    if rest.is_Symbol or rest.is_Add:
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
    if expression.is_Pow:
        base, exponent = expression.as_base_exp()
        if exponent.is_Rational:
            name = {sympy.S.Half: "sqrt", -sympy.S.Half: "1/sqrt", sympy.S.NegativeOne: "1/x"}.get(exponent)
            return name or f"x^{exponent}", base
        if base.is_number:
            return "exp", exponent * sympy.log(base)
        return "exp", exponent * sympy.log(base)
    name = _NAMES.get(expression.func)
    if name is None or len(expression.args) != 1:
        raise InputError(
            f"The formula uses {expression.func}, which is no edge function. Known: {', '.join(library.names())}."
        )
    return name, expression.args[0]


def _affine(argument: Formula) -> tuple[float, Formula, float]:
    """a, u, b with argument = a u + b."""
    numbers = [p for p in sympy.Add.make_args(argument) if p.is_number]
    rest = sympy.Add(*(p for p in sympy.Add.make_args(argument) if not p.is_number))
    if rest.is_Add:
        return 1.0, argument, 0.0
    coefficient, factors = _product(rest)
    return coefficient, sympy.Mul(*factors), _real(sympy.Add(*numbers))


def _real(value: Formula) -> float:
    number = complex(value)
    if number.imag != 0 or number.real != number.real or abs(number.real) == float("inf"):
        raise InputError(f"The formula holds the number {value}, which is not real and finite.")
    return number.real
