"""Prior knowledge of the equations: terms to try, and parts of rates that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Array, Formula
from edgewise.dynamics._library import TIME, Library, Terms, state_symbols
from edgewise.formulas.expressions import read_formula

_CERTAIN = -1e4  # the cost of a term that is known to be in an equation


@dataclass(frozen=True)
class Fixed:
    """Parts of rates that are known with their constants: sum_k coefficients[j, k] g_k."""

    terms: Terms
    coefficients: Array


class Bound(NamedTuple):
    """The values between which the constant of a term of an equation lies; of 0 and 0, the equation lacks the term."""

    equation: int
    term: Formula
    low: float
    high: float


@dataclass(frozen=True)
class Prior:
    """Terms to try first, whether there are `only` these, and what is known of each rate.

    `certain` are terms (equation, term) whose constants are not known; `fixed` is what is known with its constants.
    """

    own: tuple[Formula, ...] = ()
    inner: tuple[sympy.Symbol, ...] = ()
    only: bool = False
    certain: frozenset[tuple[int, Formula]] = frozenset()
    fixed: Fixed | None = None
    bounds: tuple[Bound, ...] = ()

    def costs(self, library: Library, equations: int) -> Array:
        """Return the costs (E, K) of terms in each equation."""
        out = np.tile(np.array(library.costs, dtype=np.float64), (equations, 1))
        for j, expression in self.certain:
            if expression in library.expressions:
                out[j, library.expressions.index(expression)] = _CERTAIN
        for j, expression, low, high in self.bounds:
            if low == high == 0 and expression in library.expressions:
                out[j, library.expressions.index(expression)] = np.inf
        return out

    def beyond(self, expressions: Sequence[Formula], mask: Array, coefficients: Array) -> list[tuple[int, int, float]]:
        """Return the equation and term of each constant (E, K) beyond its bounds, and by how much."""
        places = [(bound, [*expressions].index(bound.term)) for bound in self.bounds if bound.term in expressions]
        excess = [
            (j, k, max(low - coefficients[j, k], coefficients[j, k] - high))
            for (j, _, low, high), k in places
            if mask[j, k]
        ]
        return [each for each in excess if each[2] > 0]


NO_PRIOR = Prior()


def prior(
    terms: Sequence[Any] | None, only: bool, known: Mapping[str, Any] | None, bounds: Mapping[str, Any] | None,
    states: Sequence[str], arguments: Sequence[str], equations: int,
) -> Prior:  # fmt: skip
    """Return what was given, checked. Errors: InputError for what is no formula, and for states that there are not."""
    if terms is not None and (isinstance(terms, str | sympy.Expr) or not isinstance(terms, Sequence)):
        raise InputError(f"'terms' must list formulas of {', '.join(arguments)} and t. Got {terms!r}.")
    if not isinstance(only, bool) or (only and not (terms or known)):
        raise InputError(f"'only' must be True, with 'terms' or 'known', or False. Got {only!r}.")
    if known is not None and not isinstance(known, Mapping):
        raise InputError(f"'known' must map states to parts of their rates. Got {known!r}.")
    inner: list[sympy.Symbol] = []
    own = [_read(each, "A term", arguments, inner) for each in terms or ()]
    lost = [term for term in own if not term.free_symbols - {*inner} and term != 1]
    if lost:
        raise InputError(f"A term must depend on {', '.join(arguments)} or t, or be 1. Got {lost[0]}.")
    first = len(states) - equations
    certain: set[tuple[int, Formula]] = set()
    fixed: dict[Formula, Array] = {}
    for name, part in (known or {}).items():
        if name not in states[first:]:
            raise InputError(f"'known' gives a part of the rate of {name!r}. States are {', '.join(states[first:])}.")
        j, constants = [*states].index(name) - first, []
        formula = sympy.expand(_read(part, f"The known part of {name!r}", arguments, constants))
        for term in sympy.Add.make_args(formula):
            number, rest = _split(term, constants)
            if number is None:
                certain.add((j, rest))
            elif number != 0:
                fixed.setdefault(rest, np.zeros(equations))[j] += number
    bare = tuple(dict.fromkeys([*own, *(term for _, term in sorted(certain, key=str))]))
    if only and not bare:
        raise InputError(
            "With 'only' and without a constant to be fitted in 'terms' or 'known', nothing is left to find."
        )
    made = Fixed(Terms([*fixed], len(arguments), []), np.stack([*fixed.values()], axis=1)) if fixed else None
    limits = _bounds(bounds, states[first:], arguments)
    barred = [term for j, term, low, high in limits if low == high == 0 and (j, term) in certain]
    if barred:
        raise InputError("A term that 'known' has is barred by 'bounds'.")
    return Prior(bare, tuple(inner), only, frozenset(certain), made, limits)


def _bounds(given: Any, states: Sequence[str], arguments: Sequence[str]) -> tuple[Bound, ...]:
    """Return bounds of constants, checked."""
    said = '\'bounds\' must map states and terms to a least and a largest value, as in {"x": {"x*y": (0, None)}}'
    out: list[Bound] = []
    if not isinstance(given or {}, Mapping):
        raise InputError(f"{said}. Got {given!r}.")
    for name, own in (given or {}).items():
        if name not in states or not isinstance(own, Mapping):
            raise InputError(f"{said}. States are {', '.join(states)}. Got {name!r}: {own!r}.")
        for term, limits in own.items():
            ends = [*limits] if isinstance(limits, Sequence) and not isinstance(limits, str) else []
            if len(ends) != 2 or not all(end is None or is_number(end) for end in ends):
                raise InputError(f"{said}. Got {limits!r} for {term}.")
            low, high = (inf if end is None else float(end) for end, inf in zip(ends, (-np.inf, np.inf), strict=True))
            formula = sympy.expand(_read(term, "A term of 'bounds'", arguments, inner := []))
            number, rest = (None, formula) if inner or formula.is_Add else _split(formula, ())
            if number != 1 or not low <= high:
                raise InputError(f"{said}, and a term has no constants. Got {term}: {limits!r}.")
            out.append(Bound([*states].index(name), rest, low, high))
    return tuple(out)


def _split(term: Any, constants: Sequence[sympy.Symbol]) -> tuple[float | None, Any]:
    """Return the number before a term and what it is of; None if an unknown constant stands before it."""
    front, rest = term.as_independent(*(term.free_symbols - {*constants}), as_Add=False)
    if rest.free_symbols & {*constants}:
        raise InputError(
            f"In 'known', an unknown constant must be the factor of a term, as in -k*x. Got {term}: list it in 'terms'."
        )
    return (None if front.free_symbols else float(front)), rest


def _read(given: Any, what: str, arguments: Sequence[str], inner: list[sympy.Symbol]) -> Any:
    """Return a formula in the symbols of states and time; its other names are added to the inner constants."""
    formula, others = read_formula(given, [*arguments, "t"], what)
    shown: dict[Any, Any] = dict(zip(map(sympy.Symbol, arguments), state_symbols(len(arguments)), strict=True))
    shown[sympy.Symbol("t")] = TIME
    for symbol in others:
        shown[symbol] = sympy.Symbol(f"own_{symbol}", real=True)
        if shown[symbol] not in inner:
            inner.append(shown[symbol])
    return sympy.sympify(formula).xreplace(shown)
