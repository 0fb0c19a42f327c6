"""How complex a formula is, and cheap rewriting that makes it less so."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy

from edgewise._typing import Formula
from edgewise.expressions._tape import Tape

_MAX_SIZE = 60  # formulas more complex than this are left as they are
_MAX_DEGREE = 12  # so are rational functions with larger exponents
_MAX_SYMBOLS = 10


@lru_cache(maxsize=20_000)
def complexity(expr: Formula) -> int:
    """Count the operations, the constants that are not integers, and the appearances of variables.

    The one measure of discovery. A sum or product of n terms is n - 1 operations; minus signs are free (x - y
    is 3, as x + y); a quotient is one operation (x/y is 3, 1/x is 2); a power is one, a square root too,
    whose exponent 1/2 is no constant; a function is one operation per argument. A number without variables
    (0.37, 2/3, pi/4, sqrt(2)) is one constant, integers are none.

    Example:
        >>> x, y = sympy.symbols("x y")
        >>> [complexity(e) for e in (x, x + y, x - y, x / y, 2 * x, 0.5 * x, sympy.sqrt(x), x**2 * y)]
        [1, 3, 3, 3, 2, 3, 2, 4]
    """
    if not expr.free_symbols:
        return 0 if expr.is_Integer else 1
    if expr.is_Symbol:
        return 1
    if expr.is_Pow:
        trivial = expr.exp.is_Integer or abs(expr.exp) == sympy.Rational(1, 2)
        operations = 2 if expr.exp.is_Rational and expr.exp < 0 and expr.exp != -1 else 1
        return complexity(expr.base) + operations + (0 if trivial else complexity(expr.exp))
    if expr.is_Add:
        return sum(complexity(a) for a in expr.args) + len(expr.args) - 1
    if expr.is_Mul:
        return _product_complexity(expr)
    parts = [complexity(a) if isinstance(a, sympy.Expr) else len(a.free_symbols) + 1 for a in expr.args]
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


def simplify_light(expr: Formula) -> Formula:
    """Return the least complex of a few ways to write a formula: over one denominator, cancelled, factored.

    Floats are never touched (they take part as symbols), functions are seen as variables of a rational
    function and their arguments are simplified one by one; large formulas are returned as they are, so the
    time is bounded (some 10 ms). A rewriting counts only if its values agree at random points.

    Example:
        >>> x, y = sympy.symbols("x y")
        >>> simplify_light((x * y - 0.5 * x * y**2) / (x * y))
        1 - 0.5*y
    """
    if complexity(expr) > _MAX_SIZE:
        return expr
    numbers = sorted(expr.atoms(sympy.Float), key=sympy.default_sort_key)
    floats = {f: sympy.Dummy(f"f{k}") for k, f in enumerate(numbers)}
    simplified = _rewritten(expr.xreplace(floats)).xreplace({d: f for f, d in floats.items()})
    return simplified if _better(simplified, expr) else expr


def _better(candidate: Formula, expr: Formula) -> bool:
    return complexity(candidate) < complexity(expr) and _agree(candidate, expr)


def _rewritten(expr: Formula) -> Formula:
    """Simplify the arguments of functions, then the formula as a rational function of them."""
    kernels: dict[Formula, sympy.Dummy] = {}
    rational = _abstracted(expr, kernels)
    best = rational
    if _is_small(rational):
        together = sympy.together(rational)
        tries = [together, sympy.factor_terms(rational)]
        if rational.is_rational_function(*rational.free_symbols):
            cancelled = sympy.cancel(together)
            tries += [cancelled, sympy.factor_terms(cancelled), sympy.factor(cancelled)]
        best = min([rational, *tries], key=complexity)
    return best.xreplace({d: _with_simple_arguments(k) for k, d in kernels.items()})


def _abstracted(expr: Formula, kernels: dict[Formula, sympy.Dummy]) -> Formula:
    """Replace what is not a rational operation by dummies."""
    if not expr.free_symbols or expr.is_Symbol:
        return expr
    if expr.is_Add or expr.is_Mul:
        return expr.func(*(_abstracted(a, kernels) for a in expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        return _abstracted(expr.base, kernels) ** expr.exp
    return kernels.setdefault(expr, sympy.Dummy(f"k{len(kernels)}"))


def _with_simple_arguments(kernel: Formula) -> Formula:
    if not all(isinstance(a, sympy.Expr) for a in kernel.args):
        return kernel
    return kernel.func(*(_rewritten(a) if a.free_symbols else a for a in kernel.args))


def _is_small(expr: Formula) -> bool:
    degree = sum(abs(int(p.exp)) for p in expr.atoms(sympy.Pow) if p.free_symbols and p.exp.is_Integer)
    return degree <= _MAX_DEGREE and len(expr.free_symbols) <= _MAX_SYMBOLS


def _agree(first: Formula, second: Formula) -> bool:
    """Compare two formulas at 60 random points, half of them positive, where both are defined."""
    names = sorted({s.name for e in (first, second) for s in e.free_symbols})
    rng = np.random.default_rng(0)
    columns = [np.concatenate([rng.uniform(0.1, 2, 30), rng.uniform(-3, 3, 30)]) for _ in names]
    one, two = (Tape(e, names).values(columns) for e in (first, second))
    both = np.isfinite(one) & np.isfinite(two)
    return bool(both.any()) and bool(np.all(np.abs(one - two)[both] <= 1e-9 * (1 + np.abs(two[both]))))
