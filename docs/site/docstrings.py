"""The extension of griffe that rewrites docstrings as Markdown, and lists the members of an enumeration."""

from __future__ import annotations

import ast
from typing import Any

from griffe import Extension
from prose import markdown, plain


class Docstrings(Extension):
    """Rewrite each docstring when griffe has read it."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
            if obj.is_class and any(str(base).rpartition(".")[2] == "Enum" for base in obj.bases):
                obj.docstring.value += "\n\n" + _members(obj)


def _members(enumeration: Any) -> str:
    """Return the members of an enumeration as a list, each with its value if that is a sentence."""
    lines = []
    for name, member in enumeration.members.items():
        if member.is_attribute and name.isupper():
            value = _literal(str(member.value))
            lines.append(f"- `{name}`: {plain(value)}" if " " in value else f"- `{name}`")
    return "\n".join(lines)


def _literal(source: str) -> str:
    try:
        return str(ast.literal_eval(source))
    except (ValueError, SyntaxError):  # a call, such as enum.auto()
        return ""
