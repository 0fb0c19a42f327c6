"""A search by evolution in several parts, which worker threads or processes take on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from edgewise._deadline import Deadline
from edgewise._typing import Array
from edgewise.formulas.programs._evolution import Evolution
from edgewise.formulas.programs._fit import Fitted

_APART = 2048  # children of each island between two meetings
_SHARED = "population"  # which all islands have after they met

State = dict[str, Array]


class Mapping(Protocol):
    """What calls a function with each of several tuples of arguments, and returns the results in their order."""

    def __call__(self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> list[Any]: ...


def in_turn(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return the results of a function for each of several tuples of arguments, in this thread."""
    return [function(*each) for each in arguments]


class Islands:
    """An evolution that was split: islands go on apart, and meet after 2048 children each.

    Where they meet, the best 16 programs of each complexity go on from all of them. `mapping` may let workers run the
    islands, threads or processes: the result is the same, whatever it is.

    >>> x = np.random.default_rng(0).uniform(0.5, 3, (200, 2))
    >>> search = Islands(Evolution(x, 2 + 3 * x[:, 0] * np.exp(-x[:, 1]), max_complexity=10), 2)
    >>> search.run(2000), search.evaluations
    (2000, 2000)
    >>> min(entry.error for entry in search.front()) < 1e-20
    True
    """

    def __init__(self, start: Evolution, count: int, mapping: Mapping = in_turn) -> None:
        self._best, *self._islands = start.split(count + 1)
        self._mapping = mapping

    @property
    def evaluations(self) -> int:
        """The number of children so far."""
        return sum(island.evaluations for island in self._islands)

    def run(self, evaluations: int, deadline: Deadline | None = None) -> int:
        """Make and judge a number of children; returns how many, fewer only where the deadline has passed."""
        begun, islands = self.evaluations, self._islands
        goal = begun + evaluations
        while self.evaluations < goal and not (deadline is not None and deadline.passed()):
            shares = _shares(goal - self.evaluations, len(islands))
            left = None if deadline is None else deadline.left()
            legs = [(_Leg(island, share, left),) for island, share in zip(islands, shares, strict=True)]
            states = self._mapping(_gone_on, legs)
            for island, state in zip(islands, states, strict=True):
                if state is not None:
                    island.restore(state)
            self._best.meet(islands)
        return self.evaluations - begun

    def front(self, k: int = 1) -> list[Fitted]:
        """Return the k most accurate programs of each complexity at the last meeting, simple ones first."""
        return self._best.front(k)

    def state(self) -> State:
        """Return all that changes, as arrays, once islands have met."""
        states = [island.state() for island in self._islands]
        own = {name: np.stack([state[name] for state in states]) for name in states[0] if name != _SHARED}
        return own | {_SHARED: self._best.state()[_SHARED]}

    def restore(self, state: State) -> None:
        """Go on from what `state` of a search with the same arguments returned."""
        for number, island in enumerate(self._islands):
            own = {name: array[number] for name, array in state.items() if name != _SHARED}
            island.restore(own | {_SHARED: state[_SHARED]})
        self._best.meet(self._islands)


def _shares(evaluations: int, count: int) -> Sequence[int]:
    """Return how many children each island makes until they meet."""
    total = min(evaluations, _APART * count)
    return [total * (k + 1) // count - total * k // count for k in range(count)]


@dataclass(frozen=True)
class _Leg:
    """What an island does until the next meeting. `sent`: the island is a copy that was sent to another worker."""

    island: Evolution
    evaluations: int
    seconds: float | None
    sent: bool = False

    def __reduce__(self) -> tuple[type[_Leg], tuple[Evolution, int, float | None, bool]]:
        return _Leg, (self.island, self.evaluations, self.seconds, True)


def _gone_on(leg: _Leg) -> State | None:
    """Let an island make its children, or fewer where time is up; return the state of one that was sent.

    Nobody else looks at the island meanwhile, even if its search is interrupted.
    """
    leg.island.run(leg.evaluations, None if leg.seconds is None else Deadline.after(leg.seconds))
    return leg.island.state() if leg.sent else None
