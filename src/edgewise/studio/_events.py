"""The streams of events: each passes on what the desk publishes, until its reader or the server goes."""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import AsyncIterator
from typing import Any

from edgewise.studio._desk import Desk

_BEAT = 15.0  # seconds after which a silent stream says that it is alive
_END = None  # what a stream finds in its queue when it is to end


class _Inbox(queue.Queue[Any]):
    """Events for one stream; threads put them in, and the event loop waits for them."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._filled.set)

    async def take(self) -> Any:
        while True:
            self._filled.clear()
            try:
                return self.get_nowait()
            except queue.Empty:
                await self._filled.wait()


class Streams:
    """All streams of a server; no thread waits for any of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: set[_Inbox] = set()
        self._over = False

    async def stream(self) -> AsyncIterator[str]:
        """Yield events as text/event-stream until `end`; who listens will want the worker soon."""
        inbox = _Inbox()
        if not self._desk.read_only:
            await asyncio.to_thread(self._desk.warm)
        with self._desk.listening(inbox):
            self._open.add(inbox)
            try:
                yield ": hello\n\n"
                while not self._over:
                    try:
                        event = await asyncio.wait_for(inbox.take(), _BEAT)
                    except TimeoutError:
                        yield ": still here\n\n"
                        continue
                    if event is not _END:
                        yield f"data: {json.dumps(event)}\n\n"
            finally:
                self._open.discard(inbox)

    def end(self) -> None:
        """End all streams, and those that are still to come."""
        self._over = True
        for inbox in self._open:
            inbox.put(_END)
