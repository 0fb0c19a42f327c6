"""How a studio is opened and ends: from Python, from the command line, with what on its desk."""

from __future__ import annotations

import builtins
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from studio_requests import ask, port_of, send, small_session

import edgewise as ew
from edgewise.cli import main
from edgewise.studio import Desk

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")

from edgewise.studio import Studio

pytest_plugins = ("studio_browser",)
Opener = Callable[..., Studio]
SCRIPT = """
import sys
import edgewise as ew
print("the script runs", flush=True)
session = ew.Session(ew.KAN([1, 1], grid=3), [[k / 20] for k in range(20)], [k * k / 400 for k in range(20)])
studio = ew.studio.open(session, folder=sys.argv[1], open_browser=False, wait=False)
print(studio.url, flush=True)
studio.wait()
print(studio, len(studio.session.states), flush=True)
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.random(60), "b": rng.random(60), "c": rng.random(60), "name": ["s"] * 60})
    frame.assign(y=frame.a * frame.b).to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_a_session_is_saved_before_anything_is_done(open_studio: Opener, tmp_path: Path) -> None:
    session = small_session().note("given")
    studio = open_studio(session)
    assert studio.desk.file == tmp_path / "studio.session"
    assert ew.Session.load(tmp_path / "studio.session").log() == session.log()
    assert open_studio(session).desk.file == tmp_path / "studio-2.session"
    assert open_studio(session, read_only=True).desk.file is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["studio-2.session", "studio.session"]


def test_a_saved_session_goes_on_in_its_file(open_studio: Opener, tmp_path: Path) -> None:
    small_session().save(tmp_path / "mine.session")
    studio = open_studio(tmp_path / "mine.session", folder=None)
    assert ask(studio, "note", text="more").status == 200
    assert ew.Session.load(tmp_path / "mine.session").state.note == "more" == studio.session.state.note
    assert [path.name for path in tmp_path.iterdir()] == ["mine.session"]


def test_a_table_with_a_target_is_begun(open_studio: Opener, table: Path) -> None:
    studio = open_studio(table, target="y", inputs=["a", "b"], folder=None)
    assert (studio.session.names, studio.session.targets) == (["a", "b"], ["y"])
    assert studio.desk.file == table.with_suffix(".session")
    assert open_studio(str(table), target="y", folder=None).session.names == ["a", "b", "c"]


def test_a_table_without_a_target_is_where_the_page_begins(open_studio: Opener, table: Path) -> None:
    studio = open_studio(table, inputs=["a"])
    assert not studio.desk.has_session
    assert ask(studio, "files").said["first"] == {"file": "data.csv", "target": None, "inputs": ["a"]}
    assert "There is no session yet" in ask(studio, "view").problem


def test_shipped_tables_and_nothing_at_all(open_studio: Opener, tmp_path: Path) -> None:
    assert open_studio("orbits", target="period_days").session.targets == ["period_days"]
    studio = open_studio()
    assert not studio.desk.has_session and studio.desk.folder == tmp_path.resolve()
    with pytest.raises(ew.InputError, match="no session yet"):
        _ = studio.session


def test_frames_and_arrays(open_studio: Opener, table: Path) -> None:
    frame = pd.read_csv(table)
    session = open_studio(frame, target="y").session
    assert session.names == ["a", "b", "c"]
    x, y = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy()
    session = open_studio(x, target=y).session
    assert (session.names, session.targets) == (["x1", "x2"], ["y"])
    assert session.table.x.tolist() == x[session.rows].tolist() and len(session.rows) == 48  # a fifth is held out
    assert open_studio(x.tolist(), target=y.tolist(), inputs=["p", "q"]).session.names == ["p", "q"]
    gap = frame.assign(a=[None, *frame.a[1:]])
    assert open_studio(gap, target="y", inputs=["a", "b"]).session.names == ["a", "a_missing", "b"]


def gapped(table: Path) -> pd.DataFrame:
    """The table with gaps: 3 in a, one in b."""
    frame = pd.read_csv(table)
    frame.loc[:2, "a"] = None
    frame.loc[5, "b"] = None
    return frame


LEFT_OUT = "3 gaps of 'a' count as the median."
ALSO = "1 gap of 'b' count as the median."


def test_what_a_session_is_begun_without_is_said(open_studio: Opener, table: Path) -> None:
    frame = gapped(table)
    studio = open_studio(frame, target="y")
    assert studio.notes == ["Column 'name' is left out: it is the same in every row.", LEFT_OUT, ALSO]
    assert (
        ask(studio, "view").said["left_out"] == studio.notes and LEFT_OUT.replace("'", "&#x27;") in studio._repr_html_()
    )
    frame.insert(0, "number", range(60))
    frame.to_csv(table, index=False)
    said = open_studio(table, target="y", folder=None).notes
    assert said == [
        "Column 'name' is left out: it is the same in every row.",
        "Column 'number' counts the rows, and is not ticked.",
        LEFT_OUT,
        ALSO,
    ]
    assert open_studio(table, target="y", inputs=["a", "b"], folder=None).notes == [LEFT_OUT, ALSO]
    studio = open_studio(table, target="y", inputs=["c"], folder=None)
    assert studio.notes == [] == open_studio(small_session()).notes
    assert ask(studio, "begin", file="data.csv", target="c", inputs=["a", "b"]).status == 200
    assert studio.notes == [LEFT_OUT, ALSO]
    assert ask(studio, "close").status == 200 and studio.notes == []


def test_the_page_and_the_terminal_say_what_is_left_out(
    open_studio: Opener, look: Callable[..., Any], table: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    studio = open_studio(gapped(table), target="y")
    page = look(studio)
    page.get_by_role("status").get_by_text(LEFT_OUT).wait_for()
    assert ask(studio, "act", at=0, name="compact", arguments={}).status == 200
    page.reload()
    page.get_by_role("tab", name="History").wait_for()
    assert page.get_by_text(LEFT_OUT).count() == 0
    monkeypatch.setattr(Studio, "wait", Studio.stop)
    gapped(table).to_csv(table, index=False)
    assert main(["studio", str(table), "--target", "y", "--no-browser"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "The studio starts ..." and said[1].startswith("The studio is at http://127.0.0.1:")
    assert said[3:5] == ["Column 'name' is left out: it is the same in every row.", LEFT_OUT]


def test_the_help_names_all_shipped_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert all(name in said for name in ew.datasets.names())


WRONG: list[tuple[str, Any, dict[str, Any], str]] = [
    ("file", "missing.csv", {}, "There is no file missing.csv"),
    ("shipped", "orbit", {}, "orbits"),
    ("target", "data.csv", {"target": "z"}, "z"),
    ("inputs", "data.csv", {"target": "y", "inputs": ["q"]}, "q"),
    ("kind", "notes.md", {}, "opens .csv"),
    ("damaged", "bad.session", {}, "no session of edgewise"),
    ("folder", "data.csv", {"folder": "sub"}, "not in the studio's folder"),
    ("no folder", None, {"folder": "nowhere"}, "There is no folder nowhere"),
    ("port", None, {"port": 99999}, "'port' must be an int"),
    ("session with target", small_session(), {"target": "y"}, "leave both out"),
    ("array", np.zeros((9, 2)), {}, "Name the target"),
    ("shapes", np.zeros((9, 2)), {"target": np.zeros(8)}, r"shapes \(9, 2\) and \(8,\)"),
    ("names", np.zeros((9, 2)), {"target": np.zeros(9), "inputs": ["y", "y"]}, "2 different names"),
    (
        "text",
        pd.DataFrame({"a": ["p"] * 9, "y": range(9)}),
        {"target": "y", "inputs": ["a"]},
        "'a' cannot be an input: it is the same",
    ),
    ("frame", pd.DataFrame({"a": range(9), "y": range(9)}), {"target": np.zeros(9)}, "name of a column"),
]


@pytest.mark.parametrize(("source", "options", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_cannot_be_opened(
    source: Any, options: dict[str, Any], said: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    Path("sub").mkdir()
    Path("notes.md").write_text("a,b\n")
    Path("bad.session").write_bytes(b"no zip")
    with pytest.raises(ew.InputError, match=said):
        ew.studio.open(source, open_browser=False, wait=False, **options).stop()


def test_a_port_that_is_taken_is_an_error_and_a_free_one_is_kept(open_studio: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ew.InputError, match="cannot be used"):
            open_studio(port=port)
    assert port_of(open_studio(port=port)) == port


def test_after_its_end_nobody_answers(tmp_path: Path) -> None:
    with Studio(Desk(tmp_path, small_session())) as studio:
        assert studio.is_open and repr(studio) == f"Studio({studio.url})" and studio.url in studio._repr_html_()
        assert send(studio).status == 200
    assert not studio.is_open and repr(studio) == "Studio(stopped)" and "href" not in studio._repr_html_()
    with pytest.raises(ConnectionRefusedError):
        send(studio)
    studio.stop()
    studio.wait()


def test_the_browser_gets_the_address_from_a_private_file(open_studio: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the command line of a browser can be read by everyone on the machine."""
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(shown.append(url)) or True)
    monkeypatch.setenv("DISPLAY", ":0")
    studio = open_studio(open_browser=True)
    (address,) = shown
    assert address.startswith("file:///") and studio.url not in address
    way_in = Path(address.removeprefix("file://"))
    assert studio.url in way_in.read_text()
    assert os.name == "nt" or stat.S_IMODE(way_in.stat().st_mode) == 0o600
    studio.stop()
    assert not way_in.exists()


def test_the_private_file_leads_to_the_page(open_studio: Opener, look: Callable[..., Any], monkeypatch: Any) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(shown.append(url)) or True)
    studio = open_studio(small_session())
    studio.browse()
    other = look(studio).context.browser.new_page()
    other.goto(shown[0])
    other.wait_for_url(studio.url)
    assert other.title().endswith("edgewise studio")
    other.close()


def test_a_console_goes_on_and_a_script_waits(open_studio: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Studio] = []
    monkeypatch.setattr(Studio, "wait", lambda studio: waited.append(studio))
    assert waited == [open_studio(wait=None)]
    monkeypatch.setattr(builtins, "get_ipython", lambda: None, raising=False)
    open_studio(wait=None)
    assert len(waited) == 1


def test_without_the_packages_the_error_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "edgewise.studio._serve")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["studio", "--no-browser"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "pip install 'edgewise[studio]'" in said


@pytest.mark.parametrize("words", [["--target", "y"], ["--inputs", "a"], ["data.csv", "--port", "x"], ["nothing"]])
def test_the_command_refuses_in_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", "--no-browser", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_says_where_the_page_is_and_where_the_session_is(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Studio, "wait", Studio.stop)
    monkeypatch.chdir(table.parent)
    assert main(["studio", "data.csv", "--target", "y", "--inputs", "a,b", "--no-browser"]) == 0
    assert main(["studio", "data.session", "--no-browser"]) == 0
    assert main(["studio", "data.session", "--no-browser", "--read-only"]) == 0
    assert main(["studio", "--no-browser", "--folder", "."]) == 0
    said = capsys.readouterr().out
    assert said.count("The studio is at http://127.0.0.1:") == 4
    assert said.count("Go on with: edgewise studio data.session") == 2
    assert "Nothing was changed." in said and "No session was begun." in said


@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
@pytest.mark.parametrize("works", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_script_waits_until_ctrl_c_and_runs_once(tmp_path: Path, works: bool) -> None:
    """Its worker, which is loading or has worked, neither runs the script again nor says that it was interrupted."""
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", str(tmp_path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **pipes) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "the script runs\n"
        url = process.stdout.readline().strip()
        done = httpx.post(f"{url}ask/act", json={"at": 0, "name": "refit", "arguments": {}}, timeout=30)
        assert done.json()["job"]["name"] == "refit"
        deadline = time.monotonic() + 60
        while works and httpx.post(f"{url}ask/view", json={}, timeout=30).json()["job"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.stdout.read() == f"Studio(stopped) {1 + works}\n"
        assert process.stderr.read() == "" and process.wait() == 0
