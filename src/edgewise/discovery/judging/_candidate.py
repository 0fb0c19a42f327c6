"""A formula with its error and complexity, and the front of the best ones."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Array, Data, Formula
from edgewise.discovery.judging._by_group import ByGroup
from edgewise.discovery.tables import Columns
from edgewise.export import latex
from edgewise.expressions import evaluate, write

_DIGITS = 6  # of constants in a printout


@dataclass(frozen=True)
class Candidate:
    """One formula for the target.

    `error` is the root mean square residual over the target's spread (both weighted by 1/|y| where the target covers
    many decades), `held_out` the same on rows that its constants were not fitted to; `complexity` counts operations,
    constants and variables.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    >>> best = ew.discover(x, x[:, 0] / x[:, 1], names=["u", "i"]).best
    >>> best.latex(), best.complexity, best.predict([[6.0, 2.0]])
    ('\\\\frac{u}{i}', 3, array([3.]))
    """

    expression: Formula
    names: tuple[str, ...]
    error: float
    complexity: int
    held_out: float = math.nan
    columns: Columns | None = field(default=None, repr=False, compare=False)
    by_group: ByGroup | None = field(default=None, repr=False, compare=False)

    def sympy(self) -> Formula:
        """The formula as a sympy expression; its symbols carry the names of the inputs."""
        return self.expression

    def latex(self) -> str:
        """The formula in LaTeX, numbers with six digits; `edgewise.export` writes it in full and in other languages."""
        form = self if self.by_group is None else self.by_group.form
        return latex(form, digits=6)

    def text(self, digits: int | None = None) -> str:
        """Return the formula as text; constants that differ by group are symbols."""
        return write(self.expression if self.by_group is None else self.by_group.form, digits)

    @property
    def fitted(self) -> int:
        """The number of constants that are not exact numbers."""
        return len(self.expression.atoms(sympy.Float))

    @property
    def r2(self) -> float:
        """The fraction of the target's variance that it explains on held-out rows; NaN if unknown."""
        return 1 - self.held_out**2

    def predict(self, x: Data) -> Array:
        """Values of the formula on rows (n, n_in); NaN where it is undefined. Columns of a data frame go by name.

        Of a table with text or dates, x holds the columns as they came.
        """
        rows = columns_of(x, self.names, self.columns)
        return evaluate(self.expression, self.names, rows)

    def __str__(self) -> str:
        held_out = "" if math.isnan(self.held_out) else f", held-out error {self.held_out:.2g}"
        return f"{self.text(_DIGITS)}  (error {self.error:.2g}{held_out}, complexity {self.complexity})"


def columns_of(x: Data, names: tuple[str, ...], columns: Columns | None = None) -> Array:
    """Return rows (n, len(names)) as doubles; of a data frame, the columns of these names.

    With `columns`, a table as it came becomes these inputs.

    Errors: InputError for another number of columns, and for a data frame that lacks one.
    """
    if columns is not None:
        return columns.of(x)
    own = [str(name) for name in getattr(x, "columns", ())]
    if own:
        missing = [name for name in names if name not in own]
        if missing:
            raise InputError(f"The formula takes columns {list(names)}. The table lacks {missing}; it has {own}.")
        frame: Any = x
        x = np.column_stack([np.asarray(frame[frame.columns[own.index(name)]], dtype=np.float64) for name in names])
    rows = np.asarray(x, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise InputError(f"The formula takes rows of {len(names)} inputs {list(names)}. Got shape {rows.shape}.")
    return rows


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that no simpler or equally simple one beats, simplest first."""
    out: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.complexity, c.fitted, c.error)):
        # Differences at rounding level, or of a fitted constant from its rounded value, are no improvement.
        if not out or (candidate.error < 0.98 * out[-1].error and out[-1].error > 1e-14):
            out.append(candidate)
    return out
