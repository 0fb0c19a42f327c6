"""What the benchmarks of formulas ask of a library."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from edgewise._typing import Array, Formula
from edgewise_bench.benchmarks.libraries import ThirdParty

_ROWS, _SECONDS = 100, 1.0

Predict = Callable[[Array], Array]
"""From rows of inputs to values."""


class Table(NamedTuple):
    """What a library is given: inputs (rows, columns), a target, names, a seed, and how many seconds.

    effort: of edgewise's search; an empty string is its default.
    """

    x: Array
    y: Array
    names: Sequence[str]
    seed: int
    seconds: float
    effort: str = ""


class Found(NamedTuple):
    """What it gives back.

    formula: in symbols of the names. predict: its own values at other rows. outcome: how it ended, in its own words.
    noise: its estimate of the noise over the target's standard deviation, if it has one. complexity: as the library
    counts it. first: seconds until it had the first formula, if it says so. front: the values of all formulas that it
    offers, `formulas` these formulas. others: what else it offers, by name.
    """

    formula: Formula
    predict: Predict
    outcome: str
    noise: float | None = None
    complexity: int | None = None
    first: float | None = None
    front: Sequence[Predict] = ()
    others: Mapping[str, Predict] = {}
    formulas: Sequence[Formula] = ()


class Searcher(ThirdParty):
    """A library with the settings that its own pages recommend for tables of this kind."""

    timed: ClassVar[bool] = True
    """Whether it keeps to the seconds that it is given."""

    @abstractmethod
    def find(self, table: Table) -> Found: ...

    def warm_up(self) -> None:
        """Search on a small table, so that imports and compilation are done before the clock starts."""
        x = np.random.default_rng(0).uniform(1, 2, (_ROWS, 2))
        self.find(Table(x, np.sin(x[:, 0] * x[:, 1] ** 2) + x[:, 1], ["a", "b"], 0, _SECONDS))
