"""What an experiment is: a published claim, measured here, with a table, a picture and what is to be shown."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from edgewise.measure import Case, Cell, Figure, Row, Settings, sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

OURS, MLP, PYKAN = "edgewise", "mlp", "pykan"
"""The models that rows tell of."""
MINUTES = "minutes.csv"
"""The file that tells how many minutes after the start of a run each experiment was done."""


class Claim(NamedTuple):
    """Something to be shown: what, the figure to reach, the published one, and what was found here."""

    what: str
    limit: str
    published: str
    found: Cell


class Experiment(Figure):
    """A published experiment, or part of one.

    source: where it was published. extra: columns of its rows beside those that all experiments have:

        case, item, model, seed, shape, parameters, error, seconds, ..., status

    item is what the model is asked (an equation, a function), error the figure that the experiment is about, as `note`
    says, seconds those of one core's computing (other work on the machine does not count), and status why there is no
    figure. texts: the first columns of the table, which are no numbers. Seeds and
    settings are constants of the experiment's file.
    """

    at_once = True
    source: ClassVar[str]
    extra: ClassVar[tuple[str, ...]] = ()
    texts: ClassVar[int] = 2

    @abstractmethod
    def draw(self, rows: Sequence[Row]) -> Picture:
        """A picture of the rows, edgewise's and those of the peers that are there."""

    def picture(self, rows: Sequence[Row], last: dict[str, str]) -> Picture:
        """The drawing, with where and with what the last row was measured below it."""
        picture = self.draw(rows)
        sign(picture, last)
        return picture

    @abstractmethod
    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What is to be shown, as far as there are rows for it."""

    def row(self, case: Case, **found: Any) -> Row:
        """A row of a case; what is not given is empty."""
        columns = ["case", "item", "model", "seed", "shape", "parameters", "error", "seconds", *self.extra, "status"]
        given = {"case": case.label, **case.values, **found}
        return {name: given.get(name, "") for name in columns}

    def ordered(self, rows: Iterable[Row]) -> list[Row]:
        """Rows that were measured side by side, in the order of the cases."""
        place = {case.label: number for number, case in enumerate(self.cases(Settings((OURS, MLP, PYKAN))))}
        return sorted(rows, key=lambda row: place.get(row["case"], len(place)))

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self.row(case, status=reason)]

    def python(self, case: Case, settings: Settings) -> str:
        return settings.python if case.values["model"] == PYKAN else super().python(case, settings)


def cases(items: Iterable[str], models: Iterable[str], settings: Settings, **values: Any) -> list[Case]:
    """A case for each item and each of the models that are to be measured."""
    chosen = [model for model in models if model in settings.libraries]
    return [Case(f"{item}: {model}", {"item": item, "model": model, **values}) for item in items for model in chosen]


def number(row: Mapping[str, Any] | None, column: str = "error") -> float:
    """A number of a row, which may have been read back; infinite where there is none."""
    return float(row[column]) if row is not None and row[column] not in ("", None) else float("inf")


def best(rows: Iterable[Row], **wanted: Any) -> Row | None:
    """The row of the lowest error among those that have these values."""
    found = [row for row in rows if all(str(row[key]) == str(value) for key, value in wanted.items())]
    return min(found, key=number, default=None)


def told(value: float, digits: int = 2) -> str:
    """A number as a table shows it, nothing where there is none.

    >>> told(1.234e-9), told(float("inf"))
    ('1.2e-09', '')
    """
    return "" if value == float("inf") else f"{value:.{digits}g}"


def limit(what: str, bound: float, published: str, found: float, text: str | None = None) -> Claim:
    """A claim that a number is at most `bound`."""
    if found == float("inf"):
        return Claim(what, f"at most {bound:g}", published, Cell("not measured"))
    return Claim(what, f"at most {bound:g}", published, Cell(text or told(found), found <= bound))


def grouped(rows: Iterable[Row], *columns: str) -> dict[tuple[str, ...], list[Row]]:
    """The rows by the values of some columns, in the order in which they come."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[name]) for name in columns), []).append(row)
    return groups
