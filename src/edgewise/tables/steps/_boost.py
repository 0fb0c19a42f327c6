"""Sums of small trees by boosting, one for each fold: their average is the fit, the folds say when to stop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from typing import Literal, Protocol

import numpy as np

from edgewise._typing import Array
from edgewise.tables.steps._bins import Bins
from edgewise.tables.steps._cpu_growing import GIVEN, boost, columns_of
from edgewise.tables.steps._tables import Group, StepModel, Trees, tabulated
from edgewise.tables.steps._tuning import TUNING


class Loss(Protocol):
    """What is minimized: the sum of `loss` (n,) of eta (n, K), beginning at the constant `start`.

    `working` gives its parabola. `gradients` says which of the compiled gradients are its own, GIVEN for none.
    """

    @property
    def gradients(self) -> int: ...

    def start(self, y: Array, weights: Array) -> Array:
        """Return the eta (K,) of the best constant."""
        ...

    def working(self, eta: Array, y: Array, output: int) -> tuple[Array, Array]:
        """Return the eta (n,) of one output that would be best by the parabola of each row, and its curvature."""
        ...

    def loss(self, eta: Array, y: Array) -> Array:
        """Return the loss of each row."""
        ...


@dataclass(frozen=True)
class Manner:
    """How trees grow: a leaf at a time, or with one question for all of a level, where it competes with noise.

    depth: leaves of the one, levels of the other; share: of the rows that each sees; ridge: on the sums of a leaf;
    order: columns of a tree, at most.
    """

    kind: Literal["leafwise", "symmetric"]
    depth: int
    rate: float = TUNING.rate
    share: float = 1.0
    ridge: float = 1.0
    order: int = 3

    def at(self, rows: int) -> Manner:
        """Return the manner for a number of rows."""
        share = min(self.share, TUNING.many_rows / rows) if rows > TUNING.many_rows else self.share
        depth = TUNING.many_leaves if self.kind == "leafwise" and rows > TUNING.leafy_rows else self.depth
        return replace(self, rate=2 * self.rate if rows > TUNING.slow_rows else self.rate, share=share, depth=depth)


LEAFWISE = Manner("leafwise", 6, share=0.7)
SYMMETRIC = Manner("symmetric", 5, ridge=3.0)


@dataclass(frozen=True)
class Rows:
    """Columns x (n, d), of which `levels` hold numbers of levels, a target and weights (n,).

    `used` (d,): the columns that may take part; `allowed`: which two may interact; `strata`: whether the target's
    values are to be in all folds alike.
    """

    x: Array
    y: Array
    weights: Array
    levels: Sequence[bool]
    used: Array
    allowed: Callable[[tuple[int, int]], bool] = lambda pair: True
    strata: bool = False
    seed: int = 0


@dataclass
class _Fold:
    """The rows, those that are seen first; codes (d, n), bins of each, eta (n, K), and trees, some rounds at a time."""

    order: Array
    seen: int
    left_out: Array
    maps: list[Array]
    codes: Array
    sizes: Array
    eta: Array
    trees: list[tuple[Array, Array]]


@dataclass(frozen=True)
class Boosted:
    """A sum of steps and its out-of-fold eta (n, K). `made` writes the sum as tables, which takes time."""

    held_out: Array
    made: Callable[[], StepModel]

    @cached_property
    def model(self) -> StepModel:
        """The sum as tables."""
        return self.made()

    @classmethod
    def of(cls, rows: Rows, loss: Loss, manner: Manner) -> Boosted:
        """Fit rows.

        >>> x = np.random.default_rng(0).uniform(size=(200, 2))
        >>> y = np.where(x[:, 0] > 0.5, 1.0, 0.0)
        >>> from edgewise.tables.additive import Gaussian
        >>> rows = Rows(x, y, np.ones(200), [False, False], np.ones(2, bool))
        >>> bool(np.mean((Boosted.of(rows, Gaussian(), LEAFWISE).held_out[:, 0] - y) ** 2) < 0.01)
        True
        """
        return _Boosting(rows, loss, manner.at(len(rows.y))).run()


class _Boosting:
    def __init__(self, rows: Rows, loss: Loss, manner: Manner) -> None:
        self.rows, self.loss, self.manner = rows, loss, manner
        y, (n, d) = rows.y, rows.x.shape
        self.known = np.zeros(0) if loss.gradients == GIVEN else y  # by the compiled loop
        self.bins = [Bins.of(column, level=level) for column, level in zip(rows.x.T, rows.levels, strict=True)]
        self.places = [each.places(column) for each, column in zip(self.bins, rows.x.T, strict=True)]
        self.start = loss.start(y, rows.weights)
        self.pairs = np.ones((d, d), bool)
        for i, j in combinations(range(d), 2):
            self.pairs[i, j] = self.pairs[j, i] = rows.allowed((i, j))
        self.triples = np.full((1, 3), -1)
        count = min(TUNING.few_folds if n > TUNING.many_rows else TUNING.folds, n)
        turn = np.random.default_rng(rows.seed).permutation(n)
        turn = turn[np.argsort(y[turn], kind="stable")] if rows.strata else turn
        number = np.empty(n, dtype=int)
        number[turn] = np.arange(n) % count
        eta = np.tile(self.start, (n, 1))
        residual = np.column_stack([self._gradient(eta, k)[0] for k in range(eta.shape[1])])
        self.folds = [self._fold(number == k, residual) for k in range(count)]

    def _fold(self, left_out: Array, residual: Array) -> _Fold:
        seen, weights = np.flatnonzero(~left_out), self.rows.weights
        maps = [
            each.codes(own[seen], residual[seen], weights[seen])
            for each, own in zip(self.bins, self.places, strict=True)
        ]
        codes = np.stack([own[places].astype(np.uint8) for own, places in zip(maps, self.places, strict=True)])
        sizes = np.array([int(own.max(initial=0)) + 1 for own in maps])
        eta = np.tile(self.start, (len(left_out), 1))
        order = np.concatenate([seen, np.flatnonzero(left_out)])
        return _Fold(order, len(seen), left_out, maps, codes, sizes, eta, [])

    def _gradient(self, eta: Array, output: int, rows: Array | slice = slice(None)) -> tuple[Array, Array]:
        eta, y, weights = eta[rows], self.rows.y[rows], self.rows.weights[rows]
        response, working = self.loss.working(eta, y, output)
        h = weights * working
        return h * (response - eta[:, output]), h

    def run(self) -> Boosted:
        n = len(self.rows.y)
        most = TUNING.fewer_rounds if n > TUNING.many_rows else TUNING.rounds
        self._choose_groups()
        held = np.tile(self.start, (n, 1))
        curve, best, kept = [self._mean_loss(held)], 0, held.copy()
        while len(curve) * TUNING.look <= most and len(curve) - 1 - best < TUNING.patience:
            for k, fold in enumerate(self.folds):
                self._grow(fold, TUNING.look, (self.rows.seed, k, len(curve)))
                held[fold.left_out] = fold.eta[fold.left_out]
            curve.append(self._mean_loss(held))
            if curve[-1] < curve[best] - TUNING.gain * abs(curve[best]):
                best, kept = len(curve) - 1, held.copy()
        return Boosted(kept, partial(self._model, best * TUNING.look))

    def _mean_loss(self, eta: Array) -> float:
        weights = self.rows.weights
        return float(weights @ self.loss.loss(eta, self.rows.y) / weights.sum())

    def _choose_groups(self) -> None:
        """Allow the pairs and triples that matter in trees of any columns."""
        d = len(self.bins)
        if d < 3 or self.manner.order < 2:
            return
        first = TUNING.first if len(self.rows.y) <= TUNING.many_rows else TUNING.few_first
        gains: dict[Group, float] = defaultdict(float)
        for k, fold in enumerate(self.folds):
            self._grow(fold, first, (self.rows.seed, k, 0))
            for trees, values in fold.trees:
                nodes = values.shape[-1]
                for tree, own in zip(trees.reshape(-1, *trees.shape[2:]), values.reshape(-1, nodes), strict=True):
                    leaves = own[(tree[:, 0] < 0) & (own != 0)]
                    gains[columns_of(tree)] += float(np.ptp(leaves)) ** 2 if len(leaves) else 0.0
            fold.trees, fold.eta = [], np.tile(self.start, (len(fold.eta), 1))
        two: dict[Group, float] = defaultdict(float)
        for group, gain in gains.items():
            inside = list(combinations(group, 2))
            for pair in inside:
                two[pair] += gain / len(inside)
        most = int(np.clip(TUNING.pairs * d, TUNING.fewest_pairs, TUNING.most_pairs))
        triples = TUNING.many_triples if len(self.rows.y) > TUNING.leafy_rows else TUNING.triples
        three = sorted((g for g in gains if len(g) == 3), key=lambda g: -gains[g])[:triples]
        kept = {pair for group in three for pair in combinations(group, 2)}
        kept |= {*sorted(two, key=lambda g: -two[g])[:most]}
        self.pairs = np.zeros((d, d), bool)
        for i, j in kept:
            self.pairs[i, j] = self.pairs[j, i] = True
        self.triples = np.array(three or [(-2, -2, -2)])

    def _grow(self, fold: _Fold, rounds: int, seed: tuple[int, ...]) -> None:
        """Add rounds to a fold."""
        manner, d, rng = self.manner, int(self.rows.used.sum()), np.random.default_rng(seed)
        leafy = manner.kind == "leafwise"
        share = 0.7 if d <= TUNING.many_columns else 0.5
        width = max(1, int(np.ceil(share * d))) if leafy or d > 30 else d
        nodes = 2 * manner.depth - 1 if leafy else 2 ** (manner.depth + 1) - 1
        shape = (1 if self.loss.gradients == GIVEN else rounds, len(self.start), nodes)
        for _ in range(rounds // shape[0]):
            trees, values = np.full((*shape, 3), -1), np.zeros(shape)
            boost(
                fold.codes, fold.sizes, fold.order, fold.seen, self.known, self.rows.weights, self.loss.gradients,
                self._given(fold), np.flatnonzero(self.rows.used), width, self.pairs, self.triples, leafy,
                manner.depth, manner.rate, manner.share, manner.ridge, manner.order, rng, fold.eta, trees, values,
            )  # fmt: skip
            fold.trees.append((trees, values))

    def _given(self, fold: _Fold) -> Array:
        """Return gradients and curvatures (2, K, n) of the rows seen, of a loss that no compiled loop knows."""
        if self.loss.gradients != GIVEN:
            return np.zeros((2, 0, 0))
        seen = fold.order[: fold.seen]
        found = np.zeros((2, *fold.eta.T.shape))
        found[:, :, seen] = np.stack([self._gradient(fold.eta, k, seen) for k in range(fold.eta.shape[1])], 1)
        return found

    def _model(self, rounds: int) -> StepModel:
        """Return the average of the folds' sums as tables."""
        scale = self.manner.rate / len(self.folds)
        sums = []
        for fold in self.folds:
            if rounds:
                trees, values = (np.concatenate(parts)[:rounds] for parts in zip(*fold.trees, strict=True))
                outputs = range(len(self.start))
                sums.append(Trees(fold.maps, [trees[:, k] for k in outputs], [scale * values[:, k] for k in outputs]))
        return tabulated(self.bins, sums, self.start)
