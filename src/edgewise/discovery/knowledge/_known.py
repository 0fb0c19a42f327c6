"""The keywords of `discover` for what a person knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict

import sympy


class Measured(Protocol):
    """A table that knows units of its columns, as `edgewise.io.Table` does."""

    @property
    def units(self) -> Mapping[str, str]: ...


class Known(TypedDict, total=False):
    """What is known of the formula, or wished of it. `Knowledge` says what each means."""

    functions: Collection[str]
    require: Collection[str] | str
    forbid: Collection[str] | str
    max_complexity: int
    units: Mapping[str, str | Mapping[str, Any]] | Measured | Literal["table"]
    guesses: Sequence[str | sympy.Expr] | str | sympy.Expr
    template: str
    constants: str | Sequence[str] | tuple[float, float]
    monotone: Mapping[str, int | str]
    limits: Mapping[str, float | str]
