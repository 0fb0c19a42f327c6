"""Rates of compiled programs: values and fits a second, on one core.

Run:  OMP_NUM_THREADS=1 python benchmarks/program_rates.py
"""

import time

import numpy as np

from edgewise.programs import FUNCTIONS, Node, Program, apply, combine, prepare, scaled, variable
from edgewise.programs._kernels import Job

ROWS, NODES, PROGRAMS = 1000, 15, 100
_SHARES = dict(zip(FUNCTIONS, (1, 0.5, 0.7, 1, 1, 0.7, 0.7, 0.8, 0.3), strict=True))  # how often each is drawn
_BINARY = {"add": 4, "sub": 1, "mul": 4, "div": 2.5}


def random_nodes(size: int, rng: np.random.Generator, functions: dict[str, float]) -> list[Node]:
    """Return a random shape of exactly `size` nodes."""
    if size == 1:
        return variable(int(rng.integers(3)), float(np.exp(rng.normal(0, 0.8))))
    table = functions if size == 2 else {**_BINARY, **functions}
    name = str(rng.choice(list(table), p=np.array(list(table.values())) / sum(table.values())))
    if name not in _BINARY:
        return apply(name, random_nodes(size - 1, rng, functions), 1.5 if name == "power" else 1.0)
    left = int(rng.integers(1, size - 1))
    return combine(name, random_nodes(left, rng, functions), random_nodes(size - 1 - left, rng, functions))


def value_rate(functions: dict[str, float], seconds: float = 2.0) -> float:
    """Return programs a second whose values on all rows are computed, without Python's part."""
    rng = np.random.default_rng(0)
    job = Job(rng.uniform(0.3, 3, (3, ROWS)))
    records = []
    for _ in range(PROGRAMS):
        Program.of(random_nodes(NODES, rng, functions)).write(job.record[0])
        records.append(job.record.copy())
    values, done, start = np.empty(ROWS), 0, time.process_time()
    while time.process_time() - start < seconds:
        for record in records:
            job.record[:] = record
            job.run("values", values)
        done += len(records)
    return done / (time.process_time() - start)


def fit_rate(rows: int, repeats: int = 2000) -> float:
    """Return fits a second of 9 nodes, 5 free weights, scale and offset, by 4 steps."""
    x = np.random.default_rng(0).uniform(0.3, 3, (3, rows))
    y = 2.1 * np.sin(1.7 * x[0]) + 3 * x[1] * x[2] - 0.7 * np.exp(-x[2]) + 1.3
    first = combine("add", combine("mul", variable(1), variable(2)), apply("sin", variable(0, 1.4)))
    job = Job(x, y)
    Program.of(combine("add", first, apply("exp", variable(2, -0.6)))).write(job.record[0])
    record = job.record.copy()
    job.words[8], job.tolerance[0] = 4, 1e-3
    start = time.process_time()
    for _ in range(repeats):
        job.record[:] = record
        job.run("fit")
    return repeats / (time.process_time() - start)


if __name__ == "__main__":
    prepare()
    assert scaled(variable(0), 2.0)[0].weight == 2.0
    print(f"values, {NODES} nodes, {ROWS} rows: {value_rate(_SHARES):.0f}/s")
    print(f"values, + - * / and squares only: {value_rate({'square': 1.0}):.0f}/s")
    for count in (128, 200, 400, 1000):
        print(f"fits, 9 nodes, 7 constants, 4 steps, {count} rows: {fit_rate(count):.0f}/s")
