"""A studio that is open: a server in a thread, on this machine alone, with a secret in its address."""

from __future__ import annotations

import html
import logging
import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

import uvicorn

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.studio._app import Streams, app
from edgewise.studio._desk import Desk, Host
from edgewise.studio._guard import Connection

_HOST = "127.0.0.1"
_SENDS = """<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}"><title>edgewise studio</title><a href="{url}">edgewise studio</a>
"""


@final
class Studio(Host):
    """An open studio, until `stop`, or the end of a `with` block.

    The page is at `url`, which holds a secret: who knows it can do what the page can do. `desk` answers the page, and
    `session` is the session as the page has it by now.

    Parameters
    ----------
    desk
        The desk that answers the page.
    port
        Port on this machine; 0 for any free one.
    patience
        Seconds that the server waits for the rest of a request, and keeps a quiet connection.
    rest
        What is left to do on the desk. It is done in a thread.
    at_once
        Whether requests are answered before that is done.

    Raises
    ------
    InputError
        For a port that is taken.
    """

    def __init__(
        self, desk: Desk, port: int = 0, *, patience: float = 20.0, rest: Callable[[], None] = lambda: None,
        at_once: bool = False,
    ) -> None:  # fmt: skip
        self.desk = desk
        taken = _listen(port)
        self.url = f"http://{_HOST}:{taken.getsockname()[1]}/{(token := secrets.token_urlsafe(32))}/"
        self._way_in: Path | None = None
        ready = threading.Event()
        if at_once:
            ready.set()
        self._server = _Server(desk, token, patience, ready)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [taken]}, name="edgewise-studio", daemon=True
        )
        self._thread.start()
        while not self._server.ready.wait(0.1):
            if not self._thread.is_alive():
                raise RuntimeError("The studio's server did not start: see the error above.")
        thread = ThreadPoolExecutor(1, "edgewise-studio-rest")
        self._rest = thread.submit(rest)
        self._rest.add_done_callback(lambda _: ready.set())
        thread.shutdown(wait=False)

    def begun(self) -> None:
        """Wait until the page begins with what it should; where that fails, end the studio and raise the error."""
        try:
            self._rest.result()
        except BaseException:
            self.stop()
            raise

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive()

    def browse(self) -> bool:
        """Show the page in the browser; False where there is none.

        The browser is sent to a file which only this user can read, and which sends it on: what stands in the command
        line of a program can be read by everyone on the machine.
        """
        if self._way_in is None:
            with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="edgewise-", delete=False) as file:
                file.write(_SENDS.format(url=html.escape(self.url)))
            self._way_in = Path(file.name)
        try:
            return webbrowser.open(self._way_in.as_uri())
        except webbrowser.Error:
            return False

    def wait(self) -> None:
        """Wait until the studio is stopped; Ctrl-C stops it."""
        try:
            while self.is_open:
                self._thread.join(0.5)
        except KeyboardInterrupt:
            self.stop()

    def stop(self) -> None:
        """End the server, its streams, and the work that is going on; the session is on disk."""
        self._server.should_exit = True
        self.desk.close()
        self._thread.join()
        if self._way_in is not None:
            self._way_in.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Studio({self.url if self.is_open else 'stopped'})"

    def _repr_html_(self) -> str:
        if not self.is_open:
            return "<p>This studio is stopped.</p>"
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f'<p><a href="{html.escape(self.url)}" target="_blank" rel="noreferrer">Open the studio</a></p>{notes}'


class _Server(uvicorn.Server):
    """uvicorn without its own words, which ends streams before it waits for what is going on."""

    def __init__(self, desk: Desk, token: str, patience: float, begun: threading.Event) -> None:
        self.ready = threading.Event()
        self._streams = Streams(desk)
        config: dict[str, Any] = {
            "http": type("Connection", (Connection,), {"patience": patience}), "ws": "none", "lifespan": "on",
            "timeout_keep_alive": patience, "timeout_graceful_shutdown": 5, "log_config": None,
            "access_log": False, "server_header": False, "proxy_headers": False, "loop": "asyncio",
        }  # fmt: skip
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        super().__init__(uvicorn.Config(app(desk, token, self._streams, patience, begun), **config))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.end()
        await super().shutdown(sockets)


def _listen(port: int) -> socket.socket:
    if not is_int(port, 0, 65535):
        raise InputError(f"'port' must be an int from 0 to 65535; 0 takes a free one. Got {port!r}.")
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise InputError(
            f"Port {port} cannot be used ({error.strerror or error}): leave it out for a free one."
        ) from None
