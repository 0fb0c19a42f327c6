"""Files as they come: signs around numbers, units, comments, encodings and workbooks."""

import sys
from pathlib import Path

import numpy as np
import pytest

from edgewise import InputError
from edgewise.io import read_table

TABLE = "mass,share,dose\nkg,,mg/l\n1.5,12 %,<0.01\n2.5,7.5%,0.4\n4,100 %,>5\n"


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_signs_are_taken_out_of_numbers_and_said(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, TABLE))
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "mass": [1.5, 2.5, 4.0], "share": [12.0, 7.5, 100.0], "dose": [0.005, 0.4, 5.0],
    }  # fmt: skip
    assert table.units == {"mass": "kg", "dose": "mg/l"}
    assert table.notes == [
        "Line 2 is taken for units: 'kg, , mg/l'.",
        "Percent signs are taken out of column 'share': 12 % is 12.",
        "'<0.01' in column 'dose' is read as half of the limit.",
        "'>5' in column 'dose' is read as the limit.",
    ]


def test_signs_that_only_some_cells_have_leave_text(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a,b,c\n12 %,<low,1\n7,<0.5,2\n3 %,2,3\n"))
    assert table.names == ["c"]
    assert table.texts["a"] == ["12 %", "7", "3 %"] and table.texts["b"] == ["<low", "<0.5", "2"]


@pytest.mark.parametrize("sign", ["#", "%"])
def test_comments_are_left_out_and_said(sign: str, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, f"{sign} made by me\na,b\n1,2\n{sign} a pause\n3,4\n"))
    assert table.columns["b"].tolist() == [2, 4]
    assert table.notes == [f"2 comment lines left out (beginning with {sign!r})."]


def test_a_name_may_begin_with_a_percent_sign(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "% fat,weight\n1,2\n3,4\n")).names == ["% fat", "weight"]
    assert read_table(write(tmp_path, "% x y\n1 2\n3 4\n", "t.dat")).names == ["x", "y"]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("cp1252", "The text is not UTF-8 (line 1) and is read as cp1252: encoding= (--encoding) names another"),
        ("utf-16", "The text is UTF-16."),
    ],
)
def test_encodings_are_found_and_said(encoding: str, note: str | None, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "größe,°C\n1,2\n3,4\n".encode(encoding)))
    assert table.names == ["größe", "°C"]
    assert [text[: len(note or "")] for text in table.notes] == ([] if note is None else [note])


def test_workbooks_need_openpyxl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match="pip install openpyxl"):
        read_table(write(tmp_path, b"PK", "t.xlsx"))


def test_sheets_of_workbooks_are_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    import datetime

    book = openpyxl.Workbook()
    first = book.active
    first.title = "made"
    for row in [
        ["# a note"], [], ["day", "mass", "kind", "share"], [None, "kg", None, "%"],
        [datetime.datetime(2020, 1, 1), 1.234, "u", "<0.5"], [datetime.datetime(2020, 1, 2), 2, None, "3"],
    ]:  # fmt: skip
        first.append(row)
    second = book.create_sheet("other")
    second.append(["a"])
    second.append([5])
    path = tmp_path / "t.xlsx"
    book.save(path)
    table = read_table(path)
    assert table.columns["mass"].tolist() == [1.234, 2.0] and table.columns["share"].tolist() == [0.25, 3.0]
    assert table.dates["day"][1] == np.datetime64("2020-01-02") and table.texts["kind"] == ["u", None]
    assert table.units == {"mass": "kg", "share": "%"}
    assert table.notes[0] == "Sheet 'made' of 2 is read: sheet= (--sheet) names another."
    assert read_table(path, sheet="other").columns["a"].tolist() == [5.0]
    with pytest.raises(InputError, match="Unknown sheet 'others'"):
        read_table(path, sheet="others")


def test_sheets_are_of_workbooks_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for Excel workbooks"):
        read_table(write(tmp_path, TABLE), sheet="made")
