"""What ended long work, the same for training, solving and searches; each adds what it found to these."""

from __future__ import annotations

import enum
from typing import Literal

_BY: dict[str, Literal["limit", "interrupted", "stopped"]] = {
    "TIME_LIMIT": "limit", "EFFORT_SPENT": "limit", "INTERRUPTED": "interrupted", "STOPPED": "stopped",
}  # fmt: skip


class Ending(enum.Enum):
    """How work ended: its members are those of training, of solving or of a search, and their values say what to try.

    Members of the same name mean the same everywhere: TIME_LIMIT, EFFORT_SPENT, INTERRUPTED (Ctrl-C) and STOPPED (by a
    callback) cut work short from outside; the best so far is returned. All others are judgements of what was found.

    >>> class Outcome(Ending):
    ...     FOUND = "Something was found."
    ...     TIME_LIMIT = "The time limit ended the search."
    >>> Outcome.FOUND.ended_by, Outcome.TIME_LIMIT.ended_by, Outcome.TIME_LIMIT.message
    ('done', 'limit', 'The time limit ended the search.')
    """

    @property
    def message(self) -> str:
        """What happened, and what to try."""
        return str(self.value)

    @property
    def ended_by(self) -> Literal["done", "limit", "interrupted", "stopped"]:
        """What ended the work: itself, a limit of time or effort, the person at the keyboard, or a callback."""
        return _BY.get(self.name, "done")
