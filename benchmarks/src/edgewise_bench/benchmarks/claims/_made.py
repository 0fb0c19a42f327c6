"""Tables made by a seed: laws without noise and with each kind of it, and targets that follow no short formula."""

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise_bench.benchmarks.claims._functions import Target, kink, nothing, pole, smooth, step
from edgewise_bench.benchmarks.claims._noise import as_counts, noisy
from edgewise_bench.benchmarks.formulas import RandomLaw

KINDS = {
    "exact": 40, "additive": 40, "relative": 20, "counts": 20, "outliers": 20, "smooth": 30, "steps": 15, "kinks": 15,
    "hidden": 20, "serial": 20, "periodic": 10, "subjects": 20, "poles": 15, "few": 15,
    "nothing": 40,
}  # fmt: skip
"""How many tables of each kind a seed makes."""

COUNT = sum(KINDS.values())
_BLOCKS = ((0, 8), (8, 14), (14, 15))  # of the kinds: those of a block take turns
_ROWS, _FEW = (20, 40, 80, 150, 300, 600), (8, 12, 16, 20)
_FRESH = 2000
_LAWS, _EACH, _VARIABLES = 10_000, 200, 4  # the seeds of the laws begin there, so many for a seed; variables at most
_SPARE, _MOST_SPARE = 1 / 3, 2  # fraction of the tables with inputs that have no effect, and how many at most
_DRAWS = 400  # of a hidden input, over which the truth is a mean


class MadeTable(NamedTuple):
    """Rows x (n, inputs) with y (n,) and its value without noise, and fresh rows of the same kind without noise.

    Of a table with a hidden input, values without noise are means over it. `independent`: how many independent rows
    the rows are worth.
    """

    kind: str
    names: tuple[str, ...]
    x: Array
    y: Array
    clean: Array
    fresh: Array
    truth: Array
    formula: str
    independent: float


def made_table(seed: int, number: int) -> MadeTable:
    """Return a table of a seed, number 0 to 339: kinds take turns in the order of `KINDS`, while they last.

    >>> table = made_table(1, 1)
    >>> table.kind, table.x.shape[0] == len(table.y), table.truth.shape
    ('additive', True, (2000,))
    """
    kind = _kinds()[number]
    rng = np.random.default_rng([seed, number])
    target, formula = _target(kind, _LAWS + _EACH * seed + number, rng)
    spare = int(rng.integers(1, _MOST_SPARE + 1)) if rng.random() < _SPARE else 0
    low, high = np.array([*target.ranges, *[(0.0, 1.0)] * spare]).T
    rows = int(rng.choice(_FEW if kind in ("few", "nothing") else _ROWS))
    x, fresh = (rng.uniform(low, high, (count, len(low))) for count in (rows, _FRESH))
    if kind == "serial":  # the first input is like a time
        x = x[np.argsort(x[:, 0])]
    inputs = len(target.ranges)
    measured, truth = target.values(x[:, :inputs]), target.values(fresh[:, :inputs])
    clean = measured
    if kind == "hidden":
        hidden = int(rng.integers(inputs))
        clean, truth = (_averaged(target, of[:, :inputs], hidden, rng) for of in (x, fresh))
        x, fresh = np.delete(x, hidden, 1), np.delete(fresh, hidden, 1)
    if kind == "counts":  # a law of the same form that is positive
        measured, truth = as_counts(measured, truth, rng)
        clean = measured
    y, independent = noisy(kind, measured, truth.std(), rng)
    names = tuple(f"x{k + 1}" for k in range(x.shape[1]))
    return MadeTable(kind, names, x, y, clean, fresh, truth, formula, independent)


def _kinds() -> list[str]:
    """Return the kind of each table of a seed."""
    blocks = [list(KINDS.items())[first:last] for first, last in _BLOCKS]
    return [
        kind
        for block in blocks
        for turn in range(max(count for _, count in block))
        for kind, count in block
        if turn < count
    ]


def _target(kind: str, seed: int, rng: np.random.Generator) -> tuple[Target, str]:
    """Return what the rows follow, and its formula if it has one."""
    others = {"smooth": smooth, "steps": step, "kinks": kink, "poles": pole, "nothing": nothing}
    if kind in others:
        target = others[kind](rng)
        return target, target.formula
    fewest = 1 if kind == "hidden" else 0  # variables less one
    law = RandomLaw(f"{seed}.{rng.integers(fewest, _VARIABLES)}")
    return Target(law.values, law.ranges), law.formula


def _averaged(target: Target, x: Array, hidden: int, rng: np.random.Generator) -> Array:
    """Return the target's mean over a hidden input, which is uniform and independent of the others."""
    total = np.zeros(len(x))
    for value in rng.uniform(*target.ranges[hidden], _DRAWS):
        total += target.values(np.column_stack([*x.T[:hidden], np.full(len(x), value), *x.T[hidden + 1 :]]))
    return total / _DRAWS
