"""What is said of the rows of a table that is searched: limits of the target, trials, correlated rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.discovery._request import Request, column_of, row_count
from edgewise.discovery.likelihoods import (
    Binomial,
    Censored,
    CensoredNormal,
    Correlated,
    Likelihood,
    check_positions,
    imputed,
    rates,
)
from edgewise.discovery.tables import Table
from edgewise.tables.encoding import as_array
from edgewise.tables.io import limits_of


@dataclass(frozen=True)
class Scattered:
    """The target as numbers `y` (n,), and what is said of rows: their limits, trials, or positions, (n,) each."""

    y: Any
    limits: tuple[Array, Array] | None = None
    upper: Array | None = None
    trials: Array | None = None
    order: Array | None = None

    @classmethod
    def of(cls, x: Any, y: Any, trials: Any, correlated: Any) -> Scattered:
        """Return what is said of rows.

        Errors: InputError for two kinds at once, limits that make no sense, and columns that do not fit.
        """
        censored = y if isinstance(y, Censored) else _read(y)
        ordered = correlated is not None and correlated is not False
        said = [("a censored target", censored is not None), ("'trials'", trials is not None)]
        chosen = [name for name, there in [*said, ("'correlated'", ordered)] if there]
        if len(chosen) > 1:
            raise InputError(f"{' and '.join(chosen)} cannot be combined. Leave all but one of them out.")
        if not chosen:
            return cls(y)
        rows = row_count(x)
        if censored is not None:
            if isinstance(censored.values, str):
                raise InputError(f"Give the values of the target, like ew.Censored(table[{censored.values!r}], ...).")
            upper = None if censored.upper is None else _column(x, censored.upper, rows, "upper")
            values = _named(censored.values, getattr(y, "name", None), upper)
            return cls(values, censored.limits(rows), upper)
        if trials is not None:
            count = np.full(rows, float(trials)) if is_number(trials) else _column(x, trials, rows, "trials")
            return cls(_named(y, None, count), trials=count)
        order = np.arange(rows, dtype=np.float64) if correlated is True else _column(x, correlated, rows, _ORDER)
        return cls(_named(y, None, order), order=order)

    @property
    def plain(self) -> bool:
        """Whether rows are independent measurements."""
        return self.limits is None and self.trials is None and self.order is None

    def likelihood(self, y: Array, weight: Array, kept: Array, known: bool) -> tuple[Likelihood, Array, Array]:
        """Return the likelihood of the rows that are kept (n,), their target as numbers, and their weights.

        `known` says that the weights are one over the standard errors. Errors: InputError for what are no counts,
        positions of several rows, and a target that is censored in all rows.
        """
        if self.trials is not None:
            trials = self.trials[kept]
            return Binomial(y, trials), rates(y, trials, kept), np.sqrt(trials)
        if self.order is not None:
            check_positions(self.order[kept])
            return Correlated(y, weight, self.order[kept]), y, weight
        assert self.limits is not None
        ends = Censored.ends(y, y if self.upper is None else self.upper[kept], *(limit[kept] for limit in self.limits))
        if not (ends[0] == ends[1]).any():
            raise InputError(f"All {len(y)} rows of the target are censored: nothing is measured.")
        return CensoredNormal(*ends, weight, known), imputed(*ends), weight


def with_likelihood(request: Request, scattered: Scattered, known: bool) -> Request:
    """Return a request with the likelihood that judges its rows; the same where they are independent measurements."""
    if scattered.plain:
        return request
    table = request.table
    weight = table.weight if table.noise.given else np.ones(len(table))
    likelihood, y, weight = scattered.likelihood(table.y, weight, table.numbers, known)
    working = Table.weighted(table.names, table.x, y, table.target, weight, known=False)
    return replace(request, table=replace(working, index=table.index), likelihood=likelihood)


def check_combined(scattered: Scattered, others: Mapping[str, object], *, weighted: bool) -> None:
    """Raise InputError for arguments that do not go with a likelihood of rows; those that are None were not given."""
    if scattered.plain:
        return
    for name, given in others.items():
        if given is not None:
            raise InputError(f"{name!r} does not go with censored values, 'trials' or 'correlated'. Leave it out.")
    if weighted and scattered.trials is not None:
        raise InputError("'sigma' and 'weights' do not go with 'trials', which say how much rows count.")


_ORDER = "correlated"


def _named(y: Any, name: str | None, *columns: Array | None) -> Any:
    """Return a target as a Series with its name, without values where a column (n,) has none."""
    pd = needed("pandas")

    values = np.asarray(as_array(y.to_numpy() if hasattr(y, "to_numpy") else y))
    if values.ndim != 1:
        raise InputError(f"A target that is judged by a likelihood must be one column. Got the shape {values.shape}.")
    found = pd.to_numeric(pd.Series(values, name=name or getattr(y, "name", None)), errors="coerce").astype(np.float64)
    for column in columns:
        if column is not None and len(column) == len(found):
            found = found.where(~np.isnan(column))
    return found


def _read(y: Any) -> Censored | None:
    """Return the limits that cells of text name, as "<0.05"; None where there is none."""
    cells = np.asarray(as_array(y.to_numpy() if hasattr(y, "to_numpy") else y)) if not hasattr(y, "columns") else None
    if cells is None or cells.dtype.kind not in "OSUT" or cells.ndim != 1:
        return None
    limits = limits_of(cells)
    return None if limits is None else Censored.between(*limits)


def _column(x: Any, given: Any, rows: int, what: str) -> Array:
    cells = as_array(column_of(x, given))
    cells = np.asarray(cells.to_numpy() if hasattr(cells, "to_numpy") else cells)
    if cells.dtype.kind == "M":
        days = cells.astype("datetime64[us]").astype(np.float64) / 8.64e10
        cells = np.where(np.isnat(cells), np.nan, days)
    try:
        found = cells.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what!r} must be numbers. It holds {str(cells.reshape(-1)[0])[:30]!r}.") from None
    if found.shape != (rows,):
        raise InputError(f"{what!r} must have one number for each of the {rows} rows. Got the shape {found.shape}.")
    return found
