"""The bytes of a model file: tensors, a description and a checksum in the layout of safetensors, all checked.

A file is 8 bytes with the length of a header, the header, which is JSON, and the tensors. The description is the text
of the metadata entry "edgewise", and the checksum a field of it: the SHA-256 digest of the whole file with zeros in the
digest's place.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import BinaryIO

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from edgewise.nn import Malformed
from edgewise.nn.bases import Basis
from edgewise.tables.io._schema import TENSORS, Description

_KEY = "edgewise"
_MARK = re.compile(rb'\{\\"schema\\": \d+, \\"checksum\\": \\"')  # before the digest: never in a text
_BLANK = b"0" * 64
_LONGEST_HEADER = 10**8  # bytes, the limit of safetensors
_LONGEST_DESCRIPTION = 2**25  # characters: a million edges, each with a rule
_MISMATCH = "is damaged: its checksum does not match. Restore it from a backup, or save the network again"
_NO_NETWORK = "is a safetensors file, but not a network that edgewise saved: use edgewise.save"
_NO_FILE = "is not a safetensors file, or a damaged one: save the network again"
_FLAGS = ("mask", "affine_free")
_SHOWN = 60  # characters of a name from a file that a message repeats

Shape = tuple[int, ...]


def packed(tensors: dict[str, Tensor], description: Description) -> bytes:
    """Return the whole file."""
    text = replace(description, checksum=_BLANK.decode()).to_json()
    if len(text) > _LONGEST_DESCRIPTION:
        raise Malformed("has a description that is too long to be read again: use fewer rules, functions or names")
    data = safetensors.torch.save(tensors, {_KEY: text})
    place = _place(data, len(data))
    return b"".join([data[:place], _digest(data, place), data[place + len(_BLANK) :]])


def unpacked(file: BinaryIO) -> tuple[Description, dict[str, Tensor]]:
    """Read a file that was opened at its beginning; what it claims is checked before it is read or made.

    Errors: Malformed; OSError.
    """
    head, text = _header(file)
    data = head + file.read()
    try:
        tensors = safetensors.torch.load(data)  # no larger than the file, whatever its header claims
    except (safetensors.SafetensorError, KeyError):  # the latter for a type that torch does not have
        raise Malformed(_NO_FILE) from None
    place = _place(data, len(head))
    if place and data[place : place + len(_BLANK)] != _digest(data, place):
        raise Malformed(_MISMATCH)
    description = Description.from_json(text)
    if description.checksum is not None and not place:
        raise Malformed(_MISMATCH)
    check_shapes(tensors, description)
    check_values(tensors, description)
    return description, tensors


def has_description(file: BinaryIO) -> bool:
    """Whether this is a file of `edgewise.save`, as far as its header says."""
    try:
        _header(file)
    except Malformed as problem:
        return str(problem) != _NO_NETWORK
    finally:
        file.seek(0)
    return True


def _header(file: BinaryIO) -> tuple[bytes, str]:
    """The beginning of the file, whose header may claim any length, and the description in it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > min(size - 8, _LONGEST_HEADER):
        raise Malformed(_NO_FILE)
    said = file.read(length)
    try:
        header = json.loads(said)
    except (ValueError, RecursionError):
        raise Malformed(_NO_FILE) from None
    if not isinstance(header, dict):
        raise Malformed(_NO_FILE)
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise Malformed(_NO_NETWORK)
    if len(text) > _LONGEST_DESCRIPTION:
        raise Malformed("has a description that is too long: save the network again")
    return first + said, text


def _place(data: bytes, end: int) -> int:
    """Where the digest stands in the header; 0 in files that have none."""
    found = _MARK.search(data, 0, end)
    return found.end() if found else 0


def _digest(data: bytes, place: int) -> bytes:
    view = memoryview(data)
    digest = hashlib.sha256(view[:place])
    digest.update(_BLANK)
    digest.update(view[place + len(_BLANK) :])
    return digest.hexdigest().encode()


def check_shapes(found: Mapping[str, Tensor], description: Description) -> None:
    """Compare the shapes and types of tensors with what the description asks for.

    Errors: Malformed.
    """
    known = set()
    for number, shape in enumerate(description.shapes()):
        keys = {name: f"layers.{number}.{name}" for name in TENSORS}
        known.update(keys.values())
        for key in keys.values():
            _require(key in found, key, "is missing")
        coefficients = tuple(found[keys["coefficients"]].shape)
        for name, expected in _expected(coefficients, shape, description).items():
            key = keys[name]
            size = tuple(found[key].shape)
            _require(size == expected, key, f"has shape {str(size)[:_SHOWN]} instead of {str(expected)[:_SHOWN]}")
            dtype = "bool" if name in _FLAGS else description.dtype
            _require(found[key].dtype == getattr(torch, dtype), key, f"is not {dtype}")
    for key in found:
        _require(key in known, key, "is unknown")


def _require(sound: bool, key: str, what: str) -> None:
    if not sound:
        raise Malformed(f"is damaged (tensor {key[:_SHOWN]!r} {what}): save the network again")


def _are_knots(knots: Tensor, basis: Basis) -> bool:
    """Whether these are numbers, and +inf only after those of a cell or more of splines."""
    finite = torch.isfinite(knots)
    if basis.degree is None or bool(finite.all()):
        return bool(finite.all())
    return bool((finite | (knots == torch.inf)).all()) and bool(finite[:, : basis.n_knots(basis.count(1))].all())


def _expected(coefficients: Shape, shape: Shape, description: Description) -> dict[str, Shape]:
    """The shapes of a layer's tensors; the grid follows from the coefficients."""
    basis = description.built_basis
    count = basis.count(max(1, basis.grid(coefficients[-1] if coefficients else 0)))
    return {
        "coefficients": (*shape, count),
        "base_weight": shape,
        "affine": (*shape, 4),
        "knots": (shape[1], basis.n_knots(count)),
        "mask": shape,
        "affine_free": (*shape, 4),
    }


def check_values(tensors: Mapping[str, Tensor], description: Description) -> None:
    """Raise for values that no network has."""
    for key, tensor in tensors.items():
        if tensor.dtype is torch.bool:
            sound = bool((tensor.view(torch.uint8) <= 1).all())
        elif key.endswith(".knots"):
            sound = _are_knots(tensor, description.built_basis)
        else:
            sound = bool(torch.isfinite(tensor).all())
        if not sound:
            raise Malformed(f"has values in {key!r} that are not finite numbers: save the network again")
        if key.endswith(".knots"):
            step = tensor.diff(dim=-1)
            inner = description.built_basis.breakpoints(tensors[key]).diff(dim=-1)
            if bool((step < 0).any()) or bool((inner <= 0).any()):
                raise Malformed(f"has knots in {key!r} that do not ascend: save the network again")
