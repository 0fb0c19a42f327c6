"""Lists, pairs, ranges and numbers as a person types them; `option` is what the field or option is called."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edgewise._errors import InputError


def listed(option: str, text: str) -> list[str]:
    """Return the words in "a,b". Errors: InputError where one is empty."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise InputError(f"{option} must list names with commas in between, like a,b. Got {text!r}.")
    return words


def pairs(option: str, texts: Iterable[str], example: str) -> dict[str, str]:
    """Return what stands before and after the last "=" of each text. Errors: InputError where there is no name or "=".

    >>> pairs("--units", ["t=s", "x = m"], "t=s")
    {'t': 's', 'x': 'm'}
    """
    found = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.rpartition("="))
        if not sign or not name:
            raise InputError(f"{option} must say something like {example}. Got {text.strip()!r}.")
        found[name] = value
    return found


def bounds_or_words(option: str, text: str) -> list[str] | tuple[float, float]:
    """Return a range of two numbers, or words.

    >>> bounds_or_words("--constants", "0,10"), bounds_or_words("--constants", "positive,dimensionless")
    ((0.0, 10.0), ['positive', 'dimensionless'])
    """
    words = listed(option, text)
    try:
        low, high = map(float, words)
    except ValueError:
        return words
    return low, high


def by_constant(option: str, text: str, example: str) -> dict[str, str]:
    """Return the texts in "A=1,B=2" by name. Errors: InputError for names that are missing or there twice.

    >>> by_constant("--bounds", "a=1, b=0:2", "a=0:5")
    {'a': '1', 'b': '0:2'}
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value) or name in found:
            raise InputError(f"{option} must name constants once each, like {example}. Got {text!r}.")
        found[name] = value
    return found


def starts(option: str, text: str) -> dict[str, float]:
    """Return the numbers in "A=1,B=2" by name."""
    found = by_constant(option, text, "Vm=200,K=0.1")
    return {name: _number(option, value, math.nan) for name, value in found.items()}


def limits(option: str, text: str) -> dict[str, tuple[float, float]]:
    """Return the two ends in "A=0:5,B=0:" by name, infinite where one is left out.

    >>> limits("--bounds", "A=0:5,B=0:")
    {'A': (0.0, 5.0), 'B': (0.0, inf)}
    """
    found: dict[str, tuple[float, float]] = {}
    for name, value in by_constant(option, text, "Vm=0:,K=0:5").items():
        ends = value.split(":")
        if len(ends) != 2:
            raise InputError(f"{option} must hold two ends for each constant, like Vm=0:,K=0:5. Got {name}={value}.")
        found[name] = (_number(option, ends[0], -math.inf), _number(option, ends[1], math.inf))
    return found


def _number(option: str, text: str, otherwise: float) -> float:
    try:
        value = float(text) if text.strip() else otherwise
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise InputError(f"{option} must hold numbers. Got {text.strip()!r}.")
    return value
