"""Ways to write a product: factors go into sums and out of them, signs go to where they vanish."""

from collections.abc import Callable, Iterator

import sympy

from edgewise._typing import Part
from edgewise.formulas.expressions._powers import ONE, Powers, Rows, from_powers, to_powers

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
