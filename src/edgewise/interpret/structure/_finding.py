"""What a test says: a statistic, its threshold, a verdict and a sentence."""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edgewise.interpret.symmetries import Measured

#: a statistic may exceed what the surrogate's error alone gives by this factor
SPREADS = 3.0
FLOOR = 3e-3
"""Statistics below this count as zero, whatever the error of the surrogate."""
CAP = 0.15
"""A threshold above this cannot tell a structure from its absence."""


Kind = Literal[
    "irrelevant", "additive", "multiplicative", "separable", "combined", "offset_product",
    "translation", "scaling", "power_sum", "monomial", "exponential",
]  # fmt: skip


class Verdict(enum.Enum):
    """Whether a structure is there."""

    HOLDS = "holds"
    FAILS = "fails"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Finding:
    """One tested structure: its kind, the columns it joins, and how sure it is.

    `statistic` is the size of what should vanish over the size of its terms: 0 where the structure holds, near 1 where
    nothing of it is there. It holds at or below `threshold`, fails above; it is unclear where the surrogate is too
    inaccurate to tell. `numbers` are what was fitted: a slope, exponents.
    """

    kind: Kind
    columns: tuple[int, ...]
    statistic: float
    threshold: float
    verdict: Verdict
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.verdict is Verdict.HOLDS

    @property
    def margin(self) -> float:
        """How far the statistic is from the threshold, in decades: positive inside, negative outside."""
        return math.log10(self.threshold / max(self.statistic, 1e-300))

    def __repr__(self) -> str:
        return f"{self.verdict.value}: {self.sentence} ({self.statistic:.1e}, threshold {self.threshold:.1e})"


def judged(found: Measured) -> tuple[Verdict, float]:
    """The verdict on a measured statistic, and its threshold."""
    threshold = max(FLOOR, SPREADS * found.error)
    if found.statistic > threshold:
        return Verdict.FAILS, threshold
    return Verdict.HOLDS if threshold <= CAP else Verdict.UNCLEAR, threshold


def worst(found: Sequence[Measured]) -> Measured:
    """The one that speaks most against the structure: a failure before doubt, doubt before the largest excess."""
    order = (Verdict.HOLDS, Verdict.UNCLEAR, Verdict.FAILS)

    def rank(one: Measured) -> tuple[int, float]:
        verdict, threshold = judged(one)
        return order.index(verdict), one.statistic / threshold

    return max(found, key=rank)
