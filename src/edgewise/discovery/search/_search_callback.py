"""Callbacks at each stage of a search, which need no argument of `discover` and see the front as it grows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from edgewise._callbacks import calling
from edgewise._renamed import replaced
from edgewise.discovery.judging import Candidate


@dataclass(frozen=True)
class SearchStep:
    """Where a search is: its stage, a guess of the fraction that is done, and the formulas so far.

    `front()` returns those that none as simple beats, simplest first, with their errors on the rows that the search
    looks at. Formulas that evolve are not rounded or assessed yet. It takes time, and is to be called from the callback
    only. What a search finds does not change.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    >>> seen = []
    >>> with ew.calling(lambda step: seen.append(step.stage), ew.discovery.SearchStep):
    ...     found = ew.discover(x, x[:, 0] / x[:, 1], names=["u", "i"])
    >>> seen[0]
    'formulas straight from the table'
    """

    stage: str
    fraction: float
    front: Callable[[], list[Candidate]]


def search_callback(callback: Callable[[SearchStep], object]) -> AbstractContextManager[None]:
    """Call a function at each stage of the searches inside: the former name of `edgewise.calling`."""
    replaced("edgewise.discovery.search_callback(f)", "edgewise.calling(f, edgewise.discovery.SearchStep)")
    return calling(callback, SearchStep)
