"""What an additive fit chose, in tables that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._typing import Array
from edgewise.additive import AdditiveFit, Gaussian, input_name

if TYPE_CHECKING:
    import pandas as pd


def candidate_table(fit: AdditiveFit) -> pd.DataFrame:
    """Return the candidates from the constant to what was selected: out-of-fold R^2 or loss, and weight in the average.

    For numbers `r2` is on the scale on which the target is a sum of curves.
    """
    import pandas as pd

    rows: dict[str, list[Any]] = {"candidate": [], "loss": [], "weight": []}
    for name, loss in fit.scores.items():
        rows["candidate"].append(name)
        rows["loss"].append(loss)
        rows["weight"].append(fit.weights.get(name, np.nan))
    if isinstance(fit.family, Gaussian):
        constant = rows["loss"][0]
        rows["r2"] = [1 - loss / constant if constant > 0 else 0.0 for loss in rows["loss"]]
    return pd.DataFrame(rows).set_index("candidate")


def edge_table(fit: AdditiveFit, x: Array, names: list[str]) -> pd.DataFrame:
    """Return every curve and product: its degrees of freedom, its share of the variance of the sum, what it is.

    Shares are of the sum of the variances of all parts over the rows x. The standard deviation of a part is in the
    units of the sum: of the target, of its logarithm, or of log-odds.
    """
    import pandas as pd

    model = fit.model
    terms, scale = model.terms(x), fit.target.scale
    found: list[dict[str, Any]] = [
        {
            "edge": input_name(part, names),
            "kind": "level" if part.blocks()[0].kind == "value" else part.blocks()[0].kind.replace("straight", "curve"),
            "edf": float(edf.sum()),
            "deviation": scale * float(np.sqrt(terms[:, k].var(0).sum())),
        }
        for k, (part, edf) in enumerate(zip(model.design.inputs, model.edf, strict=True))
    ]
    for pair, values in model.product_terms(x).items():
        first, second = (input_name(model.design.inputs[k], names) for k in pair)
        edf, deviation = model.product_edf[pair], scale * float(np.sqrt(values.var(0).sum()))
        found.append({"edge": f"{first} * {second}", "kind": "product", "edf": edf, "deviation": deviation})
    total = max(sum(row["deviation"] ** 2 for row in found), 1e-300)
    for row in found:
        row["share"] = row["deviation"] ** 2 / total
    found.sort(key=lambda row: -row["share"])
    return pd.DataFrame(found, columns=pd.Index(["edge", "kind", "edf", "share", "deviation"])).set_index("edge")
