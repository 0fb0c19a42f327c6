"""From trajectories to differential equations: the door, and the result of a search."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from edgewise._checks import is_int, is_number
from edgewise._deadline import Deadline, cut
from edgewise._effort import EffortWord, work_of
from edgewise._errors import EdgewiseError, InputError
from edgewise._progress import Shown, reporting
from edgewise._typing import Array, Data, Formula
from edgewise.dynamics._equations import Equations
from edgewise.dynamics._explore import Explorer, Found
from edgewise.dynamics._fit import freedom, refined
from edgewise.dynamics._forecast import forecast
from edgewise.dynamics._library import TIME
from edgewise.dynamics._measured import Measured, measured
from edgewise.dynamics._prior import prior
from edgewise.dynamics._result import Dynamics, DynamicsCandidate
from edgewise.dynamics._system import System
from edgewise.dynamics._verdict import Outcome, verdict
from edgewise.kernels import one_thread


def summary(explorer: Explorer, stopped: Outcome | None) -> Dynamics:
    """Return the result of a search that has ended, or was ended."""
    data, found, chains = explorer.data, explorer.chosen(), explorer.chains
    assert found is not None
    fitted, covariance = refined(found.scored.fitted, data, chains)
    ahead = None if stopped or data.hidden else forecast(found.scored.system, data, chains, explorer.ground.stretch)
    left = freedom(fitted, data)
    written = Equations.of(fitted.system.compact(), data.states, covariance, _quantile(left))
    noise = np.sqrt(fitted.squares * data.size / left) * chains.noise
    relative = np.sqrt(fitted.squares) * chains.noise / data.deviation
    firsts = np.flatnonzero(~explorer.at.follows)
    rivals = (
        []
        if explorer.contest is None
        else [Found(each.scored, explorer.contest.wide.library) for each in explorer.contest.rivals]
    )
    return Dynamics(
        data.states, written, _by_name(data.names, noise), _by_name(data.names, relative),
        None if ahead is None else _by_name(data.names, ahead.errors), fitted.nodes[firsts],
        tuple(_candidate(explorer, each) for each in explorer.front()), stopped or verdict(explorer, relative, ahead),
        tuple(_candidate(explorer, each) for each in rivals),
        _ranges(data), data, fitted.system,
    )  # fmt: skip


def _ranges(data: Measured) -> dict[str, tuple[float, float]]:
    low, high = np.nanmin(data.values, axis=0), np.nanmax(data.values, axis=0)
    return {name: (float(a), float(b)) for name, a, b in zip(data.names, low, high, strict=True)}


def _candidate(explorer: Explorer, each: Found) -> DynamicsCandidate:
    data, scored = explorer.data, each.scored
    error = float(np.sqrt((scored.fitted.squares * (explorer.chains.noise / data.deviation) ** 2).mean()))
    numbers = _plain(scored.system, data.states).numbers
    return DynamicsCandidate(numbers, scored.system.n_parameters, error, scored.score)


def _plain(system: System, names: tuple[str, ...]) -> Equations:
    """Return the equations of a system without standard errors."""
    return Equations.of(system.compact(), names, np.zeros([system.n_parameters] * 2), 0.0)


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def _by_name(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _hidden(name: str | None, data: Measured) -> tuple[str, ...]:
    if name is None:
        return ()
    if not isinstance(name, str) or not name or name in (*data.arguments, "t"):
        raise InputError(f"'hidden' must be the name of a state that was not measured. Got {name!r}.")
    if data.order == 2 or data.inputs or data.prior.own or data.prior.fixed:
        raise InputError("With 'hidden', order=2, inputs, terms and known parts are not taken.")
    return (name,)


_EFFORTS: dict[EffortWord, int] = {"quick": 0, "normal": 30_000, "thorough": 150_000}


def discover_ode(  # noqa: PLR0913 (what was measured, and what is known of it)
    t: Data | Sequence[Data],
    x: Data | Sequence[Data],
    names: Sequence[str] | None = None,
    *,
    order: Literal[1, 2] = 1,
    inputs: Any = None,
    terms: Sequence[str | Formula] | None = None,
    only: bool = False,
    known: Mapping[str, str | Formula] | None = None,
    bounds: Mapping[str, Mapping[str | Formula, tuple[float | None, float | None]]] | None = None,
    hidden: str | None = None,
    effort: EffortWord | int = "normal",
    seed: int = 0,
    time_limit: float = 300.0,
    progress: Shown = "auto",
) -> Dynamics:
    """Find differential equations for measured trajectories, with the constants and their standard errors.

        order 1:  x_i' = f_i(x, t)        order 2:  x_i'' = f_i(x, x', t), where only positions were measured

    Candidates come from sparse regression on integrals along smooth curves, over polynomials, sines, forcing
    cos(w t) of unknown frequency, saturating quotients, and, where these leave more than noise, from formulas of
    `discover` for the derivatives. They are judged on the rows themselves: constants and starts are fitted by multiple
    shooting, and terms are added, dropped and exchanged by an extended Bayesian information criterion.

    The search has no clock: with the same arguments it gives the same result, unless `time_limit` ends it. Ctrl-C ends
    it as well, and what was found so far is returned.

    Parameters
    ----------
    t : (n,)
        Times that increase, regular or not. A list of such is for several trajectories of the same system.
    x : (n, d)
        All states at these times, one trajectory; a list of such tables for several of the same system. Values that
        were not measured are nan.
    names
        Names of the states; by default those of a DataFrame's columns, else x, y, z.
    order
        1 for equations of the states; 2 where only positions were measured, for equations of their second derivatives.
    inputs
        What drives the system and was measured in the same rows, without gaps: a table (n, k), a DataFrame, or columns
        and functions of time by name; a list of such for several trajectories. Rates are functions of states and
        inputs then, x' = f(x, u).
    terms
        Terms to try first, formulas of states, inputs and t. Names that are neither are constants to be fitted, as K in
        "x/(K + x)".
    only
        Whether rates have no terms but those of `terms`.
    known
        Parts of rates that are known, by state: "-9.81" or "-k*v", where k is to be fitted.
    bounds
        The least and the largest value of the constants of terms, by state and term, None for no bound:
        {"y": {"x*y": (0, None)}}. Equations with a constant beyond by more than two standard errors are not considered;
        (0, 0) bars a term.
    hidden
        The name of a state that was not measured, if there is one. Rates are polynomials then, and one of a measured
        state has the term hidden, or a state times hidden, with the factor 1: the hidden state is known only up to a
        change of variable.
    effort
        The number of formulas that `discover` evaluates: 0 for "quick", 30 000 for "normal", 150 000 for "thorough".
    seed
        Seed of the search.
    time_limit
        Seconds after which the search ends.
    progress
        Whether a line shows how far the search is: True, False, or "auto" (on a screen, after two seconds).
        A function is called with the stage, the fraction done and the best so far.

    Returns
    -------
    Dynamics
        The equations, their constants with standard errors, and what may be claimed of them.

    Raises
    ------
    InputError
        For shapes that do not agree, times that do not increase, fewer than 8 rows in all or 2 of a trajectory, a state
        that never changes, inputs with gaps, and bad names.
    EdgewiseError
        If time ran out before anything was found.

    References
    ----------
    Regression on integrals: Schaeffer and McCalla, Sparse model selection via integral terms (2017); multiple shooting:
    Bock (1981); the linear model of it in which terms are chosen: this project, docs/dynamics.md.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise import discover_ode
    >>> t = np.linspace(0, 4, 60)
    >>> found = discover_ode(t, np.exp(-t / 2), ["q"], effort="quick")
    >>> print(found.written.text())
    q' = -0.5*q
    """
    tries = work_of(effort, _EFFORTS, "formulas to evaluate")
    if not is_int(seed, 0, 2**62 - 1):
        raise InputError(f"'seed' must be an int from 0 to 2^62. Got {seed!r}.")
    if not is_number(time_limit, 0) or time_limit <= 0:
        raise InputError(f"'time_limit' must be a positive number of seconds. Got {time_limit!r}.")
    data = measured(t, x, names, order, inputs)
    wanted = prior(terms, only, known, bounds, data.states, data.arguments, data.n_observed)
    if data.inputs and data.shifts[-1] and any(TIME in term.free_symbols for term in wanted.own):
        raise InputError("With inputs and several trajectories, terms of t are not taken: give t as an input.")
    data = replace(data, prior=wanted)
    data = replace(data, hidden=_hidden(hidden, data))
    deadline, stopped = Deadline.after(float(time_limit)), None
    with reporting(progress) as show, one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        explorer = Explorer(data, show, tries, int(seed))
        try:
            if not cut(deadline, explorer.run):
                stopped = Outcome.TIME_LIMIT
        except KeyboardInterrupt:
            stopped = Outcome.INTERRUPTED
        if explorer.best is None:
            raise EdgewiseError("No equations were found in the time given. Allow more of it by 'time_limit'.")
        return summary(explorer, stopped)
