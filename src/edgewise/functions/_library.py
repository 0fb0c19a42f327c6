"""The univariate functions that a curve can be read as: rows of data and the door to them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import torch

from edgewise._errors import InputError, unknown

if TYPE_CHECKING:
    from sympy import Expr
    from torch import Tensor

_GAUGES = ("none", "scale", "shift", "affine")
_POWER = re.compile(r"x\^([+-]?\d{1,6}(?:\.\d{1,12}|/\d{1,6})?)")


@dataclass(frozen=True)
class Function:
    """One named function of one variable, as a tensor operation and as a formula.

    A curve is ``y = c f(a z + b) + d``. The fields say everything that fitting one needs:

    - ``name``: what `get` finds it by; also how it is saved.
    - ``torch``: elementwise, differentiable, non-finite where the function is undefined.
    - ``sympy``: the exact formula of a sympy expression.
    - ``domain``: the interval of arguments on which the function is real and, between poles, finite.
    - ``complexity``: a small integer; ``x`` is 1.
    - ``gauge``: which of ``a, b`` the outer constants ``c, d`` can absorb: ``"none"``; ``"scale"``, the
      size of ``a`` (powers, abs, log); ``"shift"``, ``b`` (exp); ``"affine"``, both (x).

    >>> square = get("x^2")
    >>> square.torch(torch.tensor([3.0])).item(), square.complexity, square.gauge
    (9.0, 2, 'scale')
    """

    name: str
    torch: Callable[[Tensor], Tensor]
    sympy: Callable[[Expr], Expr]
    domain: tuple[float, float] = (-math.inf, math.inf)
    complexity: int = 3
    gauge: str = "none"


def _symbolic(name: str) -> Callable[[Expr], Expr]:
    """Return the sympy function of that name, looked up when it is first called."""

    def apply(x: Expr) -> Expr:
        import sympy

        return getattr(sympy, name)(x)

    return apply


def _gaussian(x: Expr) -> Expr:
    import sympy

    return sympy.exp(-(x**2))


def _power_torch(p: Fraction) -> Callable[[Tensor], Tensor]:
    special = {
        Fraction(1): lambda x: x,
        Fraction(-1): torch.reciprocal,
        Fraction(1, 2): torch.sqrt,
        Fraction(-1, 2): torch.rsqrt,
    }
    exponent = int(p) if p.denominator == 1 else float(p)
    return special.get(p, lambda x: x**exponent)


def _power_sympy(p: Fraction) -> Callable[[Expr], Expr]:
    def apply(x: Expr) -> Expr:
        import sympy

        return x ** sympy.Rational(p.numerator, p.denominator)

    return apply


_POWER_NAMES = {
    Fraction(1): "x",
    Fraction(-1): "1/x",
    Fraction(-2): "1/x^2",
    Fraction(-3): "1/x^3",
    Fraction(1, 2): "sqrt",
    Fraction(-1, 2): "1/sqrt",
    Fraction(3, 2): "x^1.5",
    Fraction(-3, 2): "x^-1.5",
}
_POWER_COMPLEXITY = {
    "x": 1,
    "x^2": 2,
    "x^3": 3,
    "x^4": 3,
    "x^5": 4,
    "1/x": 2,
    "1/x^2": 3,
    "1/x^3": 4,
    "sqrt": 2,
    "1/sqrt": 3,
    "x^1.5": 3,
    "x^-1.5": 4,
}


@cache
def _power(p: Fraction) -> Function:
    """Return the row of ``x^p``; a fractional power is real for arguments >= 0 only."""
    name = _POWER_NAMES.get(p, f"x^{p}")
    low = -math.inf if p.denominator == 1 else 0.0
    return Function(
        name,
        _power_torch(p),
        _power_sympy(p),
        (low, math.inf),
        _POWER_COMPLEXITY.get(name, 5),
        "affine" if p == 1 else "scale",
    )


_INF = math.inf
_HALF_PI = math.pi / 2
_LIBRARY: dict[str, Function] = {
    f.name: f
    for f in (
        *(_power(Fraction(p)) for p in (1, 2, 3, 4, 5, -1, -2, -3, "1/2", "-1/2", "3/2", "-3/2")),
        Function("exp", torch.exp, _symbolic("exp"), complexity=2, gauge="shift"),
        Function("log", torch.log, _symbolic("log"), (0.0, _INF), 2, "scale"),
        Function("sin", torch.sin, _symbolic("sin"), complexity=2),
        Function("cos", torch.cos, _symbolic("cos"), complexity=2),
        Function("tan", torch.tan, _symbolic("tan"), (-_HALF_PI, _HALF_PI), 3),
        Function("tanh", torch.tanh, _symbolic("tanh")),
        Function("cosh", torch.cosh, _symbolic("cosh")),
        Function("sinh", torch.sinh, _symbolic("sinh")),
        Function("atan", torch.atan, _symbolic("atan")),
        Function("asin", torch.asin, _symbolic("asin"), (-1.0, 1.0), 4),
        Function("acos", torch.acos, _symbolic("acos"), (-1.0, 1.0), 4),
        Function("atanh", torch.atanh, _symbolic("atanh"), (-1.0, 1.0), 4),
        Function("gaussian", lambda x: torch.exp(-x * x), _gaussian, complexity=4),
        Function("abs", torch.abs, _symbolic("Abs"), complexity=2, gauge="scale"),
    )
}


def get(name: str) -> Function:
    """Return the function of that name; any ``"x^p"`` with p a decimal or a fraction is one.

    Raises `InputError` for a name that is not known, with the known ones, nearest first.

    >>> get("sin").complexity
    2
    >>> import sympy
    >>> get("x^2/3").sympy(sympy.Symbol("z"))
    z**(2/3)
    >>> get("x^-0.5").name
    '1/sqrt'
    """
    if name in _LIBRARY:
        return _LIBRARY[name]
    match = _POWER.fullmatch(name) if isinstance(name, str) else None
    if match is None or not _nonzero(match[1]):
        raise unknown("function", name, names())
    return _power(Fraction(match[1]))


def _nonzero(text: str) -> bool:
    numerator, _, denominator = text.partition("/")
    return float(numerator) != 0 and (not denominator or float(denominator) != 0)


def names() -> list[str]:
    """Return the names of the library's rows, in the order they are tried.

    >>> names()[:4]
    ['x', 'x^2', 'x^3', 'x^4']
    """
    return list(_LIBRARY)


def register(function: Function) -> Function:
    """Add a function to the library for this process and return it.

    Raises `InputError` when the name is taken or the gauge is not one of the four.

    >>> softsign = Function("softsign", torch.nn.functional.softsign, lambda x: x / (1 + abs(x)))
    >>> softsign.sympy(-3.0) == softsign.torch(torch.tensor(-3.0)).item()
    True
    >>> register(get("sin"))
    Traceback (most recent call last):
    edgewise._errors.InputError: The function name 'sin' is taken. Choose another name.
    """
    if function.gauge not in _GAUGES:
        raise unknown("gauge", function.gauge, _GAUGES)
    if function.name in _LIBRARY or _POWER.fullmatch(function.name):
        raise InputError(f"The function name {function.name!r} is taken. Choose another name.")
    _LIBRARY[function.name] = function
    return function
