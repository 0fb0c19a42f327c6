"""Failures amid the work, and bad arguments in Python: one line each, and no half-written file."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import edgewise
from edgewise import functions
from edgewise.cli import main
from edgewise.discovery import Candidate, Discovery, Outcome

TABLE = "a,y\n" + "".join(f"{i},{i * i + 1}\n" for i in range(8))


def everything() -> set[Path]:
    return set(Path().rglob("*"))


def assert_one_line(err: str, words: tuple[str, ...]) -> None:
    assert err.startswith("edgewise: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    for word in words:
        assert word in err


def fail_with(error: BaseException) -> Callable[..., Any]:
    def run(*_: Any, **__: Any) -> Any:
        raise error

    return run


FAILURES = [
    ("interrupted", KeyboardInterrupt(), 130, ("interrupted; no file is half written",)),
    (
        "disk full",
        OSError(28, "No space left on device", "out/x"),
        1,
        ("No space left on device (out/x)", "free some space"),
    ),
    (
        "not permitted",
        PermissionError(13, "Permission denied", "x"),
        1,
        ("Permission denied (x)", "choose a place"),
    ),
    ("out of memory", MemoryError(), 1, ("out of memory", "fewer rows")),
    ("refused", edgewise.InputError("Two lines\nof text: do this."), 2, ("Two lines of text: do this.",)),
]


@pytest.mark.parametrize(("error", "code", "words"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_a_failure_during_the_search_leaves_nothing_behind(
    error: BaseException,
    code: int,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(edgewise, "discover", fail_with(error), raising=False)
    Path("t.csv").write_text(TABLE)
    assert main(["discover", "t.csv", "--target", "y", "--out", "deep/out"]) == code
    assert_one_line(capsys.readouterr().err, words)
    assert everything() == {Path("t.csv")}


class Found(Discovery):
    """A discovery whose report fails."""

    def __init__(self, error: BaseException) -> None:
        best = Candidate(sympy.Symbol("a") ** 2 + 1, ("a",), 0.0, 3)
        super().__init__([best], best, Outcome.EXACT, 0.0, False, ("a",), "y", X, Y)
        self.__dict__["report"] = fail_with(error)


REPORTS = [
    ("full disk", edgewise.InputError("Cannot write the report to x."), "no report.html: Cannot write the report to x"),
    ("drawing", ValueError("\n\\mathrm{R}\n^\nno parse"), "no report.html: ValueError \\mathrm{R} ^ no parse"),
    ("file system", OSError(28, "No space left on device"), "no report.html: No space left on device"),
    ("memory", MemoryError(), "no report.html: MemoryError"),
    ("interrupt", KeyboardInterrupt(), "interrupted; no report.html"),
]


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize(("error", "words"), [r[1:] for r in REPORTS], ids=[r[0] for r in REPORTS])
def test_a_formula_outlives_its_report(
    error: BaseException, words: str, old: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """The formula is printed and saved, an older report is untouched, and the exit code says that one is missing."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE)
    Path("out").mkdir()
    if old is not None:
        Path("out/report.html").write_text(old)
    before = everything()
    monkeypatch.setattr(edgewise, "discover", lambda *_, **__: Found(error), raising=False)
    interrupted = isinstance(error, KeyboardInterrupt)
    assert main(["discover", "t.csv", "--target", "y", "--out", "out"]) == (130 if interrupted else 1)
    printed = capsys.readouterr()
    assert_one_line(printed.err, (f"{words}.", "The formula is printed and in out/formula.txt."))
    assert "y = a**2 + 1" in printed.out
    assert "Report:" not in printed.out
    assert Path("out/formula.txt").read_text().startswith("y = a**2 + 1\n")
    assert everything() == before | {Path("out/formula.txt"), Path("out/search.toml")}
    if old is not None:
        assert Path("out/report.html").read_text() == old


def test_a_full_disk_takes_neither_the_printed_formula_nor_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE)
    Path("out").mkdir()
    for name in ("formula.txt", "report.html", "search.toml"):
        Path("out", name).write_text("old")
    before = everything()
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("os.fsync", fail_with(full))
    monkeypatch.setattr(edgewise, "discover", lambda *_, **__: Found(full), raising=False)
    assert main(["discover", "t.csv", "--target", "y", "--out", "out"]) == 1
    printed = capsys.readouterr()
    assert_one_line(printed.err, ("no formula.txt: No space", "no report.html: No space", "The formula is printed."))
    assert "y = a**2 + 1" in printed.out
    assert everything() == before
    assert {Path("out", name).read_text() for name in ("formula.txt", "report.html", "search.toml")} == {"old"}


X = np.linspace(-1, 1, 40).reshape(20, 2)
Y = X[:, 0] * X[:, 1]

CALLS: list[tuple[str, Callable[[], object], tuple[str, ...]]] = [
    ("negative grid", lambda: edgewise.KAN([2, 1], grid=-1), ("grid", "-1")),
    ("no layers", lambda: edgewise.KAN([2]), ("widths",)),
    ("unknown function", lambda: functions.get("sine"), ("'sine'", "sin")),
    ("inputs of another width", lambda: edgewise.fit(edgewise.KAN([3, 1]), X, Y), ("3", "2")),
    ("lengths that differ", lambda: edgewise.fit(edgewise.KAN([2, 1]), X, Y[:-1]), ("20", "19")),
    ("NaN in y", lambda: edgewise.fit(edgewise.KAN([2, 1]), X, np.full(20, np.nan)), ("y",)),
    ("lengths that differ in discover", lambda: edgewise.discover(X, Y[:-1]), ("20", "19")),
    ("infinity in discover", lambda: edgewise.discover(np.where(X > 0.9, np.inf, X), Y), ("x",)),
    ("names that do not fit", lambda: edgewise.discover(X, Y, names=["a"]), ("names",)),
    ("unknown noise", lambda: edgewise.discover(X, Y, noise="loud"), ("noise", "loud")),
    ("no time", lambda: edgewise.discover(X, Y, time_limit=0), ("time_limit",)),
]


@pytest.mark.parametrize(("call", "words"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS])
def test_bad_arguments_in_python_raise_one_line(call: Callable[[], object], words: tuple[str, ...]) -> None:
    with pytest.raises(edgewise.InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


SLEEPER = """
import sys, time
import edgewise
from edgewise.cli import main

def discover(*_, progress, **__):
    progress("searching", 0.1, None)
    sys.stdout.flush()
    time.sleep(60)

edgewise.discover = discover
sys.exit(main(["discover", "t.csv", "--target", "y", "--out", "deep/out"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_command_in_one_line_and_leaves_no_file(name: str, tmp_path: Path) -> None:
    """A real signal to a real process, in the middle of the search."""
    (tmp_path / "t.csv").write_text(TABLE)
    number = getattr(signal, name)
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            while "searching" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()  # it would run on where it does not heed the signal
    assert process.returncode == 128 + number
    assert err == "edgewise: error: interrupted; no file is half written\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]
