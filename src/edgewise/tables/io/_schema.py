"""What a saved network says about itself, checked before anything is built from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn import Architecture, Malformed, Nodes
from edgewise.tables.encoding import Inputs

SCHEMA = 5
"""The newest layout that this version reads and the one that it writes."""

TENSORS = ("coefficients", "base_weight", "affine", "knots", "mask", "affine_free")
"""The tensors of a layer, saved as `layers.<number>.<name>`."""

#: schema -> the fields that came with it, and what they are in files older than that
_ADDED: dict[int, dict[str, Any]] = {
    2: {"basis": "bspline"},
    3: {"units": None, "formulas": None, "rules": None},
    4: {"checksum": None, "decimals": None},
    5: {"inputs": None},
}

_LONGEST_UNIT = 100  # characters
_SHOWN = 60  # characters of a name from a file that a message repeats


@dataclass(frozen=True)
class Description(Architecture):
    """Everything about a network that its tensors do not say: its architecture, and the columns it was trained on.

    `names` and `target` are those of the columns, `target` a list for several outputs; `units` by name; `formulas` the
    outputs as text, for a reader: nothing is made of them; `checksum` the digest of the whole file (see `_packing`),
    None in older files; `decimals` the decimal signs of columns by name, as they were read from a table of text;
    `inputs` how a table with text, dates or gaps becomes numbers, as `encoding.Inputs.to_dict` says it.
    """

    names: list[str] | None
    target: str | list[str] | None
    units: dict[str, str] | None
    formulas: list[str] | None
    version: str
    checksum: str | None = None
    decimals: dict[str, str] | None = None
    inputs: dict[str, Any] | None = None

    def to_json(self) -> str:
        """The description as one line of JSON, its `schema` and `checksum` first.

        >>> said = Description([1, 1], "linear", 1, None, "float64", [[]], None, ["t"], None, None, None, "0.1.0")
        >>> said.to_json()[:50]
        '{"schema": 5, "checksum": null, "version": "0.1.0"'
        """
        fields = {name: getattr(self, name) for name in sorted(vars(self))}
        first = {name: fields.pop(name) for name in ("checksum", "version")}
        return json.dumps({"schema": SCHEMA, **first, **fields})

    @classmethod
    def from_json(cls, text: str) -> Description:
        """Read and check a description; `Malformed` says what is wrong with it.

        >>> Description.from_json('{"schema": 6}')
        Traceback (most recent call last):
        edgewise.nn._architecture.Malformed: was written by a newer version of edgewise (schema 6): upgrade edgewise
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
        _require(self.formulas is None or _are_texts(self.formulas, n_out), "list of formulas")
        self.check_edges()

    def _are_inputs(self) -> bool:
        """Whether the inputs of a table can be built, and are those of the network."""
        try:
            return Inputs.from_dict(self.inputs).names == self.names
        except InputError:
            return False


def is_names(names: object, count: int) -> TypeGuard[Sequence[str]]:
    """Whether these are `count` different texts, none empty and all such that they can be written."""
    return _are_texts(names, count) and all(names) and len(set(names)) == count


def is_target(target: object, count: int) -> bool:
    """Whether this is a text, or for several outputs as many different ones."""
    return _is_text(target) or (count > 1 and is_names(target, count))


def columns_of(names: Sequence[str] | None, target: str | Sequence[str] | None) -> list[str]:
    """Return the names of inputs and outputs, as far as there are any."""
    return [*(names or ()), *([target] if isinstance(target, str) else target or ())]


def is_units(units: object, columns: Sequence[str]) -> bool:
    """Whether this maps some of the columns to short texts of one line, like "m/s"."""
    if not isinstance(units, Mapping) or not set(units) <= set(columns):
        return False
    return all(
        isinstance(unit, str) and 0 < len(unit) <= _LONGEST_UNIT and unit.isprintable() for unit in units.values()
    )


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
