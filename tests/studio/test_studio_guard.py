"""The studio's server lets in nobody but its own page, and stands what is sent to it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from studio_requests import ask, port_of, raw, send, send_json, small_session, token_of

import edgewise as ew
from edgewise.studio import Desk

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")

from edgewise.studio import Studio

FORM_TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with a session, for attacks that leave nothing behind."""
    options: dict[str, Any] = {"open_browser": False, "wait": False}
    with ew.studio.open(small_session(), folder=tmp_path_factory.mktemp("studio"), **options) as opened:
        yield opened


def is_alive(studio: Studio) -> bool:
    return ask(studio, "view").status == 200


def test_the_page_its_files_and_its_requests_are_served(studio: Studio) -> None:
    page = send(studio)
    assert page.status == 200 and b"<title>edgewise studio</title>" in page.body
    assert send(studio, method="HEAD").body == b""
    assert ask(studio, "view").said["names"] == ["x", "y"]
    assert send(studio, "static/index.html").headers["content-type"].startswith("text/html")
    assert send(studio, whole_path=f"/{token_of(studio)}").status in (307, 404)


def test_only_this_machine_can_connect(studio: Studio) -> None:
    others: set[Any] = set()
    with contextlib.suppress(OSError):  # of a machine that does not know its name
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in sorted(str(other) for other in others):
        with pytest.raises(OSError):
            socket.create_connection((address, port_of(studio)), timeout=1).close()


def test_secrets_are_long_and_differ(studio: Studio, tmp_path: Path) -> None:
    with Studio(Desk(tmp_path)) as other:
        assert len(token_of(studio)) == 43 and token_of(other) != token_of(studio)
        assert send(other, whole_path=f"/{token_of(studio)}/").status == 404


@pytest.mark.parametrize("path", ["", "ask/view", "events", "static/index.html", "static/", "nothing"])
def test_without_the_secret_there_is_nothing(studio: Studio, path: str) -> None:
    method = "POST" if path.startswith("ask") else "GET"
    headers = {"Content-Type": "application/json"}
    for place in ("/", "//", "/dev/", f"/{token_of(studio)[:-1]}/", f"/{token_of(studio)}x/", f"//{token_of(studio)}/"):
        found = send(studio, whole_path=place + path, method=method, headers=headers)
        assert found.status == 404 and b"Its address holds a secret" in found.body, place
        assert token_of(studio).encode() not in found.body


@pytest.mark.parametrize("path", ["/?{}", "/?token={}", "/#{}", "/static/?/{}/", "/;{}/", "/%00/{}/", "/é/{}"])
def test_the_secret_counts_at_the_beginning_of_the_path_alone(studio: Studio, path: str) -> None:
    text = f"GET {path.format(token_of(studio))} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n\r\n"
    assert raw(studio, text).startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    in_a_cookie = {"Cookie": f"token={token_of(studio)}", "Authorization": f"Bearer {token_of(studio)}"}
    assert send(studio, whole_path="/", headers=in_a_cookie).status == 404


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{}", "127.0.0.1", "127.0.0.1:1", "localhost", "localhost.evil.example:{}",
     "127.0.0.1:{}.evil.example", "0.0.0.0:{}", "[::1]:{}", "127.0.0.1.nip.io:{}", "2130706433:{}", "a@127.0.0.1:{}",
     ""],
)  # fmt: skip
def test_another_host_is_refused(studio: Studio, host: str) -> None:
    """As in DNS rebinding: a name of the attacker that leads here."""
    headers = {"Host": host.format(port_of(studio)), "Content-Type": "application/json"}
    assert send(studio, headers=headers).status == 403
    assert send(studio, "ask/view", method="POST", headers=headers, body=b"{}").status == 403


def test_localhost_is_this_machine_too_and_no_host_is_none(studio: Studio) -> None:
    assert send(studio, headers={"Host": f"localhost:{port_of(studio)}"}).status == 200
    assert raw(studio, f"GET /{token_of(studio)}/ HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(studio, f"GET /{token_of(studio)}/ HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{}",
     "http://localhost:{}", "http://127.0.0.1:{}.evil.example", "file://", ""],
)  # fmt: skip
def test_another_origin_is_refused(studio: Studio, origin: str) -> None:
    headers = {"Origin": origin.format(port_of(studio))}
    assert ask(studio, "view", headers).status == 403
    assert send(studio, "events", headers=headers).status == 403
    assert ask(studio, "view", {"Origin": f"http://127.0.0.1:{port_of(studio)}"}).status == 200


@pytest.mark.parametrize("kind", FORM_TYPES)
def test_what_a_form_can_send_is_refused(studio: Studio, kind: str) -> None:
    """A form on another site, with fields that make its body look like JSON."""
    headers = {"Content-Type": kind} if kind else {}
    body = b'{"text": "=changed"}'
    assert send(studio, "ask/note", method="POST", headers=headers, body=body).status == 415
    cross = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert send(studio, "ask/note", method="POST", headers={**headers, **cross}, body=body).status == 403
    assert all(not state.note for state in studio.session.states)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "anything"])
def test_what_a_browser_sends_for_another_site_is_refused(studio: Studio, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    assert ask(studio, "view", headers).status == 403
    for path in ("events", "static/index.html", ""):
        assert send(studio, path, headers=headers).status == 403, path
    frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert send(studio, headers=frame).status == 403
    assert send(studio, "static/index.html", headers={**frame, "Sec-Fetch-Dest": "document"}).status == 403


@pytest.mark.parametrize("site", ["none", "same-site", "cross-site"])
def test_a_person_may_go_to_the_page_from_anywhere(studio: Studio, site: str) -> None:
    """From the bar of the browser, a link in a notebook, a file: who makes the link knows the secret."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert send(studio, headers=headers).status == 200


@pytest.mark.parametrize(
    "name",
    ["../_app.py", "../../_errors.py", "..%2f_app.py", "%2e%2e/_app.py", "%2e%2e%2f_app.py", "%252e%252e%252f_app.py",
     "..\\_app.py", "..%5c_app.py", "....//_app.py", "/etc/passwd", "%2fetc%2fpasswd", "index.html%00.js",
     "vendor/../../_app.py", "./index.html", "", "vendor", "~root/.bashrc", "static/index.html"],
)  # fmt: skip
def test_a_path_leads_to_no_other_file(studio: Studio, name: str) -> None:
    found = send(studio, f"static/{name}")
    assert found.status == 404 and b"import" not in found.body and b"root" not in found.body


def test_a_body_that_says_it_is_too_long_is_not_read(studio: Studio) -> None:
    for length in ("1048577", "99999999999999999999", "-1", "1e3", "0x10", "１"):
        text = (
            f"POST /{token_of(studio)}/ask/view HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n"
            f"Content-Type: application/json\r\nContent-Length: "
        )
        found = raw(studio, text + length.encode().decode("latin-1") + "\r\n\r\n")
        assert found.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400")), length
    assert send_json(studio, "view", b" " * 2**20).status == 400
    assert send_json(studio, "view", b"{}" + b" " * (2**20 - 2)).status == 200


def test_a_body_in_chunks_is_cut(studio: Studio) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(4096):
            sent += 2**16
            yield b" " * 2**16

    headers = {"Content-Type": "application/json"}
    with contextlib.suppress(ConnectionError):  # if the answer is lost with the connection
        assert send(studio, "ask/view", method="POST", headers=headers, body=chunks()).status == 413
    assert 2**20 < sent < 2**26
    assert is_alive(studio)


def test_an_upload_has_a_limit(studio: Studio) -> None:
    """More than a request may have, and not more than a file of 64 MiB takes."""
    assert send_json(studio, "upload", b"[" + b" " * 2**21 + b"]").status == 400
    text = (
        f"POST /{token_of(studio)}/ask/upload HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {89 * 2**20}\r\n\r\n"
    )
    assert raw(studio, text).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", ["", "events", "static/index.html"])
def test_what_is_looked_at_takes_no_body(studio: Studio, path: str) -> None:
    assert send(studio, path, body=b"x").status == 413
    assert send(studio, path, headers={"Transfer-Encoding": "chunked"}).status == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "PROPFIND", "POST", "X"])
def test_other_methods_are_refused(studio: Studio, method: str) -> None:
    for path in ("", "static/index.html", "events"):
        assert send(studio, path, method=method, headers={"Content-Type": "application/json"}).status == 405
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    found = send(studio, "ask/view", method="GET" if method == "POST" else method, headers=preflight)
    assert found.status == 405 and not any(name.startswith("access-control") for name in found.headers)


def test_every_answer_has_the_headers_that_protect_it(studio: Studio) -> None:
    answers = [
        send(studio), send(studio, "static/index.html"), send(studio, "nothing"), send(studio, whole_path="/"),
        ask(studio, "view"), ask(studio, "nothing"), send(studio, headers={"Host": "evil.example"}),
        send(studio, whole_path=f"/{token_of(studio)}"),
    ]  # fmt: skip
    for found in answers:
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["cross-origin-opener-policy"] == "same-origin"
        assert found.headers["cross-origin-resource-policy"] == "same-origin"
        assert not {"server", "access-control-allow-origin", "set-cookie"} & {*found.headers}


def test_there_are_no_web_sockets(studio: Studio) -> None:
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    for path in ("events", "ask/view", "ws"):
        assert send(studio, path, headers={**upgrade, "Origin": "http://evil.example"}).status in (403, 405)
        assert "sec-websocket-accept" not in (found := send(studio, "ws", headers=upgrade)).headers
        assert found.status == 404


@pytest.mark.parametrize(
    "text", ["%0d%0aSet-Cookie:%20a=b", "%0aX-Own:%201", "\r\nSet-Cookie: a=b", "a\tb", "%c4%8d%c4%8a"]
)
def test_headers_cannot_be_injected(studio: Studio, text: str) -> None:
    for place in (f"/{token_of(studio)}{text}", f"/{token_of(studio)}/static/{text}", f"/{text}/"):
        found = raw(studio, f"GET {place} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\nConnection: close\r\n\r\n")
        head = found.partition(b"\r\n\r\n")[0].lower()
        assert head.startswith((b"http/1.1 404", b"http/1.1 400", b"http/1.1 307"))
        assert b"\nset-cookie" not in head and b"\nx-own" not in head


@pytest.mark.parametrize(
    "lines",
    ["Content-Length: 2\r\nContent-Length: 3", "Content-Length: 2\r\nTransfer-Encoding: chunked",
     "Transfer-Encoding: chunked, identity", "Host: evil.example", "Bad Name: 1", "X: a\x00b"],
)  # fmt: skip
def test_requests_that_can_be_read_in_two_ways_are_refused(studio: Studio, lines: str) -> None:
    found = raw(
        studio,
        f"POST /{token_of(studio)}/ask/view HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n"
        f"Content-Type: application/json\r\n{lines}\r\n\r\n{{}}",
    )
    assert not found.startswith(b"HTTP/1.1 200")
    assert is_alive(studio)
