"""The effort of a search or a solver, as a word or as an amount of work."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError

EffortWord: TypeAlias = Literal["quick", "normal", "thorough"]
"""The words for effort. Each function that takes them documents the amounts they stand for."""

Number = TypeVar("Number", int, float)


def work_of(effort: object, levels: Mapping[EffortWord, Number], unit: str, least: int = 0) -> Number:
    """Return the amount of work for an effort: the one its word stands for, or the number itself.

    levels: the amount for each word; if they are ints, a number must be one too. unit: what is counted, for the error
    message. least: the smallest number allowed.

    Errors: InputError for an unknown word or a number below `least`.

    >>> work_of("quick", {"quick": 10, "normal": 100, "thorough": 1000}, "formulas")
    10
    """
    kind = type(next(iter(levels.values())))
    for level, work in levels.items():
        if isinstance(effort, str) and effort == level:
            return work
    if not (is_int(effort, least) if kind is int else is_number(effort, least)):
        words = ", ".join(map(repr, levels))
        raise InputError(f"'effort' must be {words} or a number of {unit} from {least}. Got {effort!r}.")
    return kind(effort)  # type: ignore[arg-type]
