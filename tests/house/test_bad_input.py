"""Whatever is wrong with the input: one line with the problem and the remedy, exit code 2, no file."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_files import header_of, with_header

import edgewise
from edgewise.cli import main

Maker = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A command line, the file contents it meets, and words that its error must hold."""

    name: str
    command: str
    words: tuple[str, ...]
    table: str | bytes | Maker | None = None


def rows(*extra: str, header: str = "a,b,y") -> str:
    """A good table of eight rows, then the extra ones."""
    good = [f"{i},{i * i % 7},{i * i + 1}" for i in range(8)]
    return "\n".join([header, *good, *extra]) + "\n"


def column(values: list[object]) -> str:
    """A table with the values in column b."""
    return "\n".join(["a,b,y", *(f"{i},{value},{i * i + 1}" for i, value in enumerate(values))]) + "\n"


def text_as_parquet() -> None:
    Path("t.parquet").write_text("a,b\n1,2\n")


def folder_named_as_table() -> None:
    Path("t.csv").mkdir()


def file_where_the_folder_should_be() -> None:
    Path("t.csv").write_text(rows())
    Path("taken").write_text("a file")


def saved(change: Callable[[bytes], bytes] = bytes) -> Maker:
    """Save a network of the columns a and b as m.safetensors, its bytes changed."""

    def make() -> None:
        Path("t.csv").write_text(rows())
        edgewise.save(edgewise.KAN([2, 1], seed=0), Path("m.safetensors"), names=["a", "b"], target="y")
        Path("m.safetensors").write_bytes(change(Path("m.safetensors").read_bytes()))

    return make


def two_outputs() -> None:
    Path("t.csv").write_text(rows())
    edgewise.save(edgewise.KAN([2, 2], seed=0), Path("m.safetensors"), names=["a", "b"], target=["y", "z"])


def saved_kept(table: str) -> Maker:
    """The same with another table."""

    def make() -> None:
        saved()()
        Path("t.csv").write_text(table)

    return make


def changed(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """Change the JSON header of a model file, whose checksum is made right again."""

    def apply(data: bytes) -> bytes:
        header = header_of(data)
        change(header)
        assert header != header_of(data)
        return with_header(data, header)

    return apply


def from_the_future(header: dict[str, Any]) -> None:
    """Raise the schema number."""
    description = json.loads(header["__metadata__"]["edgewise"])
    header["__metadata__"]["edgewise"] = json.dumps({**description, "schema": 99})


def other_functions(header: dict[str, Any]) -> None:
    header["__metadata__"] = {key: value.replace('"sin"', '"sinus"') for key, value in header["__metadata__"].items()}


def snapped_with_an_unknown_function() -> None:
    Path("t.csv").write_text(rows())
    model = edgewise.nn.set_function(edgewise.KAN([2, 1], seed=0), 0, 0, 0, "sin", (1.0, 0.0, 1.0, 0.0))
    edgewise.save(model, Path("m.safetensors"), names=["a", "b"], target="y")
    data = Path("m.safetensors").read_bytes()
    Path("m.safetensors").write_bytes(changed(other_functions)(data))


def other_tensors() -> None:
    from safetensors.numpy import save_file

    Path("t.csv").write_text(rows())
    save_file({"weight": np.zeros(3)}, "m.safetensors")


DISCOVER = "discover t.csv --target y --out out"
FIT = "fit t.csv --target y --out m.safetensors"
STATED = "fit-formula t.csv --target y"
PREDICT = "predict m.safetensors t.csv --out p.csv"

CASES = [
    # the size
    Case("cells beyond memory", f"{FIT} --grid 1000000000000000000000", ("of memory", "coarser grid"), rows()),
    Case("nodes beyond memory", f"{FIT} --widths 2,10000000000,1", ("of memory", "fewer nodes"), rows()),
    # the file
    Case("formula of unknown functions", f"{STATED} 'k*foo(a)'", ("Unknown function 'foo'", ">>foo(a)<<"), rows()),
    Case("formula without constants", f"{STATED} 'a + 2*b'", ("no constant to fit",), rows()),
    Case("formula without columns", f"{STATED} 'k*x'", ("no column of x", "a, b, y"), rows()),
    Case("formula with its target", f"{STATED} 'y = k*a'", ("right-hand side only",), rows()),
    Case("formula of text", f"{STATED} 'k*b'", ("'b' holds text", "1 and 0"), column(["u", "v"] * 8)),
    Case(
        "more constants than rows",
        f"{STATED} 'c1 + c2*a + c3*b + c4*a^2 + c5*a^3 + c6*a^4 + c7*a^5 + c8*a^6'",
        ("8 constants need at least 9 complete rows", "Got 8"),
        rows(),
    ),
    Case("start without a value", f"{STATED} 'k*a' --start k", ("--start", "Vm=200,K=0.1"), rows()),
    Case("start that is no number", f"{STATED} 'k*a' --start k=one", ("--start must hold numbers", "'one'"), rows()),
    Case("bounds with one end", f"{STATED} 'k*a' --bounds k=1", ("two ends", "Vm=0:,K=0:5"), rows()),
    Case("bounds without room", f"{STATED} 'k*a' --bounds k=2:1", ("low below high", "(2.0, 1.0)"), rows()),
    Case("bounds of no constant", f"{STATED} 'k*a' --bounds K=0:1", ("Unknown constant", "'K'", "k"), rows()),
    Case("unknown loss", f"{STATED} 'k*a' --loss median", ("Unknown loss 'median'", "huber"), rows()),
    Case("unknown covariance", f"{STATED} 'k*a' --covariance HAC", ("Unknown covariance 'HAC'", "clustered"), rows()),
    Case("picture of an odd kind", f"{STATED} 'k*a' --out fit.bmp", (".png or .svg or .pdf",), rows()),
    Case("missing file", DISCOVER, ("There is no file t.csv", "check the name")),
    Case("misspelt shipped table", "discover orbts --target y --out out", ("'orbts'", "orbits")),
    Case("folder", DISCOVER, ("t.csv is a folder", "name a file"), folder_named_as_table),
    Case("empty file", DISCOVER, ("t.csv is empty", "names the columns"), ""),
    Case("only a header", DISCOVER, ("no rows", "add the data"), "a,b,y\n"),
    Case("no header", DISCOVER, ("no header", "Add a first line"), "1,2,3\n4,5,6\n"),
    Case("ragged rows", DISCOVER, ("line 10 has 2 fields", "Mend that line"), rows("8,1")),
    Case("open quotation mark", DISCOVER, ("quotation mark",), rows('8,"1,65')),
    Case("binary file", DISCOVER, ("binary file", "export it as CSV"), b"PK\3\4\0\0\0\0"),
    Case(
        "wrong encoding",
        DISCOVER,
        ("not UTF-8 text (line 10)", "encoding UTF-8"),
        rows("8,\x81,3").encode("latin-1"),
    ),
    Case(
        "spreadsheet",
        "discover t.xls --target y --out out",
        ("does not read (.xls)", "save it as"),
        lambda: Path("t.xls").write_bytes(b"PK"),
    ),
    Case(
        "damaged parquet",
        "discover t.parquet --target y --out out",
        ("not a Parquet file", "again"),
        text_as_parquet,
    ),
    Case("pipe", DISCOVER, ("not a regular file", "save the table"), lambda: os.mkfifo("t.csv")),
    Case(
        "no such decimal sign", f"{DISCOVER} --decimal ;".replace(";", "';'"), ("decimal sign must be", "';'"), rows()
    ),
    Case("no such encoding", f"{DISCOVER} --encoding none", ("Unknown encoding 'none'", "cp1252"), rows()),
    Case("not of that encoding", f"{DISCOVER} --encoding ascii", ("is not ascii text", "name another"), rows("8,é,3")),
    Case(
        "a title above the header",
        DISCOVER,
        ("ragged", "Most lines have 3", "begin such lines with #"),
        "Run 7\n" + rows(),
    ),
    Case(
        "names that steer the terminal",
        DISCOVER,
        ("\\x1b[31m", "[bold]", ":smile:"),
        rows(header="\x1b[31mred,[bold]:smile:,z"),
    ),
    # the columns
    Case("duplicate columns", DISCOVER, ("two columns named 'a'", "rename"), rows(header="a,a,y")),
    Case("missing column", DISCOVER, ("Unknown target column 'y'", "z"), rows(header="a,b,z")),
    Case("missing input", f"{DISCOVER} --inputs a,c", ("Unknown input column 'c'", "Known: "), rows()),
    Case("malformed inputs", f"{DISCOVER} --inputs a,,b", ("--inputs", "like a,b"), rows()),
    Case("target among inputs", f"{DISCOVER} --inputs a,y", ("among the inputs", "take it out"), rows()),
    Case(
        "text target",
        "discover t.csv --target b --out out",
        ("'b'", "text", "Columns of numbers: a, y"),
        column(list("pqrstuvw")),
    ),
    Case("all text", DISCOVER, ("'y' cannot be used: text", "none"), "a,y\nu,v\nw,x\n"),
    Case(
        "constant target",
        "discover t.csv --target b --out out",
        ("constant (4 in every row)", "varies"),
        column([4] * 8),
    ),
    Case(
        "all-NaN target",
        "discover t.csv --target b --out out",
        ("'b' is empty", "fill it in"),
        column(["nan"] * 8),
    ),
    Case(
        "all-NaN input asked for",
        f"{DISCOVER} --inputs a,b",
        ("'b' is empty", "fill it in"),
        column([""] * 8),
    ),
    Case("no input that varies", f"{DISCOVER} --inputs b", ("No input is left", "varies"), column([4] * 8)),
    Case("only the target", DISCOVER, ("No input is left", "other column"), "y\n1\n2\n3\n4\n5\n6\n"),
    # the values
    Case("one row", DISCOVER, ("only 1 row", "at least 5"), "a,b,y\n1,2,3\n"),
    Case("few complete rows", DISCOVER, ("Only 4 of 8 rows", "fill in"), column([1, 2, 4, 8, "", "", "", ""])),
    Case(
        "infinities",
        DISCOVER,
        ("'b' holds an infinite value in row 3", "remove the row"),
        column([1, 2, "inf", 4, 5, 6]),
    ),
    Case("1e300", DISCOVER, ("as large as 1e+300", "rescale"), column([1, 2, "1e300", 4, 5, 6])),
    Case("1e-300", DISCOVER, ("vanish", "rescale"), column([f"{i}e-300" for i in range(8)])),
    # the options
    Case("no target", "discover t.csv --out out", ("Missing option '--target'", "--help"), rows()),
    Case("no configuration", f"{DISCOVER} --config no.toml", ("--config no.toml", "cannot be read"), rows()),
    Case("unknown function", f"{DISCOVER} --functions sine", ("'sine'", "Known: sin"), rows()),
    Case("unknown column", f"{DISCOVER} --forbid c", ("'forbid'", "'c'", "Known: a, b"), rows()),
    Case("no unit", f"{DISCOVER} --units a=m,b=blub", ("'blub'", "no unit"), rows()),
    Case("units of some", f"{DISCOVER} --units a=m", ("no unit of 'b'",), rows()),
    Case("guess of a slip", f"{DISCOVER} --guess 2*(a", ("Formula, character",), rows()),
    Case("template without parts", f"{DISCOVER} --template a+b", ("unknown part '?'",), rows()),
    Case("no limit", f"{DISCOVER} --limit a=0", ("'limits'", "a"), rows()),
    Case("no direction", f"{DISCOVER} --monotone a", ("--monotone must say", "t=+"), rows()),
    Case("unknown option", f"{DISCOVER} --tme-limit 3", ("No such option", "--time-limit"), rows()),
    Case("unknown command", "discovr t.csv", ("No such command 'discovr'", "--help"), rows()),
    Case("noise in words", f"{DISCOVER} --noise loud", ("--noise must be", "'loud'"), rows()),
    Case("negative noise", f"{DISCOVER} --noise -0.1", ("--noise must be", "'-0.1'"), rows()),
    Case("no time", f"{DISCOVER} --time-limit 0", ("--time-limit must be a positive", "Got 0"), rows()),
    Case("endless time", f"{DISCOVER} --time-limit nan", ("--time-limit must be a positive", "nan"), rows()),
    Case("negative seed", f"{DISCOVER} --seed -1", ("--seed must be", "Got -1"), rows()),
    Case("seed in words", f"{DISCOVER} --seed one", ("--seed", "integer", "--help"), rows()),
    Case("negative grid", f"{FIT} --grid -3", ("grid", "-3"), rows()),
    Case("degree beyond 9", f"{FIT} --degree 10", ("degree", "10"), rows()),
    Case(
        "wrong shape",
        f"{FIT} --widths 3,5,1",
        ("--widths must begin with the number of inputs (2)", "2,5,1"),
        rows(),
    ),
    Case("two outputs", f"{FIT} --widths 2,2", ("end with 1", "2,5,1"), rows()),
    Case("widths in words", f"{FIT} --widths wide", ("--widths must be auto", "'wide'"), rows()),
    # the output
    Case(
        "folder is a file",
        "discover t.csv --target y --out taken",
        ("taken is not a folder", "name a folder"),
        file_where_the_folder_should_be,
    ),
    Case(
        "folder in a file",
        "discover t.csv --target y --out taken/out",
        ("lies in one", "name a folder"),
        file_where_the_folder_should_be,
    ),
    Case(
        "unwritable folder",
        "discover t.csv --target y --out /proc/out",
        ("Cannot write to the folder /proc/out", "another"),
        rows(),
    ),
    Case("wrong ending", "fit t.csv --target y --out m.pickle", ("ending in .safetensors", "m.pickle"), rows()),
    Case(
        "no such folder",
        "fit t.csv --target y --out no/m.safetensors",
        ("There is no folder no", "make it first"),
        rows(),
    ),
    # the model
    Case("missing model", PREDICT, ("There is no file m.safetensors", "edgewise fit"), rows()),
    Case("truncated model", PREDICT, ("m.safetensors",), saved(lambda data: data[: len(data) // 2])),
    Case("truncated header", PREDICT, ("m.safetensors",), saved(lambda data: data[:6])),
    Case("empty model", PREDICT, ("m.safetensors",), saved(lambda data: b"")),
    Case("no model at all", PREDICT, ("m.safetensors",), saved(lambda data: b"not a network" * 9)),
    Case("other tensors", PREDICT, ("m.safetensors",), other_tensors),
    Case("model from the future", PREDICT, ("m.safetensors", "version"), saved(changed(from_the_future))),
    Case("model with an unknown function", PREDICT, ("sinus",), snapped_with_an_unknown_function),
    Case(
        "table without an input",
        PREDICT,
        ("Unknown input column 'b'", "Known: a, c, y"),
        saved_kept(rows(header="a,c,y")),
    ),
    Case(
        "table with a text input",
        PREDICT,
        ("'b' cannot be used: text", "Columns of numbers"),
        saved_kept(column(list("pqrstuvw"))),
    ),
    Case(
        "table with an infinite input",
        PREDICT,
        ("infinite value in row 2", "remove the row"),
        saved_kept(column([1, "inf"])),
    ),
    Case(
        "predictions that are no CSV",
        "predict m.safetensors t.csv --out p.xlsx",
        ("ending in .csv", "p.xlsx"),
        saved(),
    ),
    Case(
        "picture of no kind",
        "plot m.safetensors --out net.doc",
        ("ending in .png or .svg or .pdf", "net.doc"),
        saved(),
    ),
    Case("network of two outputs", PREDICT, ("has 2 outputs", "takes one"), two_outputs),
    Case("export of no network", "export nowhere.safetensors --to c", ("no file nowhere.safetensors",)),
    Case("export to no language", "export m.safetensors --to fortran", ("'fortran'", "latex"), saved()),
    Case("export without a language", "export m.safetensors", ("--to",), saved()),
    Case("export to a file of another kind", "export m.safetensors --to c --out m.py", ("ending in .c",), saved()),
    Case("export of ONNX to a terminal", "export m.safetensors --to onnx", ("--out model.onnx",), saved()),
    Case("export of splines to Excel", "export m.safetensors --to excel", ("still splines",), saved()),
]


def everything() -> set[Path]:
    return set(Path().rglob("*"))


def assert_one_line(err: str, words: tuple[str, ...]) -> None:
    assert err.startswith("edgewise: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_ends_in_one_line(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if callable(case.table):
        case.table()
    elif case.table is not None:
        Path("t.csv").write_bytes(case.table if isinstance(case.table, bytes) else case.table.encode())
    before = everything()
    assert main(shlex.split(case.command)) == 2
    captured = capsys.readouterr()
    assert_one_line(captured.err, case.words)
    assert "Traceback" not in captured.out
    assert everything() == before


def test_a_frame_of_bad_rows_is_not_changed_by_reading_it(tmp_path: Path) -> None:
    """Reading leaves the file as it was."""
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": [1.0, np.nan], "y": [np.inf, 2.0]}).to_csv(path, index=False)
    before = path.read_bytes()
    assert main(["discover", str(path), "--target", "y", "--out", str(tmp_path / "out")]) == 2
    assert path.read_bytes() == before
