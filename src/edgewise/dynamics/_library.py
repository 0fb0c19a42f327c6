"""The terms that equations are built from: values, derivatives, and what each costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import read_formula
from edgewise.formulas.functions import Shape, Where, shapes

TIME = sympy.Symbol("t", real=True)


@lru_cache(maxsize=64)
def state_symbols(count: int) -> tuple[sympy.Symbol, ...]:
    """Return the symbols that stand for the states in terms: z0, z1, ..."""
    return tuple(sympy.Symbol(f"z{k}", real=True) for k in range(count))


class Terms:
    """Functions g_k(z, t; w) of states, time and constants within them.

    Shapes: z (m, S), t (S,), w (W,) -> values (K, S); gradients (K, m, S); derivatives by the constants (pairs, S), of
    which `pairs` holds the term and the constant.
    """

    def __init__(self, expressions: Sequence[Formula], n_states: int, inner: Sequence[sympy.Symbol]) -> None:
        self.expressions, self.inner, self.n_states = tuple(expressions), tuple(inner), n_states
        expressions = [_guarded(expression) for expression in expressions]
        symbols = [*state_symbols(n_states), TIME, *inner]
        by_state = [
            (k, i, sympy.diff(g, z)) for k, g in enumerate(expressions) for i, z in enumerate(symbols[:n_states])
        ]
        by_inner = [(k, i, sympy.diff(g, w)) for k, g in enumerate(expressions) for i, w in enumerate(inner)]
        self._gradient_at = [(k, i) for k, i, d in by_state if d != 0]
        self.pairs = [(k, i) for k, i, d in by_inner if d != 0]
        self._values = _compiled(symbols, expressions)
        slopes = [d for _, _, d in by_state if d != 0] + [d for _, _, d in by_inner if d != 0]
        self._slopes = _compiled(symbols, [*expressions, *slopes])

    def __len__(self) -> int:
        return len(self.expressions)

    def __reduce__(self) -> tuple[type[Terms], tuple[Sequence[Formula], int, Sequence[sympy.Symbol]]]:
        """Terms are stored as their expressions, and compiled again."""
        return Terms, (self.expressions, self.n_states, self.inner)

    def values(self, z: Array, t: Array, w: Array) -> Array:
        """Return the values (K, S)."""
        out = np.empty((len(self), *t.shape))
        for k, value in enumerate(self._values(*z, t, *w)):
            out[k] = value
        return out

    def slopes(self, z: Array, t: Array, w: Array) -> tuple[Array, Array, Array]:
        """Return values (K, S), gradients (K, m, S), and derivatives by constants (pairs, S)."""
        found = self._slopes(*z, t, *w)
        count, known = len(self), len(self._gradient_at)
        values, inner = np.empty((count, *t.shape)), np.empty((len(self.pairs), *t.shape))
        gradients = np.zeros((count, self.n_states, *t.shape))
        for k in range(count):
            values[k] = found[k]
        for (k, i), value in zip(self._gradient_at, found[count : count + known], strict=True):
            gradients[k, i] = value
        for k, value in enumerate(found[count + known :]):
            inner[k] = value
        return values, gradients, inner


def _guarded(expression: Formula) -> Formula:
    """Return an expression whose roots and logarithms of states are those of |z|, with finite derivatives at zero."""
    tiny = 1e-12  # of a state, below which its logarithm and its roots are smooth
    safe: Any = expression
    states: list[Any] = sorted(expression.free_symbols, key=str)
    for z in states:
        size: Any = sympy.sqrt(z**2 + tiny**2)
        safe = safe.replace(
            lambda e, z=z: e.is_Pow and e.base == z and not e.exp.is_integer, lambda e, size=size: size**e.exp
        ).replace(sympy.log(z), sympy.log(size))
    return safe


def _compiled(symbols: Sequence[sympy.Symbol], expressions: Sequence[Formula]) -> Callable[..., Any]:
    names: Mapping[Any, Any] = {s: sympy.Dummy(f"v{k}") for k, s in enumerate(symbols)}
    return sympy.lambdify(
        list(names.values()), [sympy.sympify(e).xreplace(names) for e in expressions], ["scipy", "numpy"], cse=True
    )


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
            for power, falls in ((1, True), (1, False), (2, False)):
                level = sympy.Symbol(f"K{len(out)}", positive=True)
                out.append((j, front * hill(y, level, power, falls), level))
    return out


def hill(z: Formula, level: Formula, power: int, falls: bool) -> Formula:
    """Return a Hill function of a state: z^n / (K^n + z^n), or 1 / (K^n + z^n) if it falls."""
    return (sympy.Integer(1) if falls else z**power) / (level**power + z**power)


def single_functions(n_states: int, values: Array) -> Library:
    """Return the functions of each state that the table of shapes has for equations, and the registered ones.

    Shapes: values (n_states, n), which say where a state is positive or changes sign.
    """
    made: list[tuple[Formula, float]] = []
    for z, column in zip(state_symbols(n_states), values, strict=True):
        sign: Where = (
            "positive" if is_positive(column) else "both signs" if column.min() < 0 < column.max() else "anywhere"
        )
        for row in shapes("dynamics"):
            if row.where in ("anywhere", sign) or (sign == "positive" and row.where == "nonnegative"):
                made += [(_written(row, z, b), cost) for b, cost in row.dynamics]
    return Library(n_states, tuple(formula for formula, _ in made), tuple(cost for _, cost in made))


def is_positive(values: Array) -> bool:
    """Return whether a state is positive, but for noise."""
    return bool(values.mean() > 0 and values.min() > -0.02 * values.std())


def _written(shape: Shape, z: sympy.Symbol, b: Any) -> Formula:
    """Return a shape of a state, with a value of its constant B; others are zero."""
    if shape.function is not None:
        return shape.function.sympy(sympy.sympify(b) * z)
    formula, others = read_formula(shape.formula, ["x"], "A shape")
    numbers = dict.fromkeys(others, sympy.Integer(0)) | {sympy.Symbol("B"): sympy.Rational(b)}
    written: Any = formula.xreplace({sympy.Symbol("x"): z} | numbers)
    return written
