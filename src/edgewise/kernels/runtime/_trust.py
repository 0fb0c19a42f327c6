"""Folders and files that no other user can have changed, checked as OpenSSH checks its own.

A folder is trusted where it is this user's and others cannot write in it, and where the same holds of every folder
and link on the way to it, which may be root's too. A folder that all may write in, like /tmp, can only be on the way,
and only where it is sticky: nobody can rename there what is another's. Once checked, nothing on the way can be changed
by others, so that it may be used by its name. A file is checked after it was opened, by its handle.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

_OWNED = hasattr(os, "geteuid")  # Windows has no such owners; its cache and temporary folders are one user's
_OTHERS_WRITE = 0o022
_MOST_LINKS = 40


class Untrusted(Exception):
    """Why something is not trusted and what to do, in words that complete "..., since "."""


def private_folder(path: Path, *, make: bool = False) -> Path | None:
    """Return a trusted folder with its links resolved; None where there is no such folder and none is to be made.

    Folders that are made get mode 0700.

    Errors: Untrusted; OSError for a place that cannot be used.
    """
    if not path.is_absolute():
        raise Untrusted(f"the path {str(path)!r} is relative: name it from the root")
    if not _OWNED:
        if make:
            path.mkdir(parents=True, exist_ok=True)
        return path if path.is_dir() else None
    here, left, links = Path(path.anchor), list(path.parts[:0:-1]), 0
    _check_way(here, here.lstat())
    while left:
        part = left.pop()
        if part == os.pardir:
            here = here.parent
            continue
        found = _found(here / part, make)
        if found is None:
            return None
        _check_way(here / part, found)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise Untrusted(f"{path} leads through too many links: name the folder itself")
            target = (here / part).readlink()
            here = Path(target.anchor) if target.is_absolute() else here
            left.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
        else:
            here = here / part
    _check_own(here, here.lstat())
    return here


def read_private(path: Path) -> bytes | None:
    """Return what a file in a trusted folder holds, None where it cannot be read.

    Errors: Untrusted for a link, for what is no regular file, and for a file that others own or can write.
    """
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # a pipe in the file's place must not block
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        if path.is_symlink():
            raise Untrusted(f"{path} is a link: remove it") from None
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Untrusted(f"{path} is no regular file: remove it")
        if _OWNED:
            _check_own(path, found)
            if found.st_nlink != 1:
                raise Untrusted(f"{path} has other names too: remove it")
        with os.fdopen(handle, "rb", closefd=False) as file, suppress(OSError):
            return file.read()
        return None
    finally:
        os.close(handle)


def _found(path: Path, make: bool) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        if not make:
            return None
    with suppress(FileExistsError):  # another process was faster
        path.mkdir(mode=0o700)
    return path.lstat()


def _check_way(path: Path, found: os.stat_result) -> None:
    """Require that only this user and root can change where a name in this folder, or this link, leads."""
    if found.st_uid not in (0, os.geteuid()):
        raise Untrusted(f"{path} belongs to another user: choose a folder of your own")
    if stat.S_ISDIR(found.st_mode):
        if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
            raise Untrusted(f"other users can write in {path}: chmod go-w {path}")
    elif not stat.S_ISLNK(found.st_mode):
        raise NotADirectoryError(path)


def _check_own(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise Untrusted(f"{path} belongs to another user: remove it or choose another folder")
    if found.st_mode & _OTHERS_WRITE:
        raise Untrusted(f"other users can write to {path}: chmod go-w {path}")
