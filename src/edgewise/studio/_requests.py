"""What a page may ask for: requests as rows, their arguments checked before anything is done."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgewise._errors import InputError, unknown

Answer = dict[str, Any]
Function = Callable[..., Answer]


class Moved(InputError):
    """The session is no longer where the page believes it to be, or is busy.

    Parameters
    ----------
    message
        What was wrong, and what to do.
    """


@dataclass(frozen=True)
class Request:
    """One kind of request.

    Parameters
    ----------
    name
        Its name.
    act
        What it does at a desk.
    changes
        Whether it changes anything.
    """

    name: str
    act: Function
    changes: bool

    def answer(self, desk: Any, given: Mapping[str, Any]) -> Answer:
        """Return the answer.

        Parameters
        ----------
        desk
            The desk.
        given
            The arguments by name.

        Raises
        ------
        InputError
            For arguments that do not fit.
        """
        takes = [parameter for name, parameter in inspect.signature(self.act).parameters.items() if name != "desk"]
        known = [parameter.name for parameter in takes]
        for name in given:
            if not known:
                raise InputError(f"The request {self.name!r} takes no arguments. Got {name!r:.200}.")
            if name not in known:
                raise unknown(f"argument of {self.name!r}", name, known)
        missing = [p.name for p in takes if p.default is p.empty and p.name not in given]
        if missing:
            raise InputError(f"The request {self.name!r} needs {', '.join(missing)}.")
        return self.act(desk, **given)


REQUESTS: dict[str, Request] = {}
"""Requests by name."""


def request(*, changes: bool = False) -> Callable[[Function], Function]:
    """Make a function of a desk a request of its name; `changes` says that it is refused where nothing may change."""

    def known(function: Function) -> Function:
        REQUESTS[function.__name__] = Request(function.__name__, function, changes)
        return function

    return known


def check(sound: object, wanted: str, given: object) -> None:
    """Raise InputError for an argument that is not what is wanted."""
    if not sound:
        raise InputError(f"{wanted} Got {given!r:.200}.")
