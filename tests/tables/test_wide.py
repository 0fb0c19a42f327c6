"""Tables with more columns than curves can be fitted to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeCV

from edgewise.estimators import Edit, KANClassifier, KANRegressor
from edgewise.export import to_onnx


def wide(rows: int = 150, columns: int = 200, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, columns)), generator


def test_few_columns_that_matter_have_curves() -> None:
    x, generator = wide(400)
    truth = np.sin(2 * x[:, 3]) + x[:, 7]
    model = KANRegressor().fit(x[:300], (truth + 0.3 * generator.normal(size=400))[:300])
    assert np.mean((model.predict(x[300:]) - truth[300:]) ** 2) < 0.2 * truth.var()
    assert {"x4", "x8"} == {*model.importance(x).index[:2]}
    assert {"constant", "line of all columns", "selected"} < {*model.candidates_.index}


def test_effects_of_many_columns_are_a_line() -> None:
    x, generator = wide(150, 300)
    factors = generator.normal(size=(3, 300))
    x = generator.normal(size=(150, 3)) @ factors + 0.3 * x
    y = x @ factors[0] / 300 + 0.1 * generator.normal(size=150)
    ridge = RidgeCV(np.logspace(-2, 6, 30)).fit(x[:100], y[:100]).score(x[100:], y[100:])
    assert KANRegressor().fit(x[:100], y[:100]).score(x[100:], y[100:]) > ridge - 0.02


def test_noise_explains_nothing() -> None:
    x, generator = wide(100)
    model = KANRegressor().fit(x, generator.normal(size=100))
    assert np.std(model.predict(wide(100, seed=1)[0])) < 0.5


@pytest.mark.parametrize("steps", [True, False])
def test_a_wide_fit_is_read_and_exported_like_any_other(steps: bool) -> None:
    x, generator = wide()
    table = pd.DataFrame(x, columns=[f"c{k}" for k in range(200)])
    table.loc[::7, "c3"] = np.nan
    table["kind"] = np.where(generator.random(150) < 0.5, "a", "b")
    y = np.exp(0.3 * x[:, 5]) + (table["kind"] == "a") + 0.1 * generator.normal(size=150)
    model = KANRegressor(steps=steps).fit(table, y)
    parts = model.explain(table)
    scale = model.fits_[0].target
    eta = scale.center + scale.scale * model.fits_[0].model.eta(model.encoder_.encode(table))[:, 0]
    assert np.abs(parts.sum(axis=1) - eta).max() < 1e-9
    assert len(model.network_names_) == model.network_.n_in == model.network_inputs(table).shape[1]
    assert len(model.plot_curves(table, features=["c5", "kind", "c3"]).axes_) == 3
    assert to_onnx(model).graph.output[0].name == "y"
    assert model.predict_interval(table).shape == (150, 2)


def test_classes_and_monotone_columns() -> None:
    x, generator = wide(200)
    y = np.digitize(x[:, 2] + 0.5 * x[:, 4] + 0.3 * generator.normal(size=200), [-0.5, 0.5])
    assert KANClassifier().fit(x[:150], y[:150]).score(x[150:], y[150:]) > 0.6
    model = KANRegressor(monotonic_cst={"x3": 1}).fit(x, x[:, 2] + 0.3 * generator.normal(size=200))
    along = np.tile(x[:1], (50, 1))
    along[:, 2] = np.linspace(-3, 3, 50)
    assert (np.diff(model.predict(along)) >= -1e-9).all()


def test_a_line_of_a_column_with_a_curve_is_part_of_it() -> None:
    x, generator = wide(200)
    y = x @ generator.normal(size=200) / 10 + np.sin(2 * x[:, 3]) + 0.1 * generator.normal(size=200)
    model = KANRegressor(steps=False).fit(x, y)
    columns = [part.column for part in model.fits_[0].design.inputs]
    assert len(columns) == len({*columns}) == 200
    flat = model.edited(Edit(part="x4", change="flat", low=0.0, high=1.0))
    between = np.zeros((5, 200))
    between[:, 3] = np.linspace(0.1, 0.9, 5)
    assert np.ptp(flat.predict(between)) < 1e-9 < np.ptp(model.predict(between))


@pytest.mark.parametrize("seed", [7, 10])
def test_another_scale_of_the_target_must_be_better_by_a_standard_error(seed: int) -> None:
    x, generator = wide(160, 170, seed)
    effect = x[:, 0] + 0.7 * x[:, 1]
    product = np.exp(effect + 0.1 * generator.normal(size=160))
    total = 5 + np.maximum(effect, -3) + np.exp(0.8 * generator.normal(size=160))  # logarithms err less, by chance
    assert [KANRegressor(steps=False).fit(x, y).fits_[0].target.name for y in (product, total)] == ["log", "identity"]
