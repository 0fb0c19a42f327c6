"""What a page of a fitted table shows, as plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions
from edgewise.estimators._curves_display import Effects
from edgewise.estimators._reading import importance_table
from edgewise.estimators.page._sums import left_out, packed, sum_values
from edgewise.tables.additive import (
    Accelerated,
    Classes,
    Cox,
    Curve,
    Gamma,
    NegativeBinomial,
    Ordered,
    Poisson,
    Quantile,
    Tweedie,
)
from edgewise.tables.encoding import Category, Column, Dates, Encoder

BYTES = 2_500_000  # of tables of steps in a page, at most
_ROW_NUMBERS = 100_000  # of rows in a page, at most
_MEASURED = 20_000  # rows that importance and densities are of, at most
_BINS = 36  # of the density below a curve


@dataclass(frozen=True)
class PageContent:
    """A page: a title, a sentence on what it is, facts (label, value), the values that its script reads, and further
    sections as HTML, below and above what the script draws."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    values: dict[str, Any]
    sections: Sequence[str] = ()
    lead: Sequence[str] = ()


@dataclass(frozen=True)
class PageRows:
    """The rows that a page is made of: encoded x (n, p), each fit's target, the out-of-fold sums (n, K) of each fit or
    None, and names of the rows."""

    x: Array
    targets: list[Array] | None
    held_out: list[Array | None]
    names: Sequence[str]


def page_values(
    parts: Sequence[Contributions], encoder: Encoder, rows: PageRows, labels: Sequence[Sequence[Any]], *,
    most: int, named: str,
) -> dict[str, Any]:  # fmt: skip
    """Return what the script of a page reads; `most` rows are part of it, `named` is what the target is called."""
    order = np.random.default_rng(0).permutation(len(rows.x))
    many = np.sort(order[:_MEASURED])
    x = rows.x[many]
    count = min(most, len(rows.x), _ROW_NUMBERS // max(rows.x.shape[1], 1))
    chosen = np.sort(order[:count])
    fits, left = [], []
    for own in parts:
        values, gone = sum_values(own, x, BYTES // len(parts))
        target = rows.targets[len(fits)][many] if rows.targets else None
        fits.append(values | {
            "loss": _loss(own), "importance": _importance(own, x, target),
            "unit": [
                own.unit(named if len(parts) == 1 else f"{named} {len(fits)}", str(label))
                for label in labels[len(fits)]
            ],
        })  # fmt: skip
        left.append(left_out(own, gone, x))
    sums = [
        {"fit": t, "k": k, "label": str(label), "curves": _curves(parts[t], encoder, x, k)}
        for t, own in enumerate(labels)
        for k, label in enumerate(own)
    ]
    held = np.searchsorted(many, chosen)
    return {
        "left": _left_words(left),
        "columns": [
            _column(column, x[:, k], log=bool(sums[0]["curves"][k].get("log")))
            for k, column in enumerate(encoder.columns)
        ],
        "fits": fits,
        "sums": sums,
        "rows": {
            "count": count,
            "names": [str(rows.names[k]) for k in chosen],
            "x": packed(rows.x[chosen], "f8"),
            "rest": [packed(each[held], "f8") for each in left],
            "predictions": [packed(own.fit.predict(x)[held], "f8") for own in parts],
            "y": None if rows.targets is None else [packed(each[chosen], "f8") for each in rows.targets],
            "held_out": [None if each is None else packed(each[chosen], "f8") for each in rows.held_out],
        },
    }


def _left_words(left: Sequence[Array]) -> str:
    """Return in words what the page leaves out, which stays as it is where other values are tried."""
    sizes = [float(np.sqrt(each.var(0).sum())) for each in left]
    if not any(sizes):
        return ""
    words = " and ".join(f"{size:.2g}" for size in sizes)
    return (
        f"Faint tables of several columns are left out of it: together they have a standard deviation of {words}, and "
        "stay as the row has them where other values are tried."
    )


def _loss(parts: Contributions) -> dict[str, Any]:
    family = parts.fit.family
    if isinstance(family, Classes | Ordered):
        return {"name": "log", "said": "log loss"}
    if isinstance(family, Poisson | Gamma):
        name = "poisson" if isinstance(family, Poisson) else "gamma"
        return {"name": name, "said": f"{name} deviance"}
    if isinstance(family, Tweedie):
        return {"name": "tweedie", "power": family.power, "said": "Tweedie deviance"}
    if isinstance(family, NegativeBinomial):
        return {"name": "counts", "dispersion": family.dispersion, "said": "negative log-likelihood"}
    if isinstance(family, Cox | Accelerated):
        return {"name": "none", "said": ""}
    if isinstance(family, Quantile):
        return {"name": "pinball", "level": family.level, "said": "pinball loss"}
    squared = type(family).__name__ == "Gaussian"
    said = {"identity": "", "log": " of the logarithm", "sqrt": " of 2 √target"}[parts.fit.target.name]
    return {
        "name": "squared" if squared else "absolute",
        "said": ("squared" if squared else "absolute") + " error" + said,
    }


def _importance(parts: Contributions, x: Array, target: Array | None) -> list[dict[str, Any]]:
    table, names = importance_table(parts, x, target), parts.names()
    places = [names.index(str(name)) for name in table.index]
    return [
        {"part": place, **dict(zip(table.columns, map(float, row), strict=True))}
        for place, row in zip(places, table.to_numpy(), strict=True)
    ]


def _column(column: Column, x: Array, *, log: bool) -> dict[str, Any]:
    """Return what the page knows of a column: its values, and how rows are spread over them."""
    seen = x[np.isfinite(x)]
    found: dict[str, Any] = {"name": column.name, "missing": float(np.isnan(x).mean())}
    if isinstance(column, Category):
        labels = ["gap" if label is None else str(label) for label in column.labels]
        counts = np.bincount(seen.astype(int), minlength=len(labels))
        keys = [label if label is None or isinstance(label, str) else str(label) for label in column.labels]
        return found | {
            "kind": "category", "labels": labels, "keys": keys, "counts": counts.tolist(),
            "typical": int(counts.argmax()) if len(seen) else None,
        }  # fmt: skip
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 0.0)
    space = np.geomspace if log else np.linspace
    counts, edges = np.histogram(seen, space(low, high if high > low else low + 1, _BINS + 1))
    whole = bool(len(seen)) and bool((seen == np.round(seen)).all())
    return found | {
        "kind": column.kind if isinstance(column, Dates) else "number", "low": low, "high": high, "whole": whole,
        "typical": float(np.quantile(seen, 0.5, method="nearest")) if len(seen) else None,
        "counts": counts.tolist(), "edges": edges.tolist(),
    }  # fmt: skip


def _curves(parts: Contributions, encoder: Encoder, x: Array, output: int) -> list[dict[str, Any]]:
    """Return at which values of each column its curve is drawn, and half the width of its band there."""
    found, out = Effects(parts, encoder, x, output), []
    for k, column in enumerate(encoder.columns):
        inputs = found.inputs(k)
        if isinstance(column, Category):
            codes, _ = found.codes(k)
            out.append({"x": packed(codes, "f8"), "band": packed(found.band(inputs, codes))})
            continue
        places, log = found.places(k)
        gap = float(found.band(inputs, np.array([np.nan]))[0])
        numbers = found.inputs(k, Curve)
        out.append({"x": packed(places, "f8"), "band": packed(found.band(numbers, places)), "log": log, "gap": gap})
    return out


def finite(value: Any) -> Any:
    """Return plain values without infinities and NaN, which JSON has not: None stands for them."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
