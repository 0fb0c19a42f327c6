"""Rows of the studio: histograms and points over all and over selected rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import InputError
from edgewise.studio import Desk

ROWS = 3000


def desk_of(folder: Path, outputs: int = 1, rows: int = ROWS, names: tuple[str, str] = ("u", "v")) -> Desk:
    """A desk with a session on two inputs: one uniform, one over six decades."""
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.uniform(-1, 1, rows), 10 ** rng.uniform(0, 6, rows)])
    y = np.column_stack([x[:, 0] ** 2, np.sign(x[:, 0])])[:, :outputs]
    target = ["y", "z"][:outputs] if outputs > 1 else "y"
    return Desk(folder, ew.Session(ew.KAN([2, outputs], seed=0), x, y, list(names), target=target))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk_of(tmp_path_factory.mktemp("rows"))


def test_all_rows_are_counted_in_every_histogram(desk: Desk) -> None:
    found = desk.ask("rows", {})
    assert found["rows"] == found["selected"] == ROWS
    assert [(one["name"], one["kind"]) for one in found["columns"]] == [
        ("u", "column"), ("v", "column"), ("y", "target"), ("fitted", "fitted"), ("residual", "residual"),
    ]  # fmt: skip
    for one in found["columns"]:
        assert sum(one["counts"]) == ROWS and one["selected"] == one["counts"]
        assert len(one["edges"]) == len(one["counts"]) + 1
    assert [one["scale"] for one in found["columns"][:2]] == ["linear", "log"]
    json.dumps(found, allow_nan=False)


def test_the_sample_is_even_and_always_the_same(desk: Desk) -> None:
    first, second = desk.ask("rows", {})["sample"], desk.ask("rows", {"rows": [{"name": "u", "low": 0, "high": 1}]})
    index = np.array(first["index"])
    assert len(index) == 2000 and index[0] == 0 and index[-1] == ROWS - 1 and set(np.diff(index)) == {1, 2}
    assert second["sample"]["index"] == first["index"] and second["sample"]["values"] == first["values"]
    table, fitted = desk.session.table, desk.session.state.situation.model(desk.session.table.x)[:, 0]
    columns = [table.x[:, 0], table.x[:, 1], table.y[:, 0], fitted, table.y[:, 0] - fitted]
    for values, column in zip(first["values"], columns, strict=True):
        np.testing.assert_allclose(values, column.detach()[index], rtol=1e-7, atol=1e-9)


def test_ranges_select_together(desk: Desk) -> None:
    ranges = [{"name": "u", "low": 0, "high": 0.5}, {"name": "residual", "low": -1e9, "high": 0.4}]
    found = desk.ask("rows", {"rows": ranges})
    x, y = desk.session.table.x, desk.session.table.y[:, 0]
    residual = (y - desk.session.state.situation.model(x)[:, 0]).detach()
    mask = (x[:, 0] >= 0) & (x[:, 0] <= 0.5) & (residual <= 0.4)
    assert found["selected"] == int(mask.sum()) < ROWS
    assert all(sum(one["selected"]) == found["selected"] for one in found["columns"])
    assert found["sample"]["chosen"] == mask[found["sample"]["index"]].int().tolist()
    shown = desk.ask("view", {"rows": ranges})
    assert shown["selected"] == found["selected"]


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([{"name": "w", "low": 0, "high": 1}], "Unknown column 'w'"),
        ([{"name": "u", "low": 5, "high": 6}], "Fewer than two rows"),
        ([{"name": "u", "low": "0", "high": 1}], "are numbers"),
        ([{"name": "u", "low": float("nan"), "high": 1}], "are numbers"),
        ([{"name": "u", "low": 0}], "are numbers"),
        ({"name": "u", "low": 0, "high": 1}, "is a list of ranges"),
        ([["u", 0, 1]], "is a list of ranges"),
        ([{"name": ["u"], "low": 0, "high": 1}], "Unknown column"),
        ("u", "is a list of ranges"),
    ],
)
def test_a_bad_range_is_refused(desk: Desk, ranges: object, message: str) -> None:
    for request in ("rows", "view"):
        with pytest.raises(InputError, match=message):
            desk.ask(request, {"rows": ranges})


def test_one_row_is_shown_with_all_its_values(desk: Desk) -> None:
    found = desk.ask("row", {"index": 17})
    values = {one["name"]: one["value"] for one in found["values"]}
    assert values["u"] == float(desk.session.table.x[17, 0])
    assert values["residual"] == pytest.approx(values["y"] - values["fitted"])
    for index in (-1, ROWS, 1.5, "1", True, None):
        with pytest.raises(InputError, match="numbered from 0 to 2999"):
            desk.ask("row", {"index": index})


def test_several_targets_have_their_fitted_values_each(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, outputs=2, rows=50)
    found = desk.ask("rows", {})
    assert [(one["name"], one["of"]) for one in found["columns"] if one["of"]] == [
        ("fitted of y", "y"), ("residual of y", "y"), ("fitted of z", "z"), ("residual of z", "z"),
    ]  # fmt: skip
    assert desk.ask("rows", {"rows": [{"name": "residual of z", "low": -9e9, "high": 9e9}]})["selected"] == 50


def test_columns_that_are_called_as_fitted_values_stay_columns(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, rows=50, names=("fitted", "residual"))
    found = {one["name"]: one for one in desk.ask("rows", {})["columns"]}
    assert found["fitted"]["kind"] == "column" and found["fitted by the network"]["kind"] == "fitted"
    assert desk.ask("rows", {"rows": [{"name": "fitted", "low": 0, "high": 1}]})["selected"] == int(
        (desk.session.table.x[:, 0] >= 0).sum()
    )


def test_rows_follow_the_session(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, rows=200)
    before = desk.ask("rows", {})
    view = desk.ask("act", {"at": 0, "name": "add_variable", "arguments": {"name": "w", "formula": "u*u"}})
    given = {"edge": [0, 0, 2], "function": "x", "affine": [1, 0, 1, 0]}
    desk.ask("act", {"at": view["at"], "name": "set_function", "arguments": given})
    after = desk.ask("rows", {})
    assert [one["kind"] for one in after["columns"]] == ["column", "column", "variable", "target", "fitted", "residual"]
    assert after["at"] == 2 and before["at"] == 0
    fitted = desk.session.state.situation.model(desk.session.table.x)[:, 0].detach()
    shown = after["sample"]["values"][4]
    torch.testing.assert_close(torch.tensor(shown, dtype=torch.float64), fitted, rtol=1e-7, atol=1e-9)


def test_a_column_of_whole_numbers_has_a_bin_each(tmp_path: Path) -> None:
    x = np.column_stack([np.arange(100) % 4, np.linspace(0, 1, 100)])
    desk = Desk(tmp_path, ew.Session(ew.KAN([2, 1]), x, x[:, 1] ** 2, ["k", "t"]))
    first = desk.ask("rows", {})["columns"][0]
    assert first["edges"] == [-0.5, 0.5, 1.5, 2.5, 3.5] and first["counts"] == [25] * 4
