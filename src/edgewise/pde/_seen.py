"""What pictures, tables, reports and files read of a solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from edgewise._typing import Array, Data
from edgewise.pde._jet import Jet
from edgewise.pde._outcome import Outcome
from edgewise.pde._problem import Problem


class Convergence(NamedTuple):
    """Curves of how a solution was approached, by their names: a number for each of `places`, called `across`."""

    caption: str
    across: str
    label: str
    places: Sequence[float]
    curves: Mapping[str, Sequence[float]]


class Packed(NamedTuple):
    """What a file holds of a solution beside what every one has: its kind, JSON, and tensors."""

    kind: str
    said: dict[str, Any]
    tensors: dict[str, Tensor]


class Seen(Protocol):
    """A solution, as others see it.

    time_axis: the number of the coordinate that is time. reached: the time until which there is a solution. finer:
    places of one free coordinate, by its number, where others are held, that a curve should not miss. facts, in_words,
    convergence: what a report says of the solution, of its history in words, and as a picture.
    """

    @property
    def problem(self) -> Problem: ...

    @property
    def outcome(self) -> Outcome: ...

    @property
    def error(self) -> float: ...

    @property
    def advice(self) -> str: ...

    @property
    def time_axis(self) -> int | None: ...

    @property
    def reached(self) -> float: ...

    def at(self, points: Data, order: int = 2) -> Jet | tuple[Jet, ...]: ...

    def checked(self, points: Data) -> Tensor: ...

    def finer(self, free: int, held: Mapping[int, float]) -> Array: ...

    def facts(self) -> list[tuple[str, str]]: ...

    def in_words(self) -> list[str]: ...

    def convergence(self) -> Convergence | None: ...
