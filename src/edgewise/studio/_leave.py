"""Requests by which a person leaves with what was found: as text to copy, as a download, as a file in the folder."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from edgewise._errors import InputError, unknown
from edgewise._replacing import writing
from edgewise.studio._desk import Desk
from edgewise.studio._exports import EXPORTS, Export, Subject, script_files, script_text
from edgewise.studio._folder import plain
from edgewise.studio._kept import kept_discovery, meanings
from edgewise.studio._requests import Answer, check, request


@request()
def exports(desk: Desk) -> Answer:
    """What can be exported, and why some of it cannot be now."""
    subject = _subject(desk)
    return {
        "at": subject.session.state.id,
        "folder": desk.folder.name,
        "read_only": desk.read_only,
        "items": [
            {"what": e.what, "group": e.group, "title": e.title, "about": e.about, "name": _name(e, subject.stem),
             "file": _file(e, subject.stem), "text": e.media.startswith("text/plain"),
             "problem": e.problem(subject.session)}
            for e in EXPORTS
        ],
    }  # fmt: skip


@request()
def export(desk: Desk, what: str) -> Answer:
    """One export: its file's name and type, and `text`, or `base64` of bytes; a script also as text."""
    subject, kind = _subject(desk), _kind(what)
    made = _made(kind, subject)
    answer: Answer = {"name": _name(kind, subject.stem), "media": kind.media}
    if isinstance(made, str):
        return {**answer, "text": made}
    answer["base64"] = base64.b64encode(made).decode("ascii")
    if what == "script":
        answer["text"] = script_text(made)
    return answer


@request(changes=True)
def write(desk: Desk, what: str, name: str | None = None, replace: bool = False) -> Answer:
    """Write an export into the studio's folder, over no other file unless told to; the names of its files."""
    check(isinstance(replace, bool), "'replace' is true or false.", replace)
    subject, kind = _subject(desk), _kind(what)
    default = _file(kind, subject.stem)
    given = plain(name or default, (Path(default).suffix,))
    if what == "script":
        stem = Path(given).stem
        for file in (given, f"{stem}.safetensors", f"{stem}.rows.safetensors"):
            _free(desk, file, replace)
        return {"files": script_files(subject, desk.folder, stem), "folder": desk.folder.name}
    _free(desk, given, replace)
    made = _made(kind, subject)
    with writing(desk.folder / given) as file:
        file.write(made.encode() if isinstance(made, str) else made)
    return {"files": [given], "folder": desk.folder.name}


def _subject(desk: Desk) -> Subject:
    session = desk.session
    stem = desk.file.stem if desk.file is not None else "session"
    table: Any = desk.drawers.get("start", {}).get("table")
    return Subject(session, stem, table, meanings(desk), desk.notes, kept_discovery(desk))


def _kind(what: Any) -> Export:
    kinds = {kind.what: kind for kind in EXPORTS}
    if not isinstance(what, str) or what not in kinds:
        raise unknown("export", what, kinds)
    return kinds[what]


def _name(kind: Export, stem: str) -> str:
    return f"{stem}{kind.ending}"


def _file(kind: Export, stem: str) -> str:
    """The name in the studio's folder: a script is not zipped there."""
    return f"{stem}.py" if kind.what == "script" else _name(kind, stem)


def _made(kind: Export, subject: Subject) -> str | bytes:
    problem = kind.problem(subject.session)
    if problem is not None:
        raise InputError(problem)
    return kind.make(subject)


def _free(desk: Desk, name: str, replace: bool) -> None:
    """Raise InputError for a place at which something is that must not be replaced."""
    path = desk.folder / name
    if desk.file is not None and path.resolve() == desk.file.resolve():
        raise InputError(f"{name} holds this session: choose another name.")
    if path.is_symlink():
        raise InputError(f"{name} is a link: choose another name.")
    if path.exists() and not replace:
        raise InputError(f"There is a file {name} already: choose another name, or replace it.")
