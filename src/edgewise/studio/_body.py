"""What a request says: a JSON object of bounded depth, whose numbers are finite and whose texts can be written."""

from __future__ import annotations

import json
import math
from typing import Any

from edgewise._errors import InputError

_DEEPEST = 32  # lists and objects in each other
_LONGEST = 18  # digits of a whole number: what 64 bits hold


def read_object(body: bytes) -> dict[str, Any]:
    """Return the object; InputError for anything else.

    >>> read_object(b'{"at": 3, "name": "lock"}')
    {'at': 3, 'name': 'lock'}
    """
    try:
        said = json.loads(body.decode() or "{}", parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
        _check(said, 0)
    except (ValueError, RecursionError):
        raise InputError(
            f"The request is not JSON with finite numbers, whole ones of at most {_LONGEST} digits, at most "
            f"{_DEEPEST} levels deep."
        ) from None
    if not isinstance(said, dict):
        raise InputError(f"The request is a JSON {type(said).__name__}: send an object.")
    return said


def _check(said: Any, depth: int) -> None:
    if isinstance(said, str):
        said.encode()  # refuses halves of characters
    elif isinstance(said, list | dict):
        if depth == _DEEPEST:
            raise ValueError(depth)
        for each in said if isinstance(said, list) else [*said, *said.values()]:
            _check(each, depth + 1)


def _refuse(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _whole(text: str) -> int:
    return int(text) if len(text) <= _LONGEST else int(_refuse(text))
