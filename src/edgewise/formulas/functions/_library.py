"""The door to the univariate functions: by name, and new ones."""

import re
from fractions import Fraction

import torch

from edgewise._errors import InputError, unknown
from edgewise.formulas.functions._rows import ROWS, Function, power

_GAUGES = ("none", "scale", "shift", "affine")
_POWER = re.compile(r"x\^([+-]?\d{1,6}(?:\.\d{1,12}|/\d{1,6})?)")
_LIBRARY: dict[str, Function] = {row.name: row for row in ROWS}


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
    """Return the names of the library's rows, in the order they are tried; only the core ones if asked.

    >>> names()[:4], "erf" in names(), "erf" in names(core=True)
    (['x', 'x^2', 'x^3', 'x^4'], True, False)
    """
    return [name for name, row in _LIBRARY.items() if row.core or not core]


def register(function: Function) -> Function:
    """Add a function to the library for this process and return it.

    It must be finite at 1/2 with a finite slope, where removed edges are evaluated: shift one that is not.

    Raises `InputError` when the name is taken, the gauge is not one of the four, torch cannot differentiate the
    function, or it is not finite at 1/2.

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
