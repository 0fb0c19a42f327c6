"""Fits of ordinary tables: noisy, short, with columns of few values; never worse than a constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

import edgewise as ew
from edgewise.train import Outcome

DIABETES = load_diabetes(return_X_y=True)
QUIET = ew.Options(progress=False)


@pytest.mark.parametrize("solver", ["auto", "lm", "cg", "lbfgs", "adam"])
def test_diabetes_is_fitted_by_every_solver(solver: str) -> None:
    x, y = DIABETES
    result = ew.fit(ew.KAN([10, 1]), x[:300], y[:300], solver=solver, options=ew.Options(restarts=1, progress=False))
    assert result.outcome is Outcome.SMOOTHED
    assert result.train_error < 55 and result.score(x[300:], y[300:]) > 0.45


@pytest.mark.parametrize("widths", [[10, 2, 1], [10, (1, 1), 1]])
def test_deep_networks_do_not_overfit_it(widths: list) -> None:  # type: ignore[type-arg]
    x, y = DIABETES
    options = ew.Options(restarts=1, progress=False)
    result = ew.fit(ew.KAN(widths), x[:200], y[:200], options=options)
    assert result.score(x[200:], y[200:]) > 0.4 and result.model.widths == widths


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_classes_are_not_overconfident(load) -> None:  # type: ignore[no-untyped-def]
    x, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    train, test = order[: len(y) // 2], order[len(y) // 2 :]
    classes = len(np.unique(y))
    model = ew.KAN([x.shape[1], 1 if classes == 2 else classes])
    result = ew.fit(model, x[train], y[train], loss="cross_entropy", options=QUIET)
    probability = result.predict(x[test])[np.arange(len(test)), y[test]]
    assert -np.log(probability).mean() < 0.25
    assert result.score(x[test], y[test]) > 0.9


def test_an_exact_law_is_still_fitted_to_rounding() -> None:
    x = torch.rand(200, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    result = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    assert result.validation_error < 1e-8 and result.outcome is not Outcome.SMOOTHED


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Random tables: constants, two values, copies, heavy tails, steps; targets of every kind."""
    r = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows = draw(st.integers(3, 60))
    kinds = {
        "constant": lambda: np.full(rows, 3.0),
        "binary": lambda: r.integers(0, 2, rows).astype(float),
        "few": lambda: r.integers(0, 4, rows).astype(float),
        "normal": lambda: r.normal(size=rows),
        "skewed": lambda: np.exp(3 * r.normal(size=rows)),
        "spike": lambda: np.where(np.arange(rows) == 0, 1e6, r.normal(size=rows)),
        "large": lambda: 1e9 + r.normal(size=rows),
    }
    names = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=4))
    y = kinds[draw(st.sampled_from(sorted(kinds)))]()
    return np.column_stack([kinds[name]() for name in names]), y


@settings(max_examples=12, deadline=None)
@given(tables(), st.sampled_from([[1], [2, 1]]))
def test_no_table_is_fitted_worse_than_by_its_mean(data: tuple[np.ndarray, np.ndarray], widths: list[int]) -> None:
    x, y = data
    result = ew.fit(ew.KAN([x.shape[1], *widths]), x, y, options=ew.Options(restarts=1, progress=False))
    assert result.train_error <= 1.001 * y.std() + 1e-9 * np.abs(y).max()
    assert np.isfinite(result.predict(10 * x)).all()


def test_results_predict_score_and_print_what_a_person_wants() -> None:
    x, y = DIABETES
    result = ew.fit(ew.KAN([10, 1]), x[:300], y[:300], options=QUIET)
    assert result.predict(x[300:]).shape == (142,)
    expected = 1 - np.mean((result.predict(x[300:]) - y[300:]) ** 2) / y[300:].var()
    assert result.score(x[300:], y[300:]) == pytest.approx(expected)
    assert result.baseline == pytest.approx(y[:300].std(), rel=1e-3)
    assert f"R2 on held-out rows: {result.r2:.3g}" in repr(result) and 0.2 < result.r2 < 0.7
    with pytest.raises(ew.InputError, match="10 input columns"):
        result.predict(x[:, :3])
    with pytest.raises(ew.InputError, match="equally many rows"):
        result.score(x, y[:5])
    two = ew.fit(ew.KAN([10, 2]), x, np.column_stack([y, -y]), options=QUIET)
    assert two.predict(x[:7]).shape == (7, 2)


def test_a_solver_object_is_taken_at_its_word() -> None:
    x, y = DIABETES
    result = ew.fit(ew.KAN([10, 1]), x, y, solver=ew.optim.Adam(epochs=5), options=QUIET)
    assert result.outcome is not Outcome.SMOOTHED


def test_a_time_limit_ends_with_the_smoothed_network() -> None:
    x, y = DIABETES
    result = ew.fit(ew.KAN([10, 30, 1]), x, y, options=ew.Options(time_limit=2.0, progress=False))
    assert result.outcome is Outcome.TIME_LIMIT and result.score(x, y) > 0.4


@pytest.mark.parametrize(("rows", "grids"), [(48, "auto"), (60, [15]), (60, [5, 10, 15, 20])])
def test_a_fast_oscillation_of_few_rows_is_learned(rows: int, grids: Any) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (rows, 1))
    new = np.linspace(-0.9, 0.9, 200)[:, None]
    found = ew.fit(ew.KAN([1, 1], seed=0), x, np.sin(9 * x[:, 0]), grids=grids)
    assert found.score(new, np.sin(9 * new[:, 0])) > 0.999
