"""Machine code that somebody else could have put into the cache is never run: every way is tried with a real object.

The honest kernel multiplies by its size; the planted one adds. Tests that give files to another user need root.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from plants import (
    PLANTS,
    SIZES,
    Plant,
    Scene,
    folder_with_mode,
    link_to_a_file,
    parent_of_another,
    parent_that_all_may_write,
    pipe,
    relative_path,
    working_directory_without_a_home,
)
from tiny_kernel import TINY

from edgewise.kernels import compiled as _compiled
from edgewise.kernels.runtime import _cache

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "_cpu_tiny.py").write_text(TINY)
    (tmp_path / "tmp").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "sources")
    monkeypatch.delitem(sys.modules, "_cpu_tiny", raising=False)
    for kept in (_cache._temporary_directory, _cache._say, _compiled._fingerprint):
        kept.cache_clear()
    size = next(SIZES)
    evil = ModuleType("_cpu_tiny")
    exec(TINY.replace("size * cells[0]", "size + cells[0]"), evil.__dict__)  # noqa: S102 (our own text)
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "_cpu_tiny", evil)
        code = _compiled._compile("_cpu_tiny", "scale", "int64", (size,))
    name = f"scale-int64-{size}-{_compiled._fingerprint('_cpu_tiny')}.o"
    scene = Scene(tmp_path, monkeypatch, size, name, code)
    scene.use(None, tmp_path / "tmp")
    return scene


@pytest.mark.parametrize("name", PLANTS)
def test_planted_code_is_not_run(name: str, scene: Scene) -> None:
    PLANTS[name](scene)
    assert scene.result() == 21 * scene.size


def test_the_planted_code_would_run_in_a_folder_that_is_trusted(scene: Scene) -> None:
    """Without this, the tests above would show nothing."""
    scene.plant(scene.folder / "cache")
    scene.use(scene.folder / "cache")
    assert scene.result() == 21 + scene.size


REFUSED = [
    (partial(folder_with_mode, 0o777), r"other users can write in \S+/cache: chmod go-w \S+/cache. They are kept in"),
    (relative_path, "the path 'cache' is relative: name it from the root. They are kept in"),
    (working_directory_without_a_home, "this user has no home folder: set HOME, or set EDGEWISE_CACHE. They are kept"),
    (parent_of_another, "theirs belongs to another user: choose a folder of your own. They are kept in"),
    (link_to_a_file, "is a link: remove it. It is compiled again"),
    (pipe, "no regular file: remove it. It is compiled again"),
]


@pytest.mark.parametrize(("plant", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_refusal_is_told_in_one_line(plant: Plant, words: str, scene: Scene, capfd) -> None:
    plant(scene)
    for _ in range(2):
        _cache.write("other.o", b"code")
        _cache.read(scene.name)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("edgewise: ")
    assert re.search(words, lines[0])


def test_a_private_temporary_folder_takes_the_place_and_serves_the_next_process(scene: Scene) -> None:
    relative_path(scene)
    _cache.write("a.o", b"code")
    _cache._temporary_directory.cache_clear()  # as in another process
    assert _cache.read("a.o") == b"code"
    (folder,) = (scene.folder / "tmp").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    assert not any(path.suffix == ".o" and path.name == "a.o" for path in (scene.folder / "here").rglob("*"))


def test_nothing_is_kept_where_no_folder_is_private(scene: Scene, capfd) -> None:
    parent_that_all_may_write(scene)
    scene.use(scene.folder / "shared" / "cache", scene.folder / "shared")
    _cache.write("a.o", b"code")
    assert _cache.read("a.o") is None and _cache.cache_directory() is None
    assert "They are compiled by each process." in capfd.readouterr().err


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_what_edgewise_makes_is_private_and_trusted_again(mask: int, scene: Scene, capfd) -> None:
    scene.use(scene.folder / "new" / "deep" / "cache")
    before = os.umask(mask)
    try:
        _cache.write("a.o", b"code")
        assert _cache.read("a.o") == b"code"
    finally:
        os.umask(before)
    made = [scene.folder / "new", scene.folder / "new" / "deep", scene.folder / "new" / "deep" / "cache"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o700] * 3
    assert stat.S_IMODE((made[-1] / "a.o").stat().st_mode) == 0o600
    assert capfd.readouterr().err == ""


def test_own_folders_that_others_can_only_read_and_own_links_are_used(scene: Scene, capfd) -> None:
    folder = scene.folder / "mine"
    folder.mkdir()
    folder.chmod(0o755)
    (scene.folder / "link").symlink_to("mine")
    scene.use(scene.folder / "link")
    _cache.write("a.o", b"code")
    assert _cache.read("a.o") == b"code" and (folder / "a.o").exists()
    assert (stat.S_IMODE(folder.stat().st_mode), capfd.readouterr().err) == (0o755, "")


def test_the_users_own_cache_directory_is_made_private(scene: Scene, capfd) -> None:
    """Older versions left it readable; what it holds is kept."""
    folder = scene.folder / "home" / "edgewise"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    scene.monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent))
    scene.use(folder)
    _cache.write("a.o", b"code")
    scene.use(None)
    assert _cache.read("a.o") == b"code"
    assert (stat.S_IMODE(folder.stat().st_mode), capfd.readouterr().err) == (0o700, "")


def test_a_file_that_is_not_trusted_is_replaced_and_not_followed(scene: Scene, capfd) -> None:
    scene.use(scene.folder / "cache")
    target = scene.folder / "precious"
    target.write_bytes(b"mine")
    (scene.folder / "cache").mkdir()
    (scene.folder / "cache" / "a.o").symlink_to(target)
    _cache.write("a.o", b"code")
    (scene.folder / "cache" / "b.o").touch(mode=0o666)
    (scene.folder / "cache" / "b.o").chmod(0o666)
    _cache.write("b.o", b"code")
    assert (_cache.read("a.o"), _cache.read("b.o")) == (b"code", b"code")
    assert target.read_bytes() == b"mine" and capfd.readouterr().err == ""


def test_links_that_go_round_are_refused(scene: Scene) -> None:
    (scene.folder / "a").symlink_to("b")
    (scene.folder / "b").symlink_to("a")
    with pytest.raises(_cache.Untrusted, match="too many links"):
        _cache.private_folder(scene.folder / "a" / "c")
    shutil.rmtree(scene.folder / "tmp")
    assert _cache.private_folder(scene.folder / "tmp") is None
