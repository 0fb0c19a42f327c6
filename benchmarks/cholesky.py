"""The compiled Cholesky factor of second-order steps beside LAPACK's, which torch brings.

    python benchmarks/cholesky.py                  # systems of each size, and whole fits, on one thread and on two

A system is what a Levenberg-Marquardt step does: the damped matrix is factored and one right side solved. A fit is
`edgewise.fit` on 3000 rows, with the one factor and with the other. Both are called in turn, and both solutions are
compared before anything is timed. Rows go to results/cholesky.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from record import RESULTS, append
from torch import Tensor

import edgewise as ew
from edgewise.kernels.gauss_newton import CompiledFactor, Factor
from edgewise.train.optim import _least_squares
from edgewise_bench import interleaved

SIZES = (24, 50, 100, 200, 400, 700, 1000, 1500, 2000, 3000)
NETWORKS = (([2, 1, 1], [5, 10, 20]), ([2, 5, 1], [5, 10, 20]), ([4, 4, 2, 1], [5, 10, 20]), ([6, 10, 1], [20]))
ROWS = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15, help="of each timing")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    for threads in given.threads:
        torch.set_num_threads(threads)
        for what, calls in chain(systems(), fits()):
            found = interleaved(calls, given.repeats, 20)
            own, lapack = found["compiled"], found["lapack"]
            row = {"what": what, "threads": threads}
            for name, spread in found.items():
                row |= {f"{name}_ms": 1e3 * spread.median, f"{name}_lower": 1e3 * spread.lower,
                        f"{name}_upper": 1e3 * spread.upper, f"{name}_repeats": spread.repeats}  # fmt: skip
            append(given.out / "cholesky.csv", [row])
            print(f"{threads} threads  {what}: {1e3 * own.median:.3f} ms, LAPACK {1e3 * lapack.median:.3f} ms")


def systems() -> Iterator[tuple[str, dict[str, Callable[[], Any]]]]:
    for size in SIZES:
        root = torch.randn(size, size + 9, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
        matrix = root @ root.T / size
        diagonal, right = matrix.diagonal() * 1.001, root[:, 0].clone()
        factors = {"compiled": CompiledFactor(size), "lapack": Factor()}

        def solved(one: Any, matrix: Tensor = matrix, diagonal: Tensor = diagonal, right: Tensor = right) -> Tensor:
            assert one.take(matrix, diagonal)
            return one.solve(right)

        torch.testing.assert_close(*map(solved, factors.values()), rtol=1e-6, atol=1e-6)
        yield f"system of {size}", {name: partial(solved, one) for name, one in factors.items()}


def fits() -> Iterator[tuple[str, dict[str, Callable[[], Any]]]]:
    kinds = {"compiled": lambda vector: CompiledFactor(len(vector)), "lapack": lambda vector: Factor()}
    for widths, grids in NETWORKS:
        x = 2 * torch.rand(ROWS, widths[0], generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
        y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1:].square().sum(1) / widths[0])

        def fitted(kind: str, widths: Any = widths, grids: Any = grids, x: Any = x, y: Any = y) -> Any:
            _least_squares.factor_for = kinds[kind]
            options = ew.Options(progress=False)
            return ew.fit(ew.KAN(widths), x, y, grids=grids, solver=ew.optim.LM(steps=20), options=options)

        yield f"fit of {widths}, grids {grids}", {kind: partial(fitted, kind) for kind in kinds}


if __name__ == "__main__":
    main()
