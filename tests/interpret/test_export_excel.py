"""Exports to Excel: how it spells and binds, which cells are named, and its limits."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

import edgewise as ew

X, Y = sympy.symbols("x y")

EXCEL = {
    -(X**2): "=-(A2^2)",
    -(X**2) * Y: "=-(A2^2)*B2",
    (X**Y) ** sympy.Symbol("z"): "=(A2^B2)^C2",
    X ** (Y**2): "=A2^(B2^2)",
    2**-X: "=2^(-A2)",
    1 - X**2: "=1 - (A2^2)",
    sympy.exp(-(X**2)): "=EXP(-(A2^2))",
    sympy.log(X) / sympy.pi: "=LN(A2)/PI()",
    sympy.atan2(Y, X): "=ATAN2(A2, B2)",
    sympy.sec(X): "=1/COS(A2)",
    sympy.Max(X, Y, 0): "=MAX(0, A2, B2)",
    sympy.Piecewise((X, X > 0), (Y, sympy.Eq(X, 0)), (0, True)): "=IF(A2 > 0, A2, IF(A2 = 0, B2, 0))",
    sympy.Float("1.5e-20") * X: "=1.5E-20*A2",
}


@pytest.mark.parametrize("formula", EXCEL, ids=str)
def test_excel_spells_and_binds_in_its_own_way(formula: Any) -> None:
    assert ew.export.excel(formula, ["x", "y", "z"]) == EXCEL[formula]


def test_cells_may_be_chosen() -> None:
    cells = {"x": "'My data'!$B$3", "y": "[@speed]"}
    assert ew.export.excel(X - Y, ["x", "y"], cells=cells) == "='My data'!$B$3 - [@speed]"
    assert ew.export.excel([X, Y], cells={"x": "Table1[@[mass of it]]"}) == ["=Table1[@[mass of it]]", "=B2"]
    many = sympy.symbols([f"x{k}" for k in range(1, 30)])
    assert str(ew.export.excel(sympy.Add(*many))).count("AC2") == 1


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"z": "A1"}, "Unknown input 'z'"),
        ({"x": "1A"}, "no cell"),
        ({"x": "A1+B1"}, "no cell"),
        ({"x": '=HYPERLINK("")'}, "no cell"),
        ({"x": "[a\nb]"}, "no cell"),
        ({"x": "[\u202ea]"}, "no cell"),
        ({"x": 3}, "no cell"),
        ({"x": "B2"}, "both in cell B2"),
        (["A1"], "must map"),
    ],
)
def test_cells_that_are_none_are_refused(cells: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        ew.export.excel(X + Y, ["x", "y"], cells=cells)


def test_excel_has_its_limits() -> None:
    with pytest.raises(ew.InputError, match="a cell of Excel takes 8192"):
        ew.export.excel(sympy.Add(*(sympy.Symbol(f"x{k}") for k in range(1500))))
    with pytest.raises(ew.InputError, match="outside Excel's numbers"):
        ew.export.excel(sympy.Float("1e-310") * X)
