"""What a person has decided about one edge."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from edgewise._checks import is_int, is_number


@dataclass(frozen=True)
class Rule:
    """What holds of an edge, whoever trains or reads the network.

    locked: its function stays as it is. monotone: 1 where it must rise, -1 where it must fall, 0 where it may do
    either. smooth: weight of its roughness in the objective. functions: the names that it may be read as; all of the
    library where there are none.

    >>> Rule(locked=True).row()
    {'locked': True}
    """

    locked: bool = False
    monotone: int = 0
    smooth: float = 0.0
    functions: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """What differs from an edge without a rule, as plain data."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Rule:
        """The rule of a row; ValueError for one that says what no rule says.

        >>> Rule.of({"monotone": -1}).monotone
        -1
        """
        if not isinstance(row, dict) or set(row) - {field.name for field in fields(cls)}:
            raise ValueError("unknown fields")
        names = row.get("functions", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("functions")
        rule = cls(**{**row, "functions": tuple(names)})
        if not (isinstance(rule.locked, bool) and is_int(rule.monotone, -1, 1) and is_number(rule.smooth, 0, 1e300)):
            raise ValueError("values")
        return rule
