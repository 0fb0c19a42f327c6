"""Files replaced as a whole: whose permissions they have, which links are followed, and what is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgewise._replacing import destination, replacing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links as on Unix")


def write(path: Path, text: str = "new") -> None:
    with replacing(path) as file:
        file.write(text.encode())


@pytest.mark.parametrize(("mask", "wanted"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_what_the_umask_leaves(mask: int, wanted: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "a")
    finally:
        assert os.umask(before) == mask
    assert (tmp_path / "a").stat().st_mode & 0o777 == wanted


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_permissions_of_an_old_file_stay_and_nobody_reads_more_meanwhile(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(mode)
    with replacing(path) as file:
        file.write(b"new")
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
    assert (path.stat().st_mode & 0o777, path.read_text()) == (mode, "new")


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "a")
    for text in ("first", "second"):
        write(tmp_path / "link", text)
        assert (tmp_path / "deep" / "a").read_text() == text
    assert (tmp_path / "link").is_symlink()
    assert len(list((tmp_path / "deep").iterdir())) == 1


def untouched(path: Path) -> tuple[str, int, int, int, int]:
    """What replacing would change: not the time of the last access, which following a link may set."""
    state = path.lstat()
    return path.name, state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns


def loop(path: Path) -> None:
    path.symlink_to(path)


def read_only(path: Path) -> None:
    path.write_text("old")
    path.chmod(0o444)


def nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "none" / "a")


REFUSED: list[tuple[str, str, Callable[[Path], object], str]] = [
    ("a folder", "a", Path.mkdir, "directory"),
    ("a pipe", "a", os.mkfifo, "Not a regular file"),
    ("a loop of links", "a", loop, "symbolic links"),
    ("a read-only file", "a", read_only, "read-only"),
    ("a link to nowhere", "a", nowhere, "no such folder"),
    ("a long name", "a" * 300, str, "too long"),
    ("a null character", "a\0b", str, "null"),
]


@pytest.mark.parametrize(("name", "make", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_must_not_be_replaced_is_refused_by_its_name(
    name: str, make: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    make(path)
    before = [untouched(place) for place in tmp_path.iterdir()]
    for attempt in (write, destination):
        with pytest.raises(OSError, match=words) as caught:
            attempt(path)
        assert caught.value.filename == str(path)
    assert [untouched(place) for place in tmp_path.iterdir()] == before


def test_devices_are_not_replaced() -> None:
    for name in ("/dev/null", "/dev/full"):
        with pytest.raises(OSError, match="Not a regular file"):
            write(Path(name))


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    write(tmp_path / ("a" * 255))


def test_writers_at_the_same_time_each_write_all_of_it(tmp_path: Path) -> None:
    texts = [str(number) * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write(tmp_path / "a", text), texts))
    assert (tmp_path / "a").read_text() in texts
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_of_the_disk_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))  # a real refusal, in the middle of the data
    try:
        with pytest.raises(OSError, match="too large") as caught:
            write(tmp_path / "a", "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
