"""How long a Levenberg-Marquardt step takes on many ranks: measured compute and messages, simulated networks.

    python benchmarks/scaling_ranks.py

Measured on one core: seconds of a row in J'J and in the cost, seconds of solving for a step, and the messages of a fit
in a process group of one rank. Simulated from them: the time of one step, for 10^3 to 10^9 rows on 1 to 1024 ranks of
one core each, on Ethernet of 10 Gbit/s (50 microseconds a message) and 100 Gbit/s (10 microseconds), by

    ring: 2 (n - 1) (latency + bytes / (n bandwidth)),    tree: 2 log2(n) (latency + bytes / bandwidth)

for n ranks. Compute and messages do not overlap; all ranks are equally fast; rows are read at no cost.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from record import RESULTS, append, pin
from torch import distributed

import edgewise as ew
from edgewise.optim import LM
from edgewise.train import Objective, as_table

SHAPES = ([8, 1], [8, 8, 1], [8, 24, 1])
LINKS = {"10 Gbit/s": (50e-6, 1.25e9), "100 Gbit/s": (10e-6, 12.5e9)}
ROWS, RANKS = [10**k for k in range(3, 10)], [2**k for k in range(11)]


@dataclass(frozen=True)
class Step:
    """What a step costs: seconds of a row, seconds in all, and the bytes of its messages."""

    shape: str
    parameters: int
    row_seconds: float
    solve_seconds: float
    messages: list[int]


def fastest(run: Callable[[], object], times: int = 7) -> float:
    """Return the seconds of the fastest of several runs, which other work on the machine disturbed least."""
    run()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return min(found)


def rows_of(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = 2 * torch.rand(count, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    return x, torch.sin(2 * x[:, 0] * x[:, 1]) + x[:, 2] ** 2


def messages_of(model: ew.KAN, steps: int) -> list[int]:
    """Return the sizes in bytes of the messages of one step: those of a fit, but for what only prepares it.

    They are the blocks of the matrix, the gradient with cost and weight, the cost of a trial, and whether to go on.
    """
    sent: list[int] = []
    usual = distributed.all_reduce

    def counted(tensor: torch.Tensor, *given: object, **named: object) -> object:
        sent.append(tensor.numel() * tensor.element_size())
        return usual(tensor, *given, **named)

    distributed.all_reduce = counted
    try:
        options = ew.Options(validation=0, test=0, restarts=1, process_group=distributed.group.WORLD)
        ew.fit(model, *rows_of(4000), grids=[5], solver=LM(steps=steps), options=options)
    finally:
        distributed.all_reduce = usual
    return [8, 16, *sorted(size for size in set(sent) if size > 8 * ew.nn.Layout(model).size)]


def measured(shape: list[int], rows: int) -> Step:
    model = ew.KAN(shape, grid=5, seed=0)
    problem = Objective(model, as_table(*rows_of(rows), None, 8, 1))
    size = len(problem.start)

    def run() -> None:
        vector = problem.start.clone()  # of which nothing is known yet
        problem.cost(vector)
        problem.normal_equations(vector)

    hessian = torch.eye(size, dtype=torch.float64)
    solve = fastest(lambda: torch.cholesky_solve(hessian[:, :1], torch.linalg.cholesky(hessian)))
    return Step(str(shape), size, fastest(run) / rows, solve, messages_of(ew.KAN(shape, grid=5, seed=0), 4))


def all_reduce(size: int, ranks: int, latency: float, bandwidth: float) -> float:
    """Return the seconds of the faster of ring and tree."""
    ring = 2 * (ranks - 1) * (latency + size / (ranks * bandwidth))
    tree = 2 * math.ceil(math.log2(ranks)) * (latency + size / bandwidth)
    return min(ring, tree)


def simulated(step: Step) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for link, (latency, bandwidth) in LINKS.items():
        for ranks in RANKS:
            sent = sum(all_reduce(size, ranks, latency, bandwidth) for size in step.messages) if ranks > 1 else 0.0
            for rows in ROWS:
                compute = step.row_seconds * math.ceil(rows / ranks) + step.solve_seconds
                found.append({
                    "shape": step.shape, "parameters": step.parameters, "link": link, "rows": rows, "ranks": ranks,
                    "compute_seconds": compute, "message_seconds": sent, "seconds": compute + sent,
                    "row_seconds": step.row_seconds, "solve_seconds": step.solve_seconds,
                    "messages": len(step.messages), "message_bytes": sum(step.messages),
                })  # fmt: skip
    return found


def described(rows: list[dict[str, object]]) -> str:
    """Return, for each link, the ranks from which messages take more than half of a step's time."""
    parts = []
    for link in LINKS:
        for count in ROWS:
            own = [row for row in rows if row["link"] == link and row["rows"] == count]
            late = [
                int(str(row["ranks"]))
                for row in own
                if float(str(row["message_seconds"])) > float(str(row["seconds"])) / 2
            ]
            best = min(own, key=lambda row: float(str(row["seconds"])))
            parts.append(
                f"{link}, {count:.0e} rows: one rank {own[0]['seconds']:.3g} s; best {best['seconds']:.3g} s on "
                f"{best['ranks']}; messages dominate from {min(late, default='never')}"
            )
    return "\n  ".join([f"{rows[0]['shape']}, {rows[0]['parameters']} parameters", *parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="rows that compute is measured on")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    with tempfile.TemporaryDirectory() as folder:
        distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
        for shape in SHAPES:
            step = measured(shape, given.rows)
            print(f"{step.row_seconds * 1e6:.3g} us a row, {step.solve_seconds:.3g} s to solve, bytes {step.messages}")
            rows = simulated(step)
            append(given.out / "scaling_ranks.csv", rows)
            print(described(rows), flush=True)
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
