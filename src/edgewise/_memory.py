"""The memory that is free, and refusals in one line before more of it is asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgewise._errors import InputError

_MOST = 2**70  # bytes beyond which a number says nothing
_WORDS = (
    "allocate memory",
    "out of memory",
    "not enough memory",
    "size calculation overflowed",
    "multiplication overflow",
)
_CGROUP = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Bytes that can be taken without swapping, by the system's limits and the process's own; None if unknown."""
    found = [size for size in (_free(), _grouped(), _addressed()) if size is not None]
    return max(0, min(found)) if found else None


def require(need: int, what: str, remedy: str) -> None:
    """Raise InputError where `what` needs more bytes than there are.

    >>> require(1000, "A small network", "Use fewer nodes.")
    """
    if need < 2**28:  # bytes that are never asked about
        return
    free = available()
    if need > (_MOST if free is None else free):
        rest = "" if free is None else f", {_shown(free)} are free"
        raise InputError(f"{what} needs {_shown(need)} of memory{rest}. {remedy}")


@contextmanager
def refused(what: str, remedy: str) -> Iterator[None]:
    """Turn what Python and torch raise when memory runs out into InputError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS):
            raise InputError(f"{what} needs more memory than there is. {remedy}") from error
        raise


def _shown(size: int) -> str:
    """
    >>> _shown(3 * 2**20), _shown(115 * 10**9), _shown(10**40)
    ('about 3 MiB', 'about 107 GiB', 'more than 1024 EiB')
    """
    if size >= _MOST:
        return "more than 1024 EiB"
    power = max(20, (max(size, 1).bit_length() - 1) // 10 * 10)
    return f"about {size >> power} {'MGTPE'[power // 10 - 2]}iB"


def _free() -> int | None:
    path = Path("/proc/meminfo")
    if path.exists():
        return _field(path.read_text(), "MemAvailable")
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _grouped() -> int | None:
    """What a container's limit leaves."""
    with suppress(ValueError, OSError):
        return int((_CGROUP / "memory.max").read_text()) - int((_CGROUP / "memory.current").read_text())
    return None


def _addressed() -> int | None:
    """What the limit on the process's address space leaves."""
    status = Path("/proc/self/status")
    with suppress(ImportError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY and status.exists():
            return limit - _field(status.read_text(), "VmSize")
    return None


def _field(text: str, name: str) -> int:
    line = next(line for line in text.splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
