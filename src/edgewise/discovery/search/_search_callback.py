"""Callbacks at each stage of a search, which need no argument of `discover` and see the front as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from edgewise.discovery.judging import Candidate


@dataclass(frozen=True)
class SearchStep:
    """Where a search is: its stage, a guess of the fraction that is done, and the formulas so far.

    `front()` returns those that none as simple beats, simplest first, with their errors on the rows that the search
    looks at. Formulas that evolve are not rounded or assessed yet. It takes time, and is to be called from the callback
    only.
    """

    stage: str
    fraction: float
    front: Callable[[], list[Candidate]]


SearchCallback = Callable[[SearchStep], object]
_CALLBACKS: ContextVar[tuple[SearchCallback, ...]] = ContextVar("search_callbacks", default=())


@contextmanager
def search_callback(callback: SearchCallback) -> Iterator[None]:
    """Call a function at each stage of the searches inside the block; what they find does not change.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    >>> seen = []
    >>> with ew.discovery.search_callback(lambda step: seen.append(step.stage)):
    ...     found = ew.discover(x, x[:, 0] / x[:, 1], names=["u", "i"])
    >>> seen[0]
    'formulas straight from the table'
    """
    token = _CALLBACKS.set((*_CALLBACKS.get(), callback))
    try:
        yield
    finally:
        _CALLBACKS.reset(token)


def search_callbacks() -> tuple[SearchCallback, ...]:
    """Return the callbacks in force, the outermost first."""
    return _CALLBACKS.get()
