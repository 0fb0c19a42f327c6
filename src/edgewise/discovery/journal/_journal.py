"""What a search has worked out, on disk: gone through again, a search takes from there what it would work out."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from edgewise._deadline import Deadline, now, whole
from edgewise._errors import InputError
from edgewise._replacing import check_place, replacing, writing
from edgewise._typing import Array
from edgewise._version import __version__
from edgewise.discovery.journal._codec import Codec, Unwritable
from edgewise.discovery.judging import Once

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
