"""The posterior covariance of the coefficients of each input, for the bands of its curve."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from edgewise.tables.additive._candidates import Candidate, Candidates
from edgewise.tables.additive._design import Input
from edgewise.tables.additive._levels import Levels
from edgewise.tables.additive._penalized import Penalized
from edgewise.tables.additive._reml import Matrix, Moments, Vector


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
            if isinstance(part, Levels):
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
