"""What a formula that was found is worth: accuracy, exactness, form, size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array, Formula
from edgewise.expressions import evaluate
from edgewise.measure.benchmarks.formulas._form import deviation, refitted, size, within_bound
from edgewise.measure.benchmarks.formulas._laws import Law
from edgewise.measure.benchmarks.formulas._solution import solution

ROWS = 2000
_ACCURATE, _EXACT, _SOMEWHAT = 0.999, 1e-6, 0.5


@dataclass(frozen=True)
class Verdict:
    """A judgement on clean rows that the search has not seen.

    r2: of the predictions. accurate: r2 > 0.999. exact: the largest |f - y| / max(|y|, 1e-3 std y) is below 1e-6.
    solved: SRBench's symbolic solution, and what decided it. form: right but for the values of constants. size,
    truth_size: operations; within: size <= 2 truth_size + 3.
    """

    r2: float
    accurate: bool
    exact: bool
    solved: bool
    decided: str
    form: bool
    size: int
    truth_size: int
    within: bool


def judge(found: Formula, predicted: Array, law: Law, seed: int) -> Verdict:
    """Judge a formula for a law; `predicted` are the library's own values at `law.fresh(ROWS, seed)`.

    What r2 <= 0.5 is, as in SRBench, not looked at further.
    """
    x = law.fresh(ROWS, seed)
    y = law.values(x)
    r2 = _r2(predicted, y)
    exact = deviation(evaluate(found, law.names, x), y) < _EXACT
    near = exact or r2 > _SOMEWHAT
    solved = solution(found, law.truth, law.symbols(), x) if near else None
    form = near and (exact or refitted(found, law.truth, law.names, x, y).right)
    return Verdict(
        r2, r2 > _ACCURATE, exact, bool(solved and solved.solved), solved.decided if solved else "r2", form,
        size(found), size(law.truth), within_bound(found, law.truth),
    )  # fmt: skip


def _r2(predicted: Array, y: Array) -> float:
    with np.errstate(all="ignore"):
        r2 = 1 - float(np.mean((predicted - y) ** 2) / y.var())
    return r2 if np.isfinite(r2) else float("-inf")
