"""The part of the packaging that pyproject.toml cannot say: the README as a package index shows it.

There, links and pictures by relative paths lead nowhere. They become links into the repository if `[project.urls]` in
pyproject.toml names one as Repository; otherwise a link keeps its text, and a picture is left out.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parent
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+://)([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def description(readme: str, repository: str | None) -> str:
    """Return the README without relative links."""
    parts = _FENCE.split(readme)
    parts[::2] = [_LINK.sub(lambda link: _absolute(*link.groups(), repository), part) for part in parts[::2]]
    return "".join(parts)


def _absolute(mark: str, text: str, target: str, repository: str | None) -> str:
    if repository is None:
        return "" if mark else text
    place = "raw" if mark else "blob"
    return f"{mark}[{text}]({repository}/{place}/main/{target})"


if __name__ == "__main__":
    from setuptools import setup

    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=description(
            (_ROOT / "README.md").read_text(encoding="utf-8"), project.get("urls", {}).get("Repository")
        ),
        long_description_content_type="text/markdown",
    )
