"""Docstrings as Markdown, for the reference: edgewise writes them as plain text.

A paragraph with aligned columns or a formula keeps its lines, an example becomes a block of code, and a dotted name
in backticks leads to its entry.
"""

from __future__ import annotations

import re
from inspect import cleandoc

_CODE = re.compile(r"(`[^`]+`)")
_SPECIAL = re.compile(r"([\\*_>\[\]#|])")
_LABEL = re.compile(r"^(Errors|Shapes|Source|Units|Example|Returns): ")
_DOTTED = re.compile(r"^(?:edgewise\.|ew\.)?([a-z]\w*(?:\.\w+)+)(?:\(.*\))?$")
_ALIGNED = re.compile(r"\S {2,}\S|^ {2,}\S|^[-=+*/^() ]+$", re.MULTILINE)


def markdown(docstring: str) -> str:
    """Return a docstring as Markdown."""
    return "\n\n".join(_paragraph(text) for text in re.split(r"\n\s*\n", cleandoc(docstring)) if text.strip())


def plain(text: str) -> str:
    """Return running text with nothing that Markdown would take as its own, but for code in backticks."""
    parts = _CODE.split(text)
    parts[::2] = [_SPECIAL.sub(r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    parts[1::2] = [_linked(part) for part in parts[1::2]]
    return "".join(parts)


def _paragraph(text: str) -> str:
    if text.lstrip().startswith(">>> "):
        return f"```pycon\n{cleandoc(text)}\n```"
    if text.startswith("- "):
        return "\n".join(plain(line) for line in text.split("\n"))
    if _ALIGNED.search(text):
        return f"```text\n{text}\n```"
    label = _LABEL.match(text)
    return f"**{label[1]}:** {plain(text[label.end() :])}" if label else plain(text)


def _linked(code: str) -> str:
    """Return a dotted name in backticks as a link to its entry, if it has one."""
    dotted = _DOTTED.match(code.strip("`"))
    return f'<autoref identifier="edgewise.{dotted[1]}" optional>{code}</autoref>' if dotted else code
