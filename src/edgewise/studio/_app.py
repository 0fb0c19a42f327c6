"""The server's routes: the page, its files, requests, and the stream of events, all below a secret folder."""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edgewise._errors import InputError
from edgewise.studio._desk import Desk
from edgewise.studio._requests import Moved

STATIC = Path(__file__).parent / "static"
_BEAT = 15.0  # seconds after which a silent stream says that it is alive


def app(desk: Desk, token: str) -> Starlette:
    """Return the application of a desk; all of it lies below /TOKEN/."""

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def ask(asked: Request) -> Response:
        try:
            given = json.loads(await asked.body() or b"{}")
        except ValueError:
            return JSONResponse({"problem": "The request is no JSON."}, 400)
        if not isinstance(given, dict):
            return JSONResponse({"problem": "The request is no JSON object."}, 400)
        try:
            return JSONResponse(await asyncio.to_thread(desk.ask, asked.path_params["name"], given))
        except Moved as problem:
            return JSONResponse({"problem": str(problem)}, 409)
        except InputError as problem:
            return JSONResponse({"problem": str(problem)}, 400)

    async def events(_: Request) -> Response:
        return StreamingResponse(_stream(desk), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    inside: list[Any] = [
        Route("/", page), Route("/events", events), Route("/ask/{name}", ask, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]  # fmt: skip
    return Starlette(routes=[Mount(f"/{token}", routes=inside)])


async def _stream(desk: Desk) -> AsyncIterator[str]:
    with desk.listening() as events:
        yield ": hello\n\n"
        while True:
            try:
                event = await asyncio.to_thread(events.get, True, _BEAT)
            except queue.Empty:
                yield ": still here\n\n"
                continue
            yield f"data: {json.dumps(event)}\n\n"
