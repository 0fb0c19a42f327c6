"""What is claimed of the best formula of the exact search: whether it is a law, and the only one."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from edgewise._typing import Array, Formula
from edgewise.discovery.judging import Candidate, Contest, Outcome, Rival, as_given, encompassing
from edgewise.discovery.residuals import inspect
from edgewise.discovery.search._approximation import Approximation
from edgewise.discovery.search._inquiry import Inquiry
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import FitData, FreeFormula, Tape, Uncertainty, complexity, evaluate, loosened


class Verdict:
    """Judges the candidates of the pool against all forms that have been found by the first time it is asked."""

    def __init__(self, inquiry: Inquiry, approximation: Approximation, *, interrupted: bool = False) -> None:
        self.inquiry, self.approximation, self.interrupted = inquiry, approximation, interrupted
        self.pool, self.view = inquiry.pool, inquiry.view

    @cached_property
    def contest(self) -> Contest:
        """What compares forms on the rows they are judged by."""
        judge = self.pool.judge
        data = FitData.of(judge.names, judge.x, judge.y, judge.weight)
        return Contest(data, self.view.given or 0.0)

    @cached_property
    def forms(self) -> list[tuple[Formula, float]]:
        """Every formula that was judged, guesses too, with its error on the rows."""
        found = [(each.expression, each.error) for each in self.pool.candidates]
        found += [(form, math.sqrt(each.error)) for form, (each, _) in self.approximation.assessed.items()]
        return [(form, error) for form, error in found if self.pool.gate.admits(form)]

    def claim(self, best: Candidate) -> tuple[Outcome, float]:
        """Return what the best candidate is claimed to be by itself, and the noise; no other form is looked at."""
        clear = 0.02  # noise is claimed where it is less than that, or is given, or where the rows are ...
        noise, n, given = self.pool.noise, len(self.pool.judge.y), self.view.given
        enough = max(TUNING.many, TUNING.per_input * len(self.view.table.names))
        if self.pool.claimed(best) and (best.error < clear or n >= enough or given is not None):
            if best.error < EXACT:
                return Outcome.EXACT, noise
            fitted = best.error * math.sqrt(n / max(n - best.fitted, 1))
            return Outcome.NOISE, min(noise, fitted) if given is None else noise
        doubted = self.pool.doubted(best)
        return (self.ended(), noise) if doubted is None else (doubted, given or 0.0)

    def ended(self) -> Outcome:
        """Return why the search ended without a law."""
        if self.interrupted:
            return Outcome.INTERRUPTED
        return Outcome.TIME_LIMIT if self.inquiry.course.timed else Outcome.APPROXIMATE

    def standing(self, law: Candidate) -> tuple[Candidate, list[Rival]]:
        """Return the law, or a rival that is ahead of it and may be claimed too, and what the rows do not rule out."""
        turns = 3  # in which a rival that is ahead takes the place of a law
        contest, forms = self.contest, self.forms
        rivals = contest.rivals(law.expression, forms)
        for _ in range(turns):
            ahead = self.pool.judged(rivals[0].expression) if rivals and rivals[0].lead < 0 else None
            if ahead is None or not self.pool.claimed(ahead) or self.contradicted(ahead):
                break
            law, rivals = ahead, contest.rivals(ahead.expression, forms)
        return law, rivals

    def rounded(self, law: Candidate) -> bool:
        """Return whether an exact law leaves rounding: next to nothing, or what depends on no input.

        A sum of a few smooth functions comes close to another one, and what it leaves is smooth as well.
        """
        rounding = 1e-12  # of the standard deviation: that much is always rounding
        judge = self.pool.judge
        if law.error <= rounding:
            return True
        left = evaluate(law.expression, judge.names, judge.x) - judge.y
        return not inspect(judge.x, judge.weight * left, ordered=False).misfit

    def halved(self, law: Candidate) -> bool:
        """Return whether each of two halves of the rows gives the constants of an exact law: the other follows it.

        Constants are moved and fitted again on one half, so that one that the half does not determine stays off. Rows
        of the same inputs are in the same half: as many constants as there are different rows fit anything.
        """
        shift, back = 1e-3, 1e-3  # of constants, and what may be left of the error that this makes on the other half
        splits = 5  # into halves, of which one must do
        judge = self.pool.judge
        template, numbers = loosened(law.expression)
        moved = tuple(value * (1 + shift * (-1) ** k) for k, value in enumerate(numbers.values()))
        free = FreeFormula(template, tuple(numbers), moved)
        data, rng = FitData.of(judge.names, judge.x, judge.y, judge.weight), np.random.default_rng(0)
        tape = Tape(template, judge.names, free.symbols)

        def follows(half: Array) -> bool:
            other = data.rows(~half)
            off = other.error(tape.values(other.columns, moved))
            return other.error(tape.values(other.columns, free.fit(data.rows(half)).values)) <= max(back * off, EXACT)

        place = np.unique(judge.x, axis=0, return_index=True, return_inverse=True)
        alike = np.argsort(np.argsort(place[1]))[
            place[2].ravel()
        ]  # the number of each row's inputs, as they first come
        for _ in range(splits):  # a rare level of a category may be in one half only
            half = (rng.permutation(len(place[1])) % 2 == 0)[alike]
            if follows(half) and follows(~half):
                return True
        return False

    def contradicted(self, law: Candidate) -> bool:
        """Return whether a law that leaves noise is doubtful.

        The rows do not determine its constants, residuals are not as large as given or depend on inputs, the network
        knows something of them, or the network or a formula predicts better:

        n/2 log(C / C') > doubt + log(n)/4 (complexity' - complexity)

        C is the held-out mean squared error; primes are the other's. Of the many formulas that evolution tries, some
        are better by chance: their doubt is larger.
        """
        missed = 0.005  # that noise alone lets the network know as much of the residuals
        approximation = self.approximation
        judged = approximation.consider_formula(law.expression, self.pool.origin(law))
        judge = self.pool.judge
        values = evaluate(law.expression, judge.names, judge.x)
        if judged is None or inspect(judge.x, judge.weight * (values - judge.y), ordered=False).misfit:
            return True
        if self.view.table.noise.known and not as_given(judge.weight * (values - judge.y), law.fitted):
            return True
        if not Uncertainty.of(law.expression, judge.names, judge.x, judge.y, judge.weight).determined:
            return True
        half, size = len(self.pool.judge.y) / 2, complexity(law.expression)
        ceiling = approximation.ceiling
        if ceiling is not None:
            rows, network = ceiling.left_out()
            weight, there = judge.weight[rows], values[rows]
            chance = encompassing(weight * (judge.y[rows] - there), weight * (network - there))
            if chance < missed or half * math.log(judged.held_out / ceiling.held_out**2) > TUNING.doubt:
                return True
        for found in approximation.front():
            longer = max(complexity(found.expression) - size, 0)
            limit = TUNING.doubt_searched + 0.5 * math.log(2 * half) * longer / 2
            if half * math.log(judged.held_out / max(found.held_out, 1e-300)) > limit:
                return True
        return False
