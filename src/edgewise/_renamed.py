"""Former names and values, which work for one more release with a warning that names the new one."""

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")

_HERE = str(Path(__file__).parent)
_FORMER: Mapping[str, Mapping[str, str]] = {"loss": {"squares": "squared"}, "effort": {"full": "normal"}}
"""Argument -> its former words and those that replaced them."""


def renamed(argument: str, value: Value) -> Value:
    """Return the new word for a former value of an argument, and any other value unchanged.

    The DeprecationWarning names the line outside of edgewise that passed the former word, so that Python shows it.

    >>> renamed("loss", "huber")
    'huber'
    """
    words = _FORMER[argument]
    if not isinstance(value, str) or value not in words:
        return value
    _warn(f"{argument}={value!r} is now {argument}={words[value]!r}. The next release removes the former word.")
    return words[value]  # type: ignore[return-value]


def replaced(name: str, new: str) -> None:
    """Warn of a function that has another one in its place, at the line outside of edgewise that called it."""
    _warn(f"{name} is now {new}. The next release removes the former name.")


def _warn(text: str) -> None:
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, DeprecationWarning, stacklevel=level)
