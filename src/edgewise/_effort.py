"""How much work a search or a solver may do: a word, or a number of what it counts."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError

EffortWord: TypeAlias = Literal["quick", "normal", "thorough"]
"""The words for effort, in every function that takes it; each says what it counts."""

Number = TypeVar("Number", int, float)


def spent(effort: object, levels: Mapping[EffortWord, Number], unit: str, least: int = 0) -> Number:
    """Return the work that an effort stands for: that of its word, or the number that was given.

    Numbers are whole where those of the words are.

    Errors: InputError for another word, and for a number below the least.

    >>> spent("quick", {"quick": 10, "normal": 100, "thorough": 1000}, "formulas")
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
