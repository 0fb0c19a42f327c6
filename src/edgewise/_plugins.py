"""Members that other distributions add to bases, solvers, languages, forms and benchmarks, by entry points.

They are looked for when a name is unknown, or when all names are needed; nothing is imported before.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError, first_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_LOCK = RLock()
_added: set[EntryPoint] = set()


def offered(kind: str) -> list[str]:
    """Return the names of the entry points of the group `edgewise.<kind>`."""
    return [entry.name for entry in _entries(kind)]


def add(kind: str, table: Container[str], register: Callable[[Any], object], name: str | None = None) -> None:
    """Register what installed distributions offer: the member of a name, or all members.

    Parameters
    ----------
    kind
        What follows `edgewise.` in the group's name.
    table
        The members by name.
    register
        Puts a member into the table, or raises an error where it does not fit or its name is taken.
    name
        The name; None for all.

    Raises
    ------
    InputError
        For a member that cannot be loaded or registered, or that has another name than its entry point.
    """
    with _LOCK:
        for entry in _entries(kind):
            if name not in (None, entry.name) or entry in _added:
                continue
            _added.add(entry)  # at once: a form may ask for another one
            try:
                register(entry.load())
                if entry.name not in table:
                    raise InputError("it has another name")
            except Exception as error:
                _added.discard(entry)
                source = f"the distribution {entry.dist.name}" if entry.dist else entry.value
                raise InputError(
                    f"{entry.name!r}, which {source} adds to edgewise.{kind}, cannot be used "
                    f"({first_line(error)}): update or uninstall it."
                ) from error


@cache
def _entries(kind: str) -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(dict.fromkeys(entry_points(group=f"edgewise.{kind}")))
