"""The one gate that candidates of a search pass, or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sympy

from edgewise._typing import Array, Formula
from edgewise.discovery.knowledge._knowledge import Knowledge
from edgewise.formulas.expressions import FreeFormula, loosened

_ROUNDING = 1e-9  # of the target's range


class Gate:
    """What is known, on the rows of one table, with a count of the formulas that were turned away."""

    def __init__(self, knowledge: Knowledge, x: Array, y: Array) -> None:
        self.knowledge = knowledge
        self._x = x
        self._span = float(y.max() - y.min())
        self._objections: dict[Formula, str | None] = {}

    @property
    def open(self) -> bool:
        """Whether every formula passes."""
        return self.knowledge.empty

    @property
    def keeps_form(self) -> bool:
        """Whether formulas stay as they are written, as those of a template do."""
        return self.knowledge.template is not None

    def admits(self, expression: Formula) -> bool:
        """Return whether a formula is as it has to be."""
        if self.open:
            return True
        if expression not in self._objections:
            self._objections[expression] = self.knowledge.objection(expression, self._x, self._span)
        return self._objections[expression] is None

    def mended(self, expression: Formula) -> FreeFormula | None:
        """Return a formula that is turned away in a form that may pass once its constants are fitted again.

        Where dimensions do not fit, exact numbers are measured ones instead, as constants that have a unit are, with a
        factor in front. Where a formula tends to a constant that is added to it, and not to the known limit, that limit
        takes the place of the constant. None for other objections.
        """
        objection = self._objections.get(expression)
        if not expression.free_symbols or objection not in ("units", "limits"):
            return None
        return self._with_units(expression) if objection == "units" else self._with_limits(expression)

    def _with_units(self, expression: Formula) -> FreeFormula | None:
        units = self.knowledge.units
        if units is None or units.strict:
            return None
        loose, numbers = loosened(expression)
        if sympy.Mul.make_args(loose)[0] not in numbers and not loose.is_Add:
            factor = sympy.Dummy("n")
            loose, numbers = factor * loose, {factor: 1.0} | numbers
        return FreeFormula(loose, tuple(numbers), tuple(numbers.values()))

    def _with_limits(self, expression: Formula) -> FreeFormula | None:
        number, rest = expression.as_coeff_Add()
        for limit in self.knowledge.limits:
            missed = limit.missed(expression, self.knowledge.names, self._x, self._span)
            if missed and abs(float(number) + missed - limit.value) <= _ROUNDING * self._span:
                free = FreeFormula.of(rest)
                return FreeFormula(sympy.Rational(repr(limit.value)) + free.template, free.symbols, free.values)
        return None

    def summary(self, *, found: bool) -> list[str]:
        """Return in a sentence or two what was asked, and how many formulas were turned away; nothing if all passed."""
        if self.open:
            return []
        reasons = [reason for reason in self._objections.values() if reason is not None]
        return turned_away(self.knowledge, reasons, len(self._objections), found=found)


def turned_away(knowledge: Knowledge, reasons: Sequence[str], tried: int, *, found: bool) -> list[str]:
    """Return in a sentence or two what was asked, and by what keywords some of the formulas tried were turned away.

    >>> turned_away(Knowledge.of({"require": "t"}, ("t",), "y"), ["require"], 3, found=True)
    ["You asked for require: t. 1 of 3 formulas were turned away (1 by 'require')."]
    """
    asked = "; ".join(f"{key}: {_shown(value)}" for key, value in knowledge.asked.items())
    counts = Counter(reasons)
    each = ", ".join(f"{count} by {reason!r}" for reason, count in counts.most_common())
    lines = [
        f"You asked for {asked}. {len(reasons)} of {tried} formulas were turned away{f' ({each})' if each else ''}."
    ]
    if not found:
        lines.append("No formula that was tried is as you asked: the constant is given. Ask for less, or try more.")
    return lines


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {each or 1}" for key, each in value.items())
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return ", ".join(map(str, value))  # type: ignore[call-overload]
