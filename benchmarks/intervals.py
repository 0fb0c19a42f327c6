"""How often 90 % prediction intervals of KANRegressor hold a new row, on made tables of few and many rows and columns.

    python benchmarks/intervals.py
    python benchmarks/intervals.py --seed 0        # the tables on which the method was developed

Rows: 40, 100 and 1000. Columns: 1, 5 and 20, of which at most 3 matter. Noise: of constant size, or growing with the
first column. Each cell has several tables, fitted once, and 2000 fresh rows. `quiet` and `loud` are the coverages where
the noise is in its lowest and its highest third.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from record import RESULTS, append, clock, pin
from report import table, verdict

from edgewise._typing import Array
from edgewise.estimators import KANRegressor

ROWS, COLUMNS, KINDS = (40, 100, 1000), (1, 5, 20), ("constant", "growing")
TABLES = {40: 60, 100: 40, 1000: 20}
FRESH, COVERAGE, LIMITS = 2000, 0.9, (0.87, 0.93)
FIRST = 1000  # seed; the method was developed on 0 and later ones


def made(rng: np.random.Generator, rows: int, columns: int, kind: str) -> tuple[Array, Array, Array]:
    """Return x (rows, columns), y (rows,) and the standard deviation of its noise (rows,)."""
    x = rng.uniform(-2, 2, (rows, columns))
    mean = np.sin(1.5 * x[:, 0])
    if columns > 2:
        mean = mean + 0.5 * x[:, 1] + 0.25 * x[:, 2] ** 2
    size = np.full(rows, 0.5) if kind == "constant" else 0.1 + 0.25 * (x[:, 0] + 2)
    return x, mean + size * rng.standard_normal(rows), size


def covered(seed: int, rows: int, columns: int, kind: str) -> tuple[float, float, float, float]:
    """Return the coverage on fresh rows, that where the noise is small and where it is large, and the mean width."""
    rng = np.random.default_rng((seed, rows, columns, KINDS.index(kind)))
    x, y, _ = made(rng, rows, columns, kind)
    fresh, truth, size = made(rng, FRESH, columns, kind)
    low, high = KANRegressor().fit(x, y).predict_interval(fresh, COVERAGE).T
    hit = (low <= truth) & (truth <= high)
    ends = np.quantile(size, [1 / 3, 2 / 3])
    return hit.mean(), hit[size <= ends[0]].mean(), hit[size >= ends[1]].mean(), float((high - low).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=FIRST)
    parser.add_argument("--out", type=Path, default=RESULTS / "intervals.csv")
    chosen = parser.parse_args()
    pin()
    found = []
    for kind, columns, rows in product(KINDS, COLUMNS, ROWS):
        count = TABLES[rows]
        with clock() as timed:
            each = np.array([covered(chosen.seed + k, rows, columns, kind) for k in range(count)])
        means = dict(zip(("coverage", "quiet", "loud", "width"), each.mean(0).tolist(), strict=True))
        row = {"noise": kind, "rows": rows, "columns": columns, "tables": count, "seed": chosen.seed, **means}
        found.append(row | {"lowest": float(each[:, 0].min()), "seconds": timed.process})
        append(chosen.out, found[-1:])
        print(found[-1], flush=True)
    table("Coverage of 90 % intervals", list(found[0]), [list(row.values()) for row in found])
    print("every cell within limits:", verdict(all(LIMITS[0] <= row["coverage"] <= LIMITS[1] for row in found)))


if __name__ == "__main__":
    main()
