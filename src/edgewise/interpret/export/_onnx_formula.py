"""Formulas in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Formula
from edgewise.formulas.expressions import Step, Steps
from edgewise.interpret.export import _onnx_functions as own
from edgewise.interpret.export._module import with_log1p
from edgewise.interpret.export._onnx_erf import erf, erfc
from edgewise.interpret.export._onnx_graph import OnnxGraph, OnnxValue
from edgewise.interpret.export._printer import guarded, in_core


def _operator(name: str) -> Callable[..., OnnxValue]:
    return lambda *values: reduce(lambda a, b: a.graph.node(name, a, b), values[1:], values[0])


def _unary(name: str) -> Callable[[OnnxValue], OnnxValue]:
    return lambda x: x.graph.node(name, x)


#: name of a step -> what it does with the values of others
_FUNCTIONS: Mapping[str, Callable[..., OnnxValue]] = {
    "Add": _operator("Add"), "Mul": _operator("Mul"), "Max": _operator("Max"), "Min": _operator("Min"),
    "Pow": _operator("Pow"), "exp": _unary("Exp"), "log": _unary("Log"), "sin": _unary("Sin"), "tanh": _unary("Tanh"),
    "Abs": _unary("Abs"), "sign": _unary("Sign"), "floor": _unary("Floor"), "ceiling": _unary("Ceil"),
    "sqrt": _unary("Sqrt"),
    "cos": own.cos, "tan": own.tan, "sinh": own.sinh, "cosh": own.cosh, "log1p": own.log1p, "sinc": own.sinc,
    "asin": own.asin, "acos": own.acos, "atan": own.atan, "atan2": own.atan2, "asinh": own.asinh, "acosh": own.acosh,
    "atanh": own.atanh, "erf": erf, "erfc": erfc, "softplus": own.softplus, "sigmoid": own.sigmoid,
    "StrictGreaterThan": _operator("Greater"), "GreaterThan": _operator("GreaterOrEqual"),
    "StrictLessThan": _operator("Less"), "LessThan": _operator("LessOrEqual"), "Equality": _operator("Equal"),
    "Unequality": lambda a, b: a.graph.node("Not", a.equal(b)),
    "where": lambda condition, then, other: condition.graph.where(condition, then, other),
}  # fmt: skip

_SMALLEST = float(np.finfo(np.float32).tiny)


def onnx_function(name: str, *values: OnnxValue) -> OnnxValue:
    """Return a function of values (rows, columns), elementwise, in either precision.

    Names are those of sympy (``exp``, ``log``, ``asinh``, ``erf``, ``Max``, ...), ``log1p``, ``softplus`` and
    ``sigmoid``.

    >>> from edgewise.export import OnnxGraph
    >>> graph = OnnxGraph("float64")
    >>> graph.output("y", onnx_function("softplus", graph.input("x")), width=1)

    Errors: InputError for a function that cannot be written.
    """
    if name not in _FUNCTIONS:
        raise InputError(f"The formula uses {name}, which cannot be written in ONNX.")
    return _FUNCTIONS[name](*values)


def onnx_formulas(formulas: Sequence[Formula], names: Sequence[str], x: OnnxValue) -> OnnxValue:
    """Return the values (rows, formulas) of formulas over the names of the columns of x (rows, names).

    Errors: InputError for functions and numbers that cannot be written.

    >>> from edgewise.export import OnnxGraph
    >>> graph = OnnxGraph()
    >>> m, v = sympy.symbols("m v")
    >>> graph.output("energy", onnx_formulas([m * v**2 / 2], ["m", "v"], graph.input("x", width=2)), width=1)
    """
    graph = x.graph
    guards = [guarded(in_core(formula)) for formula in formulas]
    values = written(graph, guards, names, [graph.columns(x, [i]) for i in range(len(names))])
    shape = graph.node("Concat", graph.node("Shape", x, start=0, end=1), np.array([1]), axis=0)
    return graph.concat(
        [
            value if formula.free_symbols else graph.node("Expand", value, shape)
            for formula, value in zip(formulas, values, strict=True)
        ]
    )


def written(
    graph: OnnxGraph, formulas: Sequence[Formula], names: Sequence[str], inputs: Sequence[OnnxValue]
) -> list[OnnxValue]:  # fmt: skip
    """Return the values of formulas over named inputs of one shape (rows, columns); constants are scalars."""
    compiled = Steps([with_log1p(in_core(f)) for f in formulas], names)
    values = list(inputs)
    for step, formula in zip(compiled.steps[len(names) :], compiled.formulas[len(names) :], strict=True):
        _check(step, formula, graph)
        arguments = [values[place] for place in step.places]
        if step.kind == "number":
            values.append(graph.constant(step.number))
        elif step.kind == "power":
            values.append(_power(arguments[0], step.number))
        elif step.kind == "log1p" and compiled.steps[step.places[0]].kind == "exp":
            (exponent,) = compiled.steps[step.places[0]].places
            values.append(own.softplus(values[exponent]))
        else:
            values.append(onnx_function(step.kind, *arguments))
    return [values[place] for place in compiled.outputs]


def _check(step: Step, formula: Formula, graph: OnnxGraph) -> None:
    if isinstance(formula, sympy.Piecewise) and (step.kind != "where" or formula.args[-1].args[1] is not sympy.true):
        raise InputError(f"The formula {formula} says nothing for some arguments: end its last piece with True.")
    if step.kind == "number" and graph.dtype == np.float32 and 0 < abs(step.number) < _SMALLEST:
        raise InputError(f"The formula holds {step.number:.6g}, too small for float32. Use dtype='float64'.")


def _power(base: OnnxValue, exponent: float) -> OnnxValue:
    if exponent == 2:
        return base * base
    if exponent == -1:
        return 1 / base
    if exponent < 0:
        return 1 / _power(base, -exponent)
    return base.graph.node("Sqrt", base) if exponent == 0.5 else base.graph.node("Pow", base, exponent)
