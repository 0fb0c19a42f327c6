"""Products of powers of columns that have the dimension of the target, and those that have none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import sympy

from edgewise._typing import Formula
from edgewise.discovery.knowledge._units import Units

Powers = Mapping[str, Fraction]

_MOST = 10  # columns, of which all subsets are tried
_LARGEST = 6  # of a power


@dataclass(frozen=True)
class Groups:
    """A way to write target = scale F(products): the scale has the target's dimension, the products have none."""

    scale: Powers
    products: tuple[Powers, ...]

    @property
    def size(self) -> Fraction:
        """The sum of the absolute powers of the scale."""
        return sum((abs(power) for power in self.scale.values()), Fraction(0))


def dimensionless_groups(units: Units) -> list[Groups]:
    """Return the ways to write a target by dimensionless groups of columns, scales of small powers first.

    None where the target's dimension is not known, no product of columns has it, or no column has a dimension.

    >>> units = Units.of({"L": "m", "g": "m/s^2", "a": "", "T": "s"}, ("L", "g", "a"), "T", strict=False)
    >>> (groups,) = dimensionless_groups(units)
    >>> print(monomial_of(groups.scale), *map(monomial_of, groups.products))
    sqrt(L)/sqrt(g) a

    Source: Buckingham, On physically similar systems (1914); products of the fewest columns, as circuits of the
    matrix of dimensions.
    """
    names = tuple(units.columns)
    if units.target is None or len(names) > _MOST or not any(units.columns.values()):
        return []
    products = _products(units, names)
    scales = [powers for powers in _scales(units, names) if all(abs(p) <= _LARGEST for p in powers.values())]
    found = [Groups(scale, products) for scale in scales]
    return sorted(found, key=lambda each: (each.size, len(each.scale), str(each.scale)))


def monomial_of(powers: Powers) -> Formula:
    """Return a product of powers as a formula."""
    return sympy.Mul(*(sympy.Symbol(name) ** sympy.Rational(p.numerator, p.denominator) for name, p in powers.items()))


def _matrix(units: Units, names: tuple[str, ...]) -> sympy.Matrix:
    """The dimensions of columns as columns of a matrix."""
    bases = _bases(units)
    rows = [[_rational(units.columns[name].get(base, Fraction(0))) for name in names] for base in bases]
    return sympy.Matrix(len(bases), len(names), [cell for row in rows for cell in row])


def _bases(units: Units) -> list[str]:
    assert units.target is not None
    return sorted({base for each in (*units.columns.values(), units.target) for base in each})


def _products(units: Units, names: tuple[str, ...]) -> tuple[Powers, ...]:
    """Return independent products without dimension, of the fewest columns and the smallest powers."""
    wanted = len(names) - _matrix(units, names).rank()
    found = []
    for count in range(1, len(names) + 1):
        for chosen in itertools.combinations(names, count):
            null = _matrix(units, chosen).nullspace()
            if len(null) == 1 and all(null[0]):
                found.append(_whole(chosen, null[0]))
    found.sort(key=lambda powers: (len(powers), sum(map(abs, powers.values()))))
    kept: list[Powers] = []
    for powers in found:
        rows = [[_rational(each.get(name, Fraction(0))) for name in names] for each in (*kept, powers)]
        if len(kept) < wanted and sympy.Matrix(rows).rank() > len(kept):
            kept.append(powers)
    return tuple(kept)


def _whole(names: tuple[str, ...], vector: sympy.Matrix) -> Powers:
    """Return the smallest whole powers along a vector, the first one positive."""
    parts = [Fraction(int(v.p), int(v.q)) for v in vector]
    common = lcm(*(part.denominator for part in parts))
    numbers = [int(part * common) for part in parts]
    sign = 1 if next(n for n in numbers if n) > 0 else -1
    return {name: Fraction(sign * n, gcd(*numbers)) for name, n in zip(names, numbers, strict=True)}


def _scales(units: Units, names: tuple[str, ...]) -> Iterator[Powers]:
    """Yield products of independent columns that have the dimension of the target."""
    assert units.target is not None
    aim = sympy.Matrix([_rational(units.target.get(base, Fraction(0))) for base in _bases(units)])
    if not any(aim):
        yield {}
        return
    for count in range(1, _matrix(units, names).rank() + 1):
        for chosen in itertools.combinations(names, count):
            matrix = _matrix(units, chosen)
            if matrix.rank() < count or matrix.row_join(aim).rank() > count:
                continue
            solution = matrix.gauss_jordan_solve(aim)[0]
            if all(solution):
                yield {n: Fraction(int(v.p), int(v.q)) for n, v in zip(chosen, solution, strict=True)}


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)
