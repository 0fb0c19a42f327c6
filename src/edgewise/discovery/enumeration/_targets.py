"""What is done to a target before it is written as a sum: transforms, as rows, and division by factors; and sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from itertools import combinations_with_replacement

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.enumeration._operations import Nodes
from edgewise.formulas.programs import Program, apply, combine, constant, scaled, variable


@dataclass(frozen=True)
class Transform:
    """A function of the target, and the nodes of the target given those of the function; `odd` if signs come along."""

    values: Callable[[Array], Array]
    back: Callable[[Nodes], Nodes]
    odd: bool = False


def _over(s: Nodes) -> Nodes:
    return combine("div", constant(1.0), s)


def _square(s: Nodes) -> Nodes:
    return apply("square", s)


def _root(s: Nodes) -> Nodes:
    return apply("sqrt", s)


TRANSFORMS = {
    "y": Transform(lambda y: y, lambda s: s, True),
    "1/y": Transform(np.reciprocal, _over, True),
    "log": Transform(lambda y: np.log(np.abs(y)), lambda s: apply("exp", s)),
    "square": Transform(np.square, _root),
    "sqrt": Transform(lambda y: np.sqrt(np.abs(y)), _square),
    "cube root": Transform(np.cbrt, lambda s: apply("cube", s), True),
    "fourth root": Transform(lambda y: np.abs(y) ** 0.25, lambda s: _square(_square(s))),
    "1/square": Transform(lambda y: y**-2.0, lambda s: _over(_root(s))),
    "1/sqrt": Transform(lambda y: np.abs(y) ** -0.5, lambda s: _over(_square(s))),
    "exp": Transform(np.exp, lambda s: apply("log", s), True),
    "atanh": Transform(np.arctanh, lambda s: apply("tanh", s), True),
    "asin": Transform(np.arcsin, lambda s: apply("sin", s), True),
    "acos": Transform(np.arccos, lambda s: apply("cos", s), True),
}
"""What functions with a free factor outside are undone by; the last four know of none."""

SCALED = ("exp", "atanh", "asin", "acos")
"""Transforms of the target over a scale."""

_SLOPES: dict[str, Callable[[Array], Array]] = {
    "1/y": lambda u: u**-2.0, "log": np.reciprocal, "sqrt": lambda u: 1 / np.sqrt(np.abs(u)), "square": lambda u: u,
    "exp": np.exp, "atanh": lambda u: 1 / (1 - u * u), "asin": lambda u: 1 / np.sqrt(1 - u * u),
}  # fmt: skip

INNER = ("log", "square", "sqrt", "cube root", "exp", "atanh", "asin", "acos", "1/y")
"""Transforms that are composed."""


@dataclass(frozen=True)
class Target:
    """A transform of y - shift, or of y / shift where the transform is scaled; or y / factor, or factor / y.

    `inner` are the transforms that are applied before, the first one first: nothing is free between them.
    """

    name: str
    shift: float = 0.0
    factor: int = -1  # number of a formula
    inner: tuple[str, ...] = ()

    def values(self, y: Array, factor: Array | None = None) -> Array:
        """Return the values of the transform; `factor` are those of the factor."""
        if factor is not None:
            return y / factor if self.name == "over" else factor / y
        for name in self.inner:
            y = TRANSFORMS[name].values(y)
        if self.name in SCALED:
            return TRANSFORMS[self.name].values(y / (self.shift or 1.0))
        return TRANSFORMS[self.name].values(y - self.shift)

    def moved(self, y: Array) -> Array:
        """Return the derivative of the values by the shift, or by the scale, up to a factor."""
        u = y / self.shift if self.name in SCALED else y - self.shift
        row = _SLOPES[self.name](u)
        return row * u if self.name in SCALED else row

    def program(self, total: Nodes, sign: float, factor: Nodes | None = None) -> Program:
        """Return the target as a program, given the nodes of what its transform is."""
        if factor is not None:
            return Program.of(combine("mul" if self.name == "over" else "div", factor, total))
        row = TRANSFORMS[self.name]
        nodes = row.back(total)
        for name in reversed(self.inner):
            nodes = TRANSFORMS[name].back(nodes)
        if self.inner:
            return Program.of(nodes, 1.0 if all(TRANSFORMS[n].odd for n in self.inner) else sign)
        if self.name in SCALED:
            return Program.of(nodes, self.shift or 1.0)
        return Program.of(nodes, 1.0 if row.odd else sign, self.shift)


def total(terms: list[tuple[float, Nodes | None]]) -> Nodes:
    """Return the nodes of a sum of coefficients times nodes; None stands for 1, and comes last."""
    ordered = sorted(terms, key=lambda term: term[1] is None)
    nodes: Nodes = []
    for factor, part in ordered:
        new = constant(factor) if part is None else scaled(part, factor)
        nodes = combine("add", nodes, new) if nodes else new
    return nodes


def monomials(x: Array, degree: int) -> list[tuple[Nodes | None, Array]]:
    """Return 1 and all monomials of the columns up to a degree, as nodes and values; None stands for 1.

    Left out are those that are zero on all rows, as the product of two levels of a category, or equal to a former one.
    """
    found: list[tuple[Nodes | None, Array]] = [(None, np.ones(len(x)))]
    for size in range(1, degree + 1):
        for places in combinations_with_replacement(range(x.shape[1]), size):
            values = np.prod(x[:, list(places)], axis=1)
            if not values.any() or any(np.array_equal(values, other) for _, other in found):
                continue
            factors = [_power(variable(j), places.count(j)) for j in sorted(set(places))]
            found.append((reduce(lambda a, b: combine("mul", a, b), factors), values))
    return found


def _power(nodes: Nodes, exponent: int) -> Nodes:
    if exponent == 1:
        return nodes
    if exponent % 3 == 0:
        return apply("cube", _power(nodes, exponent // 3))
    if exponent % 2 == 0:
        return apply("square", _power(nodes, exponent // 2))
    return combine("mul", _power(nodes, exponent - 1), nodes)
