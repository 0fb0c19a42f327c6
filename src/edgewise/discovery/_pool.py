"""The candidates found so far, what noise they are judged against, and when to stop."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import cache

from edgewise._typing import Formula
from edgewise.discovery._candidate import Candidate, Judge, price
from edgewise.discovery._evidence import ENOUGH, telling
from edgewise.discovery._monomials import EXACT, adequate


class Doubt(enum.Enum):
    """Why a formula that leaves nothing, or only noise, is not claimed."""

    CHANCE = enum.auto()
    GAPS = enum.auto()


class Pool:
    """Candidates on one table. `noise` is over the target's spread; 0 means none is known of."""

    def __init__(self, judge: Judge, noise: float) -> None:
        self.judge, self.noise = judge, noise
        self.candidates: list[Candidate] = []
        self._origin: dict[Formula, str] = {}
        self._seen: set[tuple[Formula, float]] = set()
        self.saved = cache(judge.saved)
        self._gaps = cache(judge.gaps)

    def consider(self, formulas: Iterable[Formula], stage: str) -> None:
        """Judge formulas, until one is exact."""
        for formula in formulas:
            if (formula, self.noise) in self._seen:
                continue
            self._seen.add((formula, self.noise))
            candidate = self.judge.judged(formula, self.noise)
            if candidate is not None:
                self.candidates.append(candidate)
                self._origin.setdefault(candidate.expression, stage)
                if candidate.error < EXACT and self.claimed(candidate):
                    return

    def assume(self, noise: float) -> None:
        """Take a noise level (0: none after all), and round the candidates that come near it again."""
        self.noise = noise
        for old in [c for c in self.candidates if c.error < 3 * noise]:
            again = self.judge.judged(old.expression, noise)
            if again is not None and again.expression != old.expression:
                self.candidates.append(again)
                self._origin.setdefault(again.expression, self.origin(old))

    def origin(self, candidate: Candidate) -> str:
        return self._origin.get(candidate.expression, "a first guess")

    def margin(self) -> float:
        """The error up to which a formula leaves only noise."""
        return adequate(self.noise, len(self.judge.y))

    def reaches(self, candidate: Candidate) -> bool:
        """Whether a candidate is exact, or leaves only noise, on the rows."""
        return candidate.error < EXACT or candidate.error <= self.margin()

    def doubt(self, candidate: Candidate) -> Doubt | None:
        """Why a candidate is no law though it fits, if so: a constant is none where a line would not be seen either."""
        if not candidate.expression.free_symbols:
            return None if telling(len(self.judge.y), len(self.judge.names)) else Doubt.CHANCE
        if self.saved(candidate) < ENOUGH:
            return Doubt.CHANCE
        return Doubt.GAPS if self._gaps(candidate) else None

    def claimed(self, candidate: Candidate) -> bool:
        """Whether a candidate is exact, or leaves only noise, and rows to spare show that."""
        return self.reaches(candidate) and self.doubt(candidate) is None

    def exact(self) -> bool:
        """Whether a candidate that can be claimed is exact to rounding."""
        return any(c.error < EXACT and self.claimed(c) for c in self.candidates)

    def done(self) -> bool:
        """Whether a candidate that can be claimed is exact, or leaves only noise."""
        return any(self.claimed(c) for c in self.candidates)

    def doubted(self, best: Candidate) -> Doubt | None:
        """Why nothing is claimed though the best candidate fits, or another one does that is no better than chance."""
        if self.reaches(best):
            return self.doubt(best)
        chance = any(self.reaches(c) and self.doubt(c) is Doubt.CHANCE for c in self.candidates)
        return Doubt.CHANCE if chance else None

    def best(self) -> Candidate | None:
        """The cheapest candidate; where it does not save the bits to be told from chance, the one that saves most."""
        if not self.candidates:
            return None
        likely = self.candidates
        if self.done():
            likely = [c for c in likely if not self.reaches(c) or self.doubt(c) is not Doubt.GAPS]
        cheapest = min(likely, key=self._price)
        most = max(likely, key=lambda c: (self.saved(c), -self._price(c)))
        noisy = EXACT <= cheapest.error <= self.margin()  # what fits noise well may fit it too well
        enough = max(ENOUGH, self.saved(most) - ENOUGH) if noisy else ENOUGH
        return cheapest if self.saved(cheapest) >= enough else most

    def cheapest(self) -> Candidate | None:
        """The cheapest candidate, whether it can be told from chance or not."""
        return min(self.candidates, key=self._price, default=None)

    def _price(self, candidate: Candidate) -> float:
        return price(candidate, self.noise, len(self.judge.y))
