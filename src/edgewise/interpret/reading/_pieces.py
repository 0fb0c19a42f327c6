"""Shapes as pieces of a program: their values, the weights of a whole, and the ones that are best at some cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.formulas.programs import Node, combine, constant, function_at, scaled

_PAIRS = frozenset({"add", "sub", "mul", "div"})
_LEAVES = frozenset({"variable", "constant"})


def leading(nodes: Nodes) -> tuple[Nodes, float]:
    """Return a piece divided by its first weight, and that weight.

    >>> from edgewise.formulas.programs import Node
    >>> leading([Node("constant", 0, 3.0), Node("variable"), Node("power", 0, 0.5), Node("mul")])[1]
    3.0
    """
    if nodes[-1].operation == "mul" and nodes[0].operation == "constant" and nodes[-2].operation == "power":
        return nodes[1:-1], nodes[0].weight
    number = len(nodes) - 1
    while nodes[number].operation in _PAIRS:
        number = _left_child(nodes, number)
    node = nodes[number]
    if node.operation == "power" or node.weight == 0:
        return nodes, 1.0
    return scaled(nodes, 1 / node.weight), node.weight


def _left_child(nodes: Nodes, number: int) -> int:
    missing, child = 1, number - 1
    while missing:  # pass the right child
        operation = nodes[child].operation
        missing += 1 if operation in _PAIRS else -1 if operation in _LEAVES else 0
        child -= 1
    return child


Nodes = list[Node]
"""A piece in postfix order."""


def plus(nodes: Nodes, number: float) -> Nodes:
    """Return a piece plus a number."""
    return combine("add", nodes, constant(number))


def chosen(nodes: Nodes, number: int) -> Nodes:
    """Return one piece of many."""
    return [node._replace(weight=float(np.ravel(node.weight)[number % np.size(node.weight)])) for node in nodes]


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "square": np.square, "cube": lambda u: u**3, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin,
    "cos": np.cos, "tanh": np.tanh,
}  # fmt: skip
_PAIR_VALUES = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


def values_of(nodes: Nodes, x: Array) -> Array:
    """Return what a piece is at x (n,), or what many are, (s, n), in one sweep.

    >>> values_of([Node("variable", 0, np.array([[1.0], [2.0]]))], np.array([0.5, 1.0]))
    array([[0.5, 1. ], [1. , 2. ]])
    """
    stack: list[Array] = []
    for operation, argument, weight in nodes:
        if operation == "variable":
            stack.append(weight * x)
        elif operation == "constant":
            stack.append(weight * np.ones_like(x))
        elif operation in _PAIR_VALUES:
            right = stack.pop()
            stack.append(_PAIR_VALUES[operation](stack.pop(), right))
        elif operation == "power":
            stack.append(np.abs(stack.pop()) ** weight)
        elif operation == "tabulated":
            stack.append(weight * function_at(argument).torch(torch.from_numpy(stack.pop())).numpy())
        else:
            stack.append(weight * _FUNCTIONS[operation](stack.pop()))
    return stack[0]


class Option(NamedTuple):
    """A shape: its complexity, its loss of log-likelihood, and offset + factor * nodes; without nodes, nothing.

    The complexity is that of the shape next to others, where it needs a weight.
    """

    complexity: int
    loss: float
    nodes: Nodes
    offset: float
    factor: float
    name: str

    @property
    def length(self) -> int:
        """The nodes of the term in a sum, with the plus, and with the factor of a power."""
        return len(self.nodes) + 1 + 2 * (self.nodes[-1].operation == "power") if self.nodes else 0


def nothing(loss: float, mean: float) -> Option:
    """Return the option of leaving a curve out, of which its mean stays."""
    return Option(0, loss, [], mean, 0.0, "none")


def hull(found: Iterable[Option]) -> list[Option]:
    """Return the options that are best at some cost of a node, by complexity."""
    kept: list[Option] = []
    for option in sorted(found, key=lambda option: option[:2]):
        if kept and not option.loss < kept[-1].loss - 1e-9:  # nor where a loss is no number
            continue
        while len(kept) > 1 and _gain(kept[-2], kept[-1]) <= _gain(kept[-1], option):
            kept.pop()
        kept.append(option)
    return kept


def _gain(simple: Option, complex_: Option) -> float:
    """Return the loss saved by each node more."""
    return (simple.loss - complex_.loss) / (complex_.complexity - simple.complexity)
