"""The simplest writing of a formula that is right already, on the rows of its table."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions._complexity import complexity
from edgewise.formulas.expressions._constants import name_floats, recognize_constants
from edgewise.formulas.expressions._powers import Rows
from edgewise.formulas.expressions._products import shortest_product
from edgewise.formulas.expressions._simplify_rules import angles, exponentials, logarithm, logarithms, rational, squares

_MAX_SIZE = 70  # formulas more complex than this are left as they are
_ROWS = 500  # that rewritings are compared on; signs and the result are compared on all
_PASSES, _EXPANDED, _COMPARED = 3, 3, 3
_NESTED, _NUMBER = 2.1, 0.01  # what decides between writings that count the same
_WORSE, _HOPELESS = 2, 6  # than the best: a writing that is followed, a rewriting that is looked at
_WORK = 120_000  # summed squares of the complexity of the writings measured, after which no further one begins
# What sympy raises where a rewriting does not apply.
_REFUSED = (
    ArithmeticError, AttributeError, KeyError, NotImplementedError, RecursionError, TypeError, ValueError,
    sympy.PolynomialError, sympy.polys.polyerrors.BasePolynomialError,
)  # fmt: skip


def simplify(expression: Formula, names: Sequence[str], x: Array) -> Formula:
    """Return the simplest way to write a formula that has the same values on the rows of a table.

    It need hold only there: sqrt(a**2) is a where no row has a negative a. Tried are, from the inside out: roots and
    powers taken apart and put together, factors moved into sums and out of them, one denominator, factors, squares,
    logarithms, whole and half angles, hyperbolic functions. What counts is `complexity` plus sympy's number of
    operations; neither rises. Floats keep their values, unless a common factor of theirs is an exact constant to
    1e-12. Values agree to 1e-10. Large formulas are returned as they are.

    Symbols carry the names of columns. Shapes: x (N, len(names)).

    >>> a, b, t = sympy.symbols("a b t")
    >>> rows = np.random.default_rng(0).uniform(1, 2, (50, 3))
    >>> simplify(a + 2 * b * sympy.sqrt(a / b) * sympy.cos(t) + b, ["a", "b", "t"], rows)
    a + b + 2*sqrt(a*b)*cos(t)
    """
    try:
        return _simplified(expression, names, np.asarray(x, dtype=np.float64))
    except _REFUSED:
        return expression


def _simplified(expression: Part, names: Sequence[str], x: Array) -> Part:
    if not expression.free_symbols or complexity(expression) > _MAX_SIZE:
        return expression
    given = {symbol: sympy.Symbol(symbol.name) for symbol in expression.free_symbols}
    start = expression.xreplace(given)
    table = Rows(names, x)
    short, numbers = name_floats(start)
    search = _Search(Rows(names, _sample(x), numbers, table if len(x) > _ROWS else None))
    for _ in range(_PASSES):
        before = short
        short = search.simplest(short)
        if short == before:
            break
    short = short.xreplace(numbers)
    if complexity(short) > complexity(start) or _operations(short) > _operations(start):
        short = start
    for found in (recognize_constants(short, start), short):
        if complexity(found) <= complexity(start) and table.agree(found, start):
            return found.xreplace({own: symbol for symbol, own in given.items()})
    return expression


def _sample(x: Array) -> Array:
    """Rows evenly through the table, and those with the extremes of each column."""
    if len(x) <= _ROWS:
        return x
    some = np.linspace(0, len(x) - 1, _ROWS).astype(int)
    return x[np.unique(np.concatenate([some, x.argmin(0), x.argmax(0)]))]


def _operations(expr: Part) -> int:
    return int(sympy.count_ops(expr))


def _awkward(expr: Part) -> float:
    """Return what reads worse than it counts: a sum within a product within a sum, and numbers where one would do."""
    out = 0.0
    for part in sympy.preorder_traversal(expr):
        if part.is_Add:
            products = [term for term in part.args if term.is_Mul]
            out += _NESTED * sum(any(factor.is_Add for factor in product.args) for product in products)
        elif part.is_Number and part not in (1, -1):
            out += _NUMBER
    return out


class _Search:
    """Rewriting of one formula; what is known about its parts is kept."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._work = 0
        self._settled: set[Part] = set()  # simplest writings, as long as their parts stay
        self.simplest, self._cheaply, self._size = cache(self._searched), cache(self._cheapest), cache(self._counted)

    def _searched(self, expr: Part) -> Part:
        """Return the simplest of the ways to write an expression whose parts are written simply."""
        if not expr.args or not expr.free_symbols:
            return expr
        inner = expr.func(*map(self.simplest, expr.args))
        if inner == expr and expr in self._settled:
            return expr
        forms = dict.fromkeys([self._cheaply(inner), inner, expr])
        expanded: set[Part] = set()
        for _ in range(_EXPANDED):
            form = min((f for f in forms if f not in expanded), key=self._size, default=None)
            if form is None or self._size(form) > min(map(self._size, forms)) + _WORSE or self._late():
                break
            expanded.add(form)
            for found in self._rewritten(form):
                if self._size(found) <= self._size(form) + _HOPELESS:
                    forms.setdefault(self._cheaply(found))
        ranked = sorted(forms, key=self._size)
        for form in ranked[:_COMPARED]:
            if self._size(form) < self._size(expr) and self._rows.agree(form, expr):
                self._settled |= expanded & {form}
                return form
        return expr

    def _rewritten(self, expr: Part) -> Iterator[Part]:
        if not (expr.is_Add or expr.is_Mul):
            return
        for parts, rule in (((sympy.Add,), rational), ((sympy.sin, sympy.cos), angles), ((sympy.exp,), exponentials)):
            if expr.has(*parts):
                with suppress(*_REFUSED):
                    yield from rule(expr, self._rows)

    def _cheapest(self, expr: Part) -> Part:
        """Return the rewriting that costs little, from the inside out: products, squares and logarithms."""
        if not expr.args or not expr.free_symbols:
            return expr
        inner = expr.func(*map(self._cheaply, expr.args))
        forms = [expr, inner]
        if self._late():
            return min(forms, key=self._size)
        with suppress(*_REFUSED):
            if inner.is_Add:
                forms += [squares(inner, self._rows), logarithms(inner, self._rows)]
            if isinstance(inner, sympy.log):
                forms.append(logarithm(inner, self._rows))
            if inner.is_Add or inner.is_Mul or inner.is_Pow or isinstance(inner, sympy.Abs):
                forms.append(shortest_product(inner, self._rows, self._size))
        return min(forms, key=self._size)

    def _counted(self, expr: Part) -> float:
        meant = expr.xreplace(self._rows.floats)
        self._work += complexity(meant) ** 2
        return complexity(meant) + _operations(meant) + _awkward(meant)

    def _late(self) -> bool:
        return self._work > _WORK
