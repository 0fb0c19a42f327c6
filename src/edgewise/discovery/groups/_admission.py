"""What a person knows, asked of formulas whose constants differ by group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import sympy

from edgewise.discovery.groups._fit import GroupedFit, GroupedRows
from edgewise.discovery.groups._shape import Shape
from edgewise.discovery.knowledge import Knowledge, turned_away

_CONSTANT = Shape((sympy.S.One,))


class Admission:
    """Asks whether the formula of each group is as it has to be. The constant for all groups always is."""

    def __init__(self, knowledge: Knowledge, rows: GroupedRows) -> None:
        self.knowledge, self.rows = knowledge, rows
        self._of_form = replace(knowledge, constants=None, monotone={}, limits=())
        self._of_groups = replace(knowledge, require=frozenset(), max_complexity=None, units=None, functions=None)
        self._shapes: dict[Shape, str | None] = {}
        self._fits: dict[int, tuple[GroupedFit, str | None]] = {}

    def admits_form(self, shape: Shape) -> bool:
        """Return whether a form has the columns, functions, length and dimensions that it must have."""
        if self.knowledge.empty or shape == _CONSTANT:
            return True
        if shape not in self._shapes:
            most = self.knowledge.max_complexity
            long = most is not None and shape.complexity > most
            measured = shape.with_constants([sympy.Float(1.5)] * len(shape.terms))
            self._shapes[shape] = "max_complexity" if long else self._of_form.objection(measured)
        return self._shapes[shape] is None

    def admits(self, fit: GroupedFit) -> bool:
        """Return whether a form is as it has to be, and so are the constants and directions of each group."""
        if self.knowledge.empty or fit.shape == _CONSTANT:
            return True
        if not self.admits_form(fit.shape):
            return False
        if id(fit) not in self._fits:
            self._fits[id(fit)] = fit, self._objection(fit)
        return self._fits[id(fit)][1] is None

    def _objection(self, fit: GroupedFit) -> str | None:
        if self.knowledge.constants is None and not self.knowledge.monotone:
            return None
        groups = [0] if not fit.shape.varying else np.unique(self.rows.codes).tolist()
        for group in groups:
            rows = self.rows.x[self.rows.codes == group] if fit.shape.varying else self.rows.x
            found = self._of_groups.objection(fit.of_group(group), rows)
            if found is not None:
                return found
        return None

    def summary(self, *, found: bool) -> list[str]:
        """Return in a sentence or two what was asked, and how many formulas were turned away."""
        fits = [reason for _, reason in self._fits.values() if reason is not None]
        shapes = [reason for reason in self._shapes.values() if reason is not None]
        tried = len(self._shapes)
        return [] if self.knowledge.empty else turned_away(self.knowledge, [*shapes, *fits], tried, found=found)
