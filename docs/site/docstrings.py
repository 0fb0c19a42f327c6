"""The extension of griffe that rewrites docstrings as Markdown."""

from __future__ import annotations

from typing import Any

from griffe import Extension
from prose import markdown


class Docstrings(Extension):
    """Rewrite each docstring when griffe has read it."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
