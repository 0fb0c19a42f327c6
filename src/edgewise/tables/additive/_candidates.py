"""The candidates of one target and one set of columns: line, curves, a hidden node, and their predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgewise.tables.additive._design import Design, Pair, joined
from edgewise.tables.additive._family import Classes, Family, Gaussian
from edgewise.tables.additive._hidden import HiddenNode, with_hidden
from edgewise.tables.additive._ordered import Ordered
from edgewise.tables.additive._penalized import Penalized, Problem, Start
from edgewise.tables.additive._reml import Block, Matrix, Prior, Vector
from edgewise.tables.additive._screen import columns_with_value_effects, tukey
from edgewise.tables.additive._stack import Folded, fold_numbers
from edgewise.tables.additive._survival import Accelerated, Cox
from edgewise.tables.additive._tuning import TUNING

Check = Callable[[str], None]
"""Called with what is being fitted; what it raises ends the search."""


STRATIFIED = Classes | Ordered | Cox | Accelerated
"""Families whose folds have the values of the target alike: classes, events and their times."""


def ignore(stage: str) -> None:
    """Do nothing."""


class WeightedRows(NamedTuple):
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
    """Builds the features of a design once, and fits one candidate after another on all rows and on each fold.

    `kept` are the numbers of the features that the curves use: fits have only those.
    """

    def __init__(
        self, design: Design, rows: WeightedRows, family: Family, *, seed: int = 0,
        monotone: Mapping[int, int] | None = None, check: Check = ignore,
    ) -> None:  # fmt: skip
        self.design, self.family, self.check = design, family, check
        self.x, self.y, self.weights = rows
        self.monotone = monotone or {}
        self.parts = design.features(self.x)
        classes = self.y if isinstance(family, STRATIFIED) else None
        self.fold = fold_numbers(len(self.x), seed, classes)
        self.folds = [self.fold == k for k in range(int(self.fold.max()) + 1)]
        self.validated = self.fold >= 0
        self.found: dict[str, Candidate] = {}
        self.fold_fits: list[Penalized] = []

    def additive(self) -> Candidate:
        """Fit the sum of curves with the features that it can use, and drop those that it then does not use.

        A feature z has at most z'z / (z'z + lambda) degrees of freedom: those that its prior would not use wait until
        some lambda turns out to be that small.
        """
        blocks, outputs = self.design.blocks(), self.family.outputs
        rho = self._oscillation()
        if rho is None:
            rho = np.tile(Prior.of(blocks).centers[:, None], outputs)
        squares, keep = self._squares(), np.zeros(sum(block.size for block in blocks), bool)
        sizes = [block.size for block in blocks]

        def usable(rho: Matrix) -> np.ndarray:
            least = np.repeat(np.exp(rho.min(1)), sizes)
            return squares > TUNING.kept_edf * (squares + least)

        while True:
            self._keep(keep | usable(rho - TUNING.margin))
            fit = self.folded.fit(self._problem(), self._start(rho))
            rho, keep[self.kept] = fit.rho, True
            if not np.any(usable(rho) & ~keep):
                break
        keep[self.kept[fit.feature_edf <= TUNING.kept_edf]] = False
        beta = np.zeros((len(keep), outputs))
        beta[self.kept] = fit.beta
        before, folded = self.kept, self.folded
        self._keep(keep)
        self.folded = folded.chosen(np.searchsorted(before, self.kept), self.matrix)
        fit, held_out, self.fold_fits = self._fits(
            "curves", self._problem(), Start(fit.intercept, beta[self.kept], rho)
        )
        return self.add(Candidate("curves", fit, held_out))

    def _oscillation(self) -> Matrix | None:
        """Return the log lambdas of rough curves, where these explain a table in which smooth ones see only noise.

        The likelihood of a fast oscillation has two optima, and Newton steps from the prior end at that of noise.
        """
        blocks = self.design.blocks()
        if not isinstance(self.family, Gaussian) or sum(block.size for block in blocks) > TUNING.rough_features:
            return None
        self._keep(np.ones(sum(block.size for block in blocks), bool))
        about, problem = self.folded.total.centered(), self._problem()
        smooth = self.folded.fit(problem, self._start(Prior.of(blocks).centers[:, None]))
        if smooth.fits[0].deviance < TUNING.unexplained * about.square:
            return None
        start = -6.0  # of their log lambdas
        rough = self.folded.fit(problem, self._start(np.full((len(blocks), 1), start)))
        sure = rough.score < smooth.score - TUNING.rough_gain and rough.edf.sum() < TUNING.rough_edf * len(self.y)
        return rough.rho if sure else None

    def line(self) -> Candidate:
        """Fit the straight parts, levels and gaps, with one smoothing parameter a kind in all but name."""
        kinds = [block.kind for block in self.blocks]
        if {*kinds} <= {"linear", "group"}:  # it is what the curves are
            return self.found["curves"]
        straight = np.array([kind not in ("wiggly", "value") for kind in kinds])
        rho = np.full((len(self.blocks), self.family.outputs), np.log(1.0 + len(self.blocks)))
        prior = 0.1, 3.0  # deviations of log lambdas within and between kinds
        fit, held_out, _ = self._fits("line", self._problem(straight, *prior), self._start(rho))
        return self.add(Candidate("line", fit, held_out))

    def _squares(self) -> Vector:
        """Return the weighted square of each feature, for the constant's working weights."""
        eta = np.tile(self.family.start(self.y, self.weights), (len(self.y), 1))
        working = np.max([self.family.working(eta, self.y, k)[1] for k in range(self.family.outputs)], axis=0)
        return np.concatenate([np.zeros(0), *((self.weights * working) @ part**2 for part in self.parts)])

    def _keep(self, keep: np.ndarray) -> None:
        """Have only these features, the first of each block, and those under constraints."""
        blocks, constraints = self.design.blocks(), self.design.constraints(self.monotone)
        sizes = np.array([block.size for block in blocks], dtype=int)
        keep = keep.copy()
        keep[np.cumsum(sizes) - sizes] = True
        if constraints is not None:  # a curve that must rise needs all of them to
            keep |= np.any(constraints != 0, axis=0)
        counts = np.bincount(np.repeat(np.arange(len(sizes)), sizes)[keep], minlength=len(sizes))
        self.blocks = [Block(block.kind, int(count)) for block, count in zip(blocks, counts, strict=True)]
        self.kept = np.flatnonzero(keep)
        self.matrix = joined(self.parts, len(self.x)).take(self.kept, axis=1)
        self.constraints = None if constraints is None else constraints[:, keep]
        self.folded = Folded(self.matrix, self.y, self.weights, self.folds)

    def _problem(self, used: Vector | None = None, *deviations: float) -> Problem:
        within, between = deviations or (1.0, 1.5)
        return Problem(self.blocks, self.family, used, within, between, self.constraints)

    def _start(self, rho: Matrix) -> Start:
        """Return the constant."""
        return Start(self.family.start(self.y, self.weights), np.zeros((len(self.kept), self.family.outputs)), rho)

    def _fits(self, name: str, problem: Problem, start: Start) -> tuple[Penalized, Matrix, list[Penalized]]:
        """Return the fit on all rows, the out-of-fold eta, and the fit of each fold."""
        fit = self.folded.fit(problem, start)
        fits = []
        for k in range(len(self.folds)):
            self.check(name)
            fits.append(self.folded.fit(problem, Start.of(fit), fold=k))
        return fit, self.folded.held_out(fits), fits

    def hidden(self) -> None:
        """Add a hidden node, if Tukey's test of the best fit so far asks for one."""
        few = len(self.design.inputs) < 2 or self.constraints is not None
        many = 2 * len(self.kept) > TUNING.most_features
        if not isinstance(self.family, Gaussian) or few or many or self.unexplained() < TUNING.noise:
            return
        eta, residual, variance = self.residual()
        chance, share = tukey(eta, residual, variance)
        if chance >= TUNING.nonadditive or share < TUNING.nonadditive_share:
            return
        base = self.found["curves"].fit
        fit, node, rho = with_hidden(self.matrix, self.y, self.weights, self.blocks, start=base.beta[:, 0])
        held_out = np.full((len(self.y), 1), np.nan)
        for held, before in zip(self.folds, self.fold_fits, strict=True):
            self.check("curves and a hidden node")
            rows = ~held
            part, inner, _ = with_hidden(
                self.matrix[rows], self.y[rows], self.weights[rows], self.blocks, start=before.beta[:, 0], rho=rho,
                turns=4,
            )  # fmt: skip
            held_out[held] = part.eta(self.matrix[held]) + inner.eta(self.matrix[held])[:, None]
        self.add(Candidate("curves and a hidden node", fit, held_out, hidden=node))

    def value_effects(self) -> list[int]:
        """Return the columns whose single values have effects of their own, as far as the limit on features allows."""
        if not isinstance(self.family, Gaussian) or self.unexplained() < TUNING.noise:
            return []
        _, residual, variance = self.residual()
        left, columns = TUNING.most_features - len(self.kept), []
        for column, count in columns_with_value_effects(self.design, self.x, residual, variance):
            if count <= left and not self.monotone.get(column, 0):
                columns.append(column)
                left -= count
        return columns

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

    def add(self, candidate: Candidate) -> Candidate:
        self.found[candidate.name] = candidate
        return candidate
