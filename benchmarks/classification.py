"""Classifiers trained by Gauss-Newton beside a perceptron of as many parameters trained by Adam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from record import append, clock, pin
from report import table, verdict
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor
from torch.nn.functional import cross_entropy

import edgewise as ew

_EPOCHS, _BATCH, _PATIENCE, _RATES = 400, 64, 20, (1e-3, 3e-3, 1e-2)


@dataclass(frozen=True)
class Task:
    """Rows x (n, d) with classes y, of a seed, and the network that is trained on them."""

    name: str
    sample: Callable[[int], tuple[np.ndarray, np.ndarray]]
    widths: list[int]
    grid: int
    degree: int


def moons(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two half circles that reach into each other, 1000 rows with noise of 0.2."""
    rng = np.random.default_rng(seed)
    y, turn = rng.integers(0, 2, 1000), rng.uniform(0, np.pi, 1000)
    upper, lower = np.c_[np.cos(turn), np.sin(turn)], np.c_[1 - np.cos(turn), 0.5 - np.sin(turn)]
    return np.where(y[:, None] == 0, upper, lower) + 0.2 * rng.standard_normal((1000, 2)), y


TASKS = [
    Task("two moons", moons, [2, 3, 1], grid=5, degree=3),
    Task("breast cancer", lambda _: load_breast_cancer(return_X_y=True), [30, 1], grid=3, degree=3),
    Task("digits", lambda _: load_digits(return_X_y=True), [64, 10], grid=2, degree=1),
]


@dataclass(frozen=True)
class Rows:
    """Inputs brought to mean zero and spread one by the training rows; three in ten rows are kept to measure on."""

    x: Tensor
    y: Tensor
    fresh_x: Tensor
    fresh_y: Tensor

    @classmethod
    def of(cls, task: Task, seed: int) -> Rows:
        x, y = task.sample(seed)
        order = np.random.default_rng(seed).permutation(len(x))
        cut = round(0.7 * len(x))
        x, classes = torch.from_numpy(x[order]), torch.from_numpy(y[order]).long()
        x = (x - x[:cut].mean(0)) / x[:cut].std(0).clamp_min(1e-9)
        return cls(x[:cut], classes[:cut], x[cut:], classes[cut:])

    def accuracy(self, model: torch.nn.Module, dtype: torch.dtype) -> float:
        with torch.no_grad():
            outputs = model(self.fresh_x.to(dtype))
        choice = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
        return float((choice == self.fresh_y).double().mean())


def measure(seeds: int, out: Path) -> bool:
    """Train both on every task and seed, store a row for each, print medians; whether no figure is behind."""
    summary, passed = [], True
    for task in TASKS:
        rows = [row for seed in range(seeds) for row in _one(task, seed)]
        append(out / "classification.csv", rows)
        kan, mlp = ([row for row in rows if row["model"] == model] for model in ("KAN", "MLP"))
        figures = [median(float(row[key]) for row in part) for part in (kan, mlp) for key in ("accuracy", "seconds")]
        kept = figures[0] >= figures[2] and figures[1] <= figures[3]
        passed = passed and kept
        summary.append(
            [task.name, str(task.widths), kan[0]["parameters"], mlp[0]["parameters"], *figures, verdict(kept)]
        )
    head = ["task", "network", "parameters", "MLP's", "accuracy", "s", "MLP's accuracy", "s", ""]
    table(f"Classification, {seeds} seeds, medians", head, summary)
    return passed


def _one(task: Task, seed: int) -> list[dict[str, object]]:
    rows = Rows.of(task, seed)
    model = ew.KAN(task.widths, grid=task.grid, degree=task.degree, seed=seed)
    with clock() as spent:
        result = ew.fit(model, rows.x, rows.y, loss="cross_entropy", grids=None)
    size = result.history[-1].parameters
    found = [_row(task, seed, "KAN", size, rows.accuracy(result.model, torch.float64), spent.wall, spent.process)]
    # The best of the usual rates on its own held-out rows, and only the time of that one run.
    best = min((_perceptron(rows, size, seed, rate) for rate in _RATES), key=lambda trained: trained.held_out)
    count = sum(parameter.numel() for parameter in best.model.parameters())
    share = rows.accuracy(best.model, torch.float32)
    return [*found, _row(task, seed, "MLP", count, share, best.seconds, best.process)]


def _row(
    task: Task, seed: int, model: str, size: int, accuracy: float, seconds: float, process: float
) -> dict[str, object]:  # fmt: skip
    return {
        "task": task.name,
        "model": model,
        "parameters": size,
        "seed": seed,
        "accuracy": accuracy,
        "seconds": seconds,
        "process_seconds": process,
    }


@dataclass(frozen=True)
class Trained:
    model: torch.nn.Module
    held_out: float
    seconds: float
    process: float


def _perceptron(rows: Rows, size: int, seed: int, rate: float) -> Trained:
    """One hidden layer of SiLU with about as many parameters; Adam, ended by a tenth of the rows held out."""
    n_in, n_out = rows.x.shape[1], int(rows.y.max()) + 1
    hidden = max(1, round((size - n_out) / (n_in + 1 + n_out)))
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(n_in, hidden), torch.nn.SiLU(), torch.nn.Linear(hidden, n_out)
    )  # fmt: skip
    x, y, cut = rows.x.float(), rows.y, round(0.9 * len(rows.x))
    best, state, since = float("inf"), model.state_dict(), 0
    with clock() as spent:
        solver = torch.optim.Adam(model.parameters(), lr=rate)
        for _ in range(_EPOCHS):
            for index in torch.randperm(cut).split(_BATCH):
                solver.zero_grad()
                cross_entropy(model(x[index]), y[index]).backward()
                solver.step()
            with torch.no_grad():
                held = float(cross_entropy(model(x[cut:]), y[cut:]))
            since = 0 if held < best else since + 1
            if since == 0:
                best, state = held, {name: value.clone() for name, value in model.state_dict().items()}
            if since == _PATIENCE:
                break
        model.load_state_dict(state)
    return Trained(model, best, spent.wall, spent.process)


if __name__ == "__main__":
    pin()
    measure(5, Path(__file__).parent / "results")
