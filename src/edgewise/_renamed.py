"""Words that arguments had before: they work for one release, with a warning that names the new one."""

import warnings
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")

#: argument -> its former words and those of today
FORMER: Mapping[str, Mapping[str, str]] = {"loss": {"squares": "squared"}, "effort": {"full": "normal"}}


def present(argument: str, value: Value) -> Value:
    """Return the word of today for the value of an argument; any other value as it is.

    >>> present("loss", "huber")
    'huber'
    """
    words = FORMER[argument]
    if not isinstance(value, str) or value not in words:
        return value
    message = f"{argument}={value!r} is now {argument}={words[value]!r}; the former word will go with the next release."
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return words[value]  # type: ignore[return-value]
