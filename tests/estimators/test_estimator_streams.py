"""KANRegressor and KANClassifier again and again: partial_fit, warm_start, n_jobs, verbose."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from edgewise import InputError
from edgewise.encoding import Encoder
from edgewise.estimators import KANClassifier, KANRegressor
from edgewise.estimators import _streaming as memory

R = np.random.default_rng(0)
X = R.uniform(-2, 2, size=(120, 3))
Y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * R.normal(size=120)
TABLE = pd.DataFrame(
    {
        "size": np.where(R.random(120) < 0.1, np.nan, X[:, 0]),
        "island": np.repeat(["Dream", "Biscoe", "Torgersen"], 40),
        "sex": pd.Series(R.choice(["f", "m"], 120)).where(np.arange(120) != 70),
    }
)
MASS = X[:, 0] + (TABLE["sex"] == "m") + (TABLE["island"] == "Biscoe") + 0.2 * R.normal(size=120)


def small(**more: Any) -> KANRegressor:
    return KANRegressor(products=0, **more)


def batches(count: int) -> list[slice]:
    edges = np.linspace(0, 120, count + 1).astype(int)
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("count", [2, 5])
def test_batches_are_one_table(count: int) -> None:
    weights = 1 + (np.arange(120) % 3 == 0)
    model = small()
    for rows in batches(count):
        assert model.partial_fit(TABLE[rows], MASS[rows], weights[rows]) is model
    whole = small().fit(TABLE, MASS, weights)
    assert model.encoder_ == whole.encoder_
    np.testing.assert_array_equal(model.predict(TABLE), whole.predict(TABLE))
    np.testing.assert_array_equal(model.predict_interval(TABLE), whole.predict_interval(TABLE))


def test_partial_fit_adds_to_the_rows_of_fit_until_these_are_gone() -> None:
    first, rest = slice(0, 50), slice(50, 120)
    model = small().fit(X[first], Y[first])
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.partial_fit(X[rest], Y[rest]).predict(X), small().fit(X, Y).predict(X))
    with pytest.raises(ValueError, match="saved without its rows"):
        loaded.partial_fit(X[rest], Y[rest])
    again = pickle.loads(pickle.dumps(model)).partial_fit(X[:5], Y[:5])
    assert again.memory_.seen == 125
    assert not hasattr(again.fit(X, Y), "memory_")


def test_classes_are_those_of_the_first_call() -> None:
    labels = np.select([X[:, 0] > 0.7, X[:, 0] < -0.7], ["high", "low"], "middle")
    order = np.argsort(labels, kind="stable")  # "high" first, then "low"
    x, y = X[order], labels[order]
    model = KANClassifier(products=0, class_weight="balanced")
    model.partial_fit(x[:20], y[:20], classes=["low", "middle", "high"])
    assert y[:20].tolist() == ["high"] * 20
    assert model.predict_proba(X).shape == (120, 3) and model.predict_proba(X)[:, 1:].max() < 0.01
    for rows in (slice(20, 80), slice(80, 120)):
        model.partial_fit(x[rows], y[rows])
    whole = KANClassifier(products=0, class_weight="balanced").fit(x, y)
    np.testing.assert_array_equal(model.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.partial_fit(X, Y > 0), "classes must be passed on the first call"),
        (lambda m: m.partial_fit(X, Y > 0, classes=[True]), "at least two labels"),
        (lambda m: m.partial_fit(X, Y > 0, [0, 1]).partial_fit(X, Y > 0, [0, 2]), "those of the first call"),
        (lambda m: m.partial_fit(X, (Y > 0).astype(int), [0, 1]).partial_fit(X, 0 * Y + 2), "not fitted: 2"),
        (lambda m: m.partial_fit(X, Y > 0, [0, 1]).partial_fit(X[:, :2], Y > 0), "2 features"),
    ],
)
def test_misuse_of_classes(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(KANClassifier(products=0))


def test_a_batch_that_does_not_fit_changes_nothing() -> None:
    model = small(loss="poisson").partial_fit(TABLE, np.abs(MASS))
    before = model.predict(TABLE)
    other = TABLE.assign(island="Anvers")
    for x, y in ((other, -np.abs(MASS)), (other, MASS[:3]), (other, np.column_stack([MASS, MASS]))):
        with pytest.raises(ValueError):
            model.partial_fit(x, y)
    with pytest.raises(InputError, match="'island' had levels of text"):
        model.partial_fit(TABLE.assign(island=1), np.abs(MASS))
    np.testing.assert_array_equal(model.predict(TABLE), before)
    assert model.memory_.seen == 120


def test_of_many_rows_a_uniform_sample_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TUNING", replace(memory.TUNING, memory_rows=60))
    model = small(random_state=1)
    for rows in batches(4):
        model.partial_fit(X[rows], Y[rows])
    kept = model.memory_
    assert kept.seen == 120 and len(kept.x) == 60
    places = [int(np.flatnonzero((row == X).all(1))[0]) for row in kept.x]
    assert places == sorted(places)
    assert 15 < sum(place < 60 for place in places) < 45
    assert np.array_equal(kept.x, small(random_state=1).partial_fit(X, Y).memory_.x) is False  # keys by batch


def test_levels_keep_their_order_and_new_ones_join() -> None:
    own = pd.DataFrame({"a": pd.Categorical(["lo", "hi"], ["lo", "hi"])})
    assert Encoder.learn(own).extended([["mid"], ["hi"]]).levels == [["lo", "hi", "mid"]]
    assert Encoder.learn([["b"]]).extended([[None], ["a"]]).levels == [["a", "b", None]]
    numbers = Encoder.learn([[3.0], [1.0]], [0])
    assert numbers.extended([[2.0]]).levels == [[1, 2, 3]]
    assert Encoder.learn([[1.0]]).extended([[2.0]]) == Encoder.learn([[1.0]])


def test_a_warm_start_keeps_the_shape() -> None:
    model = KANRegressor(warm_start=True).fit(X, Y)
    pairs = set(model.fits_[0].model.products)
    assert (1, 2) in pairs
    stages = [name for name in model.fits_[0].scores if "products" in name]
    model.partial_fit(X[:30], Y[:30])
    assert len([name for name in model.fits_[0].scores if "products" in name]) == 1 <= len(stages)
    assert set(model.fits_[0].model.products) <= pairs
    assert model.score(X, Y) > 0.85
    cold = KANRegressor(warm_start=True).fit(X, Y)
    np.testing.assert_array_equal(cold.predict(X), KANRegressor().fit(X, Y).predict(X))


def test_a_warm_start_begins_anew_for_other_columns_and_obeys_constraints() -> None:
    model = KANRegressor(warm_start=True).fit(X, Y)
    x = X[:, :2]
    np.testing.assert_array_equal(model.fit(x, Y).predict(x), KANRegressor().fit(x, Y).predict(x))
    model = KANRegressor(warm_start=True).fit(X, Y).set_params(interaction_cst="no_interactions").fit(X, Y)
    assert not model.fits_[0].model.products


def test_jobs_change_nothing() -> None:
    targets = np.column_stack([Y, Y**2])
    alone = small().fit(X, targets)
    with parallel_config("threading"):  # processes take seconds to start
        both = small(n_jobs=2).fit(X, targets)
    np.testing.assert_allclose(both.predict(X), alone.predict(X), rtol=1e-12)
    np.testing.assert_allclose(both.predict_interval(X), alone.predict_interval(X), rtol=1e-12)


@pytest.mark.slow
def test_jobs_in_processes_change_nothing() -> None:
    targets = np.column_stack([Y, Y**2])
    model = KANRegressor(interaction_cst="no_interactions", n_jobs=2)
    alone = KANRegressor(interaction_cst="no_interactions").fit(X, targets)
    np.testing.assert_allclose(model.fit(X, targets).predict(X), alone.predict(X), rtol=1e-12)


def test_a_log_has_a_line_for_each_stage_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    small().fit(X, Y)
    assert capsys.readouterr().err == ""
    small(verbose=True).fit(X, Y)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2 and all("fitting" in line for line in lines)
    assert "fitting curves" in lines[0]
