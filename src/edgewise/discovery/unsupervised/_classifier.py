"""A network that tells real rows from rows torn apart, and what it says about the columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from scipy.special import expit

from edgewise._typing import Array
from edgewise.nn import KAN
from edgewise.train import Options, Outcome, fit

Blocks = Sequence[Sequence[int]]

SURE = 4.0  # standard deviations above shuffled rows from which held-out rows count as recognised
_SHUFFLES = 199  # of the held-out rows: the least p is 1/200
_REPEATS = 20  # shuffles that a share of the evidence is averaged over
_COPIES = 3  # shuffled rows for each real one
_GRID = 5
_UNHARMED = 0.05  # of the evidence: two parts whose separation costs less are not tied; more where rows are few
_MOST = 8  # columns up to which every split in two is tried


@dataclass(frozen=True)
class Evidence:
    """How well held-out real rows are recognised: z over shuffled ones, permutation p-value, area under the ROC."""

    z: float
    p: float
    auc: float

    @property
    def sure(self) -> bool:
        return self.z >= SURE and self.p <= 2 / (_SHUFFLES + 1)


class Classifier:
    """A trained network on some columns of ranks, the first `held` rows held out.

    `blocks` are the columns that were shuffled together. The output is the log odds of a row being real; the evidence
    is the mean probability over held-out rows, which under independence of the blocks is exchangeable with that of
    shuffled rows.
    """

    def __init__(self, ranks: Array, held: int, blocks: Blocks, widths: Sequence, seed: int) -> None:
        self.held, train, self.blocks = ranks[:held], ranks[held:], blocks
        self.columns = sorted(column for block in blocks for column in block)
        self._rng = np.random.default_rng([seed, 1])
        copies = [shuffled(train, blocks, self._rng) for _ in range(_COPIES)]
        rows = np.concatenate([train, *copies])[:, self.columns]
        real = np.repeat([1.0, 0.0], [len(train), _COPIES * len(train)])
        model = KAN([len(self.columns), *widths, 1], grid=_GRID, seed=seed)
        options = Options(seed=seed, progress=False, test=0)
        result = fit(model, rows, real, loss="cross_entropy", grids=[_GRID], options=options)
        if result.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        self._model = result.model
        self._own = self._odds(self.held)
        self.real = float(expit(self._own).mean())

    def _odds(self, rows: Array) -> Array:
        with torch.no_grad():
            return self._model(torch.from_numpy(rows[:, self.columns]))[:, 0].numpy()

    def _shuffles(self, blocks: Blocks, count: int) -> Array:
        """Log odds of the held-out rows shuffled `count` times, (count, n)."""
        copies = [shuffled(self.held, blocks, self._rng) for _ in range(count)]
        return self._odds(np.concatenate(copies)).reshape(count, -1)

    def evidence(self) -> Evidence:
        odds = self._shuffles(self.blocks, _SHUFFLES)
        means = expit(odds).mean(1)
        z = (self.real - means.mean()) / max(means.std(), 1e-12)
        p = (1 + int((means >= self.real).sum())) / (_SHUFFLES + 1)
        return Evidence(float(z), p, area(self._own, odds.ravel()))

    def cost(self, blocks: Blocks) -> float:
        """The share of the evidence that is lost when the blocks, each in itself together, are torn from the rest."""
        whole = self.real - float(expit(self._shuffles(self.blocks, _REPEATS)).mean())
        return (self.real - float(expit(self._shuffles(blocks, _REPEATS)).mean())) / max(whole, 1e-12)

    def _harmed(self, columns: Sequence[int]) -> bool:
        return self.cost([columns]) > max(_UNHARMED, len(self.held) ** -0.5)

    def needed(self) -> list[int]:
        """The columns whose tearing out alone costs evidence."""
        return [column for column in self.columns if self._harmed([column])]

    def parts(self, columns: Sequence[int]) -> list[list[int]]:
        """The columns in groups that can be shuffled against each other without loss."""
        if not 2 < len(columns) <= _MOST:
            return [list(columns)]
        first, *others = columns
        halves = [[first, *some] for size in range(len(others)) for some in combinations(others, size)]
        cheapest = min(halves, key=lambda half: self.cost([half]))
        if self._harmed(cheapest):
            return [list(columns)]
        return [*self.parts(cheapest), *self.parts([c for c in columns if c not in cheapest])]


def area(real: Array, torn: Array) -> float:
    """Return the chance that a real row scores above a torn one, ties by half: the area under the ROC curve.

    >>> area(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    from scipy.stats import mannwhitneyu  # half a second to import

    return float(mannwhitneyu(real, torn, method="asymptotic").statistic / (len(real) * len(torn)))


def shuffled(rows: Array, blocks: Blocks, rng: np.random.Generator) -> Array:
    """The rows with the columns of each block permuted by one permutation; columns in no block stay."""
    out = rows.copy()
    for block in blocks:
        out[:, block] = rows[rng.permutation(len(rows))][:, block]
    return out


def ranked(x: Array) -> Array:
    """Each column as ranks from -1 to 1, ties at their mean: no unit, no outlier, and no change of what is tied."""
    from scipy.stats import rankdata  # half a second to import

    return (2 * rankdata(x, axis=0) - 1) / len(x) - 1


def merged(blocks: Blocks, columns: Sequence[int]) -> list[list[int]]:
    """The blocks, those that touch `columns` made one."""
    touched = [block for block in blocks if {*block} & {*columns}]
    rest = [[*block] for block in blocks if not {*block} & {*columns}]
    one = sorted(column for block in touched for column in block)
    return [*rest, one] if one else rest
