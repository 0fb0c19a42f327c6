"""What is to be removed from a network, and when to stop."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise.interpret._scores import edge_scores, node_scores
from edgewise.nn import KAN, Edge


class Thing(NamedTuple):
    """What may be removed: its score, where it is, and the edges that go with it."""

    score: float
    place: tuple[int, ...]
    edges: list[Edge]


ThingName = Literal["edges", "nodes", "inputs"]


@dataclass(frozen=True)
class Cut:
    """Things of one kind that go one at a time, the least scored first, as long as all that is said here holds.

    what    "edges", "nodes" (hidden ones, sums and products) or "inputs"
    below   only those whose score is less, in units of the output's spread
    keep    until this number is left
    budget  as long as the error is at most this factor times that of the given network ...
    error   ... or at most so much, in the target's units, whichever allows more
    refit   whether the rest is refitted before the error is taken; the budget then counts from the refitted network

    After each removal scores are read again. Where the least scored thing breaks the budget the next one is tried, so
    that nothing remains that could be removed by itself.

    Errors: InputError for an unknown kind, for values out of range, and when no limit is given.

    >>> Cut("inputs", keep=3)
    Cut(what='inputs', below=None, keep=3, budget=None, error=None, refit=False)
    """

    what: ThingName = "edges"
    below: float | None = None
    keep: int | None = None
    budget: float | None = None
    error: float | None = None
    refit: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.what, str) or self.what not in THINGS:
            raise unknown("kind of thing to cut", self.what, THINGS)
        if (self.below, self.keep, self.budget, self.error) == (None,) * 4:
            raise InputError("A Cut needs a limit: one of 'below', 'keep', 'budget' and 'error'.")
        _check("below", self.below, 0, "a number >= 0, in units of the output's spread")
        _check("budget", self.budget, 1, "a number >= 1, the allowed growth of the error")
        _check("error", self.error, 0, "a number >= 0, in the target's units")
        if self.keep is not None and not is_int(self.keep, 1):
            raise InputError(f"'keep' must be an int >= 1, how many {self.what} are left. Got {self.keep!r}.")
        if self.keep is not None:
            object.__setattr__(self, "keep", int(self.keep))
        if not isinstance(self.refit, bool):
            raise InputError(f"'refit' must be True or False. Got {self.refit!r}.")

    def limit(self, before: float) -> float:
        """The largest error that a removal may leave, where `before` is that of the network to begin with."""
        allowed = (self.error, None if self.budget is None else self.budget * before)
        return max((error for error in allowed if error is not None), default=math.inf)

    def candidates(self, model: KAN, x: Tensor) -> list[Thing]:
        """What may go next, in the order in which it is tried."""
        things = sorted(THINGS[self.what](model, x), key=lambda thing: (thing.score, thing.place))
        if self.keep is not None and len(things) <= self.keep:
            return []
        return [thing for thing in things if self.below is None or thing.score < self.below]


def _edges(model: KAN, x: Tensor) -> list[Thing]:
    return [
        Thing(float(scores[j, i]), (depth, j, i), [(depth, j, i)])
        for depth, scores in enumerate(edge_scores(model, x))
        for j, i in model.layers[depth].mask.nonzero().tolist()
    ]


def _leaving(model: KAN, x: Tensor, depth: int) -> list[Thing]:
    """The nodes before a layer that something leaves."""
    mask = model.layers[depth].mask
    scores = node_scores(model, x)[depth]
    return [
        Thing(float(scores[i]), (depth, i), [(depth, j, i) for j in mask[:, i].nonzero().flatten().tolist()])
        for i in mask.any(0).nonzero().flatten().tolist()
    ]


#: what a Cut may name -> the things of that kind in a network
THINGS: dict[ThingName, Callable[[KAN, Tensor], list[Thing]]] = {
    "edges": _edges,
    "nodes": lambda model, x: [thing for depth in range(1, len(model.layers)) for thing in _leaving(model, x, depth)],
    "inputs": lambda model, x: _leaving(model, x, 0),
}


def _check(name: str, value: object, least: float, wanted: str) -> None:
    if value is not None and not is_number(value, least):
        raise InputError(f"'{name}' must be {wanted}. Got {value!r}.")
