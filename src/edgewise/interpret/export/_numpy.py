"""A function of NumPy arrays, as source text."""

import keyword
import textwrap
from collections.abc import Mapping
from typing import ClassVar

import sympy

from edgewise._typing import Formula
from edgewise.interpret.export._printer import Language, Printer, register
from edgewise.interpret.export._source import (
    Exportable,
    Names,
    Source,
    Target,
    Units,
    about,
    check_function,
    docstring,
    read,
    statement,
)
from edgewise.interpret.export._steps import Curve, Program, program

RESERVED = frozenset(keyword.kwlist) | {
    "np", "math", "torch", "float", "value", "self", "super", "sum", "zip", "range", "reversed", "enumerate", "spline",
}  # fmt: skip


class NumPyPrinter(Printer):
    language = "NumPy"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: f"np.{name}" for name in ("exp", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
        "asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan", "atan2": "np.arctan2",
        "asinh": "np.arcsinh", "acosh": "np.arccosh", "atanh": "np.arctanh",
        "Abs": "np.abs", "sign": "np.sign", "floor": "np.floor", "ceiling": "np.ceil",
        "Max": "np.maximum", "Min": "np.minimum", "erf": "erf", "erfc": "erfc",
        "where": "np.where", "sinc": "np.sinc",
    }  # fmt: skip
    constants: ClassVar[Mapping[str, str]] = {"Pi": "np.pi", "Exp1": "np.e", "NaN": "np.nan"}

    def choice(self, condition: str, then: str, other: str) -> str:
        return f"{self.functions['where']}({condition}, {then}, {other})"

    def sinc(self, argument: Formula) -> str:
        """NumPy's sinc is that of pi x."""
        return self.call(self.functions["sinc"], argument / sympy.pi)


_SPLINE = '''def spline(x, knots, pieces, slopes):
    """Polynomials between the knots, in the distance from the middle of each cell; straight lines beyond the ends."""
    knots, pieces = np.array(knots), np.array(pieces)
    inside = np.where(x < knots[0], knots[0], np.where(x > knots[-1], knots[-1], x))
    cell = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(pieces) - 1)
    u = inside - (knots[cell] + knots[cell + 1]) / 2
    y = 0.0
    for k in reversed(range(pieces.shape[1])):
        y = y * u + pieces[cell, k]
    return y + np.where(x < inside, slopes[0], slopes[1]) * (x - inside) + 0.0 * x'''
_HELPERS = {
    "erf": "erf = np.vectorize(math.erf, otypes=[float])",
    "bounded": "bounded = lambda x: x + 0.0 * x",
    "erfc": "erfc = np.vectorize(math.erfc, otypes=[float])",
}


def numpy(
    source: Exportable, names: Names = None, *, target: Target = None, units: Units = None, function: str = "f"
) -> str:
    """Return the source of a Python function of NumPy arrays, one argument for each input.

    It needs NumPy and nothing else. Arrays of any shapes that go together are taken, numbers and lists too; several
    outputs come as a tuple. Where the formula is undefined the value is NaN or infinite. Networks with spline edges
    are written node by node, their curves as tables.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names; by default those of a saved model, else y, or y1, y2, ...
    units
        Units by names of inputs and outputs, for the docstring; by default those of a saved model.
    function
        The name of the function.

    Raises
    ------
    InputError
        For names or units that do not fit, and for functions that NumPy does not have.

    Examples
    --------
    >>> import sympy
    >>> m, v = sympy.symbols("mass speed")
    >>> print(numpy(m * v**2 / 2, ["mass", "speed"], target="energy", units={"mass": "kg"}))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(mass, speed):
        \"\"\"energy = mass*speed**2/2
    <BLANKLINE>
        mass   [kg]
        speed
        returns energy
        (written by edgewise ...)
        \"\"\"
        mass, speed = (np.asarray(value, dtype=float) for value in (mass, speed))
        return mass*speed**2/2
    <BLANKLINE>
    """
    return _written(read(source, names, target, units), function)


def _written(source: Source, function: str = "f") -> str:
    check_function(function, RESERVED)
    written = program(source, function, {*RESERVED, *_HELPERS})
    printer = NumPyPrinter()
    body = [*docstring(about(source, written.inputs)), *_converted(list(written.inputs.values()))]
    body += [statement(f"{symbol} = ", printer.doprint(value)) for symbol, value in written.steps]
    body.append(statement("return ", ", ".join(_result(r, written, printer) for r in written.results)))
    head = f"def {function}({', '.join(written.inputs.values())}):\n"
    parts = [*written.helpers(_HELPERS, _SPLINE, _curve), head + textwrap.indent("\n".join(body), "    ")]
    imports = "import math\n\nimport numpy as np" if "math." in "".join(parts[:-1]) else "import numpy as np"
    return "\n\n\n".join([imports, *parts]) + "\n"


register(Language("numpy", (".py",), _written))


def _converted(inputs: list[str]) -> list[str]:
    if not inputs:
        return []
    if len(inputs) == 1:
        return [f"{inputs[0]} = np.asarray({inputs[0]}, dtype=float)"]
    listed = ", ".join(inputs)
    return [statement(f"{listed} = ", f"(np.asarray(value, dtype=float) for value in ({listed}))")]


def _result(result: Formula, written: Program, printer: Printer) -> str:
    """Return a result; one that is the same for all inputs in their shape."""
    text = printer.doprint(result)
    if not written.inputs or not written.is_constant(result):
        return text
    inputs = list(written.inputs.values())
    shape = f"{inputs[0]}.shape" if len(inputs) == 1 else f"np.broadcast({', '.join(inputs)}).shape"
    return f"np.full({shape}, {text})"


def _curve(curve: Curve) -> str:
    rows = ",\n".join("        [" + ", ".join(map(repr, piece)) + "]" for piece in curve.pieces)
    knots = textwrap.indent(statement("knots = ", f"[{', '.join(map(repr, curve.knots))}]"), "    ")
    return (
        f"def {curve.name}(x):\n{knots}\n    pieces = [\n{rows},\n    ]\n"
        f"    return spline(x, knots, pieces, {curve.slopes})"
    )
