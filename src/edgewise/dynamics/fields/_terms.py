"""The terms that an equation of a field is built from: products of components and of their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement, product

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part

Factor = tuple[int, tuple[int, ...]]
"""A component and how often it is differentiated by each coordinate of space."""
Values = Mapping[Factor, Array]


@dataclass(frozen=True)
class Term:
    """A product of factors, or a function of the value of one component; no factors are the number one."""

    factors: tuple[Factor, ...]
    function: str = ""

    @property
    def order(self) -> int:
        """The order of its highest derivative."""
        return max((sum(by) for _, by in self.factors), default=0)

    @property
    def cost(self) -> float:
        """What it costs to write it down, in bits, beyond a power."""
        return _COSTS.get(self.function, 0.0)

    def value(self, at: Values) -> Array | float:
        """The term, given its factors."""
        if self.function:
            return np.asarray(_functions()[self.function][0](at[self.factors[0]]))
        found: Array | float = 1.0
        for factor in self.factors:
            found = found * at[factor]
        return found

    def slopes(self, at: Values) -> dict[Factor, Array | float]:
        """Its derivatives by its factors."""
        if self.function:
            return {self.factors[0]: np.asarray(_functions()[self.function][1](at[self.factors[0]]))}
        found = {}
        for factor in set(self.factors):
            rest = list(self.factors)
            rest.remove(factor)
            found[factor] = self.factors.count(factor) * Term(tuple(rest)).value(at)
        return found

    def written(self, names: Sequence[str], coordinates: Sequence[str]) -> Formula:
        """The term of the symbols u, u_x, u_xx, ..."""
        each: list[Formula] = [sympy.Symbol(symbol(factor, names, coordinates), real=True) for factor in self.factors]
        if self.function:
            outer: Part = sympy.sympify(self.function)
            return outer.xreplace({sympy.Symbol("v"): each[0]})
        return math.prod(each, start=sympy.Integer(1))


def symbol(factor: Factor, names: Sequence[str], coordinates: Sequence[str]) -> str:
    """The name of a derivative of a component, as u_xx."""
    component, by = factor
    letters = "".join(name * count for name, count in zip(coordinates, by, strict=True))
    return f"{names[component]}_{letters}" if letters else names[component]


def library(components: int, space: int, highest: int, power: int = 3) -> list[Term]:
    """All products of values up to a power, all derivatives, and products of a value and derivatives of low order.

    Functions of single values come last; they are other ways to bend a reaction than powers.
    """
    zero = (0,) * space
    orders = [by for by in product(range(highest + 1), repeat=space) if 0 < sum(by) <= highest]
    orders.sort(key=lambda by: (sum(by), [-n for n in by]))
    found = [Term(tuple((c, zero) for c in own)) for n in range(power + 1)
             for own in combinations_with_replacement(range(components), n)]  # fmt: skip
    found += [Term(((c, by),)) for c in range(components) for by in orders]
    first = [by for by in orders if sum(by) == 1]
    second = [by for by in orders if sum(by) == 2 and max(by) == 2]
    if components == 1:
        found += [Term(((0, zero),) * n + ((0, by),)) for n in (1, 2) for by in first]
        found += [Term(((0, one), (0, two))) for one, two in combinations_with_replacement(first, 2)]
        found += [Term(((0, zero), (0, by))) for by in second]
        found += [Term(((0, zero), (0, by))) for by in orders if sum(by) == 3 and space == 1]
    else:
        found += [Term(((a, zero), (b, by))) for a in range(components) for b in range(components) for by in first]
    return found + [Term(((c, zero),), name) for c in range(components) for name in _COSTS]


_COSTS = {"sin(v)": 4.0, "cos(v)": 4.0, "sin(2*v)": 5.0, "cos(2*v)": 5.0, "exp(v)": 4.0, "exp(-v)": 4.0, "tanh(v)": 4.0,
          "1/(1 + v**2)": 6.0, "v/(1 + v**2)": 6.0}  # fmt: skip


@cache
def _functions() -> dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]]:
    """The functions and their derivatives, by what they are written as."""
    v = sympy.Symbol("v")
    forms: dict[str, Part] = {name: sympy.sympify(name) for name in _COSTS}
    return {
        name: (sympy.lambdify(v, form, "numpy"), sympy.lambdify(v, sympy.diff(form, v), "numpy"))
        for name, form in forms.items()
    }
