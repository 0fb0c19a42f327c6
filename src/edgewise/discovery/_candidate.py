"""A formula with its error and complexity, and the front of the best ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Array, Data, Formula
from edgewise.discovery._direct import power_law
from edgewise.discovery._evidence import saved
from edgewise.discovery._gaps import pole, undetermined
from edgewise.export import latex
from edgewise.expressions import (
    FitData,
    complexity,
    evaluate,
    fit_constants,
    round_constants,
    simplify,
)

#: relative error below which a formula is exact to rounding
EXACT = 1e-9
_SHOWN = 10  # inputs that are tried alone


@dataclass(frozen=True)
class Candidate:
    """One formula for the target.

    `error` is the root mean square residual over the target's spread (both weighted by 1/|y| where the target covers
    many decades); `complexity` counts operations, constants and variables.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    >>> best = ew.discover(x, x[:, 0] / x[:, 1], names=["u", "i"]).best
    >>> best.latex(), best.complexity, best.predict([[6.0, 2.0]])
    ('\\\\frac{u}{i}', 3, array([3.]))
    """

    expression: Formula
    names: tuple[str, ...]
    error: float
    complexity: int

    def sympy(self) -> Formula:
        """The formula as a sympy expression; its symbols carry the names of the inputs."""
        return self.expression

    def latex(self) -> str:
        """The formula in LaTeX, numbers with six digits; `edgewise.export` writes it in full and in other languages."""
        return latex(self, digits=6)

    @property
    def fitted(self) -> int:
        """The number of constants that are not exact numbers."""
        return len(self.expression.atoms(sympy.Float))

    def predict(self, x: Data) -> Array:
        """Values of the formula on rows (n, n_in); NaN where it is undefined."""
        rows = np.asarray(x, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(
                f"The formula takes rows of {len(self.names)} inputs {list(self.names)}. Got shape {rows.shape}."
            )
        return evaluate(self.expression, self.names, rows)

    def __str__(self) -> str:
        return f"{self.expression}  (error {self.error:.2g}, complexity {self.complexity})"


@dataclass(frozen=True)
class Judge:
    """The table that every formula is measured on: polish, rounding, error and complexity in one place."""

    names: tuple[str, ...]
    x: Array
    y: Array
    weight: Array

    def judged(self, formula: Formula, noise: float, keep_form: bool = False) -> Candidate | None:
        """The formula with constants fitted and rounded, written simply, or None where it cannot describe the table."""
        if formula.has(sympy.zoo, sympy.nan, sympy.oo) or (not formula.is_real and formula.has(sympy.I)):
            return None
        with np.errstate(all="ignore"):  # a trial may overflow: its error is then infinite, and it is refused
            data = FitData.of(self.names, self.x, self.y, self.weight)
            fitted = fit_constants(formula, data)
            if not math.isfinite(fitted.error):
                return None
            final = round_constants(fitted.expression, data, noise)
        expression = final.expression if keep_form else simplify(final.expression, self.names, self.x)
        return Candidate(expression, self.names, final.error, complexity(expression))

    def saved(self, candidate: Candidate) -> float:
        """The bits that a candidate saves on the table against a constant."""
        values = candidate.predict(self.x)
        return saved(candidate.expression, values, self.y, self.weight, len(self.names))

    def gaps(self, candidate: Candidate) -> bool:
        """Whether a candidate says between the rows what they do not show: a pole, or a number that any other replaces.

        An exact formula may have poles: the rows around them follow it to rounding.
        """
        formula = candidate.expression
        w2 = self.weight**2
        spread = math.sqrt(float(np.mean(w2 * (self.y - np.average(self.y, weights=w2)) ** 2)))
        if undetermined(formula, self.names, self.x, self.weight / spread):
            return True
        return candidate.error >= EXACT and pole(formula, self.names, self.x)


def price(candidate: Candidate, noise: float, n: int) -> float:
    """What a formula costs: n log(error^2) + log(n) / 2 for each unit of complexity and for each fitted constant.

    Errors below the floor count as the floor: rounding level for exact data, the noise for noisy data. A constant that
    was rounded to an exact number is not fitted.
    """
    floor = max(EXACT / 10, 0.97 * noise)
    size = candidate.complexity + candidate.fitted
    return n * math.log(max(candidate.error, floor) ** 2) + 0.5 * math.log(n) * size


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that no simpler or equally simple one beats, simplest first."""
    out: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.complexity, c.fitted, c.error)):
        # Differences at rounding level, or of a fitted constant from its rounded value, are no improvement.
        if not out or (candidate.error < 0.98 * out[-1].error and out[-1].error > 1e-14):
            out.append(candidate)
    return out


def baselines(judge: Judge, noise: float) -> Iterator[Candidate]:
    """What anyone would try first: a constant, each input alone as a line and as a power, and the plane through all."""
    for form in _plainest(judge):
        candidate = judge.judged(form, noise, keep_form=True)
        if candidate is not None:
            yield candidate


def _plainest(judge: Judge) -> Iterator[Formula]:
    symbols = [sympy.Symbol(name) for name in judge.names][:_SHOWN]
    yield sympy.Float(np.average(judge.y, weights=judge.weight**2))
    yield from (sympy.Float(1.1) * s + sympy.Float(0.1) for s in symbols)
    yield sum((sympy.Float(1.1) * s for s in symbols), sympy.Float(0.1))
    for i, name in enumerate(judge.names[:_SHOWN]):
        alone = power_law([name], judge.x[:, [i]], judge.y, 1.0, judge.weight)
        yield from (law.expression for law in alone)
