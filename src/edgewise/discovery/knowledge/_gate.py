"""The one gate that candidates of a search pass, or not."""

from __future__ import annotations

from collections import Counter

import sympy

from edgewise._typing import Array, Formula
from edgewise.discovery.knowledge._knowledge import Knowledge
from edgewise.expressions import loosened


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

    def measured(self, expression: Formula) -> tuple[sympy.Expr, dict[sympy.Symbol, float]] | None:
        """Return a formula whose exact numbers are measured ones instead, as constants that have a unit are.

        With a factor in front where it has no number there. None where dimensions fit, or fitted constants have none.
        """
        units = self.knowledge.units
        if units is None or units.strict or not expression.free_symbols or units.problem(expression) is None:
            return None
        loose, numbers = loosened(expression)
        if sympy.Mul.make_args(loose)[0] not in numbers and not loose.is_Add:
            factor = sympy.Dummy("n")
            loose, numbers = factor * loose, {factor: 1.0} | numbers
        return loose, numbers

    def summary(self, *, found: bool) -> list[str]:
        """Return in a sentence or two what was asked, and how many formulas were turned away; nothing if all passed."""
        if self.open:
            return []
        asked = "; ".join(f"{key}: {_shown(value)}" for key, value in self.knowledge.asked.items())
        counts = Counter(reason for reason in self._objections.values() if reason is not None)
        each = ", ".join(f"{count} by {reason!r}" for reason, count in counts.most_common())
        away = f"{counts.total()} of {len(self._objections)} formulas were turned away"
        lines = [f"You asked for {asked}. {away}{f' ({each})' if each else ''}."]
        if not found:
            lines.append("No formula that was tried is as you asked: the constant is given. Ask for less, or try more.")
        return lines


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {each or 1}" for key, each in value.items())
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return ", ".join(map(str, value))  # type: ignore[call-overload]
