"""Fits of classes and with outliers, and fits that go on from a trained network."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.optim import CG
from edgewise.train import Cauchy, Huber, Outcome


def points(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1


def once(**arguments: Any) -> ew.Options:
    return ew.Options(restarts=1, **arguments)


# outliers


@pytest.mark.parametrize("loss", ["huber", "cauchy", Huber(0.05), Cauchy(0.1)], ids=str)
def test_a_robust_loss_resists_outliers(loss) -> None:
    x, test = points(400, 1), points(500, 1, seed=9)
    y = torch.sin(3 * x[:, 0]) + 0.01 * points(400, 1, seed=3)[:, 0]
    y[::10] += 5.0
    model = ew.fit(ew.KAN([1, 1]), x, y, loss=loss, grids=[5]).model
    plain = ew.fit(ew.KAN([1, 1]), x, y, grids=[5]).model
    clean = torch.sin(3 * test)
    with torch.no_grad():
        assert float((model(test) - clean).square().mean().sqrt()) < 0.03
        assert float((plain(test) - clean).square().mean().sqrt()) > 0.2


def test_a_robust_loss_without_outliers_costs_little_accuracy() -> None:
    x = points(300, 1)
    result = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]), loss="huber")
    assert result.validation_error < 1e-6
    assert result.loss == "huber"
    assert math.isnan(result.train_accuracy)


def test_the_width_of_a_robust_loss_is_in_the_targets_unit() -> None:
    x, y = points(200, 1), points(200, 1, seed=1)[:, 0]
    small, large = (
        ew.fit(ew.KAN([1, 1]), x, unit * y, loss=Huber(0.1 * unit), grids=[3], options=once()).model
        for unit in (1.0, 2.0**20)
    )
    assert torch.equal(large(x), 2.0**20 * small(x))


# classes


def quadrants(n: int, seed: int = 0, wrong: float = 0.05) -> tuple[Tensor, Tensor]:
    x = points(n, 2, seed)
    flip = (points(n, 1, seed + 50)[:, 0] + 1) / 2 < wrong
    return x, ((x[:, 0] * x[:, 1] > 0) ^ flip).long()


@pytest.mark.parametrize("n_out", [1, 2])
@pytest.mark.parametrize("solver", ["lm", "cg"])
def test_two_classes(n_out: int, solver: str) -> None:
    x, y = quadrants(400)
    result = ew.fit(ew.KAN([2, 2, n_out]), x, y, loss="cross_entropy", grids=[3], solver=solver)
    test, truth = quadrants(1000, seed=9, wrong=0.0)
    with torch.no_grad():
        outputs = result.model(test)
    choice = outputs.argmax(1) if n_out == 2 else (outputs[:, 0] > 0).long()
    assert float((choice == truth).double().mean()) > 0.9
    assert result.loss == "cross_entropy"
    assert 0.85 < result.train_accuracy <= 1
    assert 0.8 < result.validation_accuracy <= 1
    assert result.validation_error < 0.5
    assert f"{result.validation_accuracy:.3g}" in repr(result)


def test_cross_entropy_is_reported_as_it_is() -> None:
    x, y = quadrants(200)
    result = ew.fit(ew.KAN([2, 2, 2]), x, y, loss="cross_entropy", grids=[3])
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(result.model(x), y)
    assert result.train_error == pytest.approx(float(expected))
    assert result.history[-1].train == pytest.approx(float(expected))


def test_classes_that_can_be_separated_do_not_run_to_infinity() -> None:
    x = points(200, 2)
    result = ew.fit(ew.KAN([2, 1]), x, (x[:, 0] + x[:, 1] > 0).long(), loss="cross_entropy")
    assert result.train_accuracy > 0.97
    with torch.no_grad():
        assert float(result.model(x).abs().max()) < 1e4
        assert bool(torch.isfinite(result.model(3 * x)).all())


def test_several_classes_are_told_apart() -> None:
    x = points(300, 1)
    y = ((x[:, 0] + 1) * 2).long()
    result = ew.fit(ew.KAN([1, 4]), x, y, loss="cross_entropy")
    assert result.train_accuracy > 0.95


def test_noise_has_no_classes() -> None:
    x, y = points(200, 2), (points(200, 1, seed=4)[:, 0] > 0).long()
    result = ew.fit(ew.KAN([2, 2, 1]), x, y, loss="cross_entropy", grids=[5])
    assert result.outcome is Outcome.POOR
    assert result.validation_error < 0.8


@pytest.mark.parametrize("solver", ["lm", "cg"])
def test_few_steps_are_enough_where_inputs_depend_on_each_other(solver: str) -> None:
    def rows(seed: int) -> tuple[Tensor, Tensor]:
        z = points(1000, 6, seed)
        turn = torch.linalg.qr(points(6, 6, 7))[0]
        return (z * torch.logspace(0, -1.5, 6, dtype=torch.float64)) @ turn, (z[:, 3] + z[:, 0] ** 2 > 0.3).long()

    model = ew.fit(ew.KAN([6, 1]), *rows(0), loss="cross_entropy", grids=None, solver=solver).model
    x, y = rows(1)
    with torch.no_grad():
        assert float(((model(x)[:, 0] > 0) == y.bool()).double().mean()) > 0.9


def test_weights_count_for_classes() -> None:
    x = points(200, 1)
    y, weights = (x[:, 0] > 0).long(), torch.ones(200, dtype=torch.float64)
    y[::5] = 1 - y[::5]
    weights[::5] = 0.0
    assert ew.fit(ew.KAN([1, 1]), x, y, weights=weights, loss="cross_entropy").train_accuracy > 0.97


@pytest.mark.parametrize(
    ("widths", "y", "words"),
    [
        ([2, 1], [0, 1, 2] * 20, r"class numbers 0 to 1 for a KAN of 1 output\. Got 2 in row 2"),
        ([2, 3], [0, 1, 3] * 20, r"class numbers 0 to 2 for a KAN of 3 outputs\. Got 3 in row 2"),
        ([2, 3], [0, 1, -1] * 20, "Got -1 in row 2"),
        ([2, 3], [0, 0.5, 1] * 20, r"Got 0\.5 in row 1"),
        ([2, 2], [[0, 1]] * 60, "one class number for each row"),
    ],
)
def test_what_is_no_class_is_refused(widths: list[int], y: list[Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        ew.fit(ew.KAN(widths), points(60, 2), y, loss="cross_entropy")


def test_sparsity_is_for_numbers() -> None:
    with pytest.raises(ew.InputError, match="sparsity"):
        ew.fit(ew.KAN([2, 2]), *quadrants(60), loss="cross_entropy", sparsity=1e-3)


# going on


def test_a_trained_network_is_trained_further() -> None:
    x = points(500, 2)
    y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    first = ew.fit(ew.KAN([2, 1, 1]), x, y, grids=[5, 10])
    second = ew.fit(first.model, x, y, grids=None)
    assert second.train_error <= first.train_error * (1 + 1e-6)
    assert second.history[0].grid == 10
    assert any("trained already" in note for note in second.notes)
    third = ew.fit(first.model, x, y)
    assert third.history[0].grid == 10
    assert third.train_error < 0.2 * first.train_error
    assert not any("trained already" in note for note in first.notes)


# without a matrix


def test_conjugate_gradients_fit_like_cholesky() -> None:
    x = points(300, 2)
    y = torch.sin(2 * x[:, 0]) + x[:, 1] ** 2
    result = ew.fit(ew.KAN([2, 1]), x, y, grids=[5], solver=CG(accuracy=1e-6))
    exact = ew.fit(ew.KAN([2, 1]), x, y, grids=[5])
    assert result.train_error == pytest.approx(exact.train_error, rel=0.05)
