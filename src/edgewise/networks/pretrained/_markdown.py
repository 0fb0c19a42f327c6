"""Markdown and its YAML front matter, in which any text from outside stands as plain text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgewise._printable import printable

_MARKS = re.compile(r"([\\`*_\[\]#|~$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)  # addresses are no links either
_SPAN = re.compile(r"[^`|\s](?:[^`|]*[^`|\s])?")


def plain(text: str) -> str:
    r"""Return a text that Markdown and HTML show as it is, on one line.

    >>> print(plain("a_b <c> | *d*"))
    a\_b &lt;c&gt; \| \*d\*
    """
    entities = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", entities)


def code(text: str) -> str:
    """Return a text as a code span, in a paragraph or a cell of a table; numeric entities where none can hold it.

    >>> code("mass_kg"), code("a|b")
    ('`mass_kg`', '<code>a&#124;b</code>')
    """
    text = printable(text)
    if _SPAN.fullmatch(text):
        return f"`{text}`"
    return f"<code>{''.join(c if c.isalnum() else f'&#{ord(c)};' for c in text)}</code>"


def fenced(text: str, language: str) -> list[str]:
    """Return the lines of a fenced block, which nothing in the text ends.

    >>> fenced("x", "text")
    ['```text', 'x', '```']
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *text.splitlines(), fence]


def mathematics(latex: str) -> list[str]:
    r"""Return the lines of a displayed formula, as the Hub and GitHub set it; no letter of it begins a tag of HTML.

    >>> mathematics("a < b")
    ['$$', 'a \\lt  b', '$$']
    """
    safe = printable(latex.replace("\n", " ")).replace("<", r"\lt ").replace(">", r"\gt ")
    return ["$$", re.sub(r"\$\$", r"\\$\\$", safe), "$$"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose cells are Markdown.

    >>> table(["a", "b"], [["1", "2"]])
    ['| a | b |', '|---|---|', '| 1 | 2 |']
    """
    lines = [head, ["---"] * len(head), *rows]
    return ["|---" * len(head) + "|" if k == 1 else f"| {' | '.join(cells)} |" for k, cells in enumerate(lines)]


def front_matter(fields: Mapping[str, Any]) -> list[str]:
    """Return the lines of YAML between rules, from texts, numbers, and lists and dicts of them.

    >>> front_matter({"tags": ["kan"], "value": 1e-7})
    ['---', 'tags:', '- "kan"', 'value: 1.0e-07', '---']
    """
    return ["---", *_yaml(fields), "---"]


def _yaml(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        parts = [(f"{key}:", inner) for key, inner in value.items()]
        return [line for head, inner in parts for line in _entry(head, inner)]
    return [line for inner in value for line in _item(_yaml(inner) if _is_block(inner) else [_scalar(inner)])]


def _entry(head: str, inner: Any) -> list[str]:
    if not _is_block(inner):
        return [f"{head} {_scalar(inner)}"]
    return [head, *(line if isinstance(inner, list) else f"  {line}" for line in _yaml(inner))]


def _item(lines: list[str]) -> list[str]:
    return [f"- {line}" if k == 0 else f"  {line}" for k, line in enumerate(lines)]


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _scalar(value: str | float) -> str:
    """A quoted text, or a number that YAML 1.1 takes for one: 1.0e-07."""
    if isinstance(value, str):
        return json.dumps(printable(value), ensure_ascii=False)
    text = repr(value)
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if math.isfinite(value) else ".nan"
