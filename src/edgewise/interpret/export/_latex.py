"""Formulas in LaTeX, and with the standard errors of their constants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Formula, Part
from edgewise.formulas.expressions import (
    Constant,
    Uncertainty,
    decimals,
    factored,
    products_kept,
    quoted,
    rounded_together,
)
from edgewise.interpret.export._printer import Language, register
from edgewise.interpret.export._source import Exportable, Names, Source, Target, greek_letter, read

_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega"
)
_GREEK = frozenset(_LETTERS.split())
_INDEXED = re.compile(r"([A-Za-z]+?)_?(\d+|(?<=_)[A-Za-z]+)")
_ESCAPES = {"\\": r"\backslash ", " ": r"\ ", "^": r"\wedge ", "~": r"\sim ", **{c: "\\" + c for c in "_$%#&{}"}}
_COMMANDS = {
    **{name: f"\\{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth")},
    **{name: f"\\arc{name[1:]}" for name in ("asin", "acos", "atan")},
    **{name: f"\\{name[1:]}^{{-1}}" for name in ("asinh", "acosh", "atanh")},
    "log": r"\ln", "exp": r"\exp", "erf": r"\operatorname{erf}", "erfc": r"\operatorname{erfc}",
    "sign": r"\operatorname{sgn}",
    "atan2": r"\operatorname{atan2}",
}  # fmt: skip
_E = sympy.Symbol(r"\exp\left(1\right)")
_DOT = r" \cdot "
_ENDS_IN_NUMBER, _BEGINS_WITH_NUMBER = re.compile(r"\d[} ]*$"), re.compile(r"\d|\\frac\{\d+\}\{\d+\}")
_WORD = r"\\math(?:it|rm)\{(?:[^{}\\]|\\.)*\}"
_BEGINS_WITH_WORD, _ENDS_IN_WORD = re.compile(_WORD), re.compile(_WORD + r"(?:\^\{[^{}]*\})?$")
_NAME_OF_WORDS = re.compile(r"\\mathrm\{(?:[^{}\\]|\\.)*\\ (?:[^{}\\]|\\.)*\}")
_ENDS_IN_NAME_OF_WORDS = re.compile(_NAME_OF_WORDS.pattern + r"(?:\\right\))?(?:\^\{[^{}]*\})?$")
_NAME_IN_DIGITS = re.compile(r"\\mathrm\{(?:[^{}\\]|\\.)*\d\}")
_SYMBOL = re.compile(r"(\\?[A-Za-z]|_\{(?:[^{}]|\{[^{}]*\})*\})$")


class _Printer(LatexPrinter):
    def __init__(self, names: dict[sympy.Symbol, str], digits: int | None) -> None:
        super().__init__({"symbol_names": names, "mul_symbol": "dot", "fold_frac_powers": True})
        self._digits = digits

    def parenthesize_super(self, s: str) -> str:
        """Put a name of several words, or one that ends in a digit, in parentheses before an exponent is added."""
        if _NAME_OF_WORDS.fullmatch(s) or _NAME_IN_DIGITS.fullmatch(s):
            return rf"\left({s}\right)"
        return super().parenthesize_super(s)

    def _print_Float(self, expr: Formula) -> str:
        text = repr(float(expr)) if self._digits is None else f"{float(expr):.{self._digits}g}"
        mantissa, _, exponent = text.partition("e")
        if not exponent:
            return mantissa.removesuffix(".0")
        return f"{mantissa}{_DOT}10^{{{int(exponent)}}}"

    def _print_Function(self, expr: Part, exp: str | None = None) -> str:
        name = expr.func.__name__
        command = _COMMANDS.get(name)
        if command is None:
            return super()._print_Function(expr, exp)
        call = f"\\left({', '.join(self._print(a) for a in expr.args)}\\right)"
        if exp is None:
            return command + call
        if command.endswith("}"):  # nothing can be put on top of tanh^{-1}
            return f"\\left({command}{call}\\right)^{{{exp}}}"
        return f"{command}^{{{exp}}}{call}"

    _print_log = _print_ExpBase = _print_Function

    def _print_Abs(self, expr: Formula, exp: str | None = None) -> str:
        inner = self._print(expr.args[0])
        tall = any(part in inner for part in ("|", r"\frac", r"\left", r"\sqrt"))
        text = rf"\left|{inner}\right|" if tall else f"|{inner}|"
        return text if exp is None else f"{text}^{{{exp}}}"


def latex(source: Exportable, names: Names = None, *, target: Target = None, digits: int | None = None) -> str:
    r"""Return the formula in LaTeX, for math mode.

    Names of one letter, Greek ones too, are set as such, digits and what follows an underscore as an index, words in
    italics. Formulas over letters and words are read back by `sympy.parsing.latex.parse_latex`.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names. With it, or of a saved model, the text is an equation; several outputs
        are `aligned` equations.
    digits
        Significant digits of numbers, 1 to 17; None writes them in full.

    Raises
    ------
    InputError
        For networks that are no formula, names that do not fit, and digits out of range.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.export import latex
    >>> m, t = sympy.symbols("mass theta_1")
    >>> print(latex(sympy.sqrt(m) * sympy.sin(2 * t) / 3, ["mass", "theta_1"], target="F"))
    F = \frac{\sqrt{\mathit{mass}} \sin\left(2 \theta_{1}\right)}{3}
    """
    return _written(read(source, names, target), digits)


def _written(source: Source, digits: int | None = None) -> str:
    if digits is not None and not is_int(digits, 1, 17):
        raise InputError(f"'digits' must be an int from 1 to 17, or None for all. Got {digits!r}.")
    expressions = source.formulas("LaTeX")
    printer = _Printer(
        {**{sympy.Symbol(n): text for n, text in latex_names(source.names).items()}, _E: _E.name}, digits
    )
    texts = [_printed(printer, e) for e in expressions]
    left = list(latex_names(source.targets).values())
    if len(texts) == 1:
        return f"{left[0]} = {texts[0]}" if source.titled else texts[0]
    lines = (f"{name} &= {text}" for name, text in zip(left, texts, strict=True))
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


register(Language("latex", (".tex",), _written))


def latex_names(names: Sequence[str]) -> dict[str, str]:
    r"""Return how each name is set, all different.

    Parameters
    ----------
    names
        The names.

    Examples
    --------
    >>> from edgewise.export import latex_names
    >>> list(latex_names(["x12", "λ", "T_eff", "period_days", "d"]).values())
    ['x_{12}', '\\lambda', 'T_{\\mathit{eff}}', '\\mathrm{period\\_days}', '\\mathit{d}']
    """
    out: dict[str, str] = {}
    for name in names:
        ways = (_set(name), _upright(name), *(f"{_upright(name)}_{{{k}}}" for k in range(2, len(names) + 2)))
        out[name] = next(text for text in ways if text not in out.values())
    return out


def _set(name: str) -> str:
    plain = "".join((greek_letter(c) or c).replace("amda", "ambda") if not c.isascii() else c for c in name)
    if plain.isascii() and plain.isalpha():
        return _letter(plain)
    parts = _INDEXED.fullmatch(plain)
    if parts is None or (len(parts[1]) > 1 and parts[1] not in _GREEK):
        return _upright(name)
    index = parts[2] if parts[2].isdigit() or len(parts[2]) == 1 else _letter(parts[2])
    return f"{_letter(parts[1])}_{{{index}}}".replace(r"\mathit{d}_", "d_")


def _letter(text: str) -> str:
    """Return a letter or a word; d alone would be read as a differential, and pi is a number."""
    if text in _GREEK:
        return "\\" + text
    return text if len(text) == 1 and text != "d" else f"\\mathit{{{text}}}"


def _upright(name: str) -> str:
    return r"\mathrm{" + "".join(_ESCAPES.get(c, c if c.isprintable() else r"\ ") for c in name) + "}"


def _printed(printer: _Printer, expression: Formula) -> str:
    with products_kept(expression):
        return _spaced(printer.doprint(factored(_explicit(expression))))


def _explicit(expression: Part) -> Part:
    """sin x / x for sinc, exp 1 for e, which may be a variable; other numbers with a sign of their own as decimals."""
    expression = expression.replace(sympy.sinc, lambda x: sympy.sin(x) / x)
    others = {n: n.evalf(17) for n in expression.atoms(sympy.NumberSymbol) if n not in (sympy.pi, sympy.E)}
    return expression.xreplace({**others, sympy.E: _E})


def _spaced(text: str) -> str:
    """Products without a dot, except between numbers, beside names of several words, and where a symbol would look
    like a function; words apart.
    """
    parts = text.split(_DOT)
    out = parts[0]
    for part in parts[1:]:
        numbers = _ENDS_IN_NUMBER.search(out) and _BEGINS_WITH_NUMBER.match(part)
        called = part.startswith(r"\left(") and _SYMBOL.search(out)
        words = _BEGINS_WITH_WORD.match(part) or _ENDS_IN_WORD.search(out)
        several = _NAME_OF_WORDS.match(part) or _ENDS_IN_NAME_OF_WORDS.search(out)
        out += (_DOT if numbers or called or several else r" \, " if words else " ") + part
    return out


def text_with_error_bars(uncertainty: Uncertainty) -> str:
    """Return a formula as text, each fitted constant with its standard error, as (281428 ± 60).

    Parameters
    ----------
    uncertainty
        A formula with its constants and their standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.export import text_with_error_bars
    >>> from edgewise.expressions import Uncertainty
    >>> x = np.arange(1.0, 9.0)[:, None]
    >>> y = 2 * x[:, 0] + np.array([1, -1, 1, -1, -1, 1, -1, 1]) / 10
    >>> print(text_with_error_bars(Uncertainty.of(2.0 * sympy.Symbol("x"), ["x"], x, y)))
    (2.0000 ± 0.0075)*x
    """
    with products_kept(uncertainty.free.template):
        expression, constants = _marked(uncertainty)
        names = {s: sympy.Symbol(quoted(s.name)) for s in expression.atoms(sympy.Symbol)}
        return _UncertainPrinter(constants).doprint(decimals(expression).xreplace(names))


def latex_with_error_bars(uncertainty: Uncertainty) -> str:
    r"""Return a formula in LaTeX, each fitted constant as \left(281428 \pm 60\right).

    Parameters
    ----------
    uncertainty
        A formula with its constants and their standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.export import latex_with_error_bars
    >>> from edgewise.expressions import Uncertainty
    >>> x = np.arange(1.0, 9.0)[:, None]
    >>> y = 2 * x[:, 0] + np.array([1, -1, 1, -1, -1, 1, -1, 1]) / 10
    >>> print(latex_with_error_bars(Uncertainty.of(2.0 * sympy.Symbol("x"), ["x"], x, y)))
    \left(2.0000 \pm 0.0075\right) x
    """
    with products_kept(uncertainty.free.template):
        expression, constants = _marked(uncertainty)
        text = latex(expression, uncertainty.data.names)
    for mark, constant in constants.items():
        text = re.sub(rf"{re.escape(str(mark))}( \\,)?", _plus_minus(constant).replace("\\", r"\\"), text)
    return text


def _marked(uncertainty: Uncertainty) -> tuple[Part, dict[float, Constant]]:
    """Return the formula with a different number in place of each constant, and the constants by these numbers."""
    mark = 1.640625  # and a little more for each: numbers that no formula holds, exact in binary
    constants = {mark + k / 1024: constant for k, constant in enumerate(uncertainty.constants, 1)}
    signed = [sympy.Float(own if constant.value >= 0 else -own) for own, constant in constants.items()]
    return uncertainty.free.template.xreplace(dict(zip(uncertainty.free.symbols, signed, strict=True))), constants


class _UncertainPrinter(StrPrinter):
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
