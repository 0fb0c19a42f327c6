"""Connections to the server, which are few, and closed where they ask nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 256  # open connections; each takes a file handle


class Connection(H11Protocol):
    """A connection that is closed when no whole request comes for a while, or when others need its place."""

    patience = 20.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        others: list[Any] = list(self.connections)
        if len(others) > MOST:
            oldest = min(others, key=lambda one: (not one.is_idle, one.idle_since))
            oldest.transport.close()
        self.loop.call_later(self.patience, self._look)

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def idle_since(self) -> float:
        """When the connection was made, or its last request was answered."""
        return self._since

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if self.is_idle and self.loop.time() - self._since >= self.patience:
            self.transport.close()
        else:
            self.loop.call_later(self.patience, self._look)
