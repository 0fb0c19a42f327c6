"""What is recommended of all formulas found, what is claimed of it, and the front."""

from __future__ import annotations

import math
from dataclasses import replace

from edgewise._typing import Formula
from edgewise.discovery.judging import Candidate, Outcome, encompassing, front, unbeaten
from edgewise.discovery.search._approximation import EVOLUTION, ROWS_PER_CONSTANT, Approximation
from edgewise.discovery.search._assessment import Assessed
from edgewise.discovery.search._context import Context
from edgewise.discovery.tables import EXACT
from edgewise.expressions import (
    FitData,
    FreeFormula,
    Uncertainty,
    complexity,
    evaluate,
    free_numbers,
    loosened,
    name_floats,
    pin_redundant,
    shorten,
)
from edgewise.residuals import lack_of_fit

_CLEAR = 0.02  # noise is claimed where it is less than that, or is given, or where the rows are ...
_MANY, _EACH = 30, 15  # ... that many, and that many for each input
_ROWS_EACH = 4  # for each constant, with which noise is claimed at all
_DOUBT, _DOUBT_SEARCHED = 6.0, 12.0  # log-likelihood by which others are better than a law that leaves only noise
_IMPROVED, _SOME = (0.98, 0.995), 8  # of the errors of simpler formulas, the second if fewer than these are below
_BY_CHANCE = 1e-3  # that noise alone lets residuals depend on the inputs as much
_MISSED = 0.005  # that noise alone lets the network know as much of the residuals
_SAME_DIGITS = 2  # to which formulas are compared with the best one


class Ranking:
    """Ranks the candidates of the exact search, in the pool, and the formulas that approximate the table."""

    def __init__(self, context: Context, approximation: Approximation, *, interrupted: bool) -> None:
        self.context, self.approximation, self.interrupted = context, approximation, interrupted
        self.pool = context.pool
        self._origins: dict[Formula, str] = {}

    def origin(self, candidate: Candidate) -> str:
        """Return the stage that a candidate came from."""
        return self._origins.get(candidate.expression) or self.pool.origin(candidate)

    def _outcome(self, best: Candidate) -> tuple[Outcome, float]:
        """What the best candidate is claimed to be, and the noise: none is known where the rows are too few to tell."""
        noise, n, given = self.pool.noise, len(self.pool.judge.y), self.context.given
        enough = max(_MANY, _EACH * len(self.context.table.names))
        if self.pool.claimed(best) and (best.error < _CLEAR or n >= enough or given is not None):
            if best.error < EXACT:
                return Outcome.EXACT, noise
            fitted = best.error * math.sqrt(n / max(n - best.fitted, 1))
            return Outcome.NOISE, min(noise, fitted) if given is None else noise
        doubted = self.pool.doubted(best)
        return (self._ended(), noise) if doubted is None else (doubted, given or 0.0)

    def _ended(self) -> Outcome:
        """Why the search ended without a law."""
        if self.interrupted:
            return Outcome.INTERRUPTED
        return Outcome.TIME_LIMIT if self.context.timed else Outcome.APPROXIMATE

    def chosen(self) -> tuple[Candidate, Outcome, float]:
        """The best candidate, what it is claimed to be, and the noise.

        A law that is exact, or leaves only noise, comes first. Else the formula that predicts best on rows left out
        and agrees with the network: `Assessor.cost`.
        """
        law = self.pool.best()
        assert law is not None
        outcome, noise = self._outcome(law)
        if not self.context.gate.admits(law.expression):
            best = self.approximation.best()
            return self._assessed(law) if best is None else self.candidate(best), self._ended(), noise
        if outcome is Outcome.EXACT:
            return self._assessed(law), outcome, noise
        if outcome is Outcome.NOISE and not self.contradicted(law):
            few = len(self.pool.judge.y) < _ROWS_EACH * free_numbers(law.expression)
            return self._assessed(law), Outcome.TOO_FEW_ROWS if few else outcome, noise
        for each in front(self.pool.candidates):
            self._assessed(each)
        best = self.approximation.best()
        few = outcome is Outcome.TOO_FEW_ROWS and len(self.pool.judge.y) < _MANY
        if best is None or (few and not self._beaten(law, best)):
            return self._assessed(law), outcome, noise
        doubted = outcome in (Outcome.UNSEEN, Outcome.TOO_FEW_ROWS) and not self.context.timed
        return self.candidate(best), outcome if doubted else self._ended(), noise

    def or_unassessed(self, best: Candidate) -> Candidate:
        """The best candidate, or a formula that time did not suffice to assess, where that is cheaper on the rows."""
        for form in self.approximation.unassessed():
            candidate = self.pool.judge.measured(FreeFormula(form, (), ()))
            if candidate is not None:
                self.pool.candidates.append(candidate)
                self._origins.setdefault(candidate.expression, EVOLUTION)
                best = min(best, candidate, key=self.pool.cost)
        return best

    def _beaten(self, law: Candidate, best: Assessed) -> bool:
        """Whether a formula with few constants predicts rows left out far better than the best supported candidate."""
        held_out, n = self._assessed(law).held_out ** 2, len(self.pool.judge.y)
        if ROWS_PER_CONSTANT * self.candidate(best).fitted > n:
            return False
        return n / 2 * math.log(held_out / max(best.held_out, 1e-300)) > _DOUBT_SEARCHED

    def contradicted(self, law: Candidate) -> bool:
        """Whether a law that leaves noise is doubtful: the rows do not determine its constants, residuals depend on
        the inputs, the network knows something of them, or the network or a formula predicts better.

        n/2 log(C / C') > doubt + log(n)/4 (complexity' - complexity)

        C is the held-out mean squared error; primes are the other's. Of the many formulas that evolution tries, some
        are better by chance: their doubt is larger.
        """
        approximation = self.approximation
        judged = approximation.consider_formula(law.expression, self.pool.origin(law))
        judge = self.pool.judge
        values = evaluate(law.expression, judge.names, judge.x)
        if judged is None or lack_of_fit(judge.x, judge.weight * (values - judge.y)) < _BY_CHANCE:
            return True
        if not Uncertainty.of(law.expression, judge.names, judge.x, judge.y, judge.weight).determined:
            return True
        half, size = len(self.pool.judge.y) / 2, complexity(law.expression)
        ceiling = approximation.ceiling
        if ceiling is not None:
            rows, network = ceiling.left_out()
            weight, there = judge.weight[rows], values[rows]
            chance = encompassing(weight * (judge.y[rows] - there), weight * (network - there))
            if chance < _MISSED or half * math.log(judged.held_out / ceiling.held_out**2) > _DOUBT:
                return True
        for found in approximation.front():
            longer = max(complexity(found.expression) - size, 0)
            limit = _DOUBT_SEARCHED + 0.5 * math.log(2 * half) * longer / 2
            if half * math.log(judged.held_out / max(found.held_out, 1e-300)) > limit:
                return True
        return False

    def candidate(self, found: Assessed) -> Candidate:
        """A formula as a candidate, its constants with as many digits as the rows determine."""
        judge = self.pool.judge
        expression = Uncertainty.of(found.expression, judge.names, judge.x, judge.y, judge.weight).shortened()
        error, held_out = math.sqrt(found.error), math.sqrt(found.held_out)
        self._origins[expression] = self.approximation.found[found.expression][1]
        return Candidate(expression, judge.names, error, complexity(expression), held_out)

    def front(self, best: Candidate) -> list[Candidate]:
        """The best candidate, and those that no other beats on rows left out with as few operations and constants."""
        exact, approximate = front(self.pool.candidates), self.approximation.front()
        every = [*map(self._assessed, exact), *map(self.candidate, approximate)]
        every = [c for c in every if self.context.gate.admits(c.expression) or not c.expression.free_symbols]
        for improved in _IMPROVED:
            kept = unbeaten(every, lambda c: (c.complexity, free_numbers(c.expression), c.held_out), improved)
            if len(kept) >= _SOME or best.error < EXACT:
                break
        kept = [each for each in kept if _form(each) != _form(best)]
        return sorted([*kept, best], key=lambda c: c.complexity)

    def unrounded(self, candidate: Candidate) -> Candidate:
        """Return a formula with all numbers but signs and exponents as they are fitted; an exact one as it is."""
        if candidate.error < EXACT:
            return candidate
        judge = self.pool.judge
        template, numbers = loosened(candidate.expression)
        data = FitData.of(judge.names, judge.x, judge.y, judge.weight)
        free = FreeFormula(template, tuple(numbers), tuple(numbers.values())).fit(data)
        fitted = pin_redundant(free, data).fitted(data)
        if not math.isfinite(fitted.error):
            return candidate
        self._origins[fitted.expression] = self.origin(candidate)
        size = complexity(fitted.expression)
        return self._assessed(Candidate(fitted.expression, judge.names, fitted.error, size))

    def plain_front(self, best: Candidate) -> list[Candidate]:
        """The candidates of the exact search by their errors on the rows: what there is when time is up."""
        kept = [c for c in front(self.pool.candidates) if c.expression != best.expression]
        return sorted([*kept, best], key=lambda c: c.complexity)

    def _assessed(self, candidate: Candidate) -> Candidate:
        """A candidate with its error on rows left out, infinite where it is undefined."""
        found = self.approximation.consider_formula(candidate.expression, self.pool.origin(candidate))
        return replace(candidate, held_out=math.inf if found is None else math.sqrt(found.held_out))


def _form(candidate: Candidate) -> str:
    """Return a formula as text without the values of its fitted constants."""
    return str(name_floats(shorten(candidate.expression, _SAME_DIGITS))[0])
