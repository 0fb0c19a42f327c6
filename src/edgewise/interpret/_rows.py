"""The rows that a network is looked at on."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.nn import KAN
from edgewise.train import as_inputs

By = Literal["output"] | None
Region = Data | None
_MOST_ROWS = 10_000


def table_of(model: KAN, x: Data) -> Tensor:
    """All rows of x, checked, in the network's number type and on its device."""
    return as_inputs(x, model).to(model.dtype)


def rows_of(model: KAN, x: Data | None) -> Tensor:
    """The rows to show a network on: at most 10 000 of x, or points spread over the first knots."""
    if x is None:
        layer = model.layers[0]
        low, high = layer.basis.ends(layer.knots)
        unit = torch.quasirandom.SobolEngine(model.n_in).draw(513, dtype=torch.float64)[1:].to(low)
        return low + (high - low) * unit
    table = table_of(model, x)
    return table[:: -(-len(table) // _MOST_ROWS)]


def region_of(table: Tensor, rows: Region) -> Tensor:
    """Those rows of a table that `rows` chooses: a mask of as many booleans, row numbers, or None for all of them."""
    if rows is None:
        return table
    try:
        chosen = torch.tensor(np.asarray(rows), device=table.device)  # a copy, since what is given may be read-only
    except (TypeError, ValueError, RuntimeError):
        chosen = torch.empty(0)
    whole = chosen.dtype == torch.bool or not (chosen.is_floating_point() or chosen.is_complex())
    if chosen.dim() != 1 or not whole or (chosen.dtype == torch.bool and len(chosen) != len(table)):
        raise InputError(
            f"'rows' must be a mask of {len(table)} booleans or a list of row numbers. "
            f"Got {type(rows).__name__} of shape {tuple(chosen.shape)}."
        )
    numbers = chosen.nonzero().flatten() if chosen.dtype == torch.bool else chosen.long()
    if len(numbers) == 0:
        raise InputError("'rows' chooses no row: widen the region.")
    if not -len(table) <= int(numbers.min()) <= int(numbers.max()) < len(table):
        raise InputError(f"'rows' must be row numbers below {len(table)}. Got {int(numbers.max())}.")
    return table[numbers]
