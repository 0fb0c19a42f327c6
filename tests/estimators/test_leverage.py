"""Rows far out: what they move, and what is said beyond the rows."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.estimators import KANRegressor


@pytest.mark.parametrize("seed", range(6))
def test_one_row_far_out_moves_the_middle_by_less_than_the_band_says(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(100, 2))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + 0.3 * generator.normal(size=100)
    far, target = [float(generator.choice([8, 15, 30])), 0.0], float(generator.choice([-5, 0, 5, 20]))
    without, model = KANRegressor().fit(x, y), KANRegressor().fit(np.vstack([x, far]), np.append(y, target))
    middle = np.clip(generator.normal(size=(200, 2)), -1.28, 1.28)  # 80 % of the rows
    low, high = np.transpose(model.predict_interval(middle))
    assert (np.abs(model.predict(middle) - without.predict(middle)) < (high - low) / 2).all()


@pytest.mark.parametrize("seed", range(4))
def test_far_beyond_the_rows_predictions_stay_near_them(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(60, 2))
    y = np.exp(x[:, 0] + 0.3 * generator.normal(size=60))
    far = KANRegressor().fit(x, y).predict(np.array([[20.0, 0.0], [-20.0, 0.0], [0.0, 1e6]]))
    assert far.max() < np.e * y.max() and far.min() > -0.5 * y.max()
