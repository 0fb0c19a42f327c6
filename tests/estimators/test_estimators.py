"""KANRegressor and KANClassifier: scikit-learn's conventions, real tables, constraints, intervals, misuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import edgewise as ew
from edgewise.estimators import KANClassifier, KANRegressor

#: A row of weight two is not two rows: folds are drawn from the rows, and two copies may fall into different ones.
FOLDS = {
    f"check_sample_weight_equivalence_on_{kind}_data": "folds are drawn from the rows, weights do not move them"
    for kind in ("dense", "sparse")
}


def expected(estimator: Any) -> dict[str, str]:
    return FOLDS


@parametrize_with_checks([KANRegressor(), KANClassifier()], expected_failed_checks=expected)
def test_keeps_every_convention_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def penguins(rows: int = 240) -> tuple[pd.DataFrame, np.ndarray]:
    """A made table of text, dates, truth values, gaps and numbers, and a positive target."""
    r = np.random.default_rng(0)
    species = r.choice(["Adelie", "Chinstrap", "Gentoo"], rows)
    bill = r.normal(44, 5, rows) + 3 * (species == "Gentoo")
    table = pd.DataFrame(
        {
            "species": species,
            "bill": np.where(r.random(rows) < 0.1, np.nan, bill),
            "male": r.random(rows) < 0.5,
            "day": pd.Timestamp("2007-11-11") + pd.to_timedelta(r.integers(0, 700, rows), unit="D"),
            "island": pd.Series(r.choice(["Dream", "Biscoe"], rows)).where(r.random(rows) > 0.2),
            "noise": r.normal(size=rows),
        }
    )
    mass = 3500 + 900 * (species == "Gentoo") + 300 * table["male"] + 25 * (bill - 44) + 200 * r.normal(size=rows)
    return table, mass.to_numpy()


def test_a_table_as_it_comes_is_fitted_and_read() -> None:
    x, y = penguins()
    model = KANRegressor().fit(x, y)
    assert model.score(x, y) > 0.8
    assert next(iter(model.edges_["kind"].to_dict().items())) == ("species", "level")
    assert "bill is missing" in model.edges_.index and sum(model.edges_["share"]) == pytest.approx(1)
    r2 = model.candidates_["r2"].to_dict()
    assert r2["constant"] == 0 and r2["selected"] > 0.75
    strange = x.assign(species="King", island=None, bill=np.nan)
    assert np.isfinite(model.predict(strange)).all()
    outputs = model.network_(torch.as_tensor(model.network_inputs(strange)))[:, 0].detach().numpy()
    assert model.fits_[0].target.name == "identity"
    steps = model.fits_[0].model.scaled(model.fits_[0].target.scale, 0.0).steps
    assert steps is not None
    np.testing.assert_allclose(outputs + steps.eta(model.encoder_.encode(strange))[:, 0], model.predict(strange))
    assert isinstance(model.network_, ew.KAN) and len(model.network_names_) == model.network_.n_in


@pytest.mark.parametrize("select", ["average", "best", "simplest"])
def test_diabetes_is_no_worse_than_ridge(select: Any) -> None:
    x, y = load_diabetes(return_X_y=True)
    folds = KFold(3, shuffle=True, random_state=0)
    found = cross_val_score(KANRegressor(select=select), x, y, cv=folds).mean()
    ridge = cross_val_score(RidgeCV(np.logspace(-3, 3, 13)), x, y, cv=folds).mean()
    assert found > ridge - 0.02


def test_rates_are_counts_over_exposure_with_exposure_as_weight() -> None:
    r = np.random.default_rng(0)
    x, hours = r.uniform(-1, 1, size=(600, 1)), r.uniform(1, 10, 600)
    rate = np.exp(1 + x[:, 0])
    counts = r.poisson(hours * rate)
    model = KANRegressor(loss="poisson").fit(x, counts / hours, sample_weight=hours)
    assert np.abs(np.log(model.predict(x) / rate)).max() < 0.1
    assert np.sum(hours * model.predict(x)) == pytest.approx(counts.sum(), rel=1e-3)


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_probabilities_are_at_least_those_of_logistic_regression(load: Any) -> None:
    x, y = load(return_X_y=True)
    found = log_loss(y, cross_val_predict(KANClassifier(products=2), x, y, cv=3, method="predict_proba"))
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    assert found < log_loss(y, cross_val_predict(line, x, y, cv=3, method="predict_proba")) + 0.03


def test_a_classifier_keeps_labels_and_weights_of_classes() -> None:
    x, _ = penguins()
    label = np.where(x["species"] == "Gentoo", "big", "small")
    model = KANClassifier().fit(x, label)
    assert model.classes_.tolist() == ["big", "small"] and model.score(x, label) > 0.99
    probability = model.predict_proba(x)
    np.testing.assert_allclose(probability.sum(1), 1)
    np.testing.assert_allclose(np.log(probability[:, 1] / probability[:, 0]), model.decision_function(x), atol=1e-6)
    rare = np.arange(len(x)) % 10 == 0
    plain, balanced = (KANClassifier(class_weight=w, products=0).fit(x, rare) for w in (None, "balanced"))
    assert balanced.predict_proba(x)[:, 1].mean() > plain.predict_proba(x)[:, 1].mean() + 0.2


@pytest.mark.parametrize("direction", [1, -1])
def test_monotone_constraints_are_never_violated(direction: int) -> None:
    data: Any = load_diabetes(as_frame=True)
    x, y = data.data, data.target
    model = KANRegressor(monotonic_cst={"bmi": direction, "bp": 1}).fit(x, y)
    r = np.random.default_rng(0)
    low = x.sample(10_000, replace=True, random_state=0)
    high = low.assign(bmi=low["bmi"] + r.exponential(0.05, 10_000))
    below, above = (np.asarray(model.predict(rows)) for rows in (low, high))
    assert (direction * (above - below)).min() >= -1e-9
    same = KANRegressor(monotonic_cst=[0, 0, direction, 1, *[0] * 6]).fit(x, y)
    np.testing.assert_allclose(same.predict(x), model.predict(x))
    label = (y > 140).astype(int)
    classifier = KANClassifier(monotonic_cst={"bmi": direction}).fit(x, label)
    assert (direction * (classifier.predict_proba(high) - classifier.predict_proba(low))[:, 1]).min() >= -1e-12


def test_a_monotone_truth_costs_nothing() -> None:
    r = np.random.default_rng(1)
    x = r.uniform(-2, 2, (300, 2))
    truth = np.exp(x[:, 0]) + np.sin(2 * x[:, 1])
    y = truth + r.normal(size=300)
    free, held = KANRegressor().fit(x, y), KANRegressor(monotonic_cst=[1, 0]).fit(x, y)
    assert held.score(x, truth) > free.score(x, truth) - 0.02


def test_interactions_are_as_allowed() -> None:
    r = np.random.default_rng(0)
    x = r.normal(size=(300, 4))
    y = x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * r.normal(size=300)

    def pairs(**options: Any) -> set[str]:
        model = KANRegressor(products=1, select="best", **options).fit(x, y)
        return {str(edge) for edge, kind in model.edges_["kind"].to_dict().items() if kind == "product"}

    assert pairs() == pairs(interaction_cst="pairwise") == pairs(interaction_cst=[{0, 1}, {2, 3}]) == {"x1 * x2"}
    assert pairs(interaction_cst="no_interactions") == set()
    assert "x1 * x2" not in pairs(interaction_cst=[[0, 2, 3], [1, 2, 3]])


@pytest.mark.parametrize("seed", [0, 1])
def test_intervals_cover_what_they_promise_and_follow_the_noise(seed: int) -> None:
    r = np.random.default_rng(seed)
    x = r.uniform(0, 1, (2000, 2))
    y = np.sin(6 * x[:, 0]) + (0.1 + x[:, 1]) * r.standard_t(5, 2000)
    model = KANRegressor().fit(x[:500], y[:500])
    for coverage in (0.5, 0.9):
        low, high = model.predict_interval(x[500:], coverage).T
        assert ((low <= y[500:]) & (y[500:] <= high)).mean() == pytest.approx(coverage, abs=0.05)
    mean, deviation = model.predict(x[500:], return_std=True)
    np.testing.assert_allclose(mean, model.predict(x[500:]))
    assert np.corrcoef(deviation, 0.1 + x[500:, 1])[0, 1] > 0.9


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_counts_and_amounts(loss: Any) -> None:
    r = np.random.default_rng(0)
    x = r.uniform(-1, 1, (600, 2))
    mean = np.exp(1.5 + np.sin(3 * x[:, 0]))
    y = r.poisson(mean).astype(float) if loss == "poisson" else r.gamma(4.0, mean / 4)
    model = KANRegressor(loss).fit(x[:400], y[:400])
    assert np.mean(np.abs(model.predict(x) / mean - 1)) < 0.12
    low, high = model.predict_interval(x[400:]).T
    assert (low >= 0).all() and ((low <= y[400:]) & (y[400:] <= high)).mean() == pytest.approx(0.9, abs=0.06)


def test_outliers_count_less_with_robust_losses() -> None:
    r = np.random.default_rng(0)
    x = r.uniform(-2, 2, (500, 2))
    truth = np.sin(2 * x[:, 0]) + x[:, 1]
    y = truth + 0.5 * r.standard_t(1.2, 500)
    errors = {loss: np.mean((KANRegressor(loss).fit(x, y).predict(x) - truth) ** 2) for loss in ("huber", "absolute")}
    assert max(errors.values()) < 0.03 < np.mean((KANRegressor().fit(x, y).predict(x) - truth) ** 2)


@pytest.mark.parametrize("level", [0.1, 0.8])
def test_quantiles_divide_new_rows_as_they_say(level: float) -> None:
    r = np.random.default_rng(0)
    x = r.uniform(-2, 2, (1500, 2))
    y = x[:, 0] + (0.5 + np.abs(x[:, 1])) * r.normal(size=1500)
    model = KANRegressor("quantile", quantile=level).fit(x[:500], y[:500])
    assert (y[500:] < model.predict(x[500:])).mean() == pytest.approx(level, abs=0.05)


def test_several_targets_have_networks_of_their_own() -> None:
    x, y = penguins()
    model = KANRegressor(products=0).fit(x, np.column_stack([y, -y]))
    assert np.shape(model.predict(x)) == (len(x), 2) and model.predict_interval(x).shape == (len(x), 2, 2)
    assert len(model.networks_) == 2 and model.edges_.index.names == ["target", "edge"]
    with pytest.raises(AttributeError, match="networks_"):
        _ = model.network_


def test_results_repeat() -> None:
    x, y = penguins(120)
    first, again = (KANRegressor(random_state=3).fit(x, y).predict(x) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, KANRegressor(random_state=4).fit(x, y).predict(x))


X, Y = penguins(60)
LABELS = np.where(np.median(Y) < Y, "heavy", "light")
NUMBERS = np.random.default_rng(0).normal(size=(30, 2))


def empty(rows: int, columns: int) -> Any:
    """Sparse data without a number, however large."""
    return sparse.csc_array((rows, columns))


def misuse(name: str, words: str, call: Any, error: type[Exception] = ValueError) -> Any:
    return pytest.param(call, error, words, id=name)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        misuse("not fitted", "not fitted", lambda: KANRegressor().predict(X), NotFittedError),
        misuse("not fitted, classes", "not fitted", lambda: KANClassifier().predict_proba(X), NotFittedError),
        misuse("not fitted, network", "not fitted", lambda: KANRegressor().network_, NotFittedError),
        misuse("loss", "loss 'l1'", lambda: KANRegressor("l1").fit(X, Y)),  # type: ignore[arg-type]
        misuse("select", "'select'", lambda: KANRegressor(select="all").fit(X, Y)),  # type: ignore[arg-type]
        misuse("products", "'products' must be", lambda: KANRegressor(products=-1).fit(X, Y)),
        misuse("products of text", "'products' must be", lambda: KANRegressor(products="two").fit(X, Y)),  # type: ignore[arg-type]
        misuse("no quantile", "loss='quantile'", lambda: KANRegressor("quantile").fit(X, Y)),
        misuse("quantile of 90", "between 0 and 1", lambda: KANRegressor("quantile", quantile=90).fit(X, Y)),
        misuse("negative counts", "non-negative y", lambda: KANRegressor("poisson").fit(NUMBERS, NUMBERS[:, 0])),
        misuse("counts all zero", "All are zero", lambda: KANRegressor("poisson").fit(NUMBERS, np.zeros(30))),
        misuse("amounts of zero", "positive y", lambda: KANRegressor("gamma").fit(NUMBERS, np.arange(30.0))),
        misuse("one class", "two classes", lambda: KANClassifier().fit(NUMBERS, ["a"] * 30)),
        misuse("numbers as classes", "continuous", lambda: KANClassifier().fit(NUMBERS, NUMBERS[:, 0])),
        misuse("gap in y", "contains NaN", lambda: KANRegressor().fit(X, np.where(Y > 4000, np.nan, Y))),
        misuse("text as y", "could not convert", lambda: KANRegressor().fit(X, LABELS)),
        misuse("infinity", "has inf in row 0", lambda: KANRegressor().fit(X.assign(bill=[np.inf, *[1.0] * 59]), Y)),
        misuse("other rows", "inconsistent numbers", lambda: KANRegressor().fit(X, Y[:5])),
        misuse("no rows", "0 sample", lambda: KANRegressor().fit(X[:0], Y[:0])),
        misuse("one row", "minimum of 2", lambda: KANRegressor().fit(X[:1], Y[:1])),
        misuse("columns missing", "should match those", lambda: KANRegressor().fit(X, Y).predict(X[["bill"]])),
        misuse("columns too many", "features", lambda: KANRegressor().fit(NUMBERS, Y[:30]).predict(np.ones((2, 3)))),
        misuse("text in a number", "'bill'", lambda: KANRegressor().fit(X, Y).predict(X.assign(bill="long"))),
        misuse("weights of zero", "non-zero", lambda: KANRegressor().fit(X, Y, np.zeros(60))),
        misuse("negative weights", "Negative", lambda: KANRegressor().fit(X, Y, -np.ones(60))),
        misuse("weights of other rows", "sample_weight", lambda: KANRegressor().fit(X, Y, np.ones(3))),
        misuse("coverage", "'coverage'", lambda: KANRegressor().fit(NUMBERS, Y[:30]).predict_interval(NUMBERS, 90)),
        misuse("monotone of text", "Categorical", lambda: KANRegressor(monotonic_cst={"species": 1}).fit(X, Y)),
        misuse("monotone of nothing", "'weight'", lambda: KANRegressor(monotonic_cst={"weight": 1}).fit(X, Y)),
        misuse("monotone twice", "-1, 0 or 1", lambda: KANRegressor(monotonic_cst={"bill": 2}).fit(X, Y)),
        misuse("monotone shape", "has shape", lambda: KANRegressor(monotonic_cst=[1]).fit(X, Y)),
        misuse("monotone classes", "multiclass", lambda: KANClassifier(monotonic_cst={"bill": 1}).fit(X, X["species"])),
        misuse("interactions", "column numbers", lambda: KANRegressor(interaction_cst=[{0, 99}]).fit(X, Y)),
        misuse("interactions of text", "'none'", lambda: KANRegressor(interaction_cst="none").fit(X, Y)),
        misuse("categories", "'isle'", lambda: KANRegressor(categorical_features=["isle"]).fit(X, Y)),
        misuse("class weights", "class_weight", lambda: KANClassifier(class_weight="even").fit(X, LABELS)),
        misuse("sparse, large", "8.0 GB .* Select", lambda: KANRegressor().fit(empty(10**6, 1000), np.ones(10**6))),
        misuse("sparse rows", "fewer rows", lambda: KANRegressor().fit(NUMBERS, Y[:30]).predict(empty(3 * 10**8, 2))),
    ],
)  # fmt: skip
def test_misuse_is_refused_in_one_line(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert len(str(caught.value).splitlines()[0]) < 250


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("columns", [8, 200], ids=["narrow", "wide"])
def test_sparse_data_is_fitted_and_predicted_like_the_same_numbers_in_an_array(make: Any, columns: int) -> None:
    r = np.random.default_rng(0)
    x = np.where(r.random((90, columns)) < 0.7, 0.0, r.normal(size=(90, columns)))
    x[3, 2] = np.nan
    y = 2 * np.maximum(x[:, 0], 0) - x[:, 1] + 0.3 * r.normal(size=90)
    own, plain = KANRegressor().fit(make(x), y), KANRegressor().fit(x, y)
    np.testing.assert_array_equal(own.predict(make(x)), plain.predict(x))
    assert own.score(make(x), y) == plain.score(x, y) and own.n_features_in_ == columns
    own, plain = KANClassifier().fit(make(x), y > 0), KANClassifier().fit(x, y > 0)
    np.testing.assert_array_equal(own.predict_proba(make(x)), plain.predict_proba(x))


def test_more_columns_than_rows_and_columns_that_say_nothing_are_fitted() -> None:
    r = np.random.default_rng(0)
    x, y = r.normal(size=(20, 60)), r.normal(size=20)
    assert np.isfinite(KANRegressor().fit(x, y).predict(10 * x)).all()
    constant = KANRegressor().fit(np.ones((20, 2)), y)
    np.testing.assert_allclose(constant.predict(np.ones((3, 2))), y.mean())
    assert KANRegressor().fit(x, np.full(20, 7.0)).predict(x) == pytest.approx(np.full(20, 7.0))
    assert (KANClassifier().fit(np.ones((20, 1)), y > 0).predict_proba(np.ones((2, 1))) > 0.2).all()
