"""`edgewise fit-formula`: what it prints and draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgewise as ew
from edgewise.cli import main

T = np.linspace(0, 4, 40)
Y = 3 * np.exp(-0.8 * T) + np.sin(37 * np.arange(40.0)) * 0.05


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = ["t;y;kind;w"] + [
        f"{a:.6f};{b:.6f};{k // 8};1".replace(".", ",") for k, (a, b) in enumerate(zip(T, Y, strict=True))
    ]
    lines[5] = lines[5].split(";")[0] + ";;0;1"
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return Path("rows.csv")


def test_it_prints_the_fit_and_draws_it(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit-formula", str(table), "a*exp(-k*t)", "--target", "y", "--out", "fit.svg"]) == 0
    said = capsys.readouterr().out
    keep = np.arange(40) != 4
    fit = ew.fit_formula("a*exp(-k*t)", {"t": T[keep].round(6)}, Y[keep].round(6))
    assert f"{fit.values['k']:.7g}" in said and "CONVERGED" in said
    assert "1 row of 40 left out: values are missing ('y' in 1)." in said
    assert Path("fit.svg").read_text().count("<svg") == 1


def test_options_reach_the_fit(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["fit-formula", str(table), "a*exp(-k*t) + c", "--target", "y"]
    options = ["--bounds", "c=0.3:1,a=0:", "--start", "a=3", "--groups", "kind", "--loss", "huber", "--weights", "w"]
    assert main([*command, *options]) == 0
    said = capsys.readouterr().out
    for words in ("c stands at its bound 0.3", "within groups", "Scale of the residuals (huber)"):
        assert words in said
