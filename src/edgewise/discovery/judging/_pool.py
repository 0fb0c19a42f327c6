"""The candidates of one table."""

from collections.abc import Iterable, Mapping
from functools import cache

from edgewise._typing import Formula
from edgewise.discovery.judging._candidate import Candidate
from edgewise.discovery.judging._evidence import ENOUGH, criterion, telling
from edgewise.discovery.judging._judge import Judge
from edgewise.discovery.judging._outcome import Outcome
from edgewise.discovery.knowledge import Gate
from edgewise.discovery.tables import EXACT, adequate


class Pool:
    """Candidates on one table. `noise` is over the target's spread; 0 means none is known of.

    `origins` holds the stages that formulas came from, also those of other tables.
    """

    def __init__(
        self, judge: Judge, noise: float, gate: Gate, origins: Mapping[Formula, str] | None = None
    ) -> None:  # fmt: skip
        self.judge, self.noise, self.gate = judge, noise, gate
        self.candidates: list[Candidate] = []
        self.origins = dict(origins or {})
        self._seen: set[tuple[Formula, float]] = set()
        self.saved = cache(judge.saved)
        self._gaps = cache(judge.gaps)

    def consider(self, formulas: Iterable[Formula], stage: str, *, claims: bool = False) -> None:
        """Judge formulas, until one is exact. With `claims`, those that can't be claimed are not kept.

        Constants are left out: the mean is a candidate from the start.
        """
        for formula in formulas:
            if (formula, self.noise) in self._seen:
                continue
            self._seen.add((formula, self.noise))
            candidate = self.judged(formula)
            if candidate is None or not candidate.expression.free_symbols:
                continue
            if not claims or self.claimed(candidate):
                self.candidates.append(candidate)
                self.origins.setdefault(candidate.expression, stage)
                if candidate.error < EXACT and self.claimed(candidate):
                    return

    def judged(self, formula: Formula) -> Candidate | None:
        """A formula as a candidate; None where it does not describe the table, or is not as it has to be."""
        candidate = self.judge.judged(formula, self.noise, keep_form=self.gate.keeps_form)
        if candidate is None or self.passes(candidate):
            return candidate
        if self.judge.two_valued:  # as a line it may lack the units that it had
            same = self.judge.judged(formula, self.noise, keep_form=True)
            if same is not None and self.passes(same):
                return same
        return self.mended(candidate.expression)

    def passes(self, candidate: Candidate) -> bool:
        """Whether a candidate is as it has to be, or a constant: something must be left to compare with."""
        return not candidate.expression.free_symbols or self.gate.admits(candidate.expression)

    def mended(self, expression: Formula) -> Candidate | None:
        """A formula that is turned away, in a form that passes: see `Gate.mended`; None if there is none."""
        mended = 3  # tries to mend a formula
        for _ in range(mended):
            free = self.gate.mended(expression)
            candidate = None if free is None else self.judge.measured(free)
            if candidate is None or self.gate.admits(candidate.expression):
                return candidate
            expression = candidate.expression
        return None

    def assume(self, noise: float) -> None:
        """Take a noise level (0: none after all), and round the candidates that come near it again."""
        self.noise = noise
        for old in [c for c in self.candidates if c.error < 3 * noise]:
            again = self.judged(old.expression)
            if again is not None and again.expression != old.expression:
                self.candidates.append(again)
                self.origins.setdefault(again.expression, self.origin(old))

    def origin(self, candidate: Candidate) -> str:
        return self.origins.get(candidate.expression, "a first guess")

    def margin(self) -> float:
        """The error up to which a formula leaves only noise."""
        return adequate(self.noise, len(self.judge.y))

    def reaches(self, candidate: Candidate) -> bool:
        """Whether a candidate is exact, or leaves only noise, on the rows."""
        return candidate.error < EXACT or candidate.error <= self.margin()

    def doubt(self, candidate: Candidate) -> Outcome | None:
        """Why a candidate is no law though it fits, if so: a constant is none where a line would not be seen either."""
        if not candidate.expression.free_symbols:
            return None if telling(len(self.judge.y), len(self.judge.names)) else Outcome.TOO_FEW_ROWS
        if self.saved(candidate) < ENOUGH:
            return Outcome.TOO_FEW_ROWS
        return Outcome.UNSEEN if self._gaps(candidate) else None

    def claimed(self, candidate: Candidate) -> bool:
        """Whether a candidate is exact, or leaves only noise, and rows to spare show that."""
        return self.reaches(candidate) and self.doubt(candidate) is None

    def exact(self) -> Candidate | None:
        """Return the first candidate that can be claimed and is exact to rounding."""
        return next((c for c in self.candidates if c.error < EXACT and self.claimed(c)), None)

    def claim(self) -> Candidate | None:
        """Return the first candidate that can be claimed: it is exact, or leaves only noise."""
        return next((c for c in self.candidates if self.claimed(c)), None)

    def doubted(self, best: Candidate) -> Outcome | None:
        """Why nothing is claimed though the best candidate fits, or another one does that is no better than chance."""
        if self.reaches(best):
            return self.doubt(best)
        chance = any(self.reaches(c) and self.doubt(c) is Outcome.TOO_FEW_ROWS for c in self.candidates)
        return Outcome.TOO_FEW_ROWS if chance else None

    def best(self) -> Candidate | None:
        """The cheapest candidate; where it does not save the bits to be told from chance, the one that saves most."""
        if not self.candidates:
            return None
        likely = [c for c in self.candidates if self.gate.admits(c.expression)] or self.candidates
        if self.claim() is not None:
            likely = [c for c in likely if not self.reaches(c) or self.doubt(c) is not Outcome.UNSEEN]
        cheapest = min(likely, key=self.cost)
        most = max(likely, key=lambda c: (self.saved(c), -self.cost(c)))
        noisy = EXACT <= cheapest.error <= self.margin()  # what fits noise well may fit it too well
        shorter = cheapest.complexity < most.complexity  # what is shorter does not fit too well
        enough = max(ENOUGH, self.saved(most) - ENOUGH) if noisy and not shorter else ENOUGH
        return cheapest if self.saved(cheapest) >= enough else most

    def cheapest(self, most: int) -> Candidate | None:
        """The cheapest candidate of at most that complexity, whether it can be told from chance or not."""
        short = [candidate for candidate in self.candidates if candidate.complexity <= most]
        return min(short or self.candidates, key=self.cost, default=None)

    def cost(self, candidate: Candidate) -> float:
        """What a formula costs. A constant that was rounded to an exact number is not fitted."""
        size = candidate.complexity + candidate.fitted
        return criterion(candidate.error, size, len(self.judge.y), self.noise)
