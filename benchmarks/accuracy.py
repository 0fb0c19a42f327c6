"""Test error and time of `edgewise.fit` with its default arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from record import append, clock
from report import table, verdict
from targets import FITS, Fit, Target

import edgewise as ew


@dataclass(frozen=True)
class Data:
    """Rows to train on and fresh rows to measure on, both of one seed."""

    x: np.ndarray
    y: np.ndarray
    fresh_x: np.ndarray
    fresh_y: np.ndarray

    @classmethod
    def of(cls, target: Target, rows: int, seed: int) -> Data:
        rng = np.random.default_rng(seed)
        return cls(*target.sample(rows, rng), *target.sample(1000, rng))

    def error(self, model: ew.KAN) -> float:
        """Root mean square error on the fresh rows."""
        with torch.no_grad():
            values = model(torch.from_numpy(self.fresh_x))[:, 0].numpy()
        return float(np.sqrt(np.mean((values - self.fresh_y) ** 2)))


def measure(seeds: int, out: Path) -> bool:
    """Fit every target in every seed, store a row for each fit, print the summary; whether all limits are kept."""
    summary, passed = [], True
    for fit in FITS:
        rows = [_one(fit, seed) for seed in range(seeds)]
        append(out / "accuracy.csv", rows)
        errors, seconds = ([float(row[key]) for row in rows] for key in ("test_rmse", "seconds"))
        # The limit on the time holds in each seed.
        kept = (max(errors) if fit.of == "each" else median(errors)) <= fit.error
        kept = kept and (fit.seconds is None or max(seconds) <= fit.seconds)
        passed = passed and kept
        limit = f"{fit.error:g} {fit.of}" + (f", {fit.seconds:g} s each" if fit.seconds else "")
        numbers = [median(errors), max(errors), median(seconds), max(seconds)]
        summary.append([fit.target.name, str(fit.widths), *numbers, limit, verdict(kept)])
    head = ["target", "network", "median RMSE", "worst", "median s", "slowest", "limit", ""]
    table(f"Accuracy, default arguments, {seeds} seeds", head, summary)
    return passed


def _one(fit: Fit, seed: int) -> dict[str, object]:
    data = Data.of(fit.target, fit.rows, seed)
    model = ew.KAN(fit.widths, seed=seed)
    with clock() as spent:
        result = ew.fit(model, data.x, data.y)
    return {
        "target": fit.target.name,
        "network": str(fit.widths),
        "rows": fit.rows,
        "seed": seed,
        "test_rmse": data.error(result.model),
        "train_rmse": result.train_error,
        "grid": int(result.model.layers[0].grid),
        "outcome": result.outcome.name,
        "seconds": spent.wall,
        "process_seconds": spent.process,
    }
