"""What is known of fitted constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import sympy

from edgewise._errors import InputError
from edgewise._typing import Formula

_WORDS = {"positive": (0.0, math.inf), "negative": (-math.inf, 0.0)}
_STRICT = "dimensionless"


@dataclass(frozen=True)
class Bounds:
    """The range of every fitted constant as it is written, its sign included; `strict`: none has a dimension."""

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False

    @classmethod
    def of(cls, given: object) -> Bounds:
        """Return the bounds of "positive", "negative", (low, high), "dimensionless", or a list of these words.

        Errors: InputError for anything else.

        >>> Bounds.of((0, 10)), Bounds.of(["positive", "dimensionless"])
        (Bounds(low=0.0, high=10.0, strict=False), Bounds(low=0.0, high=inf, strict=True))
        """
        if _is_range(given):
            low, high = (float(end) for end in given)  # type: ignore[attr-defined]
            return cls(low, high)
        words = [given] if isinstance(given, str) else list(given) if isinstance(given, Sequence) else []
        signs = [word for word in words if isinstance(word, str) and word in _WORDS]
        if not words or len(signs) > 1 or any(word not in (*_WORDS, _STRICT) for word in words):
            raise InputError(
                "'constants' must be 'positive', 'negative', 'dimensionless' or a range (low, high), "
                f"like (0, 10). Got {given!r}."
            )
        return cls(*_WORDS.get("".join(signs), (-math.inf, math.inf)), strict=_STRICT in words)

    def hold(self, expression: Formula) -> bool:
        """Return whether all fitted constants of a formula are within the range.

        >>> t = sympy.Symbol("t")
        >>> Bounds.of("positive").hold(2.5 * sympy.exp(1.5 * t)), Bounds.of("positive").hold(sympy.exp(-1.5 * t))
        (True, False)
        """
        return all(self.low <= float(number) <= self.high for number in expression.atoms(sympy.Float))


def _is_range(given: object) -> bool:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        return False
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in given)
    return numbers and given[0] < given[1]
