"""What is recommended of all formulas found, and the front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import sympy

from edgewise._typing import Formula
from edgewise.discovery.judging import (
    SPOKEN,
    Answer,
    Candidate,
    Evidence,
    Outcome,
    Rival,
    front,
    strays,
    wild,
)
from edgewise.discovery.knowledge import Sketch
from edgewise.discovery.search._approximation import GUESS, Approximation
from edgewise.discovery.search._assessment import Assessed
from edgewise.discovery.search._inquiry import Inquiry
from edgewise.discovery.search._laws import Laws, form_of
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.search._verdict import Verdict
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import (
    FitData,
    FreeFormula,
    Uncertainty,
    complexity,
    evaluate,
    free_numbers,
    loosened,
    pin_redundant,
)


class Ranking:
    """Ranks the candidates of the exact search, in the pool, and the formulas that approximate the table.

    Once time is up, only formulas count that were assessed before.
    """

    def __init__(self, inquiry: Inquiry, approximation: Approximation, *, interrupted: bool) -> None:
        self.approximation, self.pool, self.timed = approximation, inquiry.pool, inquiry.course.timed
        self.verdict = Verdict(inquiry, approximation, interrupted=interrupted)
        self._inquiry = inquiry
        self.rivals: list[Rival] = []
        self._origins: dict[Formula, str] = {}
        self._fine: dict[Formula, bool] = {}
        self._shortened: dict[Formula, Candidate] = {}

    def origin(self, candidate: Candidate) -> str:
        """Return the stage that a candidate came from."""
        return self._origins.get(candidate.expression) or self.pool.origin(candidate)

    def chosen(self) -> tuple[Candidate, Outcome, float]:
        """Return the best candidate, or a law of a textbook with about as much evidence; what it is, and the noise.

        A textbook's form takes the place of one that is claimed to leave only noise; then the rows do not rule out
        either.
        """
        best, outcome, noise = self._found()
        claimed = outcome in (Outcome.NOISE, Outcome.AMBIGUOUS)
        law = None if outcome is Outcome.EXACT else self._laws.instead_of(best, claimed=claimed)
        if law is None or _is_corrected(best, law):
            return best, outcome, noise
        if outcome is Outcome.NOISE:
            self.rivals, outcome = [Rival(best.expression, 0.0), *self.rivals], Outcome.AMBIGUOUS
        return law, outcome, noise

    @cached_property
    def _laws(self) -> Laws:
        given = self.verdict.view.given or 0.0
        return Laws(self._inquiry, self.approximation, given, self.candidate, self._is_fine)

    def _found(self) -> tuple[Candidate, Outcome, float]:
        """Return the best candidate, what it is claimed to be, and the noise.

        A law that is exact, or leaves only noise and leads all other forms, comes first. Else the formula that predicts
        best on rows left out and agrees with the network (`Assessor.cost`), or a simpler one that predicts as well.
        """
        law = self.pool.best()
        assert law is not None
        outcome, noise = self.verdict.claim(law)
        if self.timed and law.expression not in self.approximation.assessed:
            return self._approximation(self.hasty()[-1]), self.verdict.ended(), noise
        if not self.pool.gate.admits(law.expression):
            return self._approximation(law), self.verdict.ended(), noise
        if outcome is Outcome.EXACT:
            if not self.verdict.rounded(law):
                return self._assessed(law), self.verdict.ended(), noise
            return self._assessed(law), outcome if self.verdict.halved(law) else Outcome.TOO_FEW_ROWS, noise
        if outcome is Outcome.NOISE and not self.verdict.contradicted(law):
            return *self._claimed(law), noise
        for each in front(self.pool.candidates):
            self._assessed(each)
        best = self.approximation.best()
        few = outcome is Outcome.TOO_FEW_ROWS and len(self.pool.judge.y) < TUNING.many
        if best is None or (few and not self._beaten(law, best)):
            return self._assessed(law), outcome, noise
        doubted = outcome in (Outcome.UNSEEN, Outcome.TOO_FEW_ROWS) and not self.timed
        return self._approximation(law), outcome if doubted else self.verdict.ended(), noise

    def _claimed(self, law: Candidate) -> tuple[Candidate, Outcome]:
        """Return a law that leaves only noise, or one that is ahead of it, and whether it is the only one."""
        rows_each = 4  # for each constant, with which noise is claimed at all
        law, self.rivals = self.verdict.standing(law)
        law = self._assessed(law)
        if len(self.pool.judge.y) < rows_each * free_numbers(law.expression):
            return law, Outcome.TOO_FEW_ROWS
        if self.rivals and self.rivals[0].lead < 0:
            first, *others = self.rivals
            self.rivals = [Rival(law.expression, -first.lead), *others]
            return self._ahead(first), Outcome.AMBIGUOUS
        simplest = self._simplest(law, 1.0)
        if self.rivals or simplest is not law:
            return self._simplest(simplest), Outcome.AMBIGUOUS
        return law, Outcome.NOISE

    def _ahead(self, rival: Rival) -> Candidate:
        """Return a rival that has more evidence than a law as a candidate, to as many digits as the rows determine."""
        judge = self.pool.judge
        data = FitData.of(judge.names, judge.x, judge.y, judge.weight)
        expression = Uncertainty.of(rival.expression, judge.names, judge.x, judge.y, judge.weight).shortened()
        error = data.error(evaluate(expression, judge.names, judge.x))
        self._origins[expression] = "another form that explains the rows"
        return self._assessed(Candidate(expression, judge.names, error, complexity(expression)))

    def _approximation(self, law: Candidate) -> Candidate:
        """Return the formula that predicts best, or the simplest of those that predict as well."""
        best = self.approximation.best()
        if best is None:
            return self._assessed(law)
        return self._supported(self._unless_correlated(self._simplest(self.candidate(best))))

    def _supported(self, best: Candidate) -> Candidate:
        """Return the formula of the front with most evidence that predicts rows left out as well as a good one.

        That is up to a fifth of its error and two standard errors of the difference. A law that is only corrected
        stays. None is returned with a constant that its standard error exceeds, if there is another one: the good one
        without it is asked too.
        """
        chance, larger, contest = 2.0, 1.2, self.verdict.contest  # standard errors of the difference; times the error
        own = contest.entry(best.expression)
        every = [each for each in [*self._kept(best), *self._pared(best)] if each.expression.free_symbols]
        kept = [each for each in every if self._is_certain(each)]
        entries = [(each, contest.entry(each.expression)) for each in kept if not _is_corrected(best, each)]
        leads = [(contest.lead(own, entry), each) for each, entry in entries if own and entry]
        for lead, each in sorted(leads, key=lambda pair: pair[0]):
            near = each.held_out <= larger * best.held_out
            if lead < 0 and near and self.approximation.assessor.differ(each.expression, best.expression) <= chance:
                return each
        return best if best in kept else min(kept, key=lambda each: each.held_out, default=best)

    def _is_certain(self, candidate: Candidate) -> bool:
        """Return whether no constant of a formula has a standard error above its size."""
        judge = self.pool.judge
        found = Uncertainty.of(candidate.expression, judge.names, judge.x, judge.y, judge.weight)
        return candidate.error < EXACT or not _uncertain(found)

    def _pared(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield a formula with zero for the constants that their standard errors exceed, one by one, if it is fine."""
        judge, form = self.pool.judge, candidate.expression
        while unsure := _uncertain(found := Uncertainty.of(form, judge.names, judge.x, judge.y, judge.weight)):
            form = found.free.pinned(unsure[0], sympy.Integer(0)).fit(found.data).expression
        judged = (
            None if form == candidate.expression else self.approximation.consider_formula(form, self.origin(candidate))
        )
        short = None if judged is None or not self.pool.gate.admits(form) else self.candidate(judged)
        yield from [short] if short is not None and self._is_fine(short) else []

    def _unless_correlated(self, best: Candidate) -> Candidate:
        """Return a formula, or the likeliest one no longer, if one leaves correlated noise that the rows speak for.

        Rows left out here and there do not show it: their neighbors, which stay, tell of their noise.
        """
        corrected = 2.0  # times an error that what is correlated from row to row may be all of
        contest = self.verdict.contest
        own, likely, found = contest.entry(best.expression), [(SPOKEN, best)], False
        for each in self._every():
            entry = contest.entry(each.expression) if each.complexity <= best.complexity else None
            if own and entry and entry.error < corrected * own.error and self._is_fine(each):
                lead = contest.lead(entry, own)
                found = found or (entry.innovation < entry.error and lead > SPOKEN)
                likely.append((lead, each))
        return max(likely, key=lambda pair: pair[0])[1] if found else best

    def _simplest(self, best: Candidate, as_good: float = 1.01) -> Candidate:
        """Return the simplest formula that predicts as well as a good one, or is a law that it only corrects.

        Of formulas as long, that with fewer fitted constants is simpler: a^(3/2) than a^1.492.
        """
        ranks = {c.expression: (c.complexity, c.fitted) for c in (*self._every(), best)}
        own = ranks[best.expression]
        simpler = [c for c in self._every() if ranks[c.expression] < own and self._is_as_good(c, best, as_good)]
        return next((c for c in sorted(simpler, key=lambda c: ranks[c.expression]) if self._is_fine(c)), best)

    def _is_as_good(self, simple: Candidate, best: Candidate, as_good: float) -> bool:
        nearly = 1.03  # times the error on rows left out, within which a simpler formula is recommended, if ...
        worth = 0.5  # ... the log-likelihood of a unit of complexity that it saves is less than that
        lawlike, much_shorter = 1e-3, 0.6  # error of a law with corrections, and its complexity over theirs
        if _is_corrected(simple, best):
            return True
        ratio = max(simple.held_out, EXACT) / max(best.held_out, EXACT)
        if ratio <= as_good or as_good == 1:
            return ratio <= as_good
        shorter = best.complexity - simple.complexity
        likely = len(self.pool.judge.y) * math.log(ratio) < TUNING.earned + worth * shorter
        return (likely and ratio <= nearly) or (
            simple.held_out < lawlike and simple.complexity <= much_shorter * best.complexity
        )

    def _is_fine(self, candidate: Candidate, free: FreeFormula | None = None) -> bool:
        """Return whether the rows determine a formula's constants, and it does nothing between them unasked.

        free: the formula in the constants that are looked at; its own numbers where None.
        """
        form, judge = candidate.expression, self.pool.judge
        if form not in self._fine:
            rows = judge.names, judge.x, judge.y, judge.weight
            found = Uncertainty.of(form, *rows) if free is None else Uncertainty.of_free(free, *rows)
            calm = found.determined and not wild(form, judge.names, judge.x, judge.y)
            self._fine[form] = candidate.error < EXACT or calm
        return self._fine[form]

    def _beaten(self, law: Candidate, best: Assessed) -> bool:
        """Return whether a formula with few constants predicts rows left out far better than the best supported one."""
        held_out, n = self._assessed(law).held_out ** 2, len(self.pool.judge.y)
        if TUNING.per_constant * self.candidate(best).fitted > n:
            return False
        return n / 2 * math.log(held_out / max(best.held_out, 1e-300)) > TUNING.doubt_searched

    def candidate(self, found: Assessed) -> Candidate:
        """Return a formula as a candidate, its constants with as many digits as the rows determine."""
        if found.expression not in self._shortened:
            judge = self.pool.judge
            expression = Uncertainty.of(found.expression, judge.names, judge.x, judge.y, judge.weight).shortened()
            errors = math.sqrt(found.error), math.sqrt(found.held_out)
            self._origins[expression] = self.approximation.assessed[found.expression][1]
            short = Candidate(expression, judge.names, errors[0], complexity(expression), errors[1])
            self._shortened[found.expression] = short
        return self._shortened[found.expression]

    def _every(self) -> list[Candidate]:
        """Return the candidates that may be on the front, with their errors on rows left out."""
        every = [*map(self._assessed, front(self.pool.candidates)), *map(self.candidate, self.approximation.front())]
        admitted = [c for c in every if self.pool.gate.admits(c.expression) or not c.expression.free_symbols]
        return [c for c in admitted if not math.isnan(c.held_out)]

    def front(self, best: Candidate) -> list[Candidate]:
        """Return the best candidate, and those that no simpler one beats on rows left out.

        A longer one must earn its place by the log-likelihood of the rows left out. None is there whose constants the
        rows do not determine, or that does between the rows what they do not ask for. The likeliest law of a textbook
        is there too, unless the rows speak clearly against it, and up to two others that they hardly tell from it.
        """
        kept = self._kept(best)
        for law in self._laws.beside(best):
            kept = kept if any(self._laws.stands_for(each, law) for each in kept) else [*kept, law]
        return sorted(kept, key=lambda each: each.complexity)

    def _kept(self, best: Candidate) -> list[Candidate]:
        """Return the best candidate, and those that no simpler one beats and that are fine, simplest first."""
        every = [each for each in self._every() if form_of(each.expression) != form_of(best.expression)]
        while True:
            kept = self._unbeaten([*every, best], best)
            bad = {c.expression for c in kept if c is not best and c.expression.free_symbols and not self._is_fine(c)}
            if not bad:
                return kept
            every = [each for each in every if each.expression not in bad]

    def _unbeaten(self, every: Iterable[Candidate], best: Candidate) -> list[Candidate]:
        """Return the candidates that predict clearly better than all simpler ones, simplest first, and the best one."""
        kept: list[Candidate] = []
        half = len(self.pool.judge.y) / 2
        for each in sorted(every, key=lambda c: (c.complexity, c is not best, c.held_out)):
            last = kept[-1] if kept else None
            if each is best:
                kept = [c for c in kept if c.complexity < best.complexity]
            elif last is not None:
                ratio = max(each.held_out, EXACT) / max(last.held_out, EXACT)
                earned = TUNING.earned + TUNING.per_complexity * (each.complexity - last.complexity)
                if not (ratio < TUNING.improved and -half * 2 * math.log(max(ratio, 1e-300)) > earned):
                    continue
            kept.append(each)
        return kept

    def evidence(self, kept: list[Candidate], best: Candidate) -> Evidence:
        """Return how far the best candidate leads each of a front, and the likeliest of all other forms."""
        negligible = 12.0  # lead over forms whose weight is nothing
        contest, forms = self.verdict.contest, self.verdict.forms
        own = contest.entry(best.expression)
        if own is None:
            return Evidence((0.0,) * len(kept), ())
        shown = {form_of(each.expression) for each in kept}
        entries = [contest.entry(each.expression) for each in kept]
        leads = tuple(math.inf if each is None else contest.lead(own, each) for each in entries)
        others = contest.rivals(best.expression, forms, negligible)
        return Evidence(leads, tuple(each.lead for each in others if form_of(each.expression) not in shown))

    def answers(self, guessed: Mapping[Sketch, FreeFormula | None], best: Candidate) -> list[Answer]:
        """Return what became of each guess: its constants by name, and how far the best formula leads it."""
        return [self._answer(guess, free, best) for guess, free in guessed.items()]

    def _answer(self, guess: Sketch, free: FreeFormula | None, best: Candidate) -> Answer:
        if free is None:
            return Answer(guess.text, {}, None)
        judge, contest = self.pool.judge, self.verdict.contest
        fitted = Uncertainty.of_free(free, judge.names, judge.x, judge.y, judge.weight)
        found = self.approximation.consider_formula(free.expression, GUESS)
        held_out = math.nan if found is None else math.sqrt(found.held_out)
        candidate = Candidate(free.expression, judge.names, fitted.free.error, complexity(free.expression), held_out)
        own, other = contest.entry(best.expression), contest.entry(free.expression)
        if own is None or other is None:
            return Answer(guess.text, {}, None)
        lead, same = contest.lead(own, other), contest.alike(own, other)
        names = (
            str(s) if not s.is_Dummy else f"{start:g}" for s, start in zip(guess.constants, guess.starts, strict=True)
        )
        return Answer(guess.text, dict(zip(names, fitted.constants, strict=True)), candidate, lead, same)

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

    def hasty(self) -> list[Candidate]:
        """Return a front of what was assessed, the best last, without further fits: what there is when time is up.

        Where nothing was, the candidates of the exact search are it, without errors on rows left out.
        """
        found = [each for each, _ in self.approximation.assessed.values()]
        sized = sorted(
            ((complexity(each.expression), each) for each in found), key=lambda pair: (pair[0], pair[1].held_out)
        )
        judge, kept = self.pool.judge, [self._mean()]
        for size, each in sized:
            if size > self.approximation.readable or math.sqrt(each.held_out) >= TUNING.improved * kept[-1].held_out:
                continue
            if each.error < EXACT**2 or not strays(each.expression, judge.names, judge.x, judge.y):
                errors = math.sqrt(each.error), math.sqrt(each.held_out)
                kept.append(Candidate(each.expression, judge.names, errors[0], size, errors[1]))
        return kept if len(kept) > 1 else [*kept, *self._unassessed()]

    def _unassessed(self) -> Iterator[Candidate]:
        """Yield the readable candidates of the exact search that are better than the constant and than shorter ones."""
        judge = self.pool.judge
        least = TUNING.improved * self._mean().error
        for each in front(self.pool.candidates):
            readable = each.expression.free_symbols and each.complexity <= self.approximation.readable
            if readable and each.error < least and not strays(each.expression, judge.names, judge.x, judge.y):
                least = TUNING.improved * each.error
                yield replace(each, held_out=math.nan)

    def _mean(self) -> Candidate:
        """Return the constant, whose error on rows left out is known without a fit."""
        constant = next(c for c in self.pool.candidates if not c.expression.free_symbols)
        return replace(constant, held_out=constant.error * (1 + 1 / len(self.pool.judge.y)))

    def _assessed(self, candidate: Candidate) -> Candidate:
        """Return a candidate with its error on rows left out, infinite where it is undefined, nan for want of time."""
        if self.timed and candidate.expression not in self.approximation.assessed:
            return candidate if candidate.expression.free_symbols else self._mean()
        found = self.approximation.consider_formula(candidate.expression, self.pool.origin(candidate))
        return replace(candidate, held_out=math.inf if found is None else math.sqrt(found.held_out))


def _is_corrected(law: Candidate, longer: Candidate) -> bool:
    """Return whether a formula is a law to four digits, and one of more constants adds less than a digit to it."""
    known = EXACT <= law.held_out < TUNING.known and law.fitted <= TUNING.convincing < longer.fitted
    return known and longer.held_out > TUNING.digit * law.held_out


def _uncertain(found: Uncertainty) -> list[int]:
    """Return the numbers of the constants that their standard errors exceed, that of the largest ratio first."""
    ratios = [(abs(each.value) / each.error if each.error else math.inf, k) for k, each in enumerate(found.constants)]
    return [k for ratio, k in sorted(ratios) if ratio < 1]
