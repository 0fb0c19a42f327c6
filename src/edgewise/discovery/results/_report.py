"""What the report of a discovery says and shows: the formula among the rows, its residuals."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from edgewise import plot
from edgewise._errors import InputError
from edgewise._typing import Array, Formula
from edgewise._version import __version__
from edgewise.discovery.judging import Outcome
from edgewise.discovery.results._display import (
    error_means,
    front_tabular,
    group_lines,
    has_error_bars,
    r2_text,
    with_error_bars,
)
from edgewise.discovery.results._front import Front
from edgewise.discovery.results._tested import effects, group_members, scaled_residuals, tested, weight_of_best
from edgewise.discovery.tables import drawn_rows
from edgewise.formulas.expressions import evaluate, quoted
from edgewise.interpret.export import latex_with_error_bars
from edgewise.interpret.symbolic import network_of
from edgewise.plot.report import ReportContent

_PLACES, _GRID = 2000, 90  # of a curve, and along each side of a map

Pictures = list[tuple[str, Any]]


def among_rows(found: Front) -> Pictures:
    """Return the rows with the formula: curves of one input, or a map of two; nothing for more."""
    curves, most_rivals = 6, 8  # that fit a picture
    rows_each = 3  # rows for each curve, on average
    band = 0.9
    best = found.best
    used = _used(best.expression, found) or ([0] if len(found.names) == 1 else [])
    keep = _drawn(found)
    x, y = found.x[keep], found.y[keep]
    if not used or not np.isfinite(evaluate(best.expression, found.names, x)).any():
        return []
    of_groups = None if best.by_group is None else best.by_group.plot(found.target)
    if best.by_group is not None and of_groups is not None:
        return [(f"The rows of each {best.by_group.group} with its curve, and the curve of the mean", of_groups)]
    across = max(used, key=lambda k: len(np.unique(x[:, k])))
    others = [k for k in used if k != across]
    kinds, place = np.unique(x[:, others], axis=0, return_inverse=True)
    place = place.ravel()
    names = (found.names[across], found.target)
    if len(kinds) == 1:
        line = _curve(found, best.expression, x, y, across, label="formula")
        caption = "The rows and the formula"
        if found.outcome is not Outcome.EXACT:
            line = replace(line, band=found.predict(_along(x, across, line.places), band)[1:])
            caption = "The rows, the formula, and the band that holds 90 % of new rows if the form is right"
        given = [answer.candidate for answer in found.answers if answer.candidate is not None and not answer.chosen]
        forms = [each.expression for each in (*(c for c in found if c is not best), *found.rivals, *given)]
        rivals = [_curve(found, form, x, y, across) for form in forms if _used(form, found) == [across]]
        aside = np.isin(keep, found.noise_model.outliers)
        rows = None if not aside.any() else np.column_stack([x[aside, across], y[aside]])
        ax = plot.curve_among_rows([line], rivals=rivals[-most_rivals:], aside=rows, names=names)
        return [(caption, ax.figure)]
    if len(kinds) <= min(curves, len(y) / rows_each):
        label = _labels(found, others)
        lines = [
            _curve(found, best.expression, x[place == k], y[place == k], across, label=label(kind))
            for k, kind in enumerate(kinds)
        ]
        of = " and ".join(found.names[k] for k in others)
        caption = f"The rows and the formula, a curve for each {of}"
        return [(caption, plot.curve_among_rows(lines, names=names).figure)]
    return [("The rows on a map of the formula", _map(found, x, y, used))] if len(used) == 2 else []


def residuals(found: Front) -> Pictures:
    """Return the residuals against the order of the rows and against each input."""
    keep = _drawn(found)
    residual, label = scaled_residuals(found)
    kept = keep[np.isfinite(residual[keep])]
    if not len(kept):
        return []
    members = group_members(found)
    columns = [("row", kept), *([] if members is None else [(members.name, members.code[kept])])]
    columns += [(found.names[k], found.x[kept, k]) for k in _telling(found, () if members is None else members.places)]
    drawn = plot.residual_panels(residual[kept], columns, label=label)
    return [("Residuals against the order of the rows and each input", drawn)]


def inner(found: Front) -> Pictures:
    """Return the formula's values against the data, the formula as a network, and its edges' functions."""
    keep = _drawn(found)
    x, y = found.x[keep], found.y[keep]
    values = evaluate(found.best.expression, found.names, x)
    known = np.isfinite(values)
    figures: Pictures = []
    if known.any():
        fit = plot.fit_quality(y[known], values[known], name=found.target)
        figures.append(("The formula against the data, and its residuals", fit))
    try:
        model = None if found.best.by_group else network_of(found.best.expression, found.names)
    except InputError:
        model = None  # a function that no edge computes: the formula is shown without its network
    if model is not None and found.best.expression.free_symbols:
        rows = torch.from_numpy(x)
        ax = plot.network(model, rows, names=found.names, target=found.target)
        figures.append(("The formula as a network: every edge is one function", ax.figure))
        curves = plot.curves(model, rows, found.names, target=found.target)
        figures.append(("Every edge's function, with the data that reaches it", curves))
    return figures


def _drawn(found: Front) -> Array:
    """Return the numbers of the rows that are drawn, in order."""
    return drawn_rows(len(found.y), 5000)


def _telling(found: Front, without: Sequence[int]) -> list[int]:
    """Return the inputs that residuals are drawn against: those in use first, and of two values only those in use."""
    panels = 11  # inputs that residuals are drawn against
    used = _used(found.best.expression, found)
    values = {k: len(np.unique(found.x[:, k])) for k in range(len(found.names)) if k not in without}
    others = [k for k, count in values.items() if k not in used and count > 2]
    return [*(k for k in used if k in values), *others][:panels]


def _used(form: Formula, found: Front) -> list[int]:
    """Return the places of the inputs that a formula uses and that vary."""
    symbols = {str(symbol) for symbol in form.free_symbols}
    return [k for k, name in enumerate(found.names) if name in symbols and np.ptp(found.x[:, k]) > 0]


def _curve(found: Front, form: Formula, x: Array, y: Array, across: int, label: str = "") -> plot.Line:
    """Return a formula along one input between rows x, the others as in the first of them, with these rows."""
    column = x[:, across]
    places = np.unique(np.concatenate([np.linspace(column.min(), column.max(), _PLACES), column]))
    values = evaluate(form, found.names, _along(x, across, places))
    return plot.Line(places, values, label, rows=np.column_stack([column, y]))


def _along(x: Array, across: int, places: Array) -> Array:
    """Return the first of rows x at other values of one input."""
    at = np.repeat(x[:1], len(places), axis=0)
    at[:, across] = places
    return at


def _labels(found: Front, others: Sequence[int]) -> Callable[[Array], str]:
    return lambda kind: ", ".join(f"{found.names[k]} = {v:g}" for k, v in zip(others, kind, strict=True))


def _map(found: Front, x: Array, y: Array, used: Sequence[int]) -> Any:
    """Return the formula as a map of two inputs, gray where no rows are around, with the rows on it."""
    pair = x[:, used]
    sides = [np.linspace(column.min(), column.max(), _GRID) for column in pair.T]
    places = np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, 2)
    at = np.repeat(x[:1], len(places), axis=0)
    at[:, used] = places
    values = evaluate(found.best.expression, found.names, at)
    distance = np.where(np.isfinite(values), _inside(pair, places), -1.0)
    z = np.where(np.isfinite(values), values, y.mean()).reshape(_GRID, _GRID)
    surface = plot.Surface(sides[0], sides[1], z, distance.reshape(_GRID, _GRID))
    rows = np.column_stack([pair, y])
    names = (found.names[used[0]], found.names[used[1]])
    return plot.map_among_rows(surface, rows, names=names, label=found.target).figure


def _inside(rows: Array, places: Array) -> Array:
    """Return how far places are inside the convex hull of rows (n, 2), a little wider, in units of their ranges."""
    from scipy.spatial import ConvexHull, QhullError

    low, size = rows.min(0), np.ptp(rows, axis=0)
    try:
        hull = ConvexHull((rows - low) / size)
    except QhullError:  # all on one line
        return np.ones(len(places))
    return 0.02 - (((places - low) / size) @ hull.equations[:, :2].T + hull.equations[:, 2]).max(1)


_DIGITS = 6  # of numbers in the front
_MOVES = "An input moves from its 10 % to its 90 % quantile, and the others keep the values of a row."
_LAW = (Outcome.EXACT, Outcome.NOISE)


def content(found: Front) -> ReportContent:
    """Return the formula, its error bars, its inputs, its network, its fit, the front and how it was found."""
    best = found.best
    bars = f"{quoted(found.target)} = {with_error_bars(found, best)}" if has_error_bars(best) else ""
    members = group_members(found)
    apart = () if members is None else members.places
    names = [name for k, name in enumerate(found.names) if k not in apart]
    names += [] if members is None else [members.name]
    listed = f"{len(found.y)} rows, {len(names)} input{'s' * (len(names) != 1)}: {', '.join(names)}."
    moves = [_MOVES] if best.expression.free_symbols else []
    versions = [("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version())]
    dated = [("Date", datetime.date.today().isoformat()), ("Rows", str(len(found.y)))]
    settings = [(key.capitalize(), f"{v:.3g}" if isinstance(v, float) else str(v)) for key, v in found.settings.items()]
    return ReportContent(
        title=f"{'A law' if _is_law(found) else 'Formulas'} for {found.target}",
        subtitle=f"{listed} {found.outcome.message}",
        formula_latex=[(found.target, latex_with_error_bars(found.uncertainty()) if bars else best.latex())],
        formula_text=f"{quoted(found.target)} = {best.text()}",
        formula_bars=bars,
        errors=_errors(found),
        first=[*among_rows(found), *residuals(found)],
        tested=tested(found),
        inputs=[*_by_group(found), *moves, *effects(best, found.x, found.target, apart)],
        figures=inner(found),
        candidates=candidates(found),
        ceiling=None if found.ceiling is None else found.ceiling.held_out,
        front_latex=front_tabular(found),
        notes=found.stages,
        provenance=[*versions, *dated, *settings],
    )


def _is_law(found: Front) -> bool:
    """Return whether a law of some input is claimed: by the outcome, with more weight than all other forms have."""
    return found.outcome in _LAW and bool(found.best.expression.free_symbols) and weight_of_best(found) > 0.5


def _by_group(found: Front) -> list[str]:
    """Return one sentence on the constants that differ by group, if any do."""
    head, *lines = group_lines(found) or [""]
    return [f"{head.replace(' (found.groups)', '')} {'; '.join(line.strip() for line in lines)}."] if lines else []


def _errors(found: Front) -> list[tuple[str, str]]:
    best = found.best
    rows = [
        *([] if best.named is None else [("Law", str(best.named)), ("Its constants", best.named.what())]),
        ("R² on held-out rows", r2_text(best.held_out) or "unknown"),
        ("R² of the best flexible model", r2_text(found.ceiling.held_out) if found.ceiling else "not needed"),
        (f"Error ({error_means(found)})", f"{best.error:.3g}"),
    ]
    if not math.isnan(best.held_out):
        rows.append(("Error on held-out rows", f"{best.held_out:.3g}"))
    if found.noise:
        rows.append(("Estimated noise, as an error", f"{found.noise:.3g}"))
    rows.append(("Kind of noise, and its size", found.noise_model.text()))
    if found.chi2 is not None:
        rows.append(("Chi-squared per degree of freedom", f"{found.chi2:.3g}"))
    return [*rows, ("Complexity", str(best.complexity))]


def candidates(found: Front) -> list[plot.Candidate]:
    """Return the front as rows of a picture and of a table."""
    return [
        plot.Candidate(
            k, c.complexity, c.error, c.text(_DIGITS), c is found.best, c.held_out, float(w), r2_text(c.held_out)
        )
        for k, (c, w) in enumerate(zip(found.candidates, found.weights, strict=True))
    ]
