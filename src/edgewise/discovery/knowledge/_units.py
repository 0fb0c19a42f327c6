"""Units of the columns and of the target, and products of powers that have the target's dimension or none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula, Part
from edgewise.formulas.expressions import dimension, unit_problem

Dimension = Mapping[str, Fraction]


@dataclass(frozen=True)
class Units:
    """The dimensions of columns by name, and of the target, None where it is not known.

    `strict`: fitted constants have no dimension. Else a number with a decimal point may have any, as a constant of
    nature that the table does not hold; exact numbers have none.

    Source: PySR's units, whose `dimensionless_constants_only` is `strict` here (Cranmer, 2023).
    """

    columns: Mapping[str, Dimension]
    target: Dimension | None
    strict: bool = False

    @classmethod
    def of(cls, given: object, names: tuple[str, ...], target: str, *, strict: bool) -> Units:
        """Return the units that are given by name, as texts or as exponents.

        Errors: InputError for names that are neither a column nor the target, columns without a unit, and what is no
        unit.
        """
        if not isinstance(given, Mapping):
            raise InputError(f"'units' must map names to units, like {{'m': 'kg', 'v': 'm/s'}}. Got {given!r}.")
        for name in given:
            if name not in names and name != target:
                raise unknown("column in 'units'", name, [*names, target])
        for name in names:
            if name not in given:
                raise InputError(f"'units' names no unit of {name!r}: give one, or '' where it has none.")
        found = {name: _dimension(given[name]) for name in names}
        return cls(found, _dimension(given[target]) if target in given else None, strict)

    def problem(self, expression: Formula) -> str | None:
        """Return what is wrong with the dimensions of a formula, None where they fit.

        >>> import sympy
        >>> units = Units.of({"m": "kg", "v": "m/s", "E": "J"}, ("m", "v"), "E", strict=False)
        >>> m, v = sympy.symbols("m v")
        >>> units.problem(m * v**2 / 2), units.problem(m + v)
        (None, 'm has dimension [mass], but v has [length]/[time]')
        """
        constants = "dimensionless" if self.strict else "free"
        return unit_problem(expression, self.columns, self.target, constants=constants)


def _dimension(unit: Any) -> Dimension:
    return dimension("" if unit in ("1", 1) else unit)


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
    parts = [Fraction(int(v.p), int(v.q)) for v in _entries(vector)]
    common = lcm(*(part.denominator for part in parts))
    numbers = [int(part * common) for part in parts]
    sign = 1 if next(n for n in numbers if n) > 0 else -1
    return {name: Fraction(sign * n, gcd(*numbers)) for name, n in zip(names, numbers, strict=True)}


def _scales(units: Units, names: tuple[str, ...]) -> Iterator[Powers]:
    """Yield products of independent columns that have the dimension of the target."""
    assert units.target is not None
    aim = sympy.Matrix([_rational(units.target.get(base, Fraction(0))) for base in _bases(units)])
    if not any(_entries(aim)):
        yield {}
        return
    for count in range(1, _matrix(units, names).rank() + 1):
        for chosen in itertools.combinations(names, count):
            matrix = _matrix(units, chosen)
            if matrix.rank() < count or matrix.row_join(aim).rank() > count:
                continue
            solution = matrix.gauss_jordan_solve(aim)[0]
            if all(_entries(solution)):
                yield {n: Fraction(int(v.p), int(v.q)) for n, v in zip(chosen, _entries(solution), strict=True)}


def _entries(matrix: Part) -> list[Part]:
    """Return the entries of a matrix, row by row."""
    return list(matrix)


def _rational(value: Fraction) -> Part:
    return sympy.Rational(value.numerator, value.denominator)
