"""The shipped tables."""

from pathlib import Path

from edgewise._errors import unknown

_FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Return the names of the shipped tables, sorted.

    Examples
    --------
    >>> from edgewise.datasets import names
    >>> names()
    ['lynx', 'orbits', 'penguins', 'sleepstudy', 'theophylline']
    """
    return sorted(_files())


def path(name: str) -> Path:
    """Return the file of a shipped table; its provenance note is the `.md` beside it.

    Parameters
    ----------
    name
        One of `names()`.

    Raises
    ------
    InputError
        For another name.

    Examples
    --------
    >>> from edgewise.datasets import path
    >>> path("orbits").name
    'orbits.csv'
    """
    files = _files()
    if name not in files:
        raise unknown("dataset", name, files)
    return files[name]


def _files() -> dict[str, Path]:
    return {table.stem: table for table in _FOLDER.glob("*.csv")}
