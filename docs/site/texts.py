"""The site for programs that read text: each page as Markdown next to its HTML, and llms.txt, which lists them."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import public
from prose import markdown

LAST = ("Explanations", "Project")  # sections that a reader in a hurry may skip, which llms.txt calls Optional
BEGIN = "Begin with [SKILL.md](SKILL.md): when to use what, in one page. Each page below is Markdown, next to its HTML."

_ROW = re.compile(r"^\| \[([^\]]+)\]\(([^)#]+\.md)\) \| (.+) \|$", re.MULTILINE)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_ENTRY = re.compile(r"^::: (\S+)\.(\w+)$", re.MULTILINE)
_REFERENCE = re.compile(r"<autoref[^>]*>(.*?)</autoref>")


def write(site: Path, nav: list[Any], pages: Mapping[str, str], about: tuple[str, str]) -> None:
    """Write each page as Markdown and llms.txt into the folder of the site; `about` is its name and description."""
    for uri, text in pages.items():
        place = site / uri
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(whole(text), encoding="utf-8")
    (site / "llms.txt").write_text(contents(nav, pages, *about), encoding="utf-8")


def contents(nav: list[Any], pages: Mapping[str, str], name: str, description: str) -> str:
    """Return llms.txt: a title, a quotation, and a section of links for each part of the navigation.

    A link has the title of its page, and what docs/index.md says of the page or its first sentence.
    """
    about = {uri: said for _, uri, said in _ROW.findall(pages.get("index.md", ""))}
    sections: dict[str, list[str]] = {}
    for section, uri in _leaves(nav):
        if uri not in pages:
            continue
        title = _TITLE.search(pages[uri])
        said = about.get(uri) or _first(pages[uri])
        link = f"- [{title[1] if title else uri}]({uri})" + (f": {said}" if said else "")
        sections.setdefault("Optional" if section in LAST else section, []).append(link)
    optional = sections.pop("Optional", [])
    parts = [f"# {name}", f"> {description}", BEGIN]
    for section, links in [*sections.items(), *([("Optional", optional)] if optional else [])]:
        parts += [f"## {section}", "\n".join(links)]
    return "\n\n".join(parts) + "\n"


def _leaves(nav: list[Any], section: str = "Start") -> Iterator[tuple[str, str]]:
    """Yield the pages of the navigation, each with the outermost section that it is in."""
    for entry in nav:
        title, below = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if isinstance(below, str):
            yield section, posixpath.normpath(below)
        else:
            yield from _leaves(below, title if section == "Start" else section)


def _first(text: str) -> str:
    """Return the first sentence of a page that is no heading, picture, table or code."""
    for block in re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).split("\n\n"):
        line = " ".join(block.split())
        if line and line[0] not in "#!|<-:":
            return re.split(r"(?<=[.])\s", line)[0].rstrip(":")
    return ""


def whole(text: str) -> str:
    """Return a page with the docstrings in place of the lines that mkdocstrings would fill in."""
    text = _ENTRY.sub(lambda entry: _described(entry[1], entry[2]), text)
    return _REFERENCE.sub(r"\1", text).strip() + "\n"


def _described(package: str, name: str) -> str:
    node = public.definition(package, name)
    parts = [f"## {package}.{name}", *_documented(node, name)]
    for method in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and ast.get_docstring(method):
            parts += [f"### {name}.{method.name}", *_documented(method, method.name)]
    return "\n\n".join(parts)


def _documented(node: ast.AST | None, name: str) -> Iterator[str]:
    """Yield the call and the docstring of a function or class."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return
    starts = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    call = node if isinstance(node, ast.FunctionDef) else starts[0] if starts else None
    if call is not None:
        returns = f" -> {ast.unparse(call.returns)}" if call is node and call.returns is not None else ""
        arguments = re.sub(r"^self(, )?", "", ast.unparse(call.args))
        yield f"```py\n{name}({arguments}){returns}\n```"
    yield markdown(ast.get_docstring(node) or "")
