"""How large the noise of a table is: given, or told by residuals that look white."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from edgewise.discovery.judging import Candidate, Pool
from edgewise.discovery.models import Surrogate, neighbor_correlation
from edgewise.discovery.residuals import inspect
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import EXACT, Problem


def white_limit(rows: int) -> float:
    """Return the correlation of neighboring residuals up to which they look like noise."""
    return max(TUNING.white, TUNING.chance / math.sqrt(rows))


class NoiseLevel:
    """The noise that formulas are judged by, `pool.noise`, as it becomes known.

    `floor` is the least error of a model on rows that it was not fitted to.
    """

    def __init__(self, pool: Pool, given: float | None, rows: int, notes: list[str]) -> None:
        self.pool, self.notes = pool, notes
        self.given, self.rows = given, rows
        self.floor = math.inf

    def lower(self, error: float) -> None:
        """Take in the error of a model."""
        self.floor = min(self.floor, error)

    def is_white(self, columns: Tensor, residual: Tensor) -> bool:
        """Return whether residuals of neighbors are as little correlated as those of noise."""
        return neighbor_correlation(columns, residual) <= white_limit(self.rows)

    def seen_in(self, problem: Problem, surrogate: Surrogate | None) -> bool:
        """Return whether what a model leaves looks like noise: more freedom does not help, residuals are white."""
        if self.given is not None or surrogate is None or not surrogate.settled:
            return bool(self.given)
        return self.is_white(problem.columns, surrogate.residual) and 1e-4 < surrogate.error < TUNING.hopeless

    def assume(self, error: float) -> None:
        """Take a model's held-out error for the noise, unless a lower one is known."""
        if self.given is None and not 0 < self.pool.noise <= error:
            self.pool.assume(error)
            self.notes.append(
                f"A model's residuals look like white noise: their size, {error:.2g}, is taken as the noise level."
            )

    def correct(self, error: float) -> None:
        """Take an estimate back when a model comes far below it, and lower it when one comes below it."""
        lower = 0.95  # of the noise: a model's error that corrects it
        self.doubt(error)
        if self.given is None and error < lower * self.pool.noise:
            self.pool.assume(error)

    def doubt(self, error: float) -> None:
        """Take an estimate back when a model comes far below it."""
        if self.given is None and error < 0.5 * self.pool.noise:
            self.notes.append(f"A network reaches {error:.1e}: what looked like noise was not.")
            self.pool.assume(0.0)

    def settle(self, *, finished: bool = True) -> None:
        """Where no model's residuals told the noise but the best formula's do, round again with that noise.

        Of an unfinished search a constant is not noise, and nothing is before any model was tried.
        """
        best = self.pool.best()
        if best is None or not (finished or (math.isfinite(self.floor) and best.expression.free_symbols)):
            return
        if self.given is not None or self.pool.noise or not EXACT < best.error < TUNING.lawlike * self.floor:
            return
        if self.left_by(best) or (best.error > 1e-6 and self.leaves_noise(best.predict(self.pool.judge.x))):
            self.pool.assume(best.error)
            seen = "The residuals of the best formula look like white noise"
            self.notes.append(f"{seen}: its error, {best.error:.2g}, is taken as the noise level.")

    def left_by(self, law: Candidate) -> bool:
        """Return whether a formula of few constants leaves what depends on no input and looks like white noise."""
        judge = self.pool.judge
        enough = len(judge.y) >= max(TUNING.many, TUNING.per_input * judge.x.shape[1])
        if law.fitted > TUNING.convincing or not enough or not EXACT < law.error < TUNING.hopeless:
            return False
        residual = judge.weight * (law.predict(judge.x) - judge.y)
        ranks = np.argsort(np.argsort(residual)) - (len(residual) - 1) / 2  # in which a few large ones hide nothing
        x = torch.from_numpy(judge.x)
        return all(
            self.is_white(x, torch.from_numpy(left)) and not inspect(judge.x, left, ordered=False).misfit
            for left in (residual, ranks)
        )

    def leaves_noise(self, values: object) -> bool:
        """Return whether the residuals of values (n,) at the judged rows look like white noise."""
        judge = self.pool.judge
        residual = torch.from_numpy(judge.weight * (values - judge.y))
        return self.is_white(torch.from_numpy(judge.x), residual)
