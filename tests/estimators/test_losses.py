"""Losses beyond the mean and the log loss, straight lines and groups: known coefficients, made tables, misuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score, log_loss, mean_pinball_loss
from sklearn.model_selection import cross_val_score

import edgewise as ew
from edgewise import InputError
from edgewise.estimators import Edit, KANClassifier, KANRegressor
from edgewise.tables.additive import NegativeBinomial, Ordered, Tweedie

SEEDS = st.integers(0, 2**32 - 1)


def penguins() -> tuple[Any, Any]:
    """Complete rows of the penguins, and their mass in grams."""
    table = pd.read_csv(ew.datasets.path("penguins")).dropna()
    x = table[["bill_length_mm", "bill_depth_mm", "year"]].assign(year=lambda t: t["year"] - 2008)
    return x, table["body_mass_g"]


def counts(rows: int = 800, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 2))
    return x, np.exp(1 + x[:, 0] + np.sin(3 * x[:, 1])), rng


#: coefficients and standard errors of the penguins' columns
#: Source: statsmodels 0.15.0, OLS, NegativeBinomial, GLM (Tweedie of power 1.3; Poisson, scale="X2"), OrderedModel
KNOWN = {
    "squared": ([74.852669, -145.716397, -11.796497], [6.085756, 16.911085, 39.900895]),
    "negative_binomial": ([0.05468048, -0.08471283, -0.01667337], None),
    "tweedie": ([0.05414291, -0.09227548, -0.01326579], [0.00425107, 0.01133736, 0.02735051]),
    "poisson": ([0.05404082, -0.10027176, -0.00950818], [0.00422185, 0.01103012, 0.02664144]),
    "ordered": ([0.21547776, -0.36550533, -0.04167129], [0.02267408, 0.05639764, 0.12933401]),
}


@pytest.mark.parametrize("loss", KNOWN)
def test_linear_models_have_the_coefficients_of_statsmodels(loss: Any) -> None:
    x, mass = penguins()
    y = mass if loss == "squared" else (mass - 2700) // 100
    model: Any = KANRegressor(loss, power=1.3, linear="all") if loss != "ordered" else None
    if loss == "ordered":
        model, y = KANClassifier(ordered=True, linear="all"), np.digitize(mass, [3500, 4000, 4750], right=True)
    table: Any = model.fit(x, y).coefficients_
    coefficients, errors = KNOWN[loss]
    np.testing.assert_allclose(table["coef"], coefficients, rtol=2e-4)
    if errors is not None:
        np.testing.assert_allclose(table["se(coef)"], errors, rtol=1e-3)
    assert ("exp(coef)" in table) == (loss != "squared")
    if loss == "negative_binomial":
        np.testing.assert_allclose(model.dispersion_, 0.1009296, rtol=1e-4)
    if loss == "ordered":
        # thresholds are those of the decision function, whose columns are less their means
        shift = float(x.mean() @ table["coef"])
        np.testing.assert_allclose(model.thresholds_ + shift, [1.375545, 3.079788, 4.772929], atol=1e-3)
        np.testing.assert_allclose(model.decision_function(x), x @ table["coef"] - shift, atol=1e-6)


def test_random_intercepts_have_the_variances_of_lme4() -> None:
    """Reaction ~ Days + (1 | Subject): lme4 1.1, REML, as its documentation prints; Bates and others (2015)."""
    table = pd.read_csv(ew.datasets.path("sleepstudy"))
    x, y = table[["Days", "Subject"]], table["Reaction"]
    model = KANRegressor(linear="all", groups="Subject").fit(x, y)
    found = model.variance_components_
    np.testing.assert_allclose(found["variance"], [1378.18, 960.46], rtol=1e-4)
    np.testing.assert_allclose(found["deviation"], [37.124, 30.991], rtol=1e-4)
    assert found.index.tolist() == ["Subject", "residual"]
    assert model.coefficients_.index.tolist() == ["Days"]
    np.testing.assert_allclose(model.coefficients_.loc["Days", ["coef", "se(coef)"]], [10.46729, 0.80422], rtol=1e-4)
    new = model.predict(pd.DataFrame({"Days": [0, 1], "Subject": [999, 999]}))  # a subject that was not there
    np.testing.assert_allclose(new, [251.4051, 251.4051 + 10.46729], rtol=1e-5)
    np.testing.assert_allclose(model.predict(x.head(1)), [292.1888], rtol=1e-5)
    curved: Any = KANRegressor(groups=[1]).fit(x.to_numpy(), y)
    components: Any = curved.variance_components_
    assert abs(components["deviation"]["x2"] - 37.1) < 0.5
    assert components.index.tolist() == ["x2", "residual"]


def test_random_intercepts_of_classes_and_counts_are_found() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 60, 3000)
    effects = rng.normal(0, 0.8, 60)
    eta = effects[group] + np.sin(3 * (x := rng.uniform(-1, 1, 3000)))
    table = pd.DataFrame({"x": x, "site": group})
    for model, y in (
        (KANClassifier(groups="site", steps=False), rng.random(3000) < expit(eta)),
        (KANRegressor("poisson", groups="site", steps=False), rng.poisson(np.exp(1 + eta))),
    ):
        found: Any = model.fit(table, y)
        assert abs(found.variance_components_["deviation"]["site"] - effects.std()) < 0.08
        assert found.variance_components_.index.tolist() == ["site"]
        assert found.edges_.loc["site", "kind"] == "group"


@pytest.mark.parametrize("loss", ["tweedie", "negative_binomial"])
def test_means_and_intervals_of_counts_and_amounts(loss: Any) -> None:
    x, mean, rng = counts(1500)
    if loss == "tweedie":
        y = np.array([rng.gamma(1.0, 1.0, n).sum() for n in rng.poisson(mean)])
    else:
        y = rng.negative_binomial(2, 2 / (2 + mean))
    model = KANRegressor(loss).fit(x, y)
    assert np.corrcoef(np.log(model.predict(x)), np.log(mean))[0, 1] > 0.98
    low, high = model.predict_interval(x).T
    assert low.min() >= 0
    assert 0.87 < ((low <= y) & (y <= high)).mean() < 0.94
    _, deviation = model.predict(x, return_std=True)
    assert np.corrcoef(deviation, mean)[0, 1] > 0.9
    parts = model.explain(x)
    np.testing.assert_allclose(np.exp(parts.sum(axis=1)), model.predict(x))
    if loss == "negative_binomial":
        assert abs(model.dispersion_ - 0.5) < 0.1


@fuzz(20)
@given(seed=SEEDS)
def test_working_responses_follow_the_losses(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eta, direction, h = rng.normal(0, 1, 40), rng.normal(size=40), 1e-5
    families = [
        (Tweedie(float(rng.uniform(1.05, 1.95))), rng.poisson(2.0, 40) * rng.uniform(0, 2, 40), 2.0),
        (NegativeBinomial(), rng.negative_binomial(1, 0.3, 40).astype(float), 1.0),
        (Ordered(4), np.append(np.arange(4.0), rng.integers(0, 4, 36)), 1.0),
    ]
    for family, y, factor in families:
        response, working = family.working(eta[:, None], y, 0)
        up, down = (family.loss((eta + t * direction)[:, None], y).sum() for t in (h, -h))
        slope = -factor * (working * (response - eta)) @ direction
        np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-3, atol=1e-3)
    assert abs(families[2][0].working(eta[:, None], families[2][1], 0)[1].min()) > 0


def test_tweedie_lies_between_poisson_and_gamma() -> None:
    x, mean, rng = counts()
    y = mean * rng.gamma(2.0, 0.5, len(mean))
    near = [KANRegressor("tweedie", power=power, linear="all").fit(x, y) for power in (1.0001, 1.9999)]
    ends = [KANRegressor(loss, linear="all").fit(x, y) for loss in ("poisson", "gamma")]
    for between, end in zip(near, ends, strict=True):
        np.testing.assert_allclose(between.predict(x), end.predict(x), rtol=1e-3)


def test_exposure_is_a_weight_of_rates() -> None:
    x, mean, rng = counts(1500)
    hours = rng.uniform(1, 5, len(mean))
    y = rng.poisson(mean * hours)
    plain = KANRegressor("poisson", linear="all").fit(x, y / hours, sample_weight=hours)
    for loss in ("tweedie", "negative_binomial"):
        other = KANRegressor(loss, power=1.0001, linear="all").fit(x, y / hours, sample_weight=hours)
        np.testing.assert_allclose(other.predict(x), plain.predict(x), rtol=0.1)


def ordered(rows: int, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 2))
    s = 1.5 * x[:, 0] + 2 * x[:, 1] ** 2
    edges = np.pad(expit(np.array([-1, 0.5, 2]) - s[:, None]), ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    return x, np.digitize(s + rng.logistic(size=rows), [-1, 0.5, 2]), np.diff(edges)


def test_ordered_classes_share_a_sum_with_rising_thresholds() -> None:
    x, y, _ = ordered(800)
    new, known, truth = ordered(4000, seed=1)
    model = KANClassifier(ordered=True).fit(x, y)
    assert (np.diff(model.thresholds_) > 0).all()
    assert model.decision_function(new).shape == (4000,)
    chances = model.predict_proba(new)
    np.testing.assert_allclose(chances.sum(1), 1.0)
    below = expit(model.thresholds_ - model.decision_function(new)[:, None])
    np.testing.assert_allclose(np.cumsum(chances, axis=1)[:, :-1], below, atol=1e-12)
    loss = log_loss(known, chances)
    assert loss < log_loss(known, truth) + 0.02
    assert loss < log_loss(known, KANClassifier().fit(x, y).predict_proba(new)) + 0.003
    np.testing.assert_allclose(model.explain(new[:5]).sum(axis=1), model.decision_function(new[:5]))
    assert model.importance(x, y).index[0] in ("x1", "x2")
    assert model.plot_curves(x).unit == "adds to log-odds of a higher class"
    rising = KANClassifier(ordered=True, monotonic_cst=[1, 0]).fit(x, y)
    grid = np.column_stack([np.linspace(-1, 1, 50), np.zeros(50)])
    assert (np.diff(rising.decision_function(grid)) >= -1e-9).all()


def test_the_order_of_labels_is_that_of_the_categories() -> None:
    x, y, _ = ordered(300)
    labels = ["low", "mid", "high", "top"]
    categories = pd.Series(pd.Categorical.from_codes(y, labels, ordered=True))
    plain, named = (KANClassifier(ordered=True, steps=False).fit(x, each) for each in (y, categories))
    assert named.classes_.tolist() == labels
    np.testing.assert_array_equal(plain.predict_proba(x), named.predict_proba(x))
    assert named.score(x, categories) == plain.score(x, y)
    assert named.predict(x).tolist() == [labels[code] for code in plain.predict(x)]
    assert "loss" in named.importance(x, categories)
    assert cross_val_score(KANClassifier(ordered=True, steps=False), x, categories, cv=2).mean() > 0.3
    two = KANClassifier(ordered=True, steps=False).fit(x, y > 1)
    np.testing.assert_allclose(
        two.predict_proba(x), KANClassifier(steps=False).fit(x, y > 1).predict_proba(x), atol=0.03
    )
    with pytest.raises(AttributeError, match="ordered=True only"):
        _ = KANClassifier(steps=False).fit(x, y).thresholds_


LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]


@pytest.mark.parametrize("seed", [0, 1])
def test_quantiles_never_cross_and_are_no_worse_than_separate_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (150, 3))
    y = x[:, 0] + (0.2 + x[:, 1] ** 2) * rng.normal(size=150)
    new = rng.uniform(-1.5, 1.5, (1000, 3))
    known = new[:, 0] + (0.2 + new[:, 1] ** 2) * rng.normal(size=1000)
    model = KANRegressor("quantile", quantile=LEVELS).fit(x, y)
    found: Any = model.predict(new)
    assert found.shape == (1000, 5)
    assert (np.diff(found, axis=1) >= 0).all()
    apart: Any = np.column_stack([KANRegressor("quantile", quantile=level).fit(x, y).predict(new) for level in LEVELS])
    assert (np.diff(apart, axis=1) < 0).any()
    np.testing.assert_array_equal(found, np.sort(apart, axis=1))
    together, separate = (
        sum(mean_pinball_loss(known, each[:, k], alpha=level) for k, level in enumerate(LEVELS))
        for each in (found, apart)
    )
    assert together <= separate
    scores = [d2_pinball_score(known, found[:, k], alpha=level) for k, level in enumerate(LEVELS)]
    np.testing.assert_allclose(model.score(new, known), np.mean(scores))
    assert len(model.importance(x, y)["loss"].unstack()) == 5


def test_what_is_wrong_with_losses_is_said() -> None:
    x, y = np.arange(20.0)[:, None], np.arange(20.0)
    with pytest.raises(InputError, match=r"'power' must be a number between 1 and 2\. Got 2"):
        KANRegressor("tweedie", power=2).fit(x, y)
    for loss in ("tweedie", "negative_binomial"):
        with pytest.raises(ValueError, match="requires non-negative y"):
            KANRegressor(loss).fit(x, y - 1)  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValueError, match="requires some y > 0"):
            KANRegressor(loss).fit(x, 0 * y)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="ascending"):
        KANRegressor("quantile", quantile=[0.5, 0.1]).fit(x, y)
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        KANRegressor("quantile", quantile=[0.5, 1.0]).fit(x, y)
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        KANRegressor("quantile", quantile=[]).fit(x, y)
    with pytest.raises(InputError, match="for one target"):
        KANRegressor("quantile", quantile=[0.1, 0.5]).fit(x, np.column_stack([y, y]))
    with pytest.raises(InputError, match="bounds themselves"):
        KANRegressor("quantile", quantile=[0.1, 0.5], steps=False).fit(x, y).predict_interval(x)
    with pytest.raises(InputError, match="Unknown column in 'linear'"):
        KANRegressor(linear="z").fit(x, y)
    with pytest.raises(AttributeError, match="negative_binomial"):
        _ = KANRegressor().fit(x, y).dispersion_
    twin: Any = clone(KANRegressor("quantile", quantile=[0.1, 0.5]))
    assert twin.get_params()["quantile"] == [0.1, 0.5]


def test_pages_and_edits_are_for_one_quantile() -> None:
    x, mean, rng = counts(100)
    model = KANRegressor("quantile", quantile=[0.1, 0.9]).fit(x, rng.poisson(mean))
    for act in (lambda: model.to_html(x), lambda: model.edited(Edit(part="x1", change="rising"))):
        with pytest.raises(InputError, match="are for one quantile"):
            act()


def test_an_order_of_labels_is_that_of_y() -> None:
    x, mean, rng = counts(60)
    labels = np.array(["low", "mid", "high"])[np.minimum(rng.poisson(mean), 2)]
    wrong: Any = ["low", "mid", "high"]
    with pytest.raises(ValueError, match="must be True or False"):
        KANClassifier(ordered=wrong).fit(x, labels)
