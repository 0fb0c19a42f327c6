"""What a saved network says about itself, checked before anything is built from it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from edgewise import functions
from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.bases import BASE_FUNCTIONS, BASES, BaseName, Basis, named
from edgewise.encoding import Inputs
from edgewise.nn import Nodes, Rule

SCHEMA = 5
"""The newest layout that this version reads and the one that it writes."""

DTYPES = ("float32", "float64")
TENSORS = ("coefficients", "base_weight", "affine", "knots", "mask", "affine_free")
"""The tensors of a layer, saved as `layers.<number>.<name>`."""

#: schema -> the fields that came with it, and what they are in files older than that
_ADDED: dict[int, dict[str, Any]] = {
    2: {"basis": "bspline"},
    3: {"units": None, "formulas": None, "rules": None},
    4: {"checksum": None, "decimals": None},
    5: {"inputs": None},
}

Shape = tuple[int, ...]
Symbol = tuple[int, int, str]
RuleRow = tuple[int, int, dict[str, Any]]

_LONGEST_UNIT = 100  # characters
_SHOWN = 60  # characters of a name from a file that a message repeats


class Malformed(Exception):
    """What is wrong with the description, in words that complete "The file ..."."""


@dataclass(frozen=True)
class Description:
    """Everything about a network that its tensors do not say.

    `widths` lists ints, or (sums, products) with the products an int or a list of arities, as `KAN` takes them, like
    `basis` and `degree` (None for a basis without one); `symbols` the function names (j, i, name) of each layer's
    symbolic edges; `rules` what a person decided about edges, (j, i, row) with the rows of `nn.Rule`, None where there
    is none; `names` and `target` those of the columns it was trained on, `target` a list for several outputs;
    `units` by name; `formulas` the outputs as text, for a reader: nothing is made of them; `checksum` the digest of the
    whole file (see `_packing`), None in older files; `decimals` the decimal signs of columns by name, as they were read
    from a table of text; `inputs` how a table with text, dates or gaps becomes numbers, as `encoding.Inputs.to_dict`
    says it.
    """

    widths: list[Any]
    basis: str
    degree: int | None
    base: BaseName | None
    dtype: str
    symbols: list[list[Symbol]]
    rules: list[list[RuleRow]] | None
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
        edgewise.io._schema.Malformed: was written by a newer version of edgewise (schema 6): upgrade edgewise
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise Malformed("has a damaged description: save the network again") from None
        _require(isinstance(data, dict), "description")
        schema = data.pop("schema", None)
        _require(_is_size(schema, 1), "schema number")
        if schema > SCHEMA:
            shown = f"{schema}"[:_SHOWN]
            raise Malformed(f"was written by a newer version of edgewise (schema {shown}): upgrade edgewise")
        for newest, fields in _ADDED.items():
            if schema < newest:
                data = {**fields, **data}
        for name in sorted(cls.__dataclass_fields__.keys() ^ data.keys()):
            _require(False, f"description ({name[:_SHOWN]!r} is {'unknown' if name in data else 'missing'})")
        found = cls(**data)
        found._check()
        _require(schema < 4 or found.checksum is not None, "checksum")
        found.symbols[:] = [[(j, i, name) for j, i, name in symbols] for symbols in found.symbols]
        return found

    @property
    def built_basis(self) -> Basis:
        """The basis of every layer."""
        return named(self.basis) if self.degree is None else named(self.basis, self.degree)

    def shapes(self) -> Iterator[Shape]:
        """The (subnodes, inputs) of each layer, by arithmetic alone: nothing is as large as a file claims."""
        for before, after in itertools.pairwise(map(Nodes.parse, self.widths)):
            yield (after.n_subnodes, before.n_nodes)

    def _check(self) -> None:
        _require(isinstance(self.widths, list) and len(self.widths) >= 2, "list of widths")
        _require(_is_size(self.widths[0], 1) and all(map(_is_width, self.widths)), "list of widths")
        _require(isinstance(self.basis, str), "basis")
        if self.basis not in BASES:
            raise Malformed(_unknown("basis", self.basis, "edgewise.bases.register"))
        _require(self.degree is None or _is_size(self.degree, 1), "degree")
        try:
            sound = self.built_basis.degree == self.degree
        except InputError:
            sound = False
        _require(sound, "basis or degree")
        _require(self.base is None or (isinstance(self.base, str) and self.base in BASE_FUNCTIONS), "base function")
        _require(self.dtype in DTYPES, "number type")
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
        self._check_edges(self.symbols, "list of functions", _check_function)
        if self.rules is not None:
            self._check_edges(self.rules, "list of rules", _check_rule)

    def _are_inputs(self) -> bool:
        """Whether the inputs of a table can be built, and are those of the network."""
        try:
            return Inputs.from_dict(self.inputs).names == self.names
        except InputError:
            return False

    def _check_edges(self, layers: Any, what: str, check: Callable[[Any], None]) -> None:
        """Require for each layer a list of (j, i, what is checked), each edge at most once."""
        _require(isinstance(layers, list) and len(layers) == len(self.widths) - 1, what)
        for rows, shape in zip(layers, self.shapes(), strict=True):
            _require(isinstance(rows, list), what)
            edges = set()
            for row in rows:
                _require(isinstance(row, list) and len(row) == 3, what)
                j, i, value = row
                inside = is_int(j, 0, shape[0] - 1) and is_int(i, 0, shape[1] - 1)
                _require(inside and (j, i) not in edges, what)
                edges.add((j, i))
                check(value)


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


def _is_size(value: object, least: int) -> bool:
    """Whether this is a whole number from `least` on, of a size that a tensor may have."""
    return is_int(value, least, 2**62 - 1)


def _is_width(width: Any) -> bool:
    try:
        return _is_size(Nodes.parse(width).n_subnodes, 1)
    except InputError:
        return False


def _check_function(name: Any) -> None:
    _require(isinstance(name, str), "list of functions")
    try:
        functions.get(name)
    except InputError:
        raise Malformed(_unknown("function", name, "edgewise.functions.register")) from None


def _unknown(what: str, name: str, register: str) -> str:
    return (
        f"uses the {what} {name[:_SHOWN]!r}, which this edgewise does not know: upgrade edgewise, "
        f"or register the {what} with {register} first"
    )


def _check_rule(row: Any) -> None:
    try:
        rule = Rule.of(row)
    except ValueError:
        raise Malformed("has a damaged list of rules: save the network again") from None
    for name in rule.functions:
        _check_function(name)
