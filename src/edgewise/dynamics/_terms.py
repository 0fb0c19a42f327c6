"""The terms of equations, as numbers: values, derivatives by states, and derivatives by constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array, Formula

_TINY = 1e-12  # of a state, below which its logarithm and its roots are smooth
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
    safe: Any = expression
    states: list[Any] = sorted(expression.free_symbols, key=str)
    for z in states:
        size: Any = sympy.sqrt(z**2 + _TINY**2)
        safe = safe.replace(
            lambda e, z=z: e.is_Pow and e.base == z and not e.exp.is_integer, lambda e, size=size: size**e.exp
        ).replace(sympy.log(z), sympy.log(size))
    return safe


def _compiled(symbols: Sequence[sympy.Symbol], expressions: Sequence[Formula]) -> Callable[..., Any]:
    names: Mapping[Any, Any] = {s: sympy.Dummy(f"v{k}") for k, s in enumerate(symbols)}
    return sympy.lambdify(
        list(names.values()), [sympy.sympify(e).xreplace(names) for e in expressions], "numpy", cse=True
    )
