"""The server's routes: the page, its files, requests, and the stream of events, all below a secret folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from edgewise._errors import InputError
from edgewise.studio._body import read_object
from edgewise.studio._desk import Desk
from edgewise.studio._events import Streams
from edgewise.studio._guard import Guard
from edgewise.studio._requests import Moved

STATIC = Path(__file__).parent / "static"
_LOGGER = logging.getLogger("edgewise.studio")
_THREADS = 8  # that answer requests; further ones wait
#: what the page is made of; anything else in its folder is not given away
_TYPES = {
    ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".json": "application/json",
    ".svg": "image/svg+xml", ".woff2": "font/woff2",
}  # fmt: skip


def app(desk: Desk, token: str, streams: Streams | None = None, patience: float = 20.0) -> Guard:
    """Return the application of a desk; all of it lies below /TOKEN/. `patience` is that of the guard."""
    threads = ThreadPoolExecutor(_THREADS, "edgewise-studio")
    open_streams = streams or Streams(desk)
    files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in _TYPES}

    async def page(_: Request) -> Response:
        return _file(STATIC / "index.html")

    async def static(asked: Request) -> Response:
        name = asked.path_params["name"]
        return _file(files[name]) if name in files else PlainTextResponse("There is no such file.\n", 404)

    async def ask(asked: Request) -> Response:
        body, name = await asked.body(), asked.path_params["name"]
        answering = asyncio.get_running_loop().run_in_executor(threads, partial(_answered, desk, name, body))
        return await answering

    async def events(_: Request) -> Response:
        return StreamingResponse(open_streams.stream(), media_type="text/event-stream")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        threads.shutdown(wait=False, cancel_futures=True)

    routes = [
        Route("/", page), Route("/static/{name:path}", static), Route("/ask/{name}", ask, methods=["POST"]),
        Route("/events", events),
    ]  # fmt: skip
    return Guard(Starlette(routes=routes, lifespan=lifespan), token, patience)


def _answered(desk: Desk, name: str, body: bytes) -> Response:
    """Answer a request in JSON; what goes wrong inside is logged here, and the page learns no more than its kind."""
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
