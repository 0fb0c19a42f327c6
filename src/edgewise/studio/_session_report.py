"""The report of a session: its formula or network, how well it fits, and every step that led there."""

from __future__ import annotations

import datetime
import math
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgewise import plot
from edgewise._version import __version__
from edgewise.formulas.expressions import quoted, write
from edgewise.interpret.export import latex
from edgewise.networks.session import Session, State
from edgewise.nn import is_readable
from edgewise.plot.report import ReportContent, write_report
from edgewise.studio._network_view import as_target


def session_report(session: Session, path: Path) -> Path:
    """Write one self-contained HTML file about where the session is."""
    return write_report(path, content(session))


def content(session: Session) -> ReportContent:
    """Return the formula if there is one, errors, diagram, curves, fit, steps and provenance."""
    targets, table, model = session.targets, session.table, session.state.situation.model
    formulas = _formulas(session)
    listed = f"{len(table.x)} rows, {len(session.columns)} inputs: {', '.join(session.columns)}."
    digits = 6  # of numbers in the formula
    texts = [f"{quoted(t)} = {write(f, digits)}" for t, f in zip(targets, formulas, strict=False)]
    left = session.state.splines
    state = (
        "All edges are functions of the library." if not left else f"{left} of {session.state.edges} edges are splines."
    )
    return ReportContent(
        title=f"{'A formula' if formulas else 'A network'} for {' and '.join(targets)}",
        subtitle=f"{listed} {state}",
        formula_latex=[(t, latex(f, session.columns, digits=digits)) for t, f in zip(targets, formulas, strict=False)],
        formula_text="\n".join(texts),
        errors=_errors(session),
        inputs=[f"{v.name} is computed from other columns: {v.name} = {v.formula}." for v in session.variables],
        figures=_figures(session, model),
        notes=[_step(state) for state in session.path()],
        provenance=_provenance(session),
    )


def _formulas(session: Session) -> list[Any]:
    if not is_readable(session.state.situation.model):
        return []
    found = session.formula()
    return found if isinstance(found, list) else [found]


def _errors(session: Session) -> list[tuple[str, str]]:
    state, y = session.state, session.table.y
    deviation = float(y.std(0, unbiased=False).square().mean().sqrt())
    units = [session.units.get(target) for target in session.targets]
    unit = f" {units[0]}" if len(units) == 1 and isinstance(units[0], str) and units[0] else ""
    rows = [("Root mean square error on these rows", f"{session.error:.3g}{unit}")]
    if deviation > 0 and math.isfinite(session.error):
        rows.append(("R² on these rows", _r2(session.error / deviation)))
    return [*rows, ("Edges", str(state.edges)), ("Parameters", str(state.parameters))]


def _r2(error: float) -> str:
    """As many nines as tell it from 1."""
    missing = error**2
    if missing < 5e-9:
        return "1.00000000"
    return f"{1 - missing:.{max(1 - math.floor(math.log10(missing)), 3)}f}"


def _figures(session: Session, model: Any) -> list[tuple[str, Any]]:
    table, targets = session.table, session.targets
    keep = torch.from_numpy(np.sort(np.random.default_rng(0).permutation(len(table.x))[:5000]))
    x, y = table.x[keep], table.y[keep]
    target = as_target(targets)
    figures: list[tuple[str, Any]] = [
        ("The network", plot.network(model, x, names=session.names, target=target).figure),
        ("Every edge's function, with the data that reaches it", plot.curves(model, x, session.names, target=target)),
    ]
    with torch.no_grad():
        fitted = model(x)
    for number, name in enumerate(targets):
        fit = plot.fit_quality(y[:, number].numpy(), fitted[:, number].numpy(), name=name)
        figures.append((f"{name}: fitted against observed, and residuals", fit))
    return figures


def _step(state: State) -> str:
    done = "The network to begin with" if state.id == 0 else state.call
    said = f"{done}. Error {state.error:.3g}."
    return f"{said} {state.note}" if state.note else said


def _provenance(session: Session) -> list[tuple[str, str]]:
    units = ", ".join(f"{name} in {unit}" for name, unit in session.units.items() if unit)
    rows = [
        ("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version()),
        ("Date", datetime.date.today().isoformat()), ("Rows", str(len(session.table.x))),
        ("Steps", str(len(session.path()) - 1)), ("Widths", str(session.state.situation.model.widths)),
    ]  # fmt: skip
    return [*rows, ("Units", units)] if units else rows
