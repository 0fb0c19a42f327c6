"""How much the rows speak for each formula of a front."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.discovery.judging import Candidate, Evidence, Outcome, criterion
from edgewise.formulas.expressions import FitData, FreeFormula

_STEPS = 30


class Rule(NamedTuple):
    """How evidence becomes weights: its power, and the weight of forms that were not found, more without a lead."""

    power: float
    absent: float
    doubt: float
    clear: float

    def shares(self, evidence: Evidence) -> Array:
        """Return the weights of a front's formulas."""
        leads = np.sort([*evidence.leads, *evidence.others])
        raw = np.exp(-self.power * (leads - leads[0]) / 2)
        own = np.exp(-self.power * (np.array(evidence.leads) - leads[0]) / 2)
        lead = leads[1] - leads[0] if len(leads) > 1 else 0.0
        return (1 - self.absent - self.doubt * math.exp(-lead / self.clear)) * own / raw.sum()


RULE = Rule(power=0.25, absent=0.11, doubt=0.49, clear=150.0)
_ALONE = RULE._replace(absent=0.0, doubt=0.0)


def weights_of(evidence: Evidence, outcome: Outcome) -> Array:
    """Return the weight of each formula of a front; what they lack to 1 is that of all other forms.

        weight = (1 - absent) exp(-lead / 8) / sum of exp(-lead / 8) over all forms assessed
        absent = 0.11 + 0.49 exp(-lead of the first over the second / 150); 0 where the best formula is exact

    lead: the difference of its criterion to that of the best formula (`Contest.lead`). exp(-lead / 2) would be the
    evidence of models fixed beforehand. Forms that were chosen by the same rows are mostly not the truth: therefore
    its fourth root, as if there were a quarter of the rows.

    >>> weights_of(Evidence((0.0, 8.0), (12.0,)), Outcome.NOISE).round(2)
    array([0.27, 0.1 ])
    >>> weights_of(Evidence((0.0, 800.0), (1200.0,)), Outcome.NOISE).round(2)
    array([0.89, 0.  ])

    Source: Schwarz, Estimating the dimension of a model (1978); evidence to a power: Grünwald and van Ommen,
    Inconsistency of Bayesian inference for misspecified linear models, and a proposal for repairing it (2017). The
    numbers were chosen on made tables: docs/discovery.md.
    """
    return (_ALONE if outcome is Outcome.EXACT else RULE).shares(evidence)


def evidence_of(candidates: Sequence[Candidate], best: Candidate, rows: int, noise: float) -> Evidence:
    """Return the evidence of a front alone, by the errors and sizes of its formulas as they stand."""
    costs = [criterion(c.error, c.complexity + c.fitted, rows, noise) for c in candidates]
    own = criterion(best.error, best.complexity + best.fitted, rows, noise)
    return Evidence(tuple(cost - own for cost in costs))


def stability_of(
    candidates: Sequence[Candidate], data: FitData, noise: float, resamples: int = 50, seed: int = 0
) -> Array:
    """Return the fraction of resampled tables on which each candidate has the lowest criterion, constants refitted.

    A resampled table draws as many rows, with replacement (the bootstrap).

    Errors: InputError unless resamples is at least 1 and the seed a whole number.
    """
    if not is_int(resamples, 1):
        raise InputError(f"'resamples' must be an int of at least 1. Got {resamples!r}.")
    if not is_int(seed, 0, 2**62 - 1):
        raise InputError(f"'seed' must be an int from 0 to 2^62. Got {seed!r}.")
    rng = np.random.default_rng(seed)
    free = [FreeFormula.of(candidate.expression) for candidate in candidates]
    sizes = [candidate.complexity + candidate.fitted for candidate in candidates]
    wins = np.zeros(len(candidates))
    for _ in range(resamples):
        keep = rng.integers(data.n, size=data.n)
        again = FitData.of(data.names, np.column_stack(data.columns)[keep], data.y[keep], data.weight[keep])
        errors = [formula.fit(again, _STEPS).error for formula in free]
        costs = [
            criterion(error, size, data.n, noise) if np.isfinite(error) else np.inf
            for error, size in zip(errors, sizes, strict=True)
        ]
        wins[int(np.argmin(costs))] += 1
    return wins / resamples
