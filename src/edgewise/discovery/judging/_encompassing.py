"""Whether another model knows something of what a law leaves."""

import numpy as np

from edgewise._typing import Array


def encompassing(residual: Array, difference: Array) -> float:
    """Return the chance that residuals of a law agree as much with what another model says: a one-sided t test.

        t = sum(r d) / sqrt(sum(r^2 d^2))

    residual r (n,): rows less the law. difference d (n,): the other model, fitted without the row, less the law. If the
    law is right, d is the error of the other model alone, and independent of r. The denominator allows for noise that
    differs from row to row.

    >>> rng = np.random.default_rng(1)
    >>> noise, error, missed = rng.normal(size=(3, 400)) * [[1], [0.3], [0.3]]
    >>> encompassing(noise, error) > 0.05, encompassing(missed + noise, missed + error) < 1e-4
    (True, True)

    Source: Davidson and MacKinnon, Several tests for model specification in the presence of alternative hypotheses,
    Econometrica 49 (1981).
    """
    from scipy.stats import t

    product = residual * difference
    size = float(np.sqrt(np.sum(product**2)))
    if not np.isfinite(size) or size <= 0:
        return 1.0
    return float(t.sf(product.sum() / size, len(product) - 1))
