"""How forms compare by a likelihood."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.judging import Contest, Entry, placed
from edgewise.discovery.likelihoods import Likelihood, Maximum, maximum
from edgewise.formulas.expressions import FitData, FreeFormula, fitted_constants, loosened


@dataclass(frozen=True)
class LikelyEntry(Entry):
    """A form whose numbers maximize a likelihood."""

    likely: Maximum | None = None

    @property
    def criterion(self) -> float:
        """Twice the loss, and what the form takes to write down."""
        assert self.likely is not None
        return 2 * self.likely.loss + self.description


class LikelyContest(Contest):
    """Compares forms by their largest likelihood at rows.

    criterion = -2 log L + k log n + 2 log(2) bits,  n: the measurements, of events the trials
    """

    def __init__(self, data: FitData, likelihood: Likelihood) -> None:
        super().__init__(data, 0.0)
        self.likelihood = likelihood
        self.log_odds: dict[Formula, Formula] = {}  # of probabilities that were found as log-odds

    def fit(self, forms: Iterable[Formula]) -> None:
        """Fit forms, as far as they were not fitted before."""
        for form in forms:
            self.entry(form)

    @property
    def fitted(self) -> list[LikelyEntry]:
        """The forms that were fitted and have a likelihood."""
        return [entry for entry in self._entries.values() if isinstance(entry, LikelyEntry)]

    @cached_property
    def constant(self) -> Maximum:
        """The best constant."""
        symbol = sympy.Dummy("c")
        free = FreeFormula(symbol, (symbol,), (float(np.average(self.data.y, weights=self.data.weight**2)),))
        found = self.at(free)
        assert found is not None
        return found

    def at(
        self, free: FreeFormula, likelihood: Likelihood | None = None, data: FitData | None = None
    ) -> Maximum | None:
        """Return the maximum of the likelihood near a formula's constants; None where there is none."""
        likelihood, data = likelihood or self.likelihood, data or self.data
        return maximum(likelihood, free, data.names, data.columns, {})

    def _fitted(self, expression: Formula) -> LikelyEntry | None:
        """Return a form with its numbers fitted: all of them, or those that are not exact, whichever costs less.

        One of log-odds is written down as such.
        """
        inner = self.log_odds.get(expression, expression)
        template, numbers = loosened(inner)
        ways = [FreeFormula(template, tuple(numbers), tuple(numbers.values()))]
        if fitted_constants(inner) < len(numbers):
            ways.append(FreeFormula.of(inner))
        found = [self._entry(expression, each) for each in ways]
        return min((each for each in found if each is not None), key=lambda each: each.criterion, default=None)

    def _entry(self, expression: Formula, inner: FreeFormula) -> LikelyEntry | None:
        free = inner if expression not in self.log_odds else replace(inner, template=probability(inner.template))
        best = self.at(free)
        if best is None:
            return None
        own = replace(best.free, error=self.error(self.likelihood, best.values, best.theta))
        description = self._bits(placed(inner.template, inner.symbols))
        description += len(inner.values) * math.log(self.likelihood.count)
        residual = self.data.weight * (best.values - self.data.y)
        return LikelyEntry(expression, own, description, best.values, residual, self.data, best)

    @cached_property
    def _scale(self) -> float:
        constant = self.constant
        return max(constant.likelihood.size(constant.values, constant.theta), 1e-300)

    def error(self, likelihood: Likelihood, values: Array, theta: Array) -> float:
        """Return what values (n,) leave of the rows of a likelihood, over what the best constant leaves."""
        return math.sqrt(likelihood.size(values, theta) / self._scale)

    def lead(self, law: Entry, other: Entry) -> float:
        """Return by how much a form leads another: the difference of their criteria."""
        assert isinstance(law, LikelyEntry) and isinstance(other, LikelyEntry)
        return other.criterion - law.criterion

    def robust_lead(self, law: Entry, other: Entry) -> float:
        """Return the lead: the likelihood is what it is."""
        return self.lead(law, other)


def probability(form: Part) -> Part:
    """Return the probability of log-odds.

    >>> probability(2 * sympy.Symbol("x") - 1)
    1/(exp(1 - 2*x) + 1)
    """
    return 1 / (1 + sympy.exp(-form))
