"""The univariate functions that curves and edges can be: rows of data, found by name, and new ones."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from edgewise._errors import InputError, unknown

if TYPE_CHECKING:
    from sympy import Expr
    from torch import Tensor


@dataclass(frozen=True)
class Function:
    """One named function of one variable, as a tensor operation and as a formula.

    A curve is ``y = c f(a z + b) + d``. The fields say everything that fitting one needs.

    Parameters
    ----------
    name
        What `get` finds it by; also how it is saved.
    torch
        Elementwise, differentiable, non-finite where the function is undefined.
    sympy
        The exact formula of a sympy expression.
    domain
        The interval of arguments on which the function is real and, between poles, finite.
    complexity
        A small integer; ``x`` is 1.
    gauge
        Which of ``a, b`` the outer constants ``c, d`` can absorb: ``"none"``; ``"scale"``, the size of ``a`` (powers,
        abs, log); ``"shift"``, ``b`` (exp); ``"affine"``, both (x).
    poles
        The arguments inside the domain at which the function is infinite.
    core
        Whether a search that composes functions itself tries the row too. The others are compositions that it reaches
        anyway, or rare.

    Examples
    --------
    >>> import torch
    >>> from edgewise import functions
    >>> square = functions.get("x^2")
    >>> square.torch(torch.tensor([3.0])).item(), square.complexity, square.gauge
    (9.0, 2, 'scale')
    """

    name: str
    torch: Callable[[Tensor], Tensor]
    sympy: Callable[[Expr], Expr]
    domain: tuple[float, float] = (-math.inf, math.inf)
    complexity: int = 3
    gauge: str = "none"
    poles: tuple[float, ...] = ()
    core: bool = True


def _symbolic(name: str) -> Callable[[Expr], Expr]:
    """Return the sympy function of that name, looked up when it is first called."""

    def apply(x: Expr) -> Expr:
        import sympy

        return getattr(sympy, name)(x)

    return apply


_exp, _log = _symbolic("exp"), _symbolic("log")


def _absolute(x: Expr) -> Expr:
    """Return |x| of a real argument: sympy takes symbols as complex, and would write exp(re(x)) for |exp x|."""
    import sympy

    roots = {power for power in x.atoms(sympy.Pow) if power.exp.is_number and not power.exp.is_integer}
    real = {symbol: sympy.Dummy(real=True) for symbol in x.free_symbols}
    real |= {part: sympy.Dummy(nonnegative=True) for part in x.atoms(sympy.Abs) | roots}
    names = {dummy: part for part, dummy in real.items()}
    size: Any = sympy.Abs(x.xreplace(real))  # type: ignore[arg-type]
    size = size.replace(sympy.re, lambda part: part).replace(sympy.im, lambda _: sympy.Integer(0))  # of y^z, acos y
    left = {part: _signless(part.args[0].xreplace(names)) for part in size.atoms(sympy.Abs)}
    return size.xreplace(left | names)


def _signless(x: Expr) -> Expr:
    """Return |x| as it is, with the sign of x that reads better."""
    import sympy

    return sympy.Abs(-x if x.could_extract_minus_sign() else x, evaluate=False)


def _sinc(x: Tensor) -> Tensor:
    """Return sin(x) / x, near 0 by its series, so that derivatives hold there too."""
    small = x.abs() < 0.1
    z, s = torch.where(small, 1.0, x), torch.where(small, x * x, 0.0)
    series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110))))
    return torch.where(small, series, torch.sin(z) / z)


def _power_torch(p: Fraction) -> Callable[[Tensor], Tensor]:
    special = {1.0: lambda x: x, -1.0: torch.reciprocal, 0.5: torch.sqrt, -0.5: torch.rsqrt}
    exponent = int(p) if p.denominator == 1 else float(p)
    return special.get(exponent, lambda x: x**exponent)


#: the powers that searches try: their names and complexities
_POWERS = {
    Fraction(1): ("x", 1),
    Fraction(2): ("x^2", 2),
    Fraction(3): ("x^3", 3),
    Fraction(4): ("x^4", 3),
    Fraction(5): ("x^5", 4),
    Fraction(-1): ("1/x", 2),
    Fraction(-2): ("1/x^2", 3),
    Fraction(-3): ("1/x^3", 4),
    Fraction(1, 2): ("sqrt", 2),
    Fraction(-1, 2): ("1/sqrt", 3),
    Fraction(3, 2): ("x^1.5", 3),
    Fraction(-3, 2): ("x^-1.5", 4),
}


def _exponent(p: Fraction) -> str:
    """Return an exponent as `get` reads it: a fraction of short numbers, else a decimal."""
    return str(p) if max(abs(p.numerator), p.denominator) < 10**6 else f"{Decimal(p.numerator) / p.denominator:f}"


@cache
def power(p: Fraction) -> Function:
    """Return the row of ``x^p``; a fractional power is real for arguments >= 0 only."""
    name, complexity = _POWERS.get(p) or (f"x^{_exponent(p)}", 5)
    domain = (-math.inf if p.denominator == 1 else 0.0, math.inf)
    gauge, poles = "affine" if p == 1 else "scale", (0.0,) if p < 0 else ()
    return Function(name, _power_torch(p), lambda x: x**p, domain, complexity, gauge, poles, core=p in _POWERS)


_INF = math.inf
_HALF_PI = math.pi / 2
_HALF = Fraction(1, 2)
_COMPOSED = (
    Function("asinh", torch.asinh, _symbolic("asinh"), complexity=4),
    Function("logistic", torch.sigmoid, lambda x: 1 / (1 + _exp(-x)), complexity=3),
    Function("softplus", lambda x: torch.logaddexp(x, torch.zeros_like(x)), lambda x: _log(1 + _exp(x)), complexity=4),
    Function("erf", torch.erf, _symbolic("erf"), complexity=4),
    Function("erfc", torch.erfc, _symbolic("erfc"), complexity=5),
    Function("sinc", _sinc, _symbolic("sinc"), complexity=4),
    Function("1/cos", lambda x: 1 / torch.cos(x), lambda x: 1 / _symbolic("cos")(x), (-_HALF_PI, _HALF_PI), 4),
    Function("1/cosh", lambda x: 1 / torch.cosh(x), lambda x: 1 / _symbolic("cosh")(x), complexity=4),
    Function("1/tanh", lambda x: 1 / torch.tanh(x), lambda x: 1 / _symbolic("tanh")(x), (0.0, _INF), 4),
    Function("x log x", lambda x: x * torch.log(x), lambda x: x * _log(x), (0.0, _INF), 4),
    Function("1/(1+x^2)", lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x**2), complexity=4),
    Function("sqrt(1+x^2)", lambda x: torch.sqrt(1 + x * x), lambda x: (1 + x**2) ** _HALF, complexity=4),
    Function("1/sqrt(1+x^2)", lambda x: torch.rsqrt(1 + x * x), lambda x: (1 + x**2) ** -_HALF, complexity=5),
    Function("sqrt(1-x^2)", lambda x: torch.sqrt(1 - x * x), lambda x: (1 - x**2) ** _HALF, (-1.0, 1.0), 4),
    Function("1/sqrt(1-x^2)", lambda x: torch.rsqrt(1 - x * x), lambda x: (1 - x**2) ** -_HALF, (-1.0, 1.0), 5),
)
ROWS = (
    *map(power, _POWERS),
    Function("exp", torch.exp, _exp, complexity=2, gauge="shift"),
    Function("log", torch.log, _log, (0.0, _INF), 2, "scale"),
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
    Function("gaussian", lambda x: torch.exp(-x * x), lambda x: _exp(-(x**2)), complexity=4),
    Function("abs", torch.abs, _absolute, complexity=2, gauge="scale"),
    power(Fraction(1, 3)),
    power(Fraction(2, 3)),
    *(replace(row, core=False) for row in _COMPOSED),
)


_GAUGES = ("none", "scale", "shift", "affine")
_POWER = re.compile(r"x\^([+-]?\d{1,6}(?:\.\d{1,12}|/\d{1,6})?)")
_LIBRARY: dict[str, Function] = {row.name: row for row in ROWS}


def get(name: str) -> Function:
    """Return the function of that name.

    Parameters
    ----------
    name
        One of `names()`, or ``"x^p"`` with p a decimal or a fraction.

    Raises
    ------
    InputError
        For a name that is not known; it lists the known ones, nearest first.

    Examples
    --------
    >>> from edgewise.functions import get
    >>> get("sin").complexity
    2
    >>> import sympy
    >>> get("x^2/3").sympy(sympy.Symbol("z"))
    z**(2/3)
    >>> get("x^-0.5").name
    '1/sqrt'
    """
    if isinstance(name, str) and name in _LIBRARY:
        return _LIBRARY[name]
    match = _POWER.fullmatch(name) if isinstance(name, str) else None
    try:
        exponent = Fraction(match[1]) if match else 0
    except ZeroDivisionError:
        exponent = 0
    if not exponent:
        raise unknown("function", name, names())
    return power(Fraction(exponent))


def names(core: bool = False) -> list[str]:
    """Return the names of the library's rows, in the order they are tried.

    Parameters
    ----------
    core
        Whether to return only the core ones.

    Examples
    --------
    >>> from edgewise.functions import names
    >>> names()[:4], "erf" in names(), "erf" in names(core=True)
    (['x', 'x^2', 'x^3', 'x^4'], True, False)
    """
    return [name for name, row in _LIBRARY.items() if row.core or not core]


def registered(core: bool = False) -> list[Function]:
    """Return the functions that were added to the library, in their order.

    Parameters
    ----------
    core
        Whether to return only the core ones.

    Examples
    --------
    >>> from edgewise.functions import registered
    >>> registered()
    []
    """
    own = {row.name for row in ROWS}
    return [row for row in _LIBRARY.values() if row.name not in own and (row.core or not core)]


def register(function: Function) -> Function:
    """Add a function to the library for this process and return it.

    Parameters
    ----------
    function
        The function. It must be finite at 1/2 with a finite slope, where removed edges are evaluated: shift one that is
        not.

    Raises
    ------
    InputError
        When the name is taken, the gauge is not one of the four, torch cannot differentiate the function, or it is not
        finite at 1/2.

    Examples
    --------
    >>> import torch
    >>> from edgewise.functions import Function, get, register
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
    at = torch.full((1,), 0.5, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        value = function.torch(at)
        if not value.requires_grad:
            raise InputError(f"torch cannot differentiate {function.name!r}. Write it by operations that it can.")
        (slope,) = torch.autograd.grad(value.sum(), at)
    if not bool(torch.isfinite(value).all() and torch.isfinite(slope).all()):
        raise InputError(f"The function {function.name!r} is not finite at 1/2. Shift its argument.")
    _LIBRARY[function.name] = function
    return function
