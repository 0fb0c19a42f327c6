"""What a saved network says about itself, checked, and the bytes of its file."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeGuard

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn import Architecture, Malformed, Nodes
from edgewise.nn.bases import Basis
from edgewise.tables.encoding import Inputs

SCHEMA = 6
"""The newest layout that this version reads and the one that it writes."""

TENSORS = ("coefficients", "base_weight", "affine", "knots", "mask", "affine_free")
"""The tensors of a layer, saved as `layers.<number>.<name>`."""

#: schema -> the fields that came with it, and what they are in files older than that
_ADDED: dict[int, dict[str, Any]] = {
    2: {"basis": "bspline"},
    3: {"units": None, "formulas": None, "rules": None},
    4: {"checksum": None, "decimals": None},
    5: {"inputs": None},
    6: {"classes": None},
}

_SHOWN = 60  # characters of a name from a file that a message repeats


@dataclass(frozen=True)
class Description(Architecture):
    """Everything about a network that its tensors do not say: its architecture, and the columns it was trained on.

    `names` and `target` are those of the columns, `target` a list for several outputs; `units` by name; `formulas` the
    outputs as text, for a reader: nothing is made of them; `checksum` the digest of the whole file (see `_packing`),
    None in older files; `decimals` the decimal signs of columns by name, as they were read from a table of text;
    `inputs` how a table with text, dates or gaps becomes numbers, as `encoding.Inputs.to_dict` says it; `classes` the
    labels of a target that is a class, whose logits the outputs are.
    """

    names: list[str] | None
    target: str | list[str] | None
    units: dict[str, str] | None
    formulas: list[str] | None
    version: str
    checksum: str | None = None
    decimals: dict[str, str] | None = None
    inputs: dict[str, Any] | None = None
    classes: list[str] | None = None

    def to_json(self) -> str:
        """The description as one line of JSON, its `schema` and `checksum` first.

        >>> said = Description([1, 1], "linear", 1, None, "float64", [[]], None, ["t"], None, None, None, "0.1.0")
        >>> said.to_json()[:50]
        '{"schema": 6, "checksum": null, "version": "0.1.0"'
        """
        fields = {name: getattr(self, name) for name in sorted(vars(self))}
        first = {name: fields.pop(name) for name in ("checksum", "version")}
        return json.dumps({"schema": SCHEMA, **first, **fields})

    @classmethod
    def from_json(cls, text: str) -> Description:
        """Read and check a description; `Malformed` says what is wrong with it.

        >>> Description.from_json('{"schema": 7}')
        Traceback (most recent call last):
        edgewise.nn._architecture.Malformed: was written by a newer version of edgewise (schema 7): upgrade edgewise
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise Malformed("has a damaged description: save the network again") from None
        _require(isinstance(data, dict), "description")
        schema = data.pop("schema", None)
        _require(is_int(schema, 1, 2**62 - 1), "schema number")
        if schema > SCHEMA:
            shown = f"{schema}"[:_SHOWN]
            raise Malformed(f"was written by a newer version of edgewise (schema {shown}): upgrade edgewise")
        for newest, fields in _ADDED.items():
            if schema < newest:
                data = {**fields, **data}
        for name in sorted(cls.__dataclass_fields__.keys() ^ data.keys()):
            _require(False, f"description ({name[:_SHOWN]!r} is {'unknown' if name in data else 'missing'})")
        found = cls(**data)
        found.check_all()
        _require(schema < 4 or found.checksum is not None, "checksum")
        found.symbols[:] = [[(j, i, name) for j, i, name in symbols] for symbols in found.symbols]
        return found

    def check_all(self) -> None:
        """Raise `Malformed` for what describes no network, or other columns than its own."""
        self.check()
        _require(_is_text(self.version), "version")
        _require(self.checksum is None or _is_text(self.checksum), "checksum")
        n_out = Nodes.parse(self.widths[-1]).n_nodes
        _require(self.target is None or is_target(self.target, n_out), "target name")
        _require(self.names is None or is_names(self.names, self.widths[0]), "list of input names")
        columns = columns_of(self.names, self.target)
        _require(self.units is None or is_units(self.units, columns), "table of units")
        _require(self.decimals is None or is_decimals(self.decimals, columns), "table of decimal signs")
        _require(self.inputs is None or self._are_inputs(), "encoding of the columns")
        _require(self.classes is None or is_classes(self.classes, self.target, n_out), "list of classes")
        _require(self.formulas is None or _are_texts(self.formulas, n_out), "list of formulas")
        self.check_edges()

    def _are_inputs(self) -> bool:
        """Whether the inputs of a table can be built, and are those of the network."""
        try:
            return Inputs.from_dict(self.inputs).names == self.names
        except InputError:
            return False


def is_names(names: object, count: int) -> TypeGuard[Sequence[str]]:
    """Return whether these are different texts, none empty and all such that they can be written.

    Parameters
    ----------
    names
        The names.
    count
        How many there must be.

    Examples
    --------
    >>> from edgewise.io import is_names
    >>> is_names(["a", "b"], 2), is_names(["a", "a"], 2)
    (True, False)
    """
    return _are_texts(names, count) and all(names) and len(set(names)) == count


def is_classes(classes: object, target: object, count: int) -> bool:
    """Whether these are the labels of a target's classes: one for each output, or two for one."""
    return _is_text(target) and is_names(classes, max(count, 2))


def is_target(target: object, count: int) -> bool:
    """Whether this is a text, or for several outputs as many different ones."""
    return _is_text(target) or (count > 1 and is_names(target, count))


def columns_of(names: Sequence[str] | None, target: str | Sequence[str] | None) -> list[str]:
    """Return the names of inputs and outputs, as far as there are any."""
    return [*(names or ()), *([target] if isinstance(target, str) else target or ())]


def is_units(units: object, columns: Sequence[str]) -> bool:
    """Return whether this maps some of the columns to short texts of one line, like "m/s".

    Parameters
    ----------
    units
        The unit of each column that has one.
    columns
        The names of the columns.

    Examples
    --------
    >>> from edgewise.io import is_units
    >>> is_units({"speed": "m/s"}, ["mass", "speed"]), is_units({"height": "m"}, ["mass", "speed"])
    (True, False)
    """
    if not isinstance(units, Mapping) or not set(units) <= set(columns):
        return False
    longest = 100  # characters
    return all(isinstance(unit, str) and 0 < len(unit) <= longest and unit.isprintable() for unit in units.values())


def is_decimals(decimals: object, columns: Sequence[str]) -> bool:
    """Whether this maps some of the columns to decimal signs."""
    if not isinstance(decimals, Mapping):
        return False
    return set(decimals) <= set(columns) and all(sign in (".", ",") for sign in decimals.values())


def _is_text(value: object) -> bool:
    """Whether this is a text that has an encoding, as one with half a character of UTF-16 has not."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _are_texts(values: object, count: int) -> TypeGuard[Sequence[str]]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        return False
    return len(values) == count and all(map(_is_text, values))


def _require(sound: bool, what: str) -> None:
    if not sound:
        raise Malformed(f"has a damaged {what}: save the network again")


_KEY = "edgewise"
_MARK = re.compile(rb'\{\\"schema\\": \d+, \\"checksum\\": \\"')  # before the digest: never in a text
_BLANK = b"0" * 64
_LONGEST_DESCRIPTION = 2**25  # characters: a million edges, each with a rule
_MISMATCH = "is damaged: its checksum does not match. Restore it from a backup, or save the network again"
_NO_NETWORK = "is a safetensors file, but not a network that edgewise saved: use edgewise.save"
_NO_FILE = "is not a safetensors file, or a damaged one: save the network again"
_FLAGS = ("mask", "affine_free")

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
    longest = 10**8  # bytes, the limit of safetensors
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > min(size - 8, longest):
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
            _require_tensor(key in found, key, "is missing")
        coefficients = tuple(found[keys["coefficients"]].shape)
        for name, expected in _expected(coefficients, shape, description).items():
            key = keys[name]
            size = tuple(found[key].shape)
            _require_tensor(
                size == expected,
                key,
                f"has shape {str(size)[:_SHOWN]} instead of {str(expected)[:_SHOWN]}",
            )
            dtype = "bool" if name in _FLAGS else description.dtype
            _require_tensor(found[key].dtype == getattr(torch, dtype), key, f"is not {dtype}")
    for key in found:
        _require_tensor(key in known, key, "is unknown")


def _require_tensor(sound: bool, key: str, what: str) -> None:
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
