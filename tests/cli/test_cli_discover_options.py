"""Every keyword of `discover` is an option of the command, and each bad value has a message of one line."""

from __future__ import annotations

import inspect
import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import edgewise as ew
from edgewise.cli import main
from edgewise.discovery.knowledge import Known

RENAMED = {"x": "file", "y": "target", "names": "inputs", "guesses": "guess", "limits": "limit", "progress": ""}


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"t": rng.uniform(1, 3, 40), "v": rng.uniform(1, 2, 40), "kind": rng.choice(["a", "b"], 40)})
    made = made.assign(s=rng.uniform(0.1, 0.2, 40), y=made.t * made.v, z=made.t + made.v)
    made.loc[3, "s"] = np.nan
    made.to_csv("t.csv", index=False)
    return made


def run(*options: str) -> tuple[int, str, str]:
    said, wrong = io.StringIO(), io.StringIO()
    target = [] if "--target" in options else ["--target", "y"]
    with redirect_stdout(said), redirect_stderr(wrong):
        code = main(["discover", "t.csv", "--effort", "10", "--time-limit", "300", *target, *options])
    return code, " ".join(said.getvalue().split()), wrong.getvalue()


def test_every_keyword_of_python_is_an_option() -> None:
    keywords = {*inspect.signature(ew.discover).parameters, *Known.__annotations__} - {"known"}
    said = io.StringIO()
    with redirect_stdout(said):
        assert main(["discover", "--help"]) == 0
    options = {word.replace("-", "_") for word in re.findall(r"--([a-z][a-z-]*)", said.getvalue())} | {"file"}
    assert {RENAMED.get(name, name) for name in keywords} - {""} <= options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--loss cubes", "--loss must be squared or huber. Got 'cubes'."),
        ("--n-jobs 0", "--n-jobs must be a number of workers"),
        ("--sigma q", "Unknown column in --sigma 'q'. Known: s, t, v, y, z."),
        ("--weights kind", "The column in --weights 'kind' cannot be used: text."),
        ("--groups kind --sigma kind", "The column in --sigma 'kind' cannot be used: text."),
        ("--groups s", "'groups' must be a column of several groups of 3 rows or more."),
        ("--groups kind --template ?*t", "'groups' cannot be combined with 'template'"),
        ("--missing fill", "--missing must be drop or indicator."),
        ("--functions sine", "Unknown function 'sine'. Known: sin"),
        ("--require q", "Unknown column in 'require' 'q'."),
        ("--max-complexity 0", "--max-complexity must be a whole number from 1 on. Got 0."),
        ("--units t", "--units must say something like t=s. Got 't'."),
        ("--units t=parrot,v=m,s=m,z=m", "'parrot' is no unit that is known."),
        ("--guess a**", "Formula, character 4"),
        ("--template t", "'template' must be a text with an unknown part '?'"),
        ("--constants 3,1", "'constants' must be 'positive'"),
        ("--monotone t=sideways", "'monotone' must say +1 or -1 of 't'."),
        ("--limit t", "--limit must say something like t -> inf = 0."),
        ("--save nowhere/s.npz", "There is no folder nowhere"),
        ("--resume none.npz", "There is no file none.npz to go on with"),
        ("--target y,z --save s.npz", "'save' and 'resume' are for one target."),
        ("--seed -1", "--seed must be a whole number"),
        ("--time-limit inf", "--time-limit must be a positive number of seconds"),
        ("--effort much", "--effort must be quick, normal, thorough"),
        ("--noise 2", "--noise must be auto, exact, or a number from 0 to 1"),
    ],
)
def test_bad_values_are_named_in_one_line(options: str, words: str) -> None:
    code, _, wrong = run(*options.split())
    assert code == 2 and words in wrong and wrong.count("\n") == 1


def test_rows_without_a_standard_error_are_left_out_of_tables_with_text_too() -> None:
    code, said, _ = run("--sigma", "s", "--forbid", "kind,z")
    assert code == 0 and "1 row of 40 left out: values are missing ('s' lacks 1)." in said and "y = t*v" in said


@pytest.mark.slow
def test_groups_go_with_standard_errors_and_knowledge() -> None:
    options = ["--inputs", "t,v", "--groups", "kind", "--sigma", "s", "--max-complexity", "7", "--loss", "squared"]
    code, said, _ = run(*options, "--functions", "square")
    assert code == 0 and "y = t*v" in said and "You asked" not in said
    saved = Path("edgewise-report/search.toml").read_text()
    assert 'groups = "kind"' in saved and "max-complexity = 7" in saved


def test_a_switch_is_saved_and_read_again() -> None:
    assert run("--no-rounding", "--inputs", "t,v")[0] == 0
    assert "rounding = false" in Path("edgewise-report/search.toml").read_text()
    code, said, _ = run("--config", "edgewise-report/search.toml", "--out", "again")
    assert code == 0 and "y = t*v" in said
    assert "rounding = false" in Path("again/search.toml").read_text()
