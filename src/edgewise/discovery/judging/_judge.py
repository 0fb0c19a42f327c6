"""The table that formulas are measured on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.judging._binary import binary_names, lines_of_binaries, two_valued
from edgewise.discovery.judging._candidate import Candidate
from edgewise.discovery.judging._evidence import saved, spread
from edgewise.discovery.judging._gaps import undetermined, unseen_piece, wild
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import (
    FitData,
    FittedFormula,
    FreeFormula,
    Tape,
    complexity,
    fitted_constants,
    readable_float,
    round_constants,
    simplify,
)

_Value = TypeVar("_Value")


class Once(Protocol):
    """What returns the result of some work, which is named by what it depends on, done now or remembered."""

    def __call__(self, what: str, about: object, work: Callable[[], _Value]) -> _Value: ...


def at_once(what: str, about: object, work: Callable[[], _Value]) -> _Value:
    """Return the result of some work, and remember nothing."""
    return work()


@dataclass(frozen=True)
class Judge:
    """The table that every formula is measured on: polish, rounding, error and complexity in one place."""

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array
    once: Once = at_once

    def judged(self, formula: Formula, noise: float, keep_form: bool = False) -> Candidate | None:
        """The formula with constants fitted and rounded, written simply, or None where it cannot describe the table."""
        return self.once("judged", (formula, noise, keep_form), lambda: self._judged(formula, noise, keep_form))

    def _judged(self, formula: Formula, noise: float, keep_form: bool) -> Candidate | None:
        simplified = 2  # fitted constants up to which formulas are simplified: with more, they are no laws to be read
        if formula.has(sympy.zoo, sympy.nan, sympy.oo) or (not formula.is_real and formula.has(sympy.I)):
            return None
        if formula.is_Float:  # a mean: zero is often within its standard error, and says nothing
            error = float(np.sqrt(np.mean((self.weight * (self.y - float(formula))) ** 2)))
            return Candidate(formula, self.names, error / spread(self.y, self.weight), complexity(formula))
        with np.errstate(all="ignore"):  # a trial may overflow: its error is then infinite, and it is refused
            data = FitData.of(self.names, self.x, self.y, self.weight)
            final = round_constants(formula, data, noise)
        if not math.isfinite(final.error):
            return None
        expression = final.expression if final.error < EXACT else _reproducible(final, data)
        if not keep_form:
            expression = lines_of_binaries(expression, self.two_valued, always=final.error >= EXACT)
        if not keep_form and (final.error < EXACT or fitted_constants(expression) <= simplified):
            expression = simplify(expression, self.names, self.x)
            if final.error < EXACT and expression.atoms(sympy.Float):  # c/(x + c) is 1/(x/c + 1): now seen to be 1
                again = round_constants(expression, data)
                if again.error < EXACT and complexity(again.expression) < complexity(expression):
                    final, expression = again, again.expression
        return Candidate(expression, self.names, final.error, complexity(expression))

    @cached_property
    def binary(self) -> tuple[str, ...]:
        """The columns that hold 0 and 1 only."""
        return binary_names(self.names, self.x)

    @cached_property
    def two_valued(self) -> dict[str, tuple[float, float]]:
        """The values of the columns that have two."""
        return two_valued(self.names, self.x)

    def measured(self, free: FreeFormula) -> Candidate | None:
        """Return a formula with its free constants as they are fitted, none of them rounded."""
        with np.errstate(all="ignore"):
            data = FitData.of(self.names, self.x, self.y, self.weight)
            final = free.fit(data).fitted(data)
        if not math.isfinite(final.error):
            return None
        return Candidate(final.expression, self.names, final.error, complexity(final.expression))

    def saved(self, candidate: Candidate) -> float:
        """The bits that a candidate saves on the table against a constant."""
        values = candidate.predict(self.x)
        return saved(candidate.expression, values, self.y, self.weight, len(self.names))

    def gaps(self, candidate: Candidate) -> bool:
        """Whether a candidate says between the rows what they do not show.

        It is `wild`, has a piece in which no row lies, or a number that any other one replaces.

        An exact formula may have poles: the rows around them follow it to rounding.
        """
        formula = candidate.expression
        if undetermined(formula, self.names, self.x, self.weight / spread(self.y, self.weight)):
            return True
        if unseen_piece(formula, self.names, self.x):
            return True
        return candidate.error >= EXACT and wild(formula, self.names, self.x, self.y)


def _reproducible(final: FittedFormula, data: FitData) -> Formula:
    """Return a formula whose constants are the same in each run: with 8 digits, unless it needs more."""
    digits = 8  # of constants of noisy tables: of a least sum of squares, doubles fix no more of the place
    same = 1e-9  # rise of the error by which that may change a formula
    numbers = final.expression.atoms(sympy.Float)
    whole: Part = final.expression
    rounded: Formula = whole.xreplace({f: readable_float(float(f"{float(f):.{digits}g}")) for f in numbers})
    with np.errstate(all="ignore"):
        error = data.error(Tape(rounded, data.names).values(data.columns))
    return rounded if error <= (1 + same) * final.error else final.expression
