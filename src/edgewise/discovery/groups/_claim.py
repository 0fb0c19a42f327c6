"""What is claimed of a formula whose constants differ by group, by the rules of other searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.groups._fit import GroupedFit, GroupedRows
from edgewise.discovery.judging import LEAD, Contest, Evidence, Outcome, Rival, as_given, as_text, encompassing, wild
from edgewise.discovery.models import Ceiling
from edgewise.discovery.residuals import inspect
from edgewise.discovery.search import TUNING
from edgewise.discovery.tables import EXACT, adequate
from edgewise.formulas.expressions import FitData, evaluate


@dataclass(frozen=True)
class Claim:
    """What may be said of the best of the fits of `others`.

    The rows are looked at as if all were of the mean group: what their groups differ by is taken off. On these the
    rules of `search/_verdict.py` hold for the formula of the mean constants. Forms compare by the marginal likelihood.
    `noise` is that over the target's standard deviation where it is given, `known` whether each row's is.
    """

    best: GroupedFit
    others: Sequence[GroupedFit]
    rows: GroupedRows
    noise: float | None = None
    known: bool = False
    seed: int = 0
    floor: float = field(default=0.0)

    @cached_property
    def residual(self) -> Array:
        """The weighted residuals (n,), over the standard deviation of y."""
        return self.rows.weight * (self.rows.y - self._fitted)

    @cached_property
    def _fitted(self) -> Array:
        return self.best.fit.predict(self.rows.x, self.rows.codes)[0]

    @cached_property
    def _mean(self) -> Array:
        return evaluate(self.best.of_mean(), self.rows.names, self.rows.x)

    @cached_property
    def shifted(self) -> GroupedRows:
        """The rows without what their groups differ by from the mean."""
        return replace(self.rows, y=self.rows.y - self._fitted + self._mean)

    @cached_property
    def contest(self) -> Contest:
        """What tells forms apart, on these rows."""
        rows = self.shifted
        return Contest(FitData.of(rows.names, rows.x, rows.y, rows.weight), self.noise or 0.0)

    def outcome(self) -> Outcome | None:
        """Return what is claimed, or why nothing is; None where the formula is an approximation."""
        clear = 0.02  # error below which noise is claimed of few rows, too
        rows_each = 4  # rows for each constant of a law that leaves noise
        n, best = len(self.rows.y), self.best
        if not any(term.free_symbols for term in best.shape.terms):
            return None
        if best.error < EXACT:
            return Outcome.EXACT if 2 * best.constants <= n and self._rounding() else None
        given = self.noise is not None
        if given and not best.error <= adequate(self.noise or 0.0, n):
            return None
        if self.known and not as_given(self.residual / (self.noise or 1.0), best.constants):
            return None
        if self._misfit() or self._seen_by_network():
            return None
        enough = max(TUNING.many, TUNING.per_input * len(self.rows.names))
        if n < rows_each * best.constants or not (best.error < clear or n >= enough or given):
            return Outcome.TOO_FEW_ROWS
        if wild(best.of_mean(), self.rows.names, self.rows.x, self.shifted.y):
            return Outcome.UNSEEN
        return Outcome.AMBIGUOUS if self.rivals else Outcome.NOISE

    def _rounding(self) -> bool:
        """Return whether an exact formula leaves rounding: next to nothing, or what depends on no input."""
        rounding = 1e-12  # of the standard deviation: that much is always rounding
        return self.best.error <= rounding or not self._depends()

    def _depends(self) -> bool:
        return inspect(self.rows.x, self.residual, ordered=False).misfit

    def _misfit(self) -> bool:
        """Return whether residuals depend on inputs, or the rows do not determine the mean constants."""
        rows = self.shifted
        data = FitData.of(rows.names, rows.x, rows.y, rows.weight)
        return self._depends() or not self.best.fit.uncertainty(data).determined

    def _seen_by_network(self) -> bool:
        """Return whether a network knows something of the residuals, or predicts rows left out better."""
        missed = 0.005  # that noise alone lets the network know as much of the residuals
        rows = self.shifted
        network = Ceiling.of(rows.names, rows.x, rows.y, rows.weight**2, seed=self.seed)
        places, values = network.left_out()
        weight, mean = rows.weight[places], self._mean[places]
        left, known = weight * (rows.y[places] - mean), weight * (values - mean)
        own, other = float(np.mean(left**2)), float(np.mean((left - known) ** 2))
        better = len(rows.y) / 2 * math.log(max(own, 1e-300) / max(other, 1e-300)) > TUNING.doubt
        return better or encompassing(left, known) < missed

    @cached_property
    def rivals(self) -> tuple[Rival, ...]:
        """The forms that the best does not lead by enough, closest first; none of which it is a special case."""
        found = {as_text(fit.of_mean()): Rival(fit.of_mean(), lead) for lead, fit in reversed(self._near)}
        return tuple(found.values())[::-1]

    @cached_property
    def _near(self) -> list[tuple[float, GroupedFit]]:
        most = 40  # forms that are compared
        law = self.contest.entry(self.best.of_mean())
        near = sorted(((self._lead(fit), fit) for fit in self.others), key=lambda pair: pair[0])
        near = [] if law is None else [(lead, fit) for lead, fit in near[:most] if lead < LEAD]
        entries = [self.contest.entry(fit.of_mean()) for _, fit in near]
        return [
            pair for pair, entry in zip(near, entries, strict=True)
            if entry is not None and law is not None and not self.contest.contains(entry, law)
        ]  # fmt: skip

    def _lead(self, fit: GroupedFit) -> float:
        return fit.cost(self.floor) - self.best.cost(self.floor)

    def evidence(self, front: Sequence[GroupedFit]) -> Evidence:
        """Return how far the best leads each of a front, and the likeliest forms that are not on it."""
        negligible = 12.0  # lead over forms whose weight is nothing
        others = [lead for lead, fit in self._near if lead < negligible and not any(fit is each for each in front)]
        return Evidence(tuple(map(self._lead, front)), tuple(others))
