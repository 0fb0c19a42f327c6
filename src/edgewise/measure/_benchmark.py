"""What a figure is: cases to measure, rows that come of them, and a table with the limits."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

Row = dict[str, Any]
"""One line of a CSV file. Rows that are read back hold texts."""


@dataclass(frozen=True)
class Settings:
    """How the figures are measured.

    quick: tiny sizes, to see that all works. libraries: those to measure, by name; searchers: those that search for
    formulas. threads: of this process. repeats: of each timing. patience: seconds that the repeats of one library and
    case may take. budget: seconds of one training run in the accuracy figure, where 0 gives a peer 60 times what
    edgewise takes, at least 60 and at most 300; and of one search for a formula, where 0 gives edgewise 60 and a peer
    what edgewise took, at least 10. python: the interpreter of an environment where other libraries live, if there is.
    """

    libraries: tuple[str, ...] = ("edgewise", "mlp")
    searchers: tuple[str, ...] = ("edgewise",)
    quick: bool = False
    threads: int = 1
    repeats: int = 7
    patience: float = 60.0
    budget: float = 0.0
    python: str = ""


@dataclass(frozen=True)
class Case:
    """One thing to measure, in values that JSON carries."""

    label: str
    values: dict[str, Any] = field(default_factory=dict)


class Cell(NamedTuple):
    """A cell of a table, and whether it keeps its limit, where it has one."""

    text: str
    kept: bool | None = None


class Figure(ABC):
    """A named measurement, made without arguments.

    threaded: measured once for each number of threads that is asked for, else on one thread. fresh: each case in a
    process of its own, else one process goes on from case to case. at_once: cases may be measured at the same time,
    each on a core of its own. long: takes hours, so measured only when named.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    file: ClassVar[str]
    note: ClassVar[str] = ""
    threaded: ClassVar[bool] = False
    fresh: ClassVar[bool] = False
    at_once: ClassVar[bool] = False
    long: ClassVar[bool] = False

    def lacks(self) -> str:
        """What the figure needs and is not installed here, and how to install it; nothing where nothing lacks."""
        return ""

    @abstractmethod
    def cases(self, settings: Settings) -> list[Case]: ...

    @abstractmethod
    def measure(self, case: Case, settings: Settings) -> list[Row]:
        """Rows of one case, all with the same columns."""

    def python(self, case: Case, settings: Settings) -> str:
        """The interpreter that measures a case."""
        return sys.executable

    def longest(self, case: Case) -> float:
        """Seconds after which the process of a case is ended; 0: never."""
        return 0.0

    @abstractmethod
    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        """The rows of a case whose process ended before its time."""

    @abstractmethod
    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        """Headings, and a line for each case."""

    def informed(self, case: Case, rows: Sequence[Row]) -> Case:
        """The case as it should be, given what was measured before it."""
        return case
