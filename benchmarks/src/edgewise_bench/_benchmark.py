"""A benchmark: cases to measure, the rows they give, and a table that compares the rows with limits."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

Row = dict[str, Any]
"""One line of a CSV file. Rows that are read back hold strings."""


@dataclass(frozen=True)
class Settings:
    """How benchmarks are run.

    libraries: what to measure, by name. searchers: the libraries that search for formulas. estimators: those that learn
    from tables. regressors: those and formulas on tables of numbers. quick: tiny sizes, as a smoke test. threads: of
    the measuring process. repeats: of each timing. patience: seconds allowed for all repeats of one library and case.
    budget: seconds of one training run or search; 0 lets the benchmark choose. effort: of edgewise's search, empty for
    its default. seed: of laws that are made up. tuned: how many settings of an estimator are tried; 0: its defaults.
    python: the interpreter of a separate environment for baselines, if there is one.
    """

    libraries: tuple[str, ...] = ("edgewise", "mlp")
    searchers: tuple[str, ...] = ("edgewise",)
    estimators: tuple[str, ...] = ("edgewise",)
    regressors: tuple[str, ...] = ("edgewise",)
    quick: bool = False
    threads: int = 1
    repeats: int = 7
    patience: float = 60.0
    budget: float = 0.0
    effort: str = ""
    seed: int = 1
    tuned: int = 0
    python: str = ""


@dataclass(frozen=True)
class Case:
    """One thing to measure: a unique label, and values that JSON can carry to the measuring process."""

    label: str
    values: dict[str, Any] = field(default_factory=dict)


class Cell(NamedTuple):
    """A table cell, and whether it is within its limit, if it has one."""

    text: str
    passed: bool | None = None


class Benchmark(ABC):
    """A named measurement; its class is instantiated without arguments in the measuring process.

    file: where the rows go, by default the name with the ending .csv. needs: modules that must be installed, and what
    to say where one is not. columns: of the rows, after the label and the values of the case. threaded: run once for
    each requested thread count, else on one thread. fresh_process: a new process for each case, else one process runs
    all cases. parallel: cases may run at the same time, each on its own core. slow: takes hours, so it runs only when
    named. compares: the field of the settings that names what it measures: "libraries", "searchers", "estimators" or
    "regressors". overtime: seconds that a case may take beyond twice its limit, the value "limit", if it has one; 0: it
    is never killed.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    file: ClassVar[str]
    note: ClassVar[str] = ""
    columns: ClassVar[tuple[str, ...]] = ()
    threaded: ClassVar[bool] = False
    fresh_process: ClassVar[bool] = False
    parallel: ClassVar[bool] = False
    slow: ClassVar[bool] = False
    compares: ClassVar[str] = "libraries"
    needs: ClassVar[Mapping[str, str]] = {}
    overtime: ClassVar[float] = 0.0

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls) and "file" not in vars(cls):
            cls.file = f"{cls.name.replace('-', '_')}.csv"

    def missing(self) -> str:
        """Return which requirement is not installed and how to install it, or an empty string."""
        return next((reason for name, reason in self.needs.items() if find_spec(name) is None), "")

    @abstractmethod
    def cases(self, settings: Settings) -> list[Case]:
        """List the cases to measure."""

    @abstractmethod
    def measure(self, case: Case, settings: Settings) -> list[Row]:
        """Measure one case; all rows have the same columns."""

    def python(self, case: Case, settings: Settings) -> str:
        """Return the interpreter that measures a case."""
        return sys.executable

    def time_limit(self, case: Case) -> float:
        """Return the seconds after which the process of a case is killed; 0 means never."""
        return 2 * case.values.get("limit", 0.0) + self.overtime if self.overtime else 0.0

    def row(self, case: Case, **measured: Any) -> Row:
        """Return a row of a case; missing columns are empty."""
        return {"case": case.label, **case.values, **dict.fromkeys(self.columns, ""), **measured}

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        """Return the rows of a case whose process died."""
        return [self.row(case, status=reason)]

    @abstractmethod
    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        """Return the column headings and the lines of the table."""

    def prepare(self, case: Case, rows: Sequence[Row]) -> Case:
        """Adjust a case to the rows measured before it."""
        return case
