"""Operations of programs by name, and the nodes that programs are composed of.

Shapes are lists of nodes in postfix order: `variable`, `constant`, `apply` and `combine` build them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edgewise._errors import unknown
from edgewise.formulas.programs._cpu_layout import (
    ADD,
    CONSTANT,
    COSTS,
    DIV,
    MUL,
    NAMES,
    POWER,
    SUB,
    VARIABLE,
)  # fmt: skip

OPERATIONS = NAMES
"""The names of the operations, by number."""

FUNCTIONS = NAMES[DIV + 1 :]
"""The operations of one argument."""
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
    """Return the nodes of factor times a shape, in its own weights where it has some.

    >>> scaled(apply("exp", variable(0)), 3.0)[-1].weight
    3.0
    """
    if factor == 1.0:
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
