"""Sweeps: what is tried, what is kept, what is said, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import edgewise as ew
from edgewise.cli import main
from edgewise.sweeps import Space

pytest.importorskip("optuna", reason="sweeps need optuna: pip install 'edgewise[sweep]'")

X = np.random.default_rng(0).uniform(-1, 1, (100, 2))
Y = X[:, 0] ** 2 + 0.5 * X[:, 1]
SMALL: dict[str, Any] = {"hidden": [()], "grid": [2, 5], "sparsity": [0.0, 0.1]}


def test_all_combinations_are_tried_where_they_are_few() -> None:
    found = ew.sweep(X, Y, space=SMALL, trials=10, progress=False)
    assert len(found.trials) == 4 and {trial.ended for trial in found.trials} <= {"complete", "cut"}
    assert found.settings["sparsity"] == 0.0 and found.score > 0.999
    assert found.error == min(trial.error for trial in found.trials)
    assert found.result.score(X, Y) > 0.999 and found.result.model.widths == [2, 1]
    frame = found.frame()
    assert list(frame["error"][:2]) == sorted(frame["error"][:2]) and frame["grid"].isin([2, 5]).all()
    assert "Best settings: hidden none; grid" in str(found) and "R2 on rows that no trial saw" in str(found)


def test_the_same_seed_tries_the_same_settings() -> None:
    space = {"hidden": [()], "sparsity": (0.0, 0.01), "grid": [5, "auto"]}
    first, again = (ew.sweep(X, Y, space=space, trials=3, progress=False) for _ in range(2))
    assert [trial.settings for trial in first.trials] == [trial.settings for trial in again.trials]
    assert [trial.error for trial in first.trials] == [trial.error for trial in again.trials]


@pytest.mark.slow
def test_what_matters_is_told_and_drawn() -> None:
    space = {"hidden": [()], "grid": [2, 5], "sparsity": (1e-4, 1.0)}
    found = ew.sweep(X, Y, space=space, trials=20, progress=False)
    assert max(found.importance, key=lambda name: found.importance[name]) == "sparsity"
    assert sum(found.importance.values()) == pytest.approx(1)
    figure = found.plot()
    assert [ax.get_title().split(":")[0] for ax in figure.axes] == ["order of the trials", *found.importance, "hidden"]


def test_a_study_goes_on_and_belongs_to_its_rows(tmp_path: Path) -> None:
    place = tmp_path / "study.journal"
    one = ew.sweep(X, Y, space=SMALL, trials=4, storage=place, progress=False)
    two = ew.sweep(X, Y, space=SMALL, trials=4, storage=place, progress=False)
    assert [trial.error for trial in one.trials] == [trial.error for trial in two.trials]
    with pytest.raises(ew.InputError, match="a sweep of other rows"):
        ew.sweep(X, -Y, space=SMALL, trials=5, storage=place, progress=False)
    with pytest.raises(ew.InputError, match="a sweep of other space"):
        ew.sweep(X, Y, space={"grid": [3]}, trials=5, storage=place, progress=False)
    with pytest.raises(ew.InputError, match="Cannot open the storage"):
        ew.sweep(X, Y, space=SMALL, storage=tmp_path / "no" / "study.journal", progress=False)


@pytest.mark.slow
def test_processes_share_a_study() -> None:
    found = ew.sweep(X, Y, space=SMALL, trials=4, n_jobs=2, progress=False)
    tried = {(trial.settings["grid"], trial.settings["sparsity"]) for trial in found.trials}
    assert len(tried) == 4 and found.score > 0.999


def test_tables_and_classes() -> None:
    table = pd.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "a", "b")})
    table.loc[3, "size"] = np.nan
    found = ew.sweep(table, Y, space={"hidden": [()], "grid": ["auto"]}, progress=False)
    assert found.result.predict(table).shape == (100,) and found.result.inputs is not None
    classes = (Y > 0.3).astype(int)
    sorted_out = ew.sweep(X, classes, space={"hidden": [()], "grid": [3]}, loss="cross_entropy", progress=False)
    assert sorted_out.score > 0.85 and "Accuracy" in str(sorted_out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": {"widths": [3]}}, "setting of a sweep"),
        ({"space": {"grid": [0]}}, "'grid' cannot be 0"),
        ({"space": {"hidden": (3, 5)}}, "'hidden' must be a list of values"),
        ({"space": {"basis": ("a", "b")}}, "'basis' has no range"),
        ({"space": {"sparsity": (1.0, 0.1)}}, r"two numbers \(low, high\)"),
        ({"space": {}}, "must be a dict"),
        ({"trials": 0}, "'trials' must be an int >= 1"),
        ({"n_jobs": 0}, "'n_jobs' must be a number of workers"),
        ({"time_limit": -1}, "'time_limit' must be a finite number"),
        ({"loss": "square"}, "square"),
    ],
)
def test_what_a_sweep_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ew.InputError, match=message):
        ew.sweep(X, Y, progress=False, **arguments)


def test_rows_that_are_too_few_or_do_not_match_are_refused() -> None:
    with pytest.raises(ew.InputError, match="at least 20"):
        ew.sweep(X[:10], Y[:10])
    with pytest.raises(ew.InputError, match="equally many rows"):
        ew.sweep(X, Y[:50])


def test_a_time_limit_without_a_complete_trial_is_an_error() -> None:
    with pytest.raises(ew.InputError, match="No trial of the sweep was completed"):
        ew.sweep(X, Y, space={"hidden": [(20, 20)], "grid": [20]}, trials=1, time_limit=0.05, progress=False)


def test_spaces_describe_themselves() -> None:
    space = Space.of({"hidden": [(), (5, 5)], "base": [None, "silu"], "grid": (3, 9)})
    assert space.described() == {"hidden": ["none", "5,5"], "base": ["none", "silu"], "grid": [3, 9]}
    assert space.start() is None and space.combinations() is None  # without five nodes, or an automatic grid
    usual = {"hidden": "5", "basis": "bspline", "grid": "auto", "degree": 3, "sparsity": 0.0}
    assert Space.of(None).start() == usual


@pytest.mark.slow
def test_the_command_saves_network_picture_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data.csv"
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y}).to_csv(data, index=False)
    out, picture, trials = tmp_path / "m.safetensors", tmp_path / "s.svg", tmp_path / "t.csv"
    places = ["--out", str(out), "--picture", str(picture), "--table", str(trials)]
    assert main(["sweep", str(data), "--target", "y", "--trials", "1", *places]) == 0
    assert "Trying 1 networks on 100 rows." in (shown := capsys.readouterr().out) and "1 complete" in shown
    assert len(pd.read_csv(trials)) == 1 and picture.read_text().startswith("<?xml")
    assert main(["predict", str(out), str(data), "--out", str(tmp_path / "p.csv")]) == 0
    assert main(["sweep", str(data), "--target", "y", "--picture", str(tmp_path / "s.txt")]) == 2
