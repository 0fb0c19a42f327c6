"""Decimals stay decimals wherever a formula is written; fractions of small integers stay fractions."""

import pytest
import sympy

from edgewise.export import c, excel, latex, text
from edgewise.expressions import parse, write


@pytest.mark.parametrize(
    ("given", "tex", "cells", "code"),
    [
        ("34.65*exp(-1.27*x)", r"34.65 \exp\left(- 1.27 x\right)", "=34.65*EXP(-1.27*A2)", "34.65*exp(-1.27*x)"),
        ("2*x/3 + 1/2", r"\frac{2 x}{3} + \frac{1}{2}", "=2*A2/3 + 1/2", "2.0*x/3.0 + 1.0/2.0"),
        ("x^(12/5) - 12.5", "x^{12/5} - 12.5", "=A2^(12/5) - 12.5", "pow(x, 12.0/5.0) - 12.5"),
        ("x/16", r"\frac{x}{16}", "=A2/16", "x/16.0"),
    ],
)
def test_numbers_are_written_as_people_write_them(given: str, tex: str, cells: str, code: str) -> None:
    formula = parse(given)
    assert latex(formula) == tex
    assert excel(formula) == cells
    assert f"return {code};" in c(formula)
    assert abs(float(parse(write(formula)).subs("x", 1.7)) - float(formula.subs("x", 1.7))) < 1e-14


def test_python_code_has_decimals() -> None:
    written = text(sympy.Rational(981, 100) * sympy.Symbol("h"), "numpy")
    assert isinstance(written, str) and "9.81*h" in written and "981" not in written.replace("9.81", "")
