"""Measures `discover_ode` on ODEBench: 63 systems of equations, each from two starts.

    python benchmarks/odebench.py strogatz_extended.json --noise 0.05 --out benchmarks/results/odebench.csv

The file is `odeformer/odebench/strogatz_extended.json` of ODEFormer's repository (d'Ascoli, Becker, Mathis, Schwaller
and Kilbertus, ODEFormer, 2024): 512 rows of each trajectory, integrated at a relative tolerance of 1e-5. Noise is
relative to each value, as in their study. A table is one trajectory; the equations found are integrated from the true
first state of both starts. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from scipy.integrate import solve_ivp

import edgewise as ew
from edgewise.dynamics import Dynamics

COLUMNS = (
    "system", "start", "noise", "missing", "outcome", "r2_rebuilt", "r2_other_start", "right", "rivals", "seconds",
    "equations",
)  # fmt: skip
EVALUATIONS = 50_000
"""Of rates in an integration, after which it counts as failed."""


def measured(system: dict[str, Any], start: int, noise: float, missing: float) -> tuple[Any, Any]:
    """The times and states of one table: noise relative to each value, and a share of the rows left out."""
    solution = system["solutions"][0][start]
    t, y = np.array(solution["t"]), np.array(solution["y"]).T
    rng = np.random.default_rng([system["id"], start, 0, int(1000 * noise), int(100 * missing)])
    x = y * (1 + noise * rng.standard_normal(y.shape))
    kept = np.sort(rng.permutation(len(t))[: round(len(t) * (1 - missing))])
    return t[kept], x[kept]


def r2(found: Dynamics, solution: dict[str, Any]) -> float:
    """The share of the variance of all states that the equations reproduce from the true first state, zero if none."""
    t, y = np.array(solution["t"]), np.array(solution["y"]).T
    evaluations = itertools.count()

    def rates(now: float, state: Any) -> Any:
        if next(evaluations) > EVALUATIONS:
            raise TimeoutError
        return found.rates(now, state[None])[0]

    try:
        path = solve_ivp(rates, (t[0], t[-1]), y[0], t_eval=t, method="LSODA", rtol=1e-6, atol=1e-9).y.T
    except (TimeoutError, ValueError):
        return 0.0
    if path.shape != y.shape or not np.isfinite(path).all():
        return 0.0
    return float(1 - ((path - y) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum())


def right(found: Dynamics, system: dict[str, Any]) -> bool:
    """Whether each equation has exactly the terms of the true one, whatever the constants in them."""
    symbols = {name: sympy.Symbol(name, real=True) for name in found.names}
    true: list[Any] = [sympy.sympify(rate, locals=symbols) for rate in system["substituted"][0]]
    return all(form(own) == form(rate) for own, rate in zip(found.equations.values(), true, strict=True))


def form(rate: Any) -> tuple[frozenset[str], frozenset[str]]:
    """The terms of numerator and denominator of a rate, without constants."""
    rate = rate.replace(sympy.cot, lambda a: sympy.cos(a) / sympy.sin(a))
    rate = sympy.expand(sympy.expand_trig(rate)) if rate.has(sympy.sin, sympy.cos) else rate
    return tuple(_terms(part) for part in sympy.fraction(sympy.together(rate)))  # type: ignore[return-value]


def _terms(part: Any) -> frozenset[str]:
    terms = sympy.Add.make_args(sympy.expand(part))
    return frozenset(str(sorted(_factor(f) for f in sympy.Mul.make_args(_bare(term)))) for term in terms)


def _bare(term: Any) -> Any:
    return term.as_independent(*term.free_symbols)[1]


def _factor(factor: Any) -> str:
    base, power = factor.as_base_exp()
    if isinstance(base, sympy.Function):
        return f"{type(base).__name__}{sorted(map(sorted, form(base.args[0])))}^{_rounded(power)}"
    if base == sympy.E:
        return f"exp{sorted(map(sorted, form(power)))}"
    if base.is_Add:
        return f"{sorted(_terms(base))}^{_rounded(power)}"
    return f"{base}^{_rounded(power)}"


def _rounded(power: Any) -> str:
    return f"{float(power):.1f}" if power.is_number else str(power)


def row(system: dict[str, Any], start: int, noise: float, missing: float, limit: float) -> list[Any]:
    """One row of the table of results."""
    names = [f"x_{k}" for k in range(system["dim"])]
    begun = time.process_time()
    t, x = measured(system, start, noise, missing)
    found = ew.discover_ode(t, x, names, effort="quick", time_limit=limit, progress=False)
    seconds = time.process_time() - begun
    own, other = (r2(found, system["solutions"][0][k]) for k in (start, 1 - start))
    text = found.written.text().replace("\n", " | ")
    key = [system["id"], start, noise, missing]
    figures = [f"{own:.4f}", f"{other:.4f}", right(found, system), len(found.rivals), f"{seconds:.1f}"]
    return [*key, found.outcome.name, *figures, text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--start", type=int, choices=(0, 1), default=0)
    parser.add_argument("--missing", type=float, default=0.0)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds of a search")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="K N: the K-th of N parts of the systems")
    given = parser.parse_args()
    if not given.out.exists():
        given.out.write_text(",".join(COLUMNS) + "\n")
    with given.out.open() as file:
        done = {tuple(each[:4]) for each in csv.reader(file)}
    first, step = given.part
    for system in json.loads(given.file.read_text())[first::step]:
        key = (system["id"], given.start, given.noise, given.missing)
        if tuple(map(str, key)) in done:
            continue
        made = row(system, *key[1:], given.limit)
        with given.out.open("a") as file:
            csv.writer(file).writerow(made)
        print(*made[:-1], made[-1][:100], flush=True)


if __name__ == "__main__":
    main()
