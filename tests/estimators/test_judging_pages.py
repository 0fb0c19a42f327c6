"""Two models compared, groups of rows, and rows that moved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from edgewise import InputError
from edgewise.estimators import Edit, KANClassifier, KANRegressor, compare

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)

_RNG = np.random.default_rng(3)
_COUNT = 400
TABLE = pd.DataFrame(
    {
        "age": np.where(_RNG.random(_COUNT) < 0.1, np.nan, _RNG.uniform(18, 80, _COUNT)),
        "area": np.exp(_RNG.normal(4, 1.2, _COUNT)),
        "city": _RNG.choice(["Lyon", "Paris", "Rennes"], _COUNT),
    }
)
SUM = (np.sin(TABLE.age.fillna(0) / 10) + 0.5 * np.log(TABLE.area) + 1.5 * (TABLE.city == "Paris")
       + _RNG.normal(0, 0.3, _COUNT)).rename("cost")  # fmt: skip


@pytest.fixture(scope="module")
def model() -> KANRegressor:
    return KANRegressor(steps=False, products=0).fit(TABLE, SUM)


@pytest.fixture(scope="module")
def sure() -> KANClassifier:
    return KANClassifier(steps=False, products=0).fit(TABLE, SUM > 3)


def test_scores_are_compared_in_pairs(model: KANRegressor) -> None:
    edited = model.edited(Edit(part="city", change="equal", levels=("Paris", "Lyon")))
    found = compare(model, edited, TABLE, SUM)
    first, second = ((each.predict(TABLE) - SUM) ** 2 for each in (model, edited))
    row = found.scores.loc["squared error"]
    assert row["first"] == pytest.approx(first.mean()) and row["second"] == pytest.approx(second.mean())
    assert row["error"] == pytest.approx((second - first).std(ddof=1) / np.sqrt(_COUNT))
    assert found.columns.index[0] == "city" and found.columns["share"].iloc[0] == pytest.approx(1)
    assert found.columns.loc["city", "where"] in ("Paris", "Lyon")
    away = np.abs(edited.predict(TABLE) - model.predict(TABLE))
    assert np.abs(found.rows["difference"]).tolist() == pytest.approx(np.sort(away)[::-1][:10].tolist())
    assert set(found.rows.index) <= set(TABLE.index)


def test_the_page_has_both_curves(model: KANRegressor, look: Callable[..., Page], tmp_path: Path) -> None:
    edited = model.edited(Edit(part="age", change="flat", low=40))
    text = compare(model, edited, TABLE, SUM).to_html() or ""
    found = re.search(r'<script type="application/json" id="values">(.*?)</script>', text, re.DOTALL)
    assert found
    values = json.loads(found[1])
    assert values["rows"]["count"] == 0 and not values["interactive"]
    path = tmp_path / "both.html"
    assert compare(model, edited, TABLE, SUM).to_html(path) is None
    view = look(SimpleNamespace(url=path.as_uri()), width=390)
    assert view.locator("#curves path.other").count() == 2
    assert view.locator("#curves circle.other").count() == 3
    assert view.locator("#prediction").count() == 0
    assert view.get_by_role("heading", name="Scores").count() == 1


def test_other_estimators_are_compared_by_their_predictions(model: KANRegressor, sure: KANClassifier) -> None:
    numbers = TABLE[["area"]]
    curves = KANRegressor(steps=False).fit(numbers, SUM)
    line = LinearRegression().fit(numbers, SUM)
    found = compare(curves, line, numbers, SUM)
    assert found.scores.loc["squared error", "difference"] > 0
    assert "no curves in the same units" in (found.to_html() or "")
    classes = KANClassifier(steps=False).fit(numbers, SUM > 3)
    other = LogisticRegression().fit(numbers, SUM > 3)
    table = compare(classes, other, numbers, SUM > 3).scores
    assert table.index.tolist() == ["log loss", "Brier score", "wrong labels"]
    assert table.loc["wrong labels", "first"] == pytest.approx(1 - classes.score(numbers, SUM > 3))


def test_models_that_do_not_fit_together_are_refused(model: KANRegressor, sure: KANClassifier) -> None:
    with pytest.raises(InputError, match="both classes"):
        compare(model, sure, TABLE, SUM)
    with pytest.raises(InputError, match="first model"):
        compare(LinearRegression(), model, TABLE, SUM)
    with pytest.raises(InputError, match="same classes"):
        compare(sure, DummyClassifier().fit(TABLE, TABLE.city), TABLE, SUM > 3)
    forest = RandomForestRegressor(2).fit(TABLE[["area"]], np.column_stack([SUM, SUM]))
    with pytest.raises(InputError, match="as many targets"):
        compare(KANRegressor(steps=False).fit(TABLE[["area"]], SUM), forest, TABLE[["area"]], SUM)


def test_errors_of_groups_have_intervals_that_hold(model: KANRegressor) -> None:
    group = np.where(TABLE.city == "Paris", "capital", "elsewhere")
    table = model.fairness(TABLE, SUM + 0.5 * (group == "capital"), group)
    assert table.index.tolist() == ["capital", "elsewhere", "all rows"]
    assert table.loc["capital", "mean_error_high"] < -0.3
    assert table.loc["elsewhere", "mean_error_low"] < 0 < table.loc["elsewhere", "mean_error_high"]
    assert table.loc["all rows", "calibration_slope"] == pytest.approx(1, abs=0.2)
    assert table["rows"].sum() == 2 * _COUNT


def test_rates_of_groups_are_those_of_labels(sure: KANClassifier) -> None:
    table = sure.fairness(TABLE, SUM > 3, "city")
    own, chosen = TABLE.city == "Paris", sure.predict(TABLE)
    truth = (SUM > 3).to_numpy()
    row = table.loc["Paris"]
    assert row["predicted_rate"] == chosen[own].mean()
    assert row["true_positive_rate"] == chosen[own & truth].mean()
    assert row["false_positive_rate"] == chosen[own & ~truth].mean()
    assert row["accuracy_low"] < row["accuracy"] == (chosen == truth)[own].mean() < row["accuracy_high"]
    assert row["mean_error"] == pytest.approx((sure.predict_proba(TABLE)[own, 1] - truth[own]).mean())
    three = KANClassifier(steps=False, products=0).fit(TABLE, np.digitize(SUM, [2.5, 3.5]))
    assert "largest_mean_error" in three.fairness(TABLE, np.digitize(SUM, [2.5, 3.5]), "city")


def test_calibration_slopes_are_those_of_a_logistic_regression(sure: KANClassifier) -> None:
    known = SUM > 3
    logit = sure.decision_function(TABLE)[:, None]
    slope = LogisticRegression(C=1e9, max_iter=1000).fit(logit, known).coef_[0, 0]
    assert sure.fairness(TABLE, known, "city").loc["all rows", "calibration_slope"] == pytest.approx(slope, rel=1e-3)


def test_groups_must_fit_the_rows(model: KANRegressor) -> None:
    with pytest.raises(InputError, match="must be a column"):
        model.fairness(TABLE, SUM, "sex")
    with pytest.raises(InputError, match="at most 30 levels"):
        model.fairness(TABLE, SUM, "area")
    with pytest.raises(InputError, match="a label for each of 400 rows"):
        model.fairness(TABLE, SUM, ["a", "b"])
    with pytest.raises(ValueError, match="coverage"):
        model.fairness(TABLE, SUM, "city", coverage=95)


def test_columns_that_moved_come_first(model: KANRegressor) -> None:
    new = TABLE.assign(area=TABLE.area * 20, city=np.where(np.arange(_COUNT) % 10 == 0, "Nice", TABLE.city))
    table = model.drift(TABLE, new)
    assert table.index[0] == "area" and table.loc["area", "psi"] > 1 and table.loc["area", "p_value"] < 1e-6
    change = (model.explain(new)["area"] - model.explain(TABLE)["area"]).mean()
    assert table.loc["area", "shift"] == pytest.approx(change)
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc["age", "psi"] < 1e-9 and table.loc["age", "p_value"] == 1
    assert table.loc["age", "missing_new"] == TABLE.age.isna().mean()
    assert table.loc["city", "outside"] == 0.1
    assert table.loc["area", "outside"] == pytest.approx((new.area > TABLE.area.max()).mean())
    assert "are outside of what was fitted" in table.attrs["note"]


def test_tables_are_sections_of_pages(model: KANRegressor) -> None:
    tables = [model.fairness(TABLE, SUM, "city"), model.drift(TABLE, TABLE[::2]), model.edits_]
    text = model.to_html(TABLE, SUM, tables=tables) or ""
    assert "<h2>Groups: city</h2>" in text and "<h2>Drift</h2>" in text
    assert re.search(r"<td[^>]*>[-\d.]+ \([-\d.]+ to [-\d.]+\)</td>", text)


def test_several_targets_and_classes_move_together() -> None:
    targets = np.column_stack([SUM, -SUM])
    model: Any = KANRegressor(steps=False, products=0).fit(TABLE, targets)
    table = model.drift(TABLE, TABLE.assign(area=2 * TABLE.area))
    assert table.index[0] == "area" and (table["shift"] >= 0).all()
