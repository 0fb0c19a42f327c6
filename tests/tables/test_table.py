"""Reading tables."""

from __future__ import annotations

import os
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise import InputError
from edgewise.io import Table, read_table, sniff

NAN = float("nan")


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_columns(table: Table, expected: dict[str, list[float]]) -> None:
    assert table.names == list(expected)
    for name, values in expected.items():
        assert table.columns[name].dtype == np.float64
        np.testing.assert_array_equal(table.columns[name], values)
    assert table.n_rows == len(next(iter(expected.values())))


READS = {
    "comma": ("a,b\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "tab": ("a\tb\n1\t2\n", {"a": [1], "b": [2]}),
    "semicolon": ("a;b\n1;2\n", {"a": [1], "b": [2]}),
    "bar": ("a|b\n1|2\n", {"a": [1], "b": [2]}),
    "white space": ("a  b\n 1   2\n3 4 \n", {"a": [1, 3], "b": [2, 4]}),
    "one column": ("my column\n1\n2\n", {"my column": [1, 2]}),
    "windows line ends": ("a,b\r\n1,2\r\n", {"a": [1], "b": [2]}),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,2\n", {"a": [1], "b": [2]}),
    "utf-16": (b"\xff\xfe" + "a\tb\n1\t2\n".encode("utf-16-le"), {"a": [1], "b": [2]}),
    "blank lines": ("\na,b\n\n1,2\n   \n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
    "missing": ("a,b\n,NA\n-,?\n  ,null\n1,2\n", {"a": [NAN, NAN, NAN, 1], "b": [NAN, NAN, NAN, 2]}),
    "truth": ("a,b\ntrue,1\nFalse,2\n,3\n", {"a": [1, 0, NAN], "b": [1, 2, 3]}),
    "infinite": ("a,b\ninf,1e400\n", {"a": [np.inf], "b": [np.inf]}),
    "decimal comma": ("a;b\n1,5;2\n-2;3,25e2\n", {"a": [1.5, -2], "b": [2, 325]}),
    "decimal comma and points for thousands": ("a;b\n1.234,5;1.000\n", {"a": [1234.5], "b": [1000]}),
    "decimal comma beside decimal points": ("a;b\n1,5;2.5\n", {"a": [1.5], "b": [2.5]}),
    "thousands": ('a,b\n"1,234",2\n"12,345.5",3\n', {"a": [1234, 12345.5], "b": [2, 3]}),
    "thousands in a tab file": ("a\tb\n1,234\t2\n12,345\t3\n", {"a": [1234, 12345], "b": [2, 3]}),
    "delimiter within a name": ('"mass, kg",b\n1,2\n', {"mass, kg": [1], "b": [2]}),
    "leading zero in a tab file": ("a\tb\n0,200\t1\n0,107\t2\n", {"a": [0.2, 0.107], "b": [1, 2]}),
    "leading zero in quotation marks": ('a,b\n"0,107",1\n"-0,200",2\n', {"a": [0.107, -0.2], "b": [1, 2]}),
    "point with a leading zero beside decimal commas": (
        "a;b\n0,5;0.107\n1,5;0.2\n",
        {"a": [0.5, 1.5], "b": [0.107, 0.2]},
    ),
    "a comma that follows another column": ("a\tb\n1,500\t0,25\n", {"a": [1.5], "b": [0.25]}),
    "Swiss": ("a;b\n1'234.5;2\n1’000’000;3\n", {"a": [1234.5, 1e6], "b": [2, 3]}),
    "Indian": ('a,b\n"1,23,456.5",2\n"12,34,567",3\n', {"a": [123456.5, 1234567], "b": [2, 3]}),
    "spaces in the numbers": ("a;b\n1\u00a0234,5;2\n1\u202f000\u202f000;3\n", {"a": [1234.5, 1e6], "b": [2, 3]}),
    "a comma before an exponent": ("a\tb\n1,500e3\t1\n", {"a": [1500], "b": [1]}),
    "minus sign of typesetting": ("a,b\n\u22121.5,2\n", {"a": [-1.5], "b": [2]}),
    "Excel's separator": ("sep=;\na;b\n1,5;2\n", {"a": [1.5], "b": [2]}),
    "comments": ("# made by an instrument\n# 2024\na,b\n1,2\n# paused\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "header in a comment": ("# run 7\n# a b\n1.0 2.0\n3.0 4.0\n", {"a": [1, 3], "b": [2, 4]}),
    "units": ("a,b\n[s],[V]\n0.5,2\n1,4\n", {"a": [0.5, 1], "b": [2, 4]}),
    "R's write.csv": ('"","a","b"\n"Mazda RX4",21,6\n"Datsun",22,4\n', {"a": [21, 22], "b": [6, 4]}),
    "R's write.table": ('"a b" "c"\n"Mazda RX4" 21 6\n"Datsun" 22 4\n', {"a b": [21, 22], "c": [6, 4]}),
    "delimiter at the ends of lines": ("a,b\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}),
    "a field of 200,000 characters": ("a,b\n1,2\n3," + "4" * 200_000 + "\n", {"a": [1, 3], "b": [2, np.inf]}),
    "utf-32": ("\ufeffa,b\n1,2\n".encode("utf-32"), {"a": [1], "b": [2]}),
    "every digit": ("a,b\n0.1234567890123456,1e-300\n", {"a": [0.1234567890123456], "b": [1e-300]}),
}


@pytest.mark.parametrize("case", READS)
def test_reads(case: str, tmp_path: Path) -> None:
    content, expected = READS[case]
    assert_columns(read_table(write(tmp_path, content)), expected)


OPTIONS = {
    "decimal comma": ("a\tb\n1,500\t2\n", {"decimal": ","}, {"a": [1.5], "b": [2]}),
    "decimal point": ("a;b\n1,500;2\n", {"decimal": "."}, {"a": [1500], "b": [2]}),
    "commas for thousands": ("a;b\n1,500;2\n", {"thousands": ","}, {"a": [1500], "b": [2]}),
    "points for thousands": ("a,b\n1.500,2\n", {"thousands": "."}, {"a": [1500], "b": [2]}),
    "no thousands": ("a\tb\n1,500\t2\n", {"thousands": ""}, {"a": [1.5], "b": [2]}),
    "one column with decimal commas": ("a\n1,5\n2,25\n", {"decimal": ","}, {"a": [1.5, 2.25]}),
    "cp1252": (
        "gr\u00f6\u00dfe;b\n1,5;2\n".encode("cp1252"),
        {"encoding": "cp1252"},
        {"gr\u00f6\u00dfe": [1.5], "b": [2]},
    ),
    "utf-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, {"a": [1], "b": [2]}),
    "like another table": ("a\tb\n1,500\t2\n", {"like": {"a": ","}}, {"a": [1.5], "b": [2]}),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_replace_the_guess(case: str, tmp_path: Path) -> None:
    content, options, expected = OPTIONS[case]
    assert_columns(read_table(write(tmp_path, content), **options), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"decimal": ";"},
        {"thousands": "x"},
        {"decimal": ",", "thousands": ","},
        {"encoding": "none"},
        {"like": {"a": "x"}},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Got|Unknown encoding 'none'"):
        read_table(write(tmp_path, "a,b\n1,2\n"), **options)


def test_columns_that_nothing_decides_are_left_out_with_the_remedy(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a;b;c\n0,5;0.5;1,500\n"))
    assert table.notes == ["Commas are read as decimal signs in 'a', points in 'b'."]
    ((name, reason),) = table.left_out
    assert name == "c"
    assert "'1,500' can be 1500 or 1.5" in reason
    assert "decimal=" in reason
    mixed = read_table(write(tmp_path, "a;b\n0,5;1\n0.25;2\n"))
    assert mixed.left_out == [("a", "decimal commas and decimal points are mixed, as in '0,5' and '0.25'")]
    unlike = read_table(write(tmp_path, "a;b\n1,500;0.5\n"), like={"a": ","})
    assert [name for name, _ in unlike.left_out] == ["a"]


def test_what_was_left_out_of_a_text_is_said(tmp_path: Path) -> None:
    notes = {
        "# made by\na,b\n1,2\n": "1 comment line left out (beginning with '#').",
        "a,b\ns,V\n1,2\n": "Line 2 is taken for units: 's, V'.",
        "a b\nx 1 2\ny 3 4\n": "The first of 3 fields is taken for the names of the rows: the header has 2.",
        "a,b\n9007199254740993,1\n": "Numbers of more than 16 digits are rounded to float64 in 'a'.",
    }
    for content, note in notes.items():
        assert read_table(write(tmp_path, content)).notes == [note]


def test_the_time_grows_with_the_columns_and_not_with_their_square(tmp_path: Path) -> None:
    n = 30_000
    rows = [",".join(f"c{k}" for k in range(n)), *(",".join(f"{k % 97 + row}.5" for k in range(n)) for row in range(3))]
    began = time.process_time()
    table = read_table(write(tmp_path, "\n".join(rows)))
    assert len(table.names) == n
    assert time.process_time() - began < 8  # one on an idle core; 154 for 100,000 when it was quadratic


def test_what_float64_cannot_tell_apart_is_not_called_equal(tmp_path: Path) -> None:
    big = 2**53 + np.arange(8) * 4
    frame = pd.DataFrame(
        {"a": big, "b": big + np.arange(8) % 2, "c": np.arange(8) % 2 + 2**53, "y": np.arange(8.0) ** 2}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    for ending in ("parquet", "csv"):
        notes = read_table(tmp_path / f"t.{ending}").select("y").notes
        assert notes == [
            "Input 'b' is left out: it equals 'a' in every row, to the 16 digits of float64.",
            "Input 'c' is left out: it is 9.0072e+15 in every row, to the 16 digits of float64.",
        ]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_pipe_is_refused_at_once(ending: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe.{ending}")
    with pytest.raises(InputError, match="not a regular file"):
        read_table(tmp_path / f"pipe.{ending}")


def test_parquet_of_every_type(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "x": pa.array([1.5, None]),
            "empty": pa.nulls(2),
            "list": pa.array([[1], [2]]),
            "struct": pa.array([{"u": 1}, {"u": 2}]),
            "duration": pa.array([1, 2], pa.duration("s")),
            "zone": pa.array([1, 2], pa.timestamp("us", "Europe/Berlin")),
            "money": pa.array([Decimal("1.25"), None]),
            "bytes": pa.array([b"u", b"v"]),
            "code": pa.array(["1,5", "2,5"]).dictionary_encode(),
            "half": pa.array([np.float16(0.5), np.float16(1)], pa.float16()),
            "id": pa.array([bytes(16), bytes(16)], pa.uuid()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet")
    assert_columns(
        found,
        {"x": [1.5, NAN], "empty": [NAN, NAN], "money": [1.25, NAN], "code": [1.5, 2.5], "half": [0.5, 1]},
    )
    assert [name for name, _ in found.left_out] == ["list", "struct", "duration", "zone", "bytes", "id"]
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="two columns named 'a'"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".tab", ".txt", ".dat", ".CSV"])
def test_reads_every_ending(ending: str, tmp_path: Path) -> None:
    assert_columns(read_table(write(tmp_path, "a\tb\n1\t2\n", f"t{ending}")), {"a": [1], "b": [2]})


def test_leaves_out_what_is_no_number_and_says_why(tmp_path: Path) -> None:
    rows = [
        "n,word,day,mixed,",
        *(f"{i},w{i},2020-01-0{i},{i if i != 3 else 'n/m'},{i}" for i in range(1, 6)),
    ]
    table = read_table(write(tmp_path, "\n".join(rows)))
    assert table.names == ["n"]
    assert table.left_out == [
        ("word", "text"),
        ("day", "dates"),
        ("mixed", "text in 1 of 5 rows, first 'n/m' in row 3"),
        ("column 5", "no name in the header"),
    ]


def test_says_how_numbers_were_read(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "a;b\n1,5;2\n")).notes == ["Commas are read as decimal signs."]
    thousands = read_table(write(tmp_path, 'a,b\n"1,500",2\n'))
    assert thousands.notes == [
        "Thousands separators are taken out of the numbers.",
        "'1,500' in column 'a' is read as 1500, not 1.5: decimal=',' (--decimal ,) reads it the other way.",
    ]
    sure = read_table(write(tmp_path, 'a,b\n"1,500.5",2\n'))
    assert sure.notes == ["Thousands separators are taken out of the numbers."]
    assert read_table(write(tmp_path, "a,b\n1,2\n")).notes == []


def test_parquet_agrees_with_csv_and_knows_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "f": np.array([0.5, NAN], dtype=np.float32),
            "b": [True, False],
            "gap": pd.array([1, None], dtype="Int64"),
            "maybe": pd.array([True, None], dtype="boolean"),
            "decimal": [Decimal("1.5"), Decimal(2)],
            "category": pd.Categorical([3, 4]),
            "text number": ["1,234", "2"],
            "word": ["u", "v"],
            "kind": pd.Categorical(["u", "v"]),
            "day": [datetime(2020, 1, 1), datetime(2020, 1, 2)],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert_columns(
        table,
        {
            "i": [1, 2],
            "f": [0.5, NAN],
            "b": [1, 0],
            "gap": [1, NAN],
            "maybe": [1, NAN],
            "decimal": [1.5, 2],
            "category": [3, 4],
            "text number": [1234, 2],
        },
    )
    assert table.left_out == [("word", "text"), ("kind", "text"), ("day", "dates")]


def test_parquet_keeps_a_named_index_as_a_column(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.0]}, index=pd.Index([7], name="key")).to_parquet(tmp_path / "t.parquet")
    assert_columns(read_table(tmp_path / "t.parquet"), {"key": [7], "a": [1]})


REFUSED = {
    "empty": ("", "is empty"),
    "blank": (" \n\n", "is empty"),
    "only a header": ("a,b\n", "header but no rows"),
    "no header": ("1,2\n3,4\n", "has no header"),
    "long row": ("a,b\n1,2\n1,2,3\n", "line 3 has 3 fields where the header has 2"),
    "short row": ("a,b\n1\n", "line 2 has 1 fields"),
    "short last row": ("a,b,c\n1,2,3\n1,2", "line 3 has 2 fields"),
    "two columns of one name": ("a,b,a\n1,2,3\n", "two columns named 'a' (columns 1 and 3)"),
    "binary": (b"PK\3\4\0\0", "is a binary file"),
    "no known encoding": ("a,b\n1,\x81\n".encode("latin-1"), "not UTF-8 text (line 2)"),
    "open quotation mark": ('a,b\n1,"2\n3,4\n', "quotation mark"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str, tmp_path: Path) -> None:
    content, words = REFUSED[case]
    with pytest.raises(InputError) as caught:
        read_table(write(tmp_path, content))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_files_that_are_no_tables(tmp_path: Path) -> None:
    for path, words in [
        (tmp_path / "none.csv", "There is no file"),
        (tmp_path, "is a folder"),
        (write(tmp_path, "x", "t.xls"), "does not read (.xls)"),
        (write(tmp_path, "x", "bare"), "does not read (no ending)"),
        (write(tmp_path, "x", "t.parquet"), "not a Parquet file"),
        (write(tmp_path, "", "u.parquet"), "is empty"),
    ]:
        with pytest.raises(InputError) as caught:
            read_table(path)
        assert words in str(caught.value)


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1,
        max_size=9,
    ),
)
def test_numbers_survive_writing_and_reading(tmp_path_factory, delimiter: str, rows: list[list[float]]) -> None:
    text = "\n".join(delimiter.join(map(str, row)) for row in [["a", "b", "c"], *rows])
    path = tmp_path_factory.mktemp("rows") / "t.csv"
    path.write_text(text)
    table = read_table(path)
    assert sniff(text.split("\n")) == delimiter
    np.testing.assert_array_equal(table.inputs(["a", "b", "c"]), rows)
