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
    """Terms, their costs (K,) in the criterion beyond that of a constant, and constants within them."""

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
        inner = [w for w, symbol in enumerate(other.inner) if symbol not in self.inner]
        return Library(
            self.n_states,
            (*self.expressions, *(other.expressions[k] for k in new)),
            (*self.costs, *(other.costs[k] for k in new)),
            (*self.inner, *(other.inner[w] for w in inner)),
            (*self.values, *(other.values[w] for w in inner)),
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


def saturations(n_states: int) -> list[tuple[int, Formula, sympy.Symbol]]:
    """Return quotients of states that level off, with the state that does and the constant within:

    1 / (K + y), y / (K + y), y^2 / (K^2 + y^2), and the same times another state.
    """
    z = state_symbols(n_states)
    out = []
    for j, y in enumerate(z):
        others = [x for x in z if x is not y]
        for front in (sympy.Integer(1), *others):
            for shape in (lambda y, k: 1 / (k + y), lambda y, k: y / (k + y), lambda y, k: y**2 / (k**2 + y**2)):
                level = sympy.Symbol(f"K{len(out)}", positive=True)
                out.append((j, front * shape(y, level), level))
    return out
