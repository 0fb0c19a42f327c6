"""Attacks on the studio beyond those of its guard: odd protocols, forged headers, tables made to fill the memory."""

from __future__ import annotations

import gc
import gzip
import os
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from studio_requests import ask, port_of, raw, send, send_json, small_session, stream, token_of

import edgewise as ew
from edgewise.studio import Desk

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")

from edgewise.studio import Studio

pytest_plugins = ("studio_browser",)
Opener = Callable[..., Studio]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Desk(tmp_path_factory.mktemp("attacked"), small_session())) as one:
        yield one


def is_alive(studio: Studio) -> bool:
    return send(studio).status == 200 and ask(studio, "view").status == 200


@pytest.mark.parametrize(
    "text",
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x00" * 4096,
     "GET http://evil.example/{token}/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
     "GET http://{host}/{token}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET * HTTP/1.1\r\nHost: {host}\r\n\r\n",
     "GET /{token}/ HTTP/1.1\r\nHost: {host}\r\nX: " + "a" * 100_000, "GET /" + "a" * 100_000,
     "GET /{token}/ HTTP/1.1\r\nHost: {host}\r\n" + "A: b\r\n" * 20_000],
    ids=["http2", "http0.9", "tls", "zeros", "other authority", "other host", "star", "header", "path",
         "headers"],
)  # fmt: skip
def test_what_is_no_plain_request_is_not_answered(studio: Studio, text: str) -> None:
    host = f"127.0.0.1:{port_of(studio)}"
    found = raw(studio, text.replace("{token}", token_of(studio)).replace("{host}", host))
    assert found == b"" or found.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505"))
    assert is_alive(studio)


@pytest.mark.parametrize(
    "line",
    ["Transfer-Encoding : chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: \x0bchunked",
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Content-Length: +2", "Content-Length: 0x2",
     "Content-Length: -1", "Content-Length: 2, 3", "Content-Length: 2\r\n Host: evil.example", "Content-Length: ²"],
)  # fmt: skip
def test_lengths_that_servers_read_differently_smuggle_nothing(studio: Studio, line: str) -> None:
    hidden = f"GET /{token_of(studio)}/static/main.js HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n\r\n"
    head = f"POST /{token_of(studio)}/ask/view HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n"
    found = raw(studio, f"{head}Content-Type: application/json\r\n{line}\r\n\r\n{{}}{hidden}")
    assert not found.startswith(b"HTTP/1.1 200") and b"import" not in found
    assert is_alive(studio)


def test_only_the_request_line_and_host_name_the_place(studio: Studio) -> None:
    host = f"127.0.0.1:{port_of(studio)}"
    forged = {
        "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1", "Forwarded": f"host={host}", "X-Real-IP": "127.0.0.1",
        "X-Original-URL": f"/{token_of(studio)}/", "X-Rewrite-URL": f"/{token_of(studio)}/",
    }  # fmt: skip
    assert send(studio, headers={**forged, "Host": "evil.example"}).status == 403
    assert send(studio, whole_path="/", headers=forged).status == 404
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-HTTP-Method-Override": "DELETE"}
    evil |= {"Range": "bytes=0-1", "Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"}
    found = send(studio, headers=evil)
    assert found.status == 200 and b"evil" not in found.body and len(found.body) > 2


def test_a_secret_is_whole_or_wrong(studio: Studio) -> None:
    """Also where parts of it are percent-encoded, as browsers and proxies may write the same address."""
    token = token_of(studio)
    coded = "".join(f"%{ord(sign):02x}" for sign in token)
    assert send(studio, whole_path=f"/{coded}/").status == 200
    changed = [token.swapcase(), f"x/../{token}", f"./{token}", f"%2e/{token}", f"{token}.", f"{token};a", token * 2]
    for wrong in (coded[:-3], coded + "%20", "%00" + coded, "%2f" + coded, coded + "%2f..", coded[:3], *changed):
        found = send(studio, whole_path=f"/{wrong}/")
        assert found.status == 404 and token.encode() not in found.body, wrong


@pytest.mark.parametrize(
    "name", ["__class__", "view%00", "view/", "view%2f..%2fnote", "Desk", "ask", "%2e%2e", "view;x"]
)
def test_a_request_has_one_of_the_names(studio: Studio, name: str) -> None:
    assert send_json(studio, name, b"{}").status in (307, 400, 404)


@pytest.mark.parametrize("name", ["desk", "self", "__proto__", "kwargs"])
def test_an_argument_has_one_of_the_names(studio: Studio, name: str) -> None:
    assert ask(studio, "view", **{name: {}}).status == 400


def test_a_packed_body_is_not_unpacked(studio: Studio) -> None:
    body = gzip.compress(b" " * 50_000_000)
    assert send_json(studio, "view", body, {"Content-Encoding": "gzip"}).status == 400


def test_who_does_not_read_takes_nothing_from_others(open_studio: Opener) -> None:
    """Streams that nobody reads while events come, and answers that nobody fetches."""
    studio = open_studio(small_session(), read_only=True)
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(stream(studio))
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(studio)), timeout=5))
            get = f"GET /{token_of(studio)}/static/vendor/katex/katex.min.js HTTP/1.1\r\n"
            one.sendall(f"{get}Host: 127.0.0.1:{port_of(studio)}\r\n\r\n".encode() * 50)
        for _ in range(3000):
            studio.desk.publish({"kind": "moved", "text": "x" * 1000})
        assert is_alive(studio)


def test_uploads_follow_no_link_that_leads_nowhere(open_studio: Opener, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.csv").symlink_to(outside / "new.csv")
    studio = open_studio(folder=inside)
    assert ask(studio, "upload", name="a.csv", content="x,y\n1,2\n").said == {"file": "a-2.csv"}
    assert not list(outside.iterdir()) and (inside / "a-2.csv").read_text() == "x,y\n1,2\n"


def zipped(path: Path, part: str, size: int) -> None:
    """An archive with a part of many zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(part, "w") as file:
        for _ in range(size // 2**20):
            file.write(b"0" * 2**20)


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def columns(path: Path, **values: Any) -> None:
    pq.write_table(pa.table({"a": pa.array(np.arange(1000.0)), **values}), path, compression="zstd")


LONG = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int32)), pa.array(["x" * 2_000_000]))
BOMBS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "15 million rows": ("a.csv", lambda path: path.write_bytes(b"a\n" + b"123\n" * 15_000_000)),
    "line ends of the old Macintosh": ("a.csv", lambda path: path.write_bytes(b"a,b\r" + b"1,2\r" * 4_000_000)),
    "spaces": ("a.txt", lambda path: path.write_bytes(b"a b\n" + b" " * 20_000_000)),
    "line ends": ("a.csv", lambda path: path.write_bytes(b"a,b\n" + b"\n" * 20_000_000)),
    "one long line": ("a.csv", lambda path: path.write_bytes(b"a\n" + b"1" * 4_000_000)),
    "a quotation without end": ("a.csv", lambda path: path.write_bytes(b'a\n"' + b"x" * 4_000_000)),
    "quotation marks": ("a.csv", lambda path: path.write_bytes(b"a\n" + b'"' * 4_000_000)),
    "two million columns": ("a.csv", lambda path: path.write_bytes(b",".join(b"c%d" % k for k in range(2_000_000)))),
    "zeros": ("a.csv", lambda path: sparse(path, 2 * 10**9)),
    "many cells": ("a.parquet", lambda path: columns(path, **{f"c{k}": np.zeros(1000) for k in range(9999)})),
    "one text a thousand times": ("a.parquet", lambda path: columns(path, t=LONG)),
    "long texts": ("a.parquet", lambda path: columns(path, t=pa.array(["y" * 500_000] * 1000))),
    "long lists": ("a.parquet", lambda path: columns(path, t=pa.array([[1.0] * 20_000] * 1000))),
    "shared strings": ("a.xlsx", lambda path: zipped(path, "xl/sharedStrings.xml", 400 * 2**20)),
    "a sheet in another place": ("a.xlsx", lambda path: zipped(path, "xl/other/sheet.xml", 400 * 2**20)),
}


@pytest.mark.skipif(os.name == "nt", reason="the peak of the memory is read as Linux has it")
@pytest.mark.parametrize(("name", "make"), BOMBS.values(), ids=BOMBS.keys())
def test_a_table_that_fills_the_memory_is_refused(
    open_studio: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], Any]
) -> None:
    """Before it is read: what would read it is not called."""
    make(tmp_path / name)
    monkeypatch.setattr("edgewise.studio._start.read_table", None)
    monkeypatch.setattr("edgewise.studio._start.sheet_names", lambda path: [])
    found = ask(open_studio(), "open_table", file=name)
    assert found.status == 400 and name in found.problem


def test_one_table_is_read_at_a_time_and_nothing_waits_for_it(
    open_studio: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(20):
        (tmp_path / f"{k}.csv").write_text("x,y\n1,2\n3,5\n")
    begun, go = threading.Event(), threading.Event()
    reads, most, collected = [0], [0], []
    real = ew.io.read_table

    def slow(*given: Any, **options: Any) -> Any:
        reads[0] += 1
        most[0] = max(most[0], reads[0])
        collected.append(gc.isenabled())
        begun.set()
        go.wait()
        reads[0] -= 1
        return real(*given, **options)

    monkeypatch.setattr("edgewise.studio._start.read_table", slow)
    studio = open_studio()
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(ask, studio, "open_table", file=f"{k}.csv") for k in range(20)]
        begun.wait()
        assert send(studio).status == 200 and ask(studio, "files").status == 200
        go.set()
        assert {answer.result().status for answer in answers} == {200}
    assert most == [1] and collected == [False] * 20 and gc.isenabled()


def test_while_a_studio_begins_requests_wait_or_are_refused(tmp_path: Path) -> None:
    go = threading.Event()
    with ThreadPoolExecutor(40) as threads, Studio(Desk(tmp_path), rest=go.wait) as studio:  # type: ignore[arg-type]
        answers = [threads.submit(ask, studio, "seated") for _ in range(40)]
        assert send(studio).status == 200 and send(studio, "static/main.js").status == 200
        while sum(answer.done() for answer in answers) < 8:
            assert send(studio).status == 200
        go.set()
        statuses = [answer.result().status for answer in answers]
        assert statuses.count(429) == 8 and statuses.count(200) == 32
