"""What the report of a discovery says."""

from __future__ import annotations

import datetime
import math
import platform
from typing import Any

import numpy as np
import torch

from edgewise import plot
from edgewise._errors import InputError
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
from edgewise.export import latex_with_error_bars
from edgewise.expressions import quoted
from edgewise.report import ReportContent
from edgewise.symbolic import network_of

_DRAWN = 5000  # rows
_DIGITS = 6  # of numbers in the front
_TITLES = {Outcome.EXACT: "A law for", Outcome.NOISE: "A law for"}


def content(found: Front) -> ReportContent:
    """Return the formula, its error bars, its inputs, its network, its fit, the front and how it was found."""
    best = found.best
    bars = f"{quoted(found.target)} = {with_error_bars(found, best)}" if has_error_bars(best) else ""
    listed = f"{len(found.y)} rows, {len(found.names)} inputs: {', '.join(found.names)}."
    versions = [("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version())]
    dated = [("Date", datetime.date.today().isoformat()), ("Rows", str(len(found.y)))]
    settings = [(key.capitalize(), f"{v:.3g}" if isinstance(v, float) else str(v)) for key, v in found.settings.items()]
    return ReportContent(
        title=f"{_TITLES.get(found.outcome, 'An approximation of')} {found.target}",
        subtitle=f"{listed} {found.outcome.message}",
        formula_latex=[(found.target, latex_with_error_bars(found.uncertainty()) if bars else best.latex())],
        formula_text=f"{quoted(found.target)} = {best.text()}",
        formula_bars=bars,
        errors=_errors(found),
        inputs=[*_by_group(found), *effects(best, found.x, found.target)],
        figures=_figures(found),
        candidates=candidates(found),
        ceiling=None if found.ceiling is None else found.ceiling.held_out,
        front_latex=front_tabular(found),
        notes=found.stages,
        provenance=[*versions, *dated, *settings],
    )


def _by_group(found: Front) -> list[str]:
    """Return one sentence on the constants that differ by group, if any do."""
    head, *lines = group_lines(found) or [""]
    return [f"{head.replace(' (found.groups)', '')} {'; '.join(line.strip() for line in lines)}."] if lines else []


def _errors(found: Front) -> list[tuple[str, str]]:
    best = found.best
    rows = [
        ("R² on held-out rows", r2_text(best.held_out) or "unknown"),
        ("The same of the best flexible model", r2_text(found.ceiling.held_out) if found.ceiling else "not needed"),
        (f"Error ({error_means(found)})", f"{best.error:.3g}"),
    ]
    if not math.isnan(best.held_out):
        rows.append(("Error on held-out rows", f"{best.held_out:.3g}"))
    if found.noise:
        rows.append(("Estimated noise, as an error", f"{found.noise:.3g}"))
    rows.append(("Kind of noise", found.noise_model.text()))
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


def _figures(found: Front) -> list[tuple[str, Any]]:
    keep = np.random.default_rng(0).permutation(len(found.y))[:_DRAWN]
    x, y = found.x[keep], found.y[keep]
    figures: list[tuple[str, Any]] = []
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
    fit = plot.fit_quality(y, found.best.predict(x), name=found.target)
    return [*figures, ("The formula against the data, and its residuals", fit)]
