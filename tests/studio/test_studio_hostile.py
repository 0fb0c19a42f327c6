"""What a studio is given to read and to do: hostile JSON, names, notes and files, too much at once, and too slowly."""

from __future__ import annotations

import inspect
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from studio_requests import ask, port_of, raw, send, send_json, small_session, stream, token_of

import edgewise as ew
from edgewise.studio import REQUESTS, Desk, Request

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")

from edgewise.studio import Studio

pytest_plugins = ("studio_browser",)
Opener = Callable[..., Studio]
SCRIPT = '<img src=x onerror="window.touched=1"></script><script>window.touched=1</script>\'"`${window.touched=1}'
OUTSIDE = [
    "../secret.session", "..\\secret.session", "/etc/passwd", "sub/secret.session", "./a.session", "..", ".", "",
    ".hidden.session", "link.session", "a.session\x00.csv", "%2e%2e/secret.session", "~/a.session", "file:///a.session",
    "C:\\a.session", "a" * 300 + ".session", "con\n.session", " a.session", "/dev/zero", "pipe.session", "sub",
    "secret.session/../../secret.session",
]  # fmt: skip


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with a session, for requests that leave nothing behind."""
    options: dict[str, Any] = {"open_browser": False, "wait": False}
    with ew.studio.open(small_session(), folder=tmp_path_factory.mktemp("studio"), **options) as opened:
        yield opened


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"1", b'"x"', b"NaN", b'{"rows": NaN}', b'{"rows": -Infinity}', b'{"rows": 1e999}',
     b'{"rows": 1' + b"0" * 30 + b"}", b'{"rows": ' + b"9" * 9999 + b"}", b'{"rows": "\\ud800"}', b'{"\\udfff": 1}',
     b"\xff\xfe", b"\x00", b'{"rows":' + b"[" * 200_000, b'{"rows":' + b"[" * 40 + b"]" * 40 + b"}",
     b'{"rows": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", b"{} {}", b"\xef\xbb\xbf{}"],
    ids=lambda body: body[:24].decode("latin-1"),
)  # fmt: skip
def test_json_that_is_no_sound_object_is_refused(studio: Studio, body: bytes) -> None:
    found = send_json(studio, "view", body)
    assert found.status == 400 and "JSON" in found.problem
    assert ask(studio, "view").status == 200


ODD = [None, True, -1, 3, 1e308, 0.5, "", "x", "../x", SCRIPT, [], {}, [[]], [0, 0, 0], [-1, 0, 0], [9, 9, 9], ["x"],
       {"edge": [0, 0, 0]}, [{"name": "x", "low": 0, "high": 1}], [None], {"x": None}]  # fmt: skip


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_odd_arguments_are_answered_with_what_is_wrong(open_studio: Opener, name: str) -> None:
    """Every argument of every request with values of every kind: never an internal error."""
    studio = open_studio(small_session())
    takes = [p for p in inspect.signature(REQUESTS[name].act).parameters if p != "desk"]
    usual = {"at": 0, "edge": [0, 0, 0], "node": [1, 0], "name": "refit", "arguments": {}}
    for varied in takes:
        for value in ODD:
            given = {key: usual.get(key, "x") for key in takes} | {varied: value}
            found = ask(studio, name, **given)
            assert found.status in (200, 400, 409), (varied, value, found.body)
            studio.desk.stop("kill")
    assert ask(studio, name, **dict.fromkeys([*takes, "__class__"], 1)).status == 400


def test_an_internal_error_keeps_its_traceback(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(desk: Desk) -> Any:
        raise RuntimeError(f"a secret of {desk.folder}")

    monkeypatch.setitem(REQUESTS, "broken", Request("broken", broken, False))
    monkeypatch.setitem(REQUESTS, "nothing", Request("nothing", lambda desk: {"a": float("nan")}, False))
    for name in ("broken", "nothing"):
        found = ask(studio, name)
        assert found.status == 500 and "secret" not in found.problem and "Traceback" not in found.problem
    assert "a secret of" in caplog.text  # on stderr, for the person who started it
    assert ask(studio, "view").status == 200


@pytest.mark.parametrize("name", OUTSIDE)
def test_files_outside_the_folder_are_not_opened(open_studio: Opener, tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (tmp_path, tmp_path / "sub", folder):
        small_session().save(place / "secret.session")
        small_session().save(place / ".hidden.session")
    (folder / "link.session").symlink_to(tmp_path / "secret.session")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.session")
    studio = open_studio(small_session(), folder=folder)
    before = contents(tmp_path)
    for request, given in {
        "open_session": {"file": name}, "open_table": {"file": name}, "open_model": {"file": name, "table": "orbits"},
        "begin": {"file": name, "target": "x", "inputs": ["y"]},
    }.items():  # fmt: skip
        assert ask(studio, request, **given).status == 400
    assert contents(tmp_path) == before
    ask(studio, "upload", name=name, content="a,b\n1,2\n")
    if "write" in REQUESTS:
        for what in ("numpy", "session", "script", "report"):
            ask(studio, "write", what=what, name=name, replace=True)
    after = contents(tmp_path)
    assert before.items() <= after.items() and all(path.parent == folder for path in {*after} - {*before})


def contents(folder: Path) -> dict[Path, bytes]:
    """What is in all files below a folder, links and pipes left out."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize(
    "formula",
    ["__import__('os').system('touch touched')", "exec('1')", "x.__class__", "(lambda: x)()", "open('touched','w')",
     "x; import os", "[x for x in (1,)]", "x**9**9**9", "f'{x}'", "x if x else y", "`touch touched`",
     "$(touch touched)",
     "x" * 100_000, "(" * 5000 + "x" + ")" * 5000, "1" * 5000, "\ud7ff", "x\x00y", "=cmd|' /C calc'!A0", "{{7*7}}"],
    ids=range(19),
)  # fmt: skip
def test_formulas_run_nothing(studio: Studio, formula: str, empty_folder: Path) -> None:
    began = time.monotonic()
    given = {"name": "z", "formula": formula}
    found = ask(studio, "act", at=studio.session.state.id, name="add_variable", arguments=given)
    assert found.status == 400 and len(found.problem) < 1000
    assert time.monotonic() - began < 5 and len(studio.session.states) == 1


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\x00" * 99, b"\x80\x04\x95pickle."])
def test_what_is_no_session_is_not_opened(open_studio: Opener, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.session").write_bytes(content)
    studio = open_studio(small_session())
    assert ask(studio, "open_session", file="a.session").status == 400
    assert studio.desk.file is not None and studio.desk.file.name == "studio.session"


def hostile_session() -> ew.Session:
    plain = small_session()
    session = ew.Session(plain.model, plain.table.x, plain.table.y, [SCRIPT, "y"], target=f"{SCRIPT} 2")
    return session.branch(f"{SCRIPT} 3").note(f"{SCRIPT} 4")


def test_names_and_notes_are_text_in_answers(open_studio: Opener, tmp_path: Path) -> None:
    """Those in a session file that somebody else made."""
    hostile_session().save(tmp_path / "given.session")
    studio = open_studio(tmp_path / "given.session", folder=None)
    found = ask(studio, "view")
    assert found.headers["content-type"] == "application/json" and found.headers["x-content-type-options"] == "nosniff"
    assert found.said["names"][0] == SCRIPT and SCRIPT in json.dumps(found.said["history"], ensure_ascii=False).replace(
        "\\", ""
    )


def test_names_and_notes_are_text_on_the_page(open_studio: Opener, look: Callable[..., Any]) -> None:
    page = look(open_studio(hostile_session()))
    page.get_by_text("<img src=x").first.wait_for()
    page.wait_for_timeout(500)
    assert is_untouched(page)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_of_files_are_text_on_the_page(open_studio: Opener, look: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "<img src=x onerror=window.touched=1>.csv").write_text("a,b\n1,2\n")
    page = look(open_studio())
    page.get_by_text("<img src=x").first.wait_for()
    assert is_untouched(page)


def is_untouched(page: Any) -> bool:
    """Whether nothing ran and no element was made of what is text."""
    return page.evaluate("window.touched === undefined && !document.querySelector('img[src=x]')")


def test_of_two_tabs_one_is_refused_and_nothing_is_lost(open_studio: Opener) -> None:
    studio = open_studio(small_session())
    for number in range(3):
        at = studio.session.state.id
        edges = [[0, 0, 0], [0, 1, 1]] if number != 1 else [[0, 1, 0], [0, 0, 1]]
        names = ("lock" if number < 2 else "unlock",) * 2
        with ThreadPoolExecutor(2) as tabs:
            done = [
                tabs.submit(ask, studio, "act", at=at, name=name, arguments={"edges": [edge]})
                for name, edge in zip(names, edges, strict=True)
            ]
        answers = [one.result() for one in done]
        assert sorted(one.status for one in answers) == [200, 409]
        refused = next(one for one in answers if one.status == 409)
        assert "look at it again" in refused.problem or "running" in refused.problem
        assert len(studio.session.states) == number + 2
    assert studio.desk.file is not None
    assert ew.Session.load(studio.desk.file).log() == studio.session.log()


def test_streams_are_bounded_and_end(open_studio: Opener) -> None:
    studio = open_studio(small_session(), read_only=True)
    with ExitStack() as stack:
        streams = [stack.enter_context(stream(studio)) for _ in range(32)]
        assert all(one.recv(12) == b"HTTP/1.1 200" for one in streams)
        assert send(studio, "events").status == 429
        assert ask(studio, "view").status == 200  # no thread waits for a stream
        streams[0].close()
        deadline = time.monotonic() + 5
        while (found := stream(studio)).recv(12) != b"HTTP/1.1 200":
            found.close()
            assert time.monotonic() < deadline, "the place of a stream whose reader is gone is not free"
            time.sleep(0.05)
        stack.enter_context(found)
        threading.Timer(0.2, studio.stop).start()
        for one in [*streams[1:], found]:
            one.settimeout(5)
            while one.recv(65536):
                pass


def test_events_come_to_every_stream(open_studio: Opener) -> None:
    studio = open_studio(small_session(), read_only=True)
    with stream(studio) as one, stream(studio) as other:
        for reader in (one, other):
            while b": hello" not in reader.recv(65536):
                pass
        studio.desk.publish({"kind": "moved", "at": 7})
        assert all(b'{"kind": "moved", "at": 7}' in reader.recv(65536) for reader in (one, other))


def test_a_thousand_requests_at_once_take_nothing_down(studio: Studio) -> None:
    """From 50 connections, while another reader wants the page; some are refused, none fails."""
    statuses: list[int] = []
    waits: list[float] = []
    over = threading.Event()

    def others() -> None:
        while not over.wait(0.1):
            began = time.monotonic()
            assert send(studio).status == 200
            waits.append(time.monotonic() - began)

    with ThreadPoolExecutor(51) as threads:
        other = threads.submit(others)
        for found in threads.map(lambda _: ask(studio, "view"), range(1000)):
            statuses.append(found.status)
        over.set()
        other.result()
    assert set(statuses) <= {200, 429} and statuses.count(200) > 100
    assert max(waits) < 3
    assert ask(studio, "view").status == 200


def test_connections_that_say_nothing_are_closed(tmp_path: Path) -> None:
    """Such as those of a slowloris: no request, half a request, half a body, and a request that never ends."""
    with Studio(Desk(tmp_path), patience=0.5) as studio, ExitStack() as stack:
        head = f"POST /{token_of(studio)}/ask/files HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n"
        body = "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        began = time.monotonic()
        waiting = []
        for text in ("", "G", head, head + body) * 5:
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(studio)), timeout=5))
            one.sendall(text.encode())
            waiting.append(one)
        ends = [b"" if (said := one.recv(65536)) == b"" else said[:12] for one in waiting]
        assert set(ends) == {b"", b"HTTP/1.1 408"} and time.monotonic() - began < 4
        assert ask(studio, "files").status == 200


def test_idle_connections_make_room_for_new_ones(studio: Studio) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", port_of(studio)), timeout=5))
        assert ask(studio, "view").status == 200


def test_a_studio_to_look_at_changes_nothing(open_studio: Opener, tmp_path: Path) -> None:
    small_session().note("as it was").save(tmp_path / "a.session")
    studio = open_studio(tmp_path / "a.session", folder=None, read_only=True)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*")}
    changing = {name for name, row in REQUESTS.items() if row.changes}
    assert changing >= {"act", "stop", "move", "branch", "note", "begin", "open_session", "upload"}
    for name in sorted(REQUESTS):
        found = ask(studio, name)
        assert name not in changing or (found.status == 400 and "--read-only" in found.problem), name
    assert ask(studio, "act", at=0, name="lock", arguments={"edges": [[0, 0, 0]]}).status == 400
    assert ask(studio, "preview", at=0, name="lock", arguments={"edges": [[0, 0, 0]]}).status == 200
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*")} == before


def test_pipelined_requests_are_each_checked(studio: Studio) -> None:
    one = f"GET /{token_of(studio)}/ HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\n\r\n"
    found = raw(studio, one + one.replace("127.0.0.1", "evil.example"))
    assert found.count(b"HTTP/1.1 200") == 1 and found.count(b"HTTP/1.1 403") == 1
