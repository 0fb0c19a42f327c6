"""The operations of the enumerated formulas as rows: values, derivatives, and the nodes of a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.formulas.programs import Node, apply, combine, constant

Nodes = list[Node]


@dataclass(frozen=True)
class Unary:
    """A function of one argument: its values, its derivative given argument and value, its nodes, and its symbols."""

    values: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    nodes: Callable[[Nodes], Nodes]
    symbols: int = 1


def _named(name: str) -> Callable[[Nodes], Nodes]:
    return lambda u: apply(name, u)


def _over(u: Nodes) -> Nodes:
    return combine("div", constant(1.0), u)


def _plus_one(u: Nodes) -> Nodes:
    return combine("add", u, constant(1.0))


def _wave(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return sine or cosine as programs have it: nan where an argument has lost its angle."""
    most = 1e5
    return lambda u: np.where(np.abs(u) <= most, function(u), np.nan)


UNARY = {
    "square": Unary(np.square, lambda u, f: 2 * u, _named("square")),
    "cube": Unary(lambda u: u * u * u, lambda u, f: 3 * u * u, _named("cube")),
    "inverse": Unary(np.reciprocal, lambda u, f: -f * f, _over),
    "sqrt": Unary(np.sqrt, lambda u, f: 0.5 / f, _named("sqrt")),
    "exp": Unary(np.exp, lambda u, f: f, _named("exp")),
    "log": Unary(np.log, lambda u, f: 1 / u, _named("log")),
    "sin": Unary(_wave(np.sin), lambda u, f: np.cos(u), _named("sin")),
    "cos": Unary(_wave(np.cos), lambda u, f: -np.sin(u), _named("cos")),
    "tanh": Unary(np.tanh, lambda u, f: 1 - f * f, _named("tanh")),
    "inverse of 1 +": Unary(lambda u: 1 / (1 + u), lambda u, f: -f * f, lambda u: _over(_plus_one(u)), 3),
    "log of 1 +": Unary(np.log1p, lambda u, f: 1 / (1 + u), lambda u: apply("log", _plus_one(u)), 3),
    "sqrt of 1 +": Unary(lambda u: np.sqrt(1 + u), lambda u, f: 0.5 / f, lambda u: apply("sqrt", _plus_one(u)), 3),
}
"""The functions; those of 1 + u are what constants inside make of them."""

PLAIN = tuple(name for name, row in UNARY.items() if row.symbols == 1)
"""The functions that make up all formulas of a few symbols."""

WAVES = ("sin", "cos")
BENT = ("exp", "tanh", "inverse of 1 +", "log of 1 +", "sqrt of 1 +")
"""Functions whose argument takes a factor that no outer one expresses, besides the waves."""
