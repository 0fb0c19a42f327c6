"""The curves of a second model on top of those of a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions
from edgewise.estimators.page._sums import packed, unpacked
from edgewise.tables.encoding import Category


def overlaid(values: dict[str, Any], first: Any, second: Any) -> None:
    """Add what the columns of a second estimator add to the values of the first one's page, in place.

    Columns are matched by name, sums by their place. Sums in other units, and models that are no sums, are left out.
    """
    values["interactive"] = False
    ours = first._parts()
    theirs = second._parts() if hasattr(second, "_parts") else []
    labels = [label for own in first._sums() for label in own]
    for each, label in zip(values["sums"], labels, strict=True):
        own = ours[each["fit"]]
        other = theirs[each["fit"]] if each["fit"] < len(theirs) else None
        if other is None or other.unit("y", str(label)) != own.unit("y", str(label)):
            continue
        for k, drawn in enumerate(each["curves"]):
            name = own.columns[k]
            if name in other.columns:
                places = unpacked(drawn["x"])
                codes = _recoded(places, first.encoder_.columns[k], second.encoder_.columns[other.columns.index(name)])
                drawn["other"] = packed(_adds(other, other.columns.index(name), codes)[:, each["k"]])
    compared = any("other" in drawn for each in values["sums"] for drawn in each["curves"])
    values["left"] = ""
    values["note"] = "Blue is the first model, dashed orange the second." if compared else (
        "The second model has no curves in the same units."
    )  # fmt: skip


def _adds(parts: Contributions, column: int, values: Array) -> Array:
    """Return what a column adds at its values, (n, K)."""
    x = np.full((len(values), len(parts.columns)), np.nan)
    x[:, column] = values
    return parts.of(x)[:, column]


def _recoded(places: Array, own: Any, other: Any) -> Array:
    """Return numbers of levels as another column has them."""
    if not (isinstance(own, Category) and isinstance(other, Category)):
        return places
    codes = {label: float(k) for k, label in enumerate(other.labels)}
    return np.array([codes.get(own.labels[int(place)], np.nan) for place in places])
