"""The glossary of CONTRIBUTING: no name in the package, and no prose on a page, uses a word of its left column."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "edgewise"
_OWN = ("README.md", "SKILL.md", "AGENTS.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")
PAGES = [ROOT / name for name in _OWN]
PAGES += sorted((ROOT / "docs").rglob("*.md"))

_ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| ?([^|]*)\|$", re.MULTILINE)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NOT_PROSE = re.compile(r"^```.*?^```$|<!--.*?-->|`[^`]*`|\]\([^)]*\)|\w+\.(?:md|py|csv)\b", re.MULTILINE | re.DOTALL)

# Names that await their renaming: the modules that may still use a word, and why. These lists only ever get shorter.
AWAITING: dict[str, tuple[str, set[str]]] = {
    "tidy": ("to be called simplify", {"interpret/symbolic/_curve"}),
    "remainder": (
        "a field of the results of find_relations",
        {
            "discovery/unsupervised/__init__",
            "discovery/unsupervised/_find",
            "discovery/unsupervised/_formula",
            "discovery/unsupervised/_result",
            "discovery/unsupervised/_search",
            "interpret/symbolic/_curve",
        },
    ),
    "pull": (
        "products with the Jacobian; torch, Triton and JAX code with another meaning",
        {
            "kernels/bspline/_triton_kernels",
            "nn/_jacobian",
            "interpret/symmetries/_gaussian",
            "train/_objective",
        },
    ),
    "push": ("products with the Jacobian", {"nn/_jacobian", "train/_objective"}),
    "bend": (
        "second derivatives in jets, and the curvature of a table",
        {
            "interpret/_merge",
            "interpret/_tables",
            "pde/geometry/_jet",
            "pde/splines/_pass",
            "pde/statement/_problem",
            "pde/result/_solution",
        },
    ),
    "bends": ("curvature of a table", {"interpret/_tables"}),
    "told": ("local variables", {"interpret/_cut", "plot/_layout"}),
}


def glossary(where: str) -> list[str]:
    """The words of the left column that are checked in "names" or "pages"."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Glossary")[2]
    return [word for left, checked in _ROW.findall(text) if where in checked for word in left.split(", ")]


@cache
def users() -> dict[str, set[str]]:
    """The modules that use each word in a name: their own, or of a function, class, argument, variable or attribute."""
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).with_suffix("").as_posix()
        for name in {path.stem, *names(ast.parse(path.read_text(encoding="utf-8")))}:
            for word in _WORD.findall(name):
                found.setdefault(word.lower(), set()).add(module)
    return found


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("name", "asname", "arg", "id", "attr"):
            if isinstance(value := getattr(node, field, None), str):
                yield value


def prose(text: str) -> str:
    """A page without code, links and the table of the glossary, on one line."""
    return " ".join(_NOT_PROSE.sub(" ", text.partition("## Glossary")[0]).lower().split())


def test_the_glossary_is_read() -> None:
    assert "perceptron" in glossary("names")
    assert "so many" in glossary("pages")
    assert "interpret/symmetries/_gaussian" in users()["gaussian"]
    assert {"hidden", "layer"} <= {word.lower() for word in _WORD.findall("hiddenLayer")}
    assert prose("A `spread` of\n[x](spread.md)\n## Glossary\nspread") == "a of [x"


@pytest.mark.parametrize("word", glossary("names"))
def test_names_use_the_words_of_the_field(word: str) -> None:
    new = users().get(word, set()) - AWAITING.get(word, ("", set()))[1]
    assert not new, f"{', '.join(sorted(new))}: the glossary of CONTRIBUTING has another word for '{word}'"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    text = prose(page.read_text(encoding="utf-8"))
    found = [word for word in glossary("pages") if re.search(rf"\b{word}\b", text)]
    assert not found, f"{page.name}: the glossary of CONTRIBUTING has other words for {', '.join(found)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_lines_of_prose_are_short(page: Path) -> None:
    """At most 120 columns, so that changes can be read; tables, pictures, formulas and code are as long as they are."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    long = [line for line in text.splitlines() if len(line) > 120 and not line.startswith(("|", "![", "    "))]
    assert not long, f"{page.name}: {long[0]}"
