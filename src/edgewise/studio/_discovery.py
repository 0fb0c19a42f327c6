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
from edgewise.discovery import Candidate, Discovery, SearchStep
from edgewise.discovery import discover as discovered
from edgewise.formulas.expressions import write
from edgewise.interpret.symbolic import network_of
from edgewise.studio._acts import view
from edgewise.studio._desk import Desk
from edgewise.studio._kept import keep_discovery, kept_discovery
from edgewise.studio._network_view import network_view, number, numbers
from edgewise.studio._requests import Answer, check, request
from edgewise.studio._work import Channel

_EFFORTS = ("quick", "normal", "thorough")


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
        found, one, y = self.discovery, self.discovery[index], self.y
        barred = found.text(index)
        has_bars = "±" in barred
        fitted = one.predict(self.x)
        shown = np.sort(np.random.default_rng(0).permutation(len(y))[:600])
        residual = y - fitted
        constants = found.constants(index) if has_bars else ()
        return {
            "index": index, "target": found.target, "latex": found.latex(index) if has_bars else one.latex(),
            "text": barred, "full": one.text(), "complexity": one.complexity, "best": one is found.best,
            "constants": [str(constant) for constant in constants],
            "rms": number(math.sqrt(float(np.mean(residual**2)))),
            "sample": {
                "rows": shown.tolist(), "observed": numbers(y[shown]), "fitted": numbers(fitted[shown]),
                "residual": numbers(residual[shown]),
            },
        }  # fmt: skip


@request(changes=True)
def discover(desk: Desk, time_limit: float = 60.0, effort: str = "normal", target: str | None = None) -> Answer:
    """Begin a search for formulas of a target over what the network reads; its end is an event."""
    check(effort in _EFFORTS, "'effort' is 'quick', 'normal' or 'thorough'.", effort)
    check(is_number(time_limit, 1, 86400), "'time_limit' is a number of seconds from 1 to 86400.", time_limit)
    session = desk.session
    chosen = session.targets[0] if target is None else target
    if chosen not in session.targets:
        raise unknown("target", chosen, session.targets)
    y = session.table.y[:, session.targets.index(chosen)].numpy()
    units = {name: session.units[name] for name in (*session.names, chosen) if name in session.units}
    known: dict[str, Any] = {"units": units} if set(session.names) <= set(units) else {}
    settings = {"names": session.names, "target": chosen, "effort": effort, "time_limit": float(time_limit), **known}
    x = session.table.x.numpy()
    call = f"discover(effort={effort!r}, time_limit={time_limit:g})"
    arguments = (x, y, settings, session.state.id)
    return desk.run("discover", call, search, arguments, lambda found: keep_discovery(desk, found))


def search(channel: Channel, x: Any, y: Any, settings: dict[str, Any], at: int) -> Answer:
    """Search for formulas, and send the stage, the best formula and the front as it grows; return it as plain data."""
    began, last, fraction = time.monotonic(), -math.inf, 0.0
    said: dict[str, Any] = {"best": None, "points": []}
    between = 0.7  # seconds between two looks at the front as it grows

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
        found = discovered(x, y, progress=progress, **settings)
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
    return {"targets": list(desk.session.targets), **({"candidates": []} if kept is None else kept["front"])}


def _row(found: Discovery, index: int, weight: float) -> Answer:
    candidate = found[index]
    return {
        "index": index, **_point(candidate), "text": candidate.text(6), "latex": candidate.latex(),
        "r2": number(candidate.r2), "constants": candidate.fitted, "weight": number(weight),
        "best": candidate is found.best,
    }  # fmt: skip


@request()
def candidate(desk: Desk, index: int) -> Answer:
    """One formula of the front: with standard errors, its values and residuals on rows, and its network."""
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
def adopt(desk: Desk, at: int, index: int) -> Answer:
    """Replace the session's network by that of a formula of the front."""
    session = desk.at(at)
    desk.change(session.use_formula(_formula(desk, index)["full"]))
    return view(desk)


def _formula(desk: Desk, index: Any) -> Answer:
    kept = kept_discovery(desk)
    if kept is None:
        raise InputError("Nothing has been discovered yet: press Discover.")
    formulas = kept["formulas"]
    check(is_int(index, 0, len(formulas) - 1), f"'index' is a number from 0 to {len(formulas) - 1}.", index)
    return formulas[index]
