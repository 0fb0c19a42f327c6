"""How formulas for a target are judged: by the loss of its family, on rows that constants were not fitted to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import sympy

from edgewise._extras import needed
from edgewise._typing import Array, Formula
from edgewise.estimators._tuning import TUNING
from edgewise.formulas.expressions import complexity, evaluate, shorten
from edgewise.tables.additive import Family

if TYPE_CHECKING:
    import pandas as pd

Select = Literal["best", "accurate", "simplest"]
Formulas = tuple[Formula, ...]
"""A formula for each output: one for a number or for two classes, otherwise one for each class."""


class FormulaFamily(Family, Protocol):
    """A family of additive models, whose eta is what formulas give, with the simplest formulas by its loss."""

    def unit(self, rows: TargetRows) -> float:
        """Return the loss that counts as one."""
        ...

    def constant(self, rows: TargetRows) -> Formulas:
        """Return the best constants."""
        ...

    def plane(self, rows: TargetRows) -> Formulas:
        """Return the best planes: what a formula has to beat."""
        ...


@dataclass(frozen=True)
class TargetRows:
    """Inputs x (n, m) by name, one target y (n,), numbers or the numbers of classes, and weights (n,).

    No row occurs twice, and they are sorted.
    """

    names: tuple[str, ...]
    x: Array
    y: Array
    weights: Array
    family: FormulaFamily

    @classmethod
    def of(cls, names: tuple[str, ...], x: Array, y: Array, weights: Array, family: FormulaFamily) -> TargetRows:
        """Return the rows; of equal ones the weights are added, so that a row of weight 2 is a row given twice."""
        merged, place = np.unique(np.column_stack([x, y]), axis=0, return_inverse=True)
        return cls(names, merged[:, :-1], merged[:, -1], np.bincount(place.ravel(), weights), family)

    def part(self, index: Array) -> TargetRows:
        """Return some of the rows."""
        return replace(self, x=self.x[index], y=self.y[index], weights=self.weights[index])

    def sample(self, count: int, seed: int) -> Array:
        """Return the places of up to `count` rows, drawn at random, in ascending order."""
        return np.sort(np.random.default_rng(seed).permutation(len(self.y))[:count])

    @property
    def prior(self) -> Array:
        """The outputs (k,) of the best constant, which stand in where a formula is undefined."""
        return self.family.start(self.y, self.weights)

    @property
    def count(self) -> float:
        """How many rows there are, equal ones too."""
        return float(self.weights.sum())

    def losses(self, formulas: Formulas, inside: TargetRows) -> Array:
        """Return the loss (n,) of each row by formulas that were fitted to the rows inside."""
        return self.family.loss(settled(outputs_of(formulas, self.names, self.x), inside.prior), self.y)


Fit = Callable[[TargetRows], Formulas]
"""Fits the constants of formulas to rows."""


def outputs_of(formulas: Sequence[Formula], names: tuple[str, ...], x: Array) -> Array:
    """Return the values (n, k) of formulas at inputs (n, m), not finite where one is undefined."""
    columns = [evaluate(each, names, x) if names else np.full(len(x), float(each)) for each in formulas]
    return np.column_stack([np.empty((len(x), 0)), *columns])


def settled(outputs: Array, prior: Array) -> Array:
    """Return outputs with the prior's in rows where one is not finite."""
    return np.where(np.isfinite(outputs).all(axis=1, keepdims=True), outputs, prior)


def text_of(expression: Formula) -> str:
    """Return a formula as text, with numbers of six digits."""
    return sympy.sstr(shorten(expression), full_prec=False)


def random_folds(count: int, seed: int) -> Array:
    """Return the number of each row's fold, (count,)."""
    return np.random.default_rng(seed).permutation(count) % min(TUNING.folds, count)


@dataclass(frozen=True, eq=False)
class Judged:
    """Formulas fitted to rows: their mean loss there, and when their constants are fitted to other rows.

    `losses` are the second ones, by row; their mean is what formulas are compared by. `recommended` marks what the
    search advises, `plain` the constant and the plane.
    """

    formulas: Formulas
    loss: float
    losses: Array
    recommended: bool = False
    plain: bool = False

    @property
    def held_out(self) -> float:
        """The mean loss on rows that the constants were not fitted to."""
        return float(self.losses.mean())

    @property
    def complexity(self) -> int:
        """How complex the formulas are together, as `edgewise.discover` counts."""
        return sum(map(complexity, self.formulas))

    @property
    def largest(self) -> int:
        """The complexity of the most complex of the formulas."""
        return max(map(complexity, self.formulas))

    @property
    def text(self) -> str | list[str]:
        """The formula with numbers of six digits; a list of several."""
        return alone([text_of(each) for each in self.formulas])

    def within(self, other: Judged) -> bool:
        """Return whether the mean loss is at most a standard error above that of others."""
        differences = self.losses - other.losses
        error = differences.std() / math.sqrt(max(len(differences), 1))
        return bool(differences.mean() <= TUNING.same_loss + error)


@dataclass(frozen=True)
class CrossValidation:
    """Rows that formulas are fitted to, and a sample of them, with the number of each row's fold, to judge them on."""

    rows: TargetRows
    sample: TargetRows
    folds: Array

    def judged(self, fit: Fit, *, recommended: bool = False, plain: bool = False) -> Judged:
        """Return the formulas that a fit gives, with the losses of those that it gives without each fold."""
        formulas, unit = fit(self.rows), self.rows.family.unit(self.rows)
        losses = np.empty(len(self.sample.y))
        for fold in range(int(self.folds.max()) + 1):
            out = self.folds == fold
            inside, held = self.sample.part(~out), self.sample.part(out)
            losses[out] = held.losses(fit(inside), inside) if len(inside.y) else held.losses(formulas, held)
        loss = np.average(self.rows.losses(formulas, self.rows), weights=self.rows.weights)
        losses *= self.sample.weights / self.sample.weights.mean() / unit
        return Judged(formulas, float(loss) / unit, losses, recommended, plain)

    def front(
        self, fits: Iterable[tuple[Fit, bool]], most: int | None, admits: Callable[[Formulas], bool] = lambda each: True
    ) -> list[Judged]:
        """Return what fits give, each with whether it is recommended, among the constant and the plane.

        But for the constant, none is more complex than `most`, and all are admitted. Of equal ones there is one.
        """
        family = self.rows.family
        plain = [family.constant, family.plane] if self.rows.names else [family.constant]
        every = [self.judged(fit, plain=True) for fit in plain]
        every += [self.judged(fit, recommended=recommended) for fit, recommended in fits]
        different: dict[str, Judged] = {}
        for k, each in enumerate(every):
            if k and not (math.isfinite(each.loss) and (most is None or each.largest <= most)):
                continue
            if k and not admits(each.formulas):
                continue
            same = different.get(str(each.text), each)
            recommended, plainly = same.recommended or each.recommended, same.plain or each.plain
            different[str(each.text)] = replace(each, recommended=recommended, plain=plainly)
        return list(different.values())


def choose(front: Sequence[Judged], select: Select) -> Judged:
    """Return what to take of formulas, simplest first.

    "accurate": the lowest loss on held-out rows. "simplest": the simplest one whose loss is within a standard error
    of the lowest. "best": the one that discovery recommends, unless a constant or a plane has a lower loss; if it
    recommends several, the simplest of them.
    """
    same, lowest = TUNING.same_loss, min(front, key=lambda each: each.held_out)
    if select == "accurate":
        return next(each for each in front if each.held_out <= lowest.held_out + same)
    if select == "simplest":
        return next(each for each in front if each.within(lowest))
    recommended = [each for each in front if each.recommended] or [lowest]
    least = min(recommended, key=lambda each: each.held_out)
    best = next(each for each in recommended if each.within(least))
    plain = [each for each in front if each.plain and each.held_out < best.held_out - same]
    return min(plain, key=lambda each: each.held_out, default=best)


def front_table(
    searched: Sequence[tuple[list[Judged], Judged]], names: tuple[str, str], shown: Callable[[float], float] = float
) -> pd.DataFrame:
    """Return fronts with what was chosen as a table; with several targets, the first column is the target's number.

    `names` are those of the losses on all rows and on held-out rows, of which `shown` makes the numbers of the table.
    """
    pd = needed("pandas")

    rows = [
        (k, each.complexity, shown(each.loss), shown(each.held_out), each.text, each is best)
        for k, (front, best) in enumerate(searched)
        for each in front
    ]
    table = pd.DataFrame(rows, columns=["target", "complexity", *names, "formula", "selected"])
    return table if len(searched) > 1 else table.drop(columns="target")


def alone(values: list[Any]) -> Any:
    """Return the only one of some values, or the list of several."""
    return values[0] if len(values) == 1 else values
