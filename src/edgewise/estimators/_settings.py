"""How an estimator searches for formulas, and what its user knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from edgewise._checks import is_int, is_number
from edgewise._effort import EffortWord
from edgewise._errors import InputError, unknown
from edgewise._renamed import renamed
from edgewise.discovery import checked_loss
from edgewise.discovery.knowledge import Knowledge, Known
from edgewise.discovery.tables import Loss
from edgewise.estimators._choose import Select
from edgewise.estimators._features import Features

Effort = Literal["direct"] | EffortWord | int
Noise = Literal["auto", "exact"] | float

_BY_COLUMN = ("units", "monotone")
_LISTED = ("require", "forbid")


@dataclass(frozen=True)
class Settings:
    """How formulas are searched for and chosen, checked. `known` are keywords of `edgewise.discover`."""

    select: Select = "best"
    max_complexity: int | None = None
    effort: Effort = "normal"
    noise: Noise = "auto"
    time_limit: float = 30.0
    loss: Loss = "squared"
    rounding: bool = True
    n_jobs: int | None = None
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        words = [word for each in get_args(Effort) for word in get_args(each)]
        if self.select not in get_args(Select):
            raise unknown("value of 'select'", self.select, get_args(Select))
        if self.effort not in words and not is_int(self.effort, 0):
            raise unknown("value of 'effort'", self.effort, words)
        if self.max_complexity is not None and not is_int(self.max_complexity, 1):
            raise InputError(f"'max_complexity' must be None or an int from 1. Got {self.max_complexity!r}.")
        if not is_number(self.time_limit, 0, 1e300) or not self.time_limit:
            raise InputError(f"'time_limit' must be a positive number of seconds. Got {self.time_limit!r}.")
        checked_loss(self.loss)
        if not isinstance(self.rounding, bool):
            raise InputError(f"'rounding' must be True or False. Got {self.rounding!r}.")
        if self.direct and self.known.get("template") is not None:
            raise InputError("'template' needs a search. Take effort='normal'.")

    @classmethod
    def of(cls, estimator: Any) -> Settings:
        """Return the settings in the parameters of an estimator. Errors: InputError for those that do not exist."""
        names = [name for name in cls.__dataclass_fields__ if hasattr(estimator, name)]
        every = {name: getattr(estimator, name, None) for name in Known.__annotations__ if name != "max_complexity"}
        known = {name: value for name, value in every.items() if value is not None}
        given = {name: getattr(estimator, name) for name in names}
        given |= {name: renamed(name, given[name]) for name in ("effort", "loss") if name in given}
        return cls(**given, known=cast("Known", known))

    @property
    def direct(self) -> bool:
        """Whether only formulas are looked for that need no model."""
        return self.effort == "direct"

    def knowledge(self, names: tuple[str, ...]) -> Knowledge:
        """Return what is known of formulas of these inputs; nothing where there are none."""
        return Knowledge.of(self.known, names, "y") if names else Knowledge()

    def for_features(self, features: Features, columns: list[str]) -> Settings:
        """Return the settings with the inputs of formulas in place of the columns of the table.

        A column stands for all of its inputs; those that do not vary have none. Levels and gaps have no unit.
        """
        inputs = {c: [f for f in features.features if columns[f.column] == c] for c in columns}
        known: dict[str, Any] = dict(self.known)
        for key in _LISTED:
            given = known.get(key, ())
            words = [given] if isinstance(given, str) else given
            if key in known and isinstance(words, Iterable):
                known[key] = [name for word in words for name in _names(inputs, word)]
        for key in _BY_COLUMN:
            if isinstance(known.get(key), Mapping):
                pairs = known[key].items()
                known[key] = {name: value for word, value in pairs for name in _names(inputs, word, "value")}
        if isinstance(known.get("units"), Mapping):
            unmeasured = {f.name: "" for f in features.features if f.kind != "value"}
            known["units"] = {**unmeasured, **known["units"]}
        if known and self.max_complexity is not None:
            known["max_complexity"] = self.max_complexity
        return replace(self, known=cast("Known", known))


def _names(inputs: Mapping[str, list[Any]], word: Any, kind: str | None = None) -> list[Any]:
    """Return the inputs that a column has, of one kind; the word itself where it is no column."""
    if word not in inputs:
        return [word]
    return [each.name for each in inputs[word] if kind in (None, each.kind)]
