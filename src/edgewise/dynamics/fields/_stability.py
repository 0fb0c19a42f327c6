"""Whether an equation is well posed: how fast its finest waves grow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics.fields._joint import Support
from edgewise.dynamics.fields._lattice import Lattice
from edgewise.dynamics.fields._terms import Factor, Term

_WAVES = (0.0, 0.5, 1.0, 4.0)  # of the finest wave that cells hold
_STATES = (0.1, 0.5, 0.9)  # quantiles of the values around which it is linearized


@np.errstate(all="ignore")
def growth(
    terms: Sequence[Term], support: Support, constants: Sequence[Array], values: Array, lattice: Lattice, order: int
) -> float:
    """The largest rate at which waves grow, up to four times finer than cells; infinite where it is not finite."""
    d, space = values.shape[1], len(lattice.spaces) - 1
    widths = np.array([np.diff(own.cells)[0] for own in lattice.spaces[1:]])
    states = np.quantile(values, _STATES, axis=0)
    worst = 0.0
    for state, waves in product(states, product(_WAVES, repeat=space)):
        number, symbol = np.pi / widths * waves, np.zeros((d, d), dtype=complex)
        for e in range(d):
            for j, value in zip(support[e], constants[e], strict=True):
                at: dict[Factor, Array] = {
                    factor: np.asarray(0.0 if sum(factor[1]) else state[factor[0]]) for factor in terms[j].factors
                }
                for (c, by), slope in terms[j].slopes(at).items():
                    if sum(by):
                        symbol[e, c] += value * slope * np.prod((1j * number) ** np.array(by))
        if not np.isfinite(symbol).all():
            return np.inf
        rates = np.asarray(np.linalg.eigvals(symbol), dtype=complex)
        rates = rates if order == 1 else np.concatenate([np.sqrt(rates), -np.sqrt(rates)])
        worst = max(worst, float(np.real(rates).max()))
    return worst
