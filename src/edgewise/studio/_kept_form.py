"""The form of a discovery in a file: the page is shown nothing else, no matter who wrote it."""

from __future__ import annotations

from typing import Any

_NUMBER = (int, float, type(None))
_MOST = 200  # formulas of a front
_ROW = {
    "index": int, "complexity": int, "error": _NUMBER, "held_out": _NUMBER, "text": str, "latex": str, "r2": _NUMBER,
    "constants": int, "weight": _NUMBER, "best": bool,
}  # fmt: skip
_FRONT = {
    "target": str, "at": int, "effort": str, "seconds": _NUMBER, "outcome": str, "message": str, "conclusion": [str],
    "notes": [str], "noise": _NUMBER, "ceiling": _NUMBER, "candidates": [_ROW],
}  # fmt: skip
_SAMPLE = {"rows": [int], "observed": [_NUMBER], "fitted": [_NUMBER], "residual": [_NUMBER]}
_FORMULA = {
    "index": int, "target": str, "latex": str, "text": str, "full": str, "complexity": int, "best": bool,
    "constants": [str], "rms": _NUMBER, "sample": _SAMPLE,
}  # fmt: skip


def is_discovery(value: Any) -> bool:
    """Return whether this is a front and its formulas, as many and in the same order."""
    if not fits(value, {"front": _FRONT, "formulas": [_FORMULA]}):
        return False
    rows, formulas = value["front"]["candidates"], value["formulas"]
    numbered = [[one["index"] for one in part] == list(range(len(part))) for part in (rows, formulas)]
    return all(numbered) and len(rows) == len(formulas) <= _MOST and all(_is_even(one["sample"]) for one in formulas)


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
