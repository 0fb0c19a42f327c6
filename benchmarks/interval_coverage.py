"""How often 95 % intervals of constants hold where rows are independent, uneven, autocorrelated or clustered.

    python benchmarks/interval_coverage.py
    python benchmarks/interval_coverage.py --seed 0 --tables 100     # while developing

Made tables of three formulas with 100, 200 and 400 rows, each fitted by `fit_formula` with the matching `covariance`
and with the classical one. Rows: independent normal noise; noise whose standard deviation grows elevenfold along the
input; an autoregression with 0.8; clusters of 10 rows whose noise correlates by 0.5, for half of the tables with an
input that is the same within a cluster. Corrections were chosen on straight lines and exponentials with other seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from record import RESULTS, append, clock, pin
from report import table, verdict
from scipy.signal import lfilter

import edgewise as ew
from edgewise.expressions import evaluate, parse

FORMULAS = {
    "line": ("a + b*x", {"a": 1.31, "b": 2.53}),
    "saturation": ("Vm*x/(K + x)", {"Vm": 3.7, "K": 0.9}),
    "decay": ("A*exp(-k*x) + c", {"A": 2.9, "k": 0.8, "c": 0.7}),
}
ROWS = (100, 200, 400)
KINDS = {"independent": "classical", "uneven": "heteroscedastic", "AR(0.8)": "autocorrelated", "clusters": "clustered"}
SIZE, CLUSTER, CORRELATION, MEMORY = 0.1, 10, 0.5, 0.8
LOW, HIGH = 0.92, 0.97


def made(kind: str, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return inputs (rows,), noise (rows,), and clusters (rows,) where there are any."""
    x = np.sort(rng.uniform(0.05, 4, rows))
    white = rng.standard_normal(rows)
    if kind == "independent":
        return x, SIZE * white, None
    if kind == "uneven":
        return x, SIZE * white * (0.2 + 2 * x / 4), None
    if kind == "AR(0.8)":
        before = rng.standard_normal(200)
        noise = lfilter([1.0], [1.0, -MEMORY], np.append(before, white))[200:]
        return x, SIZE * np.sqrt(1 - MEMORY**2) * noise, None
    groups = np.repeat(np.arange(rows // CLUSTER), CLUSTER)
    if rng.uniform() < 0.5:
        x = rng.uniform(0.05, 4, rows // CLUSTER)[groups]
    shared = rng.standard_normal(rows // CLUSTER)[groups]
    return x, SIZE * (np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * white), groups


def measured(kind: str, name: str, rows: int, tables: int, seed: int) -> dict[str, object]:
    """Return how many intervals hold, of all constants of all tables."""
    text, truth = FORMULAS[name]
    keys = (list(KINDS).index(kind), list(FORMULAS).index(name), rows, seed)
    rng = np.random.default_rng(keys)
    form = parse(text, ["x", *truth])
    hits: dict[str, int] = {"matching": 0, "classical": 0}
    with clock() as spent:
        for _ in range(tables):
            x, noise, groups = made(kind, rows, rng)
            clean = evaluate(form, ["x", *truth], np.column_stack([x, np.tile([*truth.values()], (rows, 1))]))
            for which in hits:
                covariance = KINDS[kind] if which == "matching" else "classical"
                fit = ew.fit_formula(text, {"x": x}, clean + noise, start=truth, groups=groups, covariance=covariance)  # type: ignore[arg-type]
                frame, true = fit.frame(), np.array([*truth.values()])
                hits[which] += int(((frame.low <= true) & (true <= frame.high)).sum())
    return {"kind": kind, "formula": name, "rows": rows, "tables": tables, "seed": seed,
            "intervals": tables * len(truth), **hits, "seconds": spent.process}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=300, help="of each kind, formula and number of rows")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    rows = []
    for kind in KINDS:
        for name in FORMULAS:
            for count in ROWS:
                rows.append(measured(kind, name, count, given.tables, given.seed))
                append(given.out / "coverage.csv", rows[-1:])
    lines, passed = [], True
    for kind in KINDS:
        for count in (*ROWS, 0):
            own = [row for row in rows if row["kind"] == kind and count in (0, row["rows"])]
            total = sum(row["intervals"] for row in own)
            matching, classical = (sum(row[key] for row in own) / total for key in ("matching", "classical"))
            passed &= LOW <= matching <= HIGH
            lines.append([kind, count or "all", KINDS[kind], total, matching, classical])
    table("95 % intervals that hold", ["noise", "rows", "covariance", "intervals", "matching", "classical"], lines)
    print(f"  limits {LOW} to {HIGH}: {verdict(passed)}")
    raise SystemExit(not passed)


if __name__ == "__main__":
    main()
