"""Formulas as code: languages by name, and what their printers share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import sympy
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from edgewise._errors import InputError, unknown
from edgewise._plugins import add, offered
from edgewise._typing import Formula, Part
from edgewise.formulas.expressions import hidden_poles
from edgewise.interpret.export._source import Exportable, Names, Target, Units, read


@dataclass(frozen=True)
class Language:
    """A language that formulas and networks are written in.

    A `Printer` writes the expressions, and `program` gives the steps of a function with names that are free in the
    language.

    Parameters
    ----------
    name
        What `text` and ``edgewise export --to`` call it.
    endings
        The endings of its files.
    write
        A function of a `Source` that returns its text, or a list of texts, one for each output. It takes its own
        options by keyword and raises `InputError` for what the language cannot hold.
    """

    name: str
    endings: tuple[str, ...]
    write: Callable[..., str | list[str]]


_LANGUAGES: dict[str, Language] = {}


def register(language: Language) -> Language:
    """Make a language known by its name for this process, and return it.

    Parameters
    ----------
    language
        The language.

    Raises
    ------
    InputError
        Where the name is taken.

    Examples
    --------
    >>> from edgewise.export import language, register
    >>> register(language("c"))
    Traceback (most recent call last):
    edgewise._errors.InputError: The language 'c' is known already. Choose another name.
    """
    if language.name in _LANGUAGES:
        raise InputError(f"The language {language.name!r} is known already. Choose another name.")
    _LANGUAGES[language.name] = language
    return language


def languages() -> list[str]:
    """Return the names of the languages that are known.

    Examples
    --------
    >>> from edgewise.export import languages
    >>> languages()
    ['c', 'excel', 'latex', 'numpy', 'torch']
    """
    return sorted({*_LANGUAGES, *offered("languages")})


def language(name: str) -> Language:
    """Return the language of a name.

    Parameters
    ----------
    name
        One of `languages()`.

    Raises
    ------
    InputError
        For an unknown name, with the known ones.

    Examples
    --------
    >>> from edgewise.export import language
    >>> language("numpy").endings
    ('.py',)
    """
    if name not in _LANGUAGES:
        add("languages", _LANGUAGES, register, name)
    if name not in _LANGUAGES:
        raise unknown("language", name, languages())
    return _LANGUAGES[name]


def text(
    source: Exportable,
    to: str | Language,
    names: Names = None,
    *,
    target: Target = None,
    units: Units = None,
    **options: Any,
) -> str | list[str]:
    """Return formulas or a network as text of a language.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    to
        The language: one of `languages()`, or a `Language` of your own.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names; by default those of a saved model, else y, or y1, y2, ...
    units
        Units by names of inputs and outputs; by default those of a saved model.
    **options
        Options of the language.

    Returns
    -------
    str or list of str
        The text; a list of texts, one for each output, where the language has no functions of several outputs.

    Raises
    ------
    InputError
        For an unknown language, and what the language raises.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.export import text
    >>> m, v = sympy.symbols("mass speed")
    >>> text(m * v**2 / 2, "excel", ["mass", "speed"])
    '=A2*B2^2/2'
    """
    chosen = language(to) if isinstance(to, str) else to
    return chosen.write(read(source, names, target, units), **options)


SAFE_INTEGER = 2**53
_UNARY = (PRECEDENCE["Mul"] + PRECEDENCE["Pow"]) // 2


class Printer(StrPrinter, ABC):
    """Sums, products, powers, numbers and functions of one argument; a language fills in its table and its powers.

    Doubles are printed so that they are read back to the last bit.

    Parameters
    ----------
    settings
        Settings of sympy's printer of text; its own by default.
    """

    language: ClassVar[str]
    functions: ClassVar[Mapping[str, str]]
    constants: ClassVar[Mapping[str, str]] = {}
    equal: ClassVar[Mapping[str, str]] = {"==": "==", "!=": "!="}

    def power(self, base: Formula, exponent: Formula) -> str:
        """Return the text of base ** exponent.

        Parameters
        ----------
        base
            The base.
        exponent
            The exponent, which is not negative, 1 or 1/2.
        """
        return f"{self.parenthesize(base, PRECEDENCE['Pow'])}**{self.parenthesize(exponent, PRECEDENCE['Pow'])}"

    def call(self, name: str, *arguments: Formula) -> str:
        """Return the text of a function's call.

        Parameters
        ----------
        name
            The function's name in the language.
        *arguments
            The arguments, as formulas.
        """
        return f"{name}({', '.join(self.argument(a) for a in arguments)})"

    def argument(self, formula: Formula) -> str:
        """Return the text of an argument of a function.

        Parameters
        ----------
        formula
            The argument.
        """
        return self._print(formula)

    def integer(self, value: int) -> str:
        """Return the text of a whole number, as a decimal where a double does not hold it exactly.

        Parameters
        ----------
        value
            The number.
        """
        return str(value) if abs(value) <= SAFE_INTEGER else repr(float(value))

    @abstractmethod
    def choice(self, condition: str, then: str, other: str) -> str:
        """Return the text of a choice between two values.

        Parameters
        ----------
        condition
            The text of a condition.
        then
            The text of the value where it holds.
        other
            The text of the value elsewhere.
        """

    @abstractmethod
    def sinc(self, argument: Formula) -> str:
        """Return the text of sin(x)/x, 1 at 0.

        Parameters
        ----------
        argument
            The formula x.
        """

    def _print_NaN(self, expr: Formula) -> str:
        return self.constants["NaN"]

    def _print_Float(self, expr: Formula) -> str:
        return repr(float(expr))

    def _print_Integer(self, expr: Formula) -> str:
        return self.integer(int(expr))

    def _print_Rational(self, expr: Part) -> str:
        return f"{self.integer(expr.p)}/{self.integer(expr.q)}"

    def _print_NumberSymbol(self, expr: Formula) -> str:
        return self.constants.get(type(expr).__name__) or repr(float(expr))

    _print_Pi = _print_NumberSymbol  # type: ignore[assignment]
    _print_Exp1 = _print_NumberSymbol  # type: ignore[assignment]

    def _print_Mul(self, expr: Part) -> str:
        number, rest = expr.as_coeff_Mul()
        sign, number = ("-", -number) if number.is_negative else ("", number)
        above, below = [], []
        for factor in rest.as_ordered_factors():
            base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, sympy.S.One)
            if exponent.is_Rational and exponent.is_negative:
                below.append(sympy.Pow(base, -exponent))
            elif factor is not sympy.S.One:
                above.append(factor)
        if number.is_Rational:
            above = [sympy.Integer(number.p), *above] if number.p != 1 or not above else above
            below = [sympy.Integer(number.q), *below] if number.q != 1 else below
        else:
            above = [number, *above]
        head = above[0]
        first = self.negated(head) if sign else self.parenthesize(head, PRECEDENCE["Mul"])
        out = "*".join([first, *(self.parenthesize(f, PRECEDENCE["Mul"]) for f in above[1:])])
        if not below:
            return out
        bottom = "*".join(self.parenthesize(f, PRECEDENCE["Mul"] + 1) for f in below)
        return f"{out}/{bottom}" if len(below) == 1 else f"{out}/({bottom})"

    def negated(self, factor: Formula) -> str:
        """Return a minus sign and the first factor of a product.

        Parameters
        ----------
        factor
            The factor.
        """
        return f"-{self.parenthesize(factor, _UNARY)}"

    def _print_Pow(self, expr: Part, rational: bool = False) -> str:
        base, exponent = expr.as_base_exp() if expr.base is sympy.S.Exp1 else (expr.base, expr.exp)
        if exponent.is_Rational and exponent.is_negative:
            below = sympy.Pow(base, -exponent)
            return f"{self.integer(1)}/{self.parenthesize(below, PRECEDENCE['Mul'] + 1)}"
        if exponent is sympy.S.Half:
            return self.call(self.functions["sqrt"], base)
        return self.power(base, exponent)

    def _print_Function(self, expr: Part) -> str:
        name, args = expr.func.__name__, expr.args
        if name == "log" and len(args) == 1 and "log1p" in self.functions:
            one, rest = args[0].as_coeff_Add()
            if one is sympy.S.One and rest is not sympy.S.Zero:
                return self.call(self.functions["log1p"], rest)
        if name == "sinc":
            return self.sinc(args[0])
        if isinstance(expr, sympy.core.function.AppliedUndef):  # a curve
            return self.call(name, *args)
        if name not in self.functions:
            raise InputError(f"The formula uses {name}, which cannot be written in {self.language}.")
        return self.call(self.functions[name], *args)

    def _print_Max(self, expr: Part) -> str:
        """Return a function of two arguments, applied to several one after the other."""
        name = self.functions[type(expr).__name__]
        out, *rest = (self.argument(a) for a in sorted(expr.args, key=sympy.default_sort_key))
        for argument in rest:
            out = f"{name}({out}, {argument})"
        return out

    _print_Min = _print_Max

    def _print_Piecewise(self, expr: Part) -> str:
        *pairs, last = expr.args
        if last.cond is not sympy.true:
            raise InputError(f"The formula {expr} says nothing for some arguments: end its last piece with True.")
        out = self._print(last.expr)
        for pair in reversed(pairs):
            out = self.choice(self._print(pair.cond), self._print(pair.expr), out)
        return out

    def _print_Relational(self, expr: Part) -> str:
        sign = self.equal.get(expr.rel_op, expr.rel_op)
        left, right = (self.parenthesize(side, PRECEDENCE["Relational"]) for side in (expr.lhs, expr.rhs))
        return f"{left} {sign} {right}"


_CORE = {
    sympy.sec: lambda x: 1 / sympy.cos(x),
    sympy.csc: lambda x: 1 / sympy.sin(x),
    sympy.cot: lambda x: 1 / sympy.tan(x),
    sympy.sech: lambda x: 1 / sympy.cosh(x),
    sympy.csch: lambda x: 1 / sympy.sinh(x),
    sympy.coth: lambda x: 1 / sympy.tanh(x),
    sympy.acot: lambda x: sympy.atan(1 / x),
    sympy.acoth: lambda x: sympy.atanh(1 / x),
    sympy.Heaviside: lambda x, middle=sympy.S.Half: sympy.Piecewise((0, x < 0), (middle, sympy.Eq(x, 0)), (1, True)),
}


def in_core(expression: Part) -> Part:
    """Return the formula in the functions that every language has.

    >>> in_core(sympy.sec(sympy.Symbol("x")))
    1/cos(x)
    """
    for function, definition in _CORE.items():
        if expression.has(function):
            expression = expression.replace(function, definition)
    return expression


def guarded(expression: Part) -> Part:
    """Return the formula that is NaN where a part of it has a pole that the rest hides.

    >>> guarded(sympy.exp(-1 / sympy.Symbol("x") ** 2))
    Piecewise((exp(-1/x**2), Ne(x, 0)), (nan, True))
    """
    for condition in hidden_poles(expression):
        holds = {"!=": sympy.Ne, ">": sympy.Gt}[condition.sign](condition.margin, 0)
        expression = sympy.Piecewise((expression, holds), (sympy.nan, True))
    return expression


def unguarded(expression: Part) -> Part:
    """Return the formula that was guarded."""
    pieces: Any = expression
    while isinstance(pieces, sympy.Piecewise) and pieces.args[-1].args[0] is sympy.nan:
        pieces = pieces.args[0].args[0]
    return pieces
