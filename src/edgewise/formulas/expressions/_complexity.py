"""How complex a formula is."""

from functools import lru_cache

import sympy

from edgewise._typing import Formula, Part
from edgewise.formulas.expressions._products import common_factor


@lru_cache(maxsize=20_000)
def complexity(expr: Formula) -> int:
    """Count the operations, the constants that are not integers, and the appearances of variables.

    The one measure of discovery. A sum or product of n terms is n - 1 operations; minus signs are free (x - y
    is 3, as x + y); a quotient is one operation (x/y is 3, 1/x is 2); a power is one, a square root too,
    whose exponent 1/2 is no constant; a function is one operation per argument. A number without variables
    (0.37, 2/3, pi/4, sqrt(2)) is one constant, also if all terms of a sum share it; integers are none.

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
