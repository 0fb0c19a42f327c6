"""Tables with text, dates and gaps: in fit, in saved models, in the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import edgewise as ew
from edgewise.cli import main
from edgewise.encoding import Inputs
from edgewise.io import load_with_metadata, read_table, select_mixed

R = np.random.default_rng(0)
ROWS = 200
SIZE, PLACE, SEX = R.uniform(0, 1, ROWS), R.choice(["Dream", "Biscoe", "Torgersen"], ROWS), R.choice(["f", "m"], ROWS)
TABLE = pd.DataFrame(
    {
        "size": np.where(R.random(ROWS) < 0.1, np.nan, SIZE),
        "place": PLACE,
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS), unit="D"),
        "sex": pd.Series(SEX, dtype=object).where(np.arange(ROWS) % 20 != 3),
        "ripe": R.random(ROWS) < 0.5,
    }
)
Y = 2 * SIZE + 3.0 * (PLACE == "Dream") - (PLACE == "Torgersen") + (SEX == "m") + 0.3 * R.normal(size=ROWS)
NAMES = ["size", "size is missing", "place", "day", "sex", "ripe"]


def fitted() -> ew.train.FitResult:
    return ew.fit(ew.KAN([6, 1], seed=0), TABLE, Y, options=ew.Options(restarts=1))


RESULT = fitted()


def test_a_table_is_fitted_and_predicted_as_it_comes() -> None:
    assert RESULT.inputs is not None and RESULT.inputs.names == NAMES
    assert RESULT.inputs.levels == [None, None, 3, None, 3, None]
    assert RESULT.score(TABLE, Y) > 0.9
    shuffled = TABLE[TABLE.columns[::-1]]
    np.testing.assert_array_equal(RESULT.predict(shuffled), RESULT.predict(TABLE))
    np.testing.assert_array_equal(RESULT.predict(pl.DataFrame(TABLE)), RESULT.predict(TABLE))
    strange = TABLE.assign(place="Anvers", ripe=None, sex=None, day=pd.NaT)
    assert np.isfinite(RESULT.predict(strange)).all()


def test_levels_of_one_row_and_levels_apart_keep_their_code() -> None:
    table = pd.DataFrame({"a": ["b"] * 30 + ["c"] + ["d"] * 30, "z": R.normal(size=61)})
    y = np.where(table["a"] == "d", 2.0, -1.0) + 0.1 * R.normal(size=61)
    result = ew.fit(ew.KAN([2, 2, 1]), table, y, options=ew.Options(restarts=1))
    assert result.score(table[table["a"] != "c"], y[(table["a"] != "c").to_numpy()]) > 0.95


def test_classes_are_fitted_as_well() -> None:
    labels = (Y + 1.5 * R.normal(size=ROWS) > 1).astype(int)
    result = ew.fit(ew.KAN([6, 1]), TABLE, labels, loss="cross_entropy", options=ew.Options(restarts=1))
    assert result.score(TABLE, labels) > 0.7 and result.predict(TABLE).shape == (ROWS, 2)


def test_numbers_alone_are_fitted_as_before() -> None:
    x = pd.DataFrame({"a": SIZE, "b": R.normal(size=ROWS), "c": SIZE > 0.5})
    options = ew.Options(restarts=1)
    result = ew.fit(ew.KAN([3, 1]), x, Y, options=options)
    assert result.inputs is None
    array = ew.fit(ew.KAN([3, 1]), x.to_numpy(dtype=float), Y, options=options)
    np.testing.assert_array_equal(result.predict(x), array.predict(x.to_numpy(dtype=float)))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (TABLE, "takes 2 inputs. The table has 6: 'size', 'size is missing', 'place', 'day', 'sex', 'ripe'"),
        (TABLE.assign(size=np.inf), "'size' has inf in row 0"),
        (pd.DataFrame({"a": [1.0, "b"] * 100, "b": 1.0}, dtype=object), "mixes"),
    ],
)
def test_misuse_is_refused(x: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        ew.fit(ew.KAN([2, 1]), x, Y)


def test_gaps_that_are_the_same_share_an_input() -> None:
    table = pd.DataFrame({"a": [1.0, None, 3.0], "b": [4.0, None, 6.0], "c": [None, 1.0, 2.0]})
    inputs = Inputs.learn(table)
    assert inputs.names == ["a", "a is missing", "b", "c", "c is missing"]
    assert inputs.of(table).tolist() == [[1, 0, 4, 1.5, 1], [2, 1, 5, 1, 0], [3, 0, 6, 2, 0]]
    assert Inputs.from_dict(json.loads(json.dumps(inputs.to_dict()))) == inputs


@pytest.mark.parametrize(
    "change",
    [{"fills": [1.0]}, {"marked": [1] * 5}, {"fills": [float("nan")] * 5}, {"encoder": {}}, {"more": 1}],
    ids=str,
)
def test_damaged_inputs_are_refused(change: dict[str, Any]) -> None:
    assert RESULT.inputs is not None
    with pytest.raises(ew.InputError):
        Inputs.from_dict({**RESULT.inputs.to_dict(), **change})


def test_a_saved_model_knows_its_columns(tmp_path: Path) -> None:
    ew.save(RESULT.model, tmp_path / "m", target="y", inputs=RESULT.inputs)
    saved = load_with_metadata(tmp_path / "m")
    assert saved.inputs is not None and saved.inputs == RESULT.inputs and saved.names == NAMES
    outputs = saved.model(torch.as_tensor(saved.inputs.of(TABLE)))[:, 0].detach().numpy()
    np.testing.assert_array_equal(outputs, RESULT.predict(TABLE))
    for wrong in ({"names": list("abcdef")}, {"model": ew.KAN([5, 1])}):
        with pytest.raises(ew.InputError, match="must be those of"):
            ew.save(**{"model": RESULT.model, "path": tmp_path / "n", "inputs": RESULT.inputs, **wrong})  # type: ignore[arg-type]


def test_columns_that_say_nothing_are_left_out_with_a_note(tmp_path: Path) -> None:
    names = [f"n{k}" for k in range(ROWS)]
    TABLE.assign(id=names, lab="here", y=Y, copy=TABLE["size"]).to_csv(tmp_path / "t.csv", index=False)
    table = read_table(tmp_path / "t.csv")
    assert set(table.texts) == {"place", "sex", "id", "lab"} and set(table.dates) == {"day"}
    found = select_mixed(table, "y")
    assert found is not None
    assert sorted(found.names) == ["day", "place", "ripe", "sex", "size"]
    assert "Input 'id' is left out: it is text with 200 different values in 200 rows." in found.notes
    assert "Input 'lab' is left out: it is 'here' in every row." in found.notes
    assert any("'copy' is left out: it equals 'size'" in note for note in found.notes)
    named = select_mixed(table, "y", ["id", "size"])
    assert named is not None and named.names == ["size", "id"]
    assert select_mixed(table, "y", ["ripe"]) is None
    with pytest.raises(ew.InputError, match="target column 'place' cannot be used: text"):
        select_mixed(table, "place")


def test_dates_of_parquet_and_csv_are_alike(tmp_path: Path) -> None:
    TABLE.assign(y=Y).to_csv(tmp_path / "t.csv", index=False)
    TABLE.assign(y=Y).to_parquet(tmp_path / "t.parquet")
    frames = [select_mixed(read_table(tmp_path / name), "y") for name in ("t.csv", "t.parquet")]
    assert frames[0] is not None and frames[1] is not None
    first, second = (Inputs.learn(each.x) for each in frames if each is not None)
    assert first == second
    np.testing.assert_array_equal(first.of(frames[0].x), second.of(frames[1].x))


def test_the_commands_take_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = TABLE.assign(y=np.where(np.arange(ROWS) == 5, np.nan, Y), code=np.where(SIZE < 0.3, "1", "x"))
    table.to_csv("t.csv", index=False)
    assert main(["fit", "t.csv", "--target", "y", "--widths", "7,1", "--out", "m.safetensors"]) == 0
    printed = capsys.readouterr().out
    assert "1 row of 200 left out" in printed
    assert "'place' (3), 'sex' (3), 'code' (2)" in printed and "'size is missing'" in printed
    assert main(["predict", "m.safetensors", "t.csv", "--out", "p.csv"]) == 0
    frame = pd.read_csv("p.csv")
    assert np.isfinite(frame["y_predicted"].to_numpy()).all() and frame["place"].tolist() == PLACE.tolist()
    assert np.corrcoef(frame["y_predicted"], Y)[0, 1] > 0.9
    assert str(frame["day"].tolist()[1]).startswith("2020-01-02")
    table.query("code == '1'").drop(columns="y").to_csv("ones.csv", index=False)  # levels that look like numbers here
    assert main(["predict", "m.safetensors", "ones.csv", "--out", "q.csv"]) == 0
    expected = frame.loc[(table["code"] == "1").to_numpy(), "y_predicted"]
    np.testing.assert_allclose(pd.read_csv("q.csv")["y_predicted"], expected)
    capsys.readouterr()
    assert main(["export", "m.safetensors", "--to", "c", "--out", "m.c"]) == 0
    assert "Input place: 0 is 'Biscoe', 1 is 'Dream', 2 is 'Torgersen'." in capsys.readouterr().err
    assert main(["plot", "m.safetensors", "t.csv", "--out", "m.png"]) == 0
    assert main(["predict", "m.safetensors", "p.csv"]) == 2
    table.drop(columns="place").to_csv("less.csv", index=False)
    assert main(["predict", "m.safetensors", "less.csv"]) == 2
    assert "Unknown input column 'place'" in capsys.readouterr().err
