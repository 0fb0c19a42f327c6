"""What a person gives of the noise of each row: standard errors and weights, as arrays or columns of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._renamed import renamed
from edgewise._typing import Array
from edgewise.discovery.tables import Loss
from edgewise.train import as_matrix


@dataclass(frozen=True)
class RowWeights:
    """What multiplies the residuals (n,), and whether it is one over their standard errors; None for equal rows."""

    weight: Array | None = None
    known: bool = False

    @classmethod
    def of(cls, x: Any, sigma: Any, weights: Any) -> RowWeights:
        """Return sqrt(weights) / sigma: each an array (rows,), or the name of a column of x.

        Errors: InputError unless standard errors are positive, weights are not negative, and five weights positive.
        """
        if sigma is None and weights is None:
            return cls()
        rows = len(x)
        weight = np.ones(rows)
        if weights is not None:
            given = _column(x, rows, weights, "weights")
            if (given < 0).any() or np.count_nonzero(given) < min(5, rows):
                raise InputError(f"'weights' must not be negative, and positive on five rows. Least: {given.min():g}.")
            weight = np.sqrt(given)
        if sigma is not None:
            given = _column(x, rows, sigma, "sigma")
            if not (given > 0).all():
                bad = int(np.argmax(given <= 0))
                raise InputError(f"'sigma' must hold positive standard errors. Got {given[bad]:g} in row {bad}.")
            weight = weight / given
        return cls(weight, sigma is not None)


def inputs_of(x: Any, *given: Any) -> Any:
    """Return a table without the columns whose names are given.

    Errors: InputError where a name is given and x is no data frame, or lacks it.
    """
    names = [name for name in given if isinstance(name, str)]
    if not names:
        return x
    if not hasattr(x, "columns"):
        raise InputError(f"{names[0]!r} names a column, but x is no DataFrame. Give the values as an array.")
    own = [str(column) for column in x.columns]
    for name in names:
        if name not in own:
            raise unknown("column", name, own)
    return x[[column for column in x.columns if str(column) not in names]]


def checked_loss(loss: object) -> Loss:
    """Return a loss by name.

    Errors: InputError for any other name.
    """
    word = renamed("loss", loss)
    for known in get_args(Loss):
        if word == known:
            return known
    raise InputError(f"'loss' must be 'squared' or 'huber'. Got {loss!r}.")


def _column(x: Any, rows: int, given: Any, what: str) -> Array:
    """Return given numbers (rows,), or those of a column of the table."""
    if isinstance(given, str):
        inputs_of(x, given)
        given = x[next(column for column in x.columns if str(column) == given)]
    numbers = as_matrix(given, f"'{what}'")
    if tuple(numbers.shape) != (rows, 1):
        raise InputError(f"'{what}' must have one number for each of the {rows} rows. Got {tuple(numbers.shape)}.")
    return numbers[:, 0].cpu().numpy()
