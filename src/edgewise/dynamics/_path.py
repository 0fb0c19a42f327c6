"""Rates as a function of numbers, and the path that follows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.dynamics._equations import Equations

_RELATIVE, _ABSOLUTE = 1e-9, 1e-11  # errors of a step
_STEPS, _EACH = 20_000, 100  # at most: as many, and as many more for each time


def rates_of(equations: Equations) -> Callable[..., list[Any]]:
    """Return the rates as a function of time and states."""
    symbols = [sympy.Symbol("t", real=True), *(sympy.Symbol(name, real=True) for name in equations.names)]
    dummies = {s: sympy.Dummy(f"v{k}") for k, s in enumerate(symbols)}
    return sympy.lambdify(
        list(dummies.values()), [rate.xreplace(dummies) for rate in equations.numbers.values()], "numpy"
    )


def path(equations: Equations, start: Array, times: Array) -> Array:
    """Return the states (n, m) at times that increase, from those at the first; nan after a blow-up, or many steps."""
    from scipy.integrate import LSODA

    call, out = rates_of(equations), np.full((len(times), len(equations.names)), np.nan)
    out[0], done, steps = start, 1, 0
    with np.errstate(all="ignore"):
        solver = LSODA(
            lambda now, state: [float(value) for value in call(now, *state)], times[0], start, times[-1],
            rtol=_RELATIVE, atol=_ABSOLUTE,
        )  # fmt: skip
        while done < len(times) and steps < _STEPS + _EACH * len(times):
            solver.step()
            if solver.status == "failed":
                break
            reached = int(np.searchsorted(times, solver.t, side="right"))
            if reached > done:
                out[done:reached] = solver.dense_output()(times[done:reached]).T
            done, steps = max(done, reached), steps + 1
    return out
