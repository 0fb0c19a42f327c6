"""A session as one file: a zip of networks and rows as safetensors, and its history as JSON."""

from __future__ import annotations

import json
import tempfile
import zipfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch

from edgewise import io
from edgewise._errors import InputError
from edgewise._replacing import replacing
from edgewise._version import __version__
from edgewise.session._actions import ACTIONS
from edgewise.session._rows import Variable
from edgewise.session._situation import Situation
from edgewise.session._state import State

if TYPE_CHECKING:
    from edgewise.session._session import Session

_SCHEMA = 1
_DAMAGED = "is no session of edgewise, or a damaged one: save the session again"


def save(session: Session, path: str | PathLike[str]) -> None:
    """Write the session, so that the file is there complete or not at all."""
    path, rows = Path(path), session._rows
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} to: make it first.")
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it.")
    said = {
        "schema": _SCHEMA, "version": __version__, "names": rows.names, "targets": rows.targets,
        "units": rows.units,
        "at": session._at, "line": session._line, "undone": session._undone,
        "states": [_described(state) for state in session.states],
    }  # fmt: skip
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            replacing(path) as whole,
            zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file,
        ):
            file.writestr("session.json", json.dumps(said))
            table = {"x": rows.table.x.cpu().contiguous(), "y": rows.table.y.cpu().contiguous()}
            file.writestr("rows.safetensors", safetensors.torch.save(table))
            for state in session.states:
                io.save(state.situation.model, Path(folder) / "network")
                file.write(Path(folder) / "network", f"{state.id}.safetensors")
    except OSError as error:
        raise InputError(f"Cannot write {path} ({error.strerror or error}): choose another place.") from None


def load(path: str | PathLike[str]) -> Session:
    """Read the session; every network is checked as `edgewise.load` does."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    try:
        with zipfile.ZipFile(path) as file, tempfile.TemporaryDirectory() as folder:
            said = json.loads(file.read("session.json"))
            if not isinstance(said, dict) or said.get("schema") != _SCHEMA:
                raise InputError(f"{path} {_DAMAGED}, or upgrade edgewise.")
            rows = safetensors.torch.load(file.read("rows.safetensors"))
            models = []
            for number in range(len(said["states"])):
                (Path(folder) / "network").write_bytes(file.read(f"{number}.safetensors"))
                models.append(io.load(Path(folder) / "network"))
            return _built(said, rows, models)
    except (
        zipfile.BadZipFile,
        safetensors.SafetensorError,
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        OSError,
    ) as why:
        if isinstance(why, InputError):
            raise InputError(f"{path}: {why}") from None
        raise InputError(f"{path} {_DAMAGED}.") from None


def _described(state: State) -> dict[str, Any]:
    now = state.situation
    return {
        "parent": state.parent, "branch": state.branch, "name": state.name, "arguments": dict(state.arguments),
        "error": state.error, "note": state.note, "forbidden": now.forbidden,
        "variables": [[variable.name, variable.formula] for variable in now.variables],
    }  # fmt: skip


def _built(said: dict[str, Any], rows: dict[str, Any], models: list[Any]) -> Session:
    from edgewise.session._session import Session

    targets = said["targets"]
    session = Session(
        models[0], rows["x"], rows["y"], said["names"], target=targets[0] if len(targets) == 1 else targets,
        units=said["units"],
    )  # fmt: skip
    states = [
        _state(number, row, model) for number, (row, model) in enumerate(zip(said["states"], models, strict=True))
    ]
    if not all(isinstance(place, int) and 0 <= place < len(states) for place in (said["at"], *said["undone"])):
        raise ValueError("place")
    session._states, session._at = tuple(states), said["at"]
    session._line, session._undone = str(said["line"]), tuple(said["undone"])
    return session


def _state(number: int, row: dict[str, Any], model: Any) -> State:
    """A state of its row; what its action took is read as if it had been given now."""
    variables = tuple(Variable(str(name), str(formula)) for name, formula in row["variables"])
    now = Situation(model, variables, tuple(str(name) for name in row["forbidden"]))
    if number == 0:
        arguments: dict[str, Any] = {}
    else:
        if row["name"] not in ACTIONS or not 0 <= row["parent"] < number:
            raise ValueError("history")
        arguments = ACTIONS[row["name"]].read((), row["arguments"])
    return State(
        number,
        row["parent"],
        str(row["branch"]),
        str(row["name"]),
        arguments,
        now,
        float(row["error"]),
        str(row["note"]),
    )
