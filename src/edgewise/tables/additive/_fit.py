"""An additive fit of a table: the shape, the scale of the target and all smoothing chosen by the rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgewise.tables.additive._algebra import Matrix, Vector
from edgewise.tables.additive._candidates import Check, Rows, ignore
from edgewise.tables.additive._family import Family
from edgewise.tables.additive._large import refitted
from edgewise.tables.additive._search import AdditiveFit, Request, search
from edgewise.tables.additive._tails import with_sure_tails

_LARGE = 20_000  # rows that choose the shape where there are more


def additive(
    x: Matrix, y: Vector, levels: Sequence[bool], family: Family, request: Request | None = None,
    *, weights: Vector | None = None, check: Check = ignore,
) -> AdditiveFit:  # fmt: skip
    """Fit a target by a sum of curves of the columns, of products of two, and a hidden node if rows ask for one.

    eta = b + sum_i f_i(x_i) + sum_ij f_ij(x_i, x_j) + g(sum_i h_i(x_i)),  family.mean(eta) = E y

    Every curve has its own smoothing parameters, found by restricted maximum likelihood. Candidates (line, curves,
    curves with products, with a hidden node) are joined by their out-of-fold predictions.

    Shapes: x (n, p), missing where not finite; y (n,), class numbers for classes; levels (p,) is True for columns that
    hold level numbers; weights (n,). `check` is called before each fit; what it raises ends the search.

    >>> from edgewise.tables.additive import Gaussian
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> fit = additive(x, np.sin(2 * x[:, 0]) + x[:, 1], [False, False], Gaussian())
    >>> fit.scores["curves"] < 0.02
    True
    """
    request = request or Request()
    w = np.ones(len(y)) if weights is None else weights / weights.mean()
    rows = Rows(x, y, w)
    if len(y) <= _LARGE:
        return _sure(search(rows, levels, family, request, check))
    drawn = np.sort(np.random.default_rng(request.seed).permutation(len(y))[:_LARGE])
    shape = replace(request, hidden=False, values=False)
    sample = search(Rows(*(part[drawn] for part in rows)), levels, family, shape, check)
    return _sure(refitted(sample, rows, request.monotone, check))


def _sure(fit: AdditiveFit) -> AdditiveFit:
    return replace(fit, model=with_sure_tails(fit.model))
