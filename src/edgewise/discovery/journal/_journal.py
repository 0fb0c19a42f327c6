"""What a search has worked out, on disk, as text that reads back bit by bit, so that it can go on there."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import sympy
import torch

from edgewise._deadline import Deadline, now, whole
from edgewise._errors import InputError
from edgewise._replacing import check_place, replacing, writing
from edgewise._typing import Array
from edgewise._version import __version__
from edgewise.discovery.judging import Once

_OPERATIONS = ("Add", "Mul", "Pow")
_PLAIN = (bool, int, float, str, type(None))


class Unwritable(ValueError):
    """A value that no text stands for."""


class Codec:
    """Writes values as JSON and reads them: plain ones, tuples, formulas, tensors, and the given data classes.

    >>> codec = Codec()
    >>> t = sympy.Symbol("t")
    >>> codec.read(codec.write((0.1, sympy.Float(0.1) * sympy.exp(-t / 3))))
    (0.1, 0.1*exp(-t/3))
    """

    def __init__(self, classes: Iterable[type] = ()) -> None:
        self._classes = {each.__name__: each for each in classes}

    def write(self, value: Any) -> str:
        """Return the text of a value.

        Errors: Unwritable for values of other classes, and formulas that would not read back as they are.
        """
        return json.dumps(self._written(value), separators=(",", ":"))

    def read(self, text: str) -> Any:
        """Return the value that was written."""
        return self._read(json.loads(text))

    def _written(self, value: Any) -> Any:
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, (tuple, list)):
            return ["list" if isinstance(value, list) else "tuple", *map(self._written, value)]
        if isinstance(value, (np.bool_, np.integer, np.floating)):
            return value.item()
        if isinstance(value, torch.Tensor):
            return ["tensor", *value.tolist()]
        if isinstance(value, sympy.Basic):
            return ["formula", _checked(value)]
        if is_dataclass(value) and type(value).__name__ in self._classes:
            parts = [self._written(getattr(value, field.name)) for field in fields(value)]
            return ["record", type(value).__name__, *parts]
        raise Unwritable(f"No text stands for a {type(value).__name__}.")

    def _read(self, written: Any) -> Any:
        if not isinstance(written, list):
            return written
        kind, *parts = written
        if kind in ("list", "tuple"):
            return (list if kind == "list" else tuple)(map(self._read, parts))
        if kind == "tensor":
            return torch.tensor(parts, dtype=torch.float64)
        if kind == "formula":
            return _formula(parts[0])
        return self._classes[parts[0]](*map(self._read, parts[1:]))


def _checked(formula: Any) -> Any:
    """Return what stands for a formula, once it reads back as the same one, its arguments in the same order."""
    written = _parts(formula)
    if _parts(_formula(written)) != written:
        raise Unwritable(f"{formula} reads back in another form.")
    return written


def _parts(formula: Any) -> Any:
    """Return nested lists of names and numbers that stand for a formula."""
    name = type(formula).__name__
    if isinstance(formula, sympy.Symbol):
        if formula != sympy.Symbol(formula.name):
            raise Unwritable(f"The symbol {formula} has assumptions.")
        return ["symbol", formula.name]
    if isinstance(formula, sympy.Float):
        sign, mantissa, exponent, _ = formula._mpf_
        if not mantissa:
            raise Unwritable(f"The number {formula} is zero or not finite.")
        return ["float", formula._prec, int(sign), int(mantissa), int(exponent)]
    if isinstance(formula, sympy.Rational):
        return ["fraction", int(formula.p), int(formula.q)]
    if formula in (sympy.pi, sympy.E):
        return ["number", str(formula)]
    if name not in _operations():
        raise Unwritable(f"No text stands for {name}.")
    return ["of", name, *map(_parts, formula.args)]


def _formula(parts: Any) -> Any:
    """Return the formula that nested lists stand for."""
    kind, first, *others = parts
    if kind == "symbol":
        return sympy.Symbol(first)
    if kind == "float":
        return sympy.Float(tuple(others), precision=first)
    if kind == "fraction":
        return sympy.Rational(first, others[0])
    if kind == "number":
        return {"pi": sympy.pi, "E": sympy.E}[first]
    return _operations()[first](*map(_formula, others))


@cache
def _operations() -> Mapping[str, Any]:
    """Return the operations and functions that formulas may have, by name."""
    known = {name: getattr(sympy, name) for name in sympy.__all__}
    functions = {
        name: each for name, each in known.items() if isinstance(each, type) and issubclass(each, sympy.Function)
    }
    return {name: known[name] for name in _OPERATIONS} | {each.__name__: each for each in functions.values()}


_Value = TypeVar("_Value")

_EVERY = 3.0  # seconds at least between two savings ...
_SHARE = 20.0  # ... and times the last one's duration
_CHUNK = 1 << 14  # children of an evolution, between which it may be saved: as many whether it is or not
_FORMAT = 1


class Growing(Protocol):
    """A search by evolution."""

    @property
    def evaluations(self) -> int: ...

    def run(self, evaluations: int, deadline: Deadline) -> int: ...

    def state(self) -> dict[str, Array]: ...

    def restore(self, state: dict[str, Array]) -> None: ...


class Journal:
    """Results of a search by what they are the results of. A search is the same function of its arguments each time.

    So a search that was killed goes on by being run again: `once`, `series` and `run` give what was worked out before.
    Without a path nothing is kept. Results that came when it was `late` are not kept: time may have cut them.
    """

    def __init__(
        self, codec: Codec, about: Mapping[str, str], late: Callable[[], bool], path: Path | None = None
    ) -> None:
        self._codec, self._about, self._late, self._path = codec, dict(about), late, path
        self._values: dict[str, str] = {}
        self._states: dict[str, dict[str, Array]] = {}
        self._saved, self._took = now(), 0.0
        self.failure: str | None = None

    @property
    def kept(self) -> bool:
        """Whether results are kept."""
        return self._path is not None

    def once(self, what: str, about: object, work: Callable[[], _Value]) -> _Value:
        """Return the result of some work, remembered or new. `about` holds all that it depends on."""
        if not self.kept:
            return work()
        key = self._key(what, about)
        if key is not None and key in self._values:
            return self._codec.read(self._values[key])
        found = work()
        self._keep(key, found)
        return found

    def once_on(self, *arrays: Array) -> Once:
        """Return `once` for results that depend on some arrays too."""
        if not self.kept:
            return self.once
        mark = numbers(arrays)
        return lambda what, about, work: self.once(what, (mark, about), work)

    def within(self, late: Callable[[], bool]) -> Journal:
        """Return this journal for an inner search, whose time may be over before."""
        inner, outer = copy(self), self._late
        inner._late = lambda: late() or outer()
        return inner

    def series(self, what: str, about: object, work: Iterator[_Value]) -> Iterator[_Value]:
        """Yield what an iterator yields, remembered or new; the caller may stop anywhere."""
        key = self._key(what, about) if self.kept else None
        if key is None:
            yield from work
            return
        known, ended = self._codec.read(self._values[key]) if key in self._values else ([], False)
        yield from known
        if ended:
            return
        found: list[_Value] = []
        try:
            for item in work:
                found.append(item)
                if len(found) > len(known):
                    yield item
            ended = True
        finally:
            if ended or len(found) > len(known):
                self._keep(key, (found, ended))

    def name(self, search: Growing) -> str:
        """Return what an evolution is known by, before it is run: it follows from where it starts."""
        return numbers(search.state().values()) if self.kept else ""

    def run(self, name: str, search: Growing, goal: int, deadline: Deadline) -> None:
        """Let an evolution go on until it has made `goal` children, or from where it was saved."""
        saved = self._states.get(name)
        if saved is not None and int(saved["evaluations"]) > search.evaluations:
            search.restore({part: array for part, array in saved.items() if part != "evaluations"})
        while search.evaluations < goal:
            count = min(_CHUNK, goal - search.evaluations)
            if search.run(count, deadline) < count:
                return
            if not self.kept:
                continue
            self._states[name] = search.state() | {"evaluations": np.array(search.evaluations)}
            self._save_at_times()

    def _key(self, what: str, about: object) -> str | None:
        try:
            return digest(what, self._codec.write(about))
        except Unwritable:
            return None

    def _keep(self, key: str | None, found: object) -> None:
        if key is None or self._late():
            return
        try:
            self._values[key] = self._codec.write(found)
        except Unwritable:
            return
        self._save_at_times()

    def _save_at_times(self) -> None:
        if now() - self._saved > max(_EVERY, _SHARE * self._took):
            self.save()

    @whole
    def save(self) -> None:
        """Write what is known to the file, in place of what it held. A disk that fails does not end the search."""
        if self._path is None or self.failure is not None:
            return
        began = now()
        try:
            with replacing(self._path) as file:
                self._write(file)
        except OSError as error:
            self.failure = f"The search could not be saved to {self._path}: {error.strerror or error}."
        self._saved, self._took = now(), now() - began

    def _write(self, file: Any) -> None:
        about = {"format": _FORMAT, "about": self._about, "values": self._values}
        arrays = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
        arrays |= {f"{name}/{part}": array for name, state in self._states.items() for part, array in state.items()}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for name, array in arrays.items():
                with packed.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)

    def start(self, resume: Path | None) -> None:
        """Take in the file that is gone on with, and see that the one to save to can be written.

        Errors: InputError for a file that is missing, is no saved search, or belongs to another table or settings.
        """
        if resume is not None:
            self._load(resume)
        if self._path is not None:
            check_place(self._path)
            with writing(self._path) as file:
                self._write(file)

    def _load(self, path: Path) -> None:
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            kept = json.loads(arrays.pop("about").tobytes())
            about, values = kept["about"], kept["values"]
        except FileNotFoundError:
            raise InputError(f"There is no file {path} to go on with: give the one that 'save' wrote.") from None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            raise InputError(f"{path} is not a saved search: give the file that 'save' wrote.") from None
        for name in sorted({*about, *self._about}):
            old, new = about.get(name), self._about.get(name)
            if old != new:
                shown = "another table" if name == "table" else f"{name} {old}, not {new}"
                raise InputError(f"{path} holds a search with {shown}: go on with what it was begun with.")
        self._values = values
        for name, array in arrays.items():
            state, part = name.split("/")
            self._states.setdefault(state, {})[part] = array


def digest(*parts: str | bytes) -> str:
    """Return a short text that differs where the parts do."""
    found = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()[:32]


def numbers(arrays: Iterable[Array]) -> str:
    """Return a short text that differs where arrays do."""
    given = [np.ascontiguousarray(array) for array in arrays]
    return digest(*(part for each in given for part in (str((each.shape, each.dtype)), each.tobytes())))


def fingerprint(names: Iterable[str], arrays: Iterable[Array], settings: Mapping[str, object]) -> dict[str, str]:
    """Return what tells searches apart: the version, the table, and each setting."""
    table = digest(*names, numbers(arrays))
    shown = {name: repr(value) for name, value in settings.items()}
    return {"version": __version__, "table": table, **shown}
