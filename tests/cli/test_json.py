"""Results as JSON: what docs/command.md says of the keys, and nothing else on stdout."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from edgewise.cli import main
from edgewise.cli._app import app

PAGE = Path(__file__).parents[2] / "docs" / "command.md"
ROWS = re.findall(r"^\| `edgewise (\S+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
KEYS = {command: set(re.findall(r"`(\w+)`", keys)) for command, keys in ROWS}
LINES = {
    "fit": "fit pendulum.csv --target period --widths 2,1 --grid 3 --json",
    "predict": "predict model.safetensors pendulum.csv --json",
    "discover": "discover pendulum.csv --target period --json",
    "relations": "relations pendulum.csv --seeds 1 --no-formulas --json",
    "equations": "equations lynx --time year --terms hare,lynx,hare*lynx --only --json",
    "fit-formula": "fit-formula pendulum.csv c*length^p*gravity^q --target period --json",
    "sweep": "sweep pendulum.csv --target period --trials 1 --json",
    "plot": "plot model.safetensors pendulum.csv --out network.svg --json",
    "export": "export model.safetensors --to c --out model.c --json",
    "card": "card model.safetensors pendulum.csv --json",
    "bench": "bench memory --quick --no-baselines --repeats 1 --json",
    "reproduce": "reproduce --json",
}
WITHOUT = {"studio": "it serves a page until it is stopped, and its address is a secret"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, in which commands leave their files for later ones."""
    folder = tmp_path_factory.mktemp("json")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"length": rng.uniform(0.2, 2, 60), "gravity": rng.uniform(1.6, 25, 60)})
    table["period"] = 2 * np.pi * np.sqrt(table["length"] / table["gravity"])
    table.to_csv(folder / "pendulum.csv", index=False)
    return folder


def test_the_page_lists_every_command_that_has_the_option() -> None:
    assert {*KEYS} == {*LINES}


def test_every_command_has_the_option_or_a_reason_why_not() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {*commands} == {*LINES, *WITHOUT}
    for name, command in commands.items():
        assert ("--json" in [option for each in command.params for option in each.opts]) is (name in LINES), name


@pytest.mark.parametrize("command", [*LINES])
def test_a_result_is_one_line_of_json_with_the_keys_of_the_page(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    if "model.safetensors" in LINES[command] and not Path("model.safetensors").exists():
        assert main(shlex.split(LINES["fit"])) == 0
        capsys.readouterr()
    assert main(shlex.split(LINES[command])) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    found = json.loads(printed, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert {*found} == KEYS[command]
    assert command in ("bench", "reproduce") or isinstance(found["notes"], list)
    if command == "discover":
        assert found["formula"] == "2*pi*sqrt(length/gravity)"
        assert [each["best"] for each in found["candidates"]].count(True) == 1
        assert "json" not in Path("edgewise-report/search.toml").read_text()
    if command == "predict":
        assert len(found["predictions"]) == 60
    if command == "fit-formula":
        assert [each["name"] for each in found["constants"]] == ["c", "p", "q"]
    if command == "export":
        assert Path(found["file"]).read_text() == found["text"]
    if command == "plot":
        assert Path(found["picture"]).exists()
    if command == "bench":
        assert found["rows"]["memory"]
    if command == "reproduce":
        assert "grids" in [each["name"] for each in found["experiments"]]


def test_a_formula_that_is_not_written_to_a_file_is_in_the_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(shlex.split(LINES["fit"])) == 0
    capsys.readouterr()
    assert main(["export", "model.safetensors", "--to", "numpy"]) == 0
    text = capsys.readouterr().out
    assert main(["export", "model.safetensors", "--to", "numpy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"notes": [], "language": "numpy", "text": text, "file": None}


def test_an_error_prints_no_json(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(folder)
    assert main(["discover", "pendulum.csv", "--target", "perod", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
