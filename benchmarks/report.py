"""What the scripts print: plain tables and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in columns as wide as their widest entry; numbers are printed with three digits."""
    cells = [list(head), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(line[k]) for line in cells) for k in range(len(head))]
    print(f"\n{title}")
    for number, line in enumerate(cells):
        print("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def verdict(passed: bool) -> str:
    return "pass" if passed else "MISS"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
