"""What a fit reports of its error: rows that trained or chose nothing, and the network that is returned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import edgewise as ew
from edgewise.optim import Adam


def points(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1


def noise(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(100 + seed), dtype=torch.float64)


def rms(model: ew.KAN, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((model(x) - y.unsqueeze(1)).square().mean().sqrt())


def ratios(seed: int) -> tuple[float, float]:
    """Errors on rows that chose the epoch, and on rows that chose nothing, over that on fresh rows."""
    x, y = points(60, 2, seed), noise(60, seed)
    solver = Adam(epochs=40, batch=48, rate=0.1)
    result = ew.fit(ew.KAN([2, 2, 1], seed=seed), x, y, solver=solver, options=ew.Options(seed=seed))
    new = rms(result.model, points(2000, 2, 1000 + seed), noise(2000, 1000 + seed))
    return result.validation_error / new, result.test_error / new


def test_the_test_error_is_not_below_that_of_fresh_rows() -> None:
    """The error on the rows that chose is: it is the least of many."""
    chosen, reported = (np.array(column) for column in zip(*(ratios(seed) for seed in range(12)), strict=True))
    assert np.median(chosen) < 0.9
    assert 0.85 < np.median(reported) < 1.25
    assert 3 <= (reported < 1).sum() <= 9


@pytest.mark.parametrize(
    ("solver", "loss"), [("lm", "squared"), ("lm", "huber"), ("lm", "cross_entropy"), (Adam(epochs=40), "squared")]
)
def test_rows_that_only_report_change_nothing_but_the_report(solver: Any, loss: str) -> None:
    """What a test row's target is moves no choice: seen in the history before the last run on all rows."""
    x = points(120, 1)
    y = (x[:, 0] > 0).double() if loss == "cross_entropy" else torch.sin(3 * x[:, 0]) + 0.1 * noise(120)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    spoilt = y.clone()
    spoilt[order[24:36]] = 1 - y[order[24:36]]
    first, second = (ew.fit(ew.KAN([1, 1]), x, target, loss=loss, solver=solver, grids=[5]) for target in (y, spoilt))
    assert second.test_error > 2 * first.test_error
    scale = 1e-9 if loss == "cross_entropy" else 0.05  # the targets' unit follows all rows
    assert first.validation_error == pytest.approx(second.validation_error, rel=scale)


@pytest.mark.parametrize(
    ("rows", "held", "reported"), [(19, 0, 0), (49, 10, 0), (50, 10, 10), (150, 30, 15), (500, 50, 50)]
)
def test_how_many_rows_are_held_out(rows: int, held: int, reported: int) -> None:
    options = ew.Options()
    assert options.validation_rows(rows) == held
    assert options.test_rows(rows, held) == reported
    result = ew.fit(ew.KAN([1, 1]), points(rows, 1), points(rows, 1)[:, 0].exp(), grids=[3])
    assert math.isnan(result.test_error) == (reported == 0)


def test_no_row_only_reports_where_all_are_trained_on() -> None:
    x = points(100, 1)
    for options in (ew.Options(validation=0), ew.Options(test=0), ew.Options(validation=0.9)):
        assert math.isnan(ew.fit(ew.KAN([1, 1]), x, x[:, 0].exp(), grids=[3], options=options).test_error)
    result = ew.fit(ew.KAN([1, 1]), x, x[:, 0].exp(), grids=[3], options=ew.Options(validation=0, test=0.2))
    assert math.isnan(result.validation_error)
    assert result.test_error > 0
    assert math.isnan(result.history[-1].validation)
    assert len(result.history) == 2  # and a last run on all rows


def test_the_same_network_as_if_no_row_only_reported_where_no_choice_depends_on_it() -> None:
    x = points(300, 2)
    y = torch.sin(3 * x[:, 0]) + x[:, 1] ** 2
    with_rows, without = (ew.fit(ew.KAN([2, 1]), x, y, options=ew.Options(test=test)) for test in ("auto", 0))
    assert with_rows.train_error == pytest.approx(without.train_error, rel=0.1)
    assert with_rows.history[-1].grid == without.history[-1].grid


def test_accuracy_on_rows_that_chose_nothing() -> None:
    x = points(200, 2)
    result = ew.fit(ew.KAN([2, 1]), x, (x[:, 0] > 0).long(), loss="cross_entropy", grids=[3])
    assert 0.8 < result.test_accuracy <= 1
    assert f"test {result.test_accuracy:.3g}" in repr(result) and "nan" not in repr(result)


def test_a_stream_holds_rows_out_to_report() -> None:
    x = points(400, 2)
    y = x[:, :1].exp() + 0.1 * noise(400).unsqueeze(1)
    result = ew.fit(ew.KAN([2, 1]), DataLoader(TensorDataset(x, y), batch_size=50), grids=[3])
    assert result.test_error == pytest.approx(0.1, rel=0.35)


def test_errors_are_those_of_the_network_that_is_returned() -> None:
    """A float32 network is as good as its coefficients, not as the float64 ones it was trained with."""
    x = points(200, 2)
    y = x[:, 0] ** 2 + x[:, 1]
    for target in (y, y + 1e4):
        result = ew.fit(ew.KAN([2, 1], dtype=torch.float32), x, target, grids=[3])
        assert result.train_error == pytest.approx(rms(result.model, x, target), rel=1e-6)
