"""Session files that are damaged, made up or older: the same session, or one line that says why not."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from session_files import members_of, sealed, zipped
from steering import begin

import edgewise as ew
from edgewise.networks.session import Session, _file


def _damage(source: Path, out: Path, change: Any) -> None:
    """Change what the file says of itself; the checksum is right again, so that it is not what is refused."""
    members: dict[str, Any] = dict(members_of(source.read_bytes()))
    members["session.json"] = change(json.loads(members["session.json"]))
    out.write_bytes(zipped({name: value for name, value in members.items() if value is not None}))


def _state(number: int, **changes: Any) -> Any:
    """Change fields of a state; Ellipsis takes one away."""

    def apply(said: dict[str, Any]) -> dict[str, Any]:
        states = [dict(state) for state in said["states"]]
        states[number].update(changes)
        states[number] = {name: value for name, value in states[number].items() if value is not ...}
        return {**said, "states": states}

    return apply


DAMAGES = {
    "no history": lambda said: None,
    "a list": lambda said: [said],
    "newer": lambda said: {**said, "schema": 4},
    "no states": lambda said: {**said, "states": []},
    "more states": lambda said: {**said, "states": said["states"] * 2},
    "another action": lambda said: {**said, "states": [said["states"][0], {**said["states"][1], "name": "run"}]},
    "wrong arguments": lambda said: {
        **said,
        "states": [said["states"][0], {**said["states"][1], "arguments": {"x": 1}}],
    },
    "a parent that comes later": lambda said: {
        **said,
        "states": [said["states"][0], {**said["states"][1], "parent": 1}],
    },
    "before the start": lambda said: {**said, "at": -1},
    "undone nowhere": lambda said: {**said, "undone": ["x"]},
    "nowhere": lambda said: {**said, "at": 9},
    "no names": lambda said: {**said, "names": ["a"]},
    "a parent that is itself": _state(2, parent=2),
    "parents in a circle": lambda said: _state(2, parent=1)(_state(1, parent=2)(said)),
    "a parent of the start": _state(0, parent=1),
    "a parent that is no number": _state(2, parent="1"),
    "a parent that is half a number": _state(2, parent=0.5),
    "a parent that is true": _state(2, parent=True),
    "an error that is no number": _state(1, error=float("nan")),
    "an error below zero": _state(1, error=-1.0),
    "an error as text": _state(1, error="1.0"),
    "no error": _state(1, error=...),
    "one field more": _state(1, more=1),
    "a branch without a name": _state(1, branch=""),
    "a note that is no text": _state(1, note=3),
    "half a character": _state(1, note="\ud800"),
    "a deep argument": _state(1, arguments={"steps": json.loads("[" * 400 + "]" * 400)}),
    "a huge argument": _state(2, arguments={"edge": [0, 0, 0], "weight": 10**400}, name="smooth"),
    "a variable without a column": _state(1, variables=[["r", "a*b"]]),
    "forbidden numbers": _state(1, forbidden=[1]),
    "undone out of order": lambda said: {**said, "undone": [1, 2]},
    "no line": lambda said: {**said, "line": None},
    "at true": lambda said: {**said, "at": True},
    "units of nothing": lambda said: {**said, "units": {"q": "m"}},
    "units as a list": lambda said: {**said, "units": ["m"]},
    "huge units": lambda said: {**said, "units": {"a": {"m": 10**400}}},
    "names of numbers": lambda said: {**said, "names": [1, 2]},
    "no targets": lambda said: {**said, "targets": []},
    "schema true": lambda said: {**said, "schema": True},
    "many states": lambda said: {**said, "states": said["states"] * 10**4},
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three states."""
    path = tmp_path_factory.mktemp("sound") / "s"
    begin().refit(1).refit(1).save(path)
    return path


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_session_is_refused(name, sound, tmp_path) -> None:
    _damage(sound, tmp_path / "bad", DAMAGES[name])
    with pytest.raises(ew.InputError, match=r"bad") as caught:
        Session.load(tmp_path / "bad")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of two states, whose start is a small network with a function."""
    path = tmp_path_factory.mktemp("small") / "s"
    begin((2, 1)).set_function((0, 0, 1), "sin", (1, 0, 1, 0)).save(path)
    return path.read_bytes()


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ew.InputError) as caught:
        Session.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_of_the_first_schema_load_and_later_ones_need_their_checksum(small, tmp_path) -> None:
    members = members_of(small)
    assert sealed(small) == small
    said = json.loads(members["session.json"])
    states = [{key: value for key, value in state.items() if key != "held_out"} for state in said["states"]]
    before = {key: value for key, value in said.items() if key not in ("target", "classes", "held_out")}
    old = {**members, "session.json": {**before, "states": states, "schema": 1}}
    (tmp_path / "old").write_bytes(zipped(old, seal=False))
    assert Session.load(tmp_path / "old").log() == Session.load(_written(tmp_path / "new", small)).log()
    assert "its checksum is missing" in refusal(tmp_path / "bare", zipped(members, seal=False))
    newer = zipped({**members, "session.json": {**said, "schema": 4}})
    assert "written by a newer version of edgewise: upgrade" in refusal(tmp_path / "newer", newer)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_flipped_bits_and_parts_of_other_sessions_are_refused(small, tmp_path) -> None:
    """Wherever they are: in a member, in a date, in the checksum."""
    for place in range(0, 8 * len(small), 97):
        flipped = bytearray(small)
        flipped[place // 8] ^= 1 << place % 8
        refusal(tmp_path / "s", bytes(flipped))
    place = len(small) // 2
    flipped = small[:place] + bytes([small[place] ^ 1]) + small[place + 1 :]
    assert "is damaged: its checksum does not match. Restore it from a backup" in refusal(tmp_path / "s", flipped)


def test_a_small_file_that_asks_for_much_memory_is_refused(small, monkeypatch, tmp_path) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(_file, "_MOST", 2**24)
    members = members_of(small)
    zeros = (2**24).to_bytes(8, "little") + bytes(2**24)
    deep = b"[" * 10**7
    wide = b'{"states": [' + b"[]," * 3 * 10**6 + b"[]]}"
    header = (10**7).to_bytes(8, "little") + b"[[],[],[],[]" * 10**6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "would unpack to 17 MB from 0 MB" in refusal(tmp_path / "s", zipped({**members, "0.safetensors": zeros}))
    for name, data in [("session.json", deep), ("session.json", wide), ("0.safetensors", header)]:
        refusal(tmp_path / "s", zipped({**members, name: data}))
    claimed = small.replace((len(members["session.json"])).to_bytes(4, "little"), (2**32 - 1).to_bytes(4, "little"))
    refusal(tmp_path / "s", sealed(claimed))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kilobytes


def test_sessions_with_long_texts_and_repetitive_networks_load_again(monkeypatch, tmp_path) -> None:
    """What would unpack to more than is allowed is written without compression."""
    monkeypatch.setattr(_file, "_MOST", 2**14)
    monkeypatch.setattr(_file, "_MOST_TEXT", 2**12)
    session = begin((2, 8, 1)).note("long " * 10**4)
    session.save(tmp_path / "s")
    assert Session.load(tmp_path / "s").log() == session.log()
    assert Session.load(_written(tmp_path / "t", (tmp_path / "s").read_bytes())).log() == session.log()


def table(**columns: torch.Tensor) -> dict[str, bytes]:
    return {"rows.safetensors": safetensors.torch.save(columns)}


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.float64)


MEMBERS = {
    "a path upwards": {"../../evil": b"1"},
    "a path from the root": {"/etc/passwd": b""},
    "a network more": {"2.safetensors": b""},
    "an empty network": {"0.safetensors": b""},
    "another file": {"README": b"hello"},
    "deep JSON": {"session.json": b"[" * 10**5},
    "no UTF-8": {"session.json": b"\xff"},
    "a long number": {"session.json": b"1" * 5000},
    "no rows": {"rows.safetensors": b""},
    "no targets": table(x=zeros(40, 2)),
    "another table": table(x=zeros(40, 2), y=zeros(40, 1), z=zeros(40, 1)),
    "a column more": table(x=zeros(40, 3), y=zeros(40, 1)),
    "fewer targets": table(x=zeros(40, 2), y=zeros(39, 1)),
    "targets without columns": table(x=zeros(40, 2), y=zeros(40)),
    "whole numbers": table(x=zeros(40, 2).int(), y=zeros(40, 1).int()),
    "numbers that are none": table(x=zeros(40, 2) * torch.nan, y=zeros(40, 1)),
    "an empty table": table(x=zeros(0, 2), y=zeros(0, 1)),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_no_session_has_are_refused(name, small, tmp_path) -> None:
    refusal(tmp_path / "s", zipped({**members_of(small), **MEMBERS[name]}))


@pytest.mark.parametrize("widths", [[3, 1], [2, 2], [2, 1]])
def test_networks_must_fit_the_rows(widths, small, tmp_path) -> None:
    """In float64, as every step leaves them."""
    dtype = torch.float32 if widths == [2, 1] else torch.float64
    ew.save(ew.KAN(widths, dtype=dtype), tmp_path / "m")
    for name in ("0.safetensors", "1.safetensors"):
        if (widths, name) != ([2, 1], "0.safetensors"):
            refusal(tmp_path / "s", zipped({**members_of(small), name: (tmp_path / "m").read_bytes()}))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_compression_that_no_session_has_are_refused(method: int, small, tmp_path) -> None:
    assert "no session" in refusal(tmp_path / "s", zipped(members_of(small), method=method))


def test_an_encrypted_or_doubled_member_is_refused(small, tmp_path) -> None:
    secret = bytearray(small)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        secret[small.index(mark) + place] |= 1
    assert "no session" in refusal(tmp_path / "s", sealed(bytes(secret)))
    twice = small.replace(b"1.safetensors", b"0.safetensors")
    assert "no session" in refusal(tmp_path / "s", sealed(twice))


def test_the_same_session_gives_the_same_bytes(small, tmp_path) -> None:
    Session.load(_written(tmp_path / "a", small)).save(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == small


def test_a_text_that_cannot_be_written_is_refused(tmp_path) -> None:
    with pytest.raises(ew.InputError, match="a text that cannot be written"):
        begin().note("\ud800").save(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_sessions_are_refused(tmp_path) -> None:
    (tmp_path / "text").write_text("hello")
    for name, message in [("text", "no session"), ("none", "no file"), (".", "no file")]:
        with pytest.raises(ew.InputError, match=message):
            Session.load(tmp_path / name)
    with pytest.raises(ew.InputError, match="no folder"):
        begin().save(tmp_path / "nowhere" / "s")
    with pytest.raises(ew.InputError, match="is a folder"):
        begin().save(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "s")
    with pytest.raises(ew.InputError, match="no file"):
        Session.load(tmp_path / "s")
