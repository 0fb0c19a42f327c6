"""Atomic file replacement: the one way in which edgewise writes files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str], *, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` once the block ends, and is removed if the block fails.

    The new file has an unpredictable name in the same folder, is opened exclusively, and reaches the disk before it is
    renamed, so that after a crash `path` holds either what it held before or all of what was written. A link is
    followed: the file that it names is replaced and the link stays. The permissions are `mode`, or else those of the
    file that was there.

    Errors: OSError from the file system; `path` is then as it was.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/notes.txt") as file:
    ...         _ = file.write(b"all of it")
    ...     Path(folder, "notes.txt").read_text(), len(list(Path(folder).iterdir()))
    ('all of it', 1)
    """
    goal = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(dir=goal.parent, prefix=".", suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(_permissions(goal) if mode is None else mode)
        partial.replace(goal)
        _sync(goal.parent)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def _permissions(path: Path) -> int:
    """Those of the file that is there, or those that a new file gets."""
    with suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _sync(folder: Path) -> None:
    """Make the renaming last, where the system can: Windows opens no folders, and some file systems refuse."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
