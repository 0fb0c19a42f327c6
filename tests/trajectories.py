"""Systems of differential equations, their trajectories, and the terms that were found for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from scipy.integrate import solve_ivp

from edgewise.dynamics import Dynamics

Rates = Callable[[float, Any], list[float]]


def path(rates: Rates, start: list[float], times: Any, noise: float = 0.0, seed: int = 10) -> Any:
    """Return the states (n, m) of a system, with noise relative to their standard deviation."""
    found = solve_ivp(rates, (times[0], times[-1]), start, t_eval=times, method="DOP853", rtol=1e-11, atol=1e-12).y.T
    return found + noise * found.std(axis=0) * np.random.default_rng(seed).normal(size=found.shape)


def terms(found: Dynamics) -> list[set[str]]:
    """Return the terms of each equation, without factors, constants within them as K."""
    out = []
    for rate in found.equations.values():
        parts = [term.as_independent(*rate.free_symbols)[1] for term in sympy.Add.make_args(rate)]
        out.append({str(p.xreplace({n: sympy.Symbol("K") for n in p.atoms(sympy.Float)})) for p in parts})
    return out


def hunting(t: float, z: Any) -> list[float]:
    return [z[0] - 0.5 * z[0] * z[1], 0.4 * z[0] * z[1] - 0.8 * z[1]]
