"""A table as the inputs of a saved network."""

import math

import numpy as np

from edgewise.tables.encoding import Category
from edgewise.tables.io._mixed import frame_of
from edgewise.tables.io._model import SavedModel
from edgewise.tables.io._table import Table


def network_inputs(saved: SavedModel, table: Table) -> np.ndarray:
    """Return the inputs (n_rows, d) of a saved network; missing values are NaN if it was trained on numbers only.

    Errors: InputError for a column that is missing or of another kind.

    >>> import edgewise as ew
    >>> saved = SavedModel(ew.KAN([1, 1]), ["t"], "y", "0.2.0")
    >>> network_inputs(saved, Table({"y": np.ones(2), "t": np.array([1.0, np.nan])}, n_rows=2))
    array([[ 1.],
           [nan]])
    """
    if saved.inputs is None:
        return table.inputs(saved.names or [])
    columns = saved.inputs.encoder.columns
    frame = frame_of(table, [column.name for column in columns])
    for column in columns:  # text that happens to be numbers in this file
        if isinstance(column, Category) and frame[column.name].dtype.kind == "f":
            frame[column.name] = [None if math.isnan(v) else f"{v:.17g}" for v in frame[column.name]]
    return saved.inputs.of(frame)
