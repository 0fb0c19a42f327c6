"""Tables made by a seed: laws without noise and with each kind of it, and targets that follow no short formula."""

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.measure.benchmarks.formulas import RandomLaw
from edgewise.measure.benchmarks.outcomes._functions import Target, kink, smooth, step

KINDS = {
    "exact": 40, "additive": 40, "relative": 20, "counts": 20, "outliers": 20, "smooth": 30, "steps": 15, "kinks": 15,
}  # fmt: skip
"""How many tables of each kind a seed makes."""

COUNT = sum(KINDS.values())
_ROWS = (20, 40, 80, 150, 300, 600)
_FRESH = 2000
_LAWS, _VARIABLES = 10_000, 4  # the seeds of the laws begin there; how many variables they have at most
_SPARE, _MOST_SPARE = 1 / 3, 2  # share of the tables with inputs that have no effect, and how many at most
_ADDITIVE, _RELATIVE, _MEANS = (0.01, 0.05, 0.2), (0.02, 0.1), (5.0, 20.0, 80.0)
_LEAST = 0.5  # of the expected counts, the mean of which is one of those
_OUTLIERS, _NEAR, _FAR = 0.03, 0.3, 2.0  # share of the rows, and how far they are, in standard deviations
_SLIGHT = 0.02  # noise of half of the targets that follow no formula


class MadeTable(NamedTuple):
    """Rows x (n, inputs) with y (n,) and its value without noise, and fresh rows of the same kind without noise."""

    kind: str
    names: tuple[str, ...]
    x: Array
    y: Array
    clean: Array
    fresh: Array
    truth: Array
    formula: str


def made_table(seed: int, number: int) -> MadeTable:
    """Return a table of a seed, number 0 to 199: the kinds take turns in the order of `KINDS`, while they last.

    >>> table = made_table(1, 1)
    >>> table.kind, table.x.shape[0] == len(table.y), table.truth.shape
    ('additive', True, (2000,))
    """
    kind = _kinds()[number]
    rng = np.random.default_rng([seed, number])
    target, formula = _target(kind, _LAWS + COUNT * seed + number, rng)
    spare = int(rng.integers(1, _MOST_SPARE + 1)) if rng.random() < _SPARE else 0
    low, high = np.array([*target.ranges, *[(0.0, 1.0)] * spare]).T
    rows = int(rng.choice(_ROWS))
    x, fresh = (rng.uniform(low, high, (count, len(low))) for count in (rows, _FRESH))
    inputs = len(target.ranges)
    clean, truth = target.values(x[:, :inputs]), target.values(fresh[:, :inputs])
    if kind == "counts":  # a law of the same form that is positive
        shift, mean = truth.min(), rng.choice(_MEANS)
        scale = (mean - _LEAST) / (truth.mean() - shift)
        clean, truth = (_LEAST + scale * np.maximum(of - shift, 0.0) for of in (clean, truth))
    names = tuple(f"x{k + 1}" for k in range(len(low)))
    return MadeTable(kind, names, x, _noisy(kind, clean, truth.std(), rng), clean, fresh, truth, formula)


def _kinds() -> list[str]:
    """Return the kind of each table of a seed."""
    return [kind for turn in range(max(KINDS.values())) for kind, count in KINDS.items() if turn < count]


def _target(kind: str, seed: int, rng: np.random.Generator) -> tuple[Target, str]:
    """Return what the rows follow, and its formula if it has one."""
    others = {"smooth": smooth, "steps": step, "kinks": kink}
    if kind in others:
        return others[kind](rng), ""
    law = RandomLaw(f"{seed}.{rng.integers(_VARIABLES)}")
    return Target(law.values, law.ranges), law.formula


def _noisy(kind: str, clean: Array, deviation: float, rng: np.random.Generator) -> Array:
    normal = rng.standard_normal(len(clean))
    if kind == "additive":
        return clean + rng.choice(_ADDITIVE) * deviation * normal
    if kind == "relative":
        return clean * (1 + rng.choice(_RELATIVE) * normal)
    if kind == "counts":
        return rng.poisson(clean).astype(np.float64)
    if kind == "outliers":
        far = rng.random(len(clean)) < _OUTLIERS
        size = rng.uniform(_NEAR, _FAR, len(clean)) * rng.choice((-1, 1), len(clean))
        return clean + deviation * (_SLIGHT * normal + far * size)
    if kind != "exact" and rng.random() < 0.5:
        return clean + _SLIGHT * deviation * normal
    return clean
