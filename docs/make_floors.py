"""Draws the floors of the source into docs/design/design.md, from the contracts that `make lint` enforces.

python docs/make_floors.py
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "design" / "design.md"
SOURCE = ROOT / "src" / "edgewise"
BEGIN, END = "<!-- floors -->\n", "<!-- end of floors -->\n"
_WIDTH = 118  # characters of a line


def floors() -> str:
    """Return the floors as a block of text, the highest first: each package or module, and what it says it is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        each for each in project["tool"]["importlinter"]["contracts"] if each.get("containers") == ["edgewise"]
    )
    lines = []
    for layer in contract["layers"]:
        names = [name.strip() for name in layer.split("|")]
        if all((SOURCE / name).is_dir() for name in names):
            lines += [f"{name:<12}{_said(SOURCE / name / '__init__.py')}"[:_WIDTH].rstrip() for name in names]
        else:
            lines.append(" | ".join(names))
        lines.append("")
    return "```\n" + "\n".join(_wrapped(lines)).rstrip() + "\n```\n"


def _wrapped(lines: list[str]) -> list[str]:
    """Return the lines, long lists of names broken before a name."""
    found = []
    for line in lines:
        while len(line) > _WIDTH:
            cut = line.rindex(" | ", 0, _WIDTH)
            found.append(line[:cut] + " |")
            line = line[cut + 3 :]
        found.append(line)
    return found


def _said(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0].rstrip(".")


def page(text: str) -> str:
    """Return the page with the floors as they are now."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + floors() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
