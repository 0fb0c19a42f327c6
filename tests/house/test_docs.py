"""The pages: every block of Python and every command runs, in order, and prints what the page says."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import edgewise as ew
from edgewise.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SKILL.md", *sorted((ROOT / "docs").glob("*.md"))]
DESIGN = sorted((ROOT / "docs" / "design").glob("*.md"))
CASES = sorted((ROOT / "docs" / "gallery").glob("*.py"))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?=[^)])([^)#\s]*)(#[^)\s]*)?\)")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?", re.IGNORECASE)
_LONG = {
    "bases",
    "command",
    "discovery",
    "dynamics",
    "equations",
    "paper",
    "pde",
    "pde_from_others",
    "reading",
}  # of many seconds
_BOX = re.compile(r"[━─┃│┏┓┗┛└┘┡┩╇┳┴┻╭╮╰╯]+")

_CLOSE = 0.02  # relative difference of two ordinary decimals
_FACTOR = 10  # between two errors, which rounding and processors move
_SMALL = 1e-4  # decimals below this are errors
_ZERO = 1e-11  # errors below this are all alike


@dataclass(frozen=True)
class Block:
    """One fenced block: what it holds, its text, and the line of the page that it starts on."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text.count("\n", 0, m.start(2))) for m in _FENCE.finditer(text)]


def agrees(said: str, printed: str) -> bool:
    """Whether two texts are the same but for white space, table rules and small differences between decimals.

    "..." in what the page says stands for anything. Whole numbers must be equal; decimals may differ by 2 %; those
    below 1e-4 are errors and may differ by a factor of ten.
    """
    pattern, numbers = _pattern(said)
    found = re.fullmatch(pattern, _plain(printed), re.DOTALL)
    return found is not None and all(_near(a, b) for a, b in zip(numbers, found.groups(), strict=True))


def _plain(text: str) -> str:
    return " ".join(_BOX.sub(" ", text).split())


def _pattern(said: str) -> tuple[str, list[str]]:
    """A regular expression with one group for each decimal, and the decimals."""
    plain = _plain(said)
    out, numbers, end = "", [], 0
    for number in _NUMBER.finditer(plain):
        if number[0].lstrip("+-").isdigit():
            continue
        out += _literal(plain[end : number.start()]) + f"({_NUMBER.pattern})"
        numbers.append(number[0])
        end = number.end()
    return out + _literal(plain[end:]), numbers


def _literal(text: str) -> str:
    return ".*?".join(re.escape(part) for part in re.split(r"\s*\.\.\.\s*", text))


def _near(said: str, printed: str) -> bool:
    a, b = float(said), float(printed)
    if abs(a) < _SMALL:
        return abs(b) < _ZERO if abs(a) < _ZERO else a * b > 0 and 1 / _FACTOR < b / a < _FACTOR
    return abs(a - b) <= _CLOSE * abs(a)


def _marked(page: Path) -> object:
    return pytest.param(page, marks=pytest.mark.slow) if page.parent.name == "docs" and page.stem in _LONG else page


@pytest.mark.timeout(600)  # a page is a session of many steps, and machines differ
@pytest.mark.parametrize(
    "page", [_marked(page) for page in [*PAGES, *DESIGN]], ids=lambda page: f"{page.parent.name}-{page.stem}"
)
def test_page_runs_and_prints_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = previous = ""
    for block in blocks(page):
        place = f"{page.name}, line {block.line}"
        if block.kind == "python":
            printed = _run(block, page, namespace)
        elif block.kind == "text" and previous != "py":
            assert agrees(block.text, printed), f"{place}: the page says\n{block.text}\nbut this is printed:\n{printed}"
        elif block.kind == "console":
            for command, said in _commands(block.text):
                output = _command(command)
                assert agrees(said, output), f"{place}: {command} prints\n{output}\ninstead of\n{said}"
        elif block.kind != "text":
            assert block.kind in ("", "sh", "py"), f"{place}: a block of unknown kind {block.kind!r}"
        previous = block.kind


def optional() -> list[tuple[Path, Block, str]]:
    """The blocks of other packages' Python, with what each prints."""
    pairs = [(page, *pair) for page in PAGES for pair in itertools.pairwise(blocks(page))]
    return [(page, block, after.text) for page, block, after in pairs if block.kind == "py"]


@pytest.mark.parametrize(("page", "block", "said"), optional(), ids=lambda value: getattr(value, "line", ""))
def test_example_with_another_package_runs_where_there_is_one(
    page: Path, block: Block, said: str, tmp_path: Path
) -> None:
    """In a process of its own: such packages change settings of numba and matplotlib."""
    for package in re.findall(r"^(?:import|from) (\w+)", block.text, re.MULTILINE):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    environment = {**os.environ, "MPLBACKEND": "agg"}
    run = subprocess.run(
        [sys.executable, "-c", block.text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert agrees(said, run.stdout), f"{page.name}, line {block.line} prints\n{run.stdout}"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case_of_the_gallery_prints_what_it_says(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        left = runpy.run_path(str(case))
    (block,) = blocks(case)
    assert agrees(block.text, out.getvalue()), f"{case.name} prints\n{out.getvalue()}\ninstead of\n{block.text}"
    assert left["figure"].axes
    assert list(tmp_path.iterdir()) == [], "a case writes no file: docs/make_pictures.py draws its picture"
    assert (ROOT / "docs" / "pictures" / f"gallery_{case.stem}.svg").exists(), "run `make pictures`"


def test_gallery_shows_every_case() -> None:
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    for case in CASES:
        assert f"(gallery/{case.name})" in text and f"(pictures/gallery_{case.stem}.svg)" in text


def _run(block: Block, page: Path, namespace: dict[str, object]) -> str:
    """Run a block, the lines counted as in the page, and return what it prints."""
    out = io.StringIO()
    code = compile("\n" * block.line + block.text, str(page), "exec")
    with contextlib.redirect_stdout(out):
        exec(code, namespace)  # noqa: S102 (the pages are our own)
    return out.getvalue()


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command after a "$ ", with the lines that follow it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, said = part.partition("\n")
        yield command, said


def _command(line: str) -> str:
    """What `edgewise ...` prints on both streams."""
    name, *arguments = shlex.split(line)
    assert name == "edgewise", f"the pages show commands of edgewise only, not {name!r}"
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), warnings.catch_warnings():
        main(arguments)
    return out.getvalue()


@pytest.mark.parametrize("page", [*PAGES, *DESIGN], ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_links_lead_somewhere(page: Path) -> None:
    for target, part in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name} links to {target}, which is not there"
            assert not part or part[1:] in headings(there), f"{page.name} links to {target}{part}: no such heading"


def headings(page: Path) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("target", ["demo", "test"])
def test_readme_names_commands_that_exist(target: str) -> None:
    assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"make {target}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_contents_list_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in [*(ROOT / "docs").glob("*.md"), *DESIGN]:
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "index.md" or f"({name})" in index, f"docs/index.md does not list {name}"


def test_command_page_names_every_option() -> None:
    import typer

    from edgewise.cli._app import app

    text = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f"## {name}" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or f"`{option}`" in text, f"{name} {option} is not described"


def test_licenses_page_lists_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = re.findall(r"^\| (\S+) \| (.+) \| edgewise \|$", (ROOT / "docs" / "licenses.md").read_text(), re.MULTILINE)
    own = [Requirement(text).name for text in project["dependencies"]]
    extras = [
        Requirement(text).name
        for extra, texts in project["optional-dependencies"].items()
        for text in texts
        if extra not in ("dev", "docs")
    ]
    brought = {"edgewise", "jinja2", "sympy"}  # the last two by torch, under which the page lists them
    assert {name for name, _ in listed} == set(own + extras) - brought


def test_training_page_names_every_outcome() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for outcome in ew.train.Outcome:
        assert f"`{outcome.name}`" in text


@pytest.mark.parametrize(
    ("said", "printed", "expected"),
    [
        ("a  b\n", "a b", True),
        ("error 2.5e-08, 3 rows", "error 1.1e-08, 3 rows", True),
        ("error 2.5e-08", "error 2.5e-06", False),
        ("error 2.5e-16", "error 0.0", True),
        ("x 1.50", "x 1.51", True),
        ("x 1.50", "x 1.60", False),
        ("3 rows", "4 rows", False),
        ("x**2 + sin(2*t)", "x**3 + sin(2*t)", False),
        ("[...] done", "[  1.2 s] done", True),
        ("a ... b", "a b", True),
        ("│ a ┃ 1 │", "a 1", True),
    ],
)
def test_the_checker_tells_texts_apart(said: str, printed: str, expected: bool) -> None:
    assert agrees(said, printed) is expected
