"""Units of the columns and of the target, and what they say of formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from edgewise._errors import InputError, unknown
from edgewise._typing import Formula
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
