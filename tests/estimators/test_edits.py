"""Models that a person changes: what edits do, what they cost, and that edited models work like others."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.base import clone

from edgewise import InputError
from edgewise.estimators import Edit, KANClassifier, KANRegressor
from edgewise.export import to_onnx

_RNG = np.random.default_rng(0)
_COUNT = 400
TABLE = pd.DataFrame(
    {
        "age": np.where(_RNG.random(_COUNT) < 0.1, np.nan, np.round(_RNG.uniform(18, 80, _COUNT))),
        "area": np.exp(_RNG.normal(4, 1.2, _COUNT)),
        "city": _RNG.choice(["Lyon", "Paris", "Rennes", "Metz"], _COUNT),
        "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(_RNG.integers(0, 900, _COUNT), "D"),
    }
)
SUM = (
    np.sin(TABLE.age.fillna(0) / 10) + 0.5 * np.log(TABLE.area) + 1.5 * (TABLE.city == "Paris")
    + np.where(TABLE.area > 60, 0.7, 0.0) * (TABLE.age.fillna(45) - 45) / 20 + _RNG.normal(0, 0.2, _COUNT)
)  # fmt: skip
CLASSES = np.digitize(SUM, [2, 3.2])


@pytest.fixture(scope="module")
def model() -> KANRegressor:
    return KANRegressor().fit(TABLE, SUM)


@pytest.fixture(scope="module")
def sure() -> KANClassifier:
    return KANClassifier().fit(TABLE, CLASSES)


def contribution(model: Any, part: str, values: Any) -> np.ndarray:
    """Return what a column adds at some of its values."""
    rows = TABLE.iloc[[0] * len(values)].copy()
    rows[part] = list(values) if part == "city" else values
    return model.explain(rows)[part].to_numpy()


AGES = np.linspace(10, 90, 801)


@pytest.mark.parametrize(("change", "sign"), [("rising", 1), ("falling", -1)])
def test_a_curve_becomes_monotone(model: KANRegressor, change: Any, sign: int) -> None:
    edited = model.edited(Edit(part="age", change=change))
    steps = np.diff(contribution(edited, "age", AGES))
    assert (sign * steps).min() >= -1e-12
    assert (sign * np.diff(contribution(model, "age", AGES))).min() < -1e-3


def test_a_curve_that_rises_is_left_as_it_is() -> None:
    x = np.linspace(0, 1, 200)[:, None]
    model = KANRegressor(steps=False).fit(x, 3 * x[:, 0] + x[:, 0] ** 2)
    edited = model.edited(Edit(part="x1", change="rising"))
    assert np.abs(edited.predict(x) - model.predict(x)).max() < 1e-7


def test_a_curve_becomes_monotone_in_an_interval_alone(model: KANRegressor) -> None:
    edited = model.edited(Edit(part="age", change="rising", low=40, high=60))
    inside = (AGES >= 40) & (AGES <= 60)
    before, after = contribution(model, "age", AGES), contribution(edited, "age", AGES)
    assert np.diff(after[inside]).min() >= -1e-12
    away = (AGES < 40 - 0.04 * 62) | (AGES > 60 + 0.04 * 62)
    assert np.abs(before - after)[away].max() < 1e-12


def test_an_interval_is_flat_at_the_mean_of_its_rows(model: KANRegressor) -> None:
    edited = model.edited(Edit(part="age", change="flat", low=30, high=50))
    inside = (AGES >= 30) & (AGES <= 50)
    after = contribution(edited, "age", AGES)
    assert np.ptp(after[inside]) < 1e-12
    rows = TABLE.age.between(30, 50)
    assert after[inside][0] == pytest.approx(model.explain(TABLE)["age"][rows].mean())


def test_values_are_fixed_and_raised(model: KANRegressor) -> None:
    fixed = model.edited(Edit(part="age", change="fixed", amount=0.25, low=60))
    assert np.abs(contribution(fixed, "age", [60.0, 71.5, 80.0, 200.0]) - 0.25).max() < 1e-12
    raised = model.edited(Edit(part="age", change="raised", amount=-0.5, high=30))
    places = np.array([18.0, 25.3, 30.0])
    change = contribution(raised, "age", places) - contribution(model, "age", places)
    assert np.abs(change + 0.5).max() < 1e-12


def test_a_day_bounds_an_interval(model: KANRegressor) -> None:
    edited = model.edited(Edit(part="seen", change="fixed", amount=1.0, low="2021-03-01"))
    after = contribution(edited, "seen", pd.to_datetime(["2021-03-01", "2022-01-01"]))
    assert np.abs(after - 1).max() < 1e-12


def test_levels_and_gaps_take_other_values(model: KANRegressor) -> None:
    before = model.explain(TABLE)["city"]
    equal = model.edited(Edit(part="city", change="equal", levels=("Paris", "Lyon")))
    both = TABLE.city.isin(["Paris", "Lyon"])
    after = equal.explain(TABLE)["city"]
    assert np.ptp(after[both]) < 1e-12
    assert after[both].iloc[0] == pytest.approx(before[both].mean())
    assert np.abs(after - before)[~both].max() == 0
    gap = model.edited(Edit(part="age", change="fixed", amount=0.0, levels=(None,)))
    assert abs(contribution(gap, "age", [np.nan])[0]) < 1e-12
    assert np.abs(contribution(gap, "age", AGES) - contribution(model, "age", AGES)).max() == 0


@pytest.mark.parametrize("kind", ["model", "sure"])
def test_every_part_can_be_removed(kind: str, request: pytest.FixtureRequest) -> None:
    fitted = request.getfixturevalue(kind)
    parts = fitted.explain(TABLE) if kind == "model" else fitted.explain(TABLE)[2]
    for name in parts.columns[1:]:
        edited = fitted.edited(Edit(part=name, change="removed"))
        after = edited.explain(TABLE) if kind == "model" else edited.explain(TABLE)[2]
        assert np.abs(after.get(name, np.zeros(1))).max() < 1e-9
        rest = [column for column in parts if column != name and column in after]
        assert np.abs(after[rest] - parts[rest]).to_numpy().max() < 1e-9


EDITS = [
    Edit(part="age", change="rising", reason="risk grows with age"),
    Edit(part="area", change="flat", low=100, reason="few rows"),
    Edit(part="city", change="equal", levels=("Paris", "Metz")),
    Edit(part="age", change="raised", amount=0.1, levels=(None,)),
    Edit(part="age", change="fixed", amount=0.3, low=60, high=70),
]


@pytest.mark.parametrize("kind", ["model", "sure"])
def test_an_edited_model_works_like_any_other(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    fitted = request.getfixturevalue(kind)
    edited = fitted.edited(EDITS)
    again = pickle.loads(pickle.dumps(edited))
    one_by_one = fitted
    for edit in EDITS:
        one_by_one = one_by_one.edited(edit)
    assert one_by_one.edits_.equals(edited.edits_)
    predict = "predict" if kind == "model" else "predict_proba"
    assert (getattr(again, predict)(TABLE) == getattr(edited, predict)(TABLE)).all()
    assert (getattr(again.undone().undone(), predict)(TABLE) == getattr(fitted.edited(EDITS[:3]), predict)(TABLE)).all()
    rows = TABLE.assign(seen=TABLE.seen.astype("int64") / 86400e6)
    session = onnxruntime.InferenceSession(to_onnx(edited, dtype="float64").SerializeToString())
    names = [each.name for each in session.get_inputs()]
    days = rows.assign(seen=(TABLE.seen - pd.Timestamp("1970-01-01")).dt.days.astype(float))
    inputs = {name: days[[name]].to_numpy(object if name == "city" else float) for name in names}
    found = session.run(["y" if kind == "model" else "probabilities"], inputs)[0]
    assert np.abs(found.reshape(_COUNT, -1) - getattr(edited, predict)(TABLE).reshape(_COUNT, -1)).max() < 1e-9
    assert len(edited.plot_curves(TABLE).axes_) >= 4
    assert edited.network_inputs(TABLE).shape == fitted.network_inputs(TABLE).shape
    assert len(clone(edited).fit(TABLE, SUM if kind == "model" else CLASSES).edits_) == 0


def test_costs_are_the_losses_of_predictions(model: KANRegressor) -> None:
    fresh = TABLE.sample(100, random_state=1)
    target = SUM[fresh.index] + 0.1
    edited = model.edited(EDITS[:2], fresh, target)
    table = edited.edits_
    assert table["edit"].tolist() == [str(edit) for edit in EDITS[:2]]
    assert table["reason"].tolist() == ["risk grows with age", "few rows"]
    assert table["given_before"][0] == pytest.approx(np.mean((model.predict(fresh) - target) ** 2))
    assert table["given_after"][1] == pytest.approx(np.mean((edited.predict(fresh) - target) ** 2))
    assert table["held_out_before"][1] == table["held_out_after"][0]
    fit, after = model.fits_[0], edited.fits_[0]
    change = (edited.predict(TABLE) - model.predict(TABLE))[fit.rows] / fit.target.scale
    assert np.abs(after.held_out[:, 0] - fit.held_out[:, 0] - change).max() < 1e-9
    assert "after edits by hand" in edited.summary() and "by hand" not in model.summary()


def test_intervals_follow_the_residuals_of_the_edited_model(model: KANRegressor) -> None:
    edited = model.edited(Edit(part="area", change="removed"))
    low, high = edited.predict_interval(TABLE, 0.9).T
    assert 0.85 < ((low < SUM) & (high > SUM)).mean() <= 0.97
    assert np.median(high - low) > 1.5 * np.median(np.ptp(model.predict_interval(TABLE, 0.9), axis=1))


def test_an_edit_of_one_class_leaves_the_others(sure: KANClassifier) -> None:
    edited = sure.edited(Edit(part="age", change="flat", target=1))
    before, after = sure.explain(TABLE), edited.explain(TABLE)
    assert np.ptp(after[1]["age"][TABLE.age.notna()]) < 1e-9
    assert np.abs(before[0] - after[0]).to_numpy().max() < 1e-9
    assert np.abs(before[2] - after[2]).to_numpy().max() < 1e-9


def test_several_targets_are_edited_together_or_alone() -> None:
    targets = np.column_stack([SUM, -2 * SUM])
    model = KANRegressor(steps=False, products=0).fit(TABLE, targets)
    one = model.edited(Edit(part="age", change="removed", target=1))
    assert np.abs(one.predict(TABLE)[:, 0] - model.predict(TABLE)[:, 0]).max() == 0
    assert np.abs(model.edited(Edit(part="age", change="removed")).explain(TABLE)[0]["age"]).max() < 1e-9


def test_a_loaded_model_needs_rows(model: KANRegressor) -> None:
    loaded = pickle.loads(pickle.dumps(model))
    with pytest.raises(InputError, match="lost the rows of fit"):
        loaded.edited(EDITS[0])
    edited = loaded.edited(EDITS[0], TABLE, SUM)
    assert np.abs(edited.predict(TABLE) - model.edited(EDITS[0]).predict(TABLE)).max() < 1e-12
    assert edited.edits_["held_out_after"].tolist() == model.edited(EDITS[0]).edits_["held_out_after"].tolist()
    half = loaded.edited(EDITS[0], TABLE[::2], SUM[::2])
    assert half.edits_["held_out_after"].isna().all()


def test_edits_come_from_a_file(model: KANRegressor, tmp_path: Path) -> None:
    plain = [{"part": "city", "change": "equal", "levels": ["Lyon", "Metz"], "reason": "one region"},
             {"part": "age", "change": "flat", "low": 60.0, "high": None}]  # fmt: skip
    path = tmp_path / "edits.json"
    path.write_text(json.dumps({"edits": plain}))
    for given in (path, str(path), {"edits": plain}, plain):
        assert [str(edit) for edit in model.edited(given).applied_edits()] == [
            "city: equal at Lyon, Metz", "age: flat from 60.0 on",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"part": "agee", "change": "flat"}, "'agee'. Known: age"),
        ({"part": "age", "change": "wavy"}, "wavy"),
        ({"part": "age", "change": "fixed"}, "'amount' is a number"),
        ({"part": "age", "change": "flat", "amount": 1.0}, "'amount' is a number"),
        ({"part": "age", "change": "flat", "low": 300}, "No rows of 'age'"),
        ({"part": "age", "change": "flat", "low": "young"}, "must be a number or a date"),
        ({"part": "age", "change": "flat", "levels": ["a"]}, "holds numbers"),
        ({"part": "city", "change": "flat"}, "list the 'levels'"),
        ({"part": "city", "change": "equal", "levels": ["Paris", "Nice"]}, "'Nice'"),
        ({"part": "city", "change": "equal", "levels": ["Paris"]}, "at least two"),
        ({"part": "city", "change": "rising", "levels": ["Paris"]}, "no order"),
        ({"part": "city", "change": "removed", "low": 1}, "for an interval of numbers"),
        ({"part": "age", "change": "flat", "target": 4}, "from 0 to 0"),
        ({"part": "age", "change": "flat", "why": "x"}, "key of an edit"),
        ({"change": "flat"}, "must have the key 'part'"),
        ({"part": ["age"], "change": "flat"}, "'part' must be a name"),
        ({"part": "city", "change": "equal", "levels": "Paris"}, "list of levels"),
        ({"part": "city", "change": "equal", "levels": [["Paris"], "Lyon"]}, "list of levels"),
    ],
)
def test_errors_say_what_is_wrong(model: KANRegressor, edit: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.edited(edit)


def test_single_values_take_part_in_edits() -> None:
    """Sites whose effects are their own, not those of a curve."""
    rng = np.random.default_rng(2)
    site = rng.integers(0, 40, 1200).astype(float)
    x = np.column_stack([site, rng.uniform(size=1200), rng.lognormal(size=1200)])
    model = KANRegressor(steps=False).fit(x, 3 * rng.normal(size=40)[site.astype(int)] + x[:, 1])
    assert any(getattr(part, "kind", "") == "value" for part in model.fits_[0].design.inputs)
    before = model.explain(x)
    grid = np.column_stack([np.arange(40.0), np.zeros(40), np.ones(40)])
    rising = model.edited(Edit(part="x1", change="rising")).explain(grid)["x1"].to_numpy()
    assert np.diff(rising).min() >= -1e-12
    fixed = model.edited(Edit(part="x1", change="fixed", amount=0.5, low=10, high=20))
    inside, after = (site >= 10) & (site <= 20), fixed.explain(x)
    assert np.abs(after["x1"][inside] - 0.5).max() < 1e-12
    away = (site < 8) | (site > 22)
    assert np.abs(after["x1"] - before["x1"])[away].max() < 1e-12
    assert np.abs(after["x2"] - before["x2"]).max() < 1e-12


def test_a_hidden_node_reads_what_it_did() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(600, 2))
    model = KANRegressor(steps=False, products=0).fit(x, 1 / (0.2 + x.sum(1)))
    assert model.fits_[0].model.hidden is not None
    before, edited = model.explain(x), model.edited(Edit(part="x1", change="flat"))
    after = edited.explain(x)
    assert np.abs(after["hidden node"] - before["hidden node"]).max() < 1e-12
    assert np.ptp(after["x1"]) < 1e-12
    gone = edited.edited(Edit(part="hidden node", change="removed"))
    assert "hidden node" not in gone.explain(x)
    assert np.abs(gone.explain(x)["x2"] - before["x2"]).max() < 1e-12


def test_targets_without_a_pair_keep_what_they_have() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, size=(300, 3))
    targets = np.column_stack([x[:, 0] * x[:, 1], x[:, 1] * x[:, 2]])
    model = KANRegressor(steps=False, products=1).fit(x, targets)
    edited = model.edited(Edit(part="x1 * x2", change="removed"))
    assert np.abs(edited.predict(x)[:, 1] - model.predict(x)[:, 1]).max() == 0
    assert np.abs(edited.explain(x)[0]["x1 * x2"]).max() < 1e-12
    with pytest.raises(InputError, match="Unknown part"):
        model.edited(Edit(part="x1 * x3", change="removed"))


def test_there_must_be_an_edit_to_undo(model: KANRegressor) -> None:
    with pytest.raises(InputError, match="no edit"):
        model.undone()
    with pytest.raises(InputError, match="path of a JSON file"):
        model.edited("no/such/file.json")
