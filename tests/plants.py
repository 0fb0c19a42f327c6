"""Ways to put machine code into a cache, for the tests that none of it is run."""

from __future__ import annotations

import ctypes
import itertools
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import platformdirs
import pytest

from edgewise.kernels import compiled as _compiled
from edgewise.kernels.runtime import _cache

pwd = pytest.importorskip("pwd")

OTHER = 54321  # a user who is neither this one nor root
SIZES = itertools.count(100)  # a kernel for each test, since a process loads each only once
Plant = Callable[["Scene"], None]


class Scene(NamedTuple):
    """A folder to plant in, and the object to plant, with its name in the cache."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    size: int
    name: str
    evil: bytes

    def use(self, cache: Path | str | None, temporary: Path | None = None) -> None:
        """Set the environment of a process: `EDGEWISE_CACHE`, or none, and the folder for temporary files."""
        if cache is None:
            self.monkeypatch.delenv("EDGEWISE_CACHE", raising=False)
        else:
            self.monkeypatch.setenv("EDGEWISE_CACHE", str(cache))
        if temporary is not None:
            self.monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def plant(self, folder: Path) -> Path:
        """Put the object into a folder, as a cache that trusts its files would have."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.name
        path.write_bytes(_cache._digest(self.name, self.evil) + self.evil)
        path.chmod(0o600)
        return path

    def result(self) -> int:
        """What the kernel makes of 21: 21 times the size if it is the honest one."""
        cell = (ctypes.c_int64 * 1)(21)
        _compiled.compiled("_cpu_tiny", "scale", "int64", self.size)(ctypes.addressof(cell))
        return cell[0]


def give(path: Path) -> None:
    """Make another user the owner."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(path, OTHER, OTHER, follow_symlinks=False)


def folder_with_mode(mode: int, scene: Scene) -> None:
    scene.plant(scene.folder / "cache").parent.chmod(mode)
    scene.use(scene.folder / "cache")


def folder_of_another(scene: Scene) -> None:
    give(scene.plant(scene.folder / "cache").parent)
    scene.use(scene.folder / "cache")


def file_of_another(scene: Scene) -> None:
    give(scene.plant(scene.folder / "cache"))
    scene.use(scene.folder / "cache")


def file_with_mode(mode: int, scene: Scene) -> None:
    scene.plant(scene.folder / "cache").chmod(mode)
    scene.use(scene.folder / "cache")


def file_of_another_in_a_sticky_folder(scene: Scene) -> None:
    path = scene.plant(scene.folder / "cache")
    give(path)
    path.parent.chmod(0o1777)
    scene.use(path.parent)


def link_to_a_file(scene: Scene) -> None:
    path = scene.plant(scene.folder / "shared")
    (scene.folder / "cache").mkdir()
    (scene.folder / "cache" / scene.name).symlink_to(path)
    scene.use(scene.folder / "cache")


def hard_link_to_a_file(scene: Scene) -> None:
    path = scene.plant(scene.folder / "shared")
    (scene.folder / "cache").mkdir()
    (scene.folder / "cache" / scene.name).hardlink_to(path)
    scene.use(scene.folder / "cache")


def hard_link_to_a_file_of_another(scene: Scene) -> None:
    hard_link_to_a_file(scene)
    give(scene.folder / "shared" / scene.name)


def link_to_a_folder_that_all_may_write(scene: Scene) -> None:
    scene.plant(scene.folder / "shared").parent.chmod(0o777)
    (scene.folder / "cache").symlink_to(scene.folder / "shared")
    scene.use(scene.folder / "cache")


def link_of_another_to_a_folder(scene: Scene) -> None:
    scene.plant(scene.folder / "mine")
    (scene.folder / "cache").symlink_to(scene.folder / "mine")
    give(scene.folder / "cache")
    scene.use(scene.folder / "cache")


def link_on_the_way_and_back(scene: Scene) -> None:
    """The path reads like an own folder, and leads through a link beside the one that all may write."""
    scene.plant(scene.folder / "shared" / "cache")
    (scene.folder / "shared").chmod(0o777)
    (scene.folder / "shared" / "deep").mkdir()
    (scene.folder / "link").symlink_to(scene.folder / "shared" / "deep")
    scene.use(f"{scene.folder}/link/../cache")


def parent_that_all_may_write(scene: Scene) -> None:
    scene.plant(scene.folder / "shared" / "cache")
    (scene.folder / "shared").chmod(0o777)
    scene.use(scene.folder / "shared" / "cache")


def parent_of_another(scene: Scene) -> None:
    scene.plant(scene.folder / "theirs" / "cache")
    give(scene.folder / "theirs")
    scene.use(scene.folder / "theirs" / "cache")


def relative_path(scene: Scene) -> None:
    scene.plant(scene.folder / "here" / "cache")
    scene.monkeypatch.chdir(scene.folder / "here")
    scene.use("cache")


def tilde_in_the_path(scene: Scene) -> None:
    scene.plant(scene.folder / "here" / "~" / "cache")
    scene.monkeypatch.chdir(scene.folder / "here")
    scene.use("~/cache")


def working_directory_without_a_home(scene: Scene) -> None:
    for place in ("~/.cache/edgewise", ".cache/edgewise", "edgewise"):
        scene.plant(scene.folder / "here" / place)
    scene.monkeypatch.chdir(scene.folder / "here")
    for name in ("HOME", "XDG_CACHE_HOME"):
        scene.monkeypatch.delenv(name, raising=False)

    def nobody(_: int) -> object:
        raise KeyError

    scene.monkeypatch.setattr(pwd, "getpwuid", nobody)
    scene.use(None)


def relative_directory_of_older_platformdirs(scene: Scene) -> None:
    scene.plant(scene.folder / "here" / "~" / ".cache" / "edgewise")
    scene.monkeypatch.chdir(scene.folder / "here")
    scene.monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: "~/.cache/edgewise")
    scene.use(None)


def temporary_folder_of_another(scene: Scene) -> None:
    """Made before, under names that are foreseen."""
    (scene.folder / "file").touch()
    for name in (f"edgewise-{os.geteuid()}", f"edgewise-{os.geteuid()}-aaaa"):
        give(scene.plant(scene.folder / "tmp" / name).parent)
    (scene.folder / "tmp").chmod(0o1777)
    scene.use(scene.folder / "file" / "cache")


def temporary_folder_by_a_link(scene: Scene) -> None:
    (scene.folder / "file").touch()
    scene.plant(scene.folder / "shared").parent.chmod(0o777)
    (scene.folder / "tmp" / f"edgewise-{os.geteuid()}-aaaa").symlink_to(scene.folder / "shared")
    scene.use(scene.folder / "file" / "cache")


def temporary_folder_without_a_sticky_bit(scene: Scene) -> None:
    """Others can rename what lies there."""
    (scene.folder / "file").touch()
    scene.plant(scene.folder / "tmp" / f"edgewise-{os.geteuid()}-aaaa").parent.chmod(0o700)
    (scene.folder / "tmp").chmod(0o777)
    scene.use(scene.folder / "file" / "cache")


def working_directory_for_temporary_files(scene: Scene) -> None:
    """Where Python puts them when nothing else can be written."""
    (scene.folder / "file").touch()
    scene.plant(scene.folder / "tmp" / f"edgewise-{os.geteuid()}-aaaa").parent.chmod(0o700)
    scene.monkeypatch.chdir(scene.folder / "tmp")
    scene.use(scene.folder / "file" / "cache")


def pipe(scene: Scene) -> None:
    (scene.folder / "cache").mkdir()
    os.mkfifo(scene.folder / "cache" / scene.name)
    scene.use(scene.folder / "cache")


def code_of_another_kernel(scene: Scene) -> None:
    """Sound, and moved to this one's name."""
    other = scene.name.replace(str(scene.size), "99")
    scene.plant(scene.folder / "cache").write_bytes(_cache._digest(other, scene.evil) + scene.evil)
    scene.use(scene.folder / "cache")


def swapped_after_the_folder_was_checked(scene: Scene) -> None:
    whole = _cache.private_folder

    def slow(path: Path, *, make: bool = False) -> Path | None:
        found = whole(path, make=make)
        if found == scene.folder / "cache":
            scene.plant(found).chmod(0o666)
        return found

    (scene.folder / "cache").mkdir()
    scene.monkeypatch.setattr(_cache, "private_folder", slow)
    scene.use(scene.folder / "cache")


def swapped_after_the_file_was_checked(scene: Scene) -> None:
    """What is read is what was checked: here a damaged file, and not the one that takes its name."""
    whole = os.fstat

    def slow(handle: int) -> os.stat_result:
        found = whole(handle)
        if (found.st_dev, found.st_ino) == checked:
            path.unlink()
            scene.plant(path.parent).chmod(0o666)
        return found

    path = scene.plant(scene.folder / "cache")
    path.write_bytes(b"damaged" * 100)
    checked = (path.stat().st_dev, path.stat().st_ino)
    scene.monkeypatch.setattr(_cache.os, "fstat", slow)
    scene.use(scene.folder / "cache")


PLANTS: dict[str, Plant] = {
    "a folder that all may write": partial(folder_with_mode, 0o777),
    "a sticky folder that all may write": partial(folder_with_mode, 0o1777),
    "a folder that a group may write": partial(folder_with_mode, 0o770),
    "a file that all may write": partial(file_with_mode, 0o606),
    "a file that a group may write": partial(file_with_mode, 0o660),
    **{
        plant.__name__.replace("_", " "): plant
        for plant in (
            folder_of_another, file_of_another, file_of_another_in_a_sticky_folder, link_to_a_file, hard_link_to_a_file,
            hard_link_to_a_file_of_another, link_to_a_folder_that_all_may_write, link_of_another_to_a_folder,
            link_on_the_way_and_back, parent_that_all_may_write, parent_of_another, relative_path, tilde_in_the_path,
            working_directory_without_a_home, relative_directory_of_older_platformdirs, temporary_folder_of_another,
            temporary_folder_by_a_link, temporary_folder_without_a_sticky_bit, working_directory_for_temporary_files,
            pipe, code_of_another_kernel, swapped_after_the_folder_was_checked, swapped_after_the_file_was_checked,
        )
    },
}  # fmt: skip
