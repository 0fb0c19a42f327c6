"""How often intervals of constants, bands of values and weights of evidence hold, on made tables of known formulas.

    python benchmarks/uncertainty.py
    python benchmarks/uncertainty.py --seed 0        # the tables that the weights were chosen on

300 tables: ten formulas, three levels of noise, 20 to 300 rows, two seeds. Constants and bands are those of the true
form, fitted from the true constants. On every fifth table (`--every`), `discover` searches with `effort="quick"`: is a
form of a weight above 0.9 the right one, and what do bands of what was found cover? A form is right if it is the true
one but for the values of constants, those that were rounded to one included.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from record import RESULTS, append, clock, pin
from report import table, verdict

import edgewise as ew
from edgewise._typing import Part
from edgewise.discovery import Candidate, Discovery, Outcome
from edgewise.expressions import FitData, FreeFormula, complexity, evaluate, parse, readable_float
from edgewise_bench.benchmarks.formulas import is_right

FRESH = 200  # rows that bands are measured on
SEARCHED = 5  # every how many tables `discover` searches
ROWS, NOISES, SEEDS = (20, 40, 80, 150, 300), (0.02, 0.1, 0.3), 2
FIRST = 2  # seed; the weights were chosen on 0 and 1
RELATIVE_NOISE = 0.2  # of the noise, where errors are relative: 0.004 to 0.06
INTERVALS, BANDS, RIGHT = (0.92, 0.97), (0.87, 0.93), 0.85  # limits
SURE = 0.9  # weight of a form that should be right


@dataclass(frozen=True)
class Formula:
    """A formula over uniform columns; `relative`: inputs over four decades, noise relative to each value."""

    text: str
    names: tuple[str, ...]
    low: float
    high: float
    relative: bool = False


FORMULAS = (
    Formula("2.53*a + 1.31", ("a",), 0, 4),
    Formula("3.13*exp(-1.71*t)", ("t",), 0, 3),
    Formula("1.83*exp(-0.93*t) + 0.71", ("t",), 0, 4),
    Formula("2.21*sin(1.93*t + 0.61)", ("t",), 0, 5),
    Formula("4.37*a/(b + 1.61)", ("a", "b"), 0.2, 5),
    Formula("0.83*a^1.43/b^0.61", ("a", "b"), 1, 1e4, relative=True),
    Formula("1.73*sqrt(a^2 + 2.41*b^2)", ("a", "b"), 0.2, 3),
    Formula("1.23*a*b + 0.91*c - 0.53", ("a", "b", "c"), 0, 3),
    Formula("2.63*log(a + 0.83) + 0.41*b", ("a", "b"), 0, 5),
    Formula("3.17*tanh(0.93*a)*b + 1.13", ("a", "b"), 0, 3),
)


@dataclass(frozen=True)
class Table:
    """Rows of a formula with noise, and fresh ones with noise of the same kind."""

    formula: Formula
    rows: int
    noise: float
    seed: int

    @property
    def truth(self) -> Part:
        """The formula; its decimals, which the parser takes for fractions, are constants to fit."""
        form = parse(self.formula.text, self.formula.names)
        return form.xreplace({r: readable_float(float(r)) for r in form.atoms(sympy.Rational) if r.q > 2})

    def draw(self, count: int, kind: int, *, clean: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return x (count, m) and y (count,)."""
        formula = self.formula
        rng = np.random.default_rng([FORMULAS.index(formula), self.rows, round(1000 * self.noise), self.seed, kind])
        shape, low, high = (count, len(formula.names)), formula.low, formula.high
        x = (
            np.exp(rng.uniform(math.log(low), math.log(high), shape))
            if formula.relative
            else rng.uniform(low, high, shape)
        )
        y = evaluate(self.truth, formula.names, x)
        if clean:
            return x, y
        if formula.relative:
            return x, y * (1 + RELATIVE_NOISE * self.noise * rng.standard_normal(count))
        return x, y + self.noise * self._deviation * rng.standard_normal(count)

    @property
    def _deviation(self) -> float:
        x = np.random.default_rng(0).uniform(self.formula.low, self.formula.high, (10_000, len(self.formula.names)))
        return float(evaluate(self.truth, self.formula.names, x).std())


def tables(first: int = FIRST) -> list[Table]:
    seeds = range(first, first + SEEDS)
    return [Table(f, n, level, s) for f in FORMULAS for level in NOISES for n in ROWS for s in seeds]


def covered(predict: Callable[..., tuple], x: np.ndarray, y: np.ndarray, **options: bool) -> float:
    """Return the fraction of fresh rows in the 90 % band."""
    _, low, high = predict(x, interval=0.9, **options)
    return float(np.mean((low <= y) & (y <= high)))


def measured(given: Table) -> dict[str, object]:
    """Fit the true form, and see what intervals and bands cover."""
    names, truth = given.formula.names, given.truth
    x, y = given.draw(given.rows, 0)
    weight = 1 / np.abs(y) if given.formula.relative else None
    start = FreeFormula.of(truth)
    fitted = start.fit(FitData.of(names, x, y, weight))
    form = Candidate(fitted.expression, names, fitted.error, complexity(fitted.expression))
    found = Discovery([form], form, Outcome.APPROXIMATE, 0.0, given.formula.relative, names, "y", x, y)
    wide, constants = found.uncertainty().quantile(0.95), found.constants()
    linear, profile = 0, 0
    for true, value in zip(start.values, fitted.values, strict=True):
        k = int(np.argmin([abs(c.value - value) for c in constants]))  # another order, as sums are sorted by numbers
        low, high = found.interval(k)
        linear += abs(value - true) <= wide * constants[k].error
        profile += low <= true <= high
    return {
        "constants": len(constants), "covered": linear, "covered_by_profile": profile,
        "band": covered(found.predict, *given.draw(FRESH, 1)),
    }  # fmt: skip


def searched(given: Table) -> dict[str, object]:
    """Search the table, and see whether the form of the largest weight is right, and what its bands cover."""
    names = given.formula.names
    with clock() as spent:
        found = ew.discover(*given.draw(given.rows, 0), names, effort="quick", seed=given.seed)
    first = int(np.argmax(found.weights))
    x, y = given.draw(1000, 2, clean=True)
    right = [is_right(c.expression, given.truth, list(names), x, y) for c in (found[first], found.best)]
    fresh = given.draw(FRESH, 1)
    return {
        "weight": float(found.weights[first]), "right": right[0], "best_right": right[1],
        "best_weight": float(found.weights[found.candidates.index(found.best)]), "outcome": found.outcome.name,
        "found_band": covered(found.predict, *fresh), "forms_band": covered(found.predict, *fresh, forms=True),
        "formula": str(found[first].expression), "seconds": spent.wall,
    }  # fmt: skip


_NOT_SEARCHED = {
    "weight": "", "right": "", "best_right": "", "best_weight": "", "outcome": "", "found_band": "", "forms_band": "",
    "formula": "", "seconds": "",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-search", action="store_true", help="constants and bands alone")
    parser.add_argument("--tables", type=int, default=len(tables()), help="the first ones of a random order")
    parser.add_argument("--seed", type=int, default=FIRST, help="the first of two")
    parser.add_argument("--every", type=int, default=SEARCHED, help="which tables are searched: every fifth")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    rows = []
    order = np.random.default_rng(0).permutation(len(tables()))[: given.tables]
    for number, k in enumerate(order):
        each = tables(given.seed)[k]
        row = {"table": each.formula.text, "rows": each.rows, "noise": each.noise, "seed": each.seed, **measured(each)}
        search = number % given.every == 0 and not given.no_search
        rows.append(row | (searched(each) if search else _NOT_SEARCHED))
        append(given.out / "uncertainty.csv", rows[-1:])
        if search:
            print(f"  {number}: {row['table']}, {each.rows} rows, noise {each.noise}: {rows[-1]}", flush=True)
    raise SystemExit(not _summary(rows))


def _summary(rows: list[dict]) -> bool:
    def line(name: str, own: list[dict]) -> list[Any]:
        count = sum(row["constants"] for row in own)
        by = [sum(row[key] for row in own) / count for key in ("covered", "covered_by_profile")]
        return [name, len(own), count, *by, float(np.mean([row["band"] for row in own]))]

    groups = [(f"{key} {value}", [r for r in rows if r[key] == value])
              for key in ("table", "rows", "noise") for value in dict.fromkeys(r[key] for r in rows)]  # fmt: skip
    lines = [line(name, own) for name, own in [*groups, ("all", rows)]]
    table("True forms", ["tables", "number", "constants", "in 95 %", "in 95 % profile", "in 90 % band"], lines)
    intervals, profiles, bands = lines[-1][3:]
    passed = all(low <= value <= high for (low, high), value in
                 ((INTERVALS, intervals), (INTERVALS, profiles), (BANDS, bands)))  # fmt: skip
    print(f"  limits: {INTERVALS}, {INTERVALS}, {BANDS}: {verdict(passed)}")
    return _found(rows) and passed


def _found(rows: list[dict]) -> bool:
    """Print how the formulas found do, where a law is claimed and where none is."""
    done = [row for row in rows if row["weight"] != ""]
    claims = [row for row in done if row["outcome"] in ("NOISE", "EXACT")]
    lines = []
    for name, own in (("a law is claimed", claims), ("none is", [r for r in done if r not in claims]), ("all", done)):
        sure = [row for row in own if row["weight"] > SURE]
        means = [float(np.mean([row[key] for row in own])) if own else math.nan
                 for key in ("best_right", "found_band", "forms_band")]  # fmt: skip
        right = float(np.mean([row["right"] for row in sure])) if sure else math.nan
        lines.append([name, len(own), means[0], len(sure), right, *means[1:]])
    head = ["searches", "number", "best right", f"weight > {SURE}", "right", "in 90 % band", "in 90 % band, forms"]
    table("Forms found", head, lines)
    reached = not lines[-1][3] or lines[-1][4] >= RIGHT
    print(f"  limit: {RIGHT} of all forms of a weight above {SURE} are right: {verdict(reached)}")
    return reached


if __name__ == "__main__":
    main()
