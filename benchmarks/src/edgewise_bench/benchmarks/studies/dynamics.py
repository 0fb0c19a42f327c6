"""Equations from trajectories: eight known systems, clean and with noise, found by `discover_ode` and by PySINDy."""

# pyright: reportMissingImports=false
# PySINDy lives in a separate environment.

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy
from scipy.integrate import solve_ivp

from edgewise.dynamics import discover_ode
from edgewise_bench import OURS, Cell, Row, Settings
from edgewise_bench.benchmarks.studies.study import Study, share_of
from edgewise_bench.tables import grouped, known

_PYSINDY = "pysindy"
_NOISES = (0.0, 0.01, 0.05)


class KnownSystem(NamedTuple):
    """Rates, starts, the last time, the number of rows, and for each equation the terms with their true constants."""

    names: str
    rates: Callable[[float, Any], list[float]]
    starts: list[list[float]]
    end: float
    rows: int
    truth: list[dict[str, float]]

    def trajectories(self, noise: float, seed: int) -> tuple[list[Any], list[Any]]:
        """Return the times and the noisy states of each trajectory."""
        rng = np.random.default_rng([seed, round(1000 * noise)])
        t, clean = np.linspace(0, self.end, self.rows), []
        moves = np.random.default_rng(seed)
        for start in self.starts:
            first = np.array(start) * (1 + 0.1 * moves.uniform(-1, 1, len(start)))
            path = solve_ivp(self.rates, (0, self.end), first, t_eval=t, method="DOP853", rtol=1e-11, atol=1e-12)
            clean.append(path.y.T)
        deviation = np.concatenate(clean).std(axis=0)
        return [t] * len(clean), [x + noise * deviation * rng.normal(size=x.shape) for x in clean]


SYSTEMS = {
    "lorenz": KnownSystem(
        "xyz", lambda t, z: [10 * (z[1] - z[0]), z[0] * (28 - z[2]) - z[1], z[0] * z[1] - 8 / 3 * z[2]],
        [[-8, 8, 27]], 10, 1000,
        [{"x": -10, "y": 10}, {"x": 28, "x*z": -1, "y": -1}, {"x*y": 1, "z": -8 / 3}],
    ),
    "pendulum": KnownSystem(
        "xy", lambda t, z: [z[1], -0.25 * z[1] - 5 * np.sin(z[0])], [[2, 0]], 10, 500,
        [{"y": 1}, {"y": -0.25, "sin(x)": -5}],
    ),
    "lotka-volterra": KnownSystem(
        "xy", lambda t, z: [1.1 * z[0] - 0.4 * z[0] * z[1], 0.1 * z[0] * z[1] - 0.4 * z[1]], [[10, 5]], 40, 400,
        [{"x": 1.1, "x*y": -0.4}, {"x*y": 0.1, "y": -0.4}],
    ),
    "van der pol": KnownSystem(
        "xy", lambda t, z: [z[1], 2 * (1 - z[0] ** 2) * z[1] - z[0]], [[1, 1]], 20, 600,
        [{"y": 1}, {"y": 2, "x**2*y": -2, "x": -1}],
    ),
    "fitzhugh-nagumo": KnownSystem(
        "vw", lambda t, z: [z[0] - z[0] ** 3 / 3 - z[1] + 0.5, 0.08 * (z[0] + 0.7 - 0.8 * z[1])], [[-1, 1]], 150, 750,
        [{"v": 1, "v**3": -1 / 3, "w": -1, "1": 0.5}, {"v": 0.08, "1": 0.056, "w": -0.064}],
    ),
    "double well": KnownSystem(
        "xy", lambda t, z: [z[1], -0.3 * z[1] + z[0] - z[0] ** 3 + 0.4 * np.cos(1.2 * t)], [[1, 0]], 40, 800,
        [{"y": 1}, {"y": -0.3, "x": 1, "x**3": -1, "cos(K*t)": 0.4}],
    ),
    "sir": KnownSystem(
        "sir", lambda t, z: [-0.5 * z[0] * z[1], 0.5 * z[0] * z[1] - 0.15 * z[1], 0.15 * z[1]],
        [[0.99, 0.01, 0], [0.7, 0.05, 0.25]], 60, 200,
        [{"i*s": -0.5}, {"i*s": 0.5, "i": -0.15}, {"i": 0.15}],
    ),
    "selkov": KnownSystem(
        "xy", lambda t, z: [-z[0] + 0.08 * z[1] + z[0] ** 2 * z[1], 0.6 - 0.08 * z[1] - z[0] ** 2 * z[1]], [[1, 1]],
        40, 400, [{"x": -1, "y": 0.08, "x**2*y": 1}, {"1": 0.6, "y": -0.08, "x**2*y": -1}],
    ),
}  # fmt: skip


def _methods() -> tuple[str, ...]:
    return (OURS, _PYSINDY) if find_spec(_PYSINDY) else (OURS,)


class Dynamics(Study):
    """Eight known systems; seeds move the starts by up to 10 % and change the noise, relative to that of each state.

    A form is right if each equation has exactly the terms of the true one; numbers within terms (the frequency of a
    forcing) are constants. `covered` counts the constants whose 95 % interval holds the truth, of forms that are right;
    `widest` is the longest of these intervals over its constant.

    PySINDy gets polynomials to degree 3, alone and with sines and cosines of frequency 1; ensembles of sequentially
    thresholded least squares on smoothed finite differences, and the weak form; seven thresholds. `right` is the
    setting with the smallest BIC of the rates on the last 30 % of the rows; `any` says whether any setting has the
    right form.

    Thresholds of edgewise were tuned on other systems (Roessler, Brusselator, harmonic, logistic, Duffing, a forced
    oscillator, pendulum with other constants, competition, Schnakenberg, Holling predation), with seeds from 10.
    """

    name = "dynamics"
    title = "Equations from trajectories: right forms"
    columns = (
        "right", "any", "constants", "covered", "largest_error", "widest", "outcome", "seconds", "equations", "status",
    )  # fmt: skip
    seeds = 3
    grid: ClassVar = {"method": _methods, "system": SYSTEMS, "noise": _NOISES}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        find = _by_edgewise if given["method"] == OURS else _by_pysindy
        system = SYSTEMS[given["system"]]
        return find(system, *system.trajectories(given["noise"], given["seed"]), given["seed"])

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        columns = [(OURS, "right"), (_PYSINDY, "right"), (_PYSINDY, "any")]
        lines = []
        for name, group in [*((key[0], own) for key, own in grouped(rows, "system").items()), ("all", list(rows))]:
            cells = []
            for method, column in columns:
                counts = [
                    (known([r for r in group if (r["method"], float(r["noise"])) == (method, noise)], column))
                    for noise in _NOISES
                ]
                cells.append(Cell(", ".join(f"{sum(own):g}/{len(own)}" for own in counts if own)))
            lines.append([Cell(name), *cells])
        ours = [row for row in rows if row["method"] == OURS and row["constants"] not in ("", None)]
        for (noise,), own in grouped(ours, "noise").items():
            held = share_of(own, "covered", "constants")
            lines.append([Cell(f"constants in 95 %, noise {noise}"), Cell(f"{held:.3f}"), Cell(""), Cell("")])
        noises = ", ".join(f"{noise:g}" for noise in _NOISES)
        return ["system", f"edgewise, noise {noises}", "PySINDy by BIC", "PySINDy's best setting"], lines


def _by_edgewise(system: KnownSystem, t: list[Any], x: list[Any], seed: int) -> Row:
    began = time.process_time()
    found = discover_ode(t, x, list(system.names), time_limit=3600)
    seconds = time.process_time() - began
    right, covered, largest, widest, count = True, 0, 0.0, 0.0, 0
    for form, truth in zip(found.forms.values(), system.truth, strict=True):
        terms = {}
        for term in sympy.Add.make_args(form):
            own: list[Any] = [s for s in term.free_symbols if str(s) in found.constants]
            front = next((s for s in own if s in term.args or s == term), None)
            rest = (term / front if front is not None else term).xreplace({s: sympy.Symbol("K") for s in own})
            terms[str(rest)] = None if front is None else found.constants[front.name]
        right = right and set(terms) == set(truth)
        if not right:
            continue
        for term, value in truth.items():
            constant = terms[term]
            count += 1
            covered += constant.interval[0] <= value <= constant.interval[1]
            largest = max(largest, abs(constant.value / value - 1))
            widest = max(widest, (constant.interval[1] - constant.interval[0]) / abs(value))
    known_constants = (
        {"constants": count, "covered": covered, "largest_error": largest, "widest": widest} if right else {}
    )
    equations = found.written.text().replace("\n", "; ")
    return {
        "right": right,
        **known_constants,
        "outcome": found.outcome.name,
        "seconds": seconds,
        "equations": equations,
    }


def _pysindy_settings(t: list[Any]) -> Iterator[Any]:
    """Yield models of PySINDy with all settings."""
    import pysindy as ps

    for library in (ps.PolynomialLibrary(2), ps.PolynomialLibrary(3), ps.PolynomialLibrary(3) + ps.FourierLibrary(1)):
        for threshold in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
            inner = ps.STLSQ(threshold=threshold, alpha=1e-6)
            ensemble = ps.EnsembleOptimizer(inner, bagging=True, n_models=20)
            smooth = ps.SmoothedFiniteDifference()
            yield ps.SINDy(optimizer=ensemble, feature_library=library, differentiation_method=smooth)
            weak = ps.WeakPDELibrary(library, spatiotemporal_grid=t[0], K=200)
            yield ps.SINDy(optimizer=ps.STLSQ(threshold=threshold, alpha=1e-6), feature_library=weak)


def _by_pysindy(system: KnownSystem, t: list[Any], x: list[Any], seed: int) -> Row:
    began = time.process_time()
    best, any_right, chosen = np.inf, False, ""
    chosen_right = False
    np.random.seed(seed)  # noqa: NPY002 (what PySINDy draws from)
    for model in _pysindy_settings(t):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(x if len(x) > 1 else x[0], t=t if len(t) > 1 else t[0], feature_names=list(system.names))
        except Exception:  # noqa: BLE001 (a setting that fails is no setting)
            continue
        coefficients, features = model.coefficients(), model.get_feature_names()
        forms = [{_plain(features[k]) for k in np.flatnonzero(np.abs(row) > 1e-12)} for row in np.asarray(coefficients)]
        right = forms == [{_ordered(term) for term in truth} for truth in system.truth]
        any_right = any_right or right
        score = _bic(model, features, coefficients, t, x, system.names)
        if score < best:
            best, chosen_right = score, right
            chosen = "; ".join(model.equations(4))
    seconds = time.process_time() - began
    return {"right": chosen_right, "any": any_right, "seconds": seconds, "equations": chosen}


def _bic(model: Any, features: list[str], coefficients: Any, t: list[Any], x: list[Any], names: str) -> float:
    """Return the BIC of integrals of the rates in stretches of ten rows among the last 30 % of each trajectory."""
    squares, count = 0.0, 0
    for when, states in zip(t, x, strict=True):
        smooth = states
        space = {n: smooth[:, k] for k, n in enumerate(names)}
        columns = np.stack([_value(f, space) for f in features], axis=1)
        rates = columns @ np.asarray(coefficients).T
        total = np.concatenate(
            [np.zeros((1, len(names))), np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(when)[:, None], 0)]
        )
        first = int(0.7 * len(when))
        for a in range(first, len(when) - 10, 10):
            left = (states - total)[a : a + 10]
            left = (left - left.mean(axis=0)) / np.concatenate(x).std(axis=0)
            squares, count = squares + float((left**2).sum()), count + left.size
    return count * np.log(squares / count + 1e-14) + np.log(count) * np.count_nonzero(coefficients)


def _value(feature: str, space: dict[str, Any]) -> Any:
    out = np.ones_like(next(iter(space.values())))
    for factor in feature.replace("(1 ", "(").split():
        wave = re.fullmatch(r"(sin|cos)\((\w+)\)", factor)
        if wave:
            out = out * getattr(np, wave[1])(space[wave[2]])
        elif factor != "1":
            base, _, power = factor.partition("^")
            out = out * space[base] ** int(power or 1)
    return out


def _plain(feature: str) -> str:
    feature = re.sub(r"\((\d+) (\w+)\)", r"(\2)", feature)
    return _ordered(feature.replace("^", "**").replace(" ", "*"))


def _ordered(term: str) -> str:
    return "*".join(sorted(term.replace("**", "^").split("*"))).replace("^", "**")
