"""Results as JSON, one object on one line: docs/command.md lists its keys."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and all else on stderr.")]


def print_json(values: Mapping[str, Any]) -> None:
    """Print a result on stdout."""
    sys.stdout.write(f"{json.dumps(plain(values), ensure_ascii=False, allow_nan=False)}\n")


def plain(value: Any) -> Any:
    """Return what JSON has: data frames as their rows, null for what is no number, texts for all else.

    >>> plain({"error": float("nan"), "columns": ("a", "b")})
    {'error': None, 'columns': ['a', 'b']}
    """
    if hasattr(value, "to_dict"):
        value = value.to_dict("records")
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    value = getattr(value, "item", lambda: value)()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def ended(found: Any) -> dict[str, str]:
    """Return how a search or a fit ended: a word, and what it means."""
    return {"outcome": found.outcome.name, "message": found.outcome.message}
