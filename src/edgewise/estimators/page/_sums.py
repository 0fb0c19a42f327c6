"""The sum of a fit as plain values, from which a page computes the same contributions."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from edgewise._typing import Array
from edgewise.estimators._contributions import Contributions
from edgewise.tables.additive import Accelerated, Classes, Curve, Gaussian, Levels, LogLink, Ordered
from edgewise.tables.steps import Bins, StepTable

_NOTHING = 1e-12  # of a sum of no center, as that of hazards, whose mean is zero but for rounding


def packed(values: Array, kind: str = "f4") -> dict[str, str]:
    """Return an array as little-endian numbers in base64, with the name of their type."""
    data = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {kind: base64.b64encode(data).decode("ascii")}


def unpacked(values: dict[str, str]) -> Array:
    """Return the array that `packed` was given."""
    ((kind, text),) = values.items()
    return np.frombuffer(base64.b64decode(text), dtype=f"<{kind}")


def sum_values(parts: Contributions, x: Array, most: int) -> tuple[dict[str, Any], list[int]]:
    """Return the sum as plain values, and the numbers of the tables of steps that these leave out.

    These are tables of several columns, from the least important one on at rows x, where all together take more than
    `most` bytes.
    """
    tables = parts.model.steps.tables if parts.model.steps else ()
    spread = [float(table.at(x).var(0).sum()) for table in tables]
    kept, left, room = [], [], float(most)
    for k in sorted(range(len(tables)), key=lambda k: (len(tables[k].columns) > 1, -spread[k])):
        room -= 16 / 3 * tables[k].values.size  # bytes of a number in base64
        (kept if len(tables[k].columns) == 1 or room >= 0 else left).append(k)
    model, baseline = parts.model, parts.baseline
    found: dict[str, Any] = {
        "baseline": np.where(np.abs(baseline) < _NOTHING, 0.0, baseline).tolist(),
        "inputs": [_input(parts, k) for k in range(len(model.design.inputs))],
        "products": [_product(parts, k) for k in range(len(model.products))],
        "tables": [_table(parts, k) for k in sorted(kept)],
        "hidden": _hidden(parts),
        "link": _link(parts),
        "groups": [[*group] for group in parts.groups],
        "parts": parts.names(),
    }
    return found, left


def left_out(parts: Contributions, numbers: list[int], x: Array) -> Array:
    """Return what some tables of steps add together at rows x, (n, K)."""
    total = np.zeros((len(x), parts.model.outputs))
    tables = parts.model.steps.tables if parts.model.steps else ()
    for k in numbers:
        total += tables[k].at(x) - parts.fit.target.scale * parts.means.steps[k]
    return total


def _place(parts: Contributions, table: StepTable) -> int:
    """Return the number of the part that a table belongs to."""
    if len(table.columns) == 1:
        return table.columns[0]
    groups = [tuple(sorted(group)) for group in parts.groups]
    return len(parts.columns) + groups.index(table.columns)


def _input(parts: Contributions, number: int) -> dict[str, Any]:
    """Return what an input adds: `values` (points, levels or one, K) and what is added to all rows, `shift` (K,)."""
    part, beta = parts.model.design.inputs[number], parts.model.beta[number]
    shift = -(parts.means.features[number] @ beta)
    common = {"column": part.column, "shift": shift.tolist()}
    if isinstance(part, Curve):
        return common | _axis(part) | {"kind": "curve", "values": packed((part.coefficients - part.means) @ beta)}
    if isinstance(part, Levels):
        return common | {"kind": part.kind, "levels": packed(part.values, "f8"), "values": packed(beta)}
    return common | {"kind": "gap", "values": packed(beta)}


def _axis(part: Curve) -> dict[str, Any]:
    axis = part.axis
    return {
        "axis": axis.name, "scale": axis.scale, "moved": axis.shift, "center": axis.center, "width": axis.width,
        "middle": part.middle, "deviation": part.deviation, "gaps": part.gaps,
        "knots": packed(part.standard_knots, "f8"),
    }  # fmt: skip


def _product(parts: Contributions, number: int) -> dict[str, Any]:
    """Return a product: which functions its two factors have, and the coefficients (first, second, K)."""
    model = parts.model
    pair = list(model.products)[number]
    matrices = [model.design.factor_matrix(pair, own) for own in model.products[pair].T]
    sides = []
    for k in pair:
        part, numbers = model.design.inputs[k], model.design.factor_numbers(pair, k)
        if isinstance(part, Curve):
            functions = (part.coefficients - part.means)[:, numbers]
            sides.append({"input": k, "width": len(numbers), "functions": packed(functions)})
        else:
            sides.append({"input": k, "width": len(numbers), "levels": numbers.tolist()})
    mean = parts.fit.target.scale * parts.means.products[pair]
    place = len(parts.columns) + number
    return {"part": place, "sides": sides, "values": packed(np.stack(matrices, -1)), "mean": mean.tolist()}


def _table(parts: Contributions, number: int) -> dict[str, Any]:
    assert parts.model.steps is not None
    table = parts.model.steps.tables[number]
    mean = parts.fit.target.scale * parts.means.steps[number]
    return {
        "part": _place(parts, table), "columns": [*table.columns], "bins": [_bins(each) for each in table.bins],
        "values": packed(table.values), "mean": mean.tolist(),
    }  # fmt: skip


def _bins(bins: Bins) -> dict[str, Any]:
    return {"levels": bins.levels} if bins.levels else {"cuts": packed(np.array(bins.cuts), "f8")}


def _hidden(parts: Contributions) -> dict[str, Any] | None:
    """Return the hidden node: what each input adds to its sum, and the curve of that."""
    node, inputs = parts.model.hidden, parts.model.design.inputs
    if node is None:
        return None
    ends = np.cumsum([0, *(part.n_features for part in inputs)])
    sides = []
    for part, a, b in zip(inputs, ends[:-1], ends[1:], strict=True):
        alpha, mean = node.alpha[a:b], node.mean[a:b]
        values = (part.coefficients - part.means) @ alpha if isinstance(part, Curve) else alpha
        sides.append({"values": packed(values[:, None]), "shift": -float(mean @ alpha)})
    knots, points, slopes = node.spline()
    return {
        "inputs": sides, "knots": packed(knots, "f8"), "values": packed(points[:, None]), "slopes": slopes.tolist(),
        "mean": parts.fit.target.scale * parts.means.hidden,
    }  # fmt: skip


def _link(parts: Contributions) -> dict[str, Any]:
    """Return how a sum becomes a prediction."""
    fit = parts.fit
    if isinstance(fit.family, Classes):
        return {"kind": "logistic" if fit.family.outputs == 1 else "softmax"}
    if isinstance(fit.family, LogLink):
        return {"kind": "exp", "largest": fit.family.largest}
    if isinstance(fit.family, Ordered):
        return {"kind": "ordered", "thresholds": fit.family.thresholds}
    if isinstance(fit.family, Accelerated):
        return {"kind": "negated"}
    target = fit.target
    mean = isinstance(fit.family, Gaussian) and target.name != "identity"
    errors = target.scale * target.errors(fit.residual) if mean else np.zeros(1)
    return {"kind": target.name, "largest": float(target.largest), "errors": packed(errors)}
