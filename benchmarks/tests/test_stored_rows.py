"""Stored rows: what a crash tore, what other processes add, and other columns."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise import InputError
from edgewise_bench import Plan, Settings, append, read, run
from edgewise_bench.benchmarks import BENCHMARKS


def two(case: str) -> list[dict[str, object]]:
    return [{"versions": "numpy 2, numba 0", "case": case, "x": number, "y": "last"} for number in (1, 2)]


def cases(path: Path) -> list[tuple[str, str]]:
    return [(row["case"], row["x"]) for row in read(path)]


def test_rows_of_other_columns_are_not_mixed(tmp_path: Path) -> None:
    append(tmp_path / "a.csv", [{"x": 0.123456}])
    with pytest.raises(InputError, match="other columns"):
        append(tmp_path / "a.csv", [{"y": 1}])
    with (tmp_path / "a.csv").open() as file:
        assert next(csv.DictReader(file))["x"] == "0.1235"


WHOLE = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")]


def test_a_file_cut_anywhere_is_read_as_whole_runs_and_added_to(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    append(path, two("a"))
    append(path, two("b"))
    content = path.read_bytes()
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        found = cases(path)
        if size == 0 or content[size - 1] != ord("\n"):  # a cut at the end of a line does not show
            assert found in ([], WHOLE[:2])
        append(path, two("c"))
        assert cases(path) == [*found, ("c", "1"), ("c", "2")]
        assert all(line.count(b",") == content.splitlines()[0].count(b",") + (b'"' in line)
                   for line in path.read_bytes().splitlines())  # fmt: skip


@pytest.mark.slow
def test_a_case_whose_rows_were_torn_is_measured_again(tmp_path: Path) -> None:
    plan, settings = Plan(tmp_path, resume=True), Settings(quick=True, repeats=1)
    path = tmp_path / "steps.csv"
    run([BENCHMARKS["steps"]], settings, plan, lambda stage, share: None)
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    assert read(path) == []
    rows = run([BENCHMARKS["steps"]], settings, plan, lambda stage, share: None)["steps"]
    assert [row["library"] for row in rows] == [row["library"] for row in read(path)] == ["edgewise", "mlp"]


@pytest.mark.parametrize("torn", ["1,2", '1,"2', "1,2,3,4,5,6,7,8,9,10,11,12,13,14", "\0" * 50])
def test_torn_lines_between_others_are_left_out(torn: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    append(path, two("a"))
    with path.open("a") as file:
        file.write(torn + "\n")
    append(path, two("b"))
    assert cases(path) == WHOLE


def test_a_text_of_several_lines_is_stored_in_one(tmp_path: Path) -> None:
    append(tmp_path / "rows.csv", [{"status": 'failed:\n"a", b', "none": None}])
    assert [(row["status"], row["none"]) for row in read(tmp_path / "rows.csv")] == [('failed: "a", b', "")]


def test_other_columns_leave_the_file_as_it_was(tmp_path: Path) -> None:
    append(tmp_path / "rows.csv", two("a"))
    before = (tmp_path / "rows.csv").read_bytes()
    with pytest.raises(InputError, match="other columns"):
        append(tmp_path / "rows.csv", [{"z": 1}])
    assert (tmp_path / "rows.csv").read_bytes() == before


ADDING = """
import sys
from pathlib import Path
from edgewise_bench import append
for number in range(20):
    append(Path("rows.csv"), [{"case": sys.argv[1], "x": number}] * 3)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_processes_that_add_rows_at_the_same_time_lose_none(tmp_path: Path) -> None:
    adding = [subprocess.Popen([sys.executable, "-c", ADDING, name], cwd=tmp_path) for name in ("a", "b")]
    assert [process.wait(100) for process in adding] == [0, 0]
    rows = cases(tmp_path / "rows.csv")
    for name in ("a", "b"):
        assert [row for row in rows if row[0] == name] == [(name, str(n)) for n in range(20) for _ in range(3)]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
