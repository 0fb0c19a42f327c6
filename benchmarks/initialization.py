"""The schemes of `init=` side by side: second-order starts, first-order training, and spread across six layers.

    python benchmarks/initialization.py

Inputs lie in [-1, 1], where the first knots are; targets have spread 1, so an error of 1 means nothing learned.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np
import torch
from accuracy import Data
from record import RESULTS, append, clock, pin
from report import table
from starts import GOOD, ROWS, trained
from targets import DEEP, FIRST, Target
from torch import Tensor

import edgewise as ew
from edgewise.bases import spline_range
from edgewise.train import Table, rescale_knots

SCHEMES = ("smooth", "variance", "power", "noise")
BASES = (None, "silu")
HIDDEN = ([5], [8, 8], [32, 32], [8] * 5)
STEPS, RATE, BATCH = 400, 1e-2, 256
COARSE = ([4, 2, 1, 1], 3)  # the network and the cells of a second-order start
DEPTH = [16] * 7  # six layers

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="networks of each kind trained by Adam")
    parser.add_argument("--starts", type=int, default=32, help="networks of each kind trained by second order")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    for title, rows in (
        ("Spread of the values after layers 1, 3 and 6, and share inside the knots there", _depth(16)),
        (f"Share of good second-order starts, {COARSE[0]}", _second_order(given.starts)),
        (f"Error after {STEPS} steps of Adam", _first_order(given.seeds)),
    ):
        kept = list(rows)
        append(given.out / "initialization.csv", kept)
        _print(title, kept)


def _row(task: str, scheme: str, base: str | None, network: Sequence[int], seed: int, **rest: Any) -> Row:
    empty = {"target": "", "quantity": "error", "value": float("nan"), "seconds": float("nan")}
    named = {"task": task, "scheme": scheme, "base": base or "none", "network": str(list(network)), "seed": seed}
    return {**named, **empty, **rest}


def _depth(seeds: int) -> Iterator[Row]:
    """How values spread through layers as they are made, on uniform inputs."""
    for base in BASES:
        for scheme in SCHEMES:
            for seed in range(seeds):
                model = ew.KAN(DEPTH, base=base, init=scheme, seed=seed)
                h = _uniform(1000, DEPTH[0], seed)
                for number, layer in enumerate(model.layers, start=1):
                    lo, hi = spline_range(layer.knots, layer.degree)
                    with torch.no_grad():
                        h = layer(h)
                    spread, inside = float(h.std(0).mean()), float(((h >= lo[0]) & (h <= hi[0])).double().mean())
                    if number in (1, 3, 6):
                        for name, value in (("spread", spread), ("inside", inside)):
                            yield _row("depth", scheme, base, DEPTH, seed, quantity=f"{name} {number}", value=value)


def _second_order(seeds: int) -> Iterator[Row]:
    """What `edgewise.fit` makes of a start, as in `starts.py`."""
    widths, grid = COARSE
    data = Data.of(DEEP, ROWS, seed=0)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)[:, None]
    rows = Table(x, y, torch.ones(len(x), dtype=torch.float64))
    for base in BASES:
        for scheme in SCHEMES:
            for seed in range(seeds):
                start = rescale_knots(ew.KAN(widths, grid=grid, base=base, init=scheme), x, seed)
                with clock() as spent:
                    error = data.error(trained(start, rows)) / float(y.std())
                yield _row(
                    "second order", scheme, base, widths, seed, target=DEEP.name, value=error, seconds=spent.wall
                )


def _first_order(seeds: int) -> Iterator[Row]:
    for hidden in HIDDEN:
        for target in (FIRST, DEEP):
            for base in BASES:
                for scheme in SCHEMES:
                    for seed in range(seeds):
                        widths = [len(target.inputs), *hidden, 1]
                        model = ew.KAN(widths, base=base, init=scheme, seed=seed, dtype=torch.float32)
                        with clock() as spent:
                            error = _adam(model, target, seed)
                        yield _row(
                            "first order", scheme, base, widths, seed, target=target.name, value=error,
                            seconds=spent.wall,
                        )  # fmt: skip


def _adam(model: ew.KAN, target: Target, seed: int) -> float:
    """Train on minibatches, the rate falling to zero along a half cosine; return the error on fresh rows."""
    x, y = _unit_data(target, 2 * ROWS, seed)
    generator = torch.Generator().manual_seed(seed)
    solver = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(solver, STEPS)
    for _ in range(STEPS):
        batch = torch.randint(ROWS, (BATCH,), generator=generator)
        solver.zero_grad()
        (model(x[batch]) - y[batch]).square().mean().backward()
        solver.step()
        schedule.step()
    with torch.no_grad():
        return float((model(x[ROWS:]) - y[ROWS:]).square().mean().sqrt())


def _uniform(rows: int, columns: int, seed: int) -> Tensor:
    return 2 * torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def _unit_data(target: Target, rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows with inputs scaled from the target's box to [-1, 1] and values to mean 0, spread 1, float32."""
    x, values = target.sample(rows, np.random.default_rng(seed))
    low, high = np.array(list(target.domain.values())).T
    unit, y = torch.from_numpy(2 * (x - low) / (high - low) - 1), torch.from_numpy(values)[:, None]
    return unit.float(), ((y - y.mean()) / y.std()).float()


def _print(title: str, rows: Sequence[Row]) -> None:
    """One line for each network and base, one column for each scheme."""
    groups: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for row in rows:
        key = (row["network"], row["base"], row["target"] or row["quantity"])
        groups.setdefault(key, {}).setdefault(row["scheme"], []).append(row["value"])
    reduce = {"depth": median, "second order": _share, "first order": geometric_mean}[rows[0]["task"]]
    lines = [[*key, *(reduce(values[scheme]) for scheme in SCHEMES)] for key, values in groups.items()]
    table(title, ["network", "base", "of", *SCHEMES], lines)


def _share(errors: Sequence[float]) -> float:
    return sum(error < GOOD for error in errors) / len(errors)


if __name__ == "__main__":
    main()
