"""Pieces of one-variable formulas, for one set of constants or for many at once.

A constant may be an array (s, 1): then a piece stands for s pieces with the same operations.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Node, apply, combine, constant, variable

Nodes = list[Node]
"""A piece in postfix order."""

Number = Any
"""A number, or an array (s, 1) of numbers."""

X = variable(0)


def grid(*axes: Iterable[float]) -> list[Number]:
    """Return all combinations of numbers, as an array (s, 1) for each axis.

    >>> [axis.ravel().tolist() for axis in grid([1.0, 2.0], [5.0])]
    [[1.0, 2.0], [5.0, 5.0]]
    """
    return [axis.reshape(-1, 1) for axis in np.meshgrid(*map(list, axes), indexing="ij")]


def plus(nodes: Nodes, number: Number) -> Nodes:
    """Return a piece plus a number."""
    return combine("add", nodes, constant(number))


def shifted(k: Number) -> Nodes:
    """Return x - k."""
    return plus(X, -k)


def stretched(a: Number, k: Number) -> Nodes:
    """Return a (x - k)."""
    return plus(variable(0, a), -a * k)


def hump(inner: Nodes, narrow: Number, weight: Number = 1.0) -> Nodes:
    """Return weight exp(-narrow inner^2)."""
    return apply("exp", apply("square", inner, -narrow), weight)


def inverse(nodes: Nodes) -> Nodes:
    """Return 1 / piece."""
    return combine("div", constant(1.0), nodes)


def chosen(nodes: Nodes, number: int) -> Nodes:
    """Return one piece of many."""
    return [node._replace(weight=float(np.ravel(node.weight)[number % np.size(node.weight)])) for node in nodes]


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "square": np.square, "cube": lambda u: u**3, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin,
    "tanh": np.tanh,
}  # fmt: skip
_PAIRS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


def values_of(nodes: Nodes, x: Array) -> Array:
    """Return what a piece is at x (n,), or what many are, (s, n), in one sweep.

    >>> values_of(stretched(*grid([1.0, 2.0], [0.5])), np.array([0.5, 1.0]))
    array([[0. , 0.5], [0. , 1. ]])
    """
    stack: list[Array] = []
    for operation, _, weight in nodes:
        if operation == "variable":
            stack.append(weight * x)
        elif operation == "constant":
            stack.append(weight * np.ones_like(x))
        elif operation in _PAIRS:
            right = stack.pop()
            stack.append(_PAIRS[operation](stack.pop(), right))
        elif operation == "power":
            stack.append(np.abs(stack.pop()) ** weight)
        else:
            stack.append(weight * _FUNCTIONS[operation](stack.pop()))
    return stack[0]
