"""An experiment: a published result, measured here, with a table, a picture and pass/fail criteria."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from edgewise._replacing import replacing
from edgewise_bench._benchmark import Benchmark, Case, Cell, Row, Settings
from edgewise_bench._store import read
from edgewise_bench.drawing import Figure, save, sign
from edgewise_bench.tables import format_number, markdown

OURS = "edgewise"
"""The model `edgewise`, as the column `model` of an experiment names it."""
MLP = "mlp"
"""The MLP baseline, as the column `model` of an experiment names it."""
PYKAN = "pykan"
"""The pykan baseline, as the column `model` of an experiment names it."""

Model = Callable[[Case, Settings], Iterable[Mapping[str, Any]]]
"""Runs a case and yields the columns of its rows."""


class Criterion(NamedTuple):
    """A pass/fail criterion: description, limit, published value, measured value."""

    description: str
    limit: str
    published: str
    found: Cell

    def cells(self) -> list[Cell]:
        """Return the cells of a table: description, published value, limit, measured value."""
        return [Cell(self.description), Cell(self.published), Cell(self.limit), self.found]

    @classmethod
    def at_most(
        cls, description: str, bound: float, published: str, found: float, text: str | None = None
    ) -> Criterion:
        """Require a number to be at most `bound`; infinity means it was not measured."""
        if found == float("inf"):
            return cls(description, f"at most {bound:g}", published, Cell("not measured"))
        return cls(description, f"at most {bound:g}", published, Cell(text or format_number(found), found <= bound))

    @classmethod
    def at_least(cls, description: str, least: int, published: str, passed: Sequence[bool]) -> Criterion:
        """Require at least this number of the tests to pass."""
        text = f"{sum(passed)} of {len(passed)}"
        return cls(description, f"at least {least}", published, Cell(text, sum(passed) >= least))


class Experiment(Benchmark):
    """Base class of experiments, those outside this package included.

    A subclass sets `name`, `title`, `source` (where the result was published), `file` and `note` (what the column
    `error` means), and defines `cases`, a method for each model by its name (or `models`), `table`, `criteria` and
    `draw`. Every row has the columns

        case, item, model, seed, shape, parameters, error, seconds, *extra, status

    where item is the problem (an equation, a function), seconds counts the computing of one core, and status says why a
    case gave no result. text_columns: the leading columns of the table that are not numbers. test_informed: choices
    that were made with test results in view, or an empty string.
    """

    parallel = True
    source: ClassVar[str]
    extra: ClassVar[tuple[str, ...]] = ()
    text_columns: ClassVar[int] = 2
    test_informed: ClassVar[str] = ""

    def models(self) -> Mapping[str, Model]:
        """Return what runs the cases of each model: by default the methods of these names."""
        return {name: getattr(self, name) for name in (OURS, MLP, PYKAN) if hasattr(self, name)}

    @abstractmethod
    def draw(self, rows: Sequence[Row]) -> Figure:
        """Draw the rows."""

    def picture(self, rows: Sequence[Row], last: Mapping[str, str]) -> Figure:
        """Draw the rows, with the provenance of the last one below."""
        figure = self.draw(rows)
        sign(figure, last)
        return figure

    @abstractmethod
    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        """Compare the rows with what is to be reached."""

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        """Run a case; the seed is 0, and the seconds are those since the case began, unless its model gives them."""
        began, rows = time.process_time(), []
        for found in self.models()[case.values["model"]](case, settings):
            defaults = {"seed": 0, "seconds": time.process_time() - began}
            rows.append(self.row(case, **{**defaults, **case.values, **found}))
        return rows

    def write_page(self, folder: Path, rows: Sequence[Row]) -> None:
        """Write the table (NAME.md) and the picture (NAME.svg) beside the stored rows."""
        last = read(folder / self.file)[-1]
        with replacing(folder / f"{self.name}.svg") as file:
            save(lambda: self.picture(rows, last), file)
        table = markdown(*self.table(rows), self.text_columns)
        with replacing(folder / f"{self.name}.md") as file:
            file.write(("\n".join([f"# {self.title}", "", *table, "", self.note]) + "\n").encode())

    def row(self, case: Case, **measured: Any) -> Row:
        columns = ["case", "item", "model", "seed", "shape", "parameters", "error", "seconds", *self.extra, "status"]
        given = {"case": case.label, **case.values, **measured}
        return {name: given.get(name, "") for name in columns}

    def ordered(self, rows: Iterable[Row]) -> list[Row]:
        """Sort rows that were measured in parallel into the order of the cases."""
        place = {case.label: number for number, case in enumerate(self.cases(Settings((OURS, MLP, PYKAN))))}
        return sorted(rows, key=lambda row: place.get(row["case"], len(place)))

    def product(self, items: Iterable[str], models: Iterable[str], settings: Settings, **values: Any) -> list[Case]:
        """Return a case for each item and each model that is to be measured."""
        chosen = [model for model in models if model in settings.libraries]
        return [
            Case(f"{item}: {model}", {"item": item, "model": model, **values}) for item in items for model in chosen
        ]

    def python(self, case: Case, settings: Settings) -> str:
        return settings.python if case.values["model"] == PYKAN else super().python(case, settings)
