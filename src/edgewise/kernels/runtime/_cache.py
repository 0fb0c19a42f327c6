"""Machine code that is kept in a folder of this user alone, and which folders and files no other user can have changed.

What lies in the cache is run. So a folder or a file that another user could have written is never read. They are
checked as OpenSSH checks its own: a folder is trusted where it is this user's and others cannot write in it, and where
the same holds of every folder and link on the way to it, which may be root's too. A folder that all may write in, like
/tmp, can only be on the way, and only where it is sticky: nobody can rename there what is another's. Once checked,
nothing on the way can be changed by others, so that it may be used by its name. A file is checked after it was opened,
by its handle.
"""

import hashlib
import os
import stat
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from edgewise._replacing import replacing

_OWNED = hasattr(os, "geteuid")  # Windows has no such owners; its cache and temporary folders are one user's
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


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
        found = _status(here / part, make)
        if found is None:
            return None
        _check_way(here / part, found)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > 40:
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


def _status(path: Path, make: bool) -> os.stat_result | None:
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


_VARIABLE = "EDGEWISE_CACHE"


def cache_directory() -> Path | None:
    """Where new code is kept: `EDGEWISE_CACHE` or the user's cache directory, or else a temporary folder.

    None where there is no place that this user alone can write in.
    """
    folder = _chosen_directory(make=True)
    if folder is not None:
        with suppress(OSError), tempfile.TemporaryFile(dir=folder):
            return folder
    return _temporary_directory()


def read(name: str) -> bytes | None:
    """Kept code; None where there is none, where it was damaged and where others could have written it.

    A directory that cannot be written may still be full.
    """
    found = _read(_chosen_directory(), name)
    return _read(cache_directory(), name) if found is None else found


def write(name: str, code: bytes) -> None:
    """Keep code under a name that appears whole or not at all; a full disk only costs the next process time."""
    folder = cache_directory()
    if folder is None:
        return
    path = folder / name
    with suppress(OSError):
        path.unlink(missing_ok=True)  # `replacing` would keep its owner and permissions, and follow a link
        with replacing(path, 0o600) as file:
            file.write(_digest(name, code) + code)


def _read(folder: Path | None, name: str) -> bytes | None:
    if folder is None:
        return None
    try:
        content = read_private(folder / name)
    except Untrusted as why:
        _say(f"a kept kernel is not run, since {why}. It is compiled again.")
        return None
    if content is None:
        return None
    digest, code = content[:32], content[32:]
    return code if _digest(name, code) == digest else None


def _digest(name: str, code: bytes) -> bytes:
    """Finds damage, and code that stands under another kernel's name."""
    return hashlib.sha256(name.encode() + b"\0" + code).digest()


def _chosen_directory(*, make: bool = False) -> Path | None:
    """`EDGEWISE_CACHE` or the user's cache directory; None where it cannot be used, and a line where it is not safe."""
    named = os.environ.get(_VARIABLE)
    try:
        folder = private_folder(Path(named or _user_directory()), make=make)
        if folder is not None and not named and folder.stat().st_mode & 0o077:
            with suppress(OSError):  # of a file system that is read-only
                folder.chmod(0o700)  # older versions let others look
        return folder
    except Untrusted as why:
        advice = "" if named else f", or set {_VARIABLE}"
        place = _temporary_directory()
        kept = "They are compiled by each process" if place is None else f"They are kept in {place}"
        _say(f"compiled kernels are not kept in the usual folder, since {why}{advice}. {kept}.")
    except OSError:
        pass
    return None


def _user_directory() -> str:
    """Where each system keeps what can be made again: XDG's folder, macOS's Caches, Windows' local data."""
    try:
        if sys.platform == "win32":
            return str(Path(os.environ["LOCALAPPDATA"]) / "edgewise" / "Cache")
        if sys.platform == "darwin":
            return str(Path.home() / "Library" / "Caches" / "edgewise")
        return str(Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache") / "edgewise")
    except (RuntimeError, KeyError):
        raise Untrusted("this user has no home folder: set HOME") from None


@cache
def _temporary_directory() -> Path | None:
    """A folder of this user's under the temporary one, the same for every process, under a name that none foresees."""
    above = Path(tempfile.gettempdir())
    with suppress(OSError, Untrusted):
        if above == Path.cwd():  # where no other can be written
            return None
        prefix = f"edgewise-{os.geteuid() if hasattr(os, 'geteuid') else 'cache'}-"
        for path in sorted(above.glob(f"{prefix}*")):
            with suppress(OSError, Untrusted):
                if not path.is_symlink() and private_folder(path):
                    return path
        return private_folder(Path(tempfile.mkdtemp(prefix=prefix, dir=above)))
    return None


@cache
def _say(text: str) -> None:
    """Write a line to stderr, once in a process."""
    sys.stderr.write(f"edgewise: {text}\n")
    sys.stderr.flush()
