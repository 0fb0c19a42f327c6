"""How short each simplifier writes formulas, and how long it takes.

    python benchmarks/simplify.py

Formulas: those of the shipped equations, as they are (`shipped`) and multiplied out (`expanded`), and what `discover`
met on some of their tables, without noise and with 1 % (`search`, `front`). Simplifiers: `table`, edgewise's own, which
uses the signs of the rows; `sympy`, `sympy.simplify(measure=complexity)` on symbols with the signs of the columns, for
at most --limit seconds. The stored rows hold a third one, `light`: rational rewriting without a table, by which the
search wrote its formulas until then (`front`: what only the front's simplifier was given). Their seconds are of the
clock, newer ones of the process.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import numpy as np
import sympy
from record import RESULTS, append, pin
from report import table

import edgewise as ew
import edgewise.discovery.judging._candidate as judging
from edgewise.expressions import complexity, evaluate, parse, simplify
from edgewise_bench import datasets

ROWS = 1000
SECONDS = 20.0  # of discover on one table


class Case(NamedTuple):
    """A formula, and the table on which it has to keep its values."""

    corpus: str
    equation: str
    formula: sympy.Expr
    names: list[str]
    x: np.ndarray


def shipped(equation: datasets.Equation) -> Iterator[Case]:
    formula, x = parse(equation.formula, equation.names), equation.sample(ROWS)
    yield Case("shipped", equation.name, formula, equation.names, x)
    yield Case("expanded", equation.name, sympy.expand(formula), equation.names, x)


def met(equation: datasets.Equation, noise: float) -> list[Case]:
    """What the simplifiers are given while discover works on the table of an equation."""
    names, x = equation.names, equation.sample(ROWS)
    y = evaluate(parse(equation.formula, names), names, x)
    y = y + noise * y.std() * np.random.default_rng(0).standard_normal(len(y))
    found: dict[sympy.Expr, None] = {}

    def recorded(formula: sympy.Expr, *rest: object) -> sympy.Expr:
        found.setdefault(formula)
        return simplify(formula, *rest)

    judging.simplify = recorded
    try:
        ew.discover(x, y, names=names, time_limit=SECONDS)
    finally:
        judging.simplify = simplify
    return [Case("search", equation.name, formula, names, x) for formula in found if formula.free_symbols]


def by_sympy(case: Case, limit: float) -> sympy.Expr:
    signs = {name: bool((case.x[:, k] > 0).all()) or None for k, name in enumerate(case.names)}
    known = {s: sympy.Symbol(s.name, real=True, positive=signs[s.name]) for s in case.formula.free_symbols}
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        short = sympy.simplify(case.formula.xreplace(known), measure=complexity)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return short.xreplace({new: old for old, new in known.items()})


class Late(Exception):
    pass


def _late(*_: object) -> None:
    raise Late


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=6, help="discover works on every so manieth equation")
    parser.add_argument("--limit", type=float, default=3.0, help="seconds of sympy for a formula")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    signal.signal(signal.SIGALRM, _late)
    equations = datasets.equations()
    cases = [case for equation in equations for case in shipped(equation)]
    cases += [case for equation in equations[:: given.every] for noise in (0.0, 0.01) for case in met(equation, noise)]
    ways: dict[str, Callable[[Case], sympy.Expr]] = {
        "table": lambda case: simplify(case.formula, case.names, case.x),
        "sympy": lambda case: by_sympy(case, given.limit),
    }
    rows = [row for case in cases for name, way in ways.items() for row in [measured(case, name, way)]]
    append(given.out / "simplify.csv", rows)
    summary(rows, list(ways))


def measured(case: Case, name: str, way: Callable[[Case], sympy.Expr]) -> dict[str, object]:
    began, late = time.process_time(), False
    try:
        short = way(case)
    except Late:
        short, late = case.formula, True
    seconds = time.process_time() - began
    old, new = (evaluate(formula, case.names, case.x) for formula in (case.formula, short))
    at = np.isfinite(old)
    return {
        "corpus": case.corpus,
        "equation": case.equation,
        "simplifier": name,
        "complexity": complexity(case.formula),
        "operations": int(sympy.count_ops(case.formula)),
        "short_complexity": complexity(short),
        "short_operations": int(sympy.count_ops(short)),
        "seconds": seconds,
        "late": late,
        "same": bool(np.allclose(new[at], old[at], rtol=1e-8, atol=0, equal_nan=True)),
        "formula": str(short),
    }


def summary(rows: list[dict], ways: list[str]) -> None:
    lines = []
    for corpus in dict.fromkeys(row["corpus"] for row in rows):
        for name in ways:
            own = [row for row in rows if (row["corpus"], row["simplifier"]) == (corpus, name)]
            seconds = sorted(float(row["seconds"]) for row in own)
            lines.append(
                [
                    corpus, name, len(own), mean(row["complexity"] for row in own),
                    mean(row["short_complexity"] for row in own), mean(row["short_operations"] for row in own),
                    median(seconds), seconds[int(0.95 * len(seconds))], sum(row["late"] for row in own),
                    sum(not row["same"] for row in own),
                ]
            )  # fmt: skip
    head = ["formulas", "simplifier", "n", "complexity", "after", "operations", "median s", "95 % s", "late", "changed"]
    table("Simplifiers", head, lines)


if __name__ == "__main__":
    main()
