"""Excel formulas."""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import sympy
from sympy.printing.precedence import PRECEDENCE

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.interpret.export._printer import Language, Printer, in_core, register
from edgewise.interpret.export._source import Exportable, Names, Source, read

_LONGEST = 8192  # characters that a cell takes
_SMALLEST, _LARGEST = 2.2251e-308, 9.99999999999999e307
_CELL = r"\$?[A-Za-z]{1,3}\$?[1-9]\d{0,6}"
_REFERENCE = re.compile(
    rf"(?:(?:[\w.]+|'(?:[^'\[\]*?:/\\]|'')+')!)?{_CELL}"  # B2, $B$2, Sheet1!B2, 'My sheet'!B2
    r"|\w*\[@?\[?[^\[\]#'@]+\]?\]"  # [@mass], Table1[@[mass of it]]
    r"|[A-Za-z_\\][\w.]*"  # a defined name
)


class _ExcelPrinter(Printer):
    """Excel's minus binds tighter than ^, and ^ goes from left to right: both are kept apart by parentheses."""

    language = "Excel"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: name.upper() for name in ("exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")},
        **{name: name.upper() for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc")},
        "log": "LN", "Abs": "ABS", "Max": "MAX", "Min": "MIN", "floor": "INT",
    }  # fmt: skip
    constants: ClassVar[Mapping[str, str]] = {"Pi": "PI()", "Exp1": "EXP(1)"}
    equal: ClassVar[Mapping[str, str]] = {"==": "=", "!=": "<>"}

    def power(self, base: Formula, exponent: Formula) -> str:
        return f"{self.parenthesize(base, PRECEDENCE['Pow'])}^{self.parenthesize(exponent, PRECEDENCE['Pow'])}"

    def negated(self, factor: Part) -> str:
        text = self.parenthesize(factor, PRECEDENCE["Mul"])
        return f"-({text})" if factor.is_Pow and factor.exp is not sympy.S.Half else f"-{text}"

    def choice(self, condition: str, then: str, other: str) -> str:
        return f"IF({condition}, {then}, {other})"

    def sinc(self, argument: Formula) -> str:
        text = self._print(argument)
        return self.choice(f"({text})=0", "1", f"SIN({text})/({text})")

    def _print_Max(self, expr: Part) -> str:
        name = self.functions[type(expr).__name__]
        return self.call(name, *sorted(expr.args, key=sympy.default_sort_key))

    _print_Min = _print_Max

    def _print_Float(self, expr: Formula) -> str:
        text = super()._print_Float(expr)
        if text != "0.0" and not _SMALLEST < abs(float(text)) < _LARGEST:
            raise InputError(f"The formula holds {text}, which is outside Excel's numbers (2.2e-308 to 1e308).")
        return text.upper()

    def _print_atan2(self, expr: Part) -> str:
        y, x = expr.args
        return self.call("ATAN2", x, y)

    def _print_ceiling(self, expr: Formula) -> str:
        return f"-INT(-({self._print(expr.args[0])}))"


def excel(source: Exportable, names: Names = None, *, cells: Mapping[str, str] | None = None) -> str | list[str]:
    """Return an Excel formula over cells, one for each output; LibreOffice and Google Sheets read them too.

    Functions are named in English and arguments separated by commas, as in files; numbers have 17 digits, of which
    Excel itself reads 15.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    cells
        References by names of inputs, like {"mass": "B2", "speed": "[@speed]"}; those left out are A2, B2, ... by their
        place among the inputs.

    Raises
    ------
    InputError
        For networks that are no formula, unknown names, references that are none, functions and numbers that Excel does
        not have, and more than 8192 characters.

    Examples
    --------
    >>> import sympy
    >>> m, v = sympy.symbols("mass speed")
    >>> excel(-m**2 * sympy.exp(-v**2) / 2, ["mass", "speed"], cells={"speed": "$D$1"})
    '=-(A2^2)*EXP(-($D$1^2))/2'
    """
    return _written(read(source, names), cells)


def _written(source: Source, cells: Mapping[str, str] | None = None) -> str | list[str]:
    places = _places(source.names, cells)
    symbols = {sympy.Symbol(name): sympy.Symbol(place) for name, place in places.items()}
    printer = _ExcelPrinter()
    texts = ["=" + printer.doprint(in_core(e).xreplace(symbols)) for e in source.formulas("an Excel formula")]
    for text in texts:
        if len(text) > _LONGEST:
            raise InputError(f"The formula has {len(text)} characters, and a cell of Excel takes {_LONGEST}: prune it.")
    return texts[0] if len(texts) == 1 else texts


register(Language("excel", (".txt",), _written))


def _places(names: Sequence[str], cells: Mapping[str, str] | None) -> dict[str, str]:
    given = {} if cells is None else cells
    if not isinstance(given, Mapping):
        raise InputError(f"'cells' must map names of inputs to cells, like {{'mass': 'B2'}}. Got {cells!r}.")
    for name, cell in given.items():
        if name not in names:
            raise unknown("input", name, names)
        if not isinstance(cell, str) or not cell.isprintable() or not _REFERENCE.fullmatch(cell):
            raise InputError(f"{cell!r} is no cell of Excel. Write B2, $B$2, 'My sheet'!B2, [@column] or a name.")
    places = {name: given.get(name, f"{_column(k)}2") for k, name in enumerate(names)}
    by_place: dict[str, str] = {}
    for name, place in places.items():
        other = by_place.setdefault(place.upper(), name)
        if other != name:
            raise InputError(f"{other!r} and {name!r} are both in cell {place}. Give each its own in 'cells'.")
    return places


def _column(k: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    return (_column(k // 26 - 1) if k >= 26 else "") + chr(ord("A") + k % 26)
