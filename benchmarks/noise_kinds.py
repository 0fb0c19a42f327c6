"""How well `discover` does with each kind of noise, on made tables of known laws.

    python benchmarks/noise_kinds.py

Three laws, five kinds of noise, three levels, one table of 200 rows each. Measured: the kind that was recognized; the
error of the best formula on 2000 fresh rows without noise, over the law's standard deviation; how many constants of the
true form, fitted as `discover` weighs the rows, lie in their 95 % intervals; and what part of fresh measurements lies
in the 90 % band of the best formula, for small and for large values of the law apart. One half each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sympy
from record import RESULTS, append, clock, pin
from report import table

import edgewise as ew
from edgewise._typing import Part
from edgewise.discovery import Candidate, Discovery
from edgewise.expressions import FitData, FreeFormula, complexity, evaluate, parse, readable_float

ROWS, FRESH = 200, 2000
KINDS = ("additive", "relative", "mixed", "counts", "outliers")
LEVELS = (0.03, 0.1, 0.3)
NAMES = ("a", "b")
LAWS = (
    ("3.13*exp(-0.71*a) + 0.31*b", 0.0, 4.0),
    ("2.13*a^1.5/b + 1.07", 0.5, 4.0),
    ("40.3*a/(a + 1.73)", 0.2, 8.0),
)
OUTLIERS = 0.05  # of the rows, 5 to 20 standard deviations of the law away
FLOOR = 0.3  # additive part of mixed noise, times the level and the median


@dataclass(frozen=True)
class Table:
    """Rows of a law with noise. Levels are over the law's standard deviation, over its values, or of counts' mean."""

    law: tuple[str, float, float]
    kind: str
    level: float
    seed: int

    @property
    def form(self) -> Part:
        """The law with its decimals as constants to fit; of counts, times what makes noise that large."""
        form = parse(self.law[0], NAMES)
        form = form.xreplace({r: readable_float(float(r)) for r in form.atoms(sympy.Rational) if r.q > 2})
        if self.kind != "counts":
            return form
        size = 1 / (self.level**2 * float(evaluate(form, NAMES, self.rows(FRESH, 2)).mean()))
        return sympy.expand(form * size)

    def rows(self, count: int, part: int) -> np.ndarray:
        """Return inputs (count, 2)."""
        rng = np.random.default_rng([LAWS.index(self.law), self.seed, part])
        return rng.uniform(self.law[1], self.law[2], (count, len(NAMES)))

    def measured(self, x: np.ndarray, part: int) -> np.ndarray:
        """Return the law at rows (n, 2) with noise."""
        rng = np.random.default_rng([LAWS.index(self.law), KINDS.index(self.kind), self.seed, part, 1])
        f, z, other = evaluate(self.form, NAMES, x), rng.standard_normal(len(x)), rng.standard_normal(len(x))
        size = float(np.std(f))
        if self.kind == "counts":
            return rng.poisson(np.maximum(f, 0.0)).astype(float)
        if self.kind in ("additive", "outliers"):
            y = f + self.level * size * z
            wrong = rng.choice(len(x), int(OUTLIERS * len(x)) if self.kind == "outliers" else 0, replace=False)
            y[wrong] += size * rng.choice([-1.0, 1.0], len(wrong)) * rng.uniform(5, 20, len(wrong))
            return y
        return f * (1 + self.level * z) + (FLOOR * self.level * np.median(f) * other if self.kind == "mixed" else 0.0)


def tables(seeds: int) -> Iterator[Table]:
    for kind in KINDS:
        for level in LEVELS:
            for law in LAWS:
                for seed in range(seeds):
                    yield Table(law, kind, level, seed)


def covered(found: Discovery, form: Part) -> tuple[int, int]:
    """Return how many constants of the true form lie in their intervals, and how many there are."""
    weight = getattr(found, "weight", None)
    start = FreeFormula.of(form)
    fitted = start.fit(FitData.of(NAMES, found.x, found.y, weight))
    candidate = Candidate(fitted.expression, NAMES, fitted.error, complexity(fitted.expression))
    constants, wide = found.constants(candidate), found.uncertainty(candidate).quantile(0.95)
    hits = 0
    for true, value in zip(start.values, fitted.values, strict=True):
        k = int(np.argmin([abs(c.value - value) for c in constants]))
        hits += abs(value - true) <= wide * constants[k].error
    return hits, len(constants)


def searched(given: Table, effort: int) -> dict[str, object]:
    """Search a table, and measure what was found."""
    x = given.rows(ROWS, 0)
    with clock() as spent:
        found = ew.discover(x, given.measured(x, 0), NAMES, effort=effort, time_limit=600)
    hits, count = covered(found, given.form)
    fresh = given.rows(FRESH, 1)
    law = evaluate(given.form, NAMES, fresh)
    clean = Table(given.law, "additive" if given.kind == "outliers" else given.kind, given.level, given.seed)
    y = clean.measured(fresh, 1)
    _, low, high = found.predict(fresh, interval=0.9)
    inside, small = (low <= y) & (y <= high), law < np.median(law)
    model = getattr(found, "noise_model", None)
    return {
        "recognized": "" if model is None else model.kind, "set_aside": "" if model is None else len(model.outliers),
        "error": float(np.sqrt(np.mean((found.best.predict(fresh) - law) ** 2)) / np.std(law)),
        "constants": count, "covered": hits, "band_small": float(inside[small].mean()),
        "band_large": float(inside[~small].mean()), "outcome": found.outcome.name,
        "formula": str(found.best.expression), "seconds": spent.wall,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effort", type=int, default=10_000, help="formulas that evolution tries")
    parser.add_argument("--seeds", type=int, default=1, help="tables of each law, kind and level")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    options = parser.parse_args()
    pin()
    rows = []
    for each in tables(options.seeds):
        row = {"law": each.law[0], "kind": each.kind, "level": each.level, "seed": each.seed}
        rows.append(row | searched(each, options.effort))
        append(options.out / "noise_kinds.csv", rows[-1:])
    lines = []
    for kind in KINDS:
        for level in LEVELS:
            own = [row for row in rows if (row["kind"], row["level"]) == (kind, level)]
            told = ", ".join(sorted({str(row["recognized"]) for row in own}))
            shares = [float(np.mean([row[key] for row in own])) for key in ("band_small", "band_large")]
            constants = sum(row["covered"] for row in own) / sum(row["constants"] for row in own)
            lines.append([kind, level, told, float(np.median([r["error"] for r in own])), constants, *shares])
    head = ["noise", "level", "recognized", "error, median", "in 95 %", "band, small", "band, large"]
    table("Laws with noise", head, lines)


if __name__ == "__main__":
    main()
