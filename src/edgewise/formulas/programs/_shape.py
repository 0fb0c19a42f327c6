"""Shapes of the table as nodes of programs, with numbers for their constants, one or many at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, reduce
from typing import Any

import numpy as np

from edgewise.formulas.expressions import SyntaxNode, syntax_tree
from edgewise.formulas.functions import Shape
from edgewise.formulas.programs._expression import Node, apply, apply_own, combine, constant, scaled, variable


def shape_nodes(shape: Shape, constants: Mapping[str, Any], column: int = 0) -> list[Node]:
    """Return the nodes of a shape of a column. Constants that are not given are zero, and leave no node.

    The weights are arrays where the constants are.

    >>> from edgewise.formulas.functions import shapes
    >>> tanh = next(shape for shape in shapes("reading") if shape.name == "tanh")
    >>> [node.operation for node in shape_nodes(tanh, {"B": 2.0})]
    ['variable', 'tanh']
    >>> [node.weight for node in shape_nodes(tanh, {"B": 2.0, "C": 1.5})]
    [2.0, -3.0, 1.0, 1.0]
    """
    if shape.function is None:
        return _Written(constants, column).nodes(_tree(shape.formula))
    return apply_own(shape.function.name, _Written(constants, column).nodes(_tree("B*(x - C)")))


@cache
def _tree(formula: str) -> SyntaxNode:
    return syntax_tree(formula)


class _Written:
    """Writes parts of a formula as nodes, or as numbers where x is not in them."""

    def __init__(self, constants: Mapping[str, Any], column: int) -> None:
        self.constants, self.column = constants, column

    def nodes(self, node: SyntaxNode) -> list[Node]:
        return _as_nodes(self.of(node))

    def of(self, node: SyntaxNode) -> Any:
        if node.kind == "number":
            return float(node.text)
        if node.kind == "name":
            return variable(self.column) if node.text == "x" else self.constants.get(node.text, 0.0)
        if node.kind == "call":
            inner = self.nodes(node.parts[0])
            return apply("power", inner) if node.text == "abs" else apply(node.text, inner)
        if node.kind == "negative":
            return _times(-1.0, self.of(node.parts[0]))
        if node.kind == "power":
            return _power(*map(self.of, node.parts))
        joined = self._sum if node.kind == "sum" else self._product
        return reduce(joined, node.parts[1:], self.of(node.parts[0]))

    def _sum(self, left: Any, node: SyntaxNode) -> Any:
        part = self.of(node.parts[0] if node.kind == "negative" else node)
        if isinstance(part, list):
            return combine("sub" if node.kind == "negative" else "add", _as_nodes(left), part)
        if np.ndim(part) == 0 and part == 0:
            return left
        return combine("add", _as_nodes(left), constant(-part if node.kind == "negative" else part))

    def _product(self, left: Any, node: SyntaxNode) -> Any:
        if node.kind == "inverse":
            return combine("div", _as_nodes(left), self.nodes(node.parts[0]))
        return _times(left, self.of(node))


def _as_nodes(part: Any) -> list[Node]:
    return part if isinstance(part, list) else constant(part)


def _times(left: Any, right: Any) -> Any:
    if not isinstance(right, list):
        return scaled(left, right) if isinstance(left, list) else left * right
    return combine("mul", left, right) if isinstance(left, list) else scaled(right, left)


def _power(base: list[Node], exponent: Any) -> list[Node]:
    """Return |base|^exponent, which is base^2 and base^3 as they are."""
    if base[-1].operation == "power":
        return [*base[:-1], base[-1]._replace(weight=base[-1].weight * exponent)]
    if np.ndim(exponent) == 0 and exponent in (2.0, 3.0):
        return apply("square" if exponent == 2.0 else "cube", base)
    return apply("power", base, exponent)
