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
from edgewise.formulas.expressions import FitData, FreeFormula, complexity, fitted_constants, loosened


@dataclass(frozen=True)
class LikelyEntry(Entry):
    """A form whose numbers maximize a likelihood; `size` is its complexity and the number of these, `inner`
    the log-odds, if it was found as such."""

    likely: Maximum | None = None
    size: int = 0
    inner: FreeFormula | None = None

    @property
    def cost(self) -> float:
        """Twice the loss, and log(n) / 2 for each unit of complexity and each number: what is best costs least."""
        assert self.likely is not None
        return 2 * self.likely.loss + 0.5 * math.log(self.likely.likelihood.count) * self.size

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
        return min((each for each in found if each is not None), key=lambda each: each.cost, default=None)

    def _entry(self, expression: Formula, inner: FreeFormula) -> LikelyEntry | None:
        free = inner if expression not in self.log_odds else replace(inner, template=probability(inner.template))
        best = self.at(free)
        if best is None:
            return None
        own = replace(best.free, error=self.error(self.likelihood, best.values, best.theta))
        description = self._bits(placed(inner.template, inner.symbols))
        description += len(inner.values) * math.log(self.likelihood.count)
        residual = self.data.weight * (best.values - self.data.y)
        size = complexity(inner.expression) + len(inner.values)
        return LikelyEntry(
            expression, own, description, best.values, residual, self.data, best, size,
            inner if expression in self.log_odds else None,
        )  # fmt: skip

    def rounded(self, entry: LikelyEntry) -> list[Formula]:
        """Return a form with one of its constants at a whole number or a half, for each that may be that.

        It lies within 2.5 standard errors, and one constant in two at most would do so by chance. The intercept of
        log-odds is none: its exponential is what is seen.
        """
        near, by_chance = 2.5, 0.5
        best, found = entry.likely, []
        assert best is not None
        inner = entry.free if entry.inner is None else entry.inner
        alone = () if entry.inner is None else sympy.Add.make_args(inner.template)
        for k, (value, error) in enumerate(zip(best.free.values, np.sqrt(np.diag(best.covariance)), strict=True)):
            if inner.symbols[k] in alone:
                continue
            for parts in (1, 2):
                simple = sympy.Rational(round(value * parts), parts)
                likely = 2 * near * float(error) * parts <= by_chance
                if simple != 0 and likely and abs(float(simple) - value) <= near * float(error):
                    form = replace(inner, values=best.free.values).pinned(k, simple).expression
                    if entry.inner is not None:
                        self.log_odds[probability(form)] = form
                    found.append(form if entry.inner is None else probability(form))
                    break
        return found

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
