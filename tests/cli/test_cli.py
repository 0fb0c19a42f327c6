"""The command: what it prints, what it writes, and what it asks of the library (stubbed here)."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy

import edgewise
from edgewise.cli import main
from edgewise.cli._output import console, formula, progress
from edgewise.discovery import Candidate, Discovery, Outcome
from edgewise.expressions import parse

X, Z = sympy.symbols("x z")


@dataclass
class Run:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def command(*argv: str) -> Run:
        code = main(list(argv))
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return command


class StubDiscovery(Discovery):
    """A discovery whose report is quick."""

    def report(self, path: str | Path) -> Path:
        Path(path).write_text("<html>report</html>")
        return Path(path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace discover by one that records its arguments and finds x^2 + 1."""
    seen: list[dict[str, Any]] = []

    def discover(x: np.ndarray, y: np.ndarray, **arguments: Any) -> StubDiscovery:
        seen.append({"x": x, "y": y, **arguments})
        arguments["progress"]("surrogate", 0.1, None)
        arguments["progress"]("surrogate", 0.3, None)
        arguments["progress"]("polish", 0.9, "x**2 + 1")
        names = tuple(arguments["names"])
        good = Candidate(X**2 + 1, names, 1e-15, 3, 2e-15)
        rough = Candidate(sympy.Float("4.123456789") * X, names, 0.3, 1, 0.4)
        return StubDiscovery([rough, good], good, Outcome.EXACT, 0.0, False, names, arguments["target"], x, y)

    monkeypatch.setattr(edgewise, "discover", discover, raising=False)
    return seen


def write_table(path: str = "t.csv") -> None:
    rows = "".join(f"{i},{i % 3},w,{i * i + 1}\n" for i in range(8))
    Path(path).write_text("x,z,word,y\n" + rows)


def test_discover_prints_the_law_the_candidates_and_writes_the_report(run, calls) -> None:
    write_table()
    result = run("discover", "t.csv", "--target", "y", "--out", "deep/report")
    assert result.code == 0, result.err
    assert result.err == ""
    lines = [line.rstrip() for line in result.out.splitlines()]
    assert "Column 'word' is left out: text." in lines
    assert "Explaining y by x, z (8 rows, 2 inputs)." in lines
    assert "y = x**2 + 1" in lines
    assert "Error: 1e-15 (rms residual / standard deviation of y); R2 on held-out rows: 1." in lines
    assert Outcome.EXACT.message in lines
    assert any("4.12346*x" in line and "0.840" in line and "best" not in line for line in lines)
    assert any("x**2 + 1" in line and "best" in line for line in lines)
    assert "Report: deep/report/report.html" in lines
    assert "Formula: deep/report/formula.txt" in lines
    assert sorted(path.name for path in Path("deep/report").iterdir()) == ["formula.txt", "report.html", "search.toml"]
    saved = Path("deep/report/formula.txt").read_text(encoding="utf-8").splitlines()
    assert saved[0] == "y = x**2 + 1"
    assert any("4.123456789*x" in line and "best" not in line for line in saved)
    assert any(line.startswith("best") and line.endswith("x**2 + 1") for line in saved)
    assert parse(saved[0].removeprefix("y = "), ["x", "z"]) == X**2 + 1


def test_discover_shows_each_stage_once_in_a_log(run, calls) -> None:
    write_table()
    out = run("discover", "t.csv", "--target", "y").out
    assert out.count("surrogate") == 1
    assert "polish; best so far: x**2 + 1" in out


def test_discover_passes_its_options_on(run, calls) -> None:
    write_table()
    options = ["--inputs", "z,x", "--noise", "0.01", "--effort", "quick", "--seed", "7", "--time-limit", "5"]
    assert run("discover", "t.csv", "--target", "y", *options).code == 0
    (call,) = calls
    assert call["names"] == ["z", "x"]
    assert call["x"].shape == (8, 2)
    np.testing.assert_array_equal(call["x"][:, 1], np.arange(8))
    np.testing.assert_array_equal(call["y"], np.arange(8) ** 2 + 1)
    assert (call["noise"], call["effort"], call["seed"], call["time_limit"]) == (0.01, "quick", 7, 5.0)


def test_discover_defaults(run, calls) -> None:
    write_table()
    assert run("discover", "t.csv", "--target", "y").code == 0
    assert (calls[0]["noise"], calls[0]["seed"], calls[0]["time_limit"]) == ("auto", 0, None)
    assert Path("edgewise-report/report.html").exists()


def test_discover_finds_a_shipped_table_by_name_but_prefers_a_file(run, calls) -> None:
    assert run("discover", "orbits", "--target", "period_days").code == 0
    assert calls[0]["names"] == ["primary_mass_kg", "semi_major_axis_km", "body", "primary"]
    write_table("t.csv")
    Path("orbits").mkdir()
    assert "is a folder" in run("discover", "orbits", "--target", "period_days").err


def test_a_second_report_replaces_the_first(run, calls) -> None:
    write_table()
    Path("out").mkdir()
    Path("out/report.html").write_text("old")
    Path("out/mine.txt").write_text("kept")
    assert run("discover", "t.csv", "--target", "y", "--out", "out").code == 0
    assert Path("out/report.html").read_text() == "<html>report</html>"
    there = sorted(path.name for path in Path("out").iterdir())
    assert there == ["formula.txt", "mine.txt", "report.html", "search.toml"]


def test_progress_on_a_terminal_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from rich.console import Console

    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress(screen) as show:
        show("surrogate", 0.5, None)
        show("polish", 1.0, "a[bold]*x")
    assert "a[bold]*x" in screen.file.getvalue()
    assert not console().is_terminal


def test_formulas_are_shown_to_six_digits() -> None:
    assert formula(sympy.Float("281490.18991") * X ** sympy.Rational(3, 2) / sympy.sqrt(Z)) == "281490*x**(3/2)/sqrt(z)"
    assert formula(sympy.Float("1.23456789e-30") * X) == "1.23457e-30*x"
    assert formula(sympy.pi * X + sympy.Rational(1, 3)) == "pi*x + 1/3"


def test_fit_trains_and_saves_with_the_columns_names(run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table()
    saved: dict[str, Any] = {}

    def save(model: Any, path: Path, *, names: list[str], target: str, decimals: dict[str, str], **none: None) -> None:
        assert none == {"inputs": None, "classes": None}
        saved.update(model=model, names=names, target=target, decimals=decimals)
        path.write_bytes(b"network")

    outcome = SimpleNamespace(message="Stopped: no more progress.")
    monkeypatch.setattr(edgewise, "KAN", lambda widths, **options: (widths, options), raising=False)

    def fit(model: Any, x: np.ndarray, y: np.ndarray, *, loss: str, grids: Any, options: edgewise.Options) -> Any:
        assert loss == "squared"
        saved.update(grids=grids, options_seed=options.seed, progress=options.progress)
        return SimpleNamespace(model=model, train_error=1e-9, test_error=2e-9, outcome=outcome, notes=["A note."])

    monkeypatch.setattr(edgewise, "fit", fit)
    monkeypatch.setattr(edgewise, "save", save, raising=False)
    options = shlex.split("--out m.safetensors --grid 7 --degree 2 --seed 3 --widths 2,4,1")
    result = run("fit", "t.csv", "--target", "y", *options)
    assert result.code == 0, result.err
    assert saved == {
        "model": ([2, 4, 1], {"grid": 7, "degree": 2, "seed": 3}),
        "grids": None,
        "options_seed": 3,
        "progress": True,
        "names": ["x", "z"],
        "target": "y",
        "decimals": {},
    }
    assert "Stopped: no more progress." in result.out
    assert "A note." in result.out
    assert "1e-09" in result.out
    assert "2e-09" in result.out
    assert sorted(path.name for path in Path().iterdir()) == ["m.safetensors", "t.csv"]


def test_an_interrupted_fit_leaves_the_old_network_and_keeps_the_new_one_elsewhere(run) -> None:
    write_table()
    Path("m.safetensors").write_bytes(b"old")
    fitted = edgewise.fit

    def fit(*given: Any, options: edgewise.Options, **named: Any) -> Any:
        def interrupt(row: Any) -> None:
            raise KeyboardInterrupt

        return fitted(*given, options=replace(options, callbacks=interrupt), **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgewise, "fit", fit, raising=False)
        result = run("fit", "t.csv", "--target", "y", "--out", "m.safetensors", "--widths", "2,1")
    assert result.code == 130
    where = "m.safetensors was not written, and m.interrupted.safetensors holds the network so far"
    assert result.err.splitlines()[-1] == f"edgewise: error: interrupted; {where}"
    assert Path("m.safetensors").read_bytes() == b"old"
    assert edgewise.load("m.interrupted.safetensors").widths == [2, 1]


def test_a_network_that_cannot_be_written_is_kept_elsewhere(run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table()
    save, refused = edgewise.save, []

    def full(model: Any, path: Path, **named: Any) -> None:
        if not refused:
            refused.append(path)
            raise edgewise.InputError(f"Cannot write {path} (No space left on device): choose another place.")
        save(model, path, **named)

    monkeypatch.setattr(edgewise, "save", full, raising=False)
    monkeypatch.setenv("TMPDIR", str(Path.cwd()))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = run("fit", "t.csv", "--target", "y", "--out", "m.safetensors", "--widths", "2,1", "--grid", "2")
    assert result.code == 2
    place = result.err.split("The network is in ")[1].strip().rstrip(".")
    assert edgewise.load(place).widths == [2, 1]


def test_help_and_version(run) -> None:
    for argv in ([], ["--help"], ["-h"]):
        result = run(*argv)
        assert result.code == 0
        for command in ("discover", "fit", "predict", "plot", "export"):
            assert command in result.out
    for command in ("discover", "fit", "predict", "plot", "export"):
        result = run(command, "--help")
        assert result.code == 0
        assert f"edgewise {command}" in result.out
    assert run("--version").out == f"edgewise {edgewise.__version__}\n"


@pytest.mark.slow
def test_the_module_is_the_command(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "edgewise", "discover", "none.csv", "--target", "y"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "edgewise: error: There is no file none.csv: check the name and the folder.\n"
    assert list(tmp_path.iterdir()) == []
