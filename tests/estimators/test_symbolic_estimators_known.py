"""Formulas as a regressor of scikit-learn: what a person knows, weights of rows in the search, and losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from sklearn.base import clone

from edgewise import InputError
from edgewise.estimators import SymbolicRegressor

QUICK = {"effort": "direct"}


def test_what_is_known_holds_for_the_formula_and_parameters_are_copied() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"t (s)": rng.uniform(0, 3, 60), "id": rng.uniform(0, 1, 60), "site": rng.choice(["a", "b"], 60)}
    )
    y = 3 * np.exp(-0.7 * table["t (s)"]) + table.id + 0.05 * rng.standard_normal(60)
    known: dict[str, Any] = {
        "functions": ["exp"], "require": "t (s)", "forbid": ["id", "site"], "max_complexity": 8,
        "monotone": {"t (s)": "-"}, "units": {"t (s)": "s", "y": "m"}, "guesses": "A*exp(-k*t_s)",
    }  # fmt: skip
    model = clone(SymbolicRegressor(effort=50, time_limit=300, **known)).fit(table, y)
    assert model.expression_.free_symbols == {sympy.Symbol(next(iter(model.symbols_)))}
    assert set(model.get_params()) >= {*known} and model.get_params()["forbid"] == ["id", "site"]
    for text in model.front_.formula[1:]:
        assert "id" not in text and "site" not in text and "t_s" in text
    assert model.front_.complexity.max() <= 8 and model.score(table, y) > 0.5


def test_a_direct_search_knows_and_weighs_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, (60, 2))
    y, weight = x[:, 0] ** 2 / x[:, 1], np.ones(60)
    y[:20] = 7 * x[:20, 1] + rng.standard_normal(20)
    weight[:20] = 1e-9
    assert SymbolicRegressor(**QUICK).fit(x, y, sample_weight=weight).formula_ == "x1**2/x2"
    model = SymbolicRegressor(effort="direct", forbid="x2").fit(x, y, sample_weight=weight)
    assert not any("x2" in text for text in model.front_.formula)


@pytest.mark.slow
def test_huber_resists_rows_far_from_most() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 2, (60, 1))
    y = 1 + 2 * x[:, 0] + 0.05 * rng.standard_normal(60)
    y[rng.permutation(60)[:8]] += 1.5
    model = SymbolicRegressor(effort=20, time_limit=300, loss="huber", max_complexity=5).fit(x, y)
    line = np.polynomial.Polynomial.fit(x[:, 0], y, 1)
    huber, squares = (np.abs(found - [1, 5]).max() for found in (model.predict([[0.0], [2.0]]), line([0.0, 2.0])))
    assert huber < 0.07 < squares


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"loss": "cubes"}, "'loss' must be 'squared' or 'huber'"),
        ({"effort": "direct", "template": "a*?"}, "'template' needs a search"),
        ({"functions": ["sine"], **QUICK}, "Unknown function 'sine'"),
        ({"forbid": ["x9"], **QUICK}, "Unknown column in 'forbid' 'x9'"),
        ({"n_jobs": 0, "effort": 0}, "'n_jobs' must be"),
    ],
)
def test_what_cannot_be_known_is_refused_in_fit(parameters: dict[str, Any], words: str) -> None:
    x = np.random.default_rng(0).uniform(1, 2, (20, 2))
    with pytest.raises(InputError, match=words):
        SymbolicRegressor(**parameters).fit(x, x[:, 0] * x[:, 1])
