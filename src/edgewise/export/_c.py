"""A C99 function, as source text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import sympy
from sympy.printing.precedence import PRECEDENCE

from edgewise._typing import Formula
from edgewise.export._about import about
from edgewise.export._c_names import LIBRARY, RESERVED, is_macro
from edgewise.export._curve_text import IN_C
from edgewise.export._curves import Curve
from edgewise.export._identifiers import identifiers
from edgewise.export._language import Language, register
from edgewise.export._printer import Printer
from edgewise.export._source import Exportable, Source, read
from edgewise.export._steps import Program, is_product, program
from edgewise.export._text import check_function, statement


class _CPrinter(Printer):
    language = "C99"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: name for name in ("exp", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{name: name for name in ("asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "erf", "erfc", "floor")},
        "Abs": "fabs", "ceiling": "ceil", "sign": "sign", "Max": "larger", "Min": "smaller",
    }  # fmt: skip
    constants: ClassVar[Mapping[str, str]] = {"Pi": "pi", "Exp1": "exp(1.0)"}

    def integer(self, value: int) -> str:
        return f"{value}.0" if abs(value) <= 2**53 else super().integer(value)

    def power(self, base: Formula, exponent: Formula) -> str:
        if is_product(base**exponent) and base.is_Symbol:
            return "*".join([self._print(base)] * int(exponent))
        return self.call("pow", base, exponent)

    def choice(self, condition: str, then: str, other: str) -> str:
        return f"({condition} ? {then} : {other})"

    def sinc(self, argument: Formula) -> str:
        return self.call("sinc", argument)

    def parenthesize(self, item: Formula, level: int, strict: bool = False) -> str:
        """Return a power that is written as a product binds like one."""
        if item.is_Pow and is_product(item) and level > PRECEDENCE["Mul"]:
            return f"({self._print(item)})"
        return super().parenthesize(item, level, strict)


_HELPERS = {
    "sinc": "static double sinc(double x)\n{\n    return x == 0.0 ? 1.0 : sin(x)/x;\n}",
    "sign": "static double sign(double x)\n{\n    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;\n}",
    "Max": "static double larger(double a, double b)\n{\n    return a > b || a != a ? a : b;\n}",
    "Min": "static double smaller(double a, double b)\n{\n    return a < b || a != a ? a : b;\n}",
}


def c(
    source: Exportable,
    names: Sequence[str] | None = None,
    *,
    target: str | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    function: str = "f",
) -> str:
    """Return the source of a C99 function of doubles, one argument for each input, which needs math.h alone.

    One output is returned; several are written to the array `out`, the last argument. Where the formula is undefined
    the value is NaN or infinite. Networks with spline edges are written node by node, their curves as tables.

    Arguments and errors as in `edgewise.export.numpy`.

    >>> import sympy
    >>> m, v = sympy.symbols("mass speed")
    >>> print(c(m * v**2 / 2, ["mass", "speed"], target="energy", function="energy"))
    /* energy = mass*speed**2/2
     *
     * mass
     * speed
     * returns energy
     * (written by edgewise ...)
     */
    #include <math.h>
    <BLANKLINE>
    double energy(double mass, double speed);
    <BLANKLINE>
    double energy(double mass, double speed)
    {
        return mass*speed*speed/2.0;
    }
    <BLANKLINE>
    """
    return _written(read(source, names, target, units), function)


def _written(source: Source, function: str = "f") -> str:
    check_function(function, RESERVED | LIBRARY | {name for name in [function] if is_macro(name)})
    macros = {plain for plain in identifiers(source.names).values() if is_macro(plain)}
    written = program(source, function, RESERVED | macros, products=True)
    arguments = [f"double {name}" for name in written.inputs.values()]
    several = len(written.results) > 1
    arguments += [f"double out[{len(written.results)}]"] if several else []
    head = f"{'void' if several else 'double'} {function}({', '.join(arguments) or 'void'})"
    parts = [*_helpers(written), f"{head};", f"{head}\n{{\n{_body(written, several)}\n}}"]
    return f"{_comment(about(source, written.inputs))}\n#include <math.h>\n\n" + "\n\n".join(parts) + "\n"


C = register(Language("c", (".c",), _written))


def _body(written: Program, several: bool) -> str:
    printer = _CPrinter()
    used = {s.name for formula in written.formulas() for s in formula.free_symbols}
    lines = [f"(void){name};" for name in written.inputs.values() if name not in used]
    if any(formula.has(sympy.pi) for formula in written.formulas()):
        lines.insert(0, "const double pi = 3.141592653589793;")
    lines += [statement(f"const double {symbol} = ", printer.doprint(value), ";") for symbol, value in written.steps]
    if several:
        lines += [statement(f"out[{k}] = ", printer.doprint(r), ";") for k, r in enumerate(written.results)]
    else:
        lines.append(statement("return ", printer.doprint(written.results[0]), ";"))
    declared = [line for line in lines if line.startswith("const ")]
    rest = [line for line in lines if not line.startswith("const ")]
    return "\n".join("    " + line for block in [*declared, *rest] for line in block.splitlines())


def _comment(lines: Sequence[str]) -> str:
    """Return the lines as a comment; nothing in them ends it, begins another or is a trigraph."""
    safe = [re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", line) for line in lines]
    return "\n".join([f"/* {safe[0]}", *(f" * {line}".rstrip() for line in safe[1:]), " */"])


def _helpers(written: Program) -> list[str]:
    called = set(written.called())
    parts = [text for name, text in _HELPERS.items() if name in called]
    return [*parts, *([IN_C] if written.curves else []), *(_curve(curve) for curve in written.curves)]


def _curve(curve: Curve) -> str:
    rows = ",\n".join("        " + ", ".join(map(repr, piece)) for piece in curve.pieces)
    knots = statement("static const double knots[] = ", f"{{{', '.join(map(repr, curve.knots))}}}", ";")
    return (
        f"static double {curve.name}(double x)\n{{\n    {knots}\n"
        f"    static const double pieces[] = {{\n{rows}\n    }};\n"
        f"    static const double slopes[] = {{{curve.slopes[0]!r}, {curve.slopes[1]!r}}};\n"
        f"    return spline(x, {len(curve.pieces)}, {len(curve.pieces[0]) - 1}, knots, pieces, slopes);\n}}"
    )
