"""How long a formula is: operations, as sympy counts them."""

from __future__ import annotations

import sympy

from edgewise._typing import Formula

_TIMES, _MORE = 2, 3


def size(formula: Formula) -> int:
    """Operations: sums, products, quotients, powers, signs and functions.

    >>> size(sympy.sin(2 * sympy.Symbol("x")))
    2
    """
    return int(sympy.count_ops(formula))


def within_bound(formula: Formula, truth: Formula) -> bool:
    """Whether a formula has at most twice the operations of the truth and three more."""
    return size(formula) <= _TIMES * size(truth) + _MORE
