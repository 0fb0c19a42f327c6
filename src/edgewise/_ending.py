"""The base class of all outcomes: why training, a solver or a search ended."""

from __future__ import annotations

import enum
import inspect
from typing import Any, Literal

_BY: dict[str, Literal["limit", "interrupted", "stopped"]] = {
    "TIME_LIMIT": "limit", "EFFORT_SPENT": "limit", "INTERRUPTED": "interrupted", "STOPPED": "stopped",
}  # fmt: skip


class Ending(enum.Enum):
    """Why a computation ended. Subclasses define the members; a member's value is its message.

    TIME_LIMIT, EFFORT_SPENT, INTERRUPTED (Ctrl-C) and STOPPED (by a callback) mean the same in every subclass: the
    computation was cut short, and the best result so far is returned. All other members judge a complete result.

    >>> class Outcome(Ending):
    ...     FOUND = "Something was found."
    ...     TIME_LIMIT = "The time limit ended the search."
    >>> Outcome.FOUND.ended_by, Outcome.TIME_LIMIT.ended_by, Outcome.TIME_LIMIT.message
    ('done', 'limit', 'The time limit ended the search.')
    >>> print(Outcome.__doc__.splitlines()[-1])
    TIME_LIMIT: The time limit ended the search.
    """

    def __init_subclass__(cls, **settings: Any) -> None:
        """Let the docstring end with all members and their messages, which `help` cuts."""
        super().__init_subclass__(**settings)
        said = "\n".join(f"{member.name}: {member.value}" for member in cls)
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{said}"

    @property
    def message(self) -> str:
        """What happened, and what to try."""
        return str(self.value)

    @property
    def ended_by(self) -> Literal["done", "limit", "interrupted", "stopped"]:
        """What ended the computation: "limit" is one of time or effort, "interrupted" Ctrl-C, "stopped" a callback."""
        return _BY.get(self.name, "done")
