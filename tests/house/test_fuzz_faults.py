"""Faults at every step of every write: what was there stays or is replaced whole, and nothing half-written is read.

The table of faults is walked for the table of writers: a part of it in `make test`, all of it in `make fuzz`.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fuzzing import FACTOR
from writers import WRITERS, Failed, Writer, prepare

import edgewise as ew
from edgewise import _replacing

STEPS = ("open", "write", "mode", "fsync", "rename", "folder")
OLD, NEW, OTHER = 0, 1, 2


@dataclass(frozen=True)
class Fault:
    """What happens at a step of a write, before it or after it."""

    kind: str
    step: str = ""
    after: bool = False
    code: int = 0

    @property
    def name(self) -> str:
        return " ".join([self.kind, "after" * self.after, self.step, errno.errorcode.get(self.code, "")])


FAULTS = (
    *(Fault("refused", step, False, errno.ENOSPC) for step in ("open", "write", "fsync", "rename")),
    *(Fault("refused", step, False, errno.EIO) for step in ("write", "fsync", "rename")),
    *(Fault("refused", step, False, errno.EROFS) for step in ("open", "rename")),
    *(Fault("refused", step, False, errno.EACCES) for step in ("open", "rename")),
    *(Fault("interrupted", step, after) for step in STEPS for after in (False, True)),
    *(Fault("killed", step, after) for step in STEPS for after in (False, True)),
    *(Fault("raced", step) for step in ("open", "write", "fsync", "rename", "folder")),
    *(Fault("linked", step) for step in ("open", "write", "rename")),
    *(Fault(kind) for kind in ("read-only", "folder", "pipe")),
)


@dataclass(frozen=True)
class Case:
    """A writer, a fault at a step of its first or second file, and whether older files are there."""

    writer: Writer
    fault: Fault
    old: bool
    file: int

    @property
    def name(self) -> str:
        return f"{self.writer.name}: {self.fault.name}, file {self.file}, {'replaced' if self.old else 'new'}"

    @property
    def sound(self) -> bool:
        """Whether there is such a case: a second file, something to spoil, a second writer that need not wait."""
        return (
            self.file <= max(len(self.writer.files), 1 + (self.fault.step == "write"))
            and (bool(self.fault.step) or (self.old and self.writer.told))
            and not (self.writer.alone and self.fault.kind in ("raced", "linked"))
        )


class World:
    """A folder, the values that a writer's versions have there, and a fault that strikes once."""

    def __init__(self, writer: Writer, fault: Fault, file: int) -> None:
        self.writer, self.fault, self.left = writer, fault, file
        self.struck, self.opened = False, 0

    def at(self, step: str, act: Callable[[], Any]) -> Any:
        """Do a step, with the fault before or after it where it is its turn."""
        mine = not self.struck and step == self.fault.step
        self.opened += step == "open"
        if mine:
            self.left -= 1
        due = mine and self.left == 0
        if due and not self.fault.after:
            self.strike()
        done = act()
        if due and self.fault.after:
            self.strike()
        return done

    def strike(self) -> None:
        self.struck, fault = True, self.fault
        if fault.kind == "refused":
            raise OSError(fault.code, os.strerror(fault.code))
        if fault.kind == "interrupted":
            raise KeyboardInterrupt
        if fault.kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind == "raced":
            self.writer.write(OTHER)
        if fault.kind == "linked":
            path = Path(self.writer.files[self.opened - 1])  # the one that is being written
            path.unlink(missing_ok=True)
            path.symlink_to(Path("precious").absolute())


@contextmanager
def faulty(world: World, folder: Path) -> Iterator[None]:
    """Let the system's calls for files of this folder fail as the fault says."""
    real_open, real_sync, real_mode, real_rename = os.open, os.fsync, os.chmod, os.replace
    opened: list[io.FileIO] = []

    class Raw(io.FileIO):
        def write(self, data: Any) -> int:
            half = memoryview(data)[: len(data) // 2 + 1]  # torn where the fault strikes after it
            return world.at("write", lambda: super(Raw, self).write(half))

    def new(path: Path, mode: int) -> Any:
        if not path.is_relative_to(folder):
            return real_new(path, mode)

        def make() -> None:
            opened.append(Raw(path, "xb", opener=lambda name, flags: real_open(name, flags, mode)))

        world.at("open", make)
        return io.BufferedWriter(opened[-1], 4096)

    def sync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink()
        inside = name.is_relative_to(folder)
        step = "folder" if name.is_dir() else "fsync"
        return world.at(step, lambda: real_sync(handle)) if inside else real_sync(handle)

    def mode(place: Any, *rest: Any, **named: Any) -> None:
        inside = isinstance(place, int) and Path(f"/proc/self/fd/{place}").readlink().is_relative_to(folder)
        act = lambda: real_mode(place, *rest, **named)  # noqa: E731
        return world.at("mode", act) if inside else act()

    def rename(old: Any, to: Any, **named: Any) -> None:
        act = lambda: real_rename(old, to, **named)  # noqa: E731
        return world.at("rename", act) if Path(to).is_relative_to(folder) else act()

    real_new = _replacing._new
    mode_table = os.supports_fd
    os.fsync, os.chmod, os.replace, _replacing._new = sync, mode, rename, new
    os.supports_fd = {*mode_table, mode}
    try:
        yield
    finally:
        os.fsync, os.chmod, os.replace, _replacing._new = real_sync, real_mode, real_rename, real_new
        os.supports_fd = mode_table
        for raw in opened:
            raw.close()


def attempt(world: World, folder: Path) -> BaseException | None:
    """Write the new version, and return what came of it."""
    try:
        with faulty(world, folder):
            world.writer.write(NEW)
    except (ew.InputError, OSError, KeyboardInterrupt, Failed) as error:
        return error
    return None


def forked(world: World, folder: Path) -> BaseException | None:
    """Write the new version in a process that the fault kills."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads
        child = os.fork()
    if child == 0:
        try:
            attempt(world, folder)
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    world.struck = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return None


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def spoil(fault: Fault, path: Path) -> None:
    """Make a target one that must not be replaced."""
    if fault.kind == "read-only":
        path.chmod(0o444)
    elif fault.kind in ("folder", "pipe"):
        path.unlink()
        path.mkdir() if fault.kind == "folder" else os.mkfifo(path)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Path]]:
    """Return a function that goes to a new folder with all that the commands read."""
    start, made = tmp_path_factory.mktemp("start"), tmp_path_factory.mktemp("made")
    prepare(start)
    (start / "precious").write_text("precious")
    here = Path.cwd()

    def go() -> Path:
        folder = made / str(len(list(made.iterdir())))
        shutil.copytree(start, folder)
        os.chdir(folder)
        return folder

    yield go
    os.chdir(here)


@pytest.fixture(scope="module")
def values(folders: Callable[[], Path]) -> Callable[[Writer, bool], dict[int, list[object]]]:
    """Return a function that gives what each version reads as, written without a fault, over an old one or not."""

    @cache
    def of(writer: Writer, old: bool) -> dict[int, list[object]]:
        found = {}
        for version in (NEW, OTHER):
            folder = folders()
            if old:
                writer.write(OLD)
            writer.write(version)
            found[version] = [writer.read(folder / name) for name in writer.files]
        return found

    return of


def run(case: Case, known: dict[int, list[object]]) -> bool:
    """Walk a case in the working folder; returns whether its fault struck."""
    writer, fault, folder = case.writer, case.fault, Path.cwd()
    paths = [folder / name for name in writer.files]
    if case.old:
        writer.write(OLD)
    before = {path: path.read_bytes() if case.old else None for path in paths}
    world, there = World(writer, fault, case.file), everything(folder)
    for path in paths:
        spoil(fault, path)
    error = forked(world, folder) if fault.kind == "killed" else attempt(world, folder)
    stray = everything(folder) - there - set(writer.files)
    if fault.kind == "killed":
        stray = {name for name in stray if not (Path(name).name[0] == "." and name.endswith(".partial"))}
    assert not stray
    assert Path("precious").read_text() == "precious"
    if not fault.step:
        check_refused(case, error, before)
    elif world.struck:
        check_files(case, before, known)
        check_error(case, error)
    return world.struck or not fault.step


def check_refused(case: Case, error: BaseException | None, before: dict[Path, bytes | None]) -> None:
    """What must not be replaced was not."""
    assert error is not None
    for path, content in before.items():
        if case.fault.kind == "read-only":
            assert path.read_bytes() == content
        else:
            assert path.is_dir() if case.fault.kind == "folder" else path.is_fifo()


def check_files(case: Case, before: dict[Path, bytes | None], known: dict[int, list[object]]) -> None:
    """Each file is what it was, or reads as one of the versions that were written."""
    versions = (NEW, OTHER) if case.fault.kind == "raced" else (NEW,)
    for number, (path, content) in enumerate(before.items()):
        if path.is_symlink():  # of two files the one whose turn had been, or not come
            assert case.fault.kind == "linked" and len(before) > 1
        elif path.exists() and path.read_bytes() != content:
            assert case.writer.read(path) in [known[version][number] for version in versions]
        else:
            assert path.exists() == (content is not None) or not case.writer.told


def check_error(case: Case, error: BaseException | None) -> None:
    """What failed says so."""
    if case.fault.kind == "refused" and case.writer.told and case.fault.step != "folder":
        assert isinstance(error, ew.InputError | OSError) or (error is not None and error.args in [(1,), (2,)])
    if case.fault.kind == "interrupted":
        assert isinstance(error, KeyboardInterrupt) or (error is not None and error.args == (130,))
    if case.fault.kind in ("raced", "linked"):
        assert error is None


@pytest.mark.skipif(sys.platform != "linux", reason="the seams are Linux's")
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_fault_at_any_step_leaves_the_old_file_or_the_new_one(
    writer: Writer,
    values: Callable[[Writer, bool], dict[int, list[object]]],
    folders: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    cases = [Case(writer, *rest) for rest in product(FAULTS, (True, False), (1, 2))]
    cases = [case for case in cases if case.sound]
    struck = 0
    for case in cases if FACTOR > 1 else cases[::29]:
        known = values(writer, case.old)
        folders()
        try:
            struck += run(case, known)
        except BaseException as error:
            error.add_note(case.name)
            raise
        assert "Traceback" not in capsys.readouterr().err
    with capsys.disabled():
        print(f" {writer.name}: {struck} faults ", end="")  # noqa: T201
    assert struck >= (70 if FACTOR > 1 else 2)
