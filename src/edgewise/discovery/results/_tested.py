"""What was tested of a discovery, and what speaks against its formula, in sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.judging import Outcome
from edgewise.discovery.results._display import weight_text
from edgewise.discovery.results._front import Front, judged_rows
from edgewise.discovery.results._weights import absent
from edgewise.residuals import inspect

_FEW = 12  # rows below which residuals are not tested


def tested(found: Front) -> list[str]:
    """Return what the residuals of the best formula were tested for, and what was found."""
    keep = judged_rows(len(found.y), 0)
    residual, _ = scaled_residuals(found)
    values = found.best.predict(found.x[keep])
    if found.outcome is Outcome.EXACT:
        return ["What is left is rounding."]
    if len(keep) < _FEW:
        return [f"Residuals of fewer than {_FEW} rows are not tested."]
    if not np.isfinite(residual[keep]).all():
        return ["The formula is undefined at some rows, so its residuals are not tested."]
    members = group_members(found)
    places = [k for k in range(len(found.names)) if members is None or k not in members.places]
    findings = inspect(
        found.x[keep][:, places], residual[keep], names=[found.names[k] for k in places], fitted=values,
        groups=None if members is None else members.code[keep],
    )  # fmt: skip
    named = replace(findings, outliers=tuple(int(keep[row]) for row in findings.outliers))
    against = [] if named.tested == () else [f"Residuals were tested against: {', '.join(named.tested)}."]
    sentences = named.sentences()
    return sentences if sentences and sentences[-1].startswith("Residuals show no") else [*against, *sentences]


def doubts(found: Front) -> list[str]:
    """Return how much the rows speak for the formula, and for others."""
    if len(found) < 2 or found.outcome is Outcome.EXACT:
        return []
    place = next(k for k, candidate in enumerate(found) if candidate is found.best)
    rest = absent(found.outcome)
    sentences = [
        f"Weight of evidence: {weight_text(float(found.weights[place]))} for this form, {weight_text(rest)} for forms "
        "that are not on the front."
    ]
    first = int(found.weights.argmax())
    if first != place:
        sentences.append(f"Formula {first} of the front has more: {weight_text(float(found.weights[first]))}.")
    return sentences


class Members(NamedTuple):
    """Which group each row belongs to, as a number, and the inputs that say so."""

    name: str
    code: Array
    places: tuple[int, ...]


def group_members(found: Front) -> Members | None:
    """Return the groups of the rows where constants differ by group, else None."""
    by, columns = found.best.by_group, found.columns
    if by is None or columns is None:
        return None
    column = columns.encoder.names.index(by.group)
    places = tuple(k for k, term in enumerate(columns.terms) if term.column == column)
    levels = found.x[:, places]
    return Members(by.group, np.where(levels.any(1), levels.argmax(1) + 1, 0), places)


def scaled_residuals(found: Front) -> tuple[Array, str]:
    """Return the residuals of the best formula at all rows, scaled where the noise varies, and what they are called."""
    residual = found.y - found.best.predict(found.x)
    if found.weight is not None and np.ptp(found.weight) > 0:
        scaled = residual * found.weight
        return scaled / (float(np.sqrt(np.nanmean(scaled**2))) or 1.0), "residual / its standard deviation"
    if found.relative:
        return residual / np.abs(found.y), "relative residual"
    return residual, "residual"
