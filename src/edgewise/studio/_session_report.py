"""The report of a session: its formula or network, how well it fits, and every step that led there."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Mapping, Sequence
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
from edgewise.studio._kept import Meaning
from edgewise.studio._network_view import as_target, fitted, judged, observed, undone
from edgewise.studio._steps import step_words
from edgewise.train import Table


def session_report(
    session: Session,
    path: Path,
    meanings: Mapping[str, Meaning] | None = None,
    left_out: Sequence[str] = (),
    discovery: Mapping[str, Any] | None = None,
) -> Path:
    """Write one self-contained HTML file about where the session is.

    `meanings` are those of inputs that are not columns as they are, `left_out` what the session was begun without,
    `discovery` what was found last, as plain data.
    """
    return write_report(path, content(session, meanings or {}, left_out, discovery))


def content(
    session: Session,
    meanings: Mapping[str, Meaning],
    left_out: Sequence[str],
    discovery: Mapping[str, Any] | None = None,
) -> ReportContent:
    """Return the formula if there is one, errors, diagram, curves, fit, steps and provenance."""
    targets, table, model = session.targets, session.table, session.state.situation.model
    formulas = _formulas(session)
    new = f", and {len(session.new_table)} held out" if session.new_table is not None else ""
    listed = f"{len(table.x)} rows of training{new}; {len(session.columns)} inputs: {', '.join(session.columns)}."
    digits = 6  # of numbers in the formula
    plain = undone(session, meanings) if formulas else None
    latexes = [(t, latex(f, session.columns, digits=digits)) for t, f in zip(targets, formulas, strict=False)]
    texts = [f"{quoted(t)} = {write(f, digits)}" for t, f in zip(targets, formulas, strict=False)]
    if plain is not None:  # in the target's own scale first
        names = [line.partition(" = ")[0] for line in plain["text"]]
        rights = [line.partition(" = ")[2] for line in plain["latex"]]
        latexes = [*zip(names, rights, strict=True), *latexes]
        texts = [*plain["text"], *texts]
    left = session.state.splines
    state = (
        "All edges are functions of the library." if not left else f"{left} of {session.state.edges} edges are splines."
    )
    what = f"{session.answer}, one of {', '.join(session.classes)}" if session.classes else " and ".join(targets)
    return ReportContent(
        title=f"{'A formula' if formulas else 'A network'} for {what}",
        subtitle=f"{listed} {state}",
        formula_latex=latexes,
        formula_text="\n".join(texts),
        errors=_errors(session),
        tested=[*_confused(session), *(_discovered(discovery) if discovery else [])],
        inputs=[
            *_meanings(meanings),
            *(f"{v.name} is computed from other columns: {v.name} = {v.formula}." for v in session.variables),
        ],
        figures=_figures(session, model),
        notes=[*left_out, *(_step(session, state) for state in session.path())],
        provenance=_provenance(session),
    )


def _discovered(discovery: Mapping[str, Any]) -> list[str]:
    """What Discover found, in sentences: its best formula with standard errors, what is claimed of it, the others."""
    front, formulas = discovery["front"], discovery["formulas"]
    best = [one for one in formulas if one["best"]]
    said = [f"Discover searched for {front['seconds']:.2g} s. {front['message']}"]
    said += [f"Its best formula: {one['target']} = {one['text']}." for one in best]
    said += front["conclusion"]
    for one in front["candidates"]:
        if not one["best"] and (one["weight"] or 0) >= 0.01:
            said.append(f"Another, of weight {one['weight']:.2g} and error {one['error']:.3g}: {one['text']}.")
    weights = [one["weight"] for one in front["candidates"] if one["best"] and one["weight"] is not None]
    return [*said, *(f"Weight of the best formula: {weight:.2g}." for weight in weights)]


def _meanings(meanings: Mapping[str, Meaning]) -> list[str]:
    """What each input stands for that is no column as it is."""
    said = {
        "log": "the natural logarithm of {of}", "level": "1 where {of} is {level}, else 0",
        "gap": "1 where {of} is missing, else 0", "days": "the time of {of}, from its dates",
    }  # fmt: skip
    return [
        f"{name} is {said[one['kind']].format(of=one['of'], level=''.join(one['levels']))}."
        for name, one in meanings.items()
    ]


def _formulas(session: Session) -> list[Any]:
    if not is_readable(session.state.situation.model):
        return []
    found = session.formula()
    return found if isinstance(found, list) else [found]


def _errors(session: Session) -> list[tuple[str, str]]:
    """Errors on rows that were held out first, then on those of training."""
    state, found = session.state, judged(session)
    units = [session.units.get(target) for target in session.targets]
    unit = f" {units[0]}" if len(units) == 1 and isinstance(units[0], str) and units[0] else ""
    rows: list[tuple[str, str]] = []
    for words, error, shares in (
        ("new rows, which were held out", session.held_out_error, found["new"]),
        ("the rows of training", session.error, found["rows"]),
    ):
        if shares is None:
            continue
        if session.classes:
            rows.append((f"Log loss on {words}", f"{error:.3g} nats"))
            rows.append((f"Right on {words}", f"{100 * shares['accuracy']:.1f} %"))
        else:
            rows.append((f"Root mean square error on {words}", f"{error:.3g}{unit}"))
            if shares["r2"] is not None:
                rows.append((f"R² on {words}", _r2(max(1 - shares["r2"], 0.0) ** 0.5)))
    return [*rows, ("Edges", str(state.edges)), ("Parameters", str(state.parameters))]


def _confused(session: Session) -> list[str]:
    """For each class a sentence on what its rows are taken for; none where the target is a number."""
    found = judged(session)
    new = found["new"] is not None
    shares = found["new"] if new else found["rows"]
    said = []
    for label, row in zip(session.classes, shares.get("confusion", []), strict=True):
        others = [f"{count} for {other}" for other, count in zip(session.classes, row, strict=True) if count]
        where = "new rows" if new else "rows of training"
        said.append(f"Of {sum(row)} {where} that are {label}, the network takes {', '.join(others) or 'none'}.")
    return said


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
    seen = Table(x, y, table.weights[keep])
    for name, true, value in zip(targets, observed(session, seen).T, fitted(session, seen).T, strict=True):
        title = (
            f"{name}: probability, against what it is"
            if session.classes
            else f"{name}: fitted against observed, and residuals"
        )
        figures.append((title, plot.fit_quality(true.numpy(), value.numpy(), name=name)))
    return figures


def _step(session: Session, state: State) -> str:
    """A step in words, and the errors that it left."""
    done = "The network to begin with" if state.parent is None else step_words(session, state)
    new = "" if math.isnan(state.held_out) else f", on new rows {state.held_out:.3g}"
    said = f"{done}. Error {state.error:.3g}{new}."
    return f"{said} {state.note}" if state.note else said


def _provenance(session: Session) -> list[tuple[str, str]]:
    units = ", ".join(f"{name} in {unit}" for name, unit in session.units.items() if unit)
    rows = [
        ("edgewise", __version__), ("torch", torch.__version__), ("Python", platform.python_version()),
        ("Date", datetime.date.today().isoformat()), ("Rows of training", str(len(session.table.x))),
        ("Steps", str(len(session.path()) - 1)), ("Widths", str(session.state.situation.model.widths)),
    ]  # fmt: skip
    return [*rows, ("Units", units)] if units else rows
