"""What every estimator does with tables, targets and weights, on the smallest estimators there are."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from scipy.special import softmax
from sklearn.base import TransformerMixin, clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

from edgewise import InputError
from edgewise.estimators import TableClassifier, TableEstimator, TableRegressor


def line(x: np.ndarray, y: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    """Return the coefficients (p + 1, k) of weighted ridge regression."""
    design = np.column_stack([np.ones(len(x)), np.nan_to_num(x)])
    matrix = design.T @ (weights[:, None] * design) + ridge * np.eye(design.shape[1])
    return np.linalg.solve(matrix, design.T @ (weights[:, None] * y))


def at(x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return coefficients[0] + np.nan_to_num(x) @ coefficients[1:]


class Line(TableRegressor):
    def __init__(self, ridge: float = 1e-6, categorical_features: Any = "auto") -> None:
        self.ridge = ridge
        self.categorical_features = categorical_features

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Line:
        rows = self._training(X, y, sample_weight)
        self.coefficients_ = line(rows.x, rows.y, rows.weights, self.ridge)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return self._as_target(at(self._encode(X), self.coefficients_))


class Lines(TableClassifier):
    def __init__(self, class_weight: Any = None, categorical_features: Any = "auto") -> None:
        self.class_weight = class_weight
        self.categorical_features = categorical_features

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Lines:
        rows = self._training(X, y, sample_weight)
        one_hot = np.eye(len(self.classes_))[rows.y]
        self.coefficients_ = line(rows.x, one_hot, rows.weights, 1e-6)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return softmax(4 * at(self._encode(X), self.coefficients_), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        codes = self.predict_proba(X).argmax(1)
        return self.classes_[codes]


class Scaled(TransformerMixin, TableEstimator):
    def __init__(self, categorical_features: Any = "auto") -> None:
        self.categorical_features = categorical_features

    def fit(self, X: Any, y: Any = None) -> Scaled:
        x = self._encode(X, fitting=True)
        self.scale_ = np.nanstd(x, axis=0) + 1e-9
        return self

    def transform(self, X: Any) -> np.ndarray:
        return self._encode(X) / self.scale_


@parametrize_with_checks([Line(), Lines(), Scaled()])
def test_keeps_every_convention_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


TABLE = pd.DataFrame(
    {
        "mass": [1.0, 2.0, None, 4.0, 5.0, 6.0],
        "island": ["b", "a", "b", None, "a", "a"],
        "day": pd.date_range("2020-01-01", periods=6),
        "ripe": [True, False, True, True, False, True],
    }
)
TARGET = np.array([1.0, 2.0, 1.5, 4.0, 5.0, 3.0])


def test_a_table_of_numbers_text_dates_and_gaps_is_fitted_and_predicted() -> None:
    model = Line().fit(TABLE, TARGET)
    assert model.feature_names_in_.tolist() == ["mass", "island", "day", "ripe"] and model.n_features_in_ == 4
    assert model.encoder_.levels == [None, ["a", "b", None], None, None]
    assert np.isfinite(model.predict(TABLE)).all()


@pytest.mark.parametrize("make", [pl.from_pandas, lambda t: t.astype({"island": "category"}), lambda t: t.to_numpy()])
def test_the_kind_of_table_does_not_matter(make: Any) -> None:
    expected = Line().fit(TABLE, TARGET).predict(TABLE)
    np.testing.assert_allclose(Line().fit(make(TABLE), TARGET).predict(make(TABLE)), expected)


def test_lists_tensors_and_masked_arrays_are_tables_too() -> None:
    x = np.array([[1.0, 2], [3, 4], [5, 7]])
    expected = Line().fit(x, [1, 2, 3]).predict(x)
    assert np.array_equal(Line().fit(torch.tensor(x), torch.tensor([1, 2, 3])).predict(x.tolist()), expected)
    masked = np.ma.array(x, mask=[[0, 0], [0, 1], [0, 0]])
    gap = np.where(masked.mask, np.nan, x)
    assert np.array_equal(Line().fit(masked, [1, 2, 3]).predict(masked), Line().fit(gap, [1, 2, 3]).predict(gap))
    mixed = [[1.5, "a"], [2, "b"], [None, "b"]]
    assert Line().fit(mixed, [1, 2, 3]).encoder_.levels == [None, ["a", "b"]]


def test_names_follow_scikit_learn() -> None:
    model = Line().fit(TABLE, TARGET)
    with pytest.raises(ValueError, match="should match those that were passed"):
        model.predict(TABLE[TABLE.columns[::-1]])
    with pytest.raises(ValueError, match="should match those that were passed"):
        model.predict(TABLE.drop(columns="mass"))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(TABLE.to_numpy())


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (sparse.csr_array(np.eye(6)), TypeError, "Sparse data was passed"),
        (np.ones((6, 2)) * 1j, ValueError, "Complex data not supported"),
        (np.arange(6.0), ValueError, "Reshape your data"),
        (pd.Series(np.arange(6.0)), ValueError, "2-dimensional container"),
        (TABLE[:0], ValueError, r"0 sample\(s\)"),
        (TABLE[:1], ValueError, r"1 sample\(s\)"),
        (pl.DataFrame(), ValueError, r"0 sample\(s\)"),
        (TABLE[[]], ValueError, r"0 feature\(s\)"),
        (TABLE[:5], ValueError, "inconsistent numbers of samples"),
        (TABLE.replace({"mass": {2.0: np.inf}}), InputError, "'mass' has inf in row 1"),
        (TABLE.rename(columns={"mass": "day"}), InputError, "'day' occurs 2 times"),
    ],
)
def test_what_is_no_table_is_refused(x: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Line().fit(x, TARGET)


@pytest.mark.parametrize(
    ("y", "weights", "words"),
    [
        (None, None, "requires y"),
        ([np.nan, *TARGET[1:]], None, "y contains NaN"),
        (["a"] * 6, None, "could not convert string"),
        (TARGET, np.zeros(6), "at least one non-zero"),
        (TARGET, [-1, 1, 1, 1, 1, 1], "Negative values"),
        (TARGET, [1, 1], "sample_weight.shape"),
        (np.ones((6, 2, 2)), None, "dim 3"),
    ],
)
def test_targets_and_weights_that_do_not_fit_are_refused(y: Any, weights: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Line().fit(TABLE, y, weights)


def test_several_targets_keep_their_shape() -> None:
    both = np.column_stack([TARGET, -TARGET])
    model = Line().fit(TABLE, both)
    assert model.n_outputs_ == 2 and model.predict(TABLE).shape == (6, 2)
    assert Line().fit(TABLE, both[:, :1]).predict(TABLE).shape == (6, 1)
    np.testing.assert_allclose(model.predict(TABLE)[:, 0], Line().fit(TABLE, TARGET).predict(TABLE))


def test_rows_of_weight_zero_do_not_count() -> None:
    weights = np.array([1, 2, 0, 1, 1, 0.0])
    kept = weights > 0
    labels = np.array(["x", "y", "z", "x", "y", "z"])
    np.testing.assert_allclose(
        Line().fit(TABLE, TARGET, weights).predict(TABLE[["mass", "island", "day", "ripe"]])[kept],
        Line().fit(TABLE[kept].reset_index(drop=True), TARGET[kept], weights[kept]).predict(TABLE)[kept],
    )
    assert Lines().fit(TABLE, labels, weights).classes_.tolist() == ["x", "y"]


def test_labels_are_of_any_kind_and_one_class_is_refused() -> None:
    for labels in (["x", "y"] * 3, [False, True] * 3, pd.Categorical(["u", "v"] * 3), torch.tensor([3, 7] * 3)):
        model = Lines().fit(TABLE, labels)
        assert model.predict_proba(TABLE).shape == (6, 2) and set(model.predict(TABLE)) <= set(model.classes_)
    with pytest.raises(ValueError, match="1 class"):
        Lines().fit(TABLE, ["x"] * 6)
    with pytest.raises(ValueError, match="continuous"):
        Lines().fit(TABLE, TARGET + 0.5)


def test_class_weights_multiply_the_weights() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1])
    heavy = Lines(class_weight={0: 1, 1: 3}).fit(TABLE, labels)
    same = Lines().fit(TABLE, labels, np.where(labels, 3.0, 1.0))
    np.testing.assert_allclose(heavy.predict_proba(TABLE), same.predict_proba(TABLE))
    balanced = Lines(class_weight="balanced").fit(TABLE, labels)
    assert not np.allclose(balanced.predict_proba(TABLE), same.predict_proba(TABLE))


def test_works_inside_scikit_learn_and_outside_of_the_process() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x @ [1.0, 2.0, -1.0]
    assert cross_val_score(make_pipeline(Scaled(), Line()), x, y).min() > 0.99
    search = GridSearchCV(Line(), {"ridge": [1e-6, 1e3]}).fit(x, y)
    assert search.best_params_ == {"ridge": 1e-6}
    model = Line(categorical_features=["mass"]).fit(TABLE, TARGET)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(TABLE), model.predict(TABLE)) and again.encoder_ == model.encoder_
    assert "Line" in model._repr_html_() and clone(model).categorical_features == ["mass"]
    check_is_fitted(model)
    with pytest.raises(Exception, match="not fitted"):
        clone(model).predict(TABLE)


def test_without_scikit_learn_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "try: import edgewise.estimators\n"
        "except ImportError as error: print(error)\n"
        "import edgewise.encoding"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'edgewise[tables]'" in done.stdout
