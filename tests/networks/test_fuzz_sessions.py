"""Session files with any damage: the same session, or one line that says why not, soon and in little memory."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from model_files import header_of, with_header
from mutations import bounded, damage, mutated
from session_files import members_of, sealed, zipped
from steering import begin

import edgewise as ew
from edgewise.session import Session

BOUNDS = {"seconds": 5.0, "megabytes": 200.0}


@functools.cache
def files() -> list[bytes]:
    """Two sessions, and each as the first schema had it, without a checksum."""
    units = {"a": "m", "b": {"m": 1, "s": -2}}
    long = begin((2, 1), units=units).add_variable("r", "a*a").note("squared").set_function((0, 0, 0), "sin")
    long = long.forbid(["exp"]).branch("other").prune_edge((0, 0, 1)).smooth((0, 0, 2), 0.5).undo(2)
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for session in (begin((2, 1)).lock([(0, 0, 0)]), long):
            session.save(f"{folder}/s")
            found.append(Path(folder, "s").read_bytes())
    return [*found, *(old(data) for data in found)]


def old(data: bytes) -> bytes:
    members = members_of(data)
    return zipped({**members, "session.json": {**json.loads(members["session.json"]), "schema": 1}}, seal=False)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "s"


def loaded(path: Path, data: bytes) -> Session | None:
    """The session, in which every state can be gone to; None where it was refused in one line."""
    path.write_bytes(data)
    with bounded(**BOUNDS):
        try:
            session = Session.load(path)
        except ew.InputError as error:
            assert str(error).isprintable() and len(str(error)) < 500 + len(str(path))
            return None
        for state in session.states:
            assert session.goto(state.id).log() and session.goto(state.id).error == state.error
        assert len(session.history()) == len(session.states)
        if session._undone:
            assert session.redo(len(session._undone)).undo(len(session._undone)).state is session.state
    return session


def written(path: Path, session: Session) -> bytes:
    session.save(path)
    return path.read_bytes()


@fuzz(40)
@given(number=st.integers(0, 1), data=st.data())
def test_damaged_bytes_never_load_as_another_session(number: int, data: st.DataObject, path: Path) -> None:
    session = loaded(path, data.draw(damage(files()))(files()[number]))
    if session is not None:
        assert written(path, session) in files()[:2]  # as where a whole old file follows other bytes


@fuzz(30)
@given(number=st.integers(0, 3), data=st.data())
def test_any_zip_is_read_or_refused(number: int, data: st.DataObject, path: Path) -> None:
    """With the checksum right again, or with none."""
    loaded(path, sealed(data.draw(damage(files()))(files()[number])))


@fuzz(40)
@given(number=st.integers(0, 3), data=st.data())
def test_any_history_is_read_or_refused(number: int, data: st.DataObject, path: Path) -> None:
    members = members_of(files()[number])
    said: Any = data.draw(mutated(json.loads(members["session.json"])))
    session = loaded(path, zipped({**members, "session.json": said}))
    if session is not None:
        assert loaded(path, written(path, session)) is not None


@fuzz(30)
@given(number=st.integers(0, 3), data=st.data())
def test_any_members_are_read_or_refused(number: int, data: st.DataObject, path: Path) -> None:
    members = members_of(files()[number])
    name = data.draw(st.sampled_from(sorted(members)))
    change = data.draw(st.sampled_from(["bytes", "bytes", "header", "swap", "rename", "remove", "add"]))
    others = [*members.values(), *members_of(files()[1]).values()]
    if change == "bytes":
        members[name] = data.draw(damage(others))(members[name])
    elif change == "header" and name != "session.json":
        members[name] = with_header(members[name], data.draw(mutated(header_of(members[name]))))
    elif change == "swap":
        members[name] = data.draw(st.sampled_from(others))
    elif change in ("rename", "remove"):
        whole = members.pop(name)
        if change == "rename":
            members[data.draw(st.sampled_from(["9.safetensors", "../x", "/a", "session.json", "ä"]))] = whole
    else:
        members[data.draw(st.sampled_from(["9.safetensors", "../x", "a/", "x"]))] = b""
    loaded(path, zipped(members))
