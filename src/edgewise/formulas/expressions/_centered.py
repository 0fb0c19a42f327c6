"""Waves written around the middle of the rows, where frequency and phase are determined independently."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sympy
from sympy.core.parameters import distribute

from edgewise._typing import Array, Formula, Part


def centered(expression: Formula, names: Sequence[str], x: Array) -> Formula:
    """Return a formula with its waves around the middle of the rows: cos(w*(t - m) + c), m a round number.

    The phase at 0 is poorly known where the rows are far from it: it follows each change of the frequency. Only waves
    of one input are written so whose mean over the rows is more than two standard deviations from 0, and whose
    frequency and phase are both fitted.

    Parameters
    ----------
    expression
        The formula.
    names
        Names of the columns.
    x : (n, m)
        The rows.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.expressions import centered
    >>> t = np.linspace(1958, 1998, 481)[:, None]
    >>> print(centered(2.8 * sympy.cos(6.283 * sympy.Symbol("t") + 6.0), ["t"], t))
    2.8*cos(6.283*(t - 1980) - 0.65009352...)
    """
    far = 2.0  # standard deviations of an input between its mean and 0, beyond which waves are centered
    places = {name: k for k, name in enumerate(names)}
    found: dict[Part, Part] = {}
    whole: Part = expression
    for wave in whole.atoms(sympy.sin, sympy.cos):
        phase, turning = wave.args[0].as_independent(*wave.free_symbols, as_Add=True)
        frequency, symbol = turning.as_coeff_Mul()
        if not (phase.is_Float and frequency.is_Float and str(symbol) in places and symbol.is_Symbol):
            continue
        column = x[:, places[str(symbol)]]
        mean, deviation = float(column.mean()), float(column.std())
        if deviation <= 0 or abs(mean) <= far * deviation:
            continue
        middle = _round_middle(mean, deviation)
        angle = (float(phase) + float(frequency) * float(middle) + math.pi) % (2 * math.pi) - math.pi
        around = sympy.Mul(frequency, sympy.Add(symbol, -middle), evaluate=False)
        found[wave] = wave.func(sympy.Add(around, sympy.Float(angle, 17)))
    with distribute(False):
        return whole.xreplace(found) if found else expression


def _round_middle(mean: float, deviation: float) -> Part:
    """Return a number of few digits within half of the largest power of ten below the standard deviation."""
    digits = -math.floor(math.log10(deviation))
    step: Part = sympy.Rational(10) ** -digits
    return round(mean / float(step)) * step


@contextmanager
def products_kept(expression: Part) -> Iterator[None]:
    """Keep products of a number and a sum, as 6.28*(t - 1980), as they are, if a formula has one.

    sympy multiplies them out when a part of the formula is replaced. Dummies stand for numbers.

    Parameters
    ----------
    expression
        The formula.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import products_kept
    >>> a, t = sympy.Dummy("a"), sympy.Symbol("t")
    >>> with products_kept(a * (t - 1980)):
    ...     print((a * (t - 1980)).xreplace({a: sympy.Float("6.28")}))
    6.28*(t - 1980)
    """
    if any(_is_number_times_sum(part) for part in expression.atoms(sympy.Mul)):
        with distribute(False):
            yield
    else:
        yield


def _is_number_times_sum(product: Part) -> bool:
    if len(product.args) != 2 or not any(part.is_Add for part in product.args):
        return False
    return any(part.is_Number or part.is_Dummy for part in product.args)
