"""Where a search by a likelihood begins: a smooth model of the rows, and the usual forms of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement, product

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.likelihoods import Binomial, Likelihood, Maximum, maximum
from edgewise.discovery.likely._contest import probability
from edgewise.formulas.expressions import FreeFormula


def smooth(likelihood: Likelihood, names: Sequence[str], x: Array) -> Maximum | None:
    """Return a polynomial of the inputs x (n, m), for events one of the log-odds, at the maximum of the likelihood.

    Of third degree for one input, of second for few, else of first, as far as there are ten rows for each constant.
    """
    rows_each = 10
    center, scale = x.mean(0), np.where(x.std(0) > 0, x.std(0), 1.0)
    moving = [k for k in range(x.shape[1]) if np.ptp(x[:, k]) > 0]
    standard = [(sympy.Symbol(names[k]) - float(center[k])) / float(scale[k]) for k in moving]
    for degree in (3, 2, 1, 0):
        if degree > 2 and len(moving) > 1:
            continue
        terms: list[Part] = [sympy.Integer(1)]
        for total in range(1, degree + 1):
            terms += [sympy.Mul(*each) for each in combinations_with_replacement(standard, total)]
        if degree and len(terms) * rows_each > len(x):
            continue
        symbols = tuple(sympy.Dummy(f"c{k}") for k in range(len(terms)))
        form: Part = sympy.Add(*(s * term for s, term in zip(symbols, terms, strict=True)))
        form = 1 / (1 + sympy.exp(-form)) if isinstance(likelihood, Binomial) else form
        free = FreeFormula(form, symbols, (0.0,) * len(symbols))
        found = maximum(likelihood, free, names, [np.ascontiguousarray(column) for column in x.T], {})
        if found is not None:
            return found
    return None


def usual_probabilities(names: Sequence[str], x: Array) -> tuple[list[Formula], dict[Formula, Formula]]:
    """Return forms of a generalized linear model of events, and those of log-odds by their probabilities.

    Planes of the inputs x (n, m), each as it is, as its logarithm, or not at all, are the log-odds, or the logarithm of
    the rate at which an event happens, or does not: 1 - exp(-exp(plane)) and exp(-exp(plane)).

    Source: McCullagh and Nelder, Generalized Linear Models (1989), section 4.3.
    """
    few, start = 3, sympy.Float(0.5)  # inputs with which each may be left out; value that constants start from
    symbols = [sympy.Symbol(name) for name in names]
    choices = [
        [*([sympy.Integer(0)] if len(names) <= few else []), s, *([sympy.log(s)] if (column > 0).all() else [])]
        for s, column in zip(symbols, x.T, strict=True)
    ]
    others: list[Formula] = []
    log_odds: dict[Formula, Formula] = {}
    for chosen in list(product(*choices))[:_MOST]:
        terms = [term for term in chosen if term != 0]
        if terms:
            slopes = [start * (1 + k / 7) * term for k, term in enumerate(terms)]
            plane = sympy.Add(sympy.Float(-0.3), *slopes)
            log_odds[probability(plane)] = plane
            others += [1 - sympy.exp(-sympy.exp(plane)), sympy.exp(-sympy.exp(plane))]
    if len(names) == 1:
        rate = sympy.exp(-start * symbols[0])
        others += [rate, 1 - rate]
    return others, log_odds


_MOST = 40  # planes at most
