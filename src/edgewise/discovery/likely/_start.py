"""A smooth model of rows by their likelihood, before any formula is known: where the search begins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import sympy

from edgewise._typing import Array, Part
from edgewise.discovery.likelihoods import Binomial, Likelihood, Maximum, maximum
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
