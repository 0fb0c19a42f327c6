"""Formulas as a regressor, a classifier and a transformer of scikit-learn."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from edgewise import InputError
from edgewise.discovery import discover_directly
from edgewise.estimators import SymbolicClassifier, SymbolicRegressor, SymbolicTransformer

QUICK = {"effort": "direct"}
SLOW_CHECKS = ("check_classifiers_train", "check_regressor_multioutput")


def quick_checks() -> list[Any]:
    """Return the checks of scikit-learn that take a second or two: of the regressor, and every night of all three."""
    made = []
    for kind in (SymbolicRegressor, SymbolicTransformer, SymbolicClassifier):
        for estimator, check in estimator_checks_generator(kind(**QUICK)):
            name = getattr(check, "func", check).__name__
            if name not in SLOW_CHECKS and not (kind is SymbolicClassifier and name in REPEATED):
                marks = [] if kind is SymbolicRegressor else [pytest.mark.slow]
                made.append(pytest.param(estimator, check, id=f"{kind.__name__}-{name}", marks=marks))
    return made


#: of a classifier these only ask what they ask of the regressor, or what others ask of it
REPEATED = (
    "check_dict_unchanged", "check_dont_overwrite_parameters", "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params", "check_f_contiguous_array_estimator", "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input", "check_methods_sample_order_invariance", "check_estimators_dtypes",
)  # fmt: skip


@pytest.mark.parametrize(("estimator", "check"), quick_checks())
def test_keeps_the_conventions_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([SymbolicRegressor(**QUICK), SymbolicTransformer(**QUICK), SymbolicClassifier(**QUICK)])
def test_keeps_every_convention_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def table(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return a table with a number, a category, a date and an input that does nothing."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "mass (kg)": rng.uniform(1, 5, rows),
            "island": rng.choice(["Biscoe", "Dream"], rows),
            "day": pd.Timestamp("2020-03-01") + pd.to_timedelta(rng.integers(0, 50, rows), unit="D"),
        }
    )


TABLE = table()
TARGET = 2 * TABLE["mass (kg)"] ** 2 + 3 * (TABLE.island == "Dream")


# regressor


def test_a_formula_of_numbers_and_categories_is_found_and_explains_itself() -> None:
    model = SymbolicRegressor(**QUICK).fit(TABLE, TARGET)
    assert model.formula_ == "3*island_Dream + 2*mass_kg**2"
    assert model.expression_ == sympy.sympify(model.formula_) and model.score(TABLE, TARGET) == 1
    assert model.symbols_ == {
        "mass_kg": "mass (kg)",
        "island_Dream": 'island == "Dream"',
        "day": "day, in days since 2020-03-01",
    }
    assert r"2 \, \mathrm{mass\_kg}^{2}" in model.latex()
    front = model.front_
    assert list(front) == ["complexity", "error", "held_out_error", "formula", "selected"]
    assert front.complexity.is_monotonic_increasing and front.formula[front.selected].tolist() == [model.formula_]


def test_a_full_search_finds_what_a_direct_one_cannot() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (100, 2))
    y = x[:, 0] * np.exp(x[:, 1])
    model = SymbolicRegressor().fit(x, y)
    assert model.formula_ == "x1*exp(x2)" and model.score(x, y) > 1 - 1e-12


def test_gaps_are_the_median_and_an_input_of_their_own() -> None:
    gappy = TABLE.assign(**{"mass (kg)": TABLE["mass (kg)"].where(np.arange(120) % 3 > 0)})
    target = np.where(gappy["mass (kg)"].isna(), 40.0, 2 * gappy["mass (kg)"])
    model = SymbolicRegressor(**QUICK).fit(gappy, target)
    assert model.symbols_["mass_kg_is_missing"] == "mass (kg) is missing"
    assert model.score(gappy, target) > 0.999999
    levels = TABLE.assign(island=TABLE.island.where(np.arange(120) % 3 > 0))
    assert '"Biscoe"' in str(SymbolicRegressor(**QUICK).fit(levels, TARGET).symbols_)
    assert SymbolicRegressor(**QUICK).fit(levels, levels.island.isna()).formula_ == "island_is_missing"


def test_a_level_that_was_not_seen_is_none_of_those_with_an_input() -> None:
    model = SymbolicRegressor(**QUICK).fit(TABLE, TARGET)
    new = TABLE[:1].assign(island="Torgersen")
    assert model.predict(new) == pytest.approx(2 * new["mass (kg)"] ** 2)


def test_names_that_formulas_cannot_hold_are_replaced() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (60, 5))
    names = ["sin", "E", "lambda", "2nd", "x y"]
    model = SymbolicRegressor(**QUICK).fit(
        pd.DataFrame(x, columns=names), x[:, 0] * x[:, 1] * x[:, 2] / x[:, 3] * x[:, 4]
    )
    assert list(model.symbols_.values()) == names and len({*model.symbols_}) == 5
    assert model.score(pd.DataFrame(x, columns=names), x[:, :3].prod(1) / x[:, 3] * x[:, 4]) == pytest.approx(1)


def test_where_the_formula_is_undefined_the_mean_is_given_with_a_warning() -> None:
    x = np.random.default_rng(0).uniform(1, 4, (60, 1))
    model = SymbolicRegressor(**QUICK).fit(x, np.log(x[:, 0]))
    assert model.formula_ == "log(x1)"
    with pytest.warns(UserWarning, match="undefined in 1 of 2 rows, which are given the mean of the training targets"):
        values = model.predict([[-1.0], [2.0]])
    assert values == pytest.approx([np.log(x).mean(), np.log(2)])


def test_several_targets_have_a_formula_each() -> None:
    both = np.column_stack([TARGET, TABLE["mass (kg)"] * 4])
    model = SymbolicRegressor(**QUICK).fit(TABLE, both)
    assert model.formula_ == ["3*island_Dream + 2*mass_kg**2", "4*mass_kg"] and len(model.latex()) == 2
    assert model.predict(TABLE) == pytest.approx(both) and set(model.front_.target) == {0, 1}
    one = SymbolicRegressor(**QUICK).fit(TABLE, both[:, 1:])
    assert one.predict(TABLE).shape == (120, 1) and one.formula_ == ["4*mass_kg"]


def test_select_and_max_complexity_choose_on_the_front() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 2, (150, 2))
    y = x[:, 0] ** 2 + 0.05 * x[:, 1] + 0.01 * rng.normal(size=150)
    models = {
        select: SymbolicRegressor(select=select, **QUICK).fit(x, y) for select in ("accurate", "best", "simplest")
    }
    chosen = {select: model.front_[model.front_.selected].iloc[0] for select, model in models.items()}
    assert chosen["accurate"].held_out_error == models["simplest"].front_.held_out_error.min()
    assert chosen["simplest"].complexity <= chosen["accurate"].complexity
    small = SymbolicRegressor(max_complexity=4, **QUICK).fit(x, y)
    assert small.front_.complexity.max() <= 4


@pytest.mark.parametrize(("seed", "columns", "noise"), [(0, 2, 0.3), (1, 3, 2.0), (2, 5, 0.0), (3, 12, 0.5)])
def test_never_worse_on_held_out_rows_than_a_constant_or_a_line(seed: int, columns: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, columns))
    y = x @ rng.normal(size=columns) + np.abs(x[:, 0]) + noise * rng.normal(size=30)
    front = SymbolicRegressor(**QUICK).fit(x, y).front_
    chosen = front[front.selected].held_out_error.item()
    symbols = [sympy.Symbol(f"x{k + 1}") for k in range(columns)]
    plain = [
        error
        for error, formula in zip(front.held_out_error, map(sympy.sympify, front.formula), strict=True)
        if all(formula.diff(symbol).is_number for symbol in symbols) and len(formula.free_symbols) in (0, columns)
    ]
    assert len(plain) >= 2 and chosen <= min(plain) + 1e-9


def test_few_rows_and_flat_columns_are_fitted_too() -> None:
    flat = SymbolicRegressor(**QUICK).fit(np.ones((20, 2)), np.arange(20.0))
    assert flat.formula_ == "9.5" and flat.symbols_ == {} and flat.predict([[1, 1], [5, 5]]).tolist() == [9.5, 9.5]
    assert SymbolicRegressor(**QUICK).fit(TABLE, np.full(120, 7)).predict(TABLE[:2]).tolist() == [7, 7]
    assert np.isfinite(SymbolicRegressor(**QUICK).fit([[1.0], [2]], [3, 4]).predict([[1.5]])).all()
    assert SymbolicRegressor(**QUICK).fit([[1.0]] * 4, [3, 3, 4, 4]).formula_ == "3.5"


def test_weights_move_the_constants() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (200, 2))
    y = np.where(np.arange(200) % 2, 1.7234 * x[:, 0], 2.9117 * x[:, 0]) + 0.02 * rng.normal(size=200)
    weights = np.where(np.arange(200) % 2, 1.0, 1e-3)
    predicted = SymbolicRegressor(**QUICK).fit(x, y, weights).predict([[1.0, 0.5]])
    assert predicted == pytest.approx(1.7234, abs=0.05)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"select": "fastest"}, "Unknown value of 'select' 'fastest'. Known"),
        ({"effort": "none"}, "Unknown value of 'effort' 'none'"),
        ({"max_complexity": 0}, "'max_complexity' must be None or an int from 1. Got 0"),
        ({"time_limit": 0}, "'time_limit' must be a positive number"),
        ({"noise": -1}, "'noise' must be"),
    ],
)
def test_parameters_that_do_not_exist_are_refused_in_fit(parameters: dict[str, Any], words: str) -> None:
    model = SymbolicRegressor(**(QUICK | parameters))
    with pytest.raises(InputError, match=words):
        model.fit(TABLE, TARGET)


def test_works_inside_scikit_learn() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (60, 2))
    y = x[:, 0] / x[:, 1]
    assert cross_val_score(SymbolicRegressor(**QUICK), x, y, cv=3).min() == pytest.approx(1)
    search = GridSearchCV(SymbolicRegressor(**QUICK), {"max_complexity": [1, None]}, cv=2).fit(x, y)
    assert search.best_params_ == {"max_complexity": None}
    model = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(model.predict(x), search.predict(x)) and clone(model).max_complexity is None


# transformer


def test_a_transformer_gives_the_formulas_of_the_front_or_the_terms_of_the_best() -> None:
    front = SymbolicTransformer(**QUICK).fit(TABLE, TARGET)
    names = front.get_feature_names_out().tolist()
    assert "3*island_Dream + 2*mass_kg**2" in names and len(names) == len(front.expressions_)
    assert front.transform(TABLE)[:, names.index("3*island_Dream + 2*mass_kg**2")] == pytest.approx(TARGET)
    terms = SymbolicTransformer(columns="terms", **QUICK).fit(TABLE, TARGET)
    assert set(terms.get_feature_names_out()) == {"mass_kg**2", "island_Dream"}
    framed = terms.set_output(transform="pandas").transform(TABLE)
    assert list(framed) == terms.get_feature_names_out().tolist() and framed["mass_kg**2"][0] == TABLE.iloc[0, 0] ** 2
    chain = make_pipeline(SymbolicTransformer(columns="terms", **QUICK), LinearRegression()).fit(TABLE, TARGET)
    assert chain.score(TABLE, TARGET) == pytest.approx(1)
    with pytest.raises(InputError, match="Unknown value of 'columns'"):
        SymbolicTransformer(columns="all", **QUICK).fit(TABLE, TARGET)


def test_columns_of_a_transformer_are_finite_and_those_of_a_flat_target_the_line() -> None:
    x = np.random.default_rng(0).uniform(1, 4, (60, 1))
    made = SymbolicTransformer(columns="terms", **QUICK).fit(x, np.log(x[:, 0]))
    with pytest.warns(UserWarning, match="undefined in 1 of 1 rows"):
        assert made.transform([[-1.0]]) == pytest.approx(np.log(x).mean())
    assert SymbolicTransformer(**QUICK).fit(np.ones((20, 2)), np.arange(20.0)).transform(np.ones((3, 2))).shape == (
        3,
        0,
    )


# classifier


def labels(logits: np.ndarray, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).uniform(size=len(logits)) < 1 / (1 + np.exp(-logits))).astype(int)


X = np.random.default_rng(5).normal(size=(400, 3))


def test_the_log_odds_of_two_classes_are_a_formula() -> None:
    y = labels(3 * X[:, 0] * X[:, 1])
    model = SymbolicClassifier(**QUICK).fit(X, y)
    terms = model.expression_.as_coefficients_dict()
    product = sympy.Symbol("x1") * sympy.Symbol("x2")
    assert set(terms) <= {product, sympy.Integer(1)} and 2 < float(terms[product]) < 4
    probability = model.predict_proba(X)
    assert np.allclose(probability[:, 1], 1 / (1 + np.exp(-model.decision_function(X))))
    plain = LogisticRegression().fit(X, y)
    assert log_loss(y, probability) < 0.75 * log_loss(y, plain.predict_proba(X))
    assert list(model.front_) == ["complexity", "log_loss", "held_out_log_loss", "formula", "selected"]
    assert "x_{1}" in model.latex() and model.symbols_ == {"x1": "x1", "x2": "x2", "x3": "x3"}


def test_logistic_regression_is_taken_or_matched_where_it_is_right_and_the_prior_where_nothing_is() -> None:
    y = labels(X[:, 0] - 2 * X[:, 1])
    model = SymbolicClassifier(**QUICK).fit(X, y)
    assert model.expression_.free_symbols >= set(sympy.symbols("x1 x2"))
    plain = LogisticRegression().fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < 1.02 * log_loss(y, plain.predict_proba(X))
    nothing = SymbolicClassifier(select="simplest", **QUICK).fit(X, labels(np.zeros(400), seed=3))
    assert not nothing.expression_.free_symbols


@pytest.mark.slow
def test_a_full_search_reads_curves_of_an_additive_model() -> None:
    y = labels(3 * np.sin(2 * X[:, 0]) + X[:, 1])
    model = SymbolicClassifier(time_limit=60).fit(X[:, :2], y)
    assert model.expression_.has(sympy.sin, sympy.cos)
    assert model.score(X[:, :2], y) > 0.8


@pytest.mark.slow
def test_more_classes_have_a_formula_each_and_text_and_gaps_are_welcome() -> None:
    frame = pd.DataFrame(
        {"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "a", "b"), "gap": np.where(X[:, 2] > 1, np.nan, X[:, 2])}
    )
    y = np.select([X[:, 0] < -0.4, frame.kind == "a"], ["small", "big a"], "big b")
    model = SymbolicClassifier(**QUICK).fit(frame, y)
    assert model.classes_.tolist() == ["big a", "big b", "small"] and len(model.formula_) == len(model.latex()) == 3
    assert model.score(frame, y) > 0.9 and model.decision_function(frame).shape == (400, 3)
    assert model.predict_proba(frame).sum(1) == pytest.approx(1)
    assert np.isfinite(model.predict_proba(frame.assign(kind=None, size=np.nan))).all()


def test_class_weights_move_the_threshold() -> None:
    y = labels(X[:, 0] - 2)
    share = [
        SymbolicClassifier(class_weight=weight, **QUICK).fit(X, y).predict(X).mean() for weight in (None, "balanced")
    ]
    assert share[0] < 0.1 < 0.25 < share[1]


def test_separate_classes_keep_finite_constants() -> None:
    y = X[:, 0] > 0
    model = SymbolicClassifier(**QUICK).fit(X, y)
    assert model.score(X, y) > 0.99
    assert max(abs(float(number)) for number in model.expression_.atoms(sympy.Float)) < 1e3


def test_where_a_logit_is_undefined_the_shares_are_given_with_a_warning() -> None:
    model = SymbolicClassifier(**QUICK).fit(X, labels(X[:, 0]))
    model._expressions = (sympy.log(sympy.Symbol("x1")),)  # no data makes a formula of which this is sure
    with pytest.warns(UserWarning, match="undefined in 1 of 2 rows, which are given the shares of the classes"):
        probability = model.predict_proba([[-1.0, 0, 0], [1, 0, 0]])
    share = labels(X[:, 0]).mean()
    assert probability[0, 1] == pytest.approx(share, abs=0.01) and probability[1, 1] == pytest.approx(0.5)


def test_few_rows_and_rare_classes_are_fitted_too() -> None:
    for x, y in (([[1.0], [2]], [0, 1]), (np.ones((6, 2)), [0, 0, 0, 0, 1, 2]), (X[:12], [0] * 10 + [1, 2])):
        model = SymbolicClassifier(**QUICK).fit(x, y)
        assert np.isfinite(model.predict_proba(x)).all() and set(model.predict(x)) <= set(y)


# the search behind them


def test_direct_formulas_are_the_same_again_and_quick() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (80, 2))
    first, second = (discover_directly(x, x[:, 0] * x[:, 1] + 2, ["a", "b"], target="y") for _ in range(2))
    assert str(first) == str(second) and str(first.best.expression) == "a*b + 2"
    assert first.target == "y" and first.outcome.name == "EXACT"
    with pytest.raises(InputError, match="at least 5 rows"):
        discover_directly(x[:4], x[:4, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert discover_directly(x, np.random.default_rng(1).normal(size=80)).best.complexity <= 1
