"""Relations between the columns of tables without a target: which are found, in how many seeds, with which equations.

    python benchmarks/unsupervised.py --only six ten --seeds 5
    python benchmarks/unsupervised.py --only independent --seeds 120

The seed drives the data and the search, which looks once. Six columns are those of Liu et al., KAN (2024), section 4.3.
Limits: both relations of `six` in 4 of 5 seeds, both of `ten` (1 % of noise on every column) and none of `none` and of
`independent` (columns of four kinds, 40 to 1000 rows) in all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from record import RESULTS, append, clock, pin
from report import table, verdict

import edgewise as ew

Sets = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Case:
    """A table's columns from independent ones, the columns that are tied, and the share of seeds that must see them."""

    columns: int
    make: Callable[[np.ndarray, np.random.Generator], None]
    tied: Sets
    least: float
    noise: float = 0.0
    rows: Sequence[int] = (1000,)

    def sample(self, seed: int) -> np.ndarray:
        """The table of a seed; seeds take the numbers of rows in turn."""
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, (self.rows[seed % len(self.rows)], self.columns))
        self.make(x, rng)
        return x + self.noise * x.std(0) * rng.standard_normal(x.shape)


def six(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 3] = x[:, 4] ** 3


def ten(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 6] = x[:, 0] * x[:, 1] + x[:, 2]
    x[:, 8] = np.exp(x[:, 3]) * np.cos(2 * x[:, 7])


def none(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 0] = rng.standard_cauchy(len(x))
    x[:, 1] = rng.integers(0, 2, len(x))


def independent(x: np.ndarray, rng: np.random.Generator) -> None:
    """Each column is normal, Cauchy, uniform or of bits."""
    kinds = [rng.standard_normal, rng.standard_cauchy, rng.random, lambda count: rng.integers(0, 2, count)]
    for column in range(x.shape[1]):
        x[:, column] = kinds[rng.integers(len(kinds))](len(x))


def overlap(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 2] = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    x[:, 4] = x[:, 2] * x[:, 3]


def nested(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 1] = x[:, 0] ** 2
    x[:, 2] = x[:, 0] + x[:, 1] + x[:, 3]


def branches(x: np.ndarray, rng: np.random.Generator) -> None:
    angle, ball = rng.uniform(0, 2 * np.pi, len(x)), rng.standard_normal((len(x), 3))
    x[:, 0], x[:, 1] = np.cos(angle), np.sin(angle)
    x[:, 2:5] = ball / np.linalg.norm(ball, axis=1, keepdims=True)


def twenty(x: np.ndarray, rng: np.random.Generator) -> None:
    x[:, 10] = x[:, 0] * x[:, 1]
    x[:, 11] = np.sin(2 * x[:, 2]) + x[:, 3] + x[:, 4] ** 2
    x[:, 12] = np.sqrt(2 + x[:, 5] + x[:, 6])


CASES = {
    "six": Case(6, six, [(0, 1, 2), (3, 4)], 0.8),
    "ten": Case(10, ten, [(0, 1, 2, 6), (3, 7, 8)], 1.0, 0.01),
    "none": Case(6, none, [], 1.0),
    "independent": Case(6, independent, [], 1.0, rows=(40, 60, 100, 300, 1000)),
    "overlap": Case(6, overlap, [(0, 1, 2), (2, 3, 4)], 0.0),
    "nested": Case(5, nested, [(0, 1), (0, 1, 2, 3)], 0.0),
    "branches": Case(6, branches, [(0, 1), (2, 3, 4)], 0.0),
    "twenty": Case(20, twenty, [(0, 1, 10), (2, 3, 4, 11), (5, 6, 12)], 0.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=[*CASES], metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0, 1, ... of each table")
    parser.add_argument("--time-limit", type=float, default=600.0, help="seconds of each search")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    passed = True
    lines = []
    for name in given.only:
        rows = [_one(name, seed, given.time_limit) for seed in range(given.seeds)]
        append(given.out / "unsupervised.csv", rows)
        right = sum(bool(row["right"]) for row in rows)
        kept = right >= CASES[name].least * given.seeds
        passed = passed and kept
        seconds = [float(row["process_seconds"]) for row in rows]
        equations = sum(int(row["equations"]) for row in rows)
        wanted = given.seeds * len(CASES[name].tied)
        lines.append(
            [name, f"{right}/{given.seeds}", f"{equations}/{wanted}", median(seconds), max(seconds), verdict(kept)]
        )
    head = ["table", "all found, no other", "equations", "median CPU s", "slowest", ""]
    table(f"Relations, one look each, {given.seeds} seeds", head, lines)
    sys.exit(not passed)


def _one(name: str, seed: int, time_limit: float) -> dict[str, object]:
    case = CASES[name]
    x = case.sample(seed)
    with clock() as spent:
        found = ew.find_relations(x, seeds=1, seed=seed, time_limit=time_limit)
    sets = {tuple(found.names.index(column) for column in relation.columns) for relation in found}
    row = {
        "table": name,
        "noise": case.noise,
        "rows": len(x),
        "seed": seed,
        "right": sets == {*map(tuple, case.tied)},
        "found": len(sets & {*map(tuple, case.tied)}),
        "others": len(sets - {*map(tuple, case.tied)}),
        "equations": sum(r.equation is not None for r in found),
        "least_auc": min((r.auc for r in found), default=float("nan")),
        "seconds": spent.wall,
        "process_seconds": spent.process,
        "relations": "; ".join(r.text for r in found),
    }
    print(f"  {name}, seed {seed}, {spent.process:.1f} s: {row['relations'] or 'none'}", flush=True)
    return row


if __name__ == "__main__":
    main()
