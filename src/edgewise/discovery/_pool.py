"""The candidates found so far, what noise they are judged against, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edgewise._typing import Formula
from edgewise.discovery._candidate import EXACT, Candidate, Judge, price


class Pool:
    """Candidates on one table. `noise` is over the target's spread; 0 means none is known of."""

    def __init__(self, judge: Judge, noise: float) -> None:
        self.judge, self.noise = judge, noise
        self.candidates: list[Candidate] = []
        self._origin: dict[Formula, str] = {}
        self._seen: set[tuple[Formula, float]] = set()

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
                if candidate.error < EXACT:
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
        return self.noise * (1.05 + 1.5 / math.sqrt(len(self.judge.y))) if self.noise else 0.0

    def exact(self) -> bool:
        """Whether a candidate is exact to rounding."""
        return any(c.error < EXACT for c in self.candidates)

    def done(self) -> bool:
        """Whether a candidate is exact, or leaves only noise."""
        return any(c.error < max(EXACT, self.margin()) for c in self.candidates)

    def best(self) -> Candidate | None:
        return min(self.candidates, key=lambda c: price(c, self.noise, len(self.judge.y)), default=None)
