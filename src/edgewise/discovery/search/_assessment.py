"""What formulas are worth on rows that they were not fitted to, and how they agree with a network around the rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array, Formula
from edgewise.discovery.judging import Once, at_once, binary_names, lines_of_binaries, two_valued
from edgewise.discovery.models import Ceiling
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import Table
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate
from edgewise.formulas.programs import Program, fit, is_tame, probe


@dataclass(frozen=True)
class Assessed:
    """A formula and its mean squared errors over the variance of the target.

    error: on the rows; held_out: on rows left out of the fit of its constants; near and far:
    distances to the network at the rows and outside of them (0 without a network).
    """

    expression: Formula
    program: Program | None
    error: float
    held_out: float
    near: float = 0.0
    far: float = 0.0


class Assessor:
    """Measures formulas on one table by cross-validation, and by agreement with the best flexible model of it."""

    def __init__(
        self, table: Table, ceiling: Ceiling | None, seed: int, once: Once = at_once, *, keeps_form: bool = False
    ) -> None:  # fmt: skip
        folds, few_folds, few = 5, 10, 50
        judged = 2000  # rows of a cross-validation
        rng = np.random.default_rng(seed)
        self.table, self.names, self.x, self.y = table, table.names, table.x, table.y
        self.weights, y = table.weight**2, table.y
        self.mean = float(np.average(y, weights=self.weights))
        self.variance = float(np.average((y - self.mean) ** 2, weights=self.weights)) or 1.0
        self.judged = np.sort(rng.permutation(len(y))[:judged])
        count = folds if len(y) >= few else min(few_folds, len(y))
        self.folds = rng.permutation(len(self.judged)) % count
        self.probe = probe(table.x, rng)
        self.binary = binary_names(table.names, table.x)
        self.two_valued = two_valued(table.names, table.x) if not keeps_form else {}
        self.low, self.high = float(y.min()), float(y.max())
        self.ceiling, self.once = ceiling, once
        if ceiling is not None:
            self._look_at(ceiling, rng)

    def _look_at(self, ceiling: Ceiling, rng: np.random.Generator) -> None:
        """Take the values of the network at the rows, between them and outside."""
        outside = 1000  # points on lines through two rows ...
        reach = 0.6  # ... up to this part of their distance beyond them
        rows = self.x[self.judged]
        self.between = _on_lines(rows, rng, TUNING.between, 0.0)
        self.outside = _on_lines(rows, rng, outside, reach)
        self.at_rows, self.at_between, self.at_outside = (
            ceiling.predict(points) for points in (rows, self.between, self.outside)
        )

    @property
    def _network(self) -> float | None:
        """What tells the network from others of the table."""
        return None if self.ceiling is None else self.ceiling.held_out

    def program(self, program: Program) -> list[Assessed]:
        """Return a program with constants fitted to the rows, and to rows and network; none where it is not tame."""
        plain = self._assessed(program, None)
        if self.ceiling is None:
            return [plain] if plain else []
        return [found for found in (plain, self._assessed(program, self.ceiling)) if found]

    def _assessed(self, program: Program, ceiling: Ceiling | None) -> Assessed | None:
        about = program, ceiling is not None, self._network
        return self.once("assessed", about, lambda: self._refitted(program, ceiling))

    def _refitted(self, program: Program, ceiling: Ceiling | None) -> Assessed | None:
        same = 1e-6  # of the range of the target: how far a written formula may be from its program
        x, y, w = self.x[self.judged], self.y[self.judged], self.weights[self.judged]
        folds = self.folds
        if ceiling is not None:
            x, y = np.vstack([x, self.between]), np.concatenate([y, self.at_between])
            w = np.concatenate([w, np.full(TUNING.between, w.sum() / TUNING.between)])
            folds = np.concatenate([folds, np.full(TUNING.between, -1)])
        fitted = fit(program, x, y, w)
        if not math.isfinite(fitted.error) or not is_tame(fitted.program, self.probe, self.low, self.high):
            return None
        held = self._held_out(fitted.program, x, y, w, folds)
        values = fitted.program.predict(self.x)
        expression = lines_of_binaries(fitted.program.expression(self.names, self.table.positive), self.two_valued)
        written = evaluate(expression, self.names, self.x)
        if not np.abs(written - values).max() <= same * (self.high - self.low):  # numbers too large for doubles
            return None
        return self._measured(expression, fitted.program, values, held, fitted.program.predict)

    def _held_out(self, program: Program, x: Array, y: Array, w: Array, folds: Array) -> Array:
        """Return predictions of the judged rows; rows of the network, fold -1, always count."""
        predicted = np.full(len(self.judged), np.nan)
        for fold in range(int(self.folds.max()) + 1):
            out = folds == fold
            fitted = fit(program, x[~out], y[~out], w[~out], TUNING.refit)
            if math.isfinite(fitted.error):
                predicted[out[: len(predicted)]] = fitted.program.predict(x[out])
        return predicted

    def formula(self, expression: Formula) -> Assessed | None:
        """Return a formula as it stands; on the rows left out, its Float constants are fitted again."""
        return self.once("held out", (expression, self._network), lambda: self._formula(expression))

    def _formula(self, expression: Formula) -> Assessed | None:
        values, predicted = evaluate(expression, self.names, self.x), self.left_out(expression)
        return self._measured(expression, None, values, predicted, lambda rows: evaluate(expression, self.names, rows))

    def left_out(self, expression: Formula) -> Array:
        """Return the values of a formula for the judged rows, each by constants that were fitted without it."""
        free = FreeFormula.of(expression)
        x, y = self.x[self.judged], self.y[self.judged]
        root = np.sqrt(self.weights[self.judged])
        predicted = np.full(len(y), np.nan)
        for fold in range(int(self.folds.max()) + 1):
            out = self.folds == fold
            data = FitData.of(self.names, x[~out], y[~out], root[~out])
            fitted = free.fit(data, TUNING.refit) if free.symbols else free
            known = fitted if math.isfinite(fitted.error) or not free.symbols else free
            predicted[out] = known.at(list(x[out].T), self.names)
        return predicted

    def differ(self, one: Formula, other: Formula) -> float:
        """Return how many standard errors one formula's mean squared error on rows left out is above another's."""
        y, w = self.y[self.judged], self.weights[self.judged]
        with np.errstate(all="ignore"):
            squares = [w * (self.left_out(each) - y) ** 2 for each in (one, other)]
            apart = squares[0] - squares[1]
            found = math.sqrt(len(y)) * float(apart.mean()) / max(float(apart.std(ddof=1)), 1e-300)
        return found if math.isfinite(found) else math.inf

    def _measured(
        self, expression: Formula, program: Program | None, values: Array, held: Array,
        predict: Callable[[Array], Array],
    ) -> Assessed | None:  # fmt: skip
        farthest = 100.0  # variances: distances to the network beyond count as this one
        if not np.isfinite(values).all():
            return None
        with np.errstate(all="ignore"):
            error = float(np.average((values - self.y) ** 2, weights=self.weights)) / self.variance
        w = self.weights[self.judged]
        with np.errstate(all="ignore"):
            squares = (np.where(np.isfinite(held), held, np.inf) - self.y[self.judged]) ** 2
        held_out = float(np.average(squares, weights=w)) / self.variance
        if not math.isfinite(held_out):
            return None
        if self.ceiling is None:
            return Assessed(expression, program, error, held_out)
        with np.errstate(all="ignore"):
            near = float(np.average((values[self.judged] - self.at_rows) ** 2, weights=w)) / self.variance
            away = (predict(self.outside) - self.at_outside) ** 2 / self.variance
            far = float(np.minimum(np.where(np.isfinite(away), away, farthest), farthest).mean())
        return Assessed(expression, program, error, held_out, near, far)

    def cost(self, found: Assessed, complexity: int) -> float:
        """Return what `best` minimizes.

        n/2 log(min(C + (N + D) + (N + E), 12 (1 + min(C / 0.02, 1) 100/n) C)) + 0.1 complexity

        C is the held-out error, N the network's own, D and E the distances to it at the rows and outside.
        The network is no witness where it explains next to nothing, and none against a formula that leaves far less
        than it does: the fewer rows of noisy tables, the less, because formulas are chosen by the same rows.
        """
        poor = 4.0  # times the held-out error of a formula: the network's own with which it is no witness against it
        few_rows = 100  # with which it must leave half as much as with many, if it leaves ...
        noisy = 0.02  # ... that part of the variance or more
        blind = 0.9  # mean squared error of a network, over the variance, with which it is no witness at all
        total = found.held_out
        if self.ceiling is not None and self.ceiling.held_out**2 < blind:
            own = self.ceiling.held_out**2
            total += (own + found.near) + (own + found.far)
            lenient = 1 + few_rows / len(self.y) * min(found.held_out / noisy, 1.0)
            total = min(total, 3 * poor * lenient * found.held_out)
        return len(self.y) / 2 * math.log(max(total, 1e-300)) + TUNING.per_complexity * complexity


def _on_lines(x: Array, rng: np.random.Generator, count: int, reach: float) -> Array:
    """Return points on lines through two rows; columns that are positive stay so."""
    share = rng.uniform(-reach, 1 + reach, (count, 1))
    points = x[rng.integers(len(x), size=count)] * share + x[rng.integers(len(x), size=count)] * (1 - share)
    positive = (x > 0).all(0)
    points[:, positive] = np.maximum(points[:, positive], 0.5 * x[:, positive].min(0))
    return points
