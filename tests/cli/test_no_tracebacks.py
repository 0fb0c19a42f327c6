"""Odd but legal calls end in a result or in one line: reported defects that came from the depths."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.discovery import discover_directly
from edgewise.estimators import KANRegressor, SymbolicRegressor
from edgewise.formulas.programs import Program, apply, combine, variable
from edgewise.io import read_table
from edgewise.studio import Desk

X = np.random.default_rng(0).uniform(1, 2, (40, 2))
MOST = 4_000_000  # cells that the studio opens
BEST = discover_directly(X, X[:, 0] * X[:, 1]).best


@pytest.mark.parametrize("function", ["square", "cube"])
@pytest.mark.parametrize("factor", [1e200, -1e200, 1e-200])
def test_powers_of_numbers_beyond_doubles_stay_in_the_formula(function: str, factor: float) -> None:
    nodes = combine("mul", apply(function, variable(0, factor)), variable(1))
    found = Program.of(nodes).expression(["a", "b"])
    exact = sympy.Float(factor) ** (2 if function == "square" else 3)
    assert abs(found.subs({"a": 1, "b": 1}) / exact - 1) < 1e-12


@pytest.mark.parametrize(("loss", "size"), [("poisson", 1e140), ("gamma", 1e140), ("gamma", 1e-140)])
def test_counts_and_amounts_beyond_what_their_loss_predicts_are_refused(loss: Any, size: float) -> None:
    with pytest.raises(ew.InputError, match=f"loss='{loss}' takes y .*change its units"):
        KANRegressor(loss, products=0).fit(X[:25], np.full(25, size))


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_amounts_in_any_unit_have_the_same_curves(unit: float) -> None:
    y = np.exp(X[:, 0]) + X[:, 1]
    means = [np.asarray(KANRegressor("gamma", products=0).fit(X, y * each).predict(X)) / each for each in (1.0, unit)]
    np.testing.assert_allclose(means[1], means[0], rtol=1e-6)


def test_targets_beyond_the_range_of_squares_are_refused() -> None:
    with pytest.raises(ew.InputError, match=r"y has values beyond 1e\+150"):
        SymbolicRegressor(effort="direct").fit(X, X[:, 0] * 1e300)


@pytest.mark.parametrize("text", ["seed=" + 5000 * "1", "a=" + 5000 * "[", "a=1\nb", "a='\xff'"])
def test_a_configuration_that_is_no_toml_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,3\n3,4\n4,5\n5,6\n")
    (tmp_path / "c.toml").write_bytes(text.encode("latin-1"))
    words = ["discover", "t.csv", "--target", "y", "--config", "c.toml"]
    run = subprocess.run(
        [sys.executable, "-m", "edgewise", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert "is no TOML" in " ".join(run.stderr.split())


@pytest.mark.parametrize(
    "rows",
    [10**400, [[10**400, 1]], {"a": 1}, iter([1]), [[1.0], [1.0, 2.0]], [["a", "b"]], torch.zeros(3, 2, device="meta")],
)
def test_a_formula_refuses_what_holds_no_numbers(rows: Any) -> None:
    with pytest.raises(ew.InputError) as caught:
        BEST.predict(rows)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_formula_takes_tensors_with_gradients() -> None:
    given = torch.tensor(X, requires_grad=True)
    np.testing.assert_allclose(BEST.predict(given), X[:, 0] * X[:, 1])


def test_messages_are_one_line_of_at_most_a_thousand_characters() -> None:
    table = pd.DataFrame({5000 * "n": [1.0, np.inf, 3.0], "b": 1.0})
    with pytest.raises(ew.InputError) as caught:
        ew.fit(ew.KAN([2, 1]), table, [1.0, 2.0, 3.0])
    assert len(str(caught.value)) <= 1000
    assert str(caught.value).endswith("Use finite numbers; NaN marks a gap.")
    with pytest.raises(ew.InputError) as caught:
        ew.fit(ew.KAN([1, 1]), [[1.0], [2.0], [3.0]], ["one\ntwo", "b", "c"])
    assert "\n" not in str(caught.value)


def test_discovery_is_an_attribute() -> None:
    code = "import edgewise as ew; assert callable(ew.discovery.discover_directly)"
    subprocess.run([sys.executable, "-c", code], check=True)


# tables


def test_codes_of_gaps_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1,-999,-3\n2,5,-999\n3,-999,4\n")
    notes = [note for note in read_table(path).notes if "-999" in note]
    assert notes == [
        "-999 in column 'b', 2 times, is read as a number, though all others are not negative: "
        "leave such cells empty if it marks gaps."
    ]


def test_a_guess_is_shown_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n"4,236",1\n"5,100",2\n')
    assert any("is read as 4236, not 4.236:" in note for note in read_table(path).notes)


def test_several_byte_order_marks_are_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(2 * "\ufeff".encode() + b"x,y\n1,2\n3,4\n")
    assert read_table(path).names == ["x", "y"]


def test_predictions_keep_the_order_of_the_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"k": rng.choice(["u", "v"], 40), "x": rng.uniform(0, 1, 40), "note": rng.choice(["p", "q"], 40)}
    )
    fit = ew.fit(ew.KAN([2, 1]), table[["k", "x"]], table.x + (table.k == "u"), grids=[3])
    ew.save(fit.model, tmp_path / "m.safetensors", target="y", inputs=fit.inputs)
    table.to_csv(tmp_path / "t.csv", index=False)
    words = ["predict", "m.safetensors", "t.csv", "--out", "o.csv"]
    subprocess.run([sys.executable, "-m", "edgewise", *words], cwd=tmp_path, check=True, capture_output=True)
    assert list(pd.read_csv(tmp_path / "o.csv")) == ["k", "x", "note", "y_predicted"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_the_studio_refuses_tables_of_too_many_cells_before_it_reads_them(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"t.{kind}"
    monkeypatch.setattr("edgewise.studio._weight.MOST", 10**4)
    if kind == "csv":
        path.write_bytes(b"x,y\n" + b"1,2\n" * 10_000)
    elif kind == "parquet":
        pd.DataFrame({"x": np.arange(20_000.0), "y": 1.0}).to_parquet(path)
    else:
        pytest.importorskip("openpyxl")
        pd.DataFrame({"x": np.arange(6000.0), "y": 1.0}).to_excel(path, index=False)
    monkeypatch.setattr("edgewise.studio._start.read_table", None)
    with pytest.raises(ew.InputError, match=r"about .* cells, and the studio opens tables of up to"):
        Desk(tmp_path).ask("open_table", {"file": path.name})
