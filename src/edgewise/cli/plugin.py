"""Commands that other distributions add to `edgewise`, by an entry point of the group `edgewise.commands`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from edgewise._errors import InputError
from edgewise.cli._json import Json as Json
from edgewise.cli._json import print_json as print_json
from edgewise.cli._output import console as console
from edgewise.cli._output import progress as progress
from edgewise.cli._output import writable_folder as writable_folder

GROUP = "edgewise.commands"
_ELSEWHERE = {"bench": "edgewise-bench", "reproduce": "edgewise-bench"}


class Command(NamedTuple):
    """A command: a function that typer can run, and example command lines without the leading `edgewise`."""

    function: Callable[..., Any]
    examples: tuple[str, ...]


def commands() -> Iterator[Command]:
    """Yield the commands of the installed distributions, in order of their names.

    A command whose module cannot be imported is listed all the same; calling it reports the error.
    """
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            yield entry.load()
        except ImportError as error:
            yield Command(_broken(entry.name, str(error)), ())


def _broken(name: str, why: str) -> Callable[..., Any]:
    def command() -> None:
        raise InputError(f"The command {name} cannot be loaded ({why}): install its distribution again.")

    command.__name__ = name
    command.__doc__ = "Cannot be loaded: install its distribution again."
    return command


def distribution_of(command: str) -> str | None:
    """Return the distribution that brings a command that edgewise itself does not have; None if it is not known.

    >>> distribution_of("bench")
    'edgewise-bench'
    """
    return _ELSEWHERE.get(command)
