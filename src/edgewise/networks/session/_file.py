"""A session as one file: a zip of networks and rows as safetensors, and its history as JSON."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import safetensors
import safetensors.torch
import torch

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._printable import excerpt
from edgewise._replacing import writing
from edgewise._version import __version__
from edgewise.networks.session._actions import ACTIONS
from edgewise.networks.session._history import History, Situation, State
from edgewise.networks.session._rows import Rows, Variable
from edgewise.nn import KAN
from edgewise.tables.io import Malformed, model_bytes, read_model

_WORD = b"edgewise sha256 "
_DIGEST = 64  # hexadecimal digits

# Limits on the unpacked size: bytes, or a multiple of the packed size; lower for texts, which take several times their
# length when they are parsed. Longer contents are written without compression.
_MOST = 2**28
_MOST_TEXT = 2**22
_TIMES = 8

NO_SESSION = "is no session of edgewise, or a damaged one: save the session again"


class Damaged(Exception):
    """What is wrong with a file, in words that complete "The file ..."."""


def packed(members: Mapping[str, bytes]) -> bytes:
    """Return the whole file; the same members give the same bytes."""
    total = sum(map(len, members.values()))
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            long = total > _MOST or text_length(name, data) > _MOST_TEXT
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_STORED if long else zipfile.ZIP_DEFLATED
            file.writestr(info, data)
        file.comment = _WORD + b"0" * _DIGEST
    whole = out.getvalue()[:-_DIGEST]
    return whole + hashlib.sha256(whole).hexdigest().encode()


def text_length(name: str, data: bytes) -> int:
    """How long the JSON in a member is: all of it, or the header of its tensors as its first 8 bytes say."""
    return len(data) if name.endswith(".json") else int.from_bytes(data[:8], "little")


@dataclass(frozen=True)
class Archive:
    """An open zip whose members may be read: none is encrypted, and together they are not too long."""

    file: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]
    sealed: bool

    @classmethod
    def of(cls, file: BinaryIO) -> Archive:
        """Check the checksum, where there is one, and the list of members."""
        size = file.seek(0, os.SEEK_END)
        sealed = _check_digest(file, size)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OSError):
            raise Damaged(NO_SESSION) from None
        found = archive.infolist()
        members = {info.filename: info for info in found}
        known = all(info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in found)
        if len(members) != len(found) or not known or any(info.flag_bits & 1 for info in found):
            raise Damaged(NO_SESSION)
        total = sum(info.file_size for info in found)
        if total > max(_MOST, _TIMES * size):
            raise Damaged(f"would unpack to {total / 1e6:.0f} MB from {size / 1e6:.0f} MB: no session does that")
        return cls(archive, members, sealed)

    def read(self, name: str) -> bytes:
        """What a member holds, which is no longer than the list of members says."""
        info = self.members.get(name)
        if info is None:
            raise Damaged(NO_SESSION)
        try:
            with self.file.open(info) as member:
                first = member.read(8)
                length = text_length(name, first) if not name.endswith(".json") else info.file_size
                if length > max(_MOST_TEXT, _TIMES * info.compress_size):
                    raise Damaged(NO_SESSION)
                return first + member.read()
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError):
            raise Damaged(NO_SESSION) from None

    def read_json(self, name: str) -> Any:
        """What a member says, in which every text has an encoding and every number is one."""
        try:
            said = json.loads(self.read(name), parse_constant=_constant)
            to_json(said)
        except (ValueError, RecursionError):
            raise Damaged(NO_SESSION) from None
        return said


def to_json(said: Any) -> bytes:
    """JSON as UTF-8; ValueError for texts that have no encoding."""
    return json.dumps(said, ensure_ascii=False).encode()


def _constant(name: str) -> float:
    """Infinity is the error of a network that overflows somewhere; other numbers are finite."""
    if name != "Infinity":
        raise ValueError(name)
    return float("inf")


def _check_digest(file: BinaryIO, size: int) -> bool:
    """Compare the digest; False for files of the first schema, which have none."""
    if size < len(_WORD) + _DIGEST:
        return False
    file.seek(size - len(_WORD) - _DIGEST)
    if file.read(len(_WORD)) != _WORD:
        return False
    expected = file.read(_DIGEST)
    file.seek(0)
    digest, left = hashlib.sha256(), size - _DIGEST
    while left and (piece := file.read(min(left, 2**20))):
        digest.update(piece)
        left -= len(piece)
    if digest.hexdigest().encode() != expected:
        raise Damaged("is damaged: its checksum does not match. Restore it from a backup, or save the session again")
    return True


_SCHEMA = 3  # the first one had no checksum, the second one no rows held out and no classes
_FIELDS = {"schema", "version", "names", "targets", "units", "at", "line", "undone", "states"}
_STATE_FIELDS = {"parent", "branch", "name", "arguments", "error", "note", "forbidden", "variables"}
_LATER = {"target", "classes", "held_out"}  # fields from the third schema on


def save(session: History, path: str | PathLike[str]) -> None:
    """Write the session; the file is there complete or not at all."""
    rows = session._rows
    said = {
        "schema": _SCHEMA, "version": __version__, "names": rows.names, "targets": rows.targets,
        "units": rows.units, "target": rows.target, "classes": rows.classes, "held_out": rows.held_out,
        "at": session._at, "line": session._line, "undone": session._undone,
        "states": [_described(state) for state in session.states],
    }  # fmt: skip
    table = {"x": rows.whole.x.cpu().contiguous(), "y": rows.whole.y.cpu().contiguous()}
    try:
        members = {"session.json": to_json(said), "rows.safetensors": safetensors.torch.save(table)}
    except UnicodeEncodeError as error:
        raise InputError(f"The session holds a text that cannot be written ({error.reason}): rename it.") from None
    for state in session.states:
        members[_network(state.id)] = model_bytes(state.situation.model)
    data = packed(members)
    with writing(path) as file:
        file.write(data)


def load(path: str | PathLike[str]) -> History:
    """Read the session; every network is checked as `edgewise.load` does."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    try:
        with path.open("rb") as file:
            return _read(Archive.of(file))
    except Damaged as why:
        raise InputError(f"{path} {excerpt(why, 300)}.") from None
    except InputError as why:
        raise InputError(f"{path}: {excerpt(why, 300)}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
        raise InputError(f"{path} {NO_SESSION}.") from None


def _network(number: int) -> str:
    return f"{number}.safetensors"


def _described(state: State) -> dict[str, Any]:
    now = state.situation
    return {
        "parent": state.parent, "branch": state.branch, "name": state.name, "arguments": dict(state.arguments),
        "error": state.error, "held_out": None if math.isnan(state.held_out) else state.held_out, "note": state.note,
        "forbidden": now.forbidden,
        "variables": [[variable.name, variable.formula] for variable in now.variables],
    }  # fmt: skip


def _read(archive: Archive) -> History:
    said = archive.read_json("session.json")
    schema = said.get("schema") if isinstance(said, dict) else None
    if not is_int(schema, 1):
        raise Damaged(NO_SESSION)
    if schema > _SCHEMA:
        raise Damaged("was written by a newer version of edgewise: upgrade edgewise")
    if schema > 1 and not archive.sealed:
        raise Damaged("is damaged: its checksum is missing. Restore it from a backup, or save the session again")
    _require(set(said) == (_FIELDS | _LATER if schema > 2 else _FIELDS))
    _require(isinstance(said["states"], list) and said["states"])
    networks = [_network(number) for number in range(len(said["states"]))]
    _require(set(archive.members) == {"session.json", "rows.safetensors", *networks})
    table, models = _rows(archive), [_model(archive, name) for name in networks]
    targets, units = said["targets"], said["units"]
    _require(_are_texts(targets) and targets and _are_texts(said["names"]) and isinstance(units, dict))
    classes, held_out = said.get("classes") or None, said.get("held_out", 0.0)
    target = said["target"] if classes else targets[0] if len(targets) == 1 else targets
    rows = Rows.of(models[0], table["x"], table["y"], said["names"], target, units, classes, held_out)
    _require(list(rows.targets) == targets)
    pairs = zip(said["states"], models, strict=True)
    states = tuple(_state(number, state, model, rows) for number, (state, model) in enumerate(pairs))
    _check_history(states, said["at"], said["line"], said["undone"])
    _check_variables(states, rows)
    return History(rows, states, said["at"], said["line"], tuple(said["undone"]))


def _rows(archive: Archive) -> dict[str, torch.Tensor]:
    try:
        rows = safetensors.torch.load(archive.read("rows.safetensors"))
    except (safetensors.SafetensorError, KeyError):  # also of types that torch does not know
        raise Damaged(NO_SESSION) from None
    _require(set(rows) == {"x", "y"})
    _require(all(value.dim() == 2 and value.dtype is torch.float64 for value in rows.values()))
    return rows


def _model(archive: Archive, name: str) -> KAN:
    try:
        return read_model(BytesIO(archive.read(name))).model
    except Malformed as problem:
        raise Damaged(f"holds a network ({name}) that {problem}") from None


def _check_history(states: Sequence[State], at: Any, line: Any, undone: Any) -> None:
    """Require a place in the history, and that what was undone leads on from there, step by step."""
    _require(isinstance(line, str) and line and isinstance(undone, list))
    _require(all(is_int(place, 0, len(states) - 1) for place in (at, *undone)))
    for place in reversed(undone):
        _require(states[place].parent == at)
        at = place


def _check_variables(states: Sequence[State], rows: Rows) -> None:
    """Require that every variable can be computed from the columns before it; InputError says what cannot."""
    known: set[tuple[Variable, ...]] = {()}
    for state in states:
        variables = state.situation.variables
        for count in range(1, len(variables) + 1):
            if variables[:count] not in known:
                rows.check(variables[: count - 1], variables[count - 1])
                known.add(variables[:count])


def _are_texts(value: object) -> bool:
    """Whether this is a list of texts."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _state(number: int, row: Any, model: KAN, table: Rows) -> State:
    """A state of its row; what its action took is read as if it had been given now."""
    _require(isinstance(row, dict) and set(row) | {"held_out"} == _STATE_FIELDS | {"held_out"})
    parent, name, error, held_out = row["parent"], row["name"], row["error"], row.get("held_out")
    _require(all(isinstance(row[field], str) for field in ("branch", "name", "note")) and row["branch"])
    _require(
        all(value == float("inf") or is_number(value, 0) for value in (error, 0.0 if held_out is None else held_out))
    )
    _require(_are_texts(row["forbidden"]) and isinstance(row["variables"], list))
    _require(all(_are_texts(pair) and len(pair) == 2 for pair in row["variables"]))
    variables = tuple(Variable(*pair) for pair in row["variables"])
    sound = model.n_in == len(table.names) + len(variables) and model.n_out == len(table.targets)
    if not sound or model.dtype != torch.float64:
        raise Damaged(f"holds a network ({number}.safetensors) that does not fit its rows: save the session again")
    arguments: dict[str, Any] = {}
    if number == 0:
        _require(parent is None and name == "start" and row["arguments"] == {})
    else:
        _require(is_int(parent, 0, number - 1) and name in ACTIONS and isinstance(row["arguments"], dict))
        arguments = ACTIONS[name].read((), row["arguments"])
    situation = Situation(model, variables, tuple(row["forbidden"]))
    new = math.nan if held_out is None else float(held_out)
    return State(number, parent, row["branch"], name, arguments, situation, float(error), new, row["note"])


def _require(sound: object) -> None:
    if not sound:
        raise Damaged(NO_SESSION)
