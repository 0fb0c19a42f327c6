"""Public calls on odd but legal tables: a result of the right shape, or InputError in one line; nothing else.

Estimators may also raise what scikit-learn's own checks raise.
"""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from odd_tables import SEEDS, checked, column, numbers, table, with_gaps

import edgewise as ew
from edgewise.discovery import discover_directly
from edgewise.encoding import Encoder, Inputs
from edgewise.estimators import KANClassifier, KANRegressor, KANTransformer, SymbolicClassifier, SymbolicRegressor

# columns


# tables


def target(draw: random.Random, x: Any, n: int, classes: bool) -> Any:
    """A target for n rows, in one of many forms."""
    n = n if draw.random() < 0.95 else n + 1
    kind = draw.random()
    if classes and kind < 0.6:
        pool = draw.choice([["a", "b"], [0, 1], [True, False], [1.0, 2.0, 3.0], ["", "é"]])
        return np.array([draw.choice(pool) for _ in range(n)])
    if kind < 0.75:
        values = numbers(draw, n)
        index = getattr(x, "index", None)
        if isinstance(index, pd.Index) and len(index) == n and draw.random() < 0.3:
            return pd.Series(values, index=index[::-1])
        return draw.choice([values, values.tolist(), values[:, None], torch.tensor(values), pd.Series(values)])
    if kind < 0.8:
        return np.ma.array(numbers(draw, n), mask=np.arange(n) == 0)
    if kind < 0.85:
        return with_gaps(draw, numbers(draw, n)) if n else []
    return column(draw, n) if kind < 0.95 else table(draw, n, 2)


def drawn(seed: int, classes: bool = False) -> tuple[random.Random, Any, Any]:
    draw = random.Random(seed)
    n, p = draw.choice([0, 1, 2, 3, 5, 8, 12, 20, 25, 25, 25, 30]), draw.choice([0, 1, 1, 2, 2, 3])
    x = table(draw, n, max(p, 1) if draw.random() < 0.97 else p)
    return draw, x, target(draw, x, n, classes)


# calls


QUICK = ew.Options(restarts=1, progress=False)


@fuzz(60)
@given(SEEDS)
def test_tables_are_encoded_or_refused(seed: int) -> None:
    draw, x, _ = drawn(seed)
    encoder = checked(lambda: Encoder.learn(x))
    if encoder is not None:
        codes = encoder.encode(x)
        assert codes.shape == (len(x), len(encoder.columns))
        assert Encoder.from_dict(encoder.to_dict()) == encoder
        _, other, _ = drawn(draw.randrange(2**60))
        checked(lambda: encoder.encode(other))
        checked(lambda: encoder.extended(other))
        inputs = Inputs.learn(x)
        assert np.isfinite(inputs.of(x)).all()


@fuzz(25)
@given(SEEDS)
def test_fits_end_in_a_result_or_are_refused(seed: int) -> None:
    draw, x, y = drawn(seed)
    width = checked(lambda: len(Inputs.learn(x).names)) or 1
    fit = checked(lambda: ew.fit(ew.KAN([width, 1]), x, y, grids=[2], options=QUICK))
    if fit is None:
        return
    assert np.isfinite(fit.predict(x)).all()
    _, other, _ = drawn(draw.randrange(2**60))
    for each in (x, other):
        checked(lambda each=each: fit.predict(each))
        checked(lambda each=each: fit.score(each, y))
        checked(lambda each=each: ew.prune(fit.model, each, y))
        checked(lambda each=each: ew.interpret.edge_table(fit.model, each))
        checked(lambda each=each: ew.update(fit.model, each, y, steps=2))
    stream = io.StringIO()
    checked(lambda: stream.write(ew.export.numpy(fit.model)))


@fuzz(30)
@given(SEEDS, st.sampled_from(["squared", "huber", "absolute", "poisson", "gamma"]))
def test_regressors_predict_or_refuse(seed: int, loss: Any) -> None:
    draw, x, y = drawn(seed)
    model = checked(lambda: KANRegressor(loss, products=draw.choice([0, "auto"])).fit(x, y), sklearn=True)
    if model is None:
        return
    found = model.predict(x)
    assert np.isfinite(found).all()
    assert len(found) == len(x)
    low_high = model.predict_interval(x)
    assert low_high.shape[-1] == 2
    _, other, own = drawn(draw.randrange(2**60))
    for call in (
        lambda: model.predict(other), lambda: model.score(x, y), lambda: model.score(other, own),
        lambda: model.importance(x, y), lambda: model.explain(x), lambda: model.partial_fit(other, own),
    ):  # fmt: skip
        checked(call, sklearn=True)


@fuzz(20)
@given(SEEDS)
def test_classifiers_predict_or_refuse(seed: int) -> None:
    draw, x, y = drawn(seed, classes=True)
    model = checked(lambda: KANClassifier(products=0).fit(x, y), sklearn=True)
    if model is None:
        return
    chances = model.predict_proba(x)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    _, other, own = drawn(draw.randrange(2**60), classes=True)
    checked(lambda: model.predict(other), sklearn=True)
    checked(lambda: model.score(other, own), sklearn=True)


@fuzz(10)
@given(SEEDS)
def test_transformers_transform_or_refuse(seed: int) -> None:
    _, x, y = drawn(seed)
    model = checked(lambda: KANTransformer().fit(x, y), sklearn=True)
    if model is not None:
        assert len(model.transform(x)) == len(x)


FORMULA = discover_directly(np.random.default_rng(0).uniform(1, 2, (30, 2)), np.arange(30.0) % 7, ("a", "b")).best


@fuzz(60)
@given(SEEDS)
def test_formulas_take_tables_or_refuse_them(seed: int) -> None:
    _, x, _ = drawn(seed)
    found = checked(lambda: FORMULA.predict(x))
    assert found is None or found.shape == (len(x),)


@pytest.mark.slow
@fuzz(3)
@given(SEEDS)
def test_symbolic_estimators_find_a_formula_or_refuse(seed: int) -> None:
    _, x, y = drawn(seed)
    model = checked(lambda: SymbolicRegressor(effort="direct", time_limit=2).fit(x, y), sklearn=True)
    if model is not None:
        assert np.isfinite(checked(lambda: model.predict(x), sklearn=True)).all()
    _, x, y = drawn(seed, classes=True)
    other = checked(lambda: SymbolicClassifier(effort="direct", time_limit=2).fit(x, y), sklearn=True)
    if other is not None:
        assert (other.predict_proba(x) > 0).all()
