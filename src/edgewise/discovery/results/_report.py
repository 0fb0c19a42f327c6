"""What the report of a discovery says."""

from __future__ import annotations

import datetime
import math
import platform

import torch

from edgewise import plot
from edgewise._version import __version__
from edgewise.discovery.judging import Outcome
from edgewise.discovery.results._display import (
    error_means,
    front_tabular,
    group_lines,
    r2_text,
)
from edgewise.discovery.results._effects import effects
from edgewise.discovery.results._error_bars import has_error_bars, with_error_bars
from edgewise.discovery.results._front import Front
from edgewise.discovery.results._pictures import among_rows, inner, residuals
from edgewise.discovery.results._tested import group_members, tested, weight_of_best
from edgewise.formulas.expressions import quoted
from edgewise.interpret.export import latex_with_error_bars
from edgewise.plot.report import ReportContent

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
