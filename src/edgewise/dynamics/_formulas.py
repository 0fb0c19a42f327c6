"""Formulas of `discover` for the rates, as terms: what no library holds."""

from __future__ import annotations

import numpy as np
import sympy

from edgewise._typing import Formula, Part
from edgewise.discovery import discover
from edgewise.dynamics._library import Library
from edgewise.dynamics._starts import Ground
from edgewise.dynamics._terms import TIME, state_symbols
from edgewise.formulas.expressions import loosened

_ROWS = 400
_TRIED = 4  # formulas of each front
_LONGEST = 20  # of complexity


def rate_formulas(ground: Ground, effort: int, seed: int) -> Library | None:
    """Return the terms of the best formulas that `discover` finds for the derivatives of smooth curves."""
    data = ground.data
    z, rates = [], []
    for curve, rows in zip(ground.curves, data.pieces(), strict=True):
        inside = data.times[rows][2:-2]
        z.append(np.concatenate([curve.at(inside, k) for k in range(data.order)], axis=1))
        rates.append(curve.at(inside, data.order))
    x, y = np.concatenate(z), np.concatenate(rates)
    kept = np.unique(np.linspace(0, len(x) - 1, _ROWS).astype(int))
    names = [f"z{k}" for k in range(x.shape[1])]
    terms: dict[Formula, None] = {}
    for target in y.T:
        if np.ptp(target[kept]) == 0:
            continue
        found = discover(x[kept], target[kept], names, effort=effort, seed=seed, rounding=False, time_limit=1e6)
        short = [c for c in found.candidates if c.complexity <= _LONGEST]
        for candidate in [found.best, *sorted(short, key=lambda c: c.held_out)[:_TRIED]]:
            terms |= dict.fromkeys(_terms(candidate.expression, x.shape[1]))
    return _library([*terms], x.shape[1])


def _terms(expression: Part, n_states: int) -> list[Formula]:
    """Return the terms of a formula in the symbols of states, without their factors."""
    symbols = {sympy.Symbol(s.name): s for s in state_symbols(n_states)}
    plain = expression.xreplace({s: symbols[sympy.Symbol(s.name)] for s in expression.free_symbols})
    own = [term.as_independent(*symbols.values(), TIME)[1] for term in sympy.Add.make_args(sympy.expand(plain))]
    return [term for term in own if term.free_symbols]


def _library(terms: list[Formula], n_states: int) -> Library | None:
    """Return terms as a library in which the numbers within them are constants to be fitted."""
    expressions: list[Formula] = []
    inner: list[sympy.Symbol] = []
    values: list[float] = []
    costs: list[float] = []
    for term in terms:
        free, numbers = loosened(term)
        named = {dummy: sympy.Symbol(f"a{len(inner) + k}", real=True) for k, dummy in enumerate(numbers)}
        exact = {dummy: sympy.Integer(1) for dummy, value in numbers.items() if value == 1}
        new = free.xreplace(exact).xreplace(named)
        if new in expressions:
            continue
        inner += [named[d] for d in numbers if d not in exact]
        values += [numbers[d] for d in numbers if d not in exact]
        expressions.append(new)
        costs.append(4.0 + 2.0 * float(sympy.count_ops(term)))
    return Library(n_states, tuple(expressions), tuple(costs), tuple(inner), tuple(values)) if expressions else None
