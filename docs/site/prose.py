"""Docstrings as Markdown, for the reference: edgewise writes them as plain text with numpydoc's sections.

A paragraph with aligned columns or a formula keeps its lines, an example becomes a block of code, a section of
parameters, results or errors becomes a list, and a dotted name in backticks leads to its entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from textwrap import indent

_CODE = re.compile(r"(`[^`]+`)")
_SPECIAL = re.compile(r"([\\*_>\[\]#|])")
_LABEL = re.compile(r"^(Errors|Shapes|Source|Units): ")
_DOTTED = re.compile(r"^(?:edgewise\.|ew\.)?([a-z]\w*(?:\.\w+)+)(?:\(.*\))?$")
_ALIGNED = re.compile(r"\S {2,}\S|^ {2,}\S|^[-=+*/^() ]+$", re.MULTILINE)
_HEADING = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}$", re.MULTILINE)
_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)
_LISTS = ("Parameters", "Other Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")


def markdown(docstring: str) -> str:
    """Return a docstring as Markdown."""
    before, *sections = _HEADING.split(cleandoc(docstring))
    blocks = [_paragraphs(before)]
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        blocks += [f"**{title}**", "\n".join(_entries(text)) if title in _LISTS else _paragraphs(text)]
    return "\n\n".join(block for block in blocks if block)


def plain(text: str) -> str:
    """Return running text with nothing that Markdown would take as its own, but for code in backticks."""
    parts = _CODE.split(text)
    parts[::2] = [_SPECIAL.sub(r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    parts[1::2] = [_linked(part) for part in parts[1::2]]
    return "".join(parts)


def _paragraphs(text: str) -> str:
    return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", text.strip("\n")) if part.strip())


def _paragraph(text: str) -> str:
    if text.lstrip().startswith(">>> "):
        return f"```pycon\n{cleandoc(text)}\n```"
    if text.startswith("- "):
        return "\n".join(plain(line) for line in text.split("\n"))
    if _ALIGNED.search(text):
        return f"```text\n{text}\n```"
    label = _LABEL.match(text)
    return f"**{label[1]}:** {plain(text[label.end() :])}" if label else plain(text)


def _entries(text: str) -> Iterator[str]:
    """Return the entries of a section, each an item of a list: `name : shape`, and its description indented below."""
    for entry in _ENTRY.split(text.strip("\n")):
        head, _, below = entry.partition("\n")
        if not head:
            continue
        names, _, shape = head.partition(" : ")
        code = ", ".join(_linked(f"`{name}`") for name in names.split(", "))
        item = code + (f" {plain(shape)}" if shape else "")
        description = indent(_paragraphs(cleandoc(f"\n{below}")), "    ").lstrip()
        yield f"- {item}: {description}" if description else f"- {item}"


def _linked(code: str) -> str:
    """Return a dotted name in backticks as a link to its entry, if it has one."""
    dotted = _DOTTED.match(code.strip("`"))
    return f'<autoref identifier="edgewise.{dotted[1]}" optional>{code}</autoref>' if dotted else code
