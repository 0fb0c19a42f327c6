"""The laws of textbooks that a table allows, next to the formulas that a search found."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import sympy

from edgewise._typing import Formula
from edgewise.discovery.generators import Textbook
from edgewise.discovery.judging import LEAD, SPOKEN, Candidate, Contest, Entry
from edgewise.discovery.search._approximation import FORM, Approximation
from edgewise.discovery.search._assessment import Assessed
from edgewise.discovery.search._inquiry import Inquiry
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import FitData, FreeFormula, name_floats, shorten


class Laws:
    """Compares laws of textbooks with other formulas, in the noise `given`.

    `candidate` returns a formula that was assessed as a candidate; `is_fine` whether the rows determine its constants,
    those of a free formula, and it does nothing between them unasked. Once time is up, only laws count that were
    assessed before.
    """

    def __init__(
        self, inquiry: Inquiry, approximation: Approximation, given: float,
        candidate: Callable[[Assessed], Candidate], is_fine: Callable[[Candidate, FreeFormula], bool],
    ) -> None:  # fmt: skip
        self.approximation, self.pool, self.timed = approximation, inquiry.pool, inquiry.course.timed
        self._inquiry, self._candidate, self._is_fine = inquiry, candidate, is_fine
        judge = self.pool.judge
        self._data = FitData.of(judge.names, judge.x, judge.y, judge.weight)
        self._given = given

    @cached_property
    def _codes(self) -> dict[Formula, tuple[float, int]]:
        return {} if self.pool.exact() is not None else self._inquiry.naming.codes

    @cached_property
    def _textbook(self) -> dict[Formula, Textbook]:
        return self._inquiry.naming.laws

    @cached_property
    def _contest(self) -> Contest:
        """What compares forms with laws, which need no description besides their names."""
        return Contest(self._data, self._given, self._codes)

    def instead_of(self, best: Candidate, *, claimed: bool) -> Candidate | None:
        """Return the law that may take the place of a formula of another form, if one may.

        Of the laws near the likeliest one, it is that which is likely and predicts rows left out, or a special case
        that it hardly leads. A formula stays that is such a law by about as much, is a special case that a law does not
        lead, clearly if it is claimed to leave only noise, or predicts rows left out clearly better.
        """
        near = self._near(best, TUNING.named)
        merits = {each.expression: lead + 2 * self._data.n * math.log(each.held_out or EXACT) for each, lead in near}
        own = next((law for law, _ in near if self._is(law, best)), None)
        least = math.inf if own is None else merits[own.expression] - TUNING.hardly
        found: list[tuple[float, float, Candidate | None]] = []
        for law, lead in near:
            merit = merits[law.expression]
            if own is None and self._holds(law, best):
                less = self._leaves_less(law, best, SPOKEN if claimed else 0.0)
                found.append((lead, merit, law if less else None))
            elif merit < least and self._earns(law, own or best, SPOKEN if own is None else TUNING.more):
                found.append((lead, merit, law))
        fit = [each for each in found if each[2] is None or not self._predicts_worse(each[2], best)]
        likely = [each for each in fit if each[0] <= fit[0][0] + SPOKEN]
        lead, _, law = min(likely, key=lambda each: each[1], default=(0.0, 0.0, None))
        if law is None:
            return None
        return next((one for at, _, one in likely if one and at <= lead + TUNING.more and self._is_case(one, law)), law)

    def _is(self, law: Candidate, one: Candidate) -> bool:
        """Return whether a formula is a law, with all of its constants."""
        same, entry = form_of(law.expression) == form_of(one.expression), self._contest.entry(one.expression)
        return same and entry is not None and len(entry.free.values) >= self._count(law)

    def _count(self, law: Candidate) -> int:
        return len(self._textbook[law.expression].free.values)

    def _is_case(self, one: Candidate, law: Candidate) -> bool:
        """Return whether a law is another one of fewer constants: a special case of it."""
        return self._count(one) < self._count(law) and self._holds(law, one)

    def _leaves_less(self, law: Candidate, one: Candidate, by: float) -> bool:
        """Return whether the rows speak for the constants that a law has more than a formula, by some evidence."""
        own, other = self._contest.entry(one.expression), self._contest.entry(law.expression)
        if own is None or other is None:
            return False
        more = self._count(law) - len(own.free.values)
        return self._contest.likelier(other, own) > more * math.log(self._data.n) + by

    def _predicts_worse(self, law: Candidate, best: Candidate) -> bool:
        """Return whether rows left out speak against a law: by its error there, more than chance has it."""
        worse, errors = 1.1, 2.0  # times the error; standard errors of the difference of mean squares
        far = law.held_out > worse * best.held_out
        if not far or self.timed:
            return far
        return self.approximation.assessor.differ(law.expression, best.expression) > errors

    def beside(self, best: Candidate) -> list[Candidate]:
        """Return the likeliest of the laws of other forms that a formula does not lead by far, and up to two others.

        The others are those that the rows hardly tell from it, nor from the formula.
        """
        most, contest = 3, self._contest
        laws = [each for each, _ in self._near(best, LEAD) if form_of(each.expression) != form_of(best.expression)]
        entries = [contest.entry(each.expression) for each in laws]
        own = contest.entry(best.expression)
        near = [
            each for each, entry in zip(laws, entries, strict=True)
            if entry and entries[0] and contest.plain_lead(entries[0], entry) <= SPOKEN
            and (entry is entries[0] or own is None or contest.plain_lead(own, entry) <= TUNING.named)
        ]  # fmt: skip
        return near[:most]

    def stands_for(self, one: Candidate, law: Candidate) -> bool:
        """Return whether a formula is a law, or a special case of it that the law does not lead."""
        contest = self._contest
        own, other = contest.entry(law.expression), contest.entry(one.expression)
        leads = own is not None and other is not None and contest.plain_lead(own, other) > 0
        return not leads and self._holds(law, one)

    def _holds(self, law: Candidate, other: Candidate) -> bool:
        """Return whether a formula is a special case of a law: of rounded constants, exponents, or fewer terms."""
        return self._textbook[law.expression].at(other.predict(self.pool.judge.x), self._data) is not None

    def _earns(self, law: Candidate, best: Candidate, clearly: float) -> bool:
        """Return whether a law may take the place of a formula: it has no more constants, or one and leads `clearly`.

        It may have any number if it leaves clearly less, rows are many and its inputs are no other quantities, but only
        one more than lines and planes: these are tried before all laws, and have no name.
        """
        rows_each = 10  # for each constant, that are many
        contest = self._contest
        own, other = contest.entry(best.expression), contest.entry(law.expression)
        if own is None or other is None:
            return False
        more, less = self._count(law) - max(len(own.free.values), 1), self._leaves_less(law, best, SPOKEN)
        symbols = [sympy.Symbol(name) for name in self.pool.judge.names]
        if best.expression.is_polynomial(*symbols) and sympy.Poly(best.expression, *symbols).total_degree() <= 1:
            return more <= 1 and less
        clear = max(contest.plain_lead(own, other), contest.lead(own, other)) <= -clearly
        many = rows_each * self._count(law) <= self._data.n and self._textbook[law.expression].fits
        return more <= clear or (less and many)

    def _near(self, best: Candidate, behind: float) -> list[tuple[Candidate, float]]:
        """Return the laws that the best formula does not lead by more, and by how much it does, the likeliest first.

        It has to lead both if noise may be correlated from row to row, and if it is not.
        """
        if best.error < EXACT:
            return []
        laws, contest = self._sound, self._contest  # the laws first: the best formula may be one
        own = contest.entry(best.expression)
        if own is None:
            return []
        found = [(contest.plain_lead(own, other), contest.lead(own, other), each) for each, other in laws]
        found.sort(key=lambda lead: lead[0])
        return [(each, plain) for plain, lead, each in found if min(plain, lead) <= behind]

    @cached_property
    def _sound(self) -> list[tuple[Candidate, Entry]]:
        """The likely laws that do nothing between the rows unasked."""
        found = []
        for form, code in list(self._codes.items()):
            judged = self._assessed(form)
            if judged is not None and self.pool.gate.admits(form) and self.approximation.possible(form):
                law = self._candidate(judged)
                self._codes[law.expression], self._textbook[law.expression] = code, self._textbook[form]
                entry = self._contest.entry(law.expression)
                own = self._textbook[form]
                better = law.held_out < 1 and own.uses_all(self._data)
                if entry is not None and better and self._is_fine(law, own.apart(self._data)):
                    found.append((law, entry))
        return found

    def _assessed(self, form: Formula) -> Assessed | None:
        if not self.timed:
            return self.approximation.consider_formula(form, FORM)
        known = self.approximation.assessed.get(form)
        return None if known is None else known[0]


def form_of(expression: Formula) -> str:
    """Return a formula as text without the values of its fitted constants."""
    same_digits = 2  # to which formulas are compared with the best one
    return str(name_floats(shorten(expression, same_digits))[0])
