"""All that edgewise writes, as rows: what is written, and how it is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
from matplotlib.figure import Figure

import edgewise as ew
from edgewise._replacing import replacing
from edgewise.cli import main
from edgewise.discovery import Candidate, Discovery
from edgewise.discovery import Outcome as Discovered
from edgewise.kernels.runtime import _cache
from edgewise.plot.report import ReportContent, write_report
from edgewise.train import FitResult, Outcome
from edgewise_bench import Cell, Experiment, append, read

VERSIONS = (0, 1, 2)
X = np.linspace(-1, 1, 24).reshape(12, 2)


class Failed(Exception):
    """A command failed, with this exit code."""


@dataclass(frozen=True)
class Writer:
    """What writes a version of its files in the working folder, and what reads one of them.

    `told` is false for a cache, which makes place first and goes on where it cannot write; `alone` is true for one
    that makes others wait.
    """

    name: str
    files: tuple[str, ...]
    write: Callable[[int], object]
    read: Callable[[Path], object] = Path.read_bytes
    told: bool = True
    alone: bool = False


def command(*words: str) -> None:
    if code := main([*words]):
        raise Failed(code)


@cache
def model(version: int) -> ew.KAN:
    return ew.KAN([2, 1], seed=version, grid=3)


@cache
def session(version: int) -> ew.Session:
    return ew.Session(model(version), X, X[:, 0] * (1 + version), ["a", "b"], target="y")


def prepare(folder: Path) -> None:
    """Write what the commands read."""
    for version in VERSIONS:
        ew.save(model(version), folder / f"m{version}.safetensors", names=["a", "b"], target="y")
    append(folder / "rows.csv", [{"case": "a"}])
    np.savetxt(folder / "t.csv", np.c_[X, X[:, 0] * X[:, 1]], delimiter=",", header="a,b,y", comments="")


class Found(list):
    """What the commands ask of a search."""

    outcome, notes, doubtful, relative = Outcome.CONVERGED, (), (), False
    candidates: tuple[object, ...] = ()

    def __init__(self, version: int) -> None:
        self.version = version
        self.best = SimpleNamespace(expression=sympy.Integer(version), error=0.0, complexity=1.0)

    def report(self, path: Path) -> None:
        write_report(path, content(self.version))

    def plot(self) -> Figure:
        figure = Figure(figsize=(1, 1))
        figure.text(0, 0, str(self.version))
        return figure


class FoundFormula(Discovery):
    """A discovery with a short report."""

    def __init__(self, version: int) -> None:
        best = Candidate((version + 1) * sympy.Symbol("a"), ("a",), 0.0, 2)
        rows = np.arange(8.0)
        super().__init__([best], best, Discovered.EXACT, 0.0, False, ("a",), "y", rows[:, None], (version + 1) * rows)
        self.__dict__["report"] = lambda path: write_report(path, content(version))


def content(version: int) -> ReportContent:
    return ReportContent(f"Version {version}", formula_text="x")


def stubbed(name: str, result: Callable[[int], object], *words: str) -> Callable[[int], None]:
    """Run a command whose search or training is replaced by its result."""

    def write(version: int) -> None:
        kept = getattr(ew, name)
        setattr(ew, name, lambda *_, **__: result(version))
        try:
            command(*words)
        finally:
            setattr(ew, name, kept)

    return write


def trained(version: int) -> FitResult:
    return FitResult(model(version), [], Outcome.CONVERGED, 0.0, 0.0, [], "squared")


def pages(version: int) -> None:
    def picture(rows: Any, stored: Any) -> Figure:
        return Found(version).plot()

    def table(rows: Any) -> Any:
        return ["what"], [[Cell(str(version))]]

    experiment: Any = SimpleNamespace(
        name="a", file="rows.csv", title="A", note="", text_columns=1, picture=picture, table=table
    )
    Experiment.write_page(experiment, Path(), [{}])


def measured(version: int) -> None:
    append(Path("a.csv"), [{"case": str(version), "x": number} for number in (1, 2)])


def raw(version: int) -> None:
    with replacing("a.bin") as file:
        file.write(b"%d" % version * 100_000)


def network(path: Path) -> object:
    return [value.tolist() for value in ew.load(path).parameters()]


def history(path: Path) -> object:
    return [state.error for state in ew.Session.load(path).states]


def script(path: Path) -> object:
    return network(path) if path.suffix == ".safetensors" else path.read_text()


def cached(version: int) -> None:
    with cache_here():
        _cache.write("a.o", b"%d" % version * 9999)


def kept(path: Path) -> object:
    with cache_here():
        code = _cache.read(path.name)
    assert code is not None
    return code


@contextmanager
def cache_here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEWISE_CACHE", str(Path("cache").absolute()))
        yield


def fit(*words: str) -> Callable[[int], None]:
    return stubbed("fit", trained, "fit", "t.csv", "--target", "y", "--grid", "3", "--widths", "2,1", *words)


WRITERS = (
    Writer("replacing", ("a.bin",), raw),
    Writer("save", ("a.safetensors",), lambda v: ew.save(model(v), "a.safetensors"), network),
    Writer("session", ("a.session",), lambda v: session(v).save("a.session"), history),
    Writer("script", ("a.py", "a.safetensors"), lambda v: session(v).export_script("a.py"), script),
    Writer("report", ("a.html",), lambda v: write_report("a.html", content(v))),
    Writer("fit", ("a.safetensors",), fit("--out", "a.safetensors"), network),
    Writer("predict", ("a.csv",), lambda v: command("predict", f"m{v}.safetensors", "t.csv", "--out", "a.csv")),
    Writer("export", ("a.c",), lambda v: command("export", f"m{v}.safetensors", "--to", "c", "--out", "a.c")),
    Writer("plot", ("a.png",), lambda v: command("plot", f"m{v}.safetensors", "--out", "a.png")),
    Writer(
        "discover",
        ("out/formula.txt", "out/search.toml", "out/report.html"),
        stubbed("discover", FoundFormula, "discover", "t.csv", "--target", "y", "--out", "out"),
    ),
    Writer("relations", ("a.png",), stubbed("find_relations", Found, "relations", "t.csv", "--out", "a.png")),
    Writer("rows", ("a.csv",), measured, read, alone=True),
    Writer("pages", ("a.svg", "a.md"), pages),
    Writer("kernels", ("cache/a.o",), cached, kept, told=False),
)  # fmt: skip
