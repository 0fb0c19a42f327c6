"""The candidates of one target and one set of columns: line, curves, products, a hidden node, and their predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgewise.additive._algebra import Matrix, Vector
from edgewise.additive._block import CENTERS, Block
from edgewise.additive._design import Design, Pair, joined
from edgewise.additive._family import Classes, Family, Gaussian
from edgewise.additive._folds import fold_numbers
from edgewise.additive._hidden import HiddenNode, with_hidden
from edgewise.additive._moments import Moments
from edgewise.additive._penalized import Penalized, Problem, from_moments, penalized
from edgewise.additive._screen import columns_with_value_effects, rank_pairs, tukey

_LINE_PRIOR = (0.1, 3.0)
_MOST_PAIRS = 16
_MOST_INPUTS = 50  # whose pairs are tested
_KEPT_EDF = 0.005  # of a feature
_NONADDITIVE = 0.01  # p-value below which a hidden node is tried
_NOISE = 0.01  # share of unexplained variance below which tests see nothing but the lack of fit
_FOLD_ROUNDS, _PAIR_FOLD_ROUNDS, _HIDDEN_FOLD_TURNS = 3, 5, 4
_FOLD_FIT_ROUNDS = 4


Check = Callable[[str], None]
"""Called with what is being fitted; what it raises ends the search."""


def ignore(stage: str) -> None:
    """Do nothing."""


class Rows(NamedTuple):
    """Columns x (n, p), a target (n,), weights (n,) of mean one."""

    x: Matrix
    y: Vector
    weights: Vector


@dataclass(frozen=True)
class Candidate:
    """A fit on all rows, and its out-of-fold eta (n, K)."""

    name: str
    fit: Penalized
    held_out: Matrix
    pairs: tuple[Pair, ...] = ()
    hidden: HiddenNode | None = None


class Candidates:
    """Builds the features of a design once, and fits one candidate after another on all rows and on each fold."""

    def __init__(
        self, design: Design, rows: Rows, family: Family, *, seed: int = 0, monotone: Mapping[int, int] | None = None,
        check: Check = ignore,
    ) -> None:  # fmt: skip
        self.design, self.family, self.check = design, family, check
        self.x, self.y, self.weights = rows
        self.monotone = monotone or {}
        self.constraints = design.constraints(self.monotone)
        self.parts = design.features(self.x)
        self.matrix = joined(self.parts, len(self.x))
        self.blocks = design.blocks()
        self.kept = np.arange(self.matrix.shape[1])
        classes = self.y if isinstance(family, Classes) else None
        self.fold = fold_numbers(len(self.x), seed, classes)
        self.folds = [self.fold == k for k in range(int(self.fold.max()) + 1)]
        self.validated = self.fold >= 0
        self.found: dict[str, Candidate] = {}
        self._fold_fits: list[Penalized] = []

    def additive(self) -> Candidate:
        """Fit the sum of curves; then drop the features that it does not use."""
        fit, held_out, self._fold_fits = self._main("curves", self._problem(), compress=True)
        return self._add(Candidate("curves", fit, held_out))

    def _problem(self, used: Vector | None = None, *deviations: float) -> Problem:
        within, between = deviations or (1.0, 1.5)
        return Problem(self.blocks, self.family, used, within, between, self.constraints)

    def line(self) -> Candidate:
        """Fit the straight parts, levels and gaps, with one smoothing parameter a kind in all but name."""
        straight = np.array([block.kind not in ("wiggly", "value") for block in self.blocks])
        fit, held_out, _ = self._main("line", self._problem(straight, *_LINE_PRIOR))
        return self._add(Candidate("line", fit, held_out))

    def products(self, counts: Sequence[int], allowed: Callable[[Pair], bool] = lambda pair: True) -> None:
        """Fit the curves and the products of the pairs that a score test ranks first, screened again in each fold."""
        inputs = self._strongest(self.design.multipliable())
        columns = [part.column for part in self.design.inputs]
        inputs = [k for k in inputs if not self.monotone.get(columns[k], 0)]
        pairs = [
            (i, j)
            for a, i in enumerate(inputs)
            for j in inputs[a + 1 :]
            if columns[i] != columns[j] and allowed((i, j))
        ]
        most = min(len(pairs), _MOST_PAIRS)
        counts = sorted({min(count, most) for count in counts if min(count, most)})
        if not counts:
            return
        base = self.found["curves"].fit
        everywhere = np.ones(len(self.y), bool)
        first = self._ranked(pairs, everywhere, base)[: counts[-1]]
        by_fold = [self._ranked(pairs, ~held, fit) for held, fit in zip(self.folds, self._fold_fits, strict=True)]
        for count in counts:
            self.with_pairs(first[:count], [ranked[:count] for ranked in by_fold])

    def _strongest(self, inputs: list[int]) -> list[int]:
        """Return the inputs whose pairs are tested: at most 50, those whose curves vary most."""
        if len(inputs) <= _MOST_INPUTS:
            return inputs
        at = np.cumsum([0, *(part.n_features for part in self.design.inputs)])
        beta = np.zeros((at[-1], self.family.outputs))
        beta[self.kept] = self.found["curves"].fit.beta
        size = [float((self.parts[k] @ beta[at[k] : at[k + 1]]).var(0).sum()) for k in inputs]
        return sorted(np.array(inputs)[np.argsort(size)[::-1][:_MOST_INPUTS]].tolist())

    def with_pairs(self, pairs: Sequence[Pair], by_fold: Sequence[Sequence[Pair]]) -> Candidate:
        """Fit the curves and these products; each fold has its own."""
        base = self.found["curves"].fit
        fit, _ = self._fit_pairs(pairs, np.ones(len(self.y), bool), base, None)
        held_out = np.full((len(self.y), self.family.outputs), np.nan)
        for held, own, before in zip(self.folds, by_fold, self._fold_fits, strict=True):
            self.check(f"curves and {len(pairs)} products")
            part, matrix = self._fit_pairs(own, ~held, before, fit)
            held_out[held] = part.eta(matrix[held])
        return self._add(Candidate(f"curves and {len(pairs)} products", fit, held_out, tuple(pairs)))

    def hidden(self) -> None:
        """Add a hidden node, if Tukey's test of the best fit so far asks for one."""
        few = len(self.design.inputs) < 2 or self.constraints is not None
        if not isinstance(self.family, Gaussian) or few or self.unexplained() < _NOISE:
            return
        eta, residual, variance = self.residual()
        if tukey(eta, residual, variance) >= _NONADDITIVE:
            return
        base = self.found["curves"].fit
        fit, node, rho = with_hidden(self.matrix, self.y, self.weights, self.blocks, start=base.beta[:, 0])
        held_out = np.full((len(self.y), 1), np.nan)
        for held, before in zip(self.folds, self._fold_fits, strict=True):
            self.check("curves and a hidden node")
            rows = ~held
            part, inner, _ = with_hidden(
                self.matrix[rows], self.y[rows], self.weights[rows], self.blocks, start=before.beta[:, 0], rho=rho,
                turns=_HIDDEN_FOLD_TURNS,
            )  # fmt: skip
            held_out[held] = part.eta(self.matrix[held]) + inner.eta(self.matrix[held])[:, None]
        self._add(Candidate("curves and a hidden node", fit, held_out, hidden=node))

    def value_effects(self) -> list[int]:
        """Return the columns whose single values have effects of their own."""
        if not isinstance(self.family, Gaussian) or self.unexplained() < _NOISE:
            return []
        _, residual, variance = self.residual()
        found = columns_with_value_effects(self.design, self.x, residual, variance)
        return [column for column in found if not self.monotone.get(column, 0)]

    def score(self, candidate: Candidate) -> float:
        """Return the mean out-of-fold loss of a candidate."""
        rows = self.validated
        losses = self.family.loss(candidate.held_out[rows], self.y[rows])
        return float(self.weights[rows] @ losses / self.weights[rows].sum())

    def unexplained(self) -> float:
        """Return the smallest out-of-fold loss so far."""
        return min(self.score(candidate) for candidate in self.found.values())

    def residual(self) -> tuple[Vector, Vector, float]:
        """Return eta, residual and noise variance of the best candidate with curves, on all rows."""
        best = min((c for name, c in self.found.items() if name != "line"), key=self.score)
        eta = best.fit.eta(self.with_products(best.pairs))[:, 0]
        if best.hidden is not None:
            eta = eta + best.hidden.eta(self.matrix)
        residual = self.y - eta
        freedom = max(len(self.y) - 1 - float(best.fit.edf.sum()), 1.0)
        return eta, residual, max(float(self.weights @ residual**2) / freedom, 1e-300)

    def with_products(self, pairs: Sequence[Pair]) -> Matrix:
        """Return the features and those of some products."""
        if not pairs:
            return self.matrix
        return np.hstack([self.matrix, *(self.design.product(self.parts, pair)[0] for pair in pairs)])

    def _add(self, candidate: Candidate) -> Candidate:
        self.found[candidate.name] = candidate
        return candidate

    def _main(self, name: str, problem: Problem, compress: bool = False) -> tuple[Penalized, Matrix, list[Penalized]]:
        """Return the fit on all rows, the out-of-fold eta, and the fit of each fold."""
        gaussian = isinstance(self.family, Gaussian)
        moments = Moments.of(self.matrix, self.y, self.weights) if gaussian else None
        if moments is not None:
            fit = from_moments(moments, problem)
        else:
            fit = penalized(self.matrix, self.y, self.weights, problem)
        if compress:
            fit, moments = self._compress(fit, moments)
            problem = self._problem()
        held_out, fits = np.full((len(self.y), self.family.outputs), np.nan), []
        for held in self.folds:
            self.check(name)
            if moments is not None:
                part = moments - Moments.of(self.matrix[held], self.y[held], self.weights[held])
                fits.append(from_moments(part, problem, fit.rho, _FOLD_ROUNDS))
            else:
                rows = ~held
                fits.append(
                    penalized(
                        self.matrix[rows], self.y[rows], self.weights[rows], problem,
                        rho=fit.rho, start=fit, rounds=_FOLD_FIT_ROUNDS,
                    )
                )  # fmt: skip
            held_out[held] = fits[-1].eta(self.matrix[held])
        return fit, held_out, fits

    def _compress(self, fit: Penalized, moments: Moments | None) -> tuple[Penalized, Moments | None]:
        """Drop the features without degrees of freedom: later fits are several times cheaper."""
        sizes = np.array([block.size for block in self.blocks], dtype=int)
        keep = fit.feature_edf > _KEPT_EDF
        keep[np.cumsum(sizes) - sizes] = True
        if self.constraints is not None:  # a curve that must rise needs all of them to
            keep |= np.any(self.constraints != 0, axis=0)
        block = np.repeat(np.arange(len(sizes)), sizes)
        counts = np.bincount(block[keep], minlength=len(sizes))
        self.blocks = [Block(old.kind, int(count)) for old, count in zip(self.blocks, counts, strict=True)]
        self.kept = np.flatnonzero(keep)
        self.matrix = np.ascontiguousarray(self.matrix[:, keep])
        self.constraints = None if self.constraints is None else self.constraints[:, keep]
        small = Penalized(
            fit.intercept, fit.beta[keep], fit.rho, fit.edf, fit.feature_edf[keep], fit.variance,
            fit.covariance[np.ix_(keep, keep)], fit.score,
        )  # fmt: skip
        return small, None if moments is None else moments.chosen(self.kept)

    def _ranked(self, pairs: Sequence[Pair], rows: np.ndarray, fit: Penalized) -> list[Pair]:
        self.check("pairs of inputs")
        parts = [part[rows] for part in self.parts]
        eta, y = fit.eta(self.matrix[rows]), self.y[rows]
        best: dict[Pair, float] = {}
        for k in range(self.family.outputs):
            response, working = self.family.working(eta, y, k)
            residual = (response - eta[:, k]) * working
            if isinstance(self.family, Gaussian):
                variance = float(residual @ residual) / max(len(y) - 1 - float(fit.edf.sum()), 1.0)
            else:
                variance = float(working.mean()) * (self.family.scale or fit.variance)
            for evidence, pair in rank_pairs(self.design, parts, residual, max(variance, 1e-300), pairs):
                best[pair] = max(evidence, best.get(pair, 0.0))
        return sorted(best, key=lambda pair: -best[pair])[:_MOST_PAIRS]

    def _fit_pairs(
        self, pairs: Sequence[Pair], rows: np.ndarray, base: Penalized, start: Penalized | None
    ) -> tuple[Penalized, Matrix]:
        blocks = self.blocks + [block for pair in pairs for block in self.design.product_blocks(pair)]
        matrix = self.with_products(pairs)
        straight = sum(block.kind == "straight" for block in self.blocks)
        new = np.full((len(blocks) - len(self.blocks), self.family.outputs), np.log(1 + straight) + CENTERS["product"])
        rho = np.vstack([base.rho, new])
        problem = Problem(blocks, self.family, constraints=self.constraints)
        chosen = slice(None) if rows.all() else rows
        x, y, w = matrix[chosen], self.y[chosen], self.weights[chosen]
        if isinstance(self.family, Gaussian):
            return from_moments(Moments.of(x, y, w), problem, rho, 40 if start is None else _PAIR_FOLD_ROUNDS), matrix
        rounds = {} if start is None else {"rounds": _FOLD_FIT_ROUNDS, "start": start}
        return penalized(x, y, w, problem, rho=rho, **rounds), matrix
