"""Constants of a formula that differ by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewise._extras import needed
from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import rounded_together

if TYPE_CHECKING:
    import pandas as pd

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ByGroup:
    """A formula of one form for all groups: `form` has a symbol for each constant that differs by group.

    `labels` are the groups in the column `group`, `rows` (G,) their numbers of rows, `values` and `errors` (G, k) the
    constants of the symbols `names` and their standard errors.
    """

    group: str
    labels: tuple[str, ...]
    rows: tuple[int, ...]
    form: Formula
    names: tuple[str, ...]
    values: Array
    errors: Array

    def table(self) -> pd.DataFrame:
        """Return a line for each group: its rows, its constants and their standard errors."""
        pd = needed("pandas")

        columns: dict[str, object] = {"rows": self.rows}
        for k, name in enumerate(self.names):
            columns[name] = self.values[:, k]
            columns[f"{name}_error"] = self.errors[:, k]
        return pd.DataFrame(columns, index=pd.Index(self.labels, name=self.group))

    def lines(self) -> list[str]:
        """Return the constants of each group as text, with standard errors."""
        lines = []
        for label, values, errors in zip(self.labels, self.values, self.errors, strict=True):
            shown = [_with_error(float(v), float(e)) for v, e in zip(values, errors, strict=True)]
            lines.append(f"{label}: " + ", ".join(f"{n} = {text}" for n, text in zip(self.names, shown, strict=True)))
        return lines


def _with_error(value: float, error: float) -> str:
    """Return a constant with its standard error, unless that is rounding."""
    if error <= _ROUNDING * abs(value):
        return f"{value:.12g}"
    return "{} ± {}".format(*rounded_together(value, error))
