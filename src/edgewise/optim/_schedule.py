"""How the learning rate moves over a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgewise._errors import InputError, unknown
from edgewise.optim._settings import real, whole

_RISE = 0.3  # share of a one-cycle run in which the rate rises
_FIRST = 0.04  # where it starts, as a share of its peak


def _one_cycle(done: float) -> float:
    if done < _RISE:
        return _FIRST + (1 - _FIRST) * (1 - _cosine(done / _RISE))
    return _cosine((done - _RISE) / (1 - _RISE))


def _cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


_SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": _cosine,
    "one_cycle": _one_cycle,
    "plateau": lambda done: 1.0,
}


@dataclass(frozen=True)
class Schedule:
    """The learning rate as a share of its peak, at any point of a run.

    share(t) = t / warmup                                                while t < warmup
               max(floor, f((t - warmup) / (1 - warmup)) cut^plateaus)   afterwards

    with t the share of the run that is done, from 0 to 1. `shape` names f: "constant"; "cosine", half a wave from 1
    to 0; "one_cycle", up from 0.04 over three tenths of the run and down to 0; "plateau", constant, but times `cut`
    whenever the error has not fallen in `wait` checks (there is one after each epoch, and 200 in a run at most); or
    it is a function of t.

    Errors: InputError for shapes that are not known and shares outside 0 to 1.

    >>> half = Schedule("cosine", warmup=0.1)
    >>> [round(half.share(t), 2) for t in (0.0, 0.05, 0.1, 0.55, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]

    Source: Loshchilov and Hutter, SGDR (2017); Smith and Topin, Super-convergence (2018).
    """

    shape: str | Callable[[float], float] = "cosine"
    warmup: float = 0.0
    floor: float = 0.0
    cut: float = 0.5
    wait: int = 10

    def __post_init__(self) -> None:
        if not callable(self.shape) and not (isinstance(self.shape, str) and self.shape in _SHAPES):
            raise unknown("schedule", self.shape, [*_SHAPES, "a function of the share done"])
        real("warmup", self.warmup, 0, 0.99)
        real("floor", self.floor, 0, 1)
        real("cut", self.cut, 0, 1, above=True)
        whole("wait", self.wait)

    def share(self, done: float, errors: Sequence[float] = ()) -> float:
        """The share at `done`, after these errors of the checks so far."""
        if done < self.warmup:
            return done / self.warmup
        shape = self.shape if callable(self.shape) else _SHAPES[self.shape]
        value = shape(min(1.0, (done - self.warmup) / (1 - self.warmup)))
        if self.shape == "plateau":
            value *= self.cut ** self._plateaus(errors)
        if not value >= 0:
            raise InputError(f"A schedule must give numbers >= 0. Got {value!r} at {done:.3g} of the run.")
        return max(self.floor, value)

    def _plateaus(self, errors: Sequence[float]) -> int:
        """How often the error failed to fall for `wait` checks in a row."""
        least, since, count = math.inf, 0, 0
        for error in errors:
            since = 0 if error < least else since + 1
            least = min(error, least)
            if since == self.wait:
                since, count = 0, count + 1
        return count
