"""Atomic file replacement: the one way in which edgewise writes files."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgewise._errors import InputError


@contextmanager
def replacing(path: str | os.PathLike[str], mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` once the block ends, and is removed if the block fails.

    The new file has an unpredictable name in the same folder, is opened exclusively, and reaches the disk before it is
    renamed, so that after a crash `path` holds either what it held before or all of what was written. Of two writers
    the last one wins. A link is followed: the file that it names is replaced and the link stays. The permissions of a
    file that was there are kept; a new one gets those of `mode` that the umask leaves.

    Errors: OSError that names `path`, from the file system or from `destination`; `path` is then as it was.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/notes.txt") as file:
    ...         _ = file.write(b"all of it")
    ...     Path(folder, "notes.txt").read_text(), len(list(Path(folder).iterdir()))
    ('all of it', 1)
    """
    goal = destination(path)
    old = goal.stat() if goal.exists() else None
    # The name is chosen before the file is made: whatever interrupts from here on, it is known what to remove.
    partial = goal.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with _new(partial, mode if old is None else 0o600) as file:
            yield file
            file.flush()
            if old is not None:
                _keep_permissions(file.fileno(), old)
            os.fsync(file.fileno())
        partial.replace(goal)
        _sync(goal.parent)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(partial)):
            raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error
        raise


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Replace a file that a user named: see `replacing`.

    Errors: InputError for a place that cannot be written, which says what to do.
    """
    path = Path(path)
    try:
        check_place(path)
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise InputError(f"Cannot write {path} ({error.strerror or error}): choose another place.") from None


def check_place(path: Path) -> None:
    """Raise InputError for a folder, and for a file in a folder that is not there."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} to: make it first.")


def destination(path: str | os.PathLike[str]) -> Path:
    """Return the file that writing to `path` would replace or make, links followed.

    Errors: OSError for what must not be replaced: a folder, a read-only file, a device, a pipe, a loop of links, a name
    that the system cannot hold, a file in a folder that is not there.
    """
    path = Path(path)
    try:
        # The system itself follows the links first: it refuses loops, and links that others planted in shared folders.
        old = path.stat()
    except FileNotFoundError:
        old = None
    except ValueError as error:  # a null character, or one that no file name can hold
        raise OSError(errno.EINVAL, f"Invalid name: {error}", str(path)) from None
    goal = Path(os.path.realpath(path))
    if old is not None:
        _check(path, old)
    elif not goal.parent.is_dir():
        raise OSError(errno.ENOENT, "There is no such folder", str(path))
    return goal


def _check(path: Path, old: os.stat_result) -> None:
    if stat.S_ISDIR(old.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(old.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    if not old.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, "The file is read-only", str(path))


def _new(path: Path, mode: int) -> BinaryIO:
    """A file that was not there, of this mode less the umask."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))


def _keep_permissions(handle: int, old: os.stat_result) -> None:
    """Give the open file the owner and the permissions of the one that it replaces; to no other group than before."""
    if os.chmod not in os.supports_fd:
        return  # Windows, where files have none
    new, mode = os.fstat(handle), stat.S_IMODE(old.st_mode) & 0o777
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        for owner in ((-1, old.st_gid), (old.st_uid, -1)):
            with suppress(OSError):
                os.chown(handle, *owner)
        if os.fstat(handle).st_gid != old.st_gid:
            mode &= ~0o070
    os.chmod(handle, mode)


def _sync(folder: Path) -> None:
    """Make the renaming last, where the system can: Windows opens no folders, and some file systems refuse."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
