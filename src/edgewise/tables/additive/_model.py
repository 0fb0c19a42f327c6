"""A weighted sum of candidates, as one model over inputs, products and a hidden node; its covariance and its tails."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgewise.tables.additive._candidates import Candidate, Candidates
from edgewise.tables.additive._curve import Curve
from edgewise.tables.additive._design import Design, Input, Pair, joined
from edgewise.tables.additive._family import Gaussian
from edgewise.tables.additive._hidden import HiddenNode
from edgewise.tables.additive._levels import Levels
from edgewise.tables.additive._penalized import Penalized
from edgewise.tables.additive._reml import Block, Matrix, Moments, Vector
from edgewise.tables.additive._tuning import TUNING
from edgewise.tables.steps import StepModel


@dataclass(frozen=True)
class AdditiveModel:
    """eta = intercept + sum of curves + sum of products + hidden node + sum of steps, for K outputs.

    `beta` holds the coefficients (m, K) of each input, `products` of each pair, `edf` the degrees of freedom of each
    input's blocks and `product_edf` those of the pairs. The hidden node reads the features of the inputs.
    `covariance` is that of each input's coefficients, (K, m, m), in the candidate with the largest weight; of levels
    only the variances (K, m) of their effects about the mean.
    """

    design: Design
    intercept: Vector
    beta: tuple[Matrix, ...]
    products: dict[Pair, Matrix]
    edf: tuple[Vector, ...]
    product_edf: dict[Pair, float]
    hidden: HiddenNode | None = None
    covariance: tuple[Matrix, ...] | None = None
    steps: StepModel | None = None

    @property
    def outputs(self) -> int:
        return len(self.intercept)

    def terms(self, x: Matrix) -> Matrix:
        """Return what each input adds to each output, (n, inputs, K)."""
        features = self.design.features(x)
        if not features:
            return np.zeros((len(x), 0, self.outputs))
        return np.stack([part @ beta for part, beta in zip(features, self.beta, strict=True)], 1)

    def product_terms(self, x: Matrix) -> dict[Pair, Matrix]:
        """Return what each product adds to each output, (n, K)."""
        features = self.design.features(x)
        return {pair: self.design.product(features, pair)[0] @ beta for pair, beta in self.products.items()}

    def deviation(self, number: int, x: Vector) -> Matrix:
        """Return the posterior standard deviation (n, K) of one input's curve at values x (n,) of its column."""
        part = self.design.inputs[number]
        features = part.features(x)
        if self.covariance is None:
            return np.zeros((len(x), self.outputs))
        covariance = self.covariance[number]
        if covariance.ndim == 2:
            return np.sqrt(np.maximum(features @ covariance.T, 0.0))
        return np.sqrt(np.maximum(np.einsum("ni,kij,nj->nk", features, covariance, features, optimize=True), 0.0))

    def eta(self, x: Matrix) -> Matrix:
        """Return eta (n, K) of columns x (n, p)."""
        features = self.design.features(x)
        matrix = joined(features, len(x))
        eta = np.tile(self.intercept, (len(x), 1))
        if features:
            eta += matrix @ np.vstack(self.beta)
        for pair, beta in self.products.items():
            eta += self.design.product(features, pair)[0] @ beta
        if self.hidden is not None:
            eta += self.hidden.eta(matrix)[:, None]
        return eta if self.steps is None else eta + self.steps.eta(x)

    def scaled(self, scale: float, center: float) -> "AdditiveModel":
        """Return the model center + scale eta."""
        hidden = None if self.hidden is None else replace(self.hidden, weight=self.hidden.weight * scale)
        return replace(
            self,
            intercept=center + scale * self.intercept,
            beta=tuple(scale * beta for beta in self.beta),
            products={pair: scale * beta for pair, beta in self.products.items()},
            hidden=hidden,
            steps=None if self.steps is None else self.steps.scaled(scale),
            covariance=None if self.covariance is None else tuple(scale**2 * each for each in self.covariance),
        )


def side_by_side(models: Sequence[AdditiveModel]) -> AdditiveModel:
    """Return one model with the outputs of several of the same design, which have neither products nor hidden nodes."""
    first = models[0]
    beta = tuple(np.hstack([model.beta[k] for model in models]) for k in range(len(first.beta)))
    edf = tuple(np.mean([model.edf[k] for model in models], 0) for k in range(len(first.edf)))
    intercept = np.concatenate([model.intercept for model in models])
    known = [model.covariance for model in models if model.covariance is not None]
    covariance = tuple(map(np.concatenate, zip(*known, strict=True))) if len(known) == len(models) else None
    return replace(first, intercept=intercept, beta=beta, edf=edf, covariance=covariance)


def combined(models: Sequence[AdditiveModel], weights: Vector) -> AdditiveModel:
    """Return the weighted sum of models of the same rows, one of which has a hidden node at most, side by side.

    A column that is in several designs has several inputs, but for lines, which become part of a later curve on the
    same axis. Covariances are those of the models: they are not joined.
    """
    inputs: list[Input] = []
    beta: list[Matrix] = []
    edf: list[Vector] = []
    covariance: list[Matrix] = []
    products, product_edf, hidden = {}, {}, None
    models = _without_lines(models, weights)
    counts = [sum(part.n_features for part in model.design.inputs) for model in models]
    for k, (model, weight) in enumerate(zip(models, weights, strict=True)):
        first = len(inputs)
        scaled = model.scaled(float(weight), 0.0)
        inputs += model.design.inputs
        beta += scaled.beta
        edf += [weight * each for each in model.edf]
        covariance += model.covariance or [_unknown(part, model.outputs) for part in model.design.inputs]
        for (i, j), own in scaled.products.items():
            products[first + i, first + j] = own
            product_edf[first + i, first + j] = float(weight) * model.product_edf[i, j]
        if scaled.hidden is not None:
            place = sum(counts[:k]) + np.arange(counts[k])
            hidden = _unpacked(scaled.hidden, place, sum(counts), 1.0)
            hidden = replace(hidden, weight=scaled.hidden.weight)
    intercept = np.sum([weight * model.intercept for model, weight in zip(models, weights, strict=True)], 0)
    return AdditiveModel(
        Design(tuple(inputs)), intercept, tuple(beta), products, tuple(edf), product_edf, hidden, tuple(covariance)
    )


def _without_lines(models: Sequence[AdditiveModel], weights: Vector) -> list[AdditiveModel]:
    """Return the models, in which lines of columns of a later one are part of its curves.

    The straight function of a curve is the same for the same rows and axis.
    """
    found = list(models)
    for k, model in enumerate(models[:-1]):
        kept = list(range(len(model.design.inputs)))
        for j in range(k + 1, len(models)):
            if weights[j] <= 0:
                continue
            beta = list(found[j].beta)
            for number, part in enumerate(found[j].design.inputs):
                same = [i for i in kept if _is_line_of(model.design.inputs[i], part)]
                for i in same:
                    beta[number] = beta[number].copy()
                    beta[number][0] += model.beta[i][0] * weights[k] / weights[j]
                    kept.remove(i)
            found[j] = replace(found[j], beta=tuple(beta))
        if len(kept) < len(model.design.inputs):
            found[k] = replace(
                model,
                design=Design(tuple(model.design.inputs[i] for i in kept)),
                beta=tuple(model.beta[i] for i in kept),
                edf=tuple(model.edf[i] for i in kept),
                covariance=None if model.covariance is None else tuple(model.covariance[i] for i in kept),
            )
    return found


def _is_line_of(line: Input, part: Input) -> bool:
    if not (isinstance(line, Curve) and isinstance(part, Curve) and line.n_features == 1):
        return False
    own, other = ((each.column, each.axis, each.middle, each.deviation) for each in (line, part))
    return own == other


def _unknown(part: Input, outputs: int) -> Matrix:
    """Return the covariance of coefficients that count as known."""
    size = part.n_features
    return np.zeros((outputs, size)) if isinstance(part, Levels) else np.zeros((outputs, size, size))


def averaged(source: Candidates, found: Sequence[Candidate], weights: Vector, shift: Vector) -> AdditiveModel:
    """Return the weighted sum of candidates, with the covariance of the one that has the largest weight."""
    likely = int(np.argmax(weights))
    covariance = covariances(source, found[likely]) if weights[likely] > 0 else None
    return replace(summed(source, found, weights, shift), covariance=covariance)


def summed(source: Candidates, found: Sequence[Candidate], weights: Vector, shift: Vector) -> AdditiveModel:
    """Return the weighted sum of candidates: a sum of additive models is one additive model."""
    design, outputs = source.design, source.family.outputs
    widths = [part.n_features for part in design.inputs]
    blocks: list[list[Block]] = [part.blocks() for part in design.inputs]
    n_blocks = sum(map(len, blocks))
    total, edf = np.zeros((sum(widths), outputs)), np.zeros(n_blocks)
    intercept, hidden = np.array(shift, dtype=float), None
    products: dict[Pair, Matrix] = {}
    product_edf: dict[Pair, float] = {}
    for candidate, weight in zip(found, weights, strict=True):
        if weight <= 0:
            continue
        fit, main = candidate.fit, len(source.kept)
        intercept = intercept + weight * fit.intercept
        total[source.kept] += weight * fit.beta[:main]
        edf += weight * fit.edf[:n_blocks]
        place, block = main, n_blocks
        for pair in candidate.pairs:
            own = design.product_blocks(pair)
            size = sum(each.size for each in own)
            zero = np.zeros((size, outputs))
            products[pair] = products.get(pair, zero) + weight * fit.beta[place : place + size]
            product_edf[pair] = product_edf.get(pair, 0.0) + weight * float(fit.edf[block : block + len(own)].sum())
            place, block = place + size, block + len(own)
        if candidate.hidden is not None:
            hidden = _unpacked(candidate.hidden, source.kept, len(total), float(weight))
    at, block_at = np.cumsum([0, *widths]), np.cumsum([0, *map(len, blocks)])
    return AdditiveModel(
        design,
        intercept,
        tuple(total[a:b] for a, b in itertools.pairwise(at)),
        products,
        tuple(edf[a:b] for a, b in itertools.pairwise(block_at)),
        product_edf,
        hidden,
    )


def _unpacked(node: HiddenNode, kept: np.ndarray, width: int, weight: float) -> HiddenNode:
    """Return the node on all features, not only on those that were kept."""
    alpha, mean = np.zeros(width), np.zeros(width)
    alpha[kept], mean[kept] = node.alpha, node.mean
    return HiddenNode(alpha, mean, node.gamma, weight)


def alternatives(source: Candidates) -> dict[str, AdditiveModel]:
    """Return every candidate by its name as a model without a covariance; none unless the family is Gaussian."""
    if not isinstance(source.family, Gaussian):
        return {}
    return {name: summed(source, [each], np.ones(1), np.zeros(1)) for name, each in source.found.items()}


def covariances(source: Candidates, candidate: Candidate) -> tuple[Matrix, ...]:
    """Return the covariance of the coefficients of each input, as `compact` keeps it, from one candidate.

    Smoothing parameters count as known, as does the choice of the candidate.

    Source: Wood, Generalized Additive Models (2017), 6.10.
    """
    main, width = len(source.kept), sum(part.n_features for part in source.design.inputs)
    means = np.zeros(width)
    means[source.kept] = source.weights @ source.matrix / source.weights.sum()
    found = (spaced(each[:main, :main], source.kept, width) for each in _of_outputs(source, candidate))
    return compact(source.design.inputs, found, means)


def spaced(covariance: Matrix, kept: np.ndarray, width: int) -> Matrix:
    """Return the covariance of all features, (width, width), from that of those that were kept."""
    full = np.zeros((width, width))
    full[np.ix_(kept, kept)] = covariance
    return full


def compact(inputs: Sequence[Input], outputs: Iterable[Matrix], means: Vector) -> tuple[Matrix, ...]:
    """Return the covariance (K, m, m) of each input's coefficients, from that of all, (P, P) for each of K outputs.

    Levels have a variance (K, m) of each effect about their mean over the rows instead, `means` (P,) being the
    fraction of rows at each: a matrix of thousands of levels is never needed.
    """
    at = np.cumsum([0, *(part.n_features for part in inputs)])
    found: list[list[Matrix]] = [[] for _ in inputs]
    for full in outputs:
        for part, own, (a, b) in zip(inputs, found, itertools.pairwise(at), strict=True):
            block, mean = full[a:b, a:b], means[a:b]
            if isinstance(part, Levels) and not part.references:
                cross = block @ mean
                own.append(np.diag(block) - 2 * cross + cross @ mean)
            else:
                own.append(block.copy())
    return tuple(np.stack(own) for own in found)


def _of_outputs(source: Candidates, candidate: Candidate) -> Iterator[Matrix]:
    """Return the covariance of all coefficients for each output."""
    fit = candidate.fit
    if source.family.outputs == 1:
        yield fit.variance * fit.covariance
        return
    matrix = source.with_products(candidate.pairs)
    blocks = source.blocks + [block for pair in candidate.pairs for block in source.design.product_blocks(pair)]
    penalties = np.repeat(np.exp(fit.rho), [block.size for block in blocks], axis=0)
    eta = fit.eta(matrix)
    for k in range(source.family.outputs):
        yield _of_output(source, fit, matrix, eta, (k, penalties[:, k]))


def _of_output(
    source: Candidates, fit: Penalized, matrix: Matrix, eta: Matrix, output: tuple[int, Vector]
) -> Matrix:  # fmt: skip
    number, penalties = output
    used = np.flatnonzero(fit.feature_edf > 1e-12)
    response, working = source.family.working(eta, source.y, number)
    gram = Moments.of(matrix[:, used], response, source.weights * working).centered().gram
    inverse = np.linalg.inv(gram + np.diag(penalties[used]))
    return spaced(inverse * (source.family.scale or fit.variance), used, len(penalties))


def with_sure_tails(model: AdditiveModel) -> AdditiveModel:
    """Return the model in which each curve goes on beyond the data only as far as the rows are sure of it.

    A tail levels off within its usual length or, if that is less, within the length |slope| / c in which a curve of the
    curvature c does, the root mean square of that on the data. If it then rises by d, with a posterior standard
    deviation s, it is shortened to max(0, 1 - 2 s / |d|) of that. On the data nothing changes.
    """
    if model.covariance is None:
        return model
    inputs = list(model.design.inputs)
    for number, (part, beta) in enumerate(zip(inputs, model.beta, strict=True)):
        if isinstance(part, Curve) and not part.is_line:
            turn = 1.5 / part.tail**2 / max(part.curvature(beta), 1e-300)  # of the change: |slope| / c over the length
            low, high = (_sure(change, beta, model.covariance[number], turn) for change in part.tails())
            inputs[number] = part if low == high == 1.0 else part.shortened(low, high)
    return replace(model, design=Design(tuple(inputs)))


def _sure(change: Vector, beta: Matrix, covariance: Matrix, turn: float) -> float:
    """Return the part of a tail to keep, given the change of each function in it."""
    size = float(np.linalg.norm(change @ beta))
    doubt = float(np.sqrt(np.maximum(np.einsum("i,kij,j->k", change, covariance, change), 0.0).sum()))
    if size == 0.0:
        return 1.0
    shortest = 0.02  # of the usual length
    return max(min(1.0, turn * size) * (1.0 - TUNING.tail_doubt * doubt / size), shortest)
