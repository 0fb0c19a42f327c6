"""What the studio knows of a session besides its steps: meanings of columns, selections, the form of a discovery."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewise._checks import is_number
from edgewise._replacing import writing
from edgewise.studio._desk import Desk
from edgewise.studio._requests import Answer, request

_NUMBER = (int, float, type(None))
_ROW = {
    "index": int, "complexity": int, "error": _NUMBER, "held_out": _NUMBER, "text": str, "latex": str, "r2": _NUMBER,
    "constants": int, "weight": _NUMBER, "best": bool,
    "law": (str, type(None)),
}  # fmt: skip
_FRONT = {
    "target": str, "at": int, "effort": str, "seconds": _NUMBER, "outcome": str, "message": str, "conclusion": [str],
    "notes": [str], "noise": _NUMBER, "ceiling": _NUMBER, "candidates": [_ROW],
}  # fmt: skip
_SAMPLE = {"rows": [int], "observed": [_NUMBER], "fitted": [_NUMBER], "residual": [_NUMBER]}
_FORMULA = {
    "index": int, "target": str, "latex": str, "text": str, "full": str, "complexity": int, "best": bool,
    "constants": [str], "law": [str], "rms": _NUMBER, "sample": _SAMPLE,
}  # fmt: skip


def is_discovery(value: Any) -> bool:
    """Return whether this is a front and its formulas, as many and in the same order."""
    if not fits(value, {"front": _FRONT, "formulas": [_FORMULA]}):
        return False
    rows, formulas = value["front"]["candidates"], value["formulas"]
    numbered = [[one["index"] for one in part] == list(range(len(part))) for part in (rows, formulas)]
    return all(numbered) and len(rows) == len(formulas) <= 200 and all(_is_even(one["sample"]) for one in formulas)


def _is_even(sample: dict[str, list[Any]]) -> bool:
    return len({len(values) for values in sample.values()}) == 1


def fits(value: Any, form: Any) -> bool:
    """Return whether a value has a form: a type or several, [form] for a list, or a dict with just these keys.

    >>> fits({"a": [1, 2]}, {"a": [int]}), fits({"a": [1, "2"]}, {"a": [int]}), fits(True, int)
    (True, False, False)
    """
    if isinstance(form, dict):
        return isinstance(value, dict) and set(value) == set(form) and all(fits(value[key], form[key]) for key in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(fits(one, form[0]) for one in value)
    return isinstance(value, form) and (form is bool or not isinstance(value, bool))


_DRAWER = "kept"
_ENDING = ".studio"
_KEYS = {"columns", "rows", "discovery"}
_KINDS = ("log", "level", "gap", "days")

Meaning = dict[str, Any]
"""What an input stands for: `kind` "log", "level", "gap" or "days", `of` the column, and in `levels` its level."""


def meanings(desk: Desk) -> dict[str, Meaning]:
    """Return what columns of the open session stand for, by name; those that are as in the table are not in it."""
    return _known(desk)["columns"]


def kept_rows(desk: Desk) -> list[dict[str, Any]]:
    """Return the ranges that select rows, none for all rows."""
    return _known(desk)["rows"]


def begin_kept(desk: Desk, columns: Mapping[str, Meaning]) -> None:
    """Keep what columns of a session stand for that begins now, with all rows."""
    desk.drawers[_DRAWER] = known = {"columns": dict(columns), "rows": [], "discovery": None}
    if columns or _said(desk.file) is not None:
        _write(desk, known)


@request(changes=True)
def keep_rows(desk: Desk, rows: Any = None) -> Answer:
    """Keep the ranges that select rows, for pages that are opened later; None or [] for all rows."""
    _write(desk, {**_known(desk), "rows": _ranges(rows or [])})
    return {}


def kept_discovery(desk: Desk) -> Answer | None:
    """Return the last discovery, its "front" and its "formulas"; None where there was none."""
    found = _known(desk)["discovery"]
    return found if found is not None and found["front"]["target"] in desk.session.targets else None


def keep_discovery(desk: Desk, found: Answer) -> None:
    """Keep a discovery in the place of the one before."""
    _write(desk, {**_known(desk), "discovery": found})


def _known(desk: Desk) -> dict[str, Any]:
    if _DRAWER not in desk.drawers:
        desk.drawers[_DRAWER] = _read(desk.file)
    return desk.drawers[_DRAWER]


def _read(session: Path | None) -> dict[str, Any]:
    """Return what the file says, as far as it is of the right kind; nothing where there is none."""
    said = _said(session) or {"columns": {}, "rows": [], "discovery": None}
    columns = said["columns"] if isinstance(said["columns"], dict) else {}
    return {
        "columns": {name: one for name, one in columns.items() if _is_meaning(one)}, "rows": _ranges(said["rows"]),
        "discovery": said["discovery"] if is_discovery(said["discovery"]) else None,
    }  # fmt: skip


def _said(session: Path | None) -> dict[str, Any] | None:
    """Return what the file next to a session holds; None where there is none that a studio wrote."""
    if session is None:
        return None
    path = session.with_suffix(_ENDING)
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 10**7:
            return None
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and set(said) == _KEYS else None


def _write(desk: Desk, known: dict[str, Any]) -> None:
    """Keep it for this process, and in the file, unless one is there that no studio wrote."""
    desk.drawers[_DRAWER] = known
    if desk.file is None or desk.read_only:
        return
    path = desk.file.with_suffix(_ENDING)
    if _said(desk.file) is not None or not (path.exists() or path.is_symlink()):
        with writing(path) as file:
            file.write(json.dumps(known).encode())


def _is_meaning(one: Any) -> bool:
    return (
        isinstance(one, dict) and set(one) == {"kind", "of", "levels"} and one["kind"] in _KINDS
        and isinstance(one["of"], str) and isinstance(one["levels"], list)
        and all(isinstance(level, str) for level in one["levels"])
    )  # fmt: skip


def _ranges(rows: Any) -> list[dict[str, Any]]:
    """The ranges among what was given; other parts of it are left out."""
    if not isinstance(rows, Sequence):
        return []
    return [
        {"name": one["name"], "low": one["low"], "high": one["high"]}
        for one in rows
        if isinstance(one, Mapping) and {"name", "low", "high"} <= set(one) and isinstance(one["name"], str)
        and is_number(one["low"]) and is_number(one["high"])
    ]  # fmt: skip
