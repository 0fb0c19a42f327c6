"""Candidates with products of pairs of inputs: which pairs, and their fits on all rows and on each fold."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from edgewise.tables.additive._candidates import Candidate, Candidates
from edgewise.tables.additive._design import Pair
from edgewise.tables.additive._family import Gaussian
from edgewise.tables.additive._penalized import Penalized, Problem, Start
from edgewise.tables.additive._reml import CENTERS, Matrix
from edgewise.tables.additive._screen import rank_pairs
from edgewise.tables.additive._stack import Folded
from edgewise.tables.additive._tuning import TUNING


def products(search: Candidates, counts: Sequence[int], allowed: Callable[[Pair], bool] = lambda pair: True) -> None:
    """Fit the curves and the products of the pairs that a score test ranks first, screened again in each fold."""
    inputs = _strongest(search)
    columns = [part.column for part in search.design.inputs]
    inputs = [k for k in inputs if not search.monotone.get(columns[k], 0)]
    pairs = [
        (i, j) for a, i in enumerate(inputs) for j in inputs[a + 1 :] if columns[i] != columns[j] and allowed((i, j))
    ]
    most = min(len(pairs), TUNING.pairs)
    counts = sorted({min(count, most) for count in counts if min(count, most)})
    if not counts:
        return
    everywhere = np.ones(len(search.y), bool)
    base = search.found["curves"].fit
    ranked = [_ranked(search, pairs, everywhere, base)]
    ranked += [_ranked(search, pairs, ~held, fit) for held, fit in zip(search.folds, search.fold_fits, strict=True)]
    chosen = [[_affordable(search, each[:count]) for each in ranked] for count in counts]
    products = _Products(search, {pair for lists in chosen for each in lists for pair in each})
    for lists in chosen:
        if lists[0] and f"curves and {len(lists[0])} products" not in search.found:
            search.add(products.candidate(lists))


def _strongest(search: Candidates) -> list[int]:
    """Return the inputs whose pairs are tested: at most 50, those whose curves vary most."""
    inputs = search.design.multipliable()
    if len(inputs) <= TUNING.pair_inputs:
        return inputs
    at = np.cumsum([0, *(part.n_features for part in search.design.inputs)])
    beta = np.zeros((at[-1], search.family.outputs))
    beta[search.kept] = search.found["curves"].fit.beta
    size = [float((search.parts[k] @ beta[at[k] : at[k + 1]]).var(0).sum()) for k in inputs]
    return sorted(np.array(inputs)[np.argsort(size)[::-1][: TUNING.pair_inputs]].tolist())


def _ranked(search: Candidates, pairs: Sequence[Pair], rows: np.ndarray, fit: Penalized) -> list[Pair]:
    search.check("pairs of inputs")
    family = search.family
    parts = [part[rows] for part in search.parts]
    eta, y = fit.eta(search.matrix[rows]), search.y[rows]
    best: dict[Pair, float] = {}
    for k in range(family.outputs):
        response, working = family.working(eta, y, k)
        residual = (response - eta[:, k]) * working
        if isinstance(family, Gaussian):
            variance = float(residual @ residual) / max(len(y) - 1 - float(fit.edf.sum()), 1.0)
        else:
            variance = float(working.mean()) * (family.scale or fit.variance)
        for evidence, pair in rank_pairs(search.design, parts, residual, max(variance, 1e-300), pairs):
            best[pair] = max(evidence, best.get(pair, 0.0))
    return sorted(best, key=lambda pair: -best[pair])[: TUNING.pairs]


def _affordable(search: Candidates, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs, from the first on, whose features fit into what the curves leave of the limit."""
    left = max(TUNING.most_features - len(search.kept), TUNING.product_features)
    found = []
    for pair in pairs:
        size = sum(block.size for block in search.design.product_blocks(pair))
        if size <= left:
            found.append(pair)
            left -= size
    return found


class _Products:
    """The features of curves and of all pairs that some fit needs, whose moments are added up once."""

    def __init__(self, search: Candidates, pairs: Iterable[Pair]) -> None:
        self.search = search
        made = {pair: search.design.product(search.parts, pair) for pair in sorted(pairs)}
        matrix = np.hstack([search.matrix, *(features for features, _ in made.values())])
        self.folded = Folded(matrix, search.y, search.weights, search.folds)
        self.blocks = {pair: blocks for pair, (_, blocks) in made.items()}
        sizes = [features.shape[1] for features, _ in made.values()]
        at = len(search.kept) + np.cumsum([0, *sizes])
        self.places = {pair: np.arange(a, a + size) for pair, a, size in zip(made, at, sizes, strict=False)}
        base = search.found["curves"].fit
        straight = sum(block.kind == "straight" for block in search.blocks)
        center = np.log(1 + straight) + CENTERS["product"]
        #: intercept and curves of the last fit on all rows, and coefficients and log lambdas of each pair
        self.main = Start.of(base)
        outputs = search.family.outputs
        self.known: dict[Pair, tuple[Matrix, Matrix]] = {
            pair: (np.zeros((len(self.places[pair]), outputs)), np.full((len(blocks), outputs), center))
            for pair, blocks in self.blocks.items()
        }

    def candidate(self, lists: Sequence[Sequence[Pair]]) -> Candidate:
        """Return the fit of the first list of pairs on all rows, and of each other one without its fold."""
        pairs = lists[0]
        fit = self._fit(pairs)
        self._learn(fit, pairs)
        fits = []
        for fold, own in enumerate(lists[1:]):
            self.search.check(f"curves and {len(pairs)} products")
            fits.append(self._fit(own, fold))
        held_out = self.folded.held_out(fits, [self._index(own) for own in lists[1:]])
        return Candidate(f"curves and {len(pairs)} products", fit, held_out, tuple(pairs))

    def _fit(self, pairs: Sequence[Pair], fold: int | None = None) -> Penalized:
        blocks = [*self.search.blocks, *(block for pair in pairs for block in self.blocks[pair])]
        known = [self.known[pair] for pair in pairs]
        start = Start(
            self.main.intercept,
            np.vstack([self.main.beta, *(beta for beta, _ in known)]),
            np.vstack([self.main.rho, *(rho for _, rho in known)]),
        )
        problem = Problem(blocks, self.search.family, constraints=self.search.constraints)
        return self.folded.fit(problem, start, self._index(pairs), fold)

    def _index(self, pairs: Sequence[Pair]) -> np.ndarray:
        return np.concatenate([np.arange(len(self.search.kept)), *(self.places[pair] for pair in pairs)])

    def _learn(self, fit: Penalized, pairs: Sequence[Pair]) -> None:
        """Remember where the next fits begin."""
        at, block = len(self.main.beta), len(self.main.rho)
        self.main = Start(fit.intercept, fit.beta[:at], fit.rho[:block])
        for pair in pairs:
            size, count = len(self.places[pair]), len(self.blocks[pair])
            self.known[pair] = fit.beta[at : at + size], fit.rho[block : block + count]
            at, block = at + size, block + count
