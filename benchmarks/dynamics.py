"""Equations from trajectories: eight known systems, clean and with noise, found by `edgewise.discover_ode`.

    python benchmarks/dynamics.py                             # rows of edgewise
    python benchmarks/dynamics.py --baseline                  # rows of PySINDy, in an environment that has it
    python benchmarks/dynamics.py --table                     # the table of docs/dynamics.md

Rows go to results/dynamics.csv with commit, date, device and versions; the last row of a case counts. A case that has a
row is measured again with --again only. A form is right if each equation has exactly the terms of the true one; numbers
within terms (the frequency of a forcing) are constants. `covered` counts the constants whose 95 % interval holds the
truth, of forms that are right; `widest` is the longest of these intervals over its constant. Noise is the standard
deviation of the error over that of each state. Seeds move the starts by up to 10 % and change the noise.

PySINDy gets polynomials to degree 3, alone and with sines and cosines of frequency 1; ensembles of sequentially
thresholded least squares on smoothed finite differences, and the weak form; seven thresholds. `right` is the setting
with the smallest BIC of the rates on the last 30 % of the rows; `any` says whether any setting has the right form.

Thresholds were tuned on other systems (Roessler, Brusselator, harmonic, logistic, Duffing, a forced oscillator,
pendulum with other constants, competition, Schnakenberg, Holling predation), with seeds from 10.
"""

from __future__ import annotations

import argparse
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from record import RESULTS, append, pin, read
from scipy.integrate import solve_ivp

ROWS = RESULTS / "dynamics.csv"
FIELDS = (
    "case", "system", "noise", "seed", "method", "right", "any", "constants", "covered", "largest_error", "widest",
    "outcome", "seconds", "equations", "versions",
)  # fmt: skip
NOISES, SEEDS = (0.0, 0.01, 0.05), (0, 1, 2)


@dataclass(frozen=True)
class System:
    """Rates, starts, the last time, the number of rows, and for each equation the terms with their true constants."""

    names: str
    rates: Callable[[float, Any], list[float]]
    starts: list[list[float]]
    end: float
    rows: int
    truth: list[dict[str, float]]


SYSTEMS = {
    "lorenz": System(
        "xyz", lambda t, z: [10 * (z[1] - z[0]), z[0] * (28 - z[2]) - z[1], z[0] * z[1] - 8 / 3 * z[2]],
        [[-8, 8, 27]], 10, 1000,
        [{"x": -10, "y": 10}, {"x": 28, "x*z": -1, "y": -1}, {"x*y": 1, "z": -8 / 3}],
    ),
    "pendulum": System(
        "xy", lambda t, z: [z[1], -0.25 * z[1] - 5 * np.sin(z[0])], [[2, 0]], 10, 500,
        [{"y": 1}, {"y": -0.25, "sin(x)": -5}],
    ),
    "lotka-volterra": System(
        "xy", lambda t, z: [1.1 * z[0] - 0.4 * z[0] * z[1], 0.1 * z[0] * z[1] - 0.4 * z[1]], [[10, 5]], 40, 400,
        [{"x": 1.1, "x*y": -0.4}, {"x*y": 0.1, "y": -0.4}],
    ),
    "van der pol": System(
        "xy", lambda t, z: [z[1], 2 * (1 - z[0] ** 2) * z[1] - z[0]], [[1, 1]], 20, 600,
        [{"y": 1}, {"y": 2, "x**2*y": -2, "x": -1}],
    ),
    "fitzhugh-nagumo": System(
        "vw", lambda t, z: [z[0] - z[0] ** 3 / 3 - z[1] + 0.5, 0.08 * (z[0] + 0.7 - 0.8 * z[1])], [[-1, 1]], 150, 750,
        [{"v": 1, "v**3": -1 / 3, "w": -1, "1": 0.5}, {"v": 0.08, "1": 0.056, "w": -0.064}],
    ),
    "double well": System(
        "xy", lambda t, z: [z[1], -0.3 * z[1] + z[0] - z[0] ** 3 + 0.4 * np.cos(1.2 * t)], [[1, 0]], 40, 800,
        [{"y": 1}, {"y": -0.3, "x": 1, "x**3": -1, "cos(K*t)": 0.4}],
    ),
    "sir": System(
        "sir", lambda t, z: [-0.5 * z[0] * z[1], 0.5 * z[0] * z[1] - 0.15 * z[1], 0.15 * z[1]],
        [[0.99, 0.01, 0], [0.7, 0.05, 0.25]], 60, 200,
        [{"i*s": -0.5}, {"i*s": 0.5, "i": -0.15}, {"i": 0.15}],
    ),
    "selkov": System(
        "xy", lambda t, z: [-z[0] + 0.08 * z[1] + z[0] ** 2 * z[1], 0.6 - 0.08 * z[1] - z[0] ** 2 * z[1]], [[1, 1]],
        40, 400, [{"x": -1, "y": 0.08, "x**2*y": 1}, {"1": 0.6, "y": -0.08, "x**2*y": -1}],
    ),
}  # fmt: skip


def rows_of(system: System, noise: float, seed: int) -> tuple[list[Any], list[Any]]:
    """Return the times and the noisy states of each trajectory."""
    rng = np.random.default_rng([seed, round(1000 * noise)])
    t, clean = np.linspace(0, system.end, system.rows), []
    moves = np.random.default_rng(seed)
    for start in system.starts:
        first = np.array(start) * (1 + 0.1 * moves.uniform(-1, 1, len(start)))
        path = solve_ivp(system.rates, (0, system.end), first, t_eval=t, method="DOP853", rtol=1e-11, atol=1e-12)
        clean.append(path.y.T)
    deviation = np.concatenate(clean).std(axis=0)
    return [t] * len(clean), [x + noise * deviation * rng.normal(size=x.shape) for x in clean]


def measure(name: str, noise: float, seed: int) -> dict[str, object]:
    """Return the row of edgewise for one table."""
    import sympy

    import edgewise as ew

    system = SYSTEMS[name]
    t, x = rows_of(system, noise, seed)
    began = time.process_time()
    found = ew.discover_ode(t, x, list(system.names), time_limit=3600)
    seconds = time.process_time() - began
    right, covered, largest, widest, count = True, 0, 0.0, 0.0, 0
    for form, truth in zip(found.forms.values(), system.truth, strict=True):
        terms = {}
        for term in sympy.Add.make_args(form):
            own = [s for s in term.free_symbols if s.name in found.constants]
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
    return {
        "system": name, "noise": noise, "seed": seed, "method": "edgewise", "right": int(right), "any": "",
        "constants": count if right else "", "covered": covered if right else "",
        "largest_error": f"{largest:.2g}" if right else "",
        "widest": f"{widest:.2g}" if right else "", "outcome": found.outcome.name, "seconds": f"{seconds:.1f}",
        "equations": found.written.text().replace("\n", "; "),
    }  # fmt: skip


def settings(t: list[Any]) -> Iterator[Any]:
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


def baseline(name: str, noise: float, seed: int) -> dict[str, object]:
    """Return the row of PySINDy for one table."""
    system = SYSTEMS[name]
    t, x = rows_of(system, noise, seed)
    began = time.process_time()
    best, any_right, chosen = np.inf, False, ""
    chosen_right = False
    np.random.seed(seed)  # noqa: NPY002 (what PySINDy draws from)
    for model in settings(t):
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
    return {
        "system": name, "noise": noise, "seed": seed, "method": "pysindy", "right": int(chosen_right),
        "any": int(any_right), "seconds": f"{time.process_time() - began:.1f}", "equations": chosen,
    }  # fmt: skip


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


def stored() -> list[dict[str, str]]:
    """Return the last row of each case."""
    return [*{row["case"]: row for row in read(ROWS)}.values()]


def versions() -> str:
    """Return the versions of the libraries that rows depend on."""
    found = []
    for name in ("numpy", "scipy", "sympy", "pysindy"):
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def table() -> str:
    """Return the counts of right forms as a Markdown table."""
    rows = stored()
    lines = [
        "| system | edgewise: clean, 1 %, 5 % | PySINDy, chosen by BIC | PySINDy, best setting |",
        "|---|---|---|---|",
    ]
    for name in [*SYSTEMS, "all"]:
        cells = []
        for method, column in (("edgewise", "right"), ("pysindy", "right"), ("pysindy", "any")):
            parts = []
            for noise in NOISES:
                own = [
                    r
                    for r in rows
                    if r["method"] == method and float(r["noise"]) == noise and name in (r["system"], "all")
                ]
                parts.append(f"{sum(int(r[column]) for r in own)}/{len(own)}")
            cells.append(", ".join(parts))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    own = [r for r in rows if r["method"] == "edgewise" and r["right"] == "1"]
    for noise in NOISES:
        kept = [r for r in own if float(r["noise"]) == noise]
        total = sum(int(r["constants"]) for r in kept)
        lines.append(
            f"\nnoise {noise:g}: {sum(int(r['covered']) for r in kept)} of {total} constants within their intervals"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--systems", nargs="*", default=[*SYSTEMS])
    parser.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    asked = parser.parse_args()
    if asked.table:
        print(table())
        return
    pin()
    run, method = (baseline, "pysindy") if asked.baseline else (measure, "edgewise")
    done = set() if asked.again else {row["case"] for row in stored()}
    for seed in asked.seeds:
        for name in asked.systems:
            for noise in NOISES:
                case = f"{method}, {name}, noise {noise:g}, seed {seed}"
                if case in done:
                    continue
                row = {"case": case, **run(name, noise, seed), "versions": versions()}
                append(ROWS, [{field: row.get(field, "") for field in FIELDS}])
                print(*(row[k] for k in ("case", "right", "seconds", "equations")), flush=True)


if __name__ == "__main__":
    main()
