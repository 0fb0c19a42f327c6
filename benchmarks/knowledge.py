"""What knowledge brings to `discover`: known laws with noise, searched without it and with it.

    python benchmarks/knowledge.py

Stored are seconds of this process's own computing, R2 of the best formula against the law without noise on fresh rows,
and whether it has the form of the law. In one case fresh rows go to twice the range.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from record import RESULTS, append, clock, pin
from report import table

import edgewise as ew
from edgewise.expressions import evaluate, parse
from edgewise_bench.benchmarks.formulas import refitted

EFFORT, ROWS, FRESH, SEEDS = 5000, 100, 1000, 3


@dataclass(frozen=True)
class Case:
    """A law over uniform columns, the noise over its standard deviation, and what is known of it."""

    name: str
    law: str
    columns: Mapping[str, tuple[float, float]]
    target: str
    noise: float
    known: Mapping[str, Any]
    beyond: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # ranges of fresh rows, where others

    def draw(self, rows: int, seed: int, *, fresh: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return x (rows, m) and the law's values (rows,)."""
        rng = np.random.default_rng([len(self.name), seed])
        ranges = {**self.columns, **(self.beyond if fresh else {})}
        x = np.column_stack([rng.uniform(*ends, rows) for ends in ranges.values()])
        return x, evaluate(parse(self.law, list(self.columns)), list(self.columns), x)


CASES = (
    Case("pendulum, units", "2*pi*sqrt(L/g)*(1 + a^2/16)",
         {"L": (0.2, 2), "g": (1.6, 25), "a": (0.1, 1.2), "m": (0.1, 3)}, "T", 0.02,
         {"units": {"L": "m", "g": "m/s^2", "a": "", "m": "kg", "T": "s"}, "constants": "dimensionless"}),
    Case("pressure, units", "r*v^2/2 + r*g*h",
         {"r": (800, 1200), "v": (0.1, 5), "d": (0.01, 0.2), "h": (0, 2), "g": (9.81, 9.81)}, "p", 0.05,
         {"units": {"r": "kg/m^3", "v": "m/s", "d": "m", "h": "m", "g": "m/s^2", "p": "Pa"},
          "constants": "dimensionless"}),
    Case("damped swing, template", "3*exp(-t/4)*cos(4*t + 1/2)", {"t": (0, 10)}, "y", 0.1,
         {"template": "?*cos(?)"}),
    Case("black body, guess", "(1474.5*n^3)/(exp(4.799*n/T) - 1)", {"n": (0.5, 50), "T": (10, 60)}, "B", 0.05,
         {"guesses": ["A*n^3/(exp(k*n/T) - 1)"]}),
    Case("cooling to twice the time, limits", "20 + 60*exp(-t/3) + a*exp(-t)", {"t": (0, 9), "a": (0, 20)}, "y", 0.1,
         {"functions": ["exp"], "monotone": {"t": -1, "a": 1}, "limits": {"t -> inf": 20}, "max_complexity": 16},
         {"t": (0, 18)}),
)  # fmt: skip


def searched(case: Case, known: Mapping[str, Any], seed: int) -> dict[str, object]:
    """Search one noisy table, and compare the best formula with the law."""
    x, clean = case.draw(ROWS, seed)
    y = clean + case.noise * clean.std() * np.random.default_rng(seed).standard_normal(ROWS)
    names = list(case.columns)
    with clock() as spent:
        found = ew.discover(x, y, names, target=case.target, effort=EFFORT, time_limit=600, seed=seed, **known)
    fresh, values = case.draw(FRESH, seed + 1000, fresh=True)
    misfit = found.best.predict(fresh) - values
    right = refitted(found.best.expression, parse(case.law, names), names, fresh, values).right
    return {
        "case": case.name, "known": bool(known), "seed": seed, "seconds": spent.process, "outcome": found.outcome.name,
        "r2": 1 - float(np.mean(misfit**2) / np.var(values)), "right": right, "formula": str(found.best),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    lines = []
    for case in (case for case in CASES if given.only in case.name):
        for known in ({}, case.known):
            rows = [searched(case, known, seed) for seed in range(given.seeds)]
            append(given.out / "knowledge.csv", rows)
            r2 = [float(row["r2"]) for row in rows]
            seconds = float(np.median([row["seconds"] for row in rows]))
            right = sum(bool(row["right"]) for row in rows)
            lines.append([case.name, "yes" if known else "no", seconds, right, min(r2), float(np.median(r2))])
            print(lines[-1], *(row["formula"] for row in rows), sep="\n  ", flush=True)
    table("Laws with noise", ["law", "known", "seconds", "right", "least R2", "median R2"], lines)


if __name__ == "__main__":
    main()
