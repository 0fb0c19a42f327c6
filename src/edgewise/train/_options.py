"""How a fit runs, beyond what it fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgewise._errors import InputError
from edgewise.train._result import Row

Watcher = Callable[[Row], Any]
_ROWS, _REPORTED = 50, 10  # rows from which some are held out only to report the error, and how many at least


@dataclass(frozen=True)
class Options:
    """Settings of `fit` that rarely need changing.

    validation: share of rows held out to choose the start and the grid ("auto": a tenth from 200 rows on, a fifth from
    20, else none). smoothing: weight of the second-difference penalty ("auto": by generalised cross-validation once
    parameters exceed a quarter of the rows). restarts: starts at the coarsest grid ("auto": up to 8, fewer where two
    agree; one layer needs one). seed: of the split, the restarts and the shuffling. time_limit: seconds. watch: a
    function, or several, called with each history row; one that returns True or "stop" ends training. progress:
    whether to show how far it is, on stderr ("auto": on a terminal, once it takes two seconds). test: share of rows
    held out only to report the error of the network that was chosen ("auto": a tenth, at least ten rows, from 50 rows
    on; none where `validation` is 0), at most 0.9 together with `validation`.

    >>> Options(restarts=1, seed=3).validation
    'auto'
    """

    validation: float | str = "auto"
    smoothing: float | str = "auto"
    restarts: int | str = "auto"
    seed: int = 0
    time_limit: float | None = None
    watch: Watcher | Sequence[Watcher] | None = None
    progress: bool | str = "auto"
    test: float | str = "auto"

    def __post_init__(self) -> None:
        _number("validation", self.validation, 0, 0.9)
        _number("test", self.test, 0, 0.5)
        _number("smoothing", self.smoothing, 0, 1e12)
        _number("restarts", self.restarts, 1, 10_000)
        if isinstance(self.validation, int | float) and isinstance(self.test, int | float):
            _number("validation + test", self.validation + self.test, 0, 0.9)
        if isinstance(self.restarts, float):
            raise InputError(f"'restarts' must be an int >= 1 or 'auto'. Got {self.restarts!r}.")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or abs(self.seed) >= 2**62:
            raise InputError(f"'seed' must be an int between -2^62 and 2^62. Got {self.seed!r}.")
        if not all(callable(watch) for watch in self.watchers()):
            raise InputError(f"'watch' must be a function of a history row, or a list of them. Got {self.watch!r}.")
        if not isinstance(self.progress, bool) and self.progress != "auto":
            raise InputError(f"'progress' must be True, False or 'auto'. Got {self.progress!r}.")
        if self.time_limit is not None:
            _number("time_limit", self.time_limit, 1e-9, float("inf"))

    def watchers(self) -> list[Watcher]:
        """All that watch, as a list."""
        if self.watch is None:
            return []
        return list(self.watch) if isinstance(self.watch, Sequence) else [self.watch]

    def held_out(self, rows: int, classes: bool = False) -> int:
        if isinstance(self.validation, str):
            share = 0.1 if rows >= (2000 if classes else 200) else 0.2 if rows >= 20 else 0.0
        else:
            share = self.validation
        return round(share * rows)

    def reported(self, rows: int, chosen: int) -> int:
        """How many rows are held out only to report the error, where so many are held out to choose."""
        if not isinstance(self.test, str):
            return round(self.test * rows)
        count = max(_REPORTED, round(0.1 * rows))
        return count if rows >= _ROWS and self.validation != 0 and chosen + count <= 0.9 * rows else 0


def _number(name: str, value: float | str, least: float, most: float) -> None:
    if value == "auto" and name != "time_limit":
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError(f"'{name}' must be a number from {least:g} to {most:g}, or 'auto'. Got {value!r}.")
