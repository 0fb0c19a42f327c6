"""What an additive fit chose, in tables that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.estimators._contributions import chunks
from edgewise.tables.additive import AdditiveFit, Gaussian, input_name

if TYPE_CHECKING:
    import pandas as pd


def candidate_table(fit: AdditiveFit) -> pd.DataFrame:
    """Return the candidates from the constant to what was selected: out-of-fold R^2 or loss, and weight in the average.

    For numbers `r2` is on the scale on which the target is a sum of curves.
    """
    pd = needed("pandas")

    rows: dict[str, list[Any]] = {"candidate": [], "loss": [], "weight": []}
    for name, loss in fit.scores.items():
        rows["candidate"].append(name)
        rows["loss"].append(loss)
        rows["weight"].append(fit.weights.get(name, np.nan))
    if isinstance(fit.family, Gaussian):
        constant = rows["loss"][0]
        rows["r2"] = [1 - loss / constant if constant > 0 else 0.0 for loss in rows["loss"]]
    return pd.DataFrame(rows).set_index("candidate")


def deviations(fit: AdditiveFit, x: Array) -> Array:
    """Return the standard deviation over the rows x of every input's curve and of every product, in the units of the
    sum: of the target, of its logarithm, or of log-odds."""
    model = fit.model
    total = np.zeros((2, len(model.design.inputs) + len(model.products), model.outputs))
    for rows in chunks(len(x)):
        products = model.product_terms(x[rows]).values()
        values = np.concatenate([model.terms(x[rows]), *(each[:, None] for each in products)], 1)
        total += values.sum(0), (values**2).sum(0)
    mean, square = total / len(x)
    return fit.target.scale * np.sqrt(np.maximum(square - mean**2, 0.0).sum(1))


def edge_table(fit: AdditiveFit, deviation: Array, names: list[str]) -> pd.DataFrame:
    """Return every curve and product: its degrees of freedom, its share of the variance of the sum, what it is.

    Shares are of the sum of the variances of all parts; `deviation` has what `deviations` returns.
    """
    pd = needed("pandas")

    model = fit.model
    edges = [input_name(part, names) for part in model.design.inputs]
    kinds = [part.blocks()[0].kind for part in model.design.inputs]
    words = ["level" if kind == "value" else kind.replace("straight", "curve") for kind in kinds]
    edf = [*(float(each.sum()) for each in model.edf), *model.product_edf.values()]
    rows = {
        "edge": edges + [f"{edges[first]} * {edges[second]}" for first, second in model.products],
        "kind": words + ["product"] * len(model.products),
        "edf": edf,
        "share": deviation**2 / max(float((deviation**2).sum()), 1e-300),
        "deviation": deviation,
    }
    return pd.DataFrame(rows).sort_values("share", ascending=False, kind="stable").set_index("edge")


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the table of one target, or those of several above each other."""
    pd = needed("pandas")

    return (
        tables[0]
        if len(tables) == 1
        else pd.concat(tables, keys=range(len(tables)), names=["target", str(tables[0].index.name)])
    )
