"""Where the shipped tables lie."""

from __future__ import annotations

from pathlib import Path

from edgewise._errors import unknown

_FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Return the names of the shipped tables, sorted.

    >>> names()
    ['orbits']
    """
    return sorted(table.stem for table in _FOLDER.glob("*.csv"))


def path(name: str) -> Path:
    """Return the file of a shipped table; its provenance note is the `.md` beside it.

    Raises `InputError` for a name that is not among `names()`.

    >>> path("orbits").name
    'orbits.csv'
    """
    if name not in names():
        raise unknown("dataset", name, names())
    return _FOLDER / f"{name}.csv"
