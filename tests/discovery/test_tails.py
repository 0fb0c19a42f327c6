"""How curves of tables go on beyond the rows: as far as the rows are sure of it, and no further."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from edgewise.estimators import KANRegressor
from edgewise.tables.additive import Gaussian, Request, additive


def budgets(seed: int) -> tuple[Any, Any]:
    """Incomes and expenses that grow with a falling share, as in household budgets; the last row is far out."""
    rng = np.random.default_rng(seed)
    income = np.append(np.exp(rng.normal(6.7, 0.45, 180)), 5000.0)
    expense = 6.0 * income**0.66 * np.exp(rng.normal(0, 0.12, len(income)))
    return income[:, None], expense


@pytest.mark.parametrize("seed", range(4))
def test_a_row_far_out_is_predicted_near_the_rows(seed: int) -> None:
    x, y = budgets(seed)
    found = KANRegressor().fit(x[:-1], y[:-1]).predict(x[-1:])[0]
    assert 0.5 * y[:-1].max() < found < 1.6 * y[:-1].max()


def test_a_curve_that_bends_does_not_run_away() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 60)
    y = np.exp(3 * x) + rng.normal(0, 2.0, 60)
    model = KANRegressor(products=0).fit(x[:, None], y)
    assert model.predict([[1.75]])[0] < 1.5 * np.exp(3)


def test_a_straight_line_goes_on() -> None:
    x = np.linspace(0, 1, 80)
    y = 2 * x + np.random.default_rng(0).normal(0, 0.01, 80)
    found = KANRegressor().fit(x[:, None], y).predict([[-0.2], [1.2]])
    np.testing.assert_allclose(found, [-0.4, 2.4], atol=0.05)


def test_a_curve_is_the_same_on_the_rows_and_level_at_its_ends() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 1))
    fit = additive(x, np.sin(2 * x[:, 0]) + rng.normal(0, 0.3, 120), [False], Gaussian(), Request(products=0))
    curve = fit.design.inputs[0]
    at = np.linspace(x.min(), x.max(), 101)
    short = curve.shortened(0.1, 0.4)
    np.testing.assert_allclose(short.features(at), curve.features(at), rtol=1e-7, atol=1e-9)
    low, high = short.ends
    beyond = short.features(np.array([low - 9, low, high, high + 9]))
    np.testing.assert_allclose(beyond[[0, 3]], beyond[[1, 2]])
    assert short.ends[1] - x.max() < 0.5 * np.ptp(x) * 0.75
    changes = [
        first - second for first, second in zip(beyond[1:3], curve.features(np.array([x.min(), x.max()])), strict=True)
    ]
    np.testing.assert_allclose(changes, short.tails(), atol=1e-9)


def test_the_network_goes_on_as_the_model_does() -> None:
    x, y = budgets(0)
    model = KANRegressor().fit(x[:-1], y[:-1])
    far = np.array([[1.0], [3000.0], [5000.0], [1e6]])
    eta = model.fits_[0].model.eta(far)[:, 0]
    with torch.no_grad():
        values = model.network_(torch.from_numpy(model.network_inputs(far)))[:, 0].numpy()
    target = model.fits_[0].target
    np.testing.assert_allclose((values - target.center) / target.scale, eta, atol=1e-9)
