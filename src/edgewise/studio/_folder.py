"""The one folder in which a studio opens and writes files: plain names in it, and nothing anywhere else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgewise._errors import InputError, unknown
from edgewise._printable import excerpt
from edgewise._replacing import writing
from edgewise.studio._desk import Desk
from edgewise.studio._requests import Answer, request
from edgewise.tables import datasets

FIRST = "first"
"""The drawer of what the page begins with: a dict of a table's file, and of target and inputs, or None for them."""
TABLES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".xlsx", ".parquet")
SESSIONS = (".session",)
NETWORKS = (".safetensors",)
LARGEST = 64 * 2**20  # bytes of an upload
_LONGEST = 200  # bytes of a name, so that an ending still fits into the 255 that file systems take
_FORBIDDEN = frozenset('<>:"|?*')  # Windows takes none of them


@request()
def files(desk: Desk) -> Answer:
    """What can be opened: files in the studio's folder, shipped tables, the one that the studio was started with."""
    return {
        "folder": desk.folder.name, "largest": LARGEST, "read_only": desk.read_only,
        "session": desk.file.name if desk.has_session and desk.file is not None else None, "open": desk.has_session,
        "first": desk.drawers.get(FIRST),
        "tables": listed(desk.folder, TABLES), "sessions": listed(desk.folder, SESSIONS),
        "networks": listed(desk.folder, NETWORKS),
        "shipped": [{"file": name, "about": _about(name)} for name in datasets.names()],
    }  # fmt: skip


def _about(name: str) -> str:
    """The first sentence of a shipped table's note."""
    text = datasets.path(name).with_suffix(".md").read_text(encoding="utf-8").split("\n\n")[1]
    return " ".join(text.split()).partition(". ")[0].removesuffix(".") + "."


def listed(folder: Path, endings: Sequence[str]) -> list[dict[str, Any]]:
    """Return the files in the folder that could be opened, newest first: name, size in bytes, time of the last change.

    Left out: files in folders below, hidden ones, what is no regular file, and links that lead out of the folder.
    """
    found = [one for one in _entries(folder) if one.suffix.lower() in endings and _problem(folder, one) is None]
    rows = [(one.name, one.stat()) for one in found]
    rows.sort(key=lambda row: (-row[1].st_mtime, row[0]))
    return [{"file": name, "size": stat.st_size, "changed": stat.st_mtime} for name, stat in rows[:500]]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"The studio's folder cannot be read ({error.strerror}): check its permissions.") from None


def place(folder: Path, name: Any, endings: Sequence[str]) -> Path:
    """Return the path of a file in the folder.

    Errors: InputError for what is no plain name with one of the endings, for a file that is not there, for folders,
    devices and pipes, and for links that lead out of the folder.
    """
    path = folder / plain(name, endings)
    problem = _problem(folder, path)
    if problem is None:
        return path
    there = [row["file"] for row in listed(folder, endings)]
    if problem == "missing" and there:
        raise unknown("file", name, there)
    raise InputError(f"{name!r} {_PROBLEMS[problem]}.")


def plain(name: Any, endings: Sequence[str]) -> str:
    """Return a file name; InputError for one that has a folder in it, is hidden, too long, or has another ending."""
    if not isinstance(name, str) or not name:
        raise InputError(f"A file is named by a text. Got {_short(name)}.")
    if "/" in name or "\\" in name or name.startswith("."):
        raise InputError(f"A file is named without its folder, and hidden files are not opened. Got {_short(name)}.")
    if not name.isprintable() or name != name.strip():
        raise InputError(f"A file's name has no control characters and no blanks at its ends. Got {_short(name)}.")
    if len(name.encode()) > _LONGEST:
        raise InputError(f"A file's name has at most {_LONGEST} bytes. Got {_short(name)}, {len(name.encode())} bytes.")
    if Path(name).suffix.lower() not in endings:
        raise InputError(f"The name of the file must end in {' or '.join(endings)}. Got {_short(name)}.")
    return name


_PROBLEMS = {
    "missing": "is not in the studio's folder: put it there, or upload it",
    "strange": "is no regular file: copy what it holds to a file in the studio's folder",
    "outside": "is a link to a file that is not in the studio's folder: copy that file there",
}


def _problem(folder: Path, path: Path) -> str | None:
    """What keeps a file from being opened."""
    try:
        plain(path.name, (path.suffix.lower(),))
        goal = path.resolve(strict=True)
    except InputError:
        return "strange"
    except (OSError, RuntimeError, ValueError):  # loops of links, names that the system does not take
        return "strange" if path.is_symlink() else "missing"
    if goal.parent != folder or goal.name.startswith("."):
        return "outside"
    return None if goal.is_file() else "strange"


def unused(folder: Path, stem: str, ending: str) -> Path:
    """Return a path at which nothing is: STEM.ending, STEM-2.ending, ..."""
    path, number = folder / f"{stem}{ending}", 1
    while path.exists() or path.is_symlink():
        number += 1
        path = folder / f"{stem}-{number}{ending}"
    return path


def store(folder: Path, name: Any, content: Any, encoding: Any) -> str:
    """Write what a person uploads, never over another file; return the name that it has now.

    `content` is text, or with `encoding` "base64" what is so written. A file that is there with the same content is
    left as it is.
    """
    name = plain(name, (*TABLES, *SESSIONS, *NETWORKS))
    if set(name) & _FORBIDDEN:
        raise InputError(
            f"A file that is uploaded has none of {' '.join(sorted(_FORBIDDEN))} in its name. Got {name!r}."
        )
    data = _decoded(content, encoding)
    old = folder / name
    if _problem(folder, old) is None and old.stat().st_size == len(data) and old.read_bytes() == data:
        return name
    path = unused(folder, old.stem, old.suffix)
    with writing(path) as file:
        file.write(data)
    return path.name


def _decoded(content: Any, encoding: Any) -> bytes:
    if not isinstance(content, str) or not isinstance(encoding, str) or encoding not in _READERS:
        raise InputError("An upload has a text as 'content', and 'encoding' is 'text' or 'base64'.")
    too_large = InputError(f"An upload has at most {LARGEST // 2**20} MiB: copy larger files into the studio's folder.")
    if len(content) > 4 * (LARGEST // 3 + 1):
        raise too_large
    try:
        data = _READERS[encoding](content)
    except (ValueError, binascii.Error):
        raise InputError("What was uploaded cannot be read: send it again.") from None
    if len(data) > LARGEST:
        raise too_large
    return data


_READERS: dict[str, Callable[[str], bytes]] = {
    "text": lambda text: text.encode(),
    "base64": lambda text: base64.b64decode(text, validate=True),
}


def _short(name: object) -> str:
    """A name as a message repeats it."""
    return excerpt(repr(name), 60)
