"""Where the shipped tables lie."""

from __future__ import annotations

from pathlib import Path

from edgewise._errors import unknown

_FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Return the names of the shipped tables, sorted.

    >>> names()
    ['knots', 'orbits']
    """
    return sorted(_files())


def path(name: str) -> Path:
    """Return the file of a shipped table; its provenance note is the `.md` beside it.

    Raises `InputError` for a name that is not among `names()`.

    >>> path("orbits").name
    'orbits.csv'
    """
    if name not in names():
        raise unknown("dataset", name, names())
    return _files()[name]


def _files() -> dict[str, Path]:
    return {table.stem: table for kind in ("*.csv", "*.parquet") for table in _FOLDER.glob(kind)}
