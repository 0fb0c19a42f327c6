"""Discovery from the session's rows: a search in the worker, its front, its candidates, and one of them as network."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edgewise._callbacks import calling
from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise._extras import needed
from edgewise.discovery import Candidate, Discovery, SearchStep
from edgewise.discovery import discover as discovered
from edgewise.discovery.regression import FormulaFit
from edgewise.discovery.regression import fit_formula as fitted_formula
from edgewise.formulas.expressions import write
from edgewise.interpret.symbolic import network_of
from edgewise.studio._acts import view
from edgewise.studio._desk import Desk
from edgewise.studio._kept import keep_discovery, kept_discovery
from edgewise.studio._knowledge import arguments_of, check_known
from edgewise.studio._network_view import network_view, number, numbers
from edgewise.studio._requests import Answer, check, request
from edgewise.studio._work import Channel

_EFFORTS = ("quick", "normal", "thorough")
_FITTED = "fitted"  # the drawer of the formula that a person stated


@dataclass(frozen=True)
class Found:
    """A discovery, its rows as the session had them, and how it was asked for."""

    discovery: Discovery
    x: Any
    y: Any
    effort: str
    seconds: float
    at: int  # the state that the session was at

    def plain(self) -> Answer:
        """The front and each of its formulas at length, as plain data that outlives the process."""
        return {"front": self._row(), "formulas": [self._formula(index) for index in range(len(self.discovery))]}

    def _row(self) -> Answer:
        """The front, from simple to accurate, and what is claimed of its best formula."""
        found = self.discovery
        return {
            "target": found.target, "at": self.at, "effort": self.effort, "seconds": self.seconds,
            "outcome": found.outcome.name, "message": found.outcome.message, "conclusion": found.conclusion(),
            "notes": list(found.stages), "noise": number(found.noise),
            "ceiling": None if found.ceiling is None else number(found.ceiling.held_out),
            "candidates": [_row(found, index, weight) for index, weight in enumerate(found.weights.tolist())],
        }  # fmt: skip

    def _formula(self, index: int) -> Answer:
        """One formula: with standard errors, and its values and residuals on rows."""
        found, one = self.discovery, self.discovery[index]
        barred = found.text(index)
        has_bars = "±" in barred
        law = one.named
        return {
            "index": index, "target": found.target, "latex": found.latex(index) if has_bars else one.latex(),
            "text": barred, "full": one.text(), "complexity": one.complexity, "best": one is found.best,
            "constants": [str(constant) for constant in found.constants(index)] if has_bars else [],
            "law": [] if law is None else [str(law), law.what()], **_sampled(self.y, one.predict(self.x)),
        }  # fmt: skip


def _sampled(y: Any, fitted: Any) -> Answer:
    """The error of a formula, and its values and residuals at some rows."""
    most = 600  # rows that are shown
    shown = np.sort(np.random.default_rng(0).permutation(len(y))[:most])
    residual = y - fitted
    return {
        "rms": number(math.sqrt(float(np.mean(residual**2)))),
        "sample": {
            "rows": shown.tolist(), "observed": numbers(y[shown]), "fitted": numbers(fitted[shown]),
            "residual": numbers(residual[shown]),
        },
    }  # fmt: skip


@request(changes=True)
def discover(
    desk: Desk, time_limit: float = 60.0, effort: str = "normal", target: str | None = None, known: Any = None
) -> Answer:
    """Begin a search for formulas of a target over what the network reads; its end is an event."""
    check(effort in _EFFORTS, "'effort' is 'quick', 'normal' or 'thorough'.", effort)
    check(is_number(time_limit, 1, 86400), "'time_limit' is a number of seconds from 1 to 86400.", time_limit)
    session = desk.session
    columns, y, chosen = _rows(desk, target)
    given = arguments_of(known, ("formula", "rows"), session.names)
    by_row = {
        name: columns.pop(given.pop(name), None)
        for name in ("sigma", "weights", "trials", "correlated")
        if name in given
    }
    if not columns or any(values is None for values in by_row.values()):
        raise InputError("A column says one thing of the rows, and one at least is left as an input: choose others.")
    of_rows = {**by_row, **{name: given.pop(name) for name in ("groups", "noise", "loss") if name in given}}
    units = {name: session.units[name] for name in (*columns, chosen) if name in session.units}
    if "units" in given or {*columns} <= {*units}:
        given["units"] = {**units, **given.get("units", {})}
    check_known(given, [name for name in columns if name != of_rows.get("groups")], chosen)
    settings = {"target": chosen, "effort": effort, "time_limit": float(time_limit), **of_rows, **given}
    call = f"discover(effort={effort!r}, time_limit={time_limit:g})"
    return desk.run(
        "discover", call, search, (columns, y, settings, session.state.id), lambda found: keep_discovery(desk, found)
    )


def _rows(desk: Desk, target: str | None) -> tuple[dict[str, Any], Any, str]:
    """The inputs of the session by name, a target of it, and what that is called."""
    session = desk.session
    if session.classes:
        raise InputError(
            f"{session.answer} is a class, and Discover finds formulas for numbers. In Python, "
            "edgewise.SymbolicClassifier finds formulas for log-odds."
        )
    chosen = session.targets[0] if target is None else target
    if chosen not in session.targets:
        raise unknown("target", chosen, session.targets)
    columns = dict(zip(session.names, session.table.x.numpy().T, strict=True))
    return columns, session.table.y[:, session.targets.index(chosen)].numpy(), chosen


def search(channel: Channel, columns: dict[str, Any], y: Any, settings: dict[str, Any], at: int) -> Answer:
    """Search for formulas, and send the stage, the best formula and the front as it grows; return it as plain data."""
    began, last, fraction = time.monotonic(), -math.inf, 0.0
    said: dict[str, Any] = {"best": None, "points": []}
    between = 0.7  # seconds between two looks at the front as it grows
    x: Any = np.column_stack([*columns.values()])
    if "groups" in settings:
        x = needed("pandas").DataFrame(columns)

    def look(step: SearchStep) -> None:
        nonlocal last
        if channel.stopped():
            raise KeyboardInterrupt
        if time.monotonic() - last >= between:
            said["points"] = [_point(candidate) for candidate in step.front()]
            last = time.monotonic()

    def progress(stage: str, part: float, best: str | None = None) -> None:
        nonlocal fraction
        fraction = max(fraction, part)
        said["best"] = best or said["best"]
        channel.send({"stage": stage, "fraction": fraction, "seconds": time.monotonic() - began, **said})

    with calling(look, SearchStep), _interrupted_once():
        found = discovered(x, y, [*columns], progress=progress, **settings)
        return Found(found, x, y, settings["effort"], time.monotonic() - began, at).plain()


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """Let one interruption end the search: further ones must not end what puts its result together."""

    def first(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _point(candidate: Candidate) -> Answer:
    errors = {"error": number(candidate.error), "held_out": number(candidate.held_out)}
    return {"complexity": candidate.complexity, **errors, "text": write(candidate.expression, 4)}


@request()
def front(desk: Desk) -> Answer:
    """The formulas of the last search, from simple to accurate; none before there was one."""
    kept = kept_discovery(desk)
    own = desk.drawers.get(_FITTED, {}).get("text")
    known = {"candidates": []} if kept is None else kept["front"]
    return {"targets": list(desk.session.targets), "own": own, **known}


def _row(found: Discovery, index: int, weight: float) -> Answer:
    candidate = found[index]
    return {
        "index": index, **_point(candidate), "text": candidate.text(6), "latex": candidate.latex(),
        "r2": number(candidate.r2), "constants": candidate.fitted, "weight": number(weight),
        "best": candidate is found.best, "law": None if candidate.named is None else candidate.named.name,
    }  # fmt: skip


@request(changes=True)
def fit_formula(desk: Desk, formula: str, target: str | None = None, known: Any = None) -> Answer:
    """Begin to fit the constants of a formula that a person states; its end is an event."""
    check(isinstance(formula, str) and 0 < len(formula.strip()) <= 5000, "'formula' is a text like a*x + b.", formula)
    columns, y, chosen = _rows(desk, target)
    given = arguments_of(known, ("rows", "fit"), desk.session.names)
    given.pop("noise", None)  # that is estimated
    return desk.run(
        "fit_formula",
        "fit_formula",
        fit,
        (formula, columns, y, chosen, given),
        lambda found: desk.drawers.update({_FITTED: found}),
    )


def fit(
    channel: Channel, formula: str, columns: dict[str, Any], y: Any, target: str, settings: dict[str, Any]
) -> Answer:
    """Fit the constants of a formula, and return what is found as plain data."""
    channel.send({"stage": "fitting", "fraction": 0.5, "seconds": 0.0})
    try:
        found: FormulaFit = fitted_formula(formula, {**columns, target: y}, target, **settings)
    except InputError as problem:
        text = str(problem)
        raise InputError(text if text.startswith("'") else f"'formula': {text}") from None
    ends = found.frame()
    rows = [
        {"name": name, "text": str(one), "low": number(low), "high": number(high)}
        for (name, one), low, high in zip(found.constants.items(), ends["low"], ends["high"], strict=True)
    ]
    return {
        "index": None, "target": target, "latex": found.latex(), "text": found.text(), "best": False, "law": [],
        "full": write(found.uncertainty.free.expression), "constants": rows,
        "said": str(found).split("\n\n", 2)[2].splitlines(), **_sampled(found.rows.y, found.fitted),
    }  # fmt: skip


@request()
def candidate(desk: Desk, index: int | None = None) -> Answer:
    """One formula of the front, or the one that was fitted: standard errors, residuals on rows, and its network."""
    formula = _formula(desk, index)
    return {**formula, **_network(desk, formula["full"], formula["target"])}


def _network(desk: Desk, text: str, target: str) -> Answer:
    """The network of a formula as it is drawn, or why there is none that the session could take."""
    session = desk.session
    try:
        model = network_of(text, session.names)
        if len(session.targets) > 1:
            raise InputError(f"The session has {len(session.targets)} targets, and a formula is for one.")
        with torch.no_grad():
            if not bool(torch.isfinite(model(session.table.x)).all()):
                raise InputError("The formula has no finite value in some rows.")
        return {"network": network_view(model, session.table.x, session.names, [target]), "problem": None}
    except InputError as problem:
        return {"network": None, "problem": str(problem)}


@request(changes=True)
def adopt(desk: Desk, at: int, index: int | None = None) -> Answer:
    """Replace the session's network by that of a formula of the front, or of the one that was fitted."""
    session = desk.at(at)
    desk.change(session.use_formula(_formula(desk, index)["full"]))
    return view(desk)


def _formula(desk: Desk, index: Any) -> Answer:
    if index is None:
        if _FITTED not in desk.drawers:
            raise InputError("No formula has been fitted yet: state one and press Fit.")
        return desk.drawers[_FITTED]
    kept = kept_discovery(desk)
    if kept is None:
        raise InputError("Nothing has been discovered yet: press Discover.")
    formulas = kept["formulas"]
    check(is_int(index, 0, len(formulas) - 1), f"'index' is a number from 0 to {len(formulas) - 1}.", index)
    return formulas[index]
