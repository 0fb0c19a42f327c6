"""Digits of `fit_formula` on NIST's 27 certified nonlinear regressions, next to scipy's `curve_fit`.

    python benchmarks/fit_formula.py

Each problem from its two certified starts, and without a start. Digits are those of the worst constant and of the worst
standard error: -log10 of the relative difference from the certified value. Terms that may change places (the peaks of
Gauss1, the exponentials of Lanczos1) are compared in order of their values.
"""

from __future__ import annotations

import argparse
import math
import warnings
from pathlib import Path

import numpy as np
from record import RESULTS, append, clock, pin
from report import table, verdict
from scipy.optimize import curve_fit

import edgewise as ew
from edgewise.expressions import evaluate, parse
from edgewise_bench.datasets import CertifiedFit, nist

SIX, ENOUGH = 6.0, 25  # digits, and problems that must have them
STARTS = ("first", "second", "none")


def digits(found: list[tuple[float, float]], problem: CertifiedFit) -> tuple[float, float]:
    """Return the digits of the worst constant and of the worst standard error, at most 11."""
    if not np.isfinite(found).all():
        return 0.0, 0.0
    pairs = [np.array(sorted(each)) for each in (found, zip(problem.parameters, problem.errors, strict=True))]
    with np.errstate(divide="ignore"):
        worst = np.clip(-np.log10(np.abs(pairs[0] / pairs[1] - 1)), 0, 11).min(0)
    return float(worst[0]), float(worst[1])


def by_edgewise(problem: CertifiedFit, start: tuple[float, ...] | None) -> tuple[list[tuple[float, float]], str]:
    names = [f"b{k + 1}" for k in range(len(problem.parameters))]
    given = None if start is None else dict(zip(names, start, strict=True))
    fit = ew.fit_formula(problem.formula, problem.x, problem.y, names=problem.names, start=given)
    return [(c.value, c.error) for c in (fit.constants[name] for name in names)], fit.outcome.name


def by_scipy(problem: CertifiedFit, start: tuple[float, ...] | None) -> tuple[list[tuple[float, float]], str]:
    names = [f"b{k + 1}" for k in range(len(problem.parameters))]
    form = parse(problem.formula, [*problem.names, *names])

    def function(x: np.ndarray, *constants: float) -> np.ndarray:
        columns = np.column_stack([x, np.tile(constants, (len(x), 1))])
        return evaluate(form, [*problem.names, *names], columns)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, covariance = curve_fit(function, problem.x, problem.y, start or np.ones(len(names)), maxfev=20_000)
    except (RuntimeError, ValueError) as error:
        return [(math.nan, math.nan)] * len(names), type(error).__name__
    return list(zip(found, np.sqrt(np.diag(covariance)), strict=True)), ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    rows = []
    for problem in nist():
        for name, start in zip(STARTS, (*problem.starts, None), strict=True):
            for library, fitted in (("edgewise", by_edgewise), ("scipy", by_scipy)):
                with clock() as spent:
                    found, outcome = fitted(problem, start)
                constants, errors = digits(found, problem)
                rows.append({"problem": problem.name, "level": problem.level, "start": name, "library": library,
                             "digits": constants, "error_digits": errors, "outcome": outcome,
                             "seconds": spent.process})  # fmt: skip
    append(given.out / "fit_formula.csv", rows)
    lines, passed = [], True
    for library in ("edgewise", "scipy"):
        for name in STARTS:
            own = [row for row in rows if row["library"] == library and row["start"] == name]
            counts = [sum(row[key] >= SIX for row in own) for key in ("digits", "error_digits")]
            both = sum(min(row["digits"], row["error_digits"]) >= SIX for row in own)
            passed &= library != "edgewise" or both >= ENOUGH
            lines.append([library, name, *counts, both, sum(row["seconds"] for row in own)])
    table("Problems of 27 with six digits", ["library", "start", "constants", "errors", "both", "CPU seconds"], lines)
    print(f"  limit: both on {ENOUGH} from each start: {verdict(passed)}")
    raise SystemExit(not passed)


if __name__ == "__main__":
    main()
