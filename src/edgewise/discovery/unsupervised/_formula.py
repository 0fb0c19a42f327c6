"""The equation of columns that are tied: one of them, or its square, as a formula of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from sympy import Basic

from edgewise._deadline import Deadline, cut
from edgewise._typing import Array, Formula
from edgewise.discovery import Outcome, discover
from edgewise.discovery.unsupervised._search import DETERMINED, ranked, remainder


@dataclass(frozen=True)
class Equation:
    """left = right.

    `exact` tells that the equation holds to rounding, `settled` that what it leaves is rounding or noise.

    Parameters
    ----------
    left
        The left side.
    right
        The right side.
    error
        Root mean square of the difference over the standard deviation of the left side.
    outcome
        How the search for the right side ended.
    """

    left: Formula
    right: Formula
    error: float
    outcome: Outcome

    @property
    def exact(self) -> bool:
        return self.outcome is Outcome.EXACT

    @property
    def settled(self) -> bool:
        return self.outcome in (Outcome.EXACT, Outcome.NOISE)

    def sympy(self) -> Basic:
        """The equation as `sympy.Eq`, its symbols named by the columns."""
        return sympy.Eq(self.left, self.right, evaluate=False)

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


def equation(x: Array, names: Sequence[str], solved: int | None, seed: int, deadline: Deadline) -> Equation | None:
    """The first side that `discover` explains by the other columns, else the one that it explains best, or None.

    Explained is what leaves only rounding or noise, or less than local planes through neighboring rows do: where the
    inputs have noise too, no formula reaches a network's error.

    x (n, m) holds the tied columns only. `solved` is tried first, then other columns that are determined; where none
    is, squares, of which an equation with several branches may be a function.
    """
    longest = 20.0  # of one side
    least = 0.5  # seconds below which a side is not begun
    poor = 0.3  # of the left side's spread: a formula that leaves more is none
    best: Equation | None = None

    def explain() -> None:
        nonlocal best
        for left, values, column, plain in _sides(x, names, solved):
            seconds = deadline.left()
            if seconds < least:
                break
            others = [k for k in range(len(names)) if k != column]
            inputs = [names[k] for k in others]
            limit = min(seconds, longest)
            found = discover(x[:, others], values, inputs, target=str(left), seed=seed, time_limit=limit)
            right, error = found.best.expression, found.best.error
            new = Equation(left, right, error, found.outcome) if error <= poor and right.free_symbols else None
            if new is not None and (best is None or new.error < best.error):
                best = new
            if new is not None and (new.settled or new.error < plain):
                break

    cut(deadline, explain)
    return best


def _sides(x: Array, names: Sequence[str], solved: int | None) -> Iterator[tuple[Formula, Array, int, float]]:
    """What may stand on the left, its values, its column, and what local planes leave of it."""
    n_rows = 1500
    columns = range(x.shape[1])
    ranks = ranked(x[np.random.default_rng(0).permutation(len(x))[:n_rows]])
    left = {j: remainder(ranks, j, [k for k in columns if k != j]) for j in columns}
    determined = sorted((j for j in columns if left[j] < DETERMINED), key=lambda j: (j != solved, left[j]))
    for j in determined:
        yield sympy.Symbol(names[j]), x[:, j], j, left[j]
    if not determined:
        for j in columns:
            yield sympy.Symbol(names[j]) ** 2, x[:, j] ** 2, j, 0.0
