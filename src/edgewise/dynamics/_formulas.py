"""Terms from the formulas that `discover` finds for the derivatives of smooth curves."""

from __future__ import annotations

import numpy as np
import sympy

from edgewise._typing import Formula, Part
from edgewise.discovery import discover
from edgewise.dynamics._library import TIME, Library, state_symbols
from edgewise.dynamics._regression import arguments
from edgewise.dynamics._starts import Ground
from edgewise.formulas.expressions import loosened


def rate_formulas(ground: Ground, effort: int, seed: int) -> Library | None:
    """Return the terms of the best formulas that `discover` finds for the derivatives of smooth curves."""
    n_rows = 400
    tried = 4  # formulas of each front
    longest = 20  # of complexity
    few = 7  # rows of a trajectory, of which the first and the last two are kept
    data = ground.data
    z, rates = [], []
    for curve, rows in zip(ground.curves, data.pieces(), strict=True):
        inside = data.times[rows][2:-2] if rows.stop - rows.start > few else data.times[rows]
        z.append(arguments(data, curve, inside))
        rates.append(curve.at(inside, data.order))
    x, y = np.concatenate(z), np.concatenate(rates)
    kept = np.unique(np.linspace(0, len(x) - 1, n_rows).astype(int))
    names = [f"z{k}" for k in range(x.shape[1])]
    terms: dict[Formula, None] = {}
    for target in y.T:
        if np.ptp(target[kept]) == 0:
            continue
        found = discover(x[kept], target[kept], names, effort=effort, seed=seed, rounding=False, time_limit=1e6)
        short = [c for c in found.candidates if c.complexity <= longest]
        for candidate in [found.best, *sorted(short, key=lambda c: c.held_out)[:tried]]:
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
