"""Files of solutions: tensors and a line of JSON in the layout of safetensors, with a checksum over both."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._replacing import writing
from edgewise._version import __version__

_KEY, _SUM = "edgewise.pde", "sha256"
_SCHEMA = 1
_MOST_HEADER = 10**8  # bytes, the limit of safetensors


class Refused(Exception):
    """Why a file is not read, in words that complete "The file ..."."""


def write(path: str | os.PathLike[str], kind: str, said: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write what JSON and tensors say; the file is there complete or not at all."""
    from safetensors.torch import save

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"schema": _SCHEMA, "version": __version__, "kind": kind, **said}, ensure_ascii=False)
    try:
        data = save(whole, {_KEY: text, _SUM: _digest(text, whole)})
    except UnicodeEncodeError as error:
        raise InputError(f"The solution holds a name that cannot be written ({error.reason}): rename it.") from None
    with writing(path) as file:
        file.write(data)


def read(path: str | os.PathLike[str], kind: str | None = None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write` wrote; `kind` is what it must hold, if that is known.

    Errors: InputError for a file that is not there or cannot be read; Refused for another one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = _bytes(Path(path))
    metadata = _metadata(data)
    text, known = metadata.get(_KEY), metadata.get(_SUM)
    if not isinstance(text, str):
        raise Refused("is no solution that edgewise saved: name another file")
    try:
        tensors = load(data)
        said = json.loads(text)
    except (SafetensorError, KeyError, ValueError, RecursionError):  # KeyError: of a type that torch does not have
        raise Refused("is damaged: restore it from a backup, or save the solution again") from None
    schema = said.get("schema") if isinstance(said, dict) else None
    if is_int(schema, _SCHEMA + 1):
        raise Refused("was written by a newer version of edgewise: upgrade edgewise")
    if known != _digest(text, tensors) or schema != _SCHEMA:
        raise Refused("is damaged: its checksum does not match. Restore it from a backup, or save the solution again")
    if kind is not None and said.get("kind") != kind:
        raise Refused(f"holds a {said.get('kind')!s:.30}, not a {kind}: name another file")
    return said, tensors


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a .safetensors file in it.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name and the folder.")
    if not path.is_file():  # a pipe would wait for a writer
        raise InputError(f"{path} is no regular file: name a .safetensors file.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from None


def _metadata(data: bytes) -> dict[str, Any]:
    """What the header says of the whole file; the header may claim any length."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, _MOST_HEADER):
        raise Refused("is not a safetensors file, or a damaged one: name another file, or save the solution again")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        header = None
    found = header.get("__metadata__") if isinstance(header, dict) else None
    return found if isinstance(found, dict) else {}


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 digest of the text and of each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
