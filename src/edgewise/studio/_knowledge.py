"""What a person knows of a formula: the fields of the page as a table, and the arguments that their texts are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from edgewise import _texts as texts
from edgewise._errors import InputError, unknown
from edgewise.discovery.knowledge import Knowledge
from edgewise.studio._desk import Desk
from edgewise.studio._requests import Answer, check, request

Place = Literal["formula", "rows", "fit"]


@dataclass(frozen=True)
class Field:
    """A field of the page: an argument of `discover` or `fit_formula`, or of both where it tells something of the rows.

    `kind` is "text", "column" for one of the session's inputs, or "choice" of some words, of which the first is usual.
    """

    name: str
    place: Place
    label: str
    example: str = ""
    hint: str = ""
    kind: Literal["text", "column", "choice"] = "text"
    read: Callable[[str, str], Any] = lambda option, text: text
    words: tuple[str, ...] = ()

    def value(self, given: object) -> Any:
        """Return the argument of a text; errors begin with its name, by which the page finds the field."""
        option = f"'{self.name}'"
        check(isinstance(given, str) and len(given) <= 2000, f"{option} is a text of up to 2000 letters.", given)
        text = str(given).strip()
        if self.words and text not in self.words:
            raise InputError(f"{option} is one of {', '.join(self.words)}. Got {text!r:.100}.")
        return self.read(option, text)


def _number(option: str, text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _size(option: str, text: str) -> int:
    check(text.isdecimal() and len(text) < 10, f"{option} is a whole number from 1 on.", text)
    return int(text)


def _formulas(option: str, text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _by_name(example: str, between: str = ",") -> Callable[[str, str], dict[str, str]]:
    return lambda option, text: texts.pairs(option, text.split(between), example)


FIELDS = (
    Field("functions", "formula", "Functions", "exp, log", "may occur; -sin, -cos: may not", read=texts.listed),
    Field("guesses", "formula", "Guesses", "A*exp(-k*t) + c", "more after a semicolon", read=_formulas),
    Field("template", "formula", "Template", "exp(?) + b*t", "each ? is to be found"),
    Field("units", "formula", "Units", "t = s, y = m/s^2", "besides those of the columns", read=_by_name("t = s")),
    Field("require", "formula", "Must occur", "a, b", "columns", read=texts.listed),
    Field("forbid", "formula", "May not occur", "a, b", "columns", read=texts.listed),
    Field("monotone", "formula", "Rises or falls", "t = +, a = -", "with these columns", read=_by_name("t = +")),
    Field(
        "limits", "formula", "Limits", "t -> inf = 0", "more after a semicolon", read=_by_name("t -> inf = 0", ";")
    ),
    Field(
        "constants", "formula", "Constants", "0, 10", "a range, positive, or dimensionless", read=texts.bounds_or_words
    ),
    Field("max_complexity", "formula", "Complexity", "20", "at most", read=_size),
    Field("noise", "rows", "Noise", "auto", "exact, or over the target's deviation: 0.01", read=_number),
    Field("loss", "rows", "Loss", "", "huber: rows far away count less", "choice", words=("squared", "huber")),
    Field("sigma", "rows", "Standard errors", "", "of the target", "column"),
    Field("weights", "rows", "Weights", "", "of squared residuals", "column"),
    Field("groups", "rows", "Groups", "", "constants may differ between them", "column"),
    Field("trials", "rows", "Trials", "", "of which the target counts events", "column"),
    Field("correlated", "rows", "Positions", "", "as times, along which errors are correlated", "column"),
    Field("start", "fit", "Start", "Vm = 200, K = 0.1", "values of constants", read=texts.starts),
    Field("bounds", "fit", "Bounds", "Vm = 0:, K = 0:5", "of constants", read=texts.limits),
    Field("varying", "fit", "Differ by group", "Vm, K", "constants", read=texts.listed),
    Field(
        "covariance", "fit", "Standard errors", "", "what they allow for", "choice",
        words=("usual", "classical", "heteroscedastic", "autocorrelated", "clustered"),
    ),
)  # fmt: skip
"""All fields, in the order of the page. Those of the rows are for searches and for fits."""


@request()
def knowledge(desk: Desk) -> Answer:
    """The fields in which a person says what is known."""
    shown = ("name", "place", "label", "example", "hint", "kind", "words")
    return {"fields": [{key: getattr(field, key) for key in shown} for field in FIELDS]}


def arguments_of(given: Any, places: tuple[Place, ...], columns: Sequence[str]) -> dict[str, Any]:
    """Return arguments by name from the texts in the fields of these places, those that were left empty left out.

    Errors: InputError for texts that make no sense, and for columns that there are not.
    """
    check(given is None or isinstance(given, dict), "'known' is texts by name.", given)
    known = {field.name: field for field in FIELDS if field.place in places}
    found: dict[str, Any] = {}
    for name, text in (given or {}).items():
        if name not in known:
            raise unknown("field", name, known)
        field = known[name]
        if text in ("", field.words[0] if field.words else ""):
            continue
        found[name] = field.value(text)
        if field.kind == "column" and found[name] not in columns:
            raise InputError(f"'{name}' is one of {', '.join(columns)}. Got {found[name]!r:.100}.")
    return found


def check_known(known: Any, names: Sequence[str], target: str) -> None:
    """Raise InputError, which begins with the name of an argument, for one that makes no sense of a table."""
    units = {"units": known["units"]} if "units" in known else {}
    for name, value in known.items():
        given: Any = {**units, name: value}
        try:
            Knowledge.of(given, names, target)
        except InputError as problem:
            raise InputError(_at(name, str(problem))) from None
    Knowledge.of(known, names, target)


def _at(name: str, problem: str) -> str:
    return problem if problem.startswith(f"'{name}'") else f"'{name}': {problem}"
