"""What a test says: a statistic, its threshold, a verdict and a sentence."""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

#: a statistic may exceed what the surrogate's error alone gives by this factor
SPREADS = 3.0
FLOOR = 3e-3
"""Statistics below this count as zero, whatever the error of the surrogate."""
CAP = 0.15
"""A threshold above this cannot tell a structure from its absence."""
_KEPT = 0.97  # share of the points with the smallest residuals that count


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


@dataclass(frozen=True)
class Measured:
    """A statistic, and the root mean square of what the surrogate's error alone would give."""

    statistic: float
    error: float

    @property
    def threshold(self) -> float:
        return max(FLOOR, SPREADS * self.error)

    @property
    def verdict(self) -> Verdict:
        if self.statistic > self.threshold:
            return Verdict.FAILS
        return Verdict.HOLDS if self.threshold <= CAP else Verdict.UNCLEAR


def measured(terms: Sequence[Tensor], size: Tensor | None = None) -> Measured:
    """Return how nearly terms (n, 1 + samples) add up to zero, over the sum of their sizes or over `size` (n,).

    Points of large terms weigh less, so that a few do not decide; the worst 3 % do not count. Points where a term is
    not finite are left out; if these are more than half of all, nothing is known.
    """
    total = torch.stack(list(terms)).sum(0)
    if size is None:
        size = torch.stack([term[:, 0].abs() for term in terms]).sum(0)
    known = torch.isfinite(total).all(1) & torch.isfinite(size)
    if 2 * int(known.sum()) < len(known):
        return Measured(0.0, math.inf)
    total, size = total[known], size[known]
    weight = 1 / (size + size.median()).clamp_min(1e-300)
    scale = _size(weight * size)
    if not scale > 0:
        return Measured(0.0, math.inf)
    parts = weight.unsqueeze(1) * total
    off = [_size(part - parts[:, 0]) for part in parts[:, 1:].unbind(1)]
    error = math.sqrt(sum(s * s for s in off) / len(off)) if off else 0.0
    return Measured(_size(parts[:, 0]) / scale, error / scale)


def worst(found: Sequence[Measured]) -> Measured:
    """The one that speaks most against the structure: a failure before doubt, doubt before the largest excess."""
    order = (Verdict.HOLDS, Verdict.UNCLEAR, Verdict.FAILS)
    return max(found, key=lambda m: (order.index(m.verdict), m.statistic / m.threshold))


def _size(values: Tensor) -> float:
    """Root mean square of the values but the largest few."""
    square = values.square()
    kept = square.sort().values[: max(1, round(_KEPT * len(square)))]
    return float(kept.mean().sqrt())
