"""Libraries: the terms that equations are built from, and what each costs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.dynamics._terms import TIME, Terms, state_symbols


@dataclass(frozen=True)
class Library:
    """Terms, their costs (K,) in the criterion beyond that of a constant, and constants within them with their values."""

    n_states: int
    expressions: tuple[Formula, ...]
    costs: tuple[float, ...]
    inner: tuple[sympy.Symbol, ...] = ()
    values: tuple[float, ...] = field(default=())

    @cached_property
    def terms(self) -> Terms:
        return Terms(self.expressions, self.n_states, self.inner)

    @property
    def inner_values(self) -> Array:
        return np.array(self.values, dtype=np.float64)

    def __add__(self, other: Library) -> Library:
        """Return both, without what the other one repeats."""
        new = [k for k, e in enumerate(other.expressions) if e not in self.expressions]
        return Library(
            self.n_states,
            (*self.expressions, *(other.expressions[k] for k in new)),
            (*self.costs, *(other.costs[k] for k in new)),
            (*self.inner, *other.inner),
            (*self.values, *other.values),
        )

    def only(self, kept: Sequence[int]) -> Library:
        """Return some of the terms, with the constants within them."""
        expressions = tuple(self.expressions[k] for k in kept)
        used = {symbol for e in expressions for symbol in e.free_symbols}
        own = [w for w, symbol in enumerate(self.inner) if symbol in used]
        return Library(
            self.n_states, expressions, tuple(self.costs[k] for k in kept), tuple(self.inner[w] for w in own),
            tuple(self.values[w] for w in own),
        )  # fmt: skip


def polynomials(n_states: int, degree: int) -> Library:
    """Return all monomials up to a degree."""
    z = state_symbols(n_states)
    powers = [p for p in itertools.product(range(degree + 1), repeat=n_states) if sum(p) <= degree]
    powers.sort(key=lambda p: (sum(p), tuple(-k for k in p)))
    expressions = [sympy.Mul(*[s**k for s, k in zip(z, p, strict=True)]) for p in powers]
    return Library(n_states, tuple(expressions), tuple(2.0 * max(sum(p), 1) for p in powers))


def sines(n_states: int) -> Library:
    """Return the sine and the cosine of each state."""
    z = state_symbols(n_states)
    return Library(n_states, tuple(f(s) for s in z for f in (sympy.sin, sympy.cos)), (6.0,) * (2 * n_states))


def forcing(n_states: int, frequencies: Sequence[float]) -> Library:
    """Return cosine and sine of time at some frequencies, which are constants to be fitted."""
    symbols = tuple(sympy.Symbol(f"omega{k}", positive=True) for k in range(len(frequencies)))
    expressions = tuple(f(w * TIME) for w in symbols for f in (sympy.cos, sympy.sin))
    return Library(n_states, expressions, (8.0,) * len(expressions), symbols, tuple(frequencies))


def saturations(n_states: int, scales: Array, levels: Sequence[float] = (0.1, 0.3, 1.0, 3.0)) -> Library:
    """Return quotients of states that saturate, each at several levels: z / (K + y), z y / (K + y), z y^2 / (K + y^2)."""
    z = state_symbols(n_states)
    shapes = []
    for j, y in enumerate(z):
        shapes += [(y, j, lambda y, k: y / (k + y)), (y, j, lambda y, k: y**2 / (k**2 + y**2))]
        for i, x in enumerate(z):
            if i != j:
                shapes += [(y, j, lambda y, k, x=x: x * y / (k + y)), (y, j, lambda y, k, x=x: x * y**2 / (k**2 + y**2))]
                shapes += [(y, j, lambda y, k, x=x: x / (k + y))]
        shapes += [(y, j, lambda y, k: 1 / (k + y))]
    expressions, symbols, values = [], [], []
    for y, j, shape in shapes:
        for level in levels:
            symbols.append(sympy.Symbol(f"K{len(symbols)}", positive=True))
            values.append(level * float(scales[j]))
            expressions.append(shape(y, symbols[-1]))
    return Library(n_states, tuple(expressions), (8.0,) * len(expressions), tuple(symbols), tuple(values))
