"""Products of powers whose signs on the table are known, and the ways to write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import sympy
from numpy.typing import ArrayLike

from edgewise._typing import Array, Formula, Part
from edgewise.formulas.expressions._tape import Tape

ONE = sympy.Integer(1)
_RTOL = 1e-10
_BLURRED, _PRECISE = 0.1, 3  # rows on which doubles may disagree, and how many of those are computed with 40 digits


class Rows:
    """What expressions are on the rows of a table.

    Parameters
    ----------
    names
        Names of the columns.
    x : (n, len(names))
        The rows.
    floats
        The numbers that symbols stand for; none by default.
    whole
        The table of which these are some rows: signs are those of the whole. None if these are all.

    Examples
    --------
    >>> rows = Rows(["x", "y"], [[1.0, -2.0], [3.0, 0.5]])
    >>> x, y = sympy.symbols("x y")
    >>> rows.sign(x), rows.sign(y), rows.sign(-x * y**2)
    (1, 0, -1)
    """

    def __init__(
        self,
        names: Sequence[str],
        x: ArrayLike,
        floats: dict[Part, Part] | None = None,
        whole: Rows | None = None,
    ) -> None:
        table = np.asarray(x, dtype=np.float64)
        self.names = list(names)
        self.columns = [np.ascontiguousarray(column) for column in table.T]
        self.floats = floats or {}
        self._whole = whole
        self.powers: dict[Part, Powers] = {}  # what was taken apart before
        self._signs: dict[Part, int] = {}

    def values(self, expr: Part) -> Array:
        """Return values (n,) on the rows; nan or inf where undefined.

        Parameters
        ----------
        expr
            The expression.
        """
        return Tape(expr.xreplace(self.floats), self.names).values(self.columns)

    def sign(self, expr: Part) -> int:
        """Return 1 or -1 where no row has the other sign, 0 otherwise.

        Parameters
        ----------
        expr
            The expression.
        """
        known = self._signs.get(expr)
        if known is None:
            values = self.values(expr)
            known = int((values >= 0).all()) - int((values <= 0).all())
            if known and self._whole is not None:
                known *= self._whole.sign(expr.xreplace(self.floats)) == known
            self._signs[expr] = known
        return known

    def agree(self, first: Part, second: Part) -> bool:
        """Return whether one expression has the values of another to 1e-10 where that is finite.

        Where nearly equal numbers are subtracted, doubles lose digits: the worst rows are computed with 40 digits.

        Parameters
        ----------
        first
            The expression.
        second
            The one that it is compared with.
        """
        one, two = self.values(first), self.values(second)
        at = np.isfinite(two)
        if not at.any() or not np.isfinite(one[at]).all():
            return False
        with np.errstate(all="ignore"):
            apart = np.where(at, np.abs(one - two) / np.abs(two), 0.0)
        apart[one == two] = 0.0
        if (apart > _RTOL).mean() > _BLURRED:
            return False
        return all(self._agree_at(row, first, second) for row in np.argsort(-apart)[:_PRECISE] if apart[row] > _RTOL)

    def _agree_at(self, row: int, first: Part, second: Part) -> bool:
        point = {sympy.Symbol(n): sympy.Float(float(c[row]), 40) for n, c in zip(self.names, self.columns, strict=True)}
        one, two = (expr.xreplace(self.floats).evalf(40, subs=point, maxn=200) for expr in (first, second))
        return bool(abs(one - two) <= _RTOL * abs(two))


@dataclass(frozen=True)
class Powers:
    """number * prod base**exponent, where a base of known sign stands for its absolute value.

    The number is rational; bases are sums, symbols, functions, exp(term), and irrational numbers.
    """

    number: Part
    exponents: dict[Part, Part]

    def times(self, other: Powers) -> Powers:
        number, out = self.number * other.number, dict(self.exponents)
        for base, exponent in other.exponents.items():
            total = out.pop(base, 0) + exponent
            if total != 0 and base.is_Integer and total.is_Integer:
                number *= base**total
            elif total != 0:
                out[base] = total
        return Powers(number, out)

    def raised(self, exponent: Part) -> Powers:
        """Return a power; the number must be 1, or the exponent an integer."""
        return Powers(self.number**exponent, {b: e * exponent for b, e in self.exponents.items()})

    def without(self, *bases: Part) -> Powers:
        return Powers(self.number, {b: e for b, e in self.exponents.items() if b not in bases})


def to_powers(expr: Part, rows: Rows) -> Powers:
    """Take a product apart; sums lose what all their terms have in common.

    Parameters
    ----------
    expr
        The formula.
    rows
        The table, which says where bases have one sign.

    Returns
    -------
    Powers
        A number, and the exponent of each base.

    Examples
    --------
    >>> rows = Rows(["x", "y"], [[1.0, 2.0], [3.0, 0.5]])
    >>> x, y = sympy.symbols("x y")
    >>> to_powers(2 * sympy.sqrt(x**2 / y**2 + x / y), rows)
    Powers(number=2, exponents={x: 1/2, y: -1, x + y: 1/2})
    """
    known = rows.powers.get(expr)
    if known is None:
        known = rows.powers[expr] = _taken_apart(expr, rows)
    return known


def _taken_apart(expr: Part, rows: Rows) -> Powers:
    if expr.is_Rational:
        return Powers(expr, {})
    if expr.is_Mul:
        out = Powers(ONE, {})
        for factor in expr.args:
            out = out.times(to_powers(factor, rows))
        return out
    if expr.is_Add and expr.free_symbols:
        return _primitive(expr, rows)
    if isinstance(expr, sympy.exp):
        return _exponential(expr)
    if isinstance(expr, sympy.Abs) and rows.sign(expr.args[0]):
        inside = to_powers(expr.args[0], rows)
        return Powers(abs(inside.number), inside.exponents)
    if expr.is_Pow:
        return _power(expr, rows)
    return _atom(expr, rows)


def _atom(expr: Part, rows: Rows) -> Powers:
    return Powers(sympy.Integer(rows.sign(expr) or 1), {expr: ONE})


def _power(expr: Part, rows: Rows) -> Powers:
    base, exponent = expr.base, expr.exp
    if base.is_Integer:
        return Powers(ONE, {base: exponent})
    inside = to_powers(base, rows)
    if exponent.is_Integer:
        return inside.raised(exponent)
    out: dict[Part, Part] = {}
    for b, e in inside.exponents.items():
        if rows.sign(b):
            out[b] = e * exponent
        elif e.is_Integer and e % 2 == 0:  # the root of an even power of what changes its sign
            total = e * exponent
            out[b if total.is_Integer and total % 2 == 0 else sympy.Abs(b)] = total
        else:
            return _atom(expr, rows)
    if inside.number < 0:
        return _atom(expr, rows)
    number = inside.number**exponent
    rest = to_powers(number, rows) if inside.number != 1 and number != expr else Powers(number, {})
    return Powers(ONE, out).times(rest)


def _exponential(expr: Part) -> Powers:
    out = Powers(ONE, {})
    for term in sympy.Add.make_args(expr.args[0]):
        number, rest = term.as_coeff_Mul()
        number, rest = (number, rest) if number.is_Rational else (ONE, term)
        if rest.could_extract_minus_sign():
            number, rest = -number, -rest
        base, exponent = (sympy.exp(rest), number) if rest != 1 else (sympy.exp(1), number)
        out = out.times(Powers(ONE, {base: exponent}))
    return out


def _primitive(expr: Part, rows: Rows) -> Powers:
    """Return a sum as its common factor times what is left."""
    terms = [to_powers(term, rows) for term in expr.args]
    common = shared(terms)
    rest = sympy.Add(*(from_powers(term.times(common.raised(sympy.Integer(-1))), rows) for term in terms))
    sign = 1
    if rest.could_extract_minus_sign():
        rest, sign = -rest, -1
    if not rest.is_Add:  # terms cancelled
        return common.times(to_powers(sign * rest, rows))
    return common.times(Powers(sympy.Integer(sign * (rows.sign(rest) or 1)), {rest: ONE}))


def shared(terms: Sequence[Powers]) -> Powers:
    """Return the greatest common factor of terms: least exponents, greatest common divisor of the numbers."""
    out: dict[Part, Part] = {}
    for base in dict.fromkeys(b for term in terms for b in term.exponents):
        found = [term.exponents.get(base, sympy.Integer(0)) for term in terms]
        if all(e.is_Rational for e in found):
            out[base] = min(found)
        elif all(e == found[0] for e in found):
            out[base] = found[0]
    out = {b: e for b, e in out.items() if e != 0 and not (b.is_number and e < 0)}
    numbers = [abs(term.number) for term in terms]
    divisor = sympy.Rational(sympy.gcd_list([n.p for n in numbers]), sympy.lcm_list([n.q for n in numbers]))
    return Powers(divisor, out)


def from_powers(product: Powers, rows: Rows, whole: bool = False) -> Part:
    """Write a product: one exponential, one root of each kind.

    Parameters
    ----------
    product
        What `to_powers` returned.
    rows
        The table, which says where bases have one sign.
    whole
        Whether all of a power is left under its root.

    Returns
    -------
    sympy.Expr
        The formula.

    Examples
    --------
    >>> rows = Rows(["x", "y"], [[1.0, 2.0], [3.0, 0.5]])
    >>> x, y = sympy.symbols("x y")
    >>> from_powers(to_powers(sympy.sqrt(x) * sympy.sqrt(y), rows), rows)
    sqrt(x*y)
    """
    exponent, number = sympy.Integer(0), product.number
    outside: list[Part] = []
    roots: dict[Part, list[tuple[Part, Part]]] = {}
    for base, e in product.exponents.items():
        sign = rows.sign(base)
        if isinstance(base, sympy.exp):
            exponent += e * base.args[0]
        elif e.is_Integer:
            outside.append(base**e)
            number *= sign**e if sign else 1
        elif base.is_number:
            outside.append(base**e)
        else:
            positive = -base if sign < 0 else base
            multiple, kind = (e.p, sympy.Rational(1, e.q)) if e.is_Rational else e.as_coeff_Mul()
            if not sympy.sympify(multiple).is_Integer:
                multiple, kind = ONE, e
            inner = multiple
            if e.is_Rational and not whole:
                inner = sympy.sign(multiple) * (abs(multiple) % e.q)
                outside.append(positive ** ((multiple - inner) * kind))
            roots.setdefault(kind, []).append((positive, inner))
    for kind, parts in roots.items():
        sign = 1 if any(inner > 0 for _, inner in parts) else -1
        outside.append(sympy.Mul(*(base ** (sign * inner) for base, inner in parts)) ** (sign * kind))
    return sympy.Mul(number, *outside, sympy.exp(exponent))


def common_factor(total: Part) -> tuple[sympy.Float, Formula] | None:
    """Return the Float that all terms of a sum have in common up to their signs, and the sum without it.

    Parameters
    ----------
    total
        The sum. None is returned for what is none, and where the terms have no Float in common.

    Examples
    --------
    >>> common_factor(2.5 - 2.5 * sympy.exp(sympy.Symbol("x")))
    (2.50000000000000, 1 - exp(x))
    """
    if not (total.is_Add and total.args):
        return None
    pairs = [term.as_coeff_Mul() for term in total.args]
    if not all(number.is_Float for number, _ in pairs):
        return None
    first = abs(pairs[0][0])
    if any(abs(number) != first for number, _ in pairs):
        return None
    return cast("sympy.Float", first), sympy.Add(*(rest if number > 0 else -rest for number, rest in pairs))


def factored(expression: Part) -> Part:
    """Return a formula with the common factors of its sums written before them, as sympy does not keep them.

    Parameters
    ----------
    expression
        The formula.

    Examples
    --------
    >>> factored(2.5 - 2.5 * sympy.exp(sympy.Symbol("x")))
    2.5*(1 - exp(x))
    """
    if not expression.args or not expression.has(sympy.Float):
        return expression
    common = common_factor(expression)
    if common is not None:
        return sympy.Mul(common[0], factored(common[1]), evaluate=False)
    parts = [factored(part) for part in expression.args]
    same = all(part is before for part, before in zip(parts, expression.args, strict=True))
    return expression if same else expression.func(*parts)


_SUMS, _TERMS, _FACTORS = 3, 4, 5  # how many of each a move is tried with
_KEPT, _WORSE = 2, 2  # products whose moves are followed by another, and how much worse they may be
Measure = Callable[[Part], float]
_TANGENTS: tuple[tuple[Callable[..., Part], ...], ...] = (
    (sympy.sin, sympy.cos, sympy.tan),
    (sympy.sinh, sympy.cosh, sympy.tanh),
)


def shortest_product(expr: Part, rows: Rows, measure: Measure) -> Part:
    """Return the simplest way to write a product, a power or a sum with a common factor.

    >>> rows = Rows(["x", "y"], [[1.0, 2.0], [2.0, 3.0]])
    >>> x, y = sympy.symbols("x y")
    >>> shortest_product(x * sympy.sqrt(y**2 / x**2 + 1), rows, sympy.count_ops)
    sqrt(x**2 + y**2)
    """
    start = to_powers(expr, rows)
    seen = {from_powers(start, rows): start}
    frontier, limit = [start], measure(from_powers(start, rows)) + _WORSE
    for _ in range(2):
        found = {from_powers(p, rows): p for q in frontier for p in _moves(q, rows)}
        new = sorted((w for w in found if w not in seen), key=measure)[:_KEPT]
        frontier = [found[written] for written in new if measure(written) <= limit]
        seen |= {written: found[written] for written in new}
    return min([expr, *(written for p in seen.values() for written in _signed(p, rows))], key=measure)


def _signed(product: Powers, rows: Rows) -> Iterator[Part]:
    """Yield a product with a sign moved into a difference or a logarithm, or left in front."""
    written = from_powers(product, rows)
    yield written
    yield from_powers(product, rows, whole=True)
    for factor in sympy.Mul.make_args(written):
        base, exponent = factor.as_base_exp()
        if exponent.is_Integer and exponent % 2:
            if base.is_Add:
                yield sympy.Mul(-1, *(a for a in sympy.Mul.make_args(written) if a != factor), (-base) ** exponent)
            if isinstance(base, sympy.log) and not base.args[0].is_Symbol:
                yield written.xreplace({base: -sympy.log(from_powers(to_powers(1 / base.args[0], rows), rows))})


def _moves(product: Powers, rows: Rows) -> Iterator[Powers]:
    yield from _quotients(product)
    sums = [b for b in product.exponents if b.is_Add and b.free_symbols][:_SUMS]
    for total in sums:
        power = product.exponents[total]
        terms = [to_powers(term, rows) for term in total.args]
        rest = product.without(total)
        divisors: list[Powers] = []
        for term in terms[:_TERMS]:
            divisors.append(Powers(ONE, term.exponents))
            if len(term.exponents) > 1:
                divisors += [Powers(ONE, {base: e}) for base, e in list(term.exponents.items())[:_FACTORS]]
        for base, e in list(rest.exponents.items())[:_FACTORS]:
            if e.is_Rational and power.is_Rational and (not base.is_Add or abs(e) == abs(power)):
                divisors.append(Powers(ONE, {base: -e / power}))
        if power.is_Rational and abs(rest.number) != 1:
            divisors.append(Powers(abs(rest.number) ** (-1 / power), {}))
        for by in divisors:
            yield from _divided(rest, total, power, terms, by, rows)


def _divided(rest: Powers, total: Part, power: Part, terms: list[Powers], by: Powers, rows: Rows) -> Iterator[Powers]:
    """rest * total**power, the sum divided by a monomial and the rest multiplied with that to the same power."""
    if not (by.number**power).is_Rational or not by.number.is_Rational:
        return
    if not power.is_Integer and not all(rows.sign(b) for b in by.exponents):
        return
    inverse = by.raised(sympy.Integer(-1))
    inside = sympy.Add(*(from_powers(term.times(inverse), rows) for term in terms))
    if inside.is_Add and (rows.sign(inside) == 0) == (rows.sign(total) == 0):
        yield rest.times(by.raised(power)).times(Powers(ONE, {inside: power}))


def _quotients(product: Powers) -> Iterator[Powers]:
    """sin / cos as tan, sin * cos as half the sine of twice the angle, and the same for sinh and cosh."""
    for sine, cosine, tangent in _TANGENTS:
        for base, e in product.exponents.items():
            other = cosine(base.args[0]) if base.func == sine else None
            if other is None or other not in product.exponents or not e.is_Integer:
                continue
            with_other, rest = product.exponents[other], product.without(base, other)
            if with_other == -e:
                yield rest.times(Powers(ONE, {tangent(base.args[0]): e}))
            elif with_other == e:
                yield rest.times(Powers(sympy.Rational(1, 2) ** e, {sine(sympy.Mul(2, base.args[0])): e}))
