"""Completion in a shell, as typer brings it, and interrupted commands, which keep what they found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edgewise.cli import main

SCRIPT = """
edgewise --install-completion
source ~/.bashrc
complete -p edgewise
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _edgewise_completion edgewise; echo "got ${COMPREPLY[*]}"; }
ask edgewise dis
ask edgewise discover t.csv --no
"""


@pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="bash")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    command = tmp_path / "edgewise"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m edgewise "$@"\n')
    command.chmod(0o755)
    source = str(Path(__file__).parents[2] / "src")
    settings = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": source}
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT], env=settings, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert "bash completion installed in" in lines[0]
    assert "complete -o default -F _edgewise_completion edgewise" in lines
    assert [line for line in lines if line.startswith("got")] == ["got discover", "got --noise --no-rounding"]


def table() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.uniform(1, 2, 80), "b": rng.uniform(1, 2, 80)})
    rows["y"] = rows["a"] * rows["b"]
    rows.to_csv("t.csv", index=False)


def interrupted_from(number: int, work: Any) -> Any:
    """Return a function that does some work, and is interrupted when it is called for the n-th time."""
    calls = []

    def run(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) >= number:
            raise KeyboardInterrupt
        return work(*given, **named)

    return run


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table()


@pytest.mark.parametrize("number", [1, 2])
def test_interrupted_relations_are_those_of_the_seeds_before(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgewise.discovery.unsupervised import _find

    monkeypatch.setattr(_find, "search", interrupted_from(number, _find.search))
    assert main(["relations", "t.csv", "--seeds", "3"]) == 130
    said = capsys.readouterr()
    kept = "what was found by then is printed" if number == 2 else "no file is half written"
    assert said.err == f"edgewise: error: interrupted; {kept}\n"
    assert ("The search was interrupted; what was found by then is given." in said.out) == (number == 2)


@pytest.mark.parametrize("number", [1, 4])
def test_an_interrupted_sweep_saves_the_best_network_of_the_trials_before(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna")
    from edgewise.networks.sweeps import _sweep

    monkeypatch.setattr(_sweep._Task, "_error", interrupted_from(number, _sweep._Task._error))
    assert main(["sweep", "t.csv", "--target", "y", "--trials", "5", "--out", "m.safetensors"]) == 130
    said = capsys.readouterr()
    kept = "the best network by then is in m.safetensors" if number > 1 else "no file is half written"
    assert said.err.splitlines()[-1] == f"edgewise: error: interrupted; {kept}"
    assert Path("m.safetensors").exists() == (number > 1)
