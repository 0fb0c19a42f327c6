"""How complex a formula is, and what must hold of its inputs for it to be a real, finite number."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import sympy

from edgewise._typing import Formula, Part
from edgewise.formulas.expressions._products import common_factor


@lru_cache(maxsize=20_000)
def complexity(expr: Formula) -> int:
    """Return the number of operations, constants that are not integers, and appearances of variables.

    The one measure of discovery. A sum or product of n terms is n - 1 operations; minus signs are free (x - y
    is 3, as x + y); a quotient is one operation (x/y is 3, 1/x is 2); a power is one, a square root too,
    whose exponent 1/2 is no constant; a function is one operation per argument. A number without variables
    (0.37, 2/3, pi/4, sqrt(2)) is one constant, also if all terms of a sum share it; integers are none.

    Parameters
    ----------
    expr
        The formula.

    Examples
    --------
    >>> x, y = sympy.symbols("x y")
    >>> [complexity(e) for e in (x, x + y, x - y, x / y, 2 * x, 0.5 * x, sympy.sqrt(x), x**2 * y)]
    [1, 3, 3, 3, 2, 3, 2, 4]
    """
    part: Part = expr
    if not part.free_symbols:
        return 0 if part.is_Integer else 1
    if part.is_Symbol:
        return 1
    if part.is_Pow:
        trivial = part.exp.is_Integer or abs(part.exp) == sympy.Rational(1, 2)
        operations = 2 if part.exp.is_Rational and part.exp < 0 and part.exp != -1 else 1
        return complexity(part.base) + operations + (0 if trivial else complexity(part.exp))
    common = common_factor(part)
    if common is not None:
        return complexity(common[1]) + 2
    if part.is_Add:
        return sum(complexity(a) for a in part.args) + len(part.args) - 1
    if part.is_Mul:
        return _product_complexity(part)
    parts = [complexity(a) if isinstance(a, sympy.Expr) else len(a.free_symbols) + 1 for a in part.args]
    return sum(parts) + max(1, len(parts))


def _product_complexity(expr: Formula) -> int:
    """Count two products and one quotient; all numbers together are one constant."""
    numbers, rest = expr.as_independent(*expr.free_symbols, as_Add=False)
    factors = [f.as_base_exp() for f in sympy.Mul.make_args(rest)]
    below = [sympy.Pow(b, -e) for b, e in factors if e.is_Rational and e < 0]
    above = [sympy.Pow(b, e) for b, e in factors if not (e.is_Rational and e < 0)]
    total = sum(complexity(f) for f in [*above, *below])
    operations = max(0, len(above) - 1) + max(0, len(below) - 1) + (1 if below else 0)
    if abs(numbers) == 1:
        return total + operations
    merged = bool(below) and not above  # 2/x: the number is the numerator
    return total + operations + (0 if numbers.is_Integer else 1) + (0 if merged else 1)


_TURNED = {">": "<", ">=": "<=", "!=": "!="}


@dataclass(frozen=True)
class Condition:
    """A margin that must be above zero (">"), not below (">="), or not zero ("!=").

    Parameters
    ----------
    margin
        A formula of the inputs.
    sign
        What must hold of it: ">", ">=" or "!=".

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> str(Condition(3 * x - 1, ">")), str(Condition(sympy.cos(x), "!="))
    ('x > 1/3', 'cos(x) != 0')
    """

    margin: Formula
    sign: str

    def __str__(self) -> str:
        margin = sympy.expand(self.margin)
        symbols = sorted(margin.free_symbols, key=str)
        if len(symbols) == 1 and margin.is_polynomial(symbols[0]) and sympy.degree(margin, symbols[0]) == 1:
            (x,) = symbols
            slope, constant = margin.coeff(x, 1), margin.coeff(x, 0)
            return f"{x} {self.sign if slope > 0 else _TURNED[self.sign]} {_text(-constant / slope)}"
        return f"{_text(self.margin)} {self.sign} 0"

    def always(self) -> bool:
        """Return whether it can be seen to hold for all real inputs."""
        real = self.margin.xreplace({s: sympy.Symbol(str(s), real=True) for s in self.margin.free_symbols})
        if self.sign == ">":
            return bool(real.is_positive)
        return bool(real.is_nonnegative if self.sign == ">=" else real.is_nonzero or real.is_positive)


def _text(expression: Formula) -> str:
    return sympy.sstr(expression, full_prec=False)


_Rule = Callable[[Formula], list[tuple[Formula, str]]]
#: of functions that are not defined everywhere: what must hold of their argument
_RULES: dict[type, _Rule] = {
    sympy.log: lambda u: [(u, ">")],
    sympy.loggamma: lambda u: [(u, ">")],
    sympy.tan: lambda u: [(sympy.cos(u), "!=")],
    sympy.sec: lambda u: [(sympy.cos(u), "!=")],
    sympy.cot: lambda u: [(sympy.sin(u), "!=")],
    sympy.csc: lambda u: [(sympy.sin(u), "!=")],
    sympy.coth: lambda u: [(u, "!=")],
    sympy.csch: lambda u: [(u, "!=")],
    sympy.asin: lambda u: [(1 - u, ">="), (1 + u, ">=")],
    sympy.acos: lambda u: [(1 - u, ">="), (1 + u, ">=")],
    sympy.atanh: lambda u: [(1 - u, ">"), (1 + u, ">")],
    sympy.acosh: lambda u: [(u - 1, ">=")],
}


def conditions(formulas: Iterable[Formula]) -> list[Condition]:
    """Return what must hold for all formulas to be defined, each once, without what always holds.

    Parameters
    ----------
    formulas
        The formulas.

    Examples
    --------
    >>> x, y = sympy.symbols("x y")
    >>> [str(c) for c in conditions([sympy.log(x) / y + sympy.sqrt(x**2 + 1)])]
    ['x > 0', 'y != 0']
    """
    signs: dict[Formula, str] = {}
    for formula in formulas:
        for part in sympy.preorder_traversal(formula):
            for margin, sign in _needs(part):
                margin = _plain(margin, sign)
                signs[margin] = sign if signs.get(margin, sign) == sign else ">"  # two different ones make this
    found = [Condition(margin, sign) for margin, sign in signs.items()]
    return sorted((c for c in found if not c.always()), key=str)


def hidden_poles(formula: Formula) -> list[Condition]:
    """Return what must hold lest a formula is finite where a part of it has a pole, without what always holds.

    Parameters
    ----------
    formula
        The formula.

    Examples
    --------
    >>> x, y = sympy.symbols("x y")
    >>> [str(c) for c in hidden_poles(1 / x + sympy.exp(-1 / y**2))]
    ['y != 0']
    """
    return [condition for condition in conditions(_hidden(formula)) if condition.sign != ">="]


def _hidden(part: Part) -> Iterator[Formula]:
    """Return the arguments of powers and functions, which may be finite where an argument is infinite."""
    if part.is_Add or part.is_Mul:
        for argument in part.args:
            yield from _hidden(argument)
    elif not part.has(sympy.Piecewise):
        yield from part.args


def _needs(part: Part) -> Iterator[tuple[Part, str]]:
    if isinstance(part, sympy.Pow):
        base, exponent = part.as_base_exp() if part.exp.is_number else (part.base, part.exp)
        yield from _power(base, exponent)
    if part.func in _RULES:
        yield from _RULES[part.func](part.args[0])


def _power(base: Formula, exponent: Formula) -> Iterator[tuple[Formula, str]]:
    whole = exponent.is_Integer or (exponent.is_Float and float(exponent).is_integer())
    if whole and float(exponent) < 0:
        yield from ((factor, "!=") for factor in sympy.Mul.make_args(base))
    elif not whole and not base.is_positive:
        positive = exponent.is_number and float(exponent) > 0
        yield base, ">=" if positive else ">"


def _plain(margin: Formula, sign: str) -> Formula:
    """Return a margin without positive factors and, where only zero matters, without powers and sign."""
    number, rest = margin.as_coeff_Mul()
    if rest.free_symbols and (number > 0 or sign == "!="):
        margin = rest
    return margin.base if sign == "!=" and isinstance(margin, sympy.Pow) and margin.exp.is_positive else margin
