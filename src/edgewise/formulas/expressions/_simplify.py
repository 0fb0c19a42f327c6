"""The simplest writing of a formula that is right already, on the rows of its table, and rules that rewrite sums."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache

import numpy as np
import sympy
from sympy.simplify.fu import TR5, TR6, TR7, TR8, TR11

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions._conditions import complexity
from edgewise.formulas.expressions._constants import name_floats, recognize_constants
from edgewise.formulas.expressions._products import Powers, Rows, from_powers, shared, shortest_product, to_powers

_MAX_TERMS, _MAX_DEGREE, _MAX_KERNELS = 30, 12, 9  # of polynomials that are factored
_MAX_SPLIT = 8  # terms of a numerator that are divided one by one
_MAX_ANGLES = 4
_HALF = sympy.Rational(1, 2)


class _Kernels:
    """A formula as a rational function of symbols that stand for bases and their roots."""

    def __init__(self, expr: Part, rows: Rows) -> None:
        self._rows = rows
        self._roots: dict[Part, int] = {}
        self._symbols: dict[Part, sympy.Dummy] = {}
        self._collect(expr)
        self.function = self._rational(expr)

    def back(self, expr: Part) -> Part:
        """Return the formula that a rational function of the symbols stands for."""
        meant = {}
        for base, symbol in self._symbols.items():
            positive = -base if self._rows.sign(base) < 0 else base
            meant[symbol] = positive ** sympy.Rational(1, self._roots.get(base, 1))
        return expr.xreplace(meant)

    def _collect(self, expr: Part) -> None:
        if expr.is_Add:
            for term in expr.args:
                self._collect(term)
            return
        for base, e in to_powers(expr, self._rows).exponents.items():
            if e.is_Rational:
                self._roots[base] = math.lcm(self._roots.get(base, 1), int(e.q))
                if base.is_Add and e.is_Integer and base != expr:
                    self._collect(base)

    def _rational(self, expr: Part) -> Part:
        if expr.is_Add:
            return sympy.Add(*map(self._rational, expr.args))
        product = to_powers(expr, self._rows)
        factors = [product.number]
        for base, e in product.exponents.items():
            if not e.is_Rational:
                factors.append(self._symbol((-base if self._rows.sign(base) < 0 else base) ** e))
            elif base.is_Add and self._roots.get(base, 1) == 1:
                factors.append((max(-1, self._rows.sign(base)) or 1) ** e * self._rational(base) ** e)
            else:
                factors.append(self._symbol(base) ** (e * self._roots.get(base, 1)))
        return sympy.Mul(*factors)

    def _symbol(self, base: Part) -> sympy.Dummy:
        return self._symbols.setdefault(base, sympy.Dummy(f"k{len(self._symbols)}"))


def rational(expr: Part, rows: Rows) -> Iterator[Part]:
    """Yield a formula over one denominator, cancelled, factored, expanded, collected, split into fractions."""
    bases = [b for term in sympy.Add.make_args(expr) for b in to_powers(term, rows).exponents]
    if len(bases) == len(set(bases)) and not any(b.is_Add for b in bases):
        return  # terms that have nothing in common
    kernels = _Kernels(expr, rows)
    for written in _rational_forms(kernels.function):
        yield kernels.back(written)


def _rational_forms(function: Part) -> Iterator[Part]:
    top, bottom = sympy.fraction(sympy.together(function))
    if not (_is_small(top) and _is_small(bottom)):
        return
    yield sympy.factor_terms(function)
    top, bottom = sympy.fraction(sympy.cancel(top / bottom))
    yield top / bottom
    factored = sympy.factor(bottom)
    yield sympy.factor(top) / factored
    symbols = sorted(top.free_symbols, key=sympy.default_sort_key)
    for symbol in symbols[:5]:
        parts = sympy.collect(top, symbol, evaluate=False)
        if 1 < len(parts) <= 4:
            yield sympy.Add(*(power * sympy.factor(part) for power, part in parts.items())) / factored
    terms = sympy.Add.make_args(top)
    if bottom != 1 and 1 < len(terms) <= _MAX_SPLIT:
        yield sympy.Add(*(sympy.cancel(term / bottom) for term in terms))
        quotient, rest = sympy.div(top, bottom) if len(bottom.free_symbols) else (sympy.Integer(0), top)
        if quotient != 0 and rest != 0:
            yield quotient + sympy.factor(rest) / factored


def _is_small(expr: Part) -> bool:
    symbols = expr.free_symbols
    if len(symbols) > _MAX_KERNELS:
        return False
    if not symbols:
        return True
    size = 1  # of the expanded sum, from above, before it is expanded
    for factor in sympy.Mul.make_args(expr):
        base, e = factor.as_base_exp()
        size *= len(sympy.Add.make_args(base)) ** int(e) if e.is_Integer and e < 20 else 1000
    if size > 20 * _MAX_TERMS:
        return False
    polynomial = sympy.Poly(expr, *sorted(symbols, key=sympy.default_sort_key))
    return len(polynomial.terms()) <= _MAX_TERMS and polynomial.total_degree() <= _MAX_DEGREE


def squares(expr: Part, rows: Rows) -> Part:
    """Complete squares: a**2 + 2 a b + b**2 + c as (a + b)**2 + c, for terms with common factors too.

    >>> x, y, z = sympy.symbols("x y z")
    >>> squares(x**2 - 2 * x * y + y**2 + z, Rows(["x", "y", "z"], [[1.0, 2.0, 3.0]]))
    z + (x - y)**2
    """
    terms = {term: to_powers(term, rows) for term in expr.args}
    out: list[Part] = []
    found = True
    while found and len(terms) > 2:
        found = False
        for (i, first), (j, second), (k, cross) in _triples(terms):
            common = shared([first, second])
            common = Powers(common.number * sympy.sign(first.number), common.exponents)
            one, two = (t.times(common.raised(sympy.Integer(-1))) for t in (first, second))
            roots = [_root(t) for t in (one, two)]
            if all(roots):
                a, b = (from_powers(root, rows) for root in roots if root)
                out.append(from_powers(common, rows) * (a + b if cross.number * first.number > 0 else a - b) ** 2)
                terms = {t: p for t, p in terms.items() if t not in (i, j, k)}
                found = True
                break
    return sympy.Add(*out, *terms)


def _triples(terms: dict[Part, Powers]) -> Iterator[list[tuple[Part, Powers]]]:
    """Terms p, q, r with r**2 = 4 p q."""
    items = list(terms.items())
    doubled = [(item, item[1].raised(sympy.Integer(2))) for item in items]
    for i, first in enumerate(items):
        for second in items[i + 1 :]:
            product = first[1].times(second[1])
            for third, twice in doubled:
                if twice.number == 4 * product.number and twice.exponents == product.exponents:
                    yield [first, second, third]


def _root(product: Powers) -> Powers | None:
    number = sympy.sqrt(product.number)
    if not number.is_Rational or not all((e * _HALF).is_Integer for e in product.exponents.values()):
        return None
    return Powers(number, {b: e * _HALF for b, e in product.exponents.items()})


def logarithms(expr: Part, rows: Rows) -> Part:
    """Join logarithms with coefficients that are the same or small multiples: log a - 2 log b as log(a/b**2)."""
    groups: dict[frozenset, list[tuple[Powers, Powers]]] = {}
    out: list[Part] = []
    for term in expr.args:
        product = to_powers(term, rows)
        logs = [b for b, e in product.exponents.items() if isinstance(b, sympy.log) and e == 1]
        if len(logs) != 1 or rows.sign(logs[0].args[0]) <= 0:
            out.append(term)
            continue
        rest, sign = product.without(logs[0]), rows.sign(logs[0]) or 1
        rest = Powers(rest.number * sign, rest.exponents)
        groups.setdefault(frozenset(rest.exponents.items()), []).append((rest, to_powers(logs[0].args[0], rows)))
    for members in groups.values():
        common = shared([rest for rest, _ in members])
        inside = Powers(sympy.Integer(1), {})
        for rest, argument in members:
            ratio = rest.number / common.number
            if abs(ratio) > 3:
                return expr
            inside = inside.times(argument.raised(ratio))
        out.append(from_powers(common, rows) * sympy.log(from_powers(inside, rows)))
    return sympy.Add(*out)


def logarithm(expr: Part, rows: Rows) -> Part:
    """Take exponentials and common exponents out of a logarithm: log(exp(a) b**2) as a + 2 log(b)."""
    product = to_powers(expr.args[0], rows)
    inner = _without_exponentials(product)
    exponents = list(inner.exponents.values())
    if rows.sign(expr.args[0]) <= 0 or not all(e.is_Rational for e in exponents):
        return expr
    common = sympy.Integer(1)
    if product.number == 1 and exponents:
        common = sympy.Rational(sympy.gcd_list([e.p for e in exponents]), sympy.lcm_list([e.q for e in exponents]))
        inner = inner.raised(1 / common)
        inner = Powers(inner.number, {b if rows.sign(b) else sympy.Abs(b): e for b, e in inner.exponents.items()})
    return common * sympy.log(from_powers(inner, rows)) + _exponent(product)


def angles(expr: Part, rows: Rows) -> Iterator[Part]:
    """Whole and half angles, both ways, and products of sines as sums."""
    atoms = expr.atoms(sympy.sin, sympy.cos)
    if not 1 <= len(atoms) <= _MAX_ANGLES:
        return
    half: dict[Part, Part] = {c: 1 - 2 * sympy.sin(sympy.Mul(c.args[0], _HALF)) ** 2 for c in expr.atoms(sympy.cos)}
    tries = [TR5(expr), TR6(expr), expr.xreplace(half), TR7(expr), TR11(expr)]
    if len(atoms) <= 2:
        tries.append(TR8(expr))
    for written in dict.fromkeys(tries):
        if written != expr:
            yield written
            kernels = _Kernels(written, rows)
            if _is_small(kernels.function):
                yield kernels.back(sympy.factor(kernels.function))


def exponentials(expr: Part, rows: Rows) -> Iterator[Part]:
    """Sums of two exponentials as hyperbolic cosine or sine of half the difference of their exponents."""
    found = {}
    for total in sympy.preorder_traversal(expr):
        if not (total.is_Add and len(total.args) == 2 and total.has(sympy.exp)):
            continue
        first, second = (to_powers(term, rows) for term in total.args)
        one, two = (_without_exponentials(p) for p in (first, second))
        if abs(one.number) == abs(two.number) and one.exponents == two.exponents:
            mean, half = (_exponent(first) + _exponent(second)) / 2, (_exponent(first) - _exponent(second)) / 2
            wave = sympy.cosh if one.number == two.number else sympy.sinh
            found[total] = 2 * from_powers(one, rows) * sympy.exp(mean) * wave(half)
    yield expr.xreplace(found)


def _without_exponentials(product: Powers) -> Powers:
    return product.without(*(b for b in product.exponents if isinstance(b, sympy.exp)))


def _exponent(product: Powers) -> Part:
    return sympy.Add(*(e * b.args[0] for b, e in product.exponents.items() if isinstance(b, sympy.exp)))


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

    Parameters
    ----------
    expression
        The formula. Its symbols carry the names of columns.
    names
        Names of the columns.
    x : (N, len(names))
        The rows of the table.

    Examples
    --------
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
