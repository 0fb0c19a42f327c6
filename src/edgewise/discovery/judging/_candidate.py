"""A formula with its error and complexity, the front, and answers about given ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from edgewise._errors import InputError, first_line
from edgewise._typing import Array, Data, Formula
from edgewise.discovery.judging._contest import SPOKEN
from edgewise.discovery.mixed import ByGroup
from edgewise.discovery.tables import Columns
from edgewise.formulas.expressions import Constant, evaluate, fitted_constants, write
from edgewise.interpret.export import latex
from edgewise.tables.encoding import as_array


@dataclass(frozen=True)
class Named:
    """The law of a textbook that a formula is, up to the way its constants are written.

    Parameters
    ----------
    name
        The name of the law.
    alike
        Names of laws that are the same function.
    constants
        Its constants by their usual symbols, as the rows determine them, with standard errors.
    meanings
        What each constant is, in words.

    Examples
    --------
    >>> from edgewise.expressions import Constant
    >>> print(Named("Michaelis-Menten", (), {"Vmax": Constant(212.68, 6.95), "Km": Constant(0.06412, 0.00828)}, {}))
    Michaelis-Menten: Vmax = 212.7 ± 7.0, Km = 0.0641 ± 0.0083
    """

    name: str
    alike: tuple[str, ...]
    constants: Mapping[str, Constant]
    meanings: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name}: " + ", ".join(f"{name} = {_shown(each)}" for name, each in self.constants.items())

    def what(self) -> str:
        """Return what the constants are, and the other names of the law, in a sentence or two.

        >>> Named("Monod", ("Hill",), {}, {"mu": "fastest growth", "K": "S at half of it"}).what()
        'mu: fastest growth; K: S at half of it. The same function: Hill.'
        """
        meanings = "; ".join(f"{name}: {meaning}" for name, meaning in self.meanings.items())
        return f"{meanings}." + (f" The same function: {', '.join(self.alike)}." if self.alike else "")


def _shown(constant: Constant) -> str:
    """Return a constant with its standard error, unless that is rounding."""
    rounding = 1e-9
    return f"{constant.value:.12g}" if constant.error <= rounding * abs(constant.value) else str(constant)


_IMPROVED = 0.98  # of the error of simpler formulas: what a front asks for
_Any = TypeVar("_Any")


@dataclass(frozen=True, repr=False)
class Candidate:
    """One formula for the target.

    Parameters
    ----------
    expression
        The formula as a sympy expression.
    names
        Names of its inputs.
    error
        Root mean square residual over the standard deviation of the target (both weighted by 1/|y| where the target
        covers many decades).
    complexity
        Counts operations, constants and variables.
    held_out
        The same as `error` on rows that its constants were not fitted to.
    columns
        Makes the inputs of a table with text, dates or gaps.
    by_group
        The constants of each group, where they differ.
    named
        The law of a textbook that it is, if it is one.

    Examples
    --------
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
    columns: Columns | None = field(default=None, compare=False)
    by_group: ByGroup | None = field(default=None, compare=False)
    named: Named | None = field(default=None, compare=False)

    def sympy(self) -> Formula:
        """The formula as a sympy expression; its symbols carry the names of the inputs."""
        return self.expression

    def latex(self) -> str:
        """The formula in LaTeX, numbers with six digits; `edgewise.export` writes it in full and in other languages."""
        form = self if self.by_group is None else self.by_group.form
        return latex(form, digits=6)

    def text(self, digits: int | None = None) -> str:
        """Return the formula as text; constants that differ by group are symbols.

        Parameters
        ----------
        digits
            Digits of the numbers; None for all.
        """
        return write(self.expression if self.by_group is None else self.by_group.form, digits)

    @property
    def fitted(self) -> int:
        """The number of constants that are not exact numbers."""
        return fitted_constants(self.expression)

    @property
    def r2(self) -> float:
        """The fraction of the target's variance that it explains on held-out rows; NaN if unknown."""
        return 1 - self.held_out**2

    def predict(self, x: Data) -> Array:
        """Return the values (n,) of the formula; NaN where it is undefined.

        Where constants differ by group, a group that the table did not have, or a gap, has the mean constants.

        Parameters
        ----------
        x : (n, n_in)
            The inputs. Columns of a data frame go by name; a table with text or dates holds the columns as they came.
        """
        rows = columns_of(x, self.names, self.columns)
        values = evaluate(self.expression, self.names, rows)
        if self.by_group is None:
            return values
        new = self.by_group.codes(rows, self.names) < 0
        return np.where(new, self.by_group.of_rows(rows, self.names)[0], values) if new.any() else values

    def __str__(self) -> str:
        digits = 6  # of constants in a printout
        held_out = "" if math.isnan(self.held_out) else f", held-out error {self.held_out:.2g}"
        return f"{self.text(digits)}  (error {self.error:.2g}{held_out}, complexity {self.complexity})"

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


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
        x = np.column_stack([_numbers(frame[frame.columns[own.index(name)]]) for name in names])
    rows = _numbers(x)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise InputError(f"The formula takes rows of {len(names)} inputs {list(names)}. Got shape {rows.shape}.")
    return rows


def _numbers(x: Any) -> Array:
    """Return an array of doubles. Errors: InputError for what holds no numbers."""
    try:
        return np.asarray(as_array(x), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"The formula takes rows of numbers. Got {type(x).__name__}: {first_line(error)}.") from None


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that none as simple, of as few fitted constants, beats on the rows, simplest first."""
    equal = 1e-14  # errors below are the same
    return unbeaten(candidates, lambda c: (c.complexity, c.fitted, max(c.error, equal)))


def unbeaten(
    every: Iterable[_Any], measures: Callable[[_Any], tuple[int, int, float]], improved: float = _IMPROVED
) -> list[_Any]:
    """Return what no other beats that is as simple and has as few constants: (complexity, constants, error) of each.

    Each error is below `improved` times those. Differences of 2 %, as of a fitted constant from its rounded value, are
    no improvement.

    >>> unbeaten([(3, 1, 0.5), (4, 2, 0.2), (5, 1, 0.4), (6, 2, 0.3)], lambda each: each)
    [(3, 1, 0.5), (4, 2, 0.2), (5, 1, 0.4)]
    """
    kept: list[tuple[_Any, int, float]] = []
    for each, (_, constants, error) in sorted(((e, measures(e)) for e in every), key=lambda pair: pair[1]):
        if error < improved * min((least for _, own, least in kept if own <= constants), default=math.inf):
            kept.append((each, constants, error))
    return [each for each, _, _ in kept]


@dataclass(frozen=True)
class Answer:
    """A guess in its own spelling, with its constants by name, and how far the best formula leads it.

    `candidate` is None where the guess is undefined on a row; `lead` is 0 where it is the best formula.
    """

    text: str
    constants: Mapping[str, Constant]
    candidate: Candidate | None
    lead: float = 0.0
    chosen: bool = False

    @property
    def reason(self) -> str:
        """Why the guess is the best formula or not, in one sentence.

        >>> Answer("A*x", {}, None).reason
        'It is undefined on some rows for all constants that were tried.'
        """
        if self.candidate is None:
            return "It is undefined on some rows for all constants that were tried."
        if self.chosen:
            return "It is the best formula."
        if self.lead >= SPOKEN:
            return "The rows speak against it: the best formula explains them better."
        if self.lead > 0:
            return "The rows do not tell it from the best formula, which has a little more evidence."
        return "The rows do not speak against it: the best formula predicts rows left out as well."

    def __str__(self) -> str:
        shown = ", ".join(f"{name} = {constant}" for name, constant in self.constants.items())
        error = "" if self.candidate is None else f"; error {self.candidate.error:.2g}"
        return f"Your guess {self.text}: {shown or 'no constants'}{error}. {self.reason}"
