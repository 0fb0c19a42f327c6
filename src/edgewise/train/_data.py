"""Arrays from outside made into a table that can be trained on, or an error that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.train._table import Table


def as_matrix(values: Any, what: str) -> Tensor:
    """Return a float64 tensor of two dimensions from an array, tensor, table or list; one dimension is a column."""
    try:
        tensor = values.detach() if isinstance(values, Tensor) else _from_array(values)
        if tensor.is_complex():
            raise TypeError("the numbers are complex")
        tensor = tensor.to(torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"{what} must be numbers in an array or tensor. Got {type(values).__name__}: {reason}."
        ) from error
    if tensor.dim() == 1:
        tensor = tensor.unsqueeze(1)
    if tensor.dim() != 2 or 0 in tensor.shape:
        raise InputError(f"{what} must have shape (rows, columns) with at least one row. Got {tuple(tensor.shape)}.")
    if not torch.isfinite(tensor).all():
        row, column = (~torch.isfinite(tensor)).nonzero()[0].tolist()
        raise InputError(
            f"{what} has {tensor[row, column].item()} in row {row}, column {column}. Drop or fill such rows."
        )
    if float(tensor.abs().max()) > 1e150:
        raise InputError(
            f"{what} has values beyond 1e150, whose squares overflow. Rescale the column, for example its units."
        )
    return tensor


def _from_array(values: Any) -> Tensor:
    """A tensor of an array, table or list; Python's numbers are read as float64, not as torch's default."""
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if array.dtype == object:  # as tables of mixed types give
        array = array.astype(np.float64)
    return torch.as_tensor(array) if array.flags.writeable else torch.tensor(array)


def as_table(x: Any, y: Any, weights: Any, n_in: int, n_out: int) -> Table:
    """Check x, y and weights against each other and the network."""
    x, y = as_matrix(x, "x"), as_matrix(y, "y")
    if len(x) != len(y):
        raise InputError(f"x and y must have equally many rows. Got {len(x)} and {len(y)}.")
    if x.shape[1] != n_in:
        raise InputError(f"This KAN takes {n_in} input columns. x has {x.shape[1]}.")
    if y.shape[1] != n_out:
        raise InputError(f"This KAN gives {n_out} outputs. y has {y.shape[1]} columns.")
    if len(x) < 3:
        raise InputError(f"Fitting needs at least 3 rows. Got {len(x)}.")
    if weights is None:
        return Table(x, y, torch.ones(len(x), dtype=torch.float64, device=x.device))
    w = as_matrix(weights, "weights")
    if w.shape != (len(x), 1):
        raise InputError(f"weights must hold one number for each of the {len(x)} rows. Got shape {tuple(w.shape)}.")
    if float(w.min()) < 0 or float(w.sum()) == 0:
        raise InputError("weights must be non-negative and not all zero.")
    counts = w[:, 0] > 0  # rows of no weight are no rows
    if int(counts.sum()) < 3:
        raise InputError(f"Fitting needs at least 3 rows of positive weight. Got {int(counts.sum())}.")
    x, y, w = x[counts], y[counts], w[counts, 0]
    return Table(x, y, w / w.mean())
