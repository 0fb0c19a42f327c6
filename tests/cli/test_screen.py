"""What a person sees: the output on terminals of 80 and 120 columns and in a pipe, against files in golden/.

`GOLDEN=write pytest tests/cli/test_screen.py` writes the files anew: look at what has changed.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import re
import shlex
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise
from edgewise.cli import main
from edgewise.discovery import Candidate, Discovery, Outcome

GOLDEN = Path(__file__).with_name("golden")
WIDTHS = (80, 120, None)
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(e[-+]?\d+)?|(?<![\w.])\d+e[-+]?\d+")
HELP_BY = "0.29."  # the typer that wrote the files of help, which another one may set otherwise


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


Show = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"length": rng.uniform(0.2, 2, 60), "gravity": rng.uniform(1.6, 25, 60)})
    table["period"] = 2 * np.pi * np.sqrt(table["length"] / table["gravity"])
    table["place"] = "lab"
    table.to_csv("pendulum.csv", index=False)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Return a function that runs a command line on a terminal of a width, or in a pipe."""
    for name, value in (("TERM", "dumb"), ("NO_COLOR", "1"), ("LINES", "50")):
        monkeypatch.setenv(name, value)

    def run(line: str, width: int | None) -> tuple[int, str]:
        monkeypatch.setenv("COLUMNS", str(width or 80))
        screen = Screen()
        with monkeypatch.context() as patch:
            if width is not None:
                patch.setattr(sys, "stdout", screen)
                patch.setattr(sys, "stderr", screen)
            code = main(shlex.split(line))
        said = capsys.readouterr()
        text = said.out + said.err if width is None else screen.getvalue()
        return code, "".join(f"{each.rstrip()}\n" for each in text.splitlines() if not each.startswith("["))

    return run


def compare(name: str, width: int | None, text: str) -> None:
    path = GOLDEN / f"{name}_{width or 'pipe'}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    assert width is None or max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", WIDTHS[:2])
@pytest.mark.parametrize("line", ["--help", "discover --help"])
def test_help(line: str, width: int, show: Show) -> None:
    code, text = show(line, width)
    assert code == 0
    text = re.sub(r"│ bench .*?(?=╰)", "", text, flags=re.DOTALL)  # commands of another distribution, which come last
    if not importlib.metadata.version("typer").startswith(HELP_BY):
        pytest.skip(f"the files are written with typer {HELP_BY}")
    compare(re.sub(r"\W+", "_", line).strip("_"), width, text)


@pytest.mark.parametrize(
    "name", ["discover", "relations", "equations", "fit", "fit-formula", "studio", "sweep", "predict", "export", "card"]
)
def test_help_of_every_command_is_readable_at_80_columns(name: str, show: Show) -> None:
    _, text = show(f"{name} --help", 80)
    assert "bool" not in text
    assert max(map(len, text.splitlines())) <= 80
    panels = re.findall(r"─ ([A-Z][a-z ]+) ─", text)
    assert panels[0] == "Arguments"
    assert panels[-1] == "Output"
    assert "Options" not in panels
    runs = re.findall(r"(?:^│ {18,}.*\n)+", text, re.MULTILINE)  # what goes on below the line of an option
    assert max((run.count("\n") for run in runs), default=0) <= 4


ERRORS = (
    "discovr pendulum.csv",
    "discover pendulum.csv --targt period",
    "discover pendulum.csv",
    "fit pendulum.csv",
    "equations lynx",
    "discover pendulum.csv --target perod",
    "fit pendulum.csv --target perod",
    "discover pendulum.csv --target period --inputs lenght,gravity",
    "relations pendulum.csv --columns lenght",
    "fit-formula pendulum.csv c*lenght --target period",
    "discover nowhere.csv --target period",
    "export model.safetensors --to rust",
    "export",
    "discover pendulum.csv --target period --effort fast",
)


@pytest.mark.parametrize("width", WIDTHS)
def test_errors(width: int | None, show: Show) -> None:
    text = ""
    for line in ERRORS:
        code, said = show(line, width)
        assert code == 2, line
        text += f"$ edgewise {line}\n{said}"
    compare("errors", width, text)


def masked(text: str) -> str:
    """Return a text without what processors and rounding change: decimals, and the widths that follow from them."""
    return re.sub(r"─{3,}", "───", re.sub(r"(?<=\S) {2,}", "  ", NUMBER.sub("#", text)))


@pytest.mark.parametrize("width", WIDTHS)
def test_fit(width: int | None, show: Show) -> None:
    code, text = show("fit pendulum.csv --target period --widths 2,1 --grid 3", width)
    assert code == 0
    compare("fit", width, masked(text))


@pytest.mark.parametrize("width", WIDTHS)
def test_discover_of_an_exact_law(width: int | None, show: Show) -> None:
    code, text = show("discover pendulum.csv --target period", width)
    assert code == 0
    compare("law", width, masked(text))


class LongFormulas(Discovery):
    """A discovery of long formulas, whose figures no processor changes and whose report is quick."""

    @cached_property
    def weights(self) -> np.ndarray:
        return np.array([0.2, 0.8])

    def conclusion(self) -> list[str]:
        return [f"`speed (m/s)` = {self.best.text(6)}", f"Error: {self.best.error}." + 12 * " So it is."]

    def report(self, path: str | Path) -> Path:
        return Path(path)


@pytest.fixture
def long_formulas(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let discover find long formulas; return what may not be broken in them."""
    names = ("temperature (K)", "molar mass")
    t, m = map(sympy.Symbol, names)
    first = sympy.Float("7.81845e-7") * sympy.exp(sympy.Float("0.539479") * t / m) * sympy.sqrt(m) + 2 * t
    second = first + sympy.Float("1.40253") * sympy.sin(sympy.Float("0.25531") * t) / sympy.cosh(m) - m**t
    front = [Candidate(e, names, error, 9 + k, error) for k, (e, error) in enumerate([(first, 0.3), (second, 0.1)])]

    def discover(x: Any, y: Any, **options: Any) -> LongFormulas:
        return LongFormulas(front, front[1], options_end(options), 0.0, False, names, "speed (m/s)", x, y)

    monkeypatch.setattr(edgewise, "discover", discover, raising=False)
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.uniform(1, 2, (20, 3)), columns=[*names, "speed (m/s)"]).to_csv("gas.csv", index=False)
    return ["`temperature (K)`", "`molar mass`", "7.81845e-7", "0.539479", "1.40253", "0.25531"]


def options_end(options: dict[str, Any]) -> Outcome:
    return Outcome.INTERRUPTED if options["seed"] == 7 else Outcome.APPROXIMATE


@pytest.mark.parametrize("width", WIDTHS)
def test_discover_of_long_formulas(width: int | None, show: Show, long_formulas: list[str]) -> None:
    code, text = show('discover gas.csv --target "speed (m/s)"', width)
    assert code == 0
    for token in long_formulas:
        assert token in text, token
    compare("long", width, text)


@pytest.mark.parametrize("width", [70, 100])
def test_numbers_and_names_are_never_broken(width: int, show: Show, long_formulas: list[str]) -> None:
    _, text = show('discover gas.csv --target "speed (m/s)"', width)
    assert max(map(len, text.splitlines())) <= width
    for token in long_formulas:
        assert token in text, token


def test_an_interrupted_discovery_is_printed_saved_and_told_from_a_finished_one(
    show: Show, long_formulas: list[str]
) -> None:
    code, text = show('discover gas.csv --target "speed (m/s)" --seed 7', None)
    assert code == 130
    assert "Candidates" in text
    end = "edgewise: error: interrupted; what was found by then is printed and in edgewise-report\n"
    assert text.endswith(end)
    assert Path("edgewise-report/formula.txt").exists()
