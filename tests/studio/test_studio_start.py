"""The studio's first page: files and tables of its folder, and sessions that begin with them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import InputError
from edgewise.studio import Desk, Moved

ROWS = 60
KEPLER = {"file": "orbits", "target": "period_days", "inputs": ["semi_major_axis_km"]}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk in a folder with a table, a session and a network, and things that are not to be opened."""
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, (ROWS, 2))
    lines = [f"{a:.6f},{b:.6f},{a * b:.6f}" for a, b in x]
    (tmp_path / "area.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    (tmp_path / "notes.md").write_text("nothing to open")
    (tmp_path / ".hidden.csv").write_text("a,b\n1,2\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "deep.csv").write_text("a,b\n1,2\n")
    ew.save(ew.KAN([2, 1], seed=0), tmp_path / "net.safetensors", names=["a", "b"], target="y")
    return Desk(tmp_path)


def test_files_are_those_of_the_folder_and_the_shipped_tables(desk: Desk) -> None:
    found = desk.ask("files", {})
    assert [row["file"] for row in found["tables"]] == ["area.csv"]
    assert [row["file"] for row in found["networks"]] == ["net.safetensors"]
    assert found["sessions"] == [] and found["session"] is None and not found["open"]
    assert {row["file"] for row in found["shipped"]} == set(ew.datasets.names())
    assert all(row["about"].endswith(".") for row in found["shipped"])
    assert found["tables"][0]["size"] == (desk.folder / "area.csv").stat().st_size


def test_a_table_is_shown_with_its_columns(desk: Desk) -> None:
    found = desk.ask("open_table", {"file": "penguins"})
    columns = {one["name"]: one for one in found["columns"]}
    assert found["rows"] == 344 and found["target"] == "body_mass_g"
    numbers = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    assert found["inputs"] == [*numbers, "year", "species", "island", "sex"]  # as `fit` and `discover` take them
    mass = columns["body_mass_g"]
    assert (mass["kind"], mass["missing"], mass["low"], mass["high"]) == ("number", 2, 2700, 6300)
    assert sum(mass["histogram"]["counts"]) == 342 and mass["why"] is None and mass["unit_guess"] == "g"
    assert columns["year"]["histogram"]["edges"] == [2006.5, 2007.5, 2008.5, 2009.5]
    assert columns["flipper_length_mm"]["correlation"] > 0.8
    assert columns["species"]["levels"][0] == ["Adelie", 152] and columns["species"]["kind"] == "text"
    json.dumps(found, allow_nan=False)


def test_another_target_has_other_correlations(desk: Desk) -> None:
    found = desk.ask("open_table", {"file": "penguins", "target": "bill_length_mm"})
    assert "body_mass_g" in found["inputs"] and "bill_length_mm" not in found["inputs"]
    with pytest.raises(InputError, match="'body' cannot be the target: a target of text has 2 to 12 classes"):
        desk.ask("open_table", {"file": "orbits", "target": "body"})
    with pytest.raises(InputError, match="Unknown target column 'mass'"):
        desk.ask("open_table", {"file": "penguins", "target": "mass"})


def test_a_text_that_tells_the_same_as_a_number_is_no_input(desk: Desk) -> None:
    found = desk.ask("open_table", {"file": "orbits"})
    assert "Column 'primary' tells the same as 'primary_mass_kg', and is not ticked." in found["notes"]
    assert set(found["inputs"]) == {"primary_mass_kg", "semi_major_axis_km"}


def test_what_numbers_the_rows_is_no_input(desk: Desk) -> None:
    header = ["patient ID", "humid", "orderID", "code", "y"]
    rows = [f"{(7 * k) % 41 + 100},{k % 13},{k * k},{k % 5},{(k * k % 29) / 3}" for k in range(40)]
    (desk.folder / "cells.csv").write_text("\n".join([",".join(header), *rows]))
    found = desk.ask("open_table", {"file": "cells.csv"})
    assert found["inputs"] == ["humid", "code"]
    for name in ("patient ID", "orderID"):
        assert f"Column {name!r} numbers the rows, as its name says, and is not ticked." in found["notes"]


def test_why_a_column_is_of_no_use_is_said(desk: Desk) -> None:
    rows = [f"{k},7,,{k},inf,{k % 3},2020-01-{k % 28 + 1:02},{k * k % 29}" for k in range(40)]
    (desk.folder / "odd.csv").write_text("\n".join(["row,same,empty,twin,endless,few,day,y", *rows]))
    found = desk.ask("open_table", {"file": "odd.csv"})
    why = {one["name"]: one["why"] for one in found["columns"]}
    assert why["same"] == "it is 7 in every row" and why["empty"] == "it is empty"
    assert why["twin"] == "it equals 'row'" and why["endless"].startswith("it has infinite values, 40")
    assert why["day"] is None
    assert found["target"] == "y" and found["inputs"] == ["few"] and "counts the rows" in found["notes"][0]


def test_units_come_from_a_line_of_units_or_brackets(desk: Desk) -> None:
    lines = ["t,v (m/s),w,y", "s,,flurbs,m", *(f"{k},{k % 7}.5,{k % 5},{k % 11}" for k in range(30))]
    (desk.folder / "units.csv").write_text("\n".join(lines))
    found = {one["name"]: one for one in desk.ask("open_table", {"file": "units.csv"})["columns"]}
    assert {name: one["unit"] for name, one in found.items()} == {"t": "s", "v (m/s)": "m/s", "w": "flurbs", "y": "m"}
    assert found["w"]["unit_problem"] and not found["t"]["unit_problem"]


def test_at_most_twenty_inputs_are_suggested(desk: Desk) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 30))
    y = x[:, 29] + 0.01 * x[:, 0]
    names = ",".join([f"v{k}" for k in range(30)] + ["y"])
    np.savetxt(desk.folder / "wide.csv", np.column_stack([x, y]), fmt="%.6g", delimiter=",", header=names, comments="")
    found = desk.ask("open_table", {"file": "wide.csv"})
    assert len(found["inputs"]) == 20 and "v29" in found["inputs"] and "30 columns could be inputs" in found["notes"][0]


def test_a_session_begins_with_a_table(desk: Desk) -> None:
    planned = desk.ask("plan", KEPLER)
    assert not desk.has_session and planned["rows"] == 44
    answer = desk.ask("begin", KEPLER)
    assert answer["names"] == ["semi_major_axis_km"] and answer["targets"] == ["period_days"] and answer["at"] == 0
    assert answer["notes"] == planned["notes"] and "too many for 35 rows" in answer["notes"][-1]
    assert "9 of 44 rows are held out" in answer["notes"][0] and (answer["rows"], answer["new_rows"]) == (35, 9)
    assert answer["file"] == "orbits.session" == desk.file.name if desk.file else False
    saved = ew.Session.load(desk.folder / "orbits.session")
    assert torch.equal(saved.table.x, desk.session.table.x)
    assert desk.drawers["start"]["table"] == ew.datasets.path("orbits")
    assert desk.ask("files", {})["session"] == "orbits.session"


def test_no_session_is_written_over(desk: Desk) -> None:
    names = [desk.ask("begin", KEPLER)["file"] for _ in range(3)]
    assert names == ["orbits.session", "orbits-2.session", "orbits-3.session"]


def test_rows_with_gaps_are_left_out_with_a_note(desk: Desk) -> None:
    answer = desk.ask("begin", {"file": "penguins", "target": "body_mass_g", "inputs": ["flipper_length_mm"]})
    assert answer["rows"] + answer["new_rows"] == 342 and "2 rows of 344 left out" in answer["notes"][0]
    assert "start" not in desk.drawers  # the table holds other rows than the session


@pytest.mark.parametrize(
    ("asked", "widths"),
    [
        ({}, [2, 1, 1]), ({"widths": [2, 4, 3, 1]}, [2, 4, 3, 1]), ({"widths": [2, [1, 1], 1]}, [2, (1, 1), 1]),
        ({"widths": [2, 1]}, [2, 1]), ({"grid": 30}, [2, 1, 1]), ({"grid": 3, "degree": 1}, [2, 2, 1]),
    ],
)  # fmt: skip
def test_the_network_is_as_asked_or_as_the_rows_allow(desk: Desk, asked: dict, widths: list) -> None:
    desk.ask("begin", {"file": "area.csv", "target": "y", "inputs": ["a", "b"], **asked})
    assert desk.session.model.widths == widths
    assert desk.session.model.layers[0].grid == asked.get("grid", 5)


def test_the_seed_gives_the_network(desk: Desk) -> None:
    form = {"file": "area.csv", "target": "y", "inputs": ["a"]}
    errors = [desk.ask("begin", {**form, "seed": seed})["error"] for seed in (0, 1, 0)]
    assert errors[0] == errors[2] != errors[1]


BAD_FORMS = {
    "no such table": ({"file": "areas.csv"}, "Unknown file 'areas.csv'. Known: area.csv"),
    "no such target": ({"target": "z"}, "Unknown target column 'z'"),
    "no such input": ({"inputs": ["a", "q"]}, "Unknown input column 'q'"),
    "no inputs": ({"inputs": []}, "at least one column"),
    "target is input": ({"inputs": ["a", "y"]}, "is also among the inputs"),
    "inputs are a text": ({"inputs": "ab"}, "'inputs' are names"),
    "target is a number": ({"target": 3}, "'target' is a column's name"),
    "widths do not fit": ({"widths": [3, 5, 1]}, "the 1 inputs first and 1 last"),
    "widths are text": ({"widths": "1,5,1"}, "'widths' lists the nodes"),
    "too many nodes": ({"widths": [1, 900, 900, 1]}, "at most 2000 edges"),
    "no nodes": ({"widths": [1, 0, 1]}, "'widths' lists the nodes"),
    "grid": ({"grid": 0}, "'grid' is a whole number"),
    "grid is true": ({"grid": True}, "'grid' is a whole number"),
    "degree": ({"degree": 10}, "'degree' is a whole number"),
    "seed": ({"seed": -1}, "'seed' is a whole number"),
    "units are no units": ({"units": {"a": "flurb"}}, "The unit of 'a'"),
    "units are numbers": ({"units": {"a": 3}}, "'units' maps columns to texts"),
    "sheet of a text file": ({"sheet": "Sheet1"}, "'sheet'"),
    "sheet is a number": ({"sheet": 1}, "'sheet' is the name"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_bad_form_begins_nothing(desk: Desk, name: str) -> None:
    change, message = BAD_FORMS[name]
    for request in ("plan", "begin"):
        with pytest.raises(InputError) as problem:
            desk.ask(request, {"file": "area.csv", "target": "y", "inputs": ["a"], **change})
        assert message in str(problem.value) and str(desk.folder) not in str(problem.value)
    assert not desk.has_session and not list(desk.folder.glob("*.session"))


def test_units_go_into_the_session(desk: Desk) -> None:
    desk.ask("begin", {**KEPLER, "units": {"period_days": " day ", "semi_major_axis_km": "", "primary_mass_kg": "kg"}})
    assert desk.session.units == {"period_days": "day"}


def test_a_saved_session_goes_on(desk: Desk) -> None:
    desk.ask("begin", KEPLER)
    desk.ask("note", {"text": "first"})
    desk.ask("close", {})
    assert not desk.has_session and desk.file is None
    answer = desk.ask("open_session", {"file": "orbits.session"})
    assert answer["history"][0]["note"] == "first" and answer["file"] == "orbits.session"
    desk.ask("note", {"text": "second"})
    assert ew.Session.load(desk.folder / "orbits.session").state.note == "second"


def test_a_damaged_session_leaves_the_open_one(desk: Desk) -> None:
    desk.ask("begin", KEPLER)
    (desk.folder / "bad.session").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"bad\.session") as problem:
        desk.ask("open_session", {"file": "bad.session"})
    assert str(desk.folder) not in str(problem.value)
    assert desk.file is not None and desk.file.name == "orbits.session"


def test_a_network_opens_with_a_table(desk: Desk) -> None:
    answer = desk.ask("open_model", {"file": "net.safetensors", "table": "area.csv"})
    assert answer["names"] == ["a", "b"] and answer["rows"] == ROWS and answer["file"] == "net.session"
    assert torch.equal(desk.session.model.layers[0].coefficients, ew.KAN([2, 1], seed=0).layers[0].coefficients)
    assert desk.drawers["start"]["table"] == desk.folder / "area.csv"


def test_a_network_needs_a_table_with_its_columns(desk: Desk) -> None:
    with pytest.raises(InputError, match="Unknown input column 'a'"):
        desk.ask("open_model", {"file": "net.safetensors", "table": "orbits"})
    ew.save(ew.KAN([2, 1]), desk.folder / "bare.safetensors")
    with pytest.raises(InputError, match="does not say which columns"):
        desk.ask("open_model", {"file": "bare.safetensors", "table": "area.csv"})
    assert not desk.has_session


def test_a_network_of_categories_opens_with_its_table(desk: Desk) -> None:
    table = ew.io.read_table(ew.datasets.path("penguins"))
    mixed = ew.io.select_mixed(table, "body_mass_g", ["species", "flipper_length_mm"])
    assert mixed is not None
    result = ew.fit(ew.KAN([2, 1]), mixed.x, mixed.y, grids=None, options=ew.Options(restarts=1))
    ew.save(result.model, desk.folder / "mixed.safetensors", target="body_mass_g", inputs=result.inputs)
    answer = desk.ask("open_model", {"file": "mixed.safetensors", "table": "penguins"})
    assert answer["names"] == ["flipper_length_mm", "species"] and answer["rows"] == 342
    assert answer["error"] == pytest.approx(np.sqrt(np.mean((result.predict(mixed.x) - mixed.y) ** 2)))
    assert "start" not in desk.drawers


def test_what_is_uploaded_is_in_the_folder(desk: Desk) -> None:
    assert desk.ask("upload", {"name": "up.csv", "content": "a,b\n1,2\n"}) == {"file": "up.csv"}
    assert desk.ask("upload", {"name": "up.csv", "content": "a,b\n1,2\n"}) == {"file": "up.csv"}
    content = base64.b64encode(b"a,b\n3,4\n").decode()
    again = desk.ask("upload", {"name": "up.csv", "content": content, "encoding": "base64"})
    assert again == {"file": "up-2.csv"} and (desk.folder / "up.csv").read_text() == "a,b\n1,2\n"
    assert (desk.folder / "up-2.csv").read_text() == "a,b\n3,4\n"


def test_nothing_begins_while_work_goes_on(desk: Desk) -> None:
    desk.ask("begin", KEPLER)
    desk.ask("act", {"at": 0, "name": "fit", "arguments": {"steps": 100000, "grids": [50]}})
    try:
        with pytest.raises(Moved, match="running"):
            desk.ask("begin", KEPLER)
        with pytest.raises(Moved, match="running"):
            desk.ask("close", {})
        assert len(list(desk.folder.glob("*.session"))) == 1
    finally:
        desk.close()


def test_a_desk_that_only_shows_begins_nothing(desk: Desk) -> None:
    shows = Desk(desk.folder, read_only=True)
    assert shows.ask("files", {})["read_only"] and shows.ask("open_table", {"file": "orbits"})["rows"] == 44
    for name, given in {"begin": KEPLER, "upload": {"name": "a.csv", "content": ""}, "close": {}}.items():
        with pytest.raises(InputError, match="only shows"):
            shows.ask(name, given)


HOSTILE = {
    "folder above": "../secret.csv",
    "folder above, twice": "../../secret.csv",
    "above": "..",
    "here": ".",
    "nothing": "",
    "folder below": "below/deep.csv",
    "backslash": "..\\secret.csv",
    "absolute": "/etc/passwd",
    "absolute table": "/tmp/secret.csv",
    "home": "~/secret.csv",
    "hidden": ".hidden.csv",
    "device": "/dev/zero",
    "null": "area.csv\0.txt",
    "null in the middle": "area\0.csv",
    "line": "area.csv\nx.csv",
    "blank": " area.csv",
    "long": "a" * 300 + ".csv",
    "long in bytes": "ä" * 110 + ".csv",
    "half a character": "a\ud800.csv",
    "right to left": "a\u202evsc.exe.csv",
    "tag": "<script>alert(1)</script>.csv",
    "another ending": "notes.md",
    "no ending": "area",
    "encoded": "..%2fsecret.csv",
    "address": "file:///etc/passwd",
    "number": 7,
    "list": ["area.csv"],
    "true": True,
    "nobody": None,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_name_opens_and_writes_nothing(desk: Desk, kind: str) -> None:
    name = HOSTILE[kind]
    (desk.folder.parent / "secret.csv").write_text((desk.folder / "area.csv").read_text())
    before = sorted(desk.folder.parent.rglob("*"))
    requests = {
        "open_table": {"file": name},
        "plan": {"file": name, "target": "y", "inputs": ["a"]},
        "begin": {"file": name, "target": "y", "inputs": ["a"]},
        "open_session": {"file": name},
        "open_model": {"file": name, "table": "area.csv"},
        "upload": {"name": name, "content": "a,b\n"},
    }
    for request, given in requests.items():
        with pytest.raises(InputError) as problem:
            desk.ask(request, given)
        message = str(problem.value)
        assert len(message) < 400 and message.isprintable() and message.encode()
        assert str(desk.folder) not in message
    with pytest.raises(InputError):
        desk.ask("open_model", {"file": "net.safetensors", "table": name})
    assert sorted(desk.folder.parent.rglob("*")) == before and not desk.has_session


def test_links_and_what_is_no_file_are_not_opened(desk: Desk) -> None:
    outside = desk.folder.parent / "outside.csv"
    outside.write_text((desk.folder / "area.csv").read_text())
    (desk.folder / "out.csv").symlink_to(outside)
    (desk.folder / "down.csv").symlink_to(desk.folder / "below" / "deep.csv")
    (desk.folder / "round.csv").symlink_to("round.csv")
    (desk.folder / "zero.csv").symlink_to("/dev/zero")
    (desk.folder / "secret.csv").symlink_to(desk.folder / ".hidden.csv")
    (desk.folder / "folder.csv").mkdir()
    os.mkfifo(desk.folder / "pipe.csv")
    (desk.folder / "same.csv").symlink_to("area.csv")
    assert {row["file"] for row in desk.ask("files", {})["tables"]} == {"area.csv", "same.csv"}
    assert desk.ask("open_table", {"file": "same.csv"})["rows"] == ROWS
    for name in ("out", "down", "round", "zero", "secret", "folder", "pipe"):
        with pytest.raises(InputError, match=f"'{name}.csv' is"):
            desk.ask("open_table", {"file": f"{name}.csv"})


def test_a_table_of_gigabytes_is_not_read(desk: Desk) -> None:
    with (desk.folder / "vast.csv").open("wb") as file:
        file.truncate(2 * 10**9)  # a file of holes
    with pytest.raises(InputError, match=r"vast\.csv has 2\.0 GB: give the studio some of its rows"):
        desk.ask("open_table", {"file": "vast.csv"})


def test_names_in_a_file_may_be_anything(desk: Desk) -> None:
    names = ["<script>alert(1)</script>", "a'); DROP TABLE", "{{7*7}}", "y"]
    rows = [f"{k % 7},{k % 5},{k % 3},{k * k % 29}" for k in range(40)]
    (desk.folder / "<img src=x>.csv").write_text("\n".join([",".join(names), *rows]))
    found = desk.ask("open_table", {"file": "<img src=x>.csv"})
    answer = desk.ask("begin", {"file": found["file"], "target": "y", "inputs": found["inputs"]})
    assert answer["names"] == names[:3] and answer["file"] == "<img src=x>.session"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"content": "a" * (90 * 2**20)}, "at most 64 MiB"), ({"content": 3}, "has a text as 'content'"),
        ({"encoding": "gzip"}, "'text' or 'base64'"), ({"encoding": ["text"]}, "'text' or 'base64'"),
        ({"content": "no base64!", "encoding": "base64"}, "cannot be read"), ({"content": "\ud800"}, "cannot be read"),
        ({"name": "up.py"}, "must end in"), ({"name": "up:1.csv"}, "in its name"), ({"name": "a<b.csv"}, "in its name"),
    ],
)  # fmt: skip
def test_a_bad_upload_writes_nothing(desk: Desk, change: dict, message: str) -> None:
    before = sorted(desk.folder.iterdir())
    with pytest.raises(InputError, match=message):
        desk.ask("upload", {"name": "up.csv", "content": "a,b\n1,2\n", **change})
    assert sorted(desk.folder.iterdir()) == before
