"""Formulas with the standard errors of their constants, as text and as LaTeX."""

from __future__ import annotations

import re
from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from edgewise._typing import Part
from edgewise.formulas.expressions import Constant, Uncertainty, quoted, rounded_together
from edgewise.interpret.export._latex import latex

_MARK = 1.640625  # and a little more for each: numbers that no formula holds, exact in binary


def text_with_error_bars(uncertainty: Uncertainty) -> str:
    """Return a formula as text, each fitted constant with its standard error, as (281428 ± 60)."""
    expression, constants = _marked(uncertainty)
    names = {s: sympy.Symbol(quoted(s.name)) for s in expression.atoms(sympy.Symbol)}
    return _Printer(constants).doprint(expression.xreplace(names))


def latex_with_error_bars(uncertainty: Uncertainty) -> str:
    r"""Return a formula in LaTeX, each fitted constant as \left(281428 \pm 60\right)."""
    expression, constants = _marked(uncertainty)
    text = latex(expression, uncertainty.data.names)
    for mark, constant in constants.items():
        text = re.sub(rf"{re.escape(str(mark))}( \\,)?", _plus_minus(constant).replace("\\", r"\\"), text)
    return text


def _marked(uncertainty: Uncertainty) -> tuple[Part, dict[float, Constant]]:
    """Return the formula with a different number in place of each constant, and the constants by these numbers."""
    constants = {_MARK + k / 1024: constant for k, constant in enumerate(uncertainty.constants, 1)}
    signed = [sympy.Float(mark if constant.value >= 0 else -mark) for mark, constant in constants.items()]
    return uncertainty.free.template.xreplace(dict(zip(uncertainty.free.symbols, signed, strict=True))), constants


class _Printer(StrPrinter):
    """Text in which numbers stand with their standard errors."""

    def __init__(self, constants: dict[float, Constant]) -> None:
        super().__init__({"full_prec": False})
        self._constants = constants

    def _print_Float(self, expr: Any) -> str:
        constant = self._constants.get(abs(float(expr)))
        if constant is None:
            return super()._print_Float(expr)
        value, error = rounded_together(abs(constant.value), constant.error)
        return f"{'-' if expr < 0 else ''}({value} ± {error})"


def _plus_minus(constant: Constant) -> str:
    value, error = rounded_together(abs(constant.value), constant.error)
    return rf"\left({_power_of_ten(value)} \pm {_power_of_ten(error)}\right)"


def _power_of_ten(number: str) -> str:
    if number == "undetermined":
        return r"\infty"
    mantissa, _, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else number
