"""The error functions in ONNX, whose operator runtimes have for float32 alone."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from edgewise.interpret.export._curves import Pieces, interpolated
from edgewise.interpret.export._onnx_functions import polynomial
from edgewise.interpret.export._onnx_graph import OnnxValue
from edgewise.interpret.export._onnx_pieces import write_pieces

_LARGEST = 28.0  # beyond it, erfc is zero in doubles
_SMALL = 0.5  # below it, erf is a series
_SERIES = [2 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(14)]


@cache
def _scaled() -> Pieces:
    """exp(x^2) erfc(x) as polynomials."""
    from scipy.special import erfcx  # takes a third of a second to load

    def values_and_sizes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = erfcx(x)[:, None]
        return values, values

    return Pieces(*interpolated(values_and_sizes, [0.0, _LARGEST]), np.zeros((2, 1)))


def _tail(size: OnnxValue) -> OnnxValue:
    """Return erfc of what is not negative."""
    graph = size.graph
    bounded = graph.where(size > _LARGEST, _LARGEST, size)  # not Min, of which runtimes disagree where x is NaN
    scaled = graph.sum(write_pieces(bounded, [_scaled()]), 2)
    return graph.node("Exp", -(bounded * bounded)) * scaled


def erfc(x: OnnxValue) -> OnnxValue:
    """Return 1 - erf(x), x (rows, columns), with the digits that small values have."""
    tail = _tail(abs(x))
    return x.graph.where(x < 0, 2 - tail, tail)


def erf(x: OnnxValue) -> OnnxValue:
    """Return the error function of x (rows, columns)."""
    near = x * polynomial(x * x, list(_SERIES))
    far = x.graph.node("Sign", x) * (1 - _tail(abs(x)))
    return x.graph.where(abs(x) > _SMALL, far, near)
