"""Test error against the number of grid cells, on the first target."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np
from accuracy import Data
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from record import append, clock
from report import table, verdict
from targets import FIRST

import edgewise as ew

GRIDS = (5, 10, 20, 50, 100)
SLOPE = 3.8
_INK, _ACCENT, _SOFT = "#1b2a3a", "#2f6db5", "#8793a1"


def measure(seeds: int, out: Path) -> bool:
    """Fit through growing lists of grids, store a row for each fit, draw them; whether the error falls fast enough."""
    rows = [_one(seed, count) for seed in range(seeds) for count in range(1, len(GRIDS) + 1)]
    append(out / "scaling.csv", rows)
    errors = np.array([[row["test_rmse"] for row in rows if row["grid"] == grid] for grid in GRIDS], dtype=float)
    medians = [median(line) for line in errors]
    slope = -float(np.polyfit(np.log(GRIDS), np.log(medians), 1)[0])
    table(f"Scaling, {seeds} seeds", ["grid", "median RMSE"], list(zip(GRIDS, medians, strict=True)))
    kept = slope >= SLOPE
    print(f"  RMSE ~ G^-{slope:.3g} by least squares; limit {SLOPE:g}: {verdict(kept)}")
    draw(errors, slope, out / "scaling.svg")
    return kept


def _one(seed: int, count: int) -> dict[str, object]:
    data = Data.of(FIRST, 1000, seed)
    with clock() as spent:
        result = ew.fit(ew.KAN([2, 1, 1], seed=seed), data.x, data.y, grids=list(GRIDS[:count]))
    return {
        "target": FIRST.name,
        "network": "[2, 1, 1]",
        "rows": 1000,
        "seed": seed,
        "grid": GRIDS[count - 1],
        "test_rmse": data.error(result.model),
        "train_rmse": result.train_error,
        "seconds": spent.wall,
        "process_seconds": spent.process,
    }


def draw(errors: np.ndarray, slope: float, path: Path) -> None:
    """Draw the error of every seed, the medians, and the line that a cubic spline's order gives."""
    figure = Figure(figsize=(4.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    middle = np.median(errors, axis=1)
    for line in errors.T:
        axes.loglog(GRIDS, line, "o", ms=3, color=_SOFT, mec="none", alpha=0.7)
    label = f"edgewise, median of {errors.shape[1]} seeds (slope −{slope:.2f})"
    axes.loglog(GRIDS, middle, "o-", color=_ACCENT, ms=5, label=label)
    guide = middle[0] * 2.5 * (np.array(GRIDS) / GRIDS[0]) ** -4.0
    axes.loglog(GRIDS, guide, "--", color=_INK, lw=1, label="$G^{-4}$, a cubic spline's order")
    axes.set_xticks(GRIDS)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_xlabel("grid cells G on each edge")
    axes.set_ylabel("test RMSE")
    axes.set_title("$\\exp(\\sin \\pi x + y^2)$, KAN([2, 1, 1]), 1000 rows", fontsize=10, color=_INK)
    axes.grid(True, color="#d9dfe6", lw=0.5)
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "edgewise"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
