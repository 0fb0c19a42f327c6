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

import edgewise
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


def interrupted_at(detail: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a function of edgewise be interrupted when it reports a stage or a detail that begins like this."""
    work = getattr(edgewise, name)

    def report(*said: Any) -> None:
        if any(str(each).startswith(detail) for each in said):
            raise KeyboardInterrupt

    monkeypatch.setattr(edgewise, name, lambda *x, **named: work(*x, **named | {"progress": report}), raising=False)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table()


@pytest.mark.parametrize("number", [1, 2])
def test_interrupted_relations_are_those_of_the_seeds_before(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted_at(f"seed {number} of", "find_relations", monkeypatch)
    assert main(["relations", "t.csv", "--seeds", "3"]) == 130
    said = capsys.readouterr()
    kept = "what was found by then is printed" if number == 2 else "no file is half written"
    assert said.err == f"edgewise: error: interrupted; {kept}\n"
    assert ("The search was interrupted; what was found by then is given." in said.out) == (number == 2)


@pytest.mark.parametrize("number", [0, 3])
def test_an_interrupted_sweep_saves_the_best_network_of_the_trials_before(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna")
    interrupted_at(f"{number} of", "sweep", monkeypatch)
    assert main(["sweep", "t.csv", "--target", "y", "--trials", "5", "--out", "m.safetensors"]) == 130
    said = capsys.readouterr()
    kept = "the best network by then is in m.safetensors" if number > 0 else "no file is half written"
    assert said.err.splitlines()[-1] == f"edgewise: error: interrupted; {kept}"
    assert Path("m.safetensors").exists() == (number > 0)
