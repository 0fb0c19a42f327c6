"""Reading a fit of a table: contributions, importance, pictures, and the curves as features."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from edgewise import InputError, plot
from edgewise.estimators import CurvesDisplay, KANClassifier, KANRegressor, KANTransformer

_RNG = np.random.default_rng(0)
_COUNT = 200
TABLE = pd.DataFrame(
    {
        "age": np.where(_RNG.random(_COUNT) < 0.1, np.nan, _RNG.uniform(18, 80, _COUNT)),
        "area": np.exp(_RNG.normal(4, 1.2, _COUNT)),
        "city": _RNG.choice(["Lyon", "Paris", "Rennes"], _COUNT),
        "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(_RNG.integers(0, 900, _COUNT), "D"),
        "same": 1.0,
    }
)
SUM = (
    np.sin(TABLE.age.fillna(0) / 10) + 0.5 * np.log(TABLE.area) + 1.5 * (TABLE.city == "Paris")
    + 0.03 * (TABLE.age.fillna(45) - 45) * (np.log(TABLE.area) - 4) + _RNG.normal(0, 0.2, _COUNT)
)  # fmt: skip
NUMBERS = _RNG.uniform(-1, 1, (60, 3))


@pytest.fixture(scope="module")
def model() -> KANRegressor:
    return KANRegressor(products=2, select="best").fit(TABLE, SUM)


@pytest.fixture(scope="module")
def sure() -> KANClassifier:
    return KANClassifier(products=0).fit(TABLE, np.digitize(SUM, [2, 3]))


def shapley_values(predict: Any, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the interventional Shapley values by their definition, over all subsets of columns."""
    columns = range(x.shape[1])

    def mean(known: tuple[int, ...], row: np.ndarray) -> float:
        mixed = rows.copy()
        mixed[:, list(known)] = row[list(known)]
        return float(predict(mixed).mean())

    values = np.zeros(x.shape)
    for n, row in enumerate(x):
        for k in columns:
            others = [c for c in columns if c != k]
            for size in range(len(others) + 1):
                share = 1 / (len(columns) * comb(len(others), size))
                for known in combinations(others, size):
                    values[n, k] += share * (mean((*known, k), row) - mean(known, row))
    return values


def with_shap(predict: Any, rows: np.ndarray, x: np.ndarray, folder: Path) -> np.ndarray:
    """Return what the shap package computes, in a process of its own: it changes numba's settings."""
    pytest.importorskip("shap")
    joblib.dump((predict, rows, x), folder / "given")
    code = (
        "import joblib, shap\npredict, rows, x = joblib.load('given')\n"
        "masker = shap.maskers.Independent(rows, max_samples=len(rows))\n"
        "joblib.dump(shap.explainers.Exact(predict, masker)(x).values, 'values')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder, env=os.environ | {"NUMBA_DISABLE_JIT": "1"})
    return joblib.load(folder / "values")


def test_contributions_add_up_and_have_mean_zero(model: KANRegressor) -> None:
    table = model.explain(TABLE)
    assert list(table)[:6] == ["baseline", "age", "area", "city", "seen", "same"] and "age * area" in table
    assert np.abs(table.sum(axis=1) - model.predict(TABLE)).max() < 1e-10
    assert np.abs(table.drop(columns="baseline").mean()).max() < 1e-10
    assert (table["same"] == 0).all() and table.baseline.nunique() == 1
    split = model.explain(TABLE, split_products=True)
    assert list(split) == ["baseline", *TABLE.columns]
    assert np.abs(split.sum(axis=1) - model.predict(TABLE)).max() < 1e-10
    assert list(model.explain(TABLE[5:9]).index) == [5, 6, 7, 8]
    plain = KANRegressor(products=0).fit(NUMBERS, NUMBERS[:, 0])
    assert plain.explain(NUMBERS[:2].tolist()).equals(plain.explain(NUMBERS[:2]))


def test_a_hidden_node_is_one_contribution() -> None:
    x = np.random.default_rng(1).uniform(-1, 1, (300, 4))
    y = np.exp(x.sum(1)) * (x.sum(1) > 0)
    fitted = KANRegressor(products=0, select="best").fit(x, y)
    assert fitted.fits_[0].model.hidden is not None
    table = fitted.explain(x)
    assert list(table)[-1] == "hidden node" and abs(table["hidden node"].mean()) < 1e-10
    assert np.abs(table.sum(axis=1) - fitted.predict(x)).max() < 1e-10


def test_contributions_of_classes_targets_logarithms_and_weights(sure: KANClassifier) -> None:
    table = sure.explain(TABLE)
    assert table.columns.get_level_values(0).unique().tolist() == [0, 1, 2]
    assert np.abs(table.T.groupby(level=0).sum().T - sure.decision_function(TABLE)).to_numpy().max() < 1e-10
    two = KANClassifier(products=0).fit(TABLE, SUM > 2)
    assert np.abs(two.explain(TABLE).sum(axis=1) - two.decision_function(TABLE)).max() < 1e-10
    both = KANRegressor(products=0).fit(TABLE, np.column_stack([SUM, -SUM]))
    assert np.abs(both.explain(TABLE)[1].sum(axis=1) - both.predict(TABLE)[:, 1]).max() < 1e-10
    amount = KANRegressor("gamma", products=0).fit(TABLE, np.exp(SUM))
    assert np.abs(np.exp(amount.explain(TABLE).sum(axis=1)) / amount.predict(TABLE) - 1).max() < 1e-10
    middle = KANRegressor("absolute", products=0).fit(TABLE, SUM)
    assert np.abs(middle.explain(TABLE).sum(axis=1) - middle.predict(TABLE)).max() < 1e-10
    assert middle.importance(TABLE, SUM).loc["age", "loss"] > 0.1
    weights = np.arange(_COUNT) % 3
    heavy = KANRegressor(products=0).fit(TABLE, SUM, weights).explain(TABLE)
    assert np.abs(weights @ heavy.drop(columns="baseline")).max() < 1e-8


def test_contributions_are_shapley_values() -> None:
    y = NUMBERS[:, 0] + NUMBERS[:, 1] ** 2
    plain = KANRegressor(products=0).fit(NUMBERS, y)
    values = shapley_values(plain.predict, NUMBERS, NUMBERS[:5])
    np.testing.assert_allclose(plain.explain(NUMBERS[:5]).iloc[:, 1:], values, atol=1e-10)


@pytest.mark.slow
def test_the_shap_package_agrees(tmp_path: Path) -> None:
    mixed = KANRegressor(products=1, select="best").fit(NUMBERS, NUMBERS[:, 0] * NUMBERS[:, 1])
    values = with_shap(mixed.predict, NUMBERS, NUMBERS[:5], tmp_path)
    np.testing.assert_allclose(mixed.explain(NUMBERS[:5], split_products=True).iloc[:, 1:], values, atol=1e-10)


def test_split_products_are_shapley_values() -> None:
    levels = np.digitize(NUMBERS[:, 2], [-0.3, 0.3]).astype(float)
    x = np.column_stack([NUMBERS[:, :2], levels])
    y = x[:, 0] * x[:, 1] + x[:, 0] * np.array([1.0, -1.0, 0.5])[levels.astype(int)]
    mixed = KANRegressor(products=2, select="best", categorical_features=[2]).fit(x, y)
    assert len(mixed.fits_[0].model.products) == 2 and mixed.fits_[0].model.hidden is None
    values = shapley_values(mixed.predict, x, x[:5])
    np.testing.assert_allclose(mixed.explain(x[:5], split_products=True).iloc[:, 1:], values, atol=1e-10)


def test_curves_are_centered_partial_dependences() -> None:
    plain = KANRegressor(products=0).fit(NUMBERS, NUMBERS[:, 0] + NUMBERS[:, 1] ** 2)
    found = partial_dependence(plain, NUMBERS, [1], kind="average", grid_resolution=20)
    grid, average = found["grid_values"][0], found["average"][0]
    rows = np.zeros((len(grid), 3))
    rows[:, 1] = grid
    curve = plain.explain(rows)["x2"].to_numpy()
    np.testing.assert_allclose(average - plain.predict(NUMBERS).mean(), curve, atol=1e-10)


def test_importance_is_sorted_with_errors_that_hold(model: KANRegressor, sure: KANClassifier) -> None:
    table = model.importance(TABLE, SUM)
    assert table["share"].is_monotonic_decreasing and table["share"].sum() == pytest.approx(1)
    assert list(table) == ["share", "share_error", "mean", "mean_error", "loss", "loss_error"]
    np.testing.assert_allclose(table["mean"], np.abs(model.explain(TABLE)[table.index]).mean())
    assert (table["loss"][:3] > 0).all() and table.loc["same"].abs().max() == 0
    assert sure.importance(TABLE, np.digitize(SUM, [2, 3])).loc["age", "loss"] > 0
    several = KANRegressor(products=0).fit(TABLE, np.column_stack([SUM, SUM])).importance(TABLE)
    assert list(several.index.names) == ["target", "part"]
    shares, errors = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(60, 2))
        y = x @ [1.0, 0.5] + rng.normal(size=60)
        row = KANRegressor(products=0, select="best").fit(x, y).importance(x).loc["x1"]
        shares.append(row["share"])
        errors.append(row["share_error"])
    assert 0.5 < np.std(shares) / np.mean(errors) < 2


def test_bands_hold_the_truth() -> None:
    inside = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-2, 2, (150, 1))
        fitted = KANRegressor().fit(x, np.sin(2 * x[:, 0]) + rng.normal(0, 0.5, 150))
        (part,) = fitted.plot_curves(x).effects
        assert isinstance(part, plot.CurveEffect)
        truth = np.sin(2 * part.x) - np.sin(2 * x[:, 0]).mean()
        inside.append(((part.low < truth) & (truth < part.high)).mean())
    assert 0.8 < np.mean(inside) <= 1.0


def test_every_kind_of_panel_is_drawn(model: KANRegressor) -> None:
    display = model.plot_curves(TABLE)
    titles = [ax.get_title(loc="left") for ax in display.axes_]
    assert titles[-1] == "age × area" and set(titles[:3]) == {"age", "area", "city"}
    assert display.ax_ is display.axes_[0] and display.ax_.get_ylabel() == "adds to target"
    display.figure_.draw_without_rendering()
    kinds = {part.title: part for part in display.effects}
    age, city = kinds["age"], kinds["city"]
    assert isinstance(age, plot.CurveEffect) and age.gap is not None and not age.log
    assert isinstance(city, plot.LevelEffect) and list(city.labels) == ["Lyon", "Paris", "Rennes"]
    assert city.counts.sum() == _COUNT and city.y[1] > city.y[0] and (city.low < city.y).all()
    table = model.explain(TABLE)
    assert city.y[1] == pytest.approx(table["city"][TABLE.city == "Paris"].iloc[0])
    assert age.gap[0] == pytest.approx(table["age"][TABLE.age.isna()].iloc[0])
    chosen = model.plot_curves(TABLE, features=["seen", 1, ("area", "age")])
    assert [part.title for part in chosen.effects] == ["seen", "area", "age × area"]
    assert isinstance(chosen.effects[0], plot.CurveEffect) and chosen.effects[0].x.dtype.kind == "M"
    chosen.figure_.draw_without_rendering()


def test_panels_are_drawn_into_given_axes(sure: KANClassifier) -> None:
    figure = Figure()
    display = CurvesDisplay.from_estimator(sure, TABLE, features=["age", "city"], target=2, ax=figure.add_subplot())
    assert display.figure_ is figure and len(display.axes_) == 2
    every = CurvesDisplay.from_estimator(sure, TABLE, features=["age", "city"])  # a row of panels for each class
    labels = [ax.get_ylabel() for ax in every.axes_]
    assert labels == [text for label in sure.classes_ for text in (f"adds to logit of {label}", "")]
    assert display.axes_[0].get_ylabel() == "adds to logit of 2"
    axes = list(Figure().subplots(1, 2))
    assert display.plot(ax=axes).axes_ == axes
    with pytest.raises(InputError, match="2 panels"):
        display.plot(ax=axes[:1])


def test_odd_tables_are_drawn() -> None:
    rng = np.random.default_rng(0)
    years = np.arange(400) % 80
    names = rng.choice([f"a long name {k}" for k in range(40)], 400)
    odd = pd.DataFrame({"year": 2000.0 + years, "name": names, "tail": rng.standard_t(1, 400)})
    y = 3 * rng.normal(size=80)[years] + rng.normal(0, 0.1, 400) + np.arcsinh(odd["tail"])
    display = KANRegressor(products=0).fit(odd, y).plot_curves(odd, features=["year", "name", "tail"])
    year, name, _ = display.effects
    assert isinstance(year, plot.CurveEffect) and year.points is not None and len(year.points) == 80
    assert isinstance(name, plot.LevelEffect) and name.more == 26
    display.figure_.draw_without_rendering()
    same = KANRegressor().fit(np.ones((20, 1)), np.arange(20.0))
    same.plot_curves(np.ones((3, 1))).figure_.draw_without_rendering()
    same.plot_network(np.ones((3, 1)))
    assert same.importance(np.ones((3, 1))).loc["x1"].tolist() == [0, 0, 0, 0]


def test_the_network_is_drawn_with_its_strongest_edges(model: KANRegressor) -> None:
    whole = model.plot_network(TABLE, most=100)
    some = model.plot_network(TABLE, most=4)
    edges = [{str(p.get_gid()) for p in ax.patches if "-line" in str(p.get_gid())} for ax in (whole, some)]
    assert len([name for name in edges[1] if name.startswith("edge-0")]) <= 4 < len(edges[0])
    assert any("not drawn" in text.get_text() for text in some.texts)
    assert "age is missing" in [text.get_text() for text in whole.texts]
    ax = Figure().add_subplot()
    assert model.plot_network(TABLE, target=0, ax=ax) is ax


def test_what_is_not_there_is_refused(model: KANRegressor) -> None:
    for options, words in (
        ({"features": ["height"]}, "height"),
        ({"features": [7]}, "from 0 to 4"),
        ({"features": [("age", "same")]}, "no product"),
        ({"target": 1}, "from 0 to 0"),
    ):
        with pytest.raises(InputError, match=words):
            model.plot_curves(TABLE, **options)
    with pytest.raises(InputError, match="'target'"):
        model.plot_network(TABLE, target=3)
    with pytest.raises(InputError, match="'most'"):
        model.plot_network(TABLE, most=0)
    with pytest.raises(ValueError, match="inconsistent"):
        model.importance(TABLE, SUM[:5])
    for read in (KANRegressor().explain, KANRegressor().importance, KANRegressor().plot_curves):
        with pytest.raises(NotFittedError):
            read(TABLE)


@parametrize_with_checks([KANTransformer(products=0)])
def test_the_transformer_passes_the_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_linear_model_on_the_features_is_the_fit(model: KANRegressor) -> None:
    transformer = KANTransformer(products=2, select="best").set_output(transform="pandas").fit(TABLE, SUM)
    features = transformer.transform(TABLE)
    assert list(features) == list(model.explain(TABLE))[1:]
    predicted = model.predict(TABLE)
    np.testing.assert_allclose(LinearRegression().fit(features, predicted).predict(features), predicted, atol=1e-10)


def test_the_transformer_tells_classes_from_numbers() -> None:
    labels = np.where(SUM > 3, "high", np.where(SUM > 2, "middle", "low"))
    transformer = KANTransformer(products=0).fit(TABLE, labels)
    assert isinstance(transformer.estimator_, KANClassifier)
    assert transformer.get_feature_names_out()[:2].tolist() == ["high: age", "high: area"]
    assert transformer.transform(TABLE).shape == (_COUNT, 15)
    assert KANTransformer("gamma", products=0).fit(TABLE, np.exp(SUM)).estimator_.loss == "gamma"
    assert isinstance(KANTransformer("squared", products=0).fit(TABLE, SUM > 2).estimator_, KANRegressor)
    with pytest.raises(InputError, match="loss"):
        KANTransformer("cubic").fit(TABLE, SUM)  # type: ignore[arg-type]
