"""What was tested of a discovery, and what each input does to its formula, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.discovery.judging import Candidate, Outcome
from edgewise.discovery.results._display import has_error_bars, judgement_lines, reason, weight_text
from edgewise.discovery.results._front import Front
from edgewise.formulas.expressions import evaluate


def effects(candidate: Candidate, x: Array, target: str, without: Sequence[int] = ()) -> list[str]:
    """Return a sentence on each input that a formula uses, on pairs that act together, and on inputs without use.

    Inputs at the places `without` are passed over.

    The input moves from its 10 % to its 90 % quantile in the rows x (n, m), in eight steps, while the others keep the
    values of a row; the change is the average over at most 200 rows. Two inputs interact if moving both changes the
    value by something else than the sum of the two changes from where both are low.

    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> rows = np.stack(np.meshgrid(*3 * [np.linspace(0, 1, 11)]), -1).reshape(-1, 3)
    >>> for sentence in effects(Candidate(2 * a + a * b, ("a", "b", "c"), 0.0, 2), rows, "y"):
    ...     print(sentence)
    a from 0.1 to 0.9: y rises by 2.02 on average, and falls nowhere.
    b from 0.1 to 0.9: y rises by 0.409 on average, and falls nowhere.
    a and b together: y changes by 2.4 on average; from both low, a alone by 1.68 and b alone by 0.08.
    c is not in the formula.
    """
    most_rows = 200  # at which the other inputs are kept
    most = 10  # inputs whose pairs are looked at
    used = {symbol.name for symbol in candidate.expression.atoms(sympy.Symbol)}
    rows = x[np.random.default_rng(0).permutation(len(x))[:most_rows]]
    places = [k for k in range(len(candidate.names)) if k not in without]
    moved = [k for k in places if candidate.names[k] in used]
    points = {k: _points(x[:, k]) for k in moved}
    sentences = [_sentence(candidate, rows, k, points[k], target) for k in moved]
    sentences += _together(candidate, rows, [(k, points[k][0], points[k][-1]) for k in moved[:most]], target)
    unused = [candidate.names[k] for k in places if k not in moved]
    if unused:
        sentences.append(f"{_listed(unused)} {'are' if len(unused) > 1 else 'is'} not in the formula.")
    return sentences


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _points(column: Array) -> Array:
    lowest, highest, steps = 0.1, 0.9, 9  # quantiles of an input that it moves through
    low, high = np.quantile(column, [lowest, highest])
    if low == high:
        low, high = column.min(), column.max()
    return np.linspace(low, high, steps)


def _amount(change: float) -> str:
    """Three digits, and no power of ten before a million."""
    return f"{float(f'{change:.3g}'):g}"


def _sentence(candidate: Candidate, rows: Array, k: int, points: Array, target: str) -> str:
    unchanged = 1e-9  # of the range of the values: a step that is no change
    moved = np.repeat(rows, len(points), axis=0)
    moved[:, k] = np.tile(points, len(rows))
    values = candidate.predict(moved).reshape(len(rows), len(points))
    values = values[np.isfinite(values).all(1)]
    span = f"{candidate.names[k]} from {points[0]:.4g} to {points[-1]:.4g}"
    if not len(values):
        return f"{span}: the formula is not defined all the way."
    change, flat = float((values[:, -1] - values[:, 0]).mean()), unchanged * float(np.ptp(values))
    steps = np.diff(values)
    rises, falls = bool((steps > flat).any()), bool((steps < -flat).any())
    if rises and falls:
        return f"{span}: {target} changes by {_amount(change)} on average; it rises in places and falls in others."
    verb, other = ("falls", "rises") if falls else ("rises", "falls")
    return f"{span}: {target} {verb} by {_amount(abs(change))} on average, and {other} nowhere."


def _together(candidate: Candidate, rows: Array, moves: Sequence[tuple[int, float, float]], target: str) -> list[str]:
    """Return a sentence on each of the pairs that interact most, or one that says that there are none."""
    additive = 1e-6  # of the change by two inputs: what they change together and not alone is rounding
    pairs = 3  # that have a sentence
    found = []
    for one, two in combinations(moves, 2):
        both, first, second = _changes(candidate, rows, one, two)
        beyond = float(np.sqrt(np.mean((both - first - second) ** 2))) if len(both) else 0.0
        if beyond > additive * float(np.abs(both).max(initial=0.0)):
            a, b = candidate.names[one[0]], candidate.names[two[0]]
            apart = f"from both low, {a} alone by {_amount(first.mean())} and {b} alone by {_amount(second.mean())}"
            found.append(
                (beyond, f"{a} and {b} together: {target} changes by {_amount(both.mean())} on average; {apart}.")
            )
    if len(moves) > 1 and not found:
        return [f"The inputs enter additively: what one changes in {target} does not depend on another."]
    found.sort(key=lambda pair: -pair[0])
    more = len(found) - pairs
    rest = [f"{more} more {'pairs interact' if more > 1 else 'pair interacts'}, but less."] if more > 0 else []
    return [sentence for _, sentence in found[:pairs]] + rest


def _changes(
    candidate: Candidate, rows: Array, one: tuple[int, float, float], two: tuple[int, float, float]
) -> tuple[Array, Array, Array]:
    """Return by how much both inputs, from low to high, change the value at each row, and each alone."""
    (a, *ends_a), (b, *ends_b) = one, two
    values = np.empty((2, 2, len(rows)))
    for i, first in enumerate(ends_a):
        for j, second in enumerate(ends_b):
            moved = rows.copy()
            moved[:, a], moved[:, b] = first, second
            values[i, j] = candidate.predict(moved)
    values = values[:, :, np.isfinite(values).all((0, 1))]
    low = values[0, 0]
    return values[1, 1] - low, values[1, 0] - low, values[0, 1] - low


_UNTESTED = "Residuals were not tested: the rows are too few, or the formula is undefined at some."


def tested(found: Front) -> list[str]:
    """Return what became of what was asked for, what residuals were tested for and show, and how sure the form is."""
    answers = [str(answer) for answer in found.answers]
    if found.outcome is Outcome.EXACT:
        return [*answers, "What is left is rounding."]
    findings = found.findings
    against = f"Residuals were tested against: {', '.join(findings.tested)}." if findings.tested else _UNTESTED
    lines = judgement_lines(found)
    if not any(line.startswith("Residuals show no dependence") for line in lines):
        lines = [against, *lines]
    return [*answers, *lines, *_undetermined(found), *_weights(found)]


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
    sentence = f"Weight of evidence: {weight_text(own)} for this form, {rest} for forms that are not on the front."
    return [sentence, *filter(None, [reason(found)])]


class Members(NamedTuple):
    """Which group each row belongs to, as a number, and the inputs that say so."""

    name: str
    code: Array
    places: tuple[int, ...]


def group_members(found: Front) -> Members | None:
    """Return the groups of the rows where constants differ by group, else None."""
    by = found.best.by_group
    if by is None:
        return None
    places = tuple(found.names.index(name) for name in by.indicators)
    return Members(by.group, by.codes(found.x, found.names), places)


def scaled_residuals(found: Front) -> tuple[Array, str]:
    """Return the residuals of the best formula at all rows, scaled where the noise varies, and what they are called."""
    values = evaluate(found.best.expression, found.names, found.x)
    residual = found.y - values
    if found.logarithmic:
        with np.errstate(all="ignore"):
            return np.log(found.y / values), f"residual of log({found.target})"
    if found.weight is not None and np.ptp(found.weight) > 0:
        scaled = residual * found.weight
        return scaled / (float(np.sqrt(np.nanmean(scaled**2))) or 1.0), "standardized residual"
    if found.relative:
        return residual / np.abs(found.y), "relative residual"
    return residual, "residual"
