"""Formulas in LaTeX: how they read, their digits, and that they can be typeset."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

import edgewise as ew
from edgewise.discovery import Candidate
from edgewise.export import latex_names

X, Y = sympy.symbols("x y")


def test_a_candidate_s_latex_is_the_export_with_six_digits() -> None:
    candidate = Candidate(sympy.Float("0.123456789") * X, ("x",), 0.0, 3)
    assert candidate.latex() == "0.123457 x" == ew.export.latex(candidate, digits=6)


LATEX = {
    X * (Y + 1): r"x \cdot \left(y + 1\right)",
    2 * X * sympy.sin(Y) ** 2: r"2 x \sin^{2}\left(y\right)",
    sympy.exp(-(X**2) / 2): r"\exp\left(- \frac{x^{2}}{2}\right)",
    sympy.Abs(X): "|x|",
    sympy.asin(X) + sympy.atanh(Y) ** 2: r"\arcsin\left(x\right) + \left(\tanh^{-1}\left(y\right)\right)^{2}",
    sympy.Float("1.5e-12") * X: r"1.5 \cdot 10^{-12} x",
    sympy.sinc(X): r"\frac{\sin\left(x\right)}{x}",
    sympy.E * X: r"\exp\left(1\right) x",
}


@pytest.mark.parametrize("formula", LATEX, ids=str)
def test_latex_reads_well(formula: Any) -> None:
    assert ew.export.latex(formula, ["x", "y"]) == LATEX[formula]


def test_latex_equations_and_digits() -> None:
    formula = sympy.Float("0.123456789") * sympy.Symbol("T_eff")
    assert ew.export.latex(formula, target="v_0", digits=3) == r"v_{0} = 0.123 T_{\mathit{eff}}"
    text = ew.export.latex([X, Y], target=["u", "area"])
    assert text.splitlines()[1:3] == [r"u &= x \\", r"\mathit{area} &= y"]
    for digits in (0, 18, 2.0, True):
        with pytest.raises(ew.InputError, match="'digits'"):
            ew.export.latex(X, digits=digits)  # type: ignore[arg-type]


def test_matplotlib_typesets_what_is_printed() -> None:
    from edgewise.plot import typesets

    for formula in LATEX:
        assert typesets(ew.export.latex(formula, ["x", "y"]))
    for text in latex_names(
        ["lambda", "mass (kg)", "θ", "größe", "x_1", "T_eff", "period_days", "50%", "a{b}", "π"]
    ).values():
        assert typesets(text), text


def test_outputs_saved_under_one_name_are_numbered(tmp_path) -> None:
    model = ew.KAN([1, 2])
    for j, name in enumerate(["sin", "cos"]):
        model = ew.nn.set_function(model, 0, j, 0, name)
    ew.save(model, tmp_path / "m", names=["t"], target="wave")
    text = ew.export.latex(ew.io.load_with_metadata(tmp_path / "m"))
    assert [line.split(" &=")[0] for line in text.splitlines()[1:3]] == [r"\mathrm{wave\_1}", r"\mathrm{wave\_2}"]


def test_products_and_powers_of_names_of_several_words_can_be_told_from_one_name() -> None:
    names = ["R&D Spend", "part #2", "rate"]
    spend, part, rate = (sympy.Symbol(name) for name in names)
    assert ew.export.latex(spend * part**2, names) == (
        r"\mathrm{R\&D\ Spend} \cdot \left(\mathrm{part\ \#2}\right)^{2}"
    )
    assert ew.export.latex(rate * spend / part, names) == (
        r"\frac{\mathrm{R\&D\ Spend} \cdot \mathit{rate}}{\mathrm{part\ \#2}}"
    )
