"""Formulas found by `edgewise.discover` with its default arguments, from exact and from noisy tables."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np
from record import append, clock
from recovery import is_exact, refitted
from report import table, verdict
from targets import LAWS, Target

import edgewise as ew

NOISES = (0.0, 0.01)
SECONDS = 60
RIGHT_FORMS = 6
ROWS = 1000


def found_in(target: Target, seed: int, noise: float) -> ew.discovery.Discovery:
    x, y = target.sample(ROWS, np.random.default_rng(seed), noise)
    return ew.discover(x, y, names=[symbol.name for symbol in target.inputs], seed=seed)


def measure(seeds: int, out: Path) -> bool:
    """Discover every law in every seed, without and with noise; store a row for each, print both summaries."""
    passed = True
    for noise in NOISES:
        rows = [_one(target, seed, noise) for target in LAWS for seed in range(seeds)]
        append(out / "discovery.csv", rows)
        passed = _summary(rows, noise, seeds) and passed
    return passed


def _one(target: Target, seed: int, noise: float) -> dict[str, object]:
    with clock() as spent:
        found = found_in(target, seed, noise)
    best = found.best
    form = refitted(best.sympy(), target)
    x, y = target.sample(ROWS, np.random.default_rng(seed + 20_000))
    row = {
        "target": target.name,
        "noise": noise,
        "rows": ROWS,
        "seed": seed,
        "exact": is_exact(best.sympy(), target),
        "right_form": form.right,
        "refitted_error": form.error,
        "vanished_constants": form.vanished,
        "clean_error": float(np.sqrt(np.mean((best.predict(x) - y) ** 2)) / y.std()),
        "error": best.error,
        "complexity": best.complexity,
        "outcome": found.outcome.name,
        "seconds": spent.wall,
        "process_seconds": spent.process,
        "formula": str(best.expression),
    }
    print(f"  {target.name}, noise {noise:g}, seed {seed}, {spent.wall:.1f} s: {row['formula']}", flush=True)
    return row


def _summary(rows: list[dict], noise: float, seeds: int) -> bool:
    lines = []
    for target in LAWS:
        own = [row for row in rows if row["target"] == target.name]
        counts = [f"{sum(row[key] for row in own)}/{seeds}" for key in ("exact", "right_form")]
        seconds, errors = ([float(row[key]) for row in own] for key in ("seconds", "clean_error"))
        complexity = max(row["complexity"] for row in own)
        lines.append([target.name, *counts, median(errors), max(errors), complexity, median(seconds), max(seconds)])
    head = ["target", "exact", "right form", "median error", "worst", "complexity", "median s", "slowest"]
    title = f"Discovery, default arguments, noise {noise:g}, {seeds} seeds (errors on clean data over its spread)"
    table(title, head, lines)
    quick = all(row["seconds"] <= SECONDS for row in rows)
    if noise:
        forms = [sum(row["right_form"] for row in rows if row["seed"] == seed) for seed in range(seeds)]
        kept = min(forms) >= RIGHT_FORMS
        print(f"  right forms in each seed: {forms} of {len(LAWS)}; limit {RIGHT_FORMS}: {verdict(kept)}")
    else:
        kept = quick and all(row["exact"] for row in rows)
        print(f"  limit: all exact, each in {SECONDS} s: {verdict(kept)}")
    return kept
