"""Levenberg-Marquardt as the package does it in two places, beside `scipy.optimize.least_squares`.

    python benchmarks/least_squares.py

Loops: `network`, `optim.LM` on the coefficients of a network, from its normal equations; `curves`, `symbolic.refine` on
the inner constants of many one-variable functions at once. Rows of `formula` and `law` are of two others, which scipy
has replaced. scipy gets the same start, the same Jacobian, x_scale="jac", and the same number of evaluations; the
better of its methods "lm" and "trf" counts. Seconds are of this process on one core. A run is better where its root
mean square residual is 1 % lower; below 1e-12 standard deviations of the target all are equal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from record import RESULTS, append, pin
from report import table
from scipy.optimize import least_squares

import edgewise as ew
from edgewise.nn import Pass, clone
from edgewise.optim import LM
from edgewise.symbolic import Batch, refine
from edgewise.train import Objective, as_table

Pair = Callable[[np.ndarray], np.ndarray]


class Case(NamedTuple):
    """One problem: our run, which returns the rms error, and scipy's residuals and Jacobian from the same start."""

    loop: str
    name: str
    ours: Callable[[], float]
    residual: Pair
    jacobian: Pair
    start: np.ndarray
    evaluations: int


def networks() -> Iterator[Case]:
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    rows = as_table(x, y, None, 2, 1)
    for widths, grid in (([2, 1, 1], 5), ([2, 5, 1], 5), ([2, 5, 1], 20), ([2, 5, 1], 50)):
        problem = Objective(ew.KAN(widths, grid=grid), rows)
        other = clone(problem.model)
        layout, start = problem.layout, problem.start

        def network(v: np.ndarray, other: ew.KAN = other, layout=layout) -> ew.KAN:
            layout.write(other, torch.from_numpy(v))
            return other

        def residual(v: np.ndarray, network=network) -> np.ndarray:
            with torch.no_grad():
                return (network(v)(rows.x) - rows.y)[:, 0].numpy() / len(rows) ** 0.5

        def jacobian(v: np.ndarray, network=network, layout=layout) -> np.ndarray:
            with torch.no_grad():
                return Pass(network(v), rows.x).jacobian(layout)[:, 0].numpy() / len(rows) ** 0.5

        def ours(problem: Objective = problem) -> float:
            return LM(steps=40).minimize(problem, problem.start)[1] ** 0.5

        yield Case("network", f"{widths}, G = {grid}", ours, residual, jacobian, start.numpy(), 40)


def curves(starts: int) -> Iterator[Case]:
    """All starts of a function are one case: the loop exists to run them together."""
    t = torch.linspace(-1, 1, 200, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    for name in ("sin", "exp", "tanh", "sqrt", "gaussian"):
        function = ew.functions.get(name)
        y = 2 * function.torch(1.7 * t + 1.8) - 1
        theta = torch.rand(starts, 2, generator=generator, dtype=torch.float64) + torch.tensor([1.2, 1.4])
        batch = Batch([function], torch.zeros(starts, dtype=torch.long))
        ones = torch.ones(starts, len(t), dtype=torch.float64)

        def ours(batch: Batch = batch, y=y, theta=theta, ones=ones) -> float:
            found = refine(batch, t, y.expand_as(ones), ones, theta)[1]
            return float((found / len(t)).sqrt().median() / y.std())

        free = batch.free()[0].numpy()

        def parts(v: np.ndarray, function=function, y=y, free=free) -> tuple[np.ndarray, np.ndarray]:
            """The residual with c and d projected out, and its Jacobian after Kaufman."""
            u = torch.from_numpy(v[0] * t.numpy() + v[1]).requires_grad_()
            f = function.torch(u)
            (df,) = torch.autograd.grad(f.sum(), u)
            f, df = (torch.nan_to_num(part.detach()).numpy() for part in (f, df))
            basis, _ = np.linalg.qr(np.column_stack([np.ones_like(f), f]))
            target = y.numpy() / (float(y.std()) * len(f) ** 0.5)
            c = np.linalg.lstsq(np.column_stack([f, np.ones_like(f)]), target, rcond=None)[0][0]
            columns = -c * np.column_stack([df * t.numpy(), df]) * free
            return target - basis @ (basis.T @ target), columns - basis @ (basis.T @ columns)

        for k in range(starts):
            yield Case(
                "curves", name, ours if k == 0 else lambda: 0.0,
                lambda v, parts=parts: parts(v)[0], lambda v, parts=parts: parts(v)[1], theta[k].numpy(), 60,
            )  # fmt: skip


def measured(case: Case) -> dict[str, object]:
    case.ours()  # compiles what it needs
    began = time.process_time()
    own = case.ours()
    seconds = time.process_time() - began
    found = []
    for method in ("lm", "trf"):
        began = time.process_time()
        try:
            done = least_squares(
                case.residual, case.start, case.jacobian, method=method, x_scale="jac", max_nfev=case.evaluations,
                ftol=1e-14, xtol=1e-14, gtol=1e-14,
            )  # fmt: skip
            error = float(np.linalg.norm(done.fun))
        except (ValueError, np.linalg.LinAlgError):
            error = float("inf")
        found.append((error, time.process_time() - began, method))
    error, spent, method = min(found)
    return {
        "loop": case.loop, "problem": case.name, "parameters": len(case.start), "seconds": seconds, "error": own,
        "scipy_seconds": spent, "scipy_error": error, "scipy_method": method,
    }  # fmt: skip


def together(rows: list[dict]) -> list[dict]:
    """The starts of one function as one row: the seconds of all, the median error."""
    first = rows[0]
    return [
        {
            **first,
            "scipy_seconds": sum(row["scipy_seconds"] for row in rows),
            "scipy_error": median(row["scipy_error"] for row in rows),
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=60, help="starts of each function")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    rows = [measured(case) for case in networks()]
    batches: dict[str, list[dict]] = {}
    for case in curves(given.starts):
        batches.setdefault(case.name, []).append(measured(case))
    rows += [row for batch in batches.values() for row in together(batch)]
    append(given.out / "least_squares.csv", rows)
    lines = []
    for loop in dict.fromkeys(str(row["loop"]) for row in rows):
        own = [row for row in rows if row["loop"] == loop]
        levels = [(max(row["error"], 1e-12), max(row["scipy_error"], 1e-12)) for row in own]
        ratios = [row["scipy_seconds"] / max(row["seconds"], 1e-6) for row in own]
        better, worse = sum(a < 0.99 * b for a, b in levels), sum(b < 0.99 * a for a, b in levels)
        lines.append([loop, len(own), median(ratios), min(ratios), max(ratios), better, worse])
    head = ["loop", "problems", "scipy's time / ours", "least", "most", "ours better", "scipy better"]
    table("Levenberg-Marquardt beside scipy.optimize.least_squares", head, lines)


if __name__ == "__main__":
    main()
