"""Share of good starts on the four-variable target: smooth curves, as the library draws them, against rough noise.

    python benchmarks/starts.py

All kinds meet the same table, the same network shape and the solver that `edgewise.fit` runs from each of its starts;
a start is good when its error on fresh rows falls below 0.05 of the target's spread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from accuracy import Data
from record import RESULTS, append, clock, pin
from report import table
from targets import DEEP
from torch import Generator, Tensor

import edgewise as ew
from edgewise.bases import adapted_knots
from edgewise.nn import MARGINS, KANLayer, adapt_grid, clone, initial_values
from edgewise.optim import LM
from edgewise.train import Objective, Table

WIDTHS = [4, 2, 1, 1]
GRIDS = (3, 5)  # fit starts at 3 cells where rows are few, at 5 otherwise
ROWS = 1000
GOOD = 0.05

Draw = Callable[[KANLayer, Generator], Tensor]  # the coefficients of a layer


def smooth(layer: KANLayer, generator: Generator) -> Tensor:
    return initial_values(layer, generator)[0]


def noise(size: float) -> Draw:
    """Independent normal coefficients of standard deviation size / sqrt(n_in)."""

    def draw(layer: KANLayer, generator: Generator) -> Tensor:
        values = torch.randn(layer.coefficients.shape, generator=generator, dtype=torch.float64)
        return size * values / layer.n_in**0.5

    return draw


#: the last two are noise as large as the smooth curves (root mean square of a sine), and small as is common elsewhere
KINDS: dict[str, Draw] = {"smooth": smooth, "noise": noise(0.5**0.5), "small noise": noise(0.1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=64, help="starts of each kind and grid")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    data = Data.of(DEEP, ROWS, seed=0)
    lines = []
    for grid in GRIDS:
        for kind in KINDS:
            rows = [_one(kind, grid, data, seed) for seed in range(given.seeds)]
            append(given.out / "starts.csv", rows)
            errors = [float(row["error"]) for row in rows]
            good = sum(error < GOOD for error in errors)
            share = good / len(errors)
            spread = (share * (1 - share) / len(errors)) ** 0.5
            lines.append([grid, kind, f"{good}/{len(errors)}", share, spread, median(errors), min(errors)])
    head = ["cells", "start", "good", "share", "+-", "median error", "best error"]
    table(f"Starts of {WIDTHS} on {DEEP.name} (errors over the spread)", head, lines)


def _one(kind: str, grid: int, data: Data, seed: int) -> dict[str, object]:
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)[:, None]
    start = _drawn(ew.KAN(WIDTHS, grid=grid, init="smooth"), x, KINDS[kind], seed)
    with clock() as spent:
        model = trained(start, Table(x, y, torch.ones(len(x), dtype=torch.float64)))
    error = data.error(model) / float(y.std())
    return {"start": kind, "network": str(WIDTHS), "grid": grid, "seed": seed, "error": error, "seconds": spent.wall}


def trained(model: ew.KAN, rows: Table) -> ew.KAN:
    """What `edgewise.fit` does with each of its starts (train/_context.py)."""
    for _ in range(2):
        model = adapt_grid(model, rows.x)
        problem = Objective(model, rows)
        vector, _ = LM(steps=40, tolerance=1e-3, damping=1.0).minimize(problem, problem.start)
        model = clone(problem.network(vector))
    return model


def _drawn(model: ew.KAN, x: Tensor, draw: Draw, seed: int) -> ew.KAN:
    """The network with drawn coefficients over the range that each layer meets."""
    new, h, generator = clone(model), x, Generator().manual_seed(seed)
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            layer.knots = adapted_knots(h, layer.grid, layer.degree, MARGINS[depth > 0])
            layer.coefficients.copy_(draw(layer, generator))
            h = nodes.combine(layer(h))
    return new


if __name__ == "__main__":
    main()
