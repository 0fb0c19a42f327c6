"""The server's routes: the page, its files, requests, and the streams of events."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from edgewise._errors import InputError
from edgewise.studio._desk import Desk
from edgewise.studio._guard import Guard, read_object
from edgewise.studio._hosts import load_requests
from edgewise.studio._requests import Moved

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
        inbox, beat = _Inbox(), 15.0  # seconds after which a silent stream says that it is alive
        with self._desk.listening(inbox):
            self._open.add(inbox)
            try:
                asyncio.get_running_loop().run_in_executor(None, self._warm)
                yield ": hello\n\n"
                while not self._over:
                    try:
                        event = await asyncio.wait_for(inbox.take(), beat)
                    except TimeoutError:
                        yield ": still here\n\n"
                        continue
                    if event is not _END:
                        yield f"data: {json.dumps(event)}\n\n"
            finally:
                self._open.discard(inbox)

    def _warm(self) -> None:
        load_requests()  # first, since the page waits for them
        if not self._desk.read_only and not self._over:
            self._desk.warm()

    def end(self) -> None:
        """End all streams, and those that are still to come."""
        self._over = True
        for inbox in self._open:
            inbox.put(_END)


STATIC = Path(__file__).parent / "static"
_READING = ("open_table", "plan", "begin", "open_model")  # requests that may read a table
_LOGGER = logging.getLogger("edgewise.studio")
#: what the page is made of; anything else in its folder is not given away
_TYPES = {
    ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".json": "application/json",
    ".svg": "image/svg+xml", ".woff2": "font/woff2",
}  # fmt: skip


def app(desk: Desk, token: str, streams: Streams, patience: float, begun: threading.Event) -> Guard:
    """Return the application of a desk; all of it lies below /TOKEN/. `patience` is that of the guard; requests wait
    for `begun`."""
    threads = ThreadPoolExecutor(8, "edgewise-studio")  # further requests wait
    reader = ThreadPoolExecutor(1, "edgewise-studio-reader")  # one table takes memory at a time
    files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in _TYPES}

    async def page(_: Request) -> Response:
        return _file(STATIC / "index.html")

    async def static(asked: Request) -> Response:
        name = asked.path_params["name"]
        return _file(files[name]) if name in files else PlainTextResponse("There is no such file.\n", 404)

    async def ask(asked: Request) -> Response:
        body, name = await asked.body(), asked.path_params["name"]
        answer = partial(_answered, desk, begun, name, body)
        loop = asyncio.get_running_loop()
        if name in _READING:
            return await loop.run_in_executor(reader, _uncollected, answer)
        return await loop.run_in_executor(threads, answer)

    async def events(_: Request) -> Response:
        return StreamingResponse(streams.stream(), media_type="text/event-stream")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        threads.shutdown(wait=False, cancel_futures=True)
        reader.shutdown(wait=False, cancel_futures=True)

    routes = [
        Route("/", page), Route("/static/{name:path}", static), Route("/ask/{name}", ask, methods=["POST"]),
        Route("/events", events),
    ]  # fmt: skip
    return Guard(Starlette(routes=routes, lifespan=lifespan), token, patience)


def _uncollected(answer: Callable[[], Response]) -> Response:
    """Answer without collecting garbage: among the cells of a table that stops all threads for seconds."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return answer()
    finally:
        if collects:
            gc.enable()


def _answered(desk: Desk, begun: threading.Event, name: str, body: bytes) -> Response:
    """Answer a request in JSON; what goes wrong inside is logged here, and the page learns no more than its kind."""
    begun.wait()
    try:
        return JSONResponse(desk.ask(name, read_object(body)))
    except Moved as problem:
        return JSONResponse({"problem": str(problem)}, 409)
    except InputError as problem:
        return JSONResponse({"problem": str(problem)}, 400)
    except Exception as error:
        _LOGGER.exception("The request %r failed.", name)
        kind = type(error).__name__
        return JSONResponse(
            {"problem": f"Internal error ({kind}); nothing changed. The terminal of the studio says more."}, 500
        )


def _file(path: Path) -> Response:
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix])
