"""The value of a formula straight from its text, to sixty digits, and how far the rounding of doubles can move it.

Neither sympy nor a network takes part: the tree of the text is walked by mpmath.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import mpmath as mp

from edgewise.expressions import SyntaxNode, syntax_tree

_CONSTANTS = {"pi": mp.pi, "π": mp.pi, "e": mp.e, "E": mp.e}
_STEP = mp.mpf(2) ** -50  # a few units in the last place
_TRIALS, _FACTOR = 4, 300
_LARGEST = mp.mpf(10) ** 150  # squares have to be doubles: sympy writes tanh(asinh(u)) as u/sqrt(u^2 + 1)


class UndefinedError(Exception):
    """The formula has no real value here, or an intermediate one that no double holds."""


def _sigmoid(u: Any) -> Any:
    return 1 / (1 + mp.exp(-u))


def _softplus(u: Any) -> Any:
    """log(1 + exp(u)) in doubles, whose exponential has to be one."""
    if u > 600:
        raise UndefinedError
    return mp.log1p(mp.exp(u))


def _power(u: Any, v: Any) -> Any:
    if (u == 0 and v <= 0) or (u < 0 and v != mp.floor(v)):
        raise UndefinedError
    return mp.power(u, v) if u else u


_SAME = """
    sin cos tan exp log sqrt sinh cosh tanh asin acos atan asinh atanh erf erfc cbrt sec csc cot sech csch coth log10
"""
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(mp, name) for name in _SAME.split()},
    "ln": mp.log, "abs": abs, "square": lambda u: u * u, "log2": lambda u: mp.log(u, 2), "arcsin": mp.asin,
    "arccos": mp.acos, "arctan": mp.atan, "arcsinh": mp.asinh, "arctanh": mp.atanh,
    "gaussian": lambda u: mp.exp(-u * u), "logistic": _sigmoid, "sigmoid": _sigmoid,
    "expm1": lambda u: mp.exp(u) - 1, "log1p": lambda u: mp.log(1 + u),
    "softplus": _softplus, "sinc": lambda u: mp.sin(u) / u if u else mp.mpf(1),
    "pow": _power, "hypot": lambda u, v: mp.sqrt(u * u + v * v),
}  # fmt: skip


#: what is read as two steps, each of which is rounded: value of the argument and of the first step's rounding
_TWO_STEPS: Mapping[str, Callable[[Any, Any], Any]] = {
    "expm1": lambda u, rounded: mp.exp(u) * rounded - 1,
    "log1p": lambda u, rounded: mp.log((1 + u) * rounded),
}


class Exact:
    """A formula at points."""

    def __init__(self, text: str) -> None:
        self.tree = syntax_tree(text)

    def at(self, point: Mapping[str, float]) -> tuple[Any, Any]:
        """The value and the difference that doubles may make; UndefinedError where there is none."""
        shake = random.Random(0)
        with mp.workdps(60):
            columns = {name: mp.mpf(value) for name, value in point.items()}
            value = _value(self.tree, columns, None)
            moved = [abs(_value(self.tree, columns, shake) - value) for _ in range(_TRIALS)]
            return value, _FACTOR * max(moved) + _STEP * abs(value)


def _value(node: SyntaxNode, columns: Mapping[str, Any], shake: random.Random | None) -> Any:
    parts = [_value(part, columns, shake) for part in node.parts]
    if node.kind == "name" and node.text in columns:
        return columns[node.text]
    try:
        if shake and node.kind == "call" and node.text in _TWO_STEPS:
            value = _TWO_STEPS[node.text](*parts, 1 + _STEP * shake.gauss(0, 1))
        else:
            value = _worked_out(node, parts)
    except (ZeroDivisionError, ValueError, OverflowError):
        raise UndefinedError from None
    if isinstance(value, mp.mpc) or not mp.isfinite(value) or (value and not 1 / _LARGEST < abs(value) < _LARGEST):
        raise UndefinedError
    return value * (1 + _STEP * shake.gauss(0, 1)) if shake else value


def _worked_out(node: SyntaxNode, parts: list[Any]) -> Any:
    if node.kind == "number":
        return mp.mpf(float(node.text))
    if node.kind == "name":
        return +_CONSTANTS[node.text]
    if node.kind == "call":
        return FUNCTIONS[node.text](*parts)
    if node.kind == "sum":
        return mp.fsum(parts)
    if node.kind == "product":
        return mp.fprod(parts)
    return {"negative": lambda u: -u, "inverse": lambda u: 1 / u, "power": _power}[node.kind](*parts)
