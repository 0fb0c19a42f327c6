"""What was tested of a discovery, and what speaks against its formula, in sentences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.judging import Outcome
from edgewise.discovery.residuals import Findings, inspect
from edgewise.discovery.results._display import judgement_lines, weight_text
from edgewise.discovery.results._error_bars import has_error_bars
from edgewise.discovery.results._front import Front, judged_rows
from edgewise.formulas.expressions import evaluate

_UNTESTED = "Residuals were not tested: the rows are too few, or the formula is undefined at some."


def tested(found: Front) -> list[str]:
    """Return what became of what was asked for, what residuals were tested for and show, and how sure the form is."""
    answers = [str(answer) for answer in found.answers]
    if found.outcome is Outcome.EXACT:
        return [*answers, "What is left is rounding."]
    findings = _findings(found)
    against = f"Residuals were tested against: {', '.join(findings.tested)}." if findings.tested else _UNTESTED
    shown = findings.sentences() if found.best.by_group is not None else []
    lines = [*shown, *judgement_lines(found)]
    if not any(line.startswith("Residuals show no dependence") for line in lines):
        lines = [against, *lines]
    return [*answers, *lines, *_undetermined(found), *_weights(found)]


def _findings(found: Front) -> Findings:
    """Return what the tests of residuals found; where constants differ by group, groups are tested too."""
    members = group_members(found)
    if members is None:
        return found.findings
    keep = judged_rows(len(found.y), 0)
    places = [k for k in range(len(found.names)) if k not in members.places]
    residual, _ = scaled_residuals(found)
    values = evaluate(found.best.expression, found.names, found.x[keep])
    return inspect(
        found.x[keep][:, places], residual[keep], names=[found.names[k] for k in places], fitted=values,
        groups=members.code[keep],
    )  # fmt: skip


def _undetermined(found: Front) -> list[str]:
    """Return how many constants of the best formula are smaller than their standard errors."""
    if not has_error_bars(found.best):
        return []
    constants = found.constants()
    count = sum(not constant.error < abs(constant.value) for constant in constants)
    verb, own = ("has", "its") if count == 1 else ("have", "their")
    return [f"{count} of {len(constants)} constants {verb} a standard error above {own} size."] if count else []


def weight_of_best(found: Front) -> float:
    """Return the weight of evidence of the best formula."""
    return float(next(w for c, w in zip(found, found.weights, strict=True) if c is found.best))


def _weights(found: Front) -> list[str]:
    """Return how much the rows speak for the best form, and for others."""
    if len(found) < 2:
        return []
    own = weight_of_best(found)
    rest = weight_text(1 - float(found.weights.sum()))
    sentences = [f"Weight of evidence: {weight_text(own)} for this form, {rest} for forms that are not on the front."]
    first = int(found.weights.argmax())
    if found[first] is not found.best:
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
    residual = found.y - evaluate(found.best.expression, found.names, found.x)
    if found.weight is not None and np.ptp(found.weight) > 0:
        scaled = residual * found.weight
        return scaled / (float(np.sqrt(np.nanmean(scaled**2))) or 1.0), "standardized residual"
    if found.relative:
        return residual / np.abs(found.y), "relative residual"
    return residual, "residual"
