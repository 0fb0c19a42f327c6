"""The guard before the server: connections, bodies of requests, the secret, the place that they come from."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

from uvicorn.protocols.http.h11_impl import H11Protocol

from edgewise._errors import InputError

_DEEPEST = 32  # lists and objects in each other
_LONGEST = 18  # digits of a whole number: what 64 bits hold


def read_object(body: bytes) -> dict[str, Any]:
    """Return the object; InputError for anything else.

    >>> read_object(b'{"at": 3, "name": "lock"}')
    {'at': 3, 'name': 'lock'}
    """
    try:
        said = json.loads(body.decode() or "{}", parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
        _check(said, 0)
    except (ValueError, RecursionError):
        raise InputError(
            f"The request is not JSON with finite numbers, whole ones of at most {_LONGEST} digits, at most "
            f"{_DEEPEST} levels deep."
        ) from None
    if not isinstance(said, dict):
        raise InputError(f"The request is a JSON {type(said).__name__}: send an object.")
    return said


def _check(said: Any, depth: int) -> None:
    if isinstance(said, str):
        said.encode()  # refuses halves of characters
    elif isinstance(said, list | dict):
        if depth == _DEEPEST:
            raise ValueError(depth)
        for each in said if isinstance(said, list) else [*said, *said.values()]:
            _check(each, depth + 1)


def _refuse(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _whole(text: str) -> int:
    return int(text) if len(text) <= _LONGEST else int(_refuse(text))


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


Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "font-src 'self'",
        "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    )
)  # fmt: skip
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_SECRET = (
    "This is an edgewise studio. Its address holds a secret, which is missing or wrong here.\n"
    "Use the whole address that `edgewise studio` printed, or that `ew.studio.open(...).url` holds.\n"
)


@dataclass(frozen=True)
class Kind:
    """Requests whose path begins alike: their methods, how many bytes they may send, how many may go on at once."""

    path: str
    methods: tuple[str, ...]
    longest: int
    most: int


#: the first that fits is the one that counts
KINDS = (
    Kind("/ask/upload", ("POST",), 88 * 2**20, 2),  # a file of 64 MiB, as text in JSON
    Kind("/ask/", ("POST",), 2**20, 32),
    Kind("/events", ("GET",), 0, 32),
    Kind("/", ("GET", "HEAD"), 0, 64),
)


class Refused(Exception):
    """A request that is not let in: the status of the answer, and what it says."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@final
class Guard:
    """An ASGI application before another one, which sees only sound requests, without the secret in their path.

    `patience` is how many seconds a request may take to send its body.
    """

    def __init__(self, inside: Application, token: str, patience: float) -> None:
        self._inside, self._token, self._patience = inside, token.encode(), patience
        self._going_on = dict.fromkeys(KINDS, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inside(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, _with_headers(send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = "/ask/" in scope["path"]
        try:
            path = self._path_inside(scope)
            kind = next(kind for kind in KINDS if path.startswith(kind.path))
            check(scope, path, kind)
            with self._one_more(kind):
                body = await _body(receive, kind, self._patience) if scope["method"] == "POST" else b""
                scope = {**scope, "root_path": f"/{self._token.decode()}"}
                await self._inside(scope, _replay(body, receive), send)
        except Refused as why:
            await _answer(send, why.status, str(why), asks)

    def _path_inside(self, scope: Scope) -> str:
        """The path below the secret."""
        _, token, *path = scope["path"].split("/", 2) if "/" in scope["path"] else ("", "")
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self._token):
            raise Refused(404, _NO_SECRET)
        return "/" + "".join(path)

    @contextmanager
    def _one_more(self, kind: Kind) -> Any:
        if self._going_on[kind] >= kind.most:
            raise Refused(429, "There are too many requests at once: wait a moment, or close other tabs of this page.")
        self._going_on[kind] += 1
        try:
            yield
        finally:
            self._going_on[kind] -= 1


def check(scope: Scope, path: str, kind: Kind) -> None:
    """Raise Refused for a request that does not come from the page, or is not one of its kind."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    port = scope["server"][1]
    host = headers.get("host", "")
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise Refused(403, f"The studio is at 127.0.0.1:{port} and at localhost:{port}, under no other name.")
    if headers.get("origin", f"http://{host}") != f"http://{host}":
        raise Refused(403, "Only the page of the studio itself may ask.")
    if not _from_page(headers, path, scope["method"]):
        raise Refused(403, "Only the page of the studio itself may ask.")
    if scope["method"] not in kind.methods:
        raise Refused(405, f"Use {' or '.join(kind.methods)}.")
    if scope["method"] == "POST":
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Requests are application/json.")
    elif "transfer-encoding" in headers:
        raise Refused(413, "This request has no body.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length) > kind.longest:
        raise Refused(413, _too_long(kind))


def _from_page(headers: dict[str, str], path: str, method: str) -> bool:
    """Whether the browser, if it says so, says that the page itself asks; or that a person goes to the page.

    The person may come from a link in a notebook, or from a file that sends the browser here: other sites. Who can
    name the page's address in a link knows the secret.
    """
    site = headers.get("sec-fetch-site", "same-origin")
    if site == "same-origin":
        return True
    goes_there = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return path == "/" and method == "GET" and goes_there


async def _body(receive: Receive, kind: Kind, patience: float) -> bytes:
    """The whole body; reading ends where it becomes too long, or takes too long."""
    try:
        async with asyncio.timeout(patience):
            return await _read(receive, kind)
    except TimeoutError:
        raise Refused(408, f"The request was not complete within {patience:g} seconds.") from None


async def _read(receive: Receive, kind: Kind) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The request ended before it was complete.")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > kind.longest:
            raise Refused(413, _too_long(kind))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body once, then what else comes: that the client has gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_one() -> Message:
        return messages.pop() if messages else await receive()

    return next_one


def _too_long(kind: Kind) -> str:
    most = f"at most {kind.longest / 2**20:g} MiB" if kind.longest else "no body"
    return f"The request is too long: it may have {most}."


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in _HEADERS}
            rest = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            message = {**message, "headers": [*rest, *_HEADERS]}
        await send(message)

    return sent


async def _answer(send: Send, status: int, why: str, asks: bool) -> None:
    """Say why, and close the connection: what is left of the request is not read."""
    body = json.dumps({"problem": why}).encode() if asks else why.encode()
    kind = b"application/json" if asks else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
