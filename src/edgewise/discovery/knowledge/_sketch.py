"""Formulas with constants that are still to be fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._typing import Part
from edgewise.formulas.expressions import FitData, FreeFormula, Starts, loosened, read_formula

_FITTED = 6  # starts
_STEPS = 60


@dataclass(frozen=True)
class Sketch:
    """A formula of columns, and of `constants` that are fitted, with values to start from where they are known.

    `text` is the formula as it was given.
    """

    formula: Part
    constants: tuple[sympy.Symbol, ...]
    starts: tuple[float | None, ...]
    text: str = ""

    @classmethod
    def of(cls, given: object, names: Sequence[str]) -> Sketch:
        """Return a guess: all its numbers but exact exponents are fitted, and names that are no columns.

        Errors: InputError for texts that are no formula, and names that look like a column's.

        >>> Sketch.of("A*exp(-k*t)", ["t"]).constants
        (A, k)
        """
        formula, words = read_formula(given, names, "A guess")
        loose, numbers = loosened(formula)
        starts = (*(None for _ in words), *numbers.values())
        return cls(loose, (*words, *numbers), starts, given if isinstance(given, str) else str(formula))

    def fitted(self, data: FitData, seed: int = 0) -> list[FreeFormula]:
        """Return the formula with constants fitted from the best starts, best first; none where it is undefined.

        Constants that the formula is linear in are solved for; the others are drawn over some decades, and the best
        draws are fitted by Levenberg-Marquardt.
        """
        starts = Starts(self.formula, self.constants, self.starts, data).best(_FITTED, seed)
        found = [start.fit(data, _STEPS) for start in starts]
        return sorted((each for each in found if np.isfinite(each.error)), key=lambda each: each.error)
