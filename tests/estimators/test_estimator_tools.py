"""The estimators inside the tools that others wrote for scikit-learn."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edgewise.estimators import KANClassifier, KANRegressor, KANTransformer

_RNG = np.random.default_rng(0)
X = _RNG.uniform(-2, 2, (60, 2))
Y = np.sin(2 * X[:, 0]) + X[:, 1] + _RNG.normal(0, 0.1, 60)
LABELS = np.where(X[:, 0] ** 2 + _RNG.normal(0, 0.5, 60) > 1.3, "out", "in")
TABLE = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "place": np.where(X[:, 1] > 0, "up", "down")})
REGRESSOR, CLASSIFIER = KANRegressor(products=0), KANClassifier(products=0)


def test_pipelines_and_column_transformers() -> None:
    steps = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            ("rest", "passthrough", make_column_selector(dtype_exclude="number")),
        ],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(steps, REGRESSOR).fit(TABLE, Y)
    assert model.score(TABLE, Y) > 0.95
    assert list(model[-1].explain(model[:-1].transform(TABLE)))[1:] == ["a", "b", "place"]
    curves = ColumnTransformer([("kan", KANTransformer(products=0), ["a", "place"])], remainder="passthrough")
    on_top = make_pipeline(curves, RidgeCV()).fit(TABLE, Y)
    assert on_top.score(TABLE, Y) > 0.95
    assert list(on_top[:-1].get_feature_names_out()) == ["kan__a", "kan__place", "remainder__b"]


def test_searches() -> None:
    grid = GridSearchCV(REGRESSOR, {"select": ["best", "simplest"], "interaction_cst": [None, "no_interactions"]}, cv=2)
    assert grid.fit(X, Y).score(X, Y) > 0.9 and len(grid.cv_results_["params"]) == 4
    halving = HalvingRandomSearchCV(
        CLASSIFIER, {"select": ["average", "best", "simplest"]}, n_candidates=3, min_resources=30, random_state=0, cv=2
    )
    assert halving.fit(X, LABELS).score(X, LABELS) > 0.7
    picked = SequentialFeatureSelector(REGRESSOR, n_features_to_select=1, cv=2).fit(np.hstack([X, X[::-1, :1]]), Y)
    assert picked.get_support().tolist() in ([True, False, False], [False, True, False])


def test_cross_validation_and_calibration() -> None:
    assert np.corrcoef(cross_val_predict(REGRESSOR, X, Y, cv=3), Y)[0, 1] > 0.95
    assert cross_val_predict(CLASSIFIER, X, LABELS, cv=3, method="predict_proba").shape == (60, 2)
    assert cross_val_score(CLASSIFIER, X, LABELS, cv=3, scoring="roc_auc").mean() > 0.7
    calibrated = CalibratedClassifierCV(CLASSIFIER, cv=2).fit(X, LABELS)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(1), 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["threading", "loky"])
def test_cross_validation_on_workers_gives_the_same_scores(name: str) -> None:
    for model, target in (
        (REGRESSOR, Y),
        (KANRegressor(products=0, n_jobs=2), np.stack([Y, -Y], 1)),
        (CLASSIFIER, LABELS),
    ):
        alone = cross_val_score(model, X, target, cv=4)
        with joblib.parallel_config(name):
            found = cross_val_score(model, X, target, cv=4, n_jobs=2)
        np.testing.assert_allclose(found, alone, rtol=1e-10)  # to the bit with as many BLAS threads


def test_workers_of_a_cross_validation_share_the_cores() -> None:
    def threads(model: object, x: object, y: object) -> int:
        import torch
        from threadpoolctl import threadpool_info

        return max(torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info()))

    with joblib.parallel_config("loky"):
        most = cross_val_score(REGRESSOR, X, Y, cv=4, n_jobs=2, scoring=threads).max()
    assert most == 1 or 2 * most <= joblib.cpu_count()


def test_ensembles_and_wrappers() -> None:
    stacked = StackingRegressor([("kan", REGRESSOR), ("ridge", RidgeCV())], cv=2).fit(X, Y)
    assert stacked.score(X, Y) > 0.9
    voting = VotingClassifier([("kan", CLASSIFIER), ("logit", LogisticRegression())], voting="soft").fit(X, LABELS)
    assert voting.score(X, LABELS) > 0.7
    both = MultiOutputClassifier(CLASSIFIER).fit(X, np.column_stack([LABELS, LABELS[::-1]]))
    assert both.predict(X).shape == (60, 2)
    logs = TransformedTargetRegressor(REGRESSOR, func=np.log, inverse_func=np.exp).fit(X, np.exp(Y))
    assert np.corrcoef(logs.predict(X), np.exp(Y))[0, 1] > 0.95


def test_permutation_importance_agrees() -> None:
    x = np.column_stack([X, np.random.default_rng(1).uniform(-2, 2, 60)])
    model = KANRegressor(products=0).fit(x, Y)
    found = permutation_importance(model, x, Y, n_repeats=3, random_state=0)["importances_mean"]
    own = model.importance(x)["share"]
    assert np.argmin(found) == 2 and own.index[-1] == "x3"
    assert found[1] > found[0] and own.index[0] == "x2"


@pytest.mark.parametrize(
    "estimator", [REGRESSOR, CLASSIFIER, KANTransformer(products=0)], ids=lambda e: type(e).__name__
)
def test_saving_with_joblib_and_skops(estimator, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model = estimator.fit(TABLE, LABELS if isinstance(estimator, KANClassifier) else Y)
    read = model.transform if isinstance(model, KANTransformer) else model.explain
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(getattr(again, read.__name__)(TABLE), read(TABLE))
    io = pytest.importorskip("skops.io")
    io.dump(model, tmp_path / "model.skops")
    unknown = io.get_untrusted_types(file=tmp_path / "model.skops")
    assert all(name.startswith(("edgewise.", "torch.", "numpy.", "collections.")) for name in unknown), unknown
    again = io.load(tmp_path / "model.skops", trusted=unknown)
    np.testing.assert_array_equal(getattr(again, read.__name__)(TABLE), read(TABLE))
