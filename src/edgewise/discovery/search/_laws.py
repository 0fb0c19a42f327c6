"""The laws of textbooks that a table allows, next to the formulas that a search found."""

from __future__ import annotations

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
from edgewise.formulas.expressions import FitData, name_floats, shorten


class Laws:
    """Compares laws of textbooks with other formulas, in the noise `given`.

    `candidate` returns a formula that was assessed as a candidate; `is_fine` whether the rows determine its constants,
    and it does nothing between them unasked. Once time is up, only laws count that were assessed before.
    """

    def __init__(
        self, inquiry: Inquiry, approximation: Approximation, given: float,
        candidate: Callable[[Assessed], Candidate], is_fine: Callable[[Candidate], bool],
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

    def instead_of(self, best: Candidate) -> Candidate | None:
        """Return the likeliest law, if it may take the place of a formula of another form.

        It does not where the formula is a special case of it, or predicts rows left out clearly better.
        """
        worse = 1.1  # times the error on rows left out
        law = next(iter(self._near(best, TUNING.named)), None)
        if law is None or form_of(law.expression) == form_of(best.expression):
            return None
        if self._holds(law, best) or not self._earns(law, best) or law.held_out > worse * best.held_out:
            return None
        return law

    def beside(self, best: Candidate) -> list[Candidate]:
        """Return the likeliest of the laws of other forms that a formula does not lead by far, and up to two others.

        The others are those that the rows hardly tell from it, nor from the formula.
        """
        most, contest = 3, self._contest
        laws = [each for each in self._near(best, LEAD) if form_of(each.expression) != form_of(best.expression)]
        entries = [contest.entry(each.expression) for each in laws]
        own = contest.entry(best.expression)
        near = [
            each for each, entry in zip(laws, entries, strict=True)
            if entry and entries[0] and contest.plain_lead(entries[0], entry) <= SPOKEN
            and (entry is entries[0] or own is None or contest.plain_lead(own, entry) <= TUNING.named)
        ]  # fmt: skip
        return near[:most]

    def stands_for(self, one: Candidate, law: Candidate) -> bool:
        """Return whether a formula is a law, or a special case of it that the law hardly leads."""
        contest = self._contest
        own, other = contest.entry(law.expression), contest.entry(one.expression)
        leads = own is not None and other is not None and contest.plain_lead(own, other) > TUNING.hardly
        return not leads and self._holds(law, one)

    def _holds(self, law: Candidate, other: Candidate) -> bool:
        """Return whether a formula is a special case of a law: of rounded constants, exponents, or fewer terms."""
        return self._textbook[law.expression].at(other.predict(self.pool.judge.x), self._data) is not None

    def _earns(self, law: Candidate, best: Candidate) -> bool:
        """Return whether a law may take the place of a formula: it has no more constants, and does better than a line.

        In place of others than lines it may have one more if it leads clearly. Lines and planes are tried before all
        laws, and have no name.
        """
        contest = self._contest
        own, other = contest.entry(best.expression), contest.entry(law.expression)
        count = len(self._textbook[law.expression].free.values)
        if own is None or other is None:
            return False
        symbols = [sympy.Symbol(name) for name in self.pool.judge.names]
        if best.expression.is_polynomial(*symbols) and sympy.Poly(best.expression, *symbols).total_degree() <= 1:
            return count <= max(len(own.free.values), 1) and other.error < own.error
        clear = max(contest.plain_lead(own, other), contest.lead(own, other)) <= -SPOKEN
        return count <= max(len(own.free.values), 1) + clear

    def _near(self, best: Candidate, behind: float) -> list[Candidate]:
        """Return the laws that the best formula does not lead by more, the likeliest first.

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
        return [each for plain, lead, each in found if min(plain, lead) <= behind]

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
                if entry is not None and self._is_fine(law):
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
