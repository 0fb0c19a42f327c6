"""Names and formulas as matplotlib prints them."""

from __future__ import annotations

import re
from fractions import Fraction

from matplotlib.mathtext import MathTextParser

_ESCAPES = {"\\": r"\backslash ", " ": r"\ ", "^": r"\wedge ", **{c: "\\" + c for c in "_$%#&{}"}}
_GREEK = (
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega|"
    "Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega"
)
_SYMBOL = re.compile(rf"([A-Za-z]|{_GREEK})_?([0-9]{{0,3}})")
_POWER = re.compile(r"x\^([+-]?[\d./]+)")
_VARIABLE = re.compile(r"(?<![a-z])x(?![a-z])")
_TYPESET = {
    "1/x": r"$1/x$",
    "1/x^2": r"$1/x^2$",
    "1/x^3": r"$1/x^3$",
    "sqrt": r"$\sqrt{x}$",
    "1/sqrt": r"$1/\sqrt{x}$",
    "exp": r"$e^x$",
    "gaussian": r"$e^{-x^2}$",
    "abs": r"$|x|$",
}


def math_name(name: str) -> str:
    r"""Return a name as mathtext: letters, Greek ones too, in italics, their number as index; words as are.

    >>> print(math_name("x12"), math_name("lambda"), math_name("period_days"))
    x_{12} \lambda \mathrm{period\_days}
    """
    match = _SYMBOL.fullmatch(name)
    if match:
        letter = match[1] if len(match[1]) == 1 else "\\" + match[1]
        return letter + (f"_{{{match[2]}}}" if match[2] else "")
    return r"\mathrm{" + "".join(_ESCAPES.get(c, c) for c in name) + "}"


def function_label(name: str) -> tuple[str, bool]:
    r"""The name of a library function as it is shown in a picture, and whether that is mathtext.

    >>> function_label("x^1.5"), function_label("sin")
    (('$x^{3/2}$', True), ('sin', False))
    """
    if name in _TYPESET:
        return _TYPESET[name], True
    match = _POWER.fullmatch(name)
    if match is None:
        return name, False
    exponent = Fraction(match[1])
    short = exponent if exponent.denominator < 100 else f"{float(exponent):.4g}"
    return f"$x^{{{short}}}$", True


def typesets(math: str) -> bool:
    """Return whether matplotlib can typeset a piece of LaTeX mathematics.

    >>> typesets(r"\\frac{a}{b}"), typesets(r"\\begin{cases}")
    (True, False)
    """
    try:
        MathTextParser("path").parse("$" + math.replace(r"\&", "&") + "$")  # the one escape it does not know
    except (ValueError, RuntimeError):
        return False
    return True


def number(value: float) -> str:
    """Four significant digits with a true minus sign."""
    return f"{value:.4g}".replace("-", "−")


def edge_formula(function: str, affine: tuple[float, float, float, float], name: str) -> str:
    """One symbolic edge, c f(a x + b) + d, as plain text.

    >>> edge_formula("sin", (2.0, 0.0, 1.0, -0.5), "t")
    'sin(2 t) − 0.5'
    >>> edge_formula("x^1.5", (1.0, 0.0, 3.0, 0.0), "a_au")
    '3 a_au^1.5'
    """
    a, b, c, d = affine
    scale = {1.0: "", -1.0: "−"}.get(a, number(a) + " ")
    inner = f"{scale}{name}{_signed(b)}"
    single = inner if inner == name and " " not in name else f"({inner})"
    if function == "x":
        text = inner if b == 0 else single
    elif _VARIABLE.search(function):
        text = _VARIABLE.sub(lambda _: single, function)
    else:
        text = f"{function}({inner})"
    factor = {1.0: "", -1.0: "−"}.get(c, number(c) + " ")
    return f"{factor}{text}{_signed(d)}"


def _signed(value: float) -> str:
    if value == 0:
        return ""
    return f" {'+' if value > 0 else '−'} {number(abs(value))}"
