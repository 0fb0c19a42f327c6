"""Compiled programs: values, fits and children of evolution a second, and laws found in a number of children."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record import RESULTS, append, pin

from edgewise.formulas.programs import (
    FUNCTIONS,
    Evolution,
    Fitted,
    Node,
    Program,
    apply,
    combine,
    fit,
    prepare,
    variable,
)
from edgewise.formulas.programs._kernels import Job

ROWS, NODES, PROGRAMS = 1000, 15, 100
LAWS, LAW_ROWS, CHILDREN = 30, 200, 60_000
EXACT = 1e-20  # error over the variance of the target
#: how often a function is drawn
FREQUENCIES = dict(zip(FUNCTIONS, (1, 0.5, 0.7, 1, 1, 0.7, 0.7, 0.8, 0.3), strict=True))
BINARY = {"add": 4, "sub": 1, "mul": 4, "div": 2.5}


def random_nodes(size: int, rng: np.random.Generator, functions: dict[str, float]) -> list[Node]:
    """Return a random shape of exactly `size` nodes."""
    if size == 1:
        return variable(int(rng.integers(3)), float(np.exp(rng.normal(0, 0.8))))
    chances = functions if size == 2 else {**BINARY, **functions}
    name = str(rng.choice(list(chances), p=np.array(list(chances.values())) / sum(chances.values())))
    if name not in BINARY:
        return apply(name, random_nodes(size - 1, rng, functions), 1.5 if name == "power" else 1.0)
    left = int(rng.integers(1, size - 1))
    return combine(name, random_nodes(left, rng, functions), random_nodes(size - 1 - left, rng, functions))


def rate(work: Callable[[], int], seconds: float = 2.0) -> float:
    """Return how much work is done a second of this process."""
    work()
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        done += work()
    return done / (time.process_time() - start)


def value_rate(functions: dict[str, float]) -> float:
    """Return programs a second whose values on all rows are computed."""
    rng = np.random.default_rng(0)
    job, values, records = Job(rng.uniform(0.3, 3, (3, ROWS))), np.empty(ROWS), []
    for _ in range(PROGRAMS):
        Program.of(random_nodes(NODES, rng, functions)).write(job.record[0])
        records.append(job.record.copy())

    def work() -> int:
        for record in records:
            job.record[:] = record
            job.run("values", values)
        return len(records)

    return rate(work)


def fit_rate(rows: int) -> float:
    """Return fits a second of 9 nodes, 5 free weights, scale and offset, by 4 steps, without Python's part."""
    x = np.random.default_rng(0).uniform(0.3, 3, (3, rows))
    y = 2.1 * np.sin(1.7 * x[0]) + 3 * x[1] * x[2] - 0.7 * np.exp(-x[2]) + 1.3
    start = combine("add", combine("mul", variable(1), variable(2)), apply("sin", variable(0, 1.4)))
    program = Program.of(combine("add", start, apply("exp", variable(2, -0.6))))
    assert isinstance(fit(program, x.T, y, steps=4), Fitted)
    job = Job(x, y)
    program.write(job.record[0])
    record = job.record.copy()
    job.prepare_fit(4, 0.0)

    def work() -> int:
        for _ in range(100):
            job.record[:] = record
            job.run("fit")
        return 100

    return rate(work)


def search_rate(rows: int) -> float:
    """Return children a second of a search on noise, where most fits are on the first rows only."""
    rng = np.random.default_rng(0)
    search = Evolution(rng.uniform(0.3, 3, (rows, 3)), rng.normal(size=rows))
    return rate(lambda: search.run(2000))


def laws() -> list[tuple[Program, np.ndarray, np.ndarray]]:
    """Return random formulas of 6 to 11 nodes of three columns, half of the columns with a weight."""
    rng, found = np.random.default_rng(42), []
    while len(found) < LAWS:
        nodes = random_nodes(int(rng.integers(6, 12)), rng, FREQUENCIES)
        weights = [round(float(rng.uniform(0.4, 2.5)), 2) if rng.random() < 0.5 else 1.0 for _ in nodes]
        pairs = zip(nodes, weights, strict=True)
        program = Program.of([n._replace(weight=w) if n.operation == "variable" else n for n, w in pairs])
        x = rng.uniform(0.4, 3, (LAW_ROWS, 3))
        y = program.predict(x)
        if not np.isfinite(y).all() or not 1e-3 * abs(y.mean()) < y.std() < 1e4 or program.complexity < 6:
            continue
        if np.abs(y - y.mean()).max() < 12 * y.std():
            found.append((program, x, y))
    return found


def law_row(program: Program, x: np.ndarray, y: np.ndarray, seed: int) -> dict[str, object]:
    """Search one law, and return what was found."""
    start = time.process_time()
    search, limit = Evolution(x, y, seed=seed), EXACT * float(np.var(y))
    while search.evaluations < CHILDREN and search.lowest_error > limit:
        search.run(1000)
    seconds, error = time.process_time() - start, search.lowest_error / float(np.var(y))
    formula = str(program.expression(["a", "b", "c"], ["a", "b", "c"]))
    return {"law": formula, "seed": seed, "children": search.evaluations, "error": error, "seconds": seconds}


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["rates", "laws"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    pin()
    prepare()
    if options.only != "laws":
        rows = [("values, 15 nodes, 1000 rows", value_rate(FREQUENCIES))]
        rows += [("values, + - * / and squares, 15 nodes, 1000 rows", value_rate({"square": 1.0}))]
        rows += [(f"fits, 9 nodes, 7 constants, 4 steps, {n} rows", fit_rate(n)) for n in (128, 200, 400, 1000)]
        rows += [(f"children of a search, {n} rows", search_rate(n)) for n in (200, 400)]
        for what, per_second in rows:
            print(f"{what}: {per_second:,.0f}/s")
        append(options.out / "program_rates.csv", [{"what": what, "per_second": round(r)} for what, r in rows])
    if options.only != "rates":
        found = [law_row(*law, seed) for law in laws() for seed in range(options.seeds)]
        for limit in (EXACT, 1e-8, 1e-4):
            print(f"error below {limit:g} of the variance: {np.mean([row['error'] < limit for row in found]):.0%}")
        append(options.out / "program_laws.csv", found)


if __name__ == "__main__":
    main()
