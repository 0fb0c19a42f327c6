"""How well `discover` keeps its time limit, on tables that are hard to finish.

    python benchmarks/time_limits.py

Every table is searched with a limit of a few seconds; of every tenth the report is written after that. Stored are
seconds on the wall and of this process's own computing, which shows how busy the machine was. A table keeps its limit
when it takes at most 1.1 times the limit and half a second on the wall.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from record import RESULTS, append, clock, pin

import edgewise as ew

ALLOWED, CONSTANT = 1.1, 0.5
Table = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Shape:
    rows: tuple[int, int]
    columns: tuple[int, int]


#: smallest and largest sizes, drawn log-uniformly
SHAPES = {
    "tiny": Shape((5, 12), (1, 8)),
    "usual": Shape((30, 2000), (1, 9)),
    "many rows": Shape((1000, 2000), (2, 30)),
    "many columns": Shape((50, 1500), (30, 150)),
    "more columns than rows": Shape((8, 60), (20, 150)),
    "very many columns": Shape((200, 1000), (500, 500)),
}
_REPORTED = 10  # of so many tables one report is written
_WEIGHTS = (0.25, 0.25, 0.15, 0.2, 0.1, 0.05)


def noise(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return rng.standard_normal(len(x))


def smooth(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Waves in a few columns."""
    few = x[:, rng.permutation(x.shape[1])[:4]]
    few = (few - few.mean(0)) / (few.std(0) + 1e-300)
    return np.cos(few @ rng.standard_normal((few.shape[1], 6))) @ rng.standard_normal(6)


def law(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A product, a root and a sum, with a little noise half of the time."""
    few = 1 + np.abs(x[:, rng.permutation(x.shape[1])[:3]])
    y = few[:, 0] * np.sqrt(1 + few[:, -1] ** 2) + np.log(few[:, few.shape[1] // 2])
    return y * (1 + rng.choice([0.0, 0.02]) * rng.standard_normal(len(y)))


def product(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Powers of every column."""
    logs = np.log(np.abs(x) + 1e-9) @ rng.normal(0, 1, x.shape[1]).clip(-2, 2) / np.sqrt(x.shape[1])
    return np.exp(logs.clip(-100, 100))


def steps(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return np.floor(3 * x[:, 0] / (np.abs(x[:, 0]).max() + 1e-300)) + (x[:, -1] > np.median(x[:, -1]))


TARGETS: tuple[Callable[[np.random.Generator, np.ndarray], np.ndarray], ...] = (noise, smooth, law, product, steps)


def positive(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    return rng.uniform(0.5, 3, (n, m))


def signed(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    return rng.standard_normal((n, m))


def integers(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    return rng.integers(-3, 9, (n, m)).astype(float)


def repeated(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Some columns twice, some of them as sums of others."""
    x = rng.uniform(-1, 1, (n, m))
    for i in range(1, m, 3):
        x[:, i] = x[:, i - 1]
    x[:, -1] = x.sum(1)
    return x


def constants(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    x = rng.uniform(0, 1, (n, m))
    x[:, 1::2] = rng.integers(0, 3, x[:, 1::2].shape[1])
    return x


def scaled(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    return rng.uniform(0.5, 2, (n, m)) * 10.0 ** rng.uniform(-12, 12, m)


COLUMNS: tuple[Callable[[np.random.Generator, int, int], np.ndarray], ...] = (
    positive, signed, integers, repeated, constants, scaled,
)  # fmt: skip


def table(number: int) -> tuple[str, Table, float]:
    """The generated table of a number: what it is, its columns and target, and the limit in seconds."""
    rng = np.random.default_rng([12, number])
    shape = rng.choice(len(SHAPES), p=_WEIGHTS)
    name, sizes = list(SHAPES.items())[shape]
    n, m = (round(float(np.exp(rng.uniform(*np.log(span))))) for span in (sizes.rows, sizes.columns))
    columns, target = COLUMNS[rng.integers(len(COLUMNS))], TARGETS[rng.integers(len(TARGETS))]
    x = columns(rng, n, m)
    y = target(rng, x)
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        y = y + noise(rng, x)
    limit = float(rng.choice([2.0, 3.0, 4.0, 10.0], p=[0.45, 0.3, 0.2, 0.05]))
    return f"{name}, {columns.__name__} columns, target {target.__name__}", (x, y), limit


def measured(number: int, longest: float, folder: Path) -> dict[str, object]:
    name, (x, y), limit = table(number)
    limit = min(limit, longest)
    with clock() as search:
        found = ew.discover(x, y, time_limit=limit)
    with clock() as report:
        if number % _REPORTED == 0:
            found.report(folder / "report.html")
    return {
        "case": number, "kind": name, "rows": x.shape[0], "columns": x.shape[1], "limit": limit,
        "wall": search.wall, "process": search.process, "report": report.wall, "outcome": found.outcome.name,
        "kept": search.wall <= ALLOWED * limit + CONSTANT,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=200, help="how many tables")
    parser.add_argument("--first", type=int, default=0, help="number of the first table")
    parser.add_argument("--every", type=int, default=1, help="take each so many-th table only")
    parser.add_argument("--longest", type=float, default=10.0, help="no limit is longer than so many seconds")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    for number in (4, 6, 14):  # what is compiled or imported the first time
        ew.discover(*table(number)[1], time_limit=10.0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.first, given.tables, given.every):
            row = measured(number, given.longest, Path(folder))
            append(given.out / "time_limits.csv", [row])
            rows.append(row)
            print(
                f"{number:4d}  {row['limit']:4.1f} s: {row['wall']:6.2f} s wall, {row['process']:6.2f} s computing, "
                f"report {row['report']:5.2f} s  {row['rows']} x {row['columns']} {row['kind']}", flush=True,
            )  # fmt: skip
    for clock_name in ("wall", "process"):
        share = np.array([row[clock_name] / row["limit"] for row in rows], dtype=float)
        over = np.array([row[clock_name] - ALLOWED * row["limit"] for row in rows], dtype=float)
        print(
            f"{clock_name}: at most {share.max():.2f} of the limit, 95 % below {np.quantile(share, 0.95):.2f}; "
            f"{(over > 0).sum()} of {len(rows)} over 1.1, {(over > CONSTANT).sum()} by more than {CONSTANT} s"
        )
    return int(not all(row["kept"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
