"""Functions of a single state that equations are made of in many fields: what a claim of other terms has to beat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.dynamics._library import Library, polynomials, sines
from edgewise.dynamics._starts import Ground
from edgewise.dynamics._terms import state_symbols

_POWERS = (1, 2, 4)  # of Hill functions
_GRID = (12, 5)  # values of the constant of a Hill function, with one state and with several
_LEVELS = (0.1, 3.0)  # of the state's median, between which they lie
_NEAR_ZERO = 4.0  # of the noise, that a positive state may be below zero
_MIXED = 5.0  # the cost of each family of functions beyond polynomials and another one
_LARGEST = 1e8  # of the value of a term
_POINTS = 400  # of a curve


class Copy(NamedTuple):
    """What a term of the screen stands for: a term of the library, and the value of an inner constant (-1: none)."""

    term: int
    inner: int = -1
    value: float = 0.0


@dataclass(frozen=True)
class Wide:
    """A library, the same with copies of its Hill functions at fixed constants, and what each of these stands for.

    The first term is the constant. `hills` are the numbers of the Hill functions among the terms, `falling` of those
    that fall; `limits` the values between which their constants
    must lie, by the number of the constant.
    """

    library: Library
    screen: Library
    copies: tuple[Copy, ...]
    hills: frozenset[int]
    falling: frozenset[int]
    limits: dict[int, tuple[float, float]]

    @cached_property
    def families(self) -> tuple[str, ...]:
        """The family of each term: its functions, or the term itself; empty for polynomials."""
        return tuple(_family(expression) for expression in self.library.expressions)

    def mixed(self, terms: Iterable[int]) -> float:
        """Return what an equation of some terms costs for mixing families."""
        return _MIXED * max(len({self.families[k] for k in terms} - {""}) - 1, 0)


def widened(base: Library, ground: Ground) -> Wide:
    """Return a library with polynomials, sines, and functions of each state that is not a sum of them:

        z log z, z^(1/2), z^(3/2), z^(2/3), z^n / (K^n + z^n), 1 / (K^n + z^n)   where z is positive
        z |z|                                                                  where it changes sign
        exp z, exp(-z), tanh z, sin 2z

    Those that are too large along the curves are left out.
    """
    m, seen = base.n_states, _seen(ground)
    library = base + polynomials(m, 5 if m == 1 else 3) + sines(m) + _singles(seen, ground)
    with np.errstate(all="ignore"):
        sizes = np.abs(library.terms.values(seen, np.zeros(seen.shape[1]), library.inner_values)).max(axis=1)
    moving = {k for k, e in enumerate(library.expressions) if e.free_symbols.intersection(library.inner)}
    library = library.only(
        [k for k in range(len(sizes)) if k < len(base.expressions) or sizes[k] < _LARGEST or k in moving]
    )
    copies = [Copy(k) for k in range(len(library.expressions))]
    fixed: list[Any] = []
    limits = {}
    for expression, level, cost, state in _hills(seen, ground):
        median, index = float(np.median(np.abs(seen[state]))), len(library.inner)
        library = library + Library(m, (expression,), (cost,), (level,), (median,))
        limits[index] = (float(np.quantile(np.abs(seen[state]), 0.02)) / 20, 3 * float(np.abs(seen[state]).max()))
        copies.append(Copy(len(library.expressions) - 1))
        grid = median * np.geomspace(*_LEVELS, _GRID[m > 1])
        fixed += [expression.xreplace({level: sympy.Float(value)}) for value in grid]
        copies += [Copy(len(library.expressions) - 1, index, float(value)) for value in grid]
    order = [c for c in copies if c.inner < 0] + [c for c in copies if c.inner >= 0]
    hills = frozenset(c.term for c in order if c.inner >= 0)
    falling = frozenset(k for k in hills if library.expressions[k].as_numer_denom()[0] == 1)
    costs = tuple(library.costs[c.term] for c in order if c.inner >= 0)
    screen = Library(
        m, (*library.expressions, *fixed), (*library.costs, *costs), library.inner, library.values
    )  # fmt: skip
    return Wide(library, screen, tuple(order), hills, falling, limits)


def _family(expression: Formula) -> str:
    if expression.is_polynomial():
        return ""
    names = {type(each).__name__ for each in expression.atoms(sympy.Function)}
    return "wave" if names and names <= {"sin", "cos"} else ", ".join(sorted(names)) or str(expression)


def _seen(ground: Ground) -> Array:
    """Return the states (m, points) along the curves."""
    parts = []
    for curve, rows in zip(ground.curves, ground.data.pieces(), strict=True):
        at = np.linspace(ground.data.times[rows.start], ground.data.times[rows.stop - 1], _POINTS)
        parts.append(np.concatenate([curve.at(at, k) for k in range(ground.data.order)], axis=1))
    return np.concatenate(parts).T


def _positive(values: Array) -> bool:
    return bool(values.mean() > 0 and values.min() > -0.02 * values.std())


def _singles(seen: Array, ground: Ground) -> Library:
    shapes: list[tuple[Formula, float]] = []
    for z, values in zip(state_symbols(len(seen)), seen, strict=True):
        shapes += [(sympy.exp(z), 6.0), (sympy.exp(-z), 6.0), (sympy.tanh(z), 6.0), (sympy.sin(2 * z), 7.0)]
        if _positive(values):
            half = sympy.Rational(1, 2)
            shapes += [(z * sympy.log(z), 6.0), (z**half, 6.0), (z ** (3 * half), 6.0), (z ** (4 * half / 3), 7.0)]
        elif values.min() < 0 < values.max():
            shapes.append((z * sympy.Abs(z), 6.0))
    return Library(len(seen), tuple(shape for shape, _ in shapes), tuple(cost for _, cost in shapes))


def _hills(seen: Array, ground: Ground) -> Iterator[tuple[Formula, sympy.Symbol, float, int]]:
    """Yield Hill functions of the states that are positive, each with its constant, cost and state."""
    for j, (z, values) in enumerate(zip(state_symbols(len(seen)), seen, strict=True)):
        for n in _POWERS if _positive(values) else ():
            for name, top in (("H", z**n), ("F", sympy.Integer(1))):
                level = sympy.Symbol(f"{name}{j}_{n}", positive=True)
                yield top / (level**n + z**n), level, 7 + 1.4 * n, j
