"""A limit on the seconds that a block may compute."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class TimeLimitReached(Exception):
    """The time is up."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitReached` once the block has computed that long; no limit where the system has no such clock.

    It counts this process's own computing, so a busy machine does not change what is decided. In the main thread only.
    """
    if not hasattr(signal, "ITIMER_VIRTUAL"):
        yield
        return

    def ring(_: int, __: FrameType | None) -> NoReturn:
        raise TimeLimitReached

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
