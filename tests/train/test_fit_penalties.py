"""Penalties of training: what sparsity and smoothing do, and where they must not."""

from __future__ import annotations

from typing import Any

import torch
from fits import noise, once, points, rms, wave
from torch import Tensor

import edgewise as ew
from edgewise.optim import LeastSquaresSolver, Needs


def test_sparsity_silences_an_input_that_does_not_matter() -> None:
    x = points(300, 3)
    y = torch.sin(2 * x[:, 0]) * x[:, 1] + 0.02 * noise(300)
    plain, sparse = (
        ew.interpret.input_scores(ew.fit(ew.KAN([3, (0, 1)]), x, y, grids=[3], sparsity=s).model, x)
        for s in (0.0, 1e-2)
    )
    assert sparse[2] < 0.05 * sparse[:2].min()
    assert sparse[2] < 0.3 * plain[2]
    assert sparse[:2].min() > 0.1


def test_rows_without_noise_are_not_smoothed_when_parameters_outnumber_them() -> None:
    x, fresh = points(1000, 2), points(1000, 2, seed=9)
    model, errors = ew.KAN([2, 5, 1], seed=0), []
    for grid in (3, 5, 10, 20, 50, 100):
        model = ew.fit(model, x, wave(x), grids=[grid], options=ew.Options(validation=0.0)).model
        errors.append(rms(model, fresh, wave(fresh)))
    assert errors[-2] < 1e-5 and errors[-1] < 3 * errors[-2]


class Spoiler(LeastSquaresSolver):
    """Goes far away from wherever it starts."""

    needs = Needs.MATRIX

    def minimize(self, problem: Any, start: Tensor, callback: Any = None) -> tuple[Tensor, float]:
        far = start + torch.linspace(-9, 9, len(start), dtype=torch.float64)
        return far, problem.cost(far)


def test_sparse_training_keeps_a_trained_network_where_a_run_ends_far_worse() -> None:
    x = points(200, 2)
    y = torch.sin(2 * x[:, 0]) * x[:, 1]
    trained = ew.fit(ew.KAN([2, (0, 1)], seed=0), x, y, grids=[5], sparsity=1e-3, options=once()).model
    again = ew.fit(trained, x, y, grids=[5], sparsity=2e-3, solver=Spoiler(), options=once()).model
    assert rms(again, x, y) < 1.01 * rms(trained, x, y)
