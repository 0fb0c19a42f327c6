"""A network as the page draws it, and two states of the session side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import numpy as np
import sympy
import torch

from edgewise._checks import is_int
from edgewise.formulas.expressions import quoted, write
from edgewise.interpret import EdgeCurve, edge_curves, edge_scores, node_names
from edgewise.interpret.export import latex
from edgewise.networks.session import Session, State
from edgewise.nn import KAN
from edgewise.plot import Diagram, Label, diagram, outline, path_data, unit_curve
from edgewise.studio._desk import Desk
from edgewise.studio._kept import Meaning
from edgewise.studio._requests import Answer, check, request
from edgewise.studio._steps import step_words
from edgewise.train import CrossEntropy, Table


def numbers(values: Any, digits: int = 6) -> list[float | None]:
    """Return values rounded to significant digits; None where they are not finite, which JSON cannot say."""
    return [
        float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in np.asarray(values, float).tolist()
    ]


def number(value: float) -> float | None:
    """Return a number, None where it is not finite."""
    return float(value) if math.isfinite(value) else None


@lru_cache(4096)
def label_view(label: Label) -> Answer:
    """Return a label as text, or as an outline in units of a hundredth of its size where it is mathematics."""
    if not label.is_math:
        return {"text": label.text}
    path = outline(label.text[1:-1])
    if path is None or not np.size(path.vertices):
        return {"text": label.text.strip("$")}
    box = path.get_extents()
    return {"text": label.text.strip("$"), "path": path_data(path), "box": numbers([box.x0, box.y0, box.x1, box.y1])}


def network_view(model: KAN, x: torch.Tensor, names: list[str], targets: list[str], rows: Any = None) -> Answer:
    """Return a network's picture as plain data; scores and curves over all rows of x, or over a mask of them."""
    chosen = x if rows is None else x[torch.as_tensor(rows)]
    target = as_target(targets)
    plan = diagram(model, names, target)
    scores = [np.nan_to_num(s.double().cpu().numpy()) for s in edge_scores(model, x, rows=rows)]
    curves = {(c.layer, c.j, c.i): c for c in edge_curves(model, chosen)}
    view = _plan_view(plan, model)
    for edge, spot in zip(view["edges"], plan.edges, strict=True):
        score, curve = float(scores[spot.layer][spot.j, spot.i]), curves[spot.key]
        edge |= {"score": number(score), "opacity": math.tanh(3 * score), "curve": box_curve(curve)}
        edge |= {"function": curve.function, "outside": number(curve.outside)}
    labels = node_names(model, names, target)
    return {**view, "widths": _widths(model), "node_names": [list(level) for level in labels]}


def as_target(targets: list[str]) -> str | list[str]:
    """Return targets as networks and pictures take them: one name, or several."""
    return targets[0] if len(targets) == 1 else targets


def box_curve(curve: EdgeCurve) -> list[list[float | None]]:
    """Return a curve in the unit square, at 65 points or fewer."""
    points = unit_curve(curve)
    some = np.linspace(0, len(points) - 1, min(65, len(points))).astype(int)
    return [numbers(part, 4) for part in points[some].T]


def _plan_view(plan: Diagram, model: KAN) -> Answer:
    locked = [layer.locked_mask() for layer in model.layers]
    return {
        "kind": plan.kind, "unit": plan.unit, "bounds": list(plan.bounds), "points": plan.points,
        "nodes": [
            {"layer": n.layer, "index": n.index, "kind": n.kind, "x": n.x, "y": n.y, "radius": n.radius,
             "factors": [list(p) for p in n.factors]}
            for n in plan.nodes
        ],
        "edges": [
            {"key": list(e.key), "box": list(e.box), "size": list(e.size), "strip": e.strip,
             "lines": [[list(p) for p in line] for line in e.lines], "locked": bool(locked[e.layer][e.j, e.i]),
             "label": None if e.label is None else label_view(e.label)}
            for e in plan.edges
        ],
        "names": [
            {"layer": s.layer, "index": s.index, "label": label_view(s.label), "x": s.x, "y": s.y, "ha": s.ha,
             "va": s.va, "angle": s.angle, "points": s.points}
            for s in plan.names
        ],
    }  # fmt: skip


def _widths(model: KAN) -> list[Any]:
    return [list(width) if isinstance(width, tuple) else width for width in model.widths]


def session_view(session: Session, rows: Any = None) -> Answer:
    """Return everything that the page shows of a session at once: the network, its error, its formula, its history."""
    table, names, targets = session.table, session.names, list(session.targets)
    model = session.state.situation.model
    new = 0 if session.new_table is None else len(session.new_table)
    return {
        "at": session.state.id, "branch": session.state.branch, "branches": session.branches(),
        "can_undo": session.state.parent is not None, "can_redo": session.can_redo,
        "error": number(session.error), "held_out": number(session.held_out_error), "judged": judged(session),
        "rows": len(table.x), "new_rows": new, "classes": session.classes, "answer": session.answer,
        "said": list(session.state.said),
        "selected": len(table.x) if rows is None else int(np.count_nonzero(rows)),
        "names": names, "targets": targets, "forbidden": list(session.forbidden),
        "variables": [{"name": v.name, "formula": v.formula} for v in session.variables],
        "splines": session.state.splines, "parameters": session.state.parameters, "edges": session.state.edges,
        "formula": formula_view(session),
        "diagram": network_view(model, table.x, names, targets, rows),
        "removed": [list(edge) for edge in _removed(model)],
        "history": [state_view(session, state) for state in session.states],
    }  # fmt: skip


def _removed(model: KAN) -> list[tuple[int, int, int]]:
    return [(depth, j, i) for depth, layer in enumerate(model.layers) for j, i in (~layer.mask).nonzero().tolist()]


def state_view(session: Session, state: State) -> Answer:
    """Return a state as one row, with what was done in words, and errors that JSON can say."""
    errors = {"error": number(state.error), "held_out": number(state.held_out)}
    return {**state.row(), **errors, "words": step_words(session, state)}


def judged(session: Session) -> Answer:
    """Return how good the network is on the rows of training and on those held out, `new` None without any.

    It is R2, or for classes the accuracy and the confusion matrix. `outside` counts new rows far outside the rows of
    training, where the error is due to them.
    """
    new = session.new_table
    return {
        "rows": _shares(session, session.table), "new": None if new is None else _shares(session, new),
        "outside": None if new is None or session.classes else _outside(session, session.table, new),
    }  # fmt: skip


def observed(session: Session, table: Table) -> torch.Tensor:
    """Return the targets (n, m): numbers, or 1 where a row is of the output's class."""
    if not session.classes:
        return table.y
    codes = torch.arange(len(session.classes), dtype=table.y.dtype)[-len(session.targets) :]
    return (table.y == codes).to(table.y.dtype)


def fitted(session: Session, table: Table) -> torch.Tensor:
    """Return what the network gives (n, m): numbers, or the probabilities of the outputs' classes."""
    with torch.no_grad():
        outputs = session.state.situation.model(table.x)
    if not session.classes:
        return outputs
    return CrossEntropy.probabilities(outputs)[:, -outputs.shape[1] :]


def _shares(session: Session, table: Table) -> Answer:
    """R2, or of classes the accuracy and how many rows of each (down) were taken for each (across)."""
    given = fitted(session, table)
    if not session.classes:
        variance = float(table.y.var(0, unbiased=False).sum())
        missed = float((given - table.y).square().mean(0).sum())
        return {"r2": number(1 - missed / variance if variance > 0 else math.nan)}
    first = given.argmax(1) if given.shape[1] > 1 else (given[:, 0] > 0.5).long()
    truth, count = table.y[:, 0].long(), len(session.classes)
    confusion = torch.bincount(truth * count + first, minlength=count**2).reshape(count, count)
    return {"accuracy": number(float((first == truth).double().mean())), "confusion": confusion.tolist()}


def _outside(session: Session, table: Table, new: Table) -> Answer | None:
    """New rows with a value further from those of training than a quarter of their range, if the error is theirs."""
    far, matters = 0.25, 1.5  # of the range; times the error without such rows
    low, high = table.x.amin(0), table.x.amax(0)
    beyond = torch.maximum(low - new.x, new.x - high) / (high - low).clamp_min(1e-300)
    rows = (beyond > far).any(1)
    count = int(rows.sum())
    if not count or count == len(rows):
        return None
    misfit = (fitted(session, new) - new.y)[~rows]
    error = float(misfit.square().mean().sqrt())
    if session.held_out_error < matters * error:
        return None
    worst = int(beyond.amax(0).argmax())
    return {"count": count, "error": number(error), "name": session.names[worst]}


def formula_view(session: Session) -> Answer | None:
    """Return the network's formula as LaTeX and as text; None while there are splines left."""
    if session.state.splines:
        return None
    found = session.formula()
    formulas = found if isinstance(found, list) else [found]
    columns = session.columns
    latexes = [latex(f, columns, target=t, digits=5) for f, t in zip(formulas, session.targets, strict=True)]
    return {"latex": latexes, "text": [f"{t} = {f}" for f, t in zip(formulas, session.targets, strict=True)]}


def undone(session: Session, meanings: Mapping[str, Meaning]) -> Answer | None:
    """Return the formulas with logarithms undone, as LaTeX and as text; None where there are splines or no logarithms.

    ln T = 3/2 ln a - 1/2 ln M + 12.5 becomes T = 281000 a^(3/2)/M^(1/2).
    """
    logs = {name: one["of"] for name, one in meanings.items() if one["kind"] == "log"}
    if session.state.splines or not logs:
        return None
    found = session.formula()
    formulas = found if isinstance(found, list) else [found]
    called = {name: logs.get(name, name) for name in session.columns}
    put = {
        sympy.Symbol(name): sympy.log(sympy.Symbol(of, positive=True)) for name, of in called.items() if name in logs
    }
    lines: list[tuple[str, str]] = []
    for formula, target in zip(formulas, session.targets, strict=True):
        plain = _without(formula, put)
        if target in logs:
            plain, target = sympy.exp(plain), logs[target]
        plain = plain.xreplace({one: sympy.Symbol(str(one)) for one in plain.free_symbols if one.is_positive})
        lines.append(
            (latex(plain, list(called.values()), target=target, digits=5), f"{quoted(target)} = {write(plain, 6)}")
        )
    return {"latex": [line for line, _ in lines], "text": [text for _, text in lines]}


def _without(formula: sympy.Expr, put: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """Put logarithms in, each by its name: symbols of a formula may have assumptions of their own."""
    by_name = {symbol.name: value for symbol, value in put.items()}
    named = {one: by_name[str(one)] for one in formula.free_symbols if str(one) in by_name}
    return cast(sympy.Expr, formula.xreplace(named))


Array = np.ndarray


@request()
def compare(desk: Desk, a: int, b: int) -> Answer:
    """What differs between two states: each with its network, and the differences of their outputs, b less a."""
    session = desk.session
    check(is_int(a, 0) and is_int(b, 0), "'a' and 'b' are numbers of states.", (a, b))
    found = session.compare(a, b)
    first, second = session.goto(a), session.goto(b)
    return {
        "a": _side(first), "b": _side(second), "moved": number(found.moved),
        "became": [{"edge": list(edge), "was": was, "is": is_} for edge, (was, is_) in found.became.items()],
        "curves": [{"edge": list(edge), "moved": number(value)} for edge, value in found.curves.items()],
        "same_nodes": first.state.situation.model.widths == second.state.situation.model.widths,
        "targets": [_target(first, second, k) for k in range(len(session.targets))],
    }  # fmt: skip


def _side(session: Session) -> Answer:
    state = session.state
    view = network_view(state.situation.model, session.table.x, session.names, list(session.targets))
    return {
        **state_view(session, state), "formula": formula_view(session), "view": view,
        "variables": [{"name": v.name, "formula": v.formula} for v in session.variables],
    }  # fmt: skip


def _target(first: Session, second: Session, k: int) -> Answer:
    """One target's differences: how they are distributed, in which rows they are largest, and against each column."""
    columns, target = _columns(first, k), first.targets[k]
    before, after = (fitted(each, each.table)[:, k].numpy() for each in (first, second))
    difference = after - before
    finite, listed, dots = np.isfinite(difference), 10, 400  # rows that differ most; rows of a plot against a column
    largest = np.argsort(-np.where(finite, np.abs(difference), np.inf), kind="stable")[:listed]
    shown = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(finite))[:dots])
    return {
        "target": target,
        "histogram": _histogram(difference[finite]),
        "undefined": int((~finite).sum()),
        "largest": {
            "row": largest.tolist(), "columns": {name: numbers(values[largest]) for name, values in columns.items()},
            "a": numbers(before[largest]), "b": numbers(after[largest]), "difference": numbers(difference[largest]),
        },
        "sample": {
            "columns": {name: numbers(values[shown]) for name, values in columns.items()},
            "difference": numbers(difference[shown]),
        },
    }  # fmt: skip


def _columns(session: Session, k: int) -> dict[str, Array]:
    """The columns that the session was begun with, and the target."""
    count = len(session.columns)
    x, y = session.table.x[:, :count].numpy(), observed(session, session.table).numpy()
    return {**{name: x[:, i] for i, name in enumerate(session.columns)}, session.targets[k]: y[:, k]}


def _histogram(values: Array) -> dict[str, Any]:
    """Counts between ends of bins that are symmetric about 0."""
    end = float(np.abs(values).max(initial=0.0))
    if end == 0:
        return {"ends": [], "counts": []}
    counts, ends = np.histogram(values, 31, (-end, end))
    return {"ends": numbers(ends), "counts": counts.tolist()}
