"""Which of several formulas to take, by their losses on rows that they were not fitted to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from edgewise._typing import Array

Select = Literal["best", "accurate", "simplest"]


class Choice(Protocol):
    """What is chosen among: formulas with their losses on held-out rows (n,), as in `Scored`."""

    @property
    def complexity(self) -> int: ...
    @property
    def losses(self) -> Array: ...
    @property
    def recommended(self) -> bool: ...
    @property
    def plain(self) -> bool: ...


Chosen = TypeVar("Chosen", bound=Choice)


def choose(found: Sequence[Chosen], select: Select, equal: float) -> Chosen:
    """Return what to take of formulas, simplest first; losses that differ by `equal` at most count as the same.

    "accurate": the lowest loss on held-out rows. "simplest": the simplest one whose loss is within a standard error
    of the lowest. "best": the one that discovery recommends, unless a constant or a line has a lower loss; if it
    recommends several, the simplest of them.
    """
    lowest = min(found, key=_loss)
    if select == "accurate":
        return next(each for each in found if _loss(each) <= _loss(lowest) + equal)
    if select == "simplest":
        return next(each for each in found if _within(each.losses - lowest.losses, equal))
    recommended = [each for each in found if each.recommended] or [lowest]
    least = min(recommended, key=_loss)
    best = next(each for each in recommended if _within(each.losses - least.losses, equal))
    plain = [each for each in found if each.plain and _loss(each) < _loss(best) - equal]
    return min(plain, key=_loss, default=best)


def _loss(each: Choice) -> float:
    return float(each.losses.mean())


def _within(differences: Array, equal: float) -> bool:
    """Return whether the mean of differences is at most their standard error."""
    return bool(differences.mean() <= equal + differences.std() / math.sqrt(max(len(differences), 1)))
