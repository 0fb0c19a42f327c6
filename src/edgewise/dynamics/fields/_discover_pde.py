"""From measured fields to partial differential equations: the door."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import sympy

from edgewise._checks import is_number
from edgewise._deadline import Deadline, cut
from edgewise._effort import EffortWord, work_of
from edgewise._errors import EdgewiseError, InputError
from edgewise._progress import Shown, reporting
from edgewise._typing import Array, Data, Formula
from edgewise.dynamics._equations import Constant, Equations
from edgewise.dynamics._verdict import Outcome
from edgewise.dynamics.fields._joint import Support
from edgewise.dynamics.fields._measured import measured
from edgewise.dynamics.fields._result import FieldCandidate, FieldEquations
from edgewise.dynamics.fields._rivals import Rival, rivals
from edgewise.dynamics.fields._search import Level, Search
from edgewise.dynamics.fields._settings import SETTINGS
from edgewise.dynamics.fields._terms import Term
from edgewise.dynamics.fields._verdict import verdict
from edgewise.kernels import one_thread

_EFFORTS: dict[EffortWord, int] = {"quick": 2, "normal": 4, "thorough": 6}


def discover_pde(
    t: Data,
    x: Data | Sequence[Data] | Mapping[str, Data],
    u: Data | Sequence[Data] | Mapping[str, Data],
    names: Sequence[str] | None = None,
    *,
    order: Literal[1, 2] = 1,
    effort: EffortWord | int = "normal",
    time_limit: float = 300.0,
    progress: Shown = "auto",
) -> FieldEquations:
    """Find partial differential equations for a measured field, with the constants and their standard errors.

        order 1:  u_t = sum_j c_j T_j(u, u_x, u_xx, ...)        order 2:  u_tt = the same

    The library of terms T_j holds products of up to three components, spatial derivatives up to fourth order (second
    order in two dimensions), products of a component and a derivative, and functions of one component such as sin(u). A
    spline field and the coefficients c_j are fitted to the data jointly: noisy data are never differentiated, and no
    boundary or initial conditions are assumed. Terms are added, dropped and exchanged by a quadratic model of that fit,
    on successively finer splines until two of them agree. Ill-posed equations are rejected.

    The search has no clock: with the same arguments it gives the same result, unless `time_limit` ends it. Ctrl-C ends
    it as well, and what was found so far is returned.

    Parameters
    ----------
    t : (n,)
        Times of the grid, or of each sample.
    x : (m,)
        Positions of the grid, or of each sample (n,). In two dimensions, a list of two arrays or a dictionary of named
        coordinates.
    u : (n, m)
        Values on the grid, (n, m1, m2) in two dimensions; or one value per sample, (n,). NaN marks a gap. For several
        components, a list of arrays or a dictionary. A complex field is split into its real and imaginary part.
    names
        Names of the components; by default the keys of the dictionary, else u, v, w.
    order
        1 for equations of u_t, 2 for those of u_tt.
    effort
        The number of refinements of the splines: 2 for "quick", 4 for "normal", 6 for "thorough". Each one allows ten
        times the work per step.
    time_limit
        Seconds after which the search ends.
    progress
        Whether a line shows how far the search is: True, False, or "auto" (on a screen, after two seconds).
        A function is called with the stage, the fraction done and the best so far.

    Returns
    -------
    FieldEquations
        The equations, their constants with standard errors, and what may be claimed of them.

    Raises
    ------
    InputError
        For shapes that do not match, too few samples, a constant field, and invalid names.
    EdgewiseError
        If no equation could be fitted, or time ran out first.

    References
    ----------
    The weak form that starts the search: Messenger and Bortz, Weak SINDy for partial differential equations (2021). The
    joint fit: this project, docs/fields.md.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise import discover_pde
    >>> t, x = np.linspace(1, 3, 31)[:, None], np.linspace(-3, 3, 40)
    >>> found = discover_pde(t.ravel(), x, np.exp(-(x**2) / t) / np.sqrt(t))
    >>> found.equations["u"].evalf(3), found.outcome.name
    (0.25*u_xx, 'EXACT')
    """
    levels = work_of(effort, _EFFORTS, "levels of cells", 1)
    if not is_number(time_limit, 0) or time_limit <= 0:
        raise InputError(f"'time_limit' must be a positive number of seconds. Got {time_limit!r}.")
    data = measured(t, x, u, names, order)
    deadline, stopped = Deadline.after(float(time_limit)), None
    with reporting(progress) as show, one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        search = Search(data, levels, SETTINGS.work * 10.0 ** (levels - _EFFORTS["normal"]), show)
        others = list[Rival]()

        def work() -> None:
            search.run()
            if search.last is not None:
                others.extend(rivals(search, search.last))

        try:
            if not cut(deadline, work):
                stopped = Outcome.TIME_LIMIT
        except KeyboardInterrupt:
            stopped = Outcome.INTERRUPTED
        level = search.last
        if level is None:
            raise EdgewiseError(
                "No field could be fitted to the rows. Try more of them, or other units." if stopped is None else
                "No equations were found in the time given. Allow more of it by 'time_limit'."
            )  # fmt: skip
        return _summary(search, level, others, stopped)


def _summary(search: Search, level: Level, others: list[Rival], stopped: Outcome | None) -> FieldEquations:
    data, best = search.measured, level.best
    assert best is not None
    left = data.values - level.joint.rows.image(best.coefficients)
    count = len(data.values)
    noise = np.sqrt(best.left / (1 - np.clip(level.joint.freedom(best) / count, 0.0, SETTINGS.most_freedom)))
    larger = max(1.0, float(np.max(noise / search.noise)))
    outcome = stopped or verdict(search, level, left, others)
    if outcome not in (Outcome.EXACT, Outcome.FLOOR) and not data.is_white(left):
        larger *= np.sqrt(data.fewer(left))
    errors = np.hypot(search.errors(level) * larger, search.moved())
    values = np.concatenate(best.constants)
    near = [each for each in others if each.lead < SETTINGS.lead and each.fit is not None]
    return FieldEquations(
        data.names, data.coordinates, _equations(search, best.support, values, errors),
        dict(zip(data.names, noise.tolist(), strict=True)),
        dict(zip(data.names, (noise / data.deviation).tolist(), strict=True)),
        outcome,
        tuple(_candidate(search, each) for each in near),
        {name: (float(own.min()), float(own.max())) for name, own in zip(data.names, data.values.T, strict=True)},
        data, tuple(tuple(search.terms[j] for j in own) for own in best.support), level.lattice, best.coefficients,
    )  # fmt: skip


def _candidate(search: Search, rival: Rival) -> FieldCandidate:
    assert rival.fit is not None
    values = np.concatenate(rival.fit.constants)
    written = _equations(search, rival.support, values, np.zeros(len(values)))
    return FieldCandidate(written.numbers, len(values), rival.lead)


def _equations(search: Search, support: Support, values: Array, errors: Array) -> Equations:
    data, quantile = search.measured, 1.959964
    names = [sympy.Symbol(f"c{k + 1}", real=True) for k in range(len(values))]
    forms, rest = list[Formula](), iter(names)
    for own in support:
        terms: list[Term] = [search.terms[j] for j in own]
        forms.append(sympy.Add(*(next(rest) * term.written(data.names, data.coordinates) for term in terms)))
    constants = tuple(
        Constant(s.name, float(v), float(e), (float(v - quantile * e), float(v + quantile * e)))
        for s, v, e in zip(names, values, errors, strict=True)
    )
    return Equations(data.names, tuple(forms), constants, "t" * data.order)
