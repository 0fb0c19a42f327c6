"""Machine code that is kept in a folder of this user alone.

What lies there is run. So a folder or a file that another user could have written is never read: see `_trust`.
"""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from edgewise._replacing import replacing
from edgewise.kernels.runtime._trust import Untrusted, private_folder, read_private

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
