"""What `edgewise.discover` claims: on tables of pure noise, and on tables with a law.

    python benchmarks/claims.py

Noise: 5 to 15 rows, one to four inputs, a target that has nothing to do with them. Laws: the AI-Feynman equations and
simple ones of physics, 20 rows and more, without noise and with 1 % and 10 %. A row is stored for each table, so that
two commits can be compared table by table.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from record import RESULTS, append, clock, pin
from report import table, verdict

import edgewise as ew
from edgewise.datasets import equations
from edgewise.discovery import Discovery, Outcome
from edgewise.measure.benchmarks.formulas import ROWS, Law, UniformLaw, judge

SECONDS = 4.0
TABLES = 200
LEAST, MOST = 5, 15  # rows of pure noise
_ROWS, _NOISES = (20, 30, 50, 100, 200), (0.0, 0.01, 0.1)
_STRIDE = 7  # through the equations, which stand in the order of the lectures


@dataclass(frozen=True)
class Table:
    """Rows to search on, and the law behind them, None for pure noise."""

    name: str
    x: np.ndarray
    y: np.ndarray
    noise: float
    law: Law | None = None


def noise_table(seed: int) -> Table:
    """A target that has nothing to do with its inputs: reals, positive numbers, two decimals or whole numbers."""
    rng = np.random.default_rng([7, seed])
    rows, inputs = LEAST + seed % (MOST - LEAST + 1), 1 + seed // (MOST - LEAST + 1) % 4
    x = rng.normal(size=(rows, inputs)) if seed % 2 else rng.uniform(0, 1, (rows, inputs))
    if seed % 7 == 0:
        x[:, 0] = np.linspace(0, 1, rows)
    kinds = {
        "normal": rng.normal(size=rows),
        "uniform": rng.uniform(0, 1, rows),
        "positive": rng.lognormal(0, 1, rows),
        "two decimals": np.round(rng.normal(size=rows), 2),
        "whole": rng.integers(0, 20, rows).astype(float),
    }
    kind = list(kinds)[seed % len(kinds)]
    return Table(f"{kind} {rows} x {inputs}", x, kinds[kind], 1.0)


def law_table(seed: int) -> Table:
    """An equation of the AI-Feynman tables, with rows and noise that change from seed to seed."""
    names = [equation.name for equation in equations()]
    law = UniformLaw(names[seed * _STRIDE % len(names)])
    noise = _NOISES[seed % len(_NOISES)]
    return Table(law.name, *law.table(_ROWS[seed % len(_ROWS)], noise, seed), noise, law)


def discovered(given: Table, seconds: float = SECONDS) -> Discovery:
    names = given.law.names if given.law else [f"x{k + 1}" for k in range(given.x.shape[1])]
    return ew.discover(given.x, given.y, names, time_limit=seconds)


def claims_law(found: Discovery) -> bool:
    """Whether a formula that is no constant is claimed."""
    return found.outcome in (Outcome.EXACT, Outcome.NOISE) and bool(found.best.expression.free_symbols)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=TABLES, help="of each kind")
    parser.add_argument("--only", choices=["noise", "law"], help="one kind alone")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time limit of each search")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    passed = True
    for kind, draw in (("noise", noise_table), ("law", law_table)):
        if given.only in (None, kind):
            rows = []
            for seed in range(given.tables):
                rows.append(_one(kind, draw(seed), seed, given.seconds))
                append(given.out / "claims.csv", rows[-1:])
            passed = _summary(kind, rows) and passed
    raise SystemExit(not passed)


def _one(kind: str, given: Table, seed: int, seconds: float) -> dict[str, object]:
    with clock() as spent:
        found = discovered(given, seconds)
    best, law = found.best, given.law
    found_right = law is not None and judge(best.expression, best.predict(law.fresh(ROWS, seed)), law, seed).form
    row = {
        "kind": kind,
        "table": given.name,
        "seed": seed,
        "rows": len(given.y),
        "inputs": given.x.shape[1],
        "noise": given.noise,
        "outcome": found.outcome.name,
        "claims_law": claims_law(found),
        "right_form": found_right,
        "noise_found": found.noise,
        "error": best.error,
        "complexity": best.complexity,
        "limit": seconds,
        "seconds": spent.wall,
        "process_seconds": spent.process,
        "formula": str(best.expression),
    }
    print(f"  {given.name}, seed {seed}: {row['outcome']}, {row['formula']}", flush=True)
    return row


def _summary(kind: str, rows: list[dict]) -> bool:
    lines = [
        [outcome.name, len(own), sum(row["claims_law"] for row in own), sum(row["right_form"] for row in own)]
        for outcome in Outcome
        if (own := [row for row in rows if row["outcome"] == outcome.name])
    ]
    table(f"{len(rows)} tables: {kind}", ["outcome", "tables", "a law is claimed", "right form"], lines)
    if kind == "noise":
        kept = not any(row["claims_law"] for row in rows)
        print(f"  limit: no law is claimed: {verdict(kept)}")
        return kept
    return True


if __name__ == "__main__":
    main()
