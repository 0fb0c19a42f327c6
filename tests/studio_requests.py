"""Sessions for studios, and requests as no browser would send them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import torch

import edgewise as ew

if TYPE_CHECKING:
    from edgewise.studio import Studio

PATIENCE = 10.0


#: the size of each text in a place of the page, in pixels, and how it begins
LETTERS = """
(place) => [...(document.querySelector('dialog[open]') ?? document.querySelector(place)).querySelectorAll('*')]
  .filter((one) =>
    one.getClientRects().length && !one.closest('.unseen, .katex-mathml, .vlist-s, title')
    && [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim().replace('\\u200b', ''))
  ).map((one) => {
    const by = one.ownerSVGElement ? one.getScreenCTM() : { a: 1, b: 0 };
    return [parseFloat(getComputedStyle(one).fontSize) * Math.hypot(by.a, by.b), one.textContent.trim().slice(0, 40)];
  })
"""


def small_session(rows: int = 60) -> ew.Session:
    """A session at its start: KAN([2, 2, 1]) on rows of x*y + y^2."""
    x = 2 * torch.rand(rows, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    model = ew.KAN([2, 2, 1], grid=3, seed=0)
    return ew.Session(model, x, x[:, 0] * x[:, 1] + x[:, 1] ** 2, ["x", "y"], target="f")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        return json.loads(self.body)["problem"]

    @property
    def said(self) -> Any:
        return json.loads(self.body)


def port_of(studio: Studio) -> int:
    port = urlsplit(studio.url).port
    assert port is not None
    return port


def token_of(studio: Studio) -> str:
    return urlsplit(studio.url).path.strip("/")


def send(
    studio: Studio, path: str = "", *, method: str = "GET", headers: Mapping[str, str] | None = None, body: Any = None,
    whole_path: str | None = None,
) -> Answer:  # fmt: skip
    """Send a request with exactly these headers, `Host` if it is not among them, and the length of the body.

    `path` is below the secret, `whole_path` is not. A body that is no bytes is sent in chunks.
    """
    headers = {"Host": f"127.0.0.1:{port_of(studio)}", **(headers or {})}
    connection = http.client.HTTPConnection("127.0.0.1", port_of(studio), timeout=PATIENCE)
    try:
        target = f"/{token_of(studio)}/{path}" if whole_path is None else whole_path
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        if isinstance(body, bytes) and not {"Content-Length", "Transfer-Encoding"} & {*headers}:
            headers["Content-Length"] = str(len(body))
        elif body is not None and not isinstance(body, bytes):
            headers["Transfer-Encoding"] = "chunked"
        for name, value in headers.items():
            connection.putheader(name, value)
        with suppress(BrokenPipeError, ConnectionResetError):  # the server has answered, and reads no more
            connection.endheaders(body, encode_chunked=body is not None and not isinstance(body, bytes))
        found = connection.getresponse()
        return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
    finally:
        connection.close()


def ask(studio: Studio, name: str, headers: Mapping[str, str] | None = None, /, **given: Any) -> Answer:
    """Ask as the page does."""
    return send_json(studio, name, json.dumps(given).encode(), headers)


def send_json(studio: Studio, name: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    headers = {"Content-Type": "application/json", **(headers or {})}
    return send(studio, f"ask/{name}", method="POST", headers=headers, body=body)


def raw(studio: Studio, text: str, timeout: float = PATIENCE) -> bytes:
    """Send bytes as they are and return what comes back until the connection is closed, or for a second."""
    with socket.create_connection(("127.0.0.1", port_of(studio)), timeout=timeout) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.settimeout(1.0)
        found = b""
        try:
            while piece := connection.recv(65536):
                found += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return found


def stream(studio: Studio) -> socket.socket:
    """Open a stream of events and return its connection, after the first bytes of the answer."""
    connection = socket.create_connection(("127.0.0.1", port_of(studio)), timeout=PATIENCE)
    host = f"127.0.0.1:{port_of(studio)}"
    connection.sendall(f"GET /{token_of(studio)}/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection
