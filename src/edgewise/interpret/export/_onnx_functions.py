"""Functions of one variable in ONNX, of doubles too, for which runtimes have only some of the operators.

Of doubles, onnxruntime 1.18 has Exp, Log, Sin, Tanh, Sqrt, Pow, Abs, Sign, Floor and Ceil. The others are written with
them, to a few units in the last place. Inverse functions start from the operator of float32, and one step of Newton's
method gives the rest of the digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgewise.interpret.export._onnx_graph import OnnxValue

_QUARTER = math.pi / 2
_QUARTER_REST = 6.123233995736766e-17  # pi/2 minus the double nearest to it
_LOG_2 = math.log(2)
_SMALL = 1.0  # below it, sinh is a series
_SERIES = [1 / math.factorial(2 * k + 1) for k in range(10)]
_LARGE = 1e8  # beyond it, asinh(x) = log(2x) to rounding


def _is_double(x: OnnxValue) -> bool:
    return x.graph.dtype == np.float64


def polynomial(x: OnnxValue, coefficients: list[Any]) -> OnnxValue:
    """Return sum_k coefficients[k] x^k, by Horner's rule; coefficients are numbers or values."""
    total: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient if isinstance(total, OnnxValue) else x * total + coefficient
    return total


def cos(x: OnnxValue) -> OnnxValue:
    """sin(x + pi/2), with what the sum loses to rounding in first order."""
    if not _is_double(x):
        return x.graph.node("Cos", x)
    turned = x + _QUARTER
    added = turned - x
    lost = (x - (turned - added)) + (_QUARTER - added) + _QUARTER_REST
    return x.graph.node("Sin", turned) - lost * x.graph.node("Sin", x)


def tan(x: OnnxValue) -> OnnxValue:
    return x.graph.node("Sin", x) / cos(x) if _is_double(x) else x.graph.node("Tan", x)


def sinh(x: OnnxValue) -> OnnxValue:
    size = abs(x)
    near = x * polynomial(x * x, list(_SERIES))
    root = x.graph.node("Exp", size * 0.5)
    far = x.graph.node("Sign", x) * (root * 0.5 * root - 0.5 / root / root)
    return x.graph.where(size > _SMALL, far, near)


def cosh(x: OnnxValue) -> OnnxValue:
    """Halves of the exponent, so that nothing overflows before the value does."""
    root = x.graph.node("Exp", abs(x) * 0.5)
    return root * 0.5 * root + 0.5 / root / root


def log1p(x: OnnxValue) -> OnnxValue:
    """x log(w)/(w - 1) with w = 1 + x rounded, in which the errors of w cancel.

    Source: Goldberg, What every computer scientist should know about floating-point arithmetic (1991), theorem 4.
    """
    graph, w = x.graph, x + 1
    exact = w.equal(1.0)
    logarithm = graph.node("Log", w)
    return graph.where(exact, x, graph.where(w < math.inf, x * logarithm / graph.where(exact, 1.0, w - 1), logarithm))


def _angle(sine: OnnxValue, cosine: OnnxValue, start: OnnxValue) -> OnnxValue:
    """The angle of the point (cosine, sine) of any distance, from a start that is true to about 1e-4."""
    graph = start.graph
    s, c = graph.node("Sin", start), cos(start)
    tangent = (sine * c - cosine * s) / (cosine * c + sine * s)
    return start + tangent * (1 - tangent * tangent * (1 / 3))


def _of_float32(operator: str, x: OnnxValue) -> OnnxValue:
    return x.graph.cast(x.graph.node(operator, x.graph.cast(x, np.float32)))


def atan(x: OnnxValue) -> OnnxValue:
    graph = x.graph
    if not _is_double(x):
        return graph.node("Atan", x)
    bounded = graph.node("Clip", x, -1e300, 1e300)
    return _angle(bounded, graph.constant(1.0), _of_float32("Atan", x))


def asin(x: OnnxValue) -> OnnxValue:
    if not _is_double(x):
        return x.graph.node("Asin", x)
    return _angle(x, x.graph.node("Sqrt", (1 - x) * (1 + x)), _of_float32("Asin", x))


def acos(x: OnnxValue) -> OnnxValue:
    if not _is_double(x):
        return x.graph.node("Acos", x)
    return _angle(x.graph.node("Sqrt", (1 - x) * (1 + x)), x, _of_float32("Acos", x))


def atan2(y: OnnxValue, x: OnnxValue) -> OnnxValue:
    graph = y.graph
    turn = graph.where(x < 0, graph.where(y < 0, -math.pi, math.pi), 0.0)
    angle = atan(y / x) + turn
    upright = graph.node("Sign", y) * _QUARTER
    return graph.where(x.equal(0.0), upright, angle)


def asinh(x: OnnxValue) -> OnnxValue:
    graph, size = x.graph, abs(x)
    small = graph.where(size > _LARGE, 0.0, size)
    near = log1p(small + small * small / (1 + graph.node("Sqrt", small * small + 1)))
    far = graph.node("Log", graph.where(size > _LARGE, size, 1.0)) + _LOG_2
    return graph.node("Sign", x) * graph.where(size > _LARGE, far, near)


def acosh(x: OnnxValue) -> OnnxValue:
    graph = x.graph
    above = graph.where(x > _LARGE, 1.0, x) - 1
    near = log1p(above + graph.node("Sqrt", above * (above + 2)))
    return graph.where(x > _LARGE, graph.node("Log", x) + _LOG_2, near)


def atanh(x: OnnxValue) -> OnnxValue:
    size = abs(x)
    return x.graph.node("Sign", x) * 0.5 * log1p(2 * size / (1 - size))


def sigmoid(x: OnnxValue) -> OnnxValue:
    """Not the operator, which runtimes cut off at about 18."""
    return 1 / (1 + x.graph.node("Exp", -x))


def softplus(x: OnnxValue) -> OnnxValue:
    graph = x.graph
    return graph.node("Max", x, 0.0) + log1p(graph.node("Exp", -abs(x)))


def sinc(x: OnnxValue) -> OnnxValue:
    zero = x.equal(0.0)
    safe = x.graph.where(zero, 1.0, x)
    return x.graph.where(zero, 1.0, x.graph.node("Sin", safe) / safe)
