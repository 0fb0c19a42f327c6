"""Requests that look at a session and change it, and every action that the page can offer."""

from __future__ import annotations

import inspect
import math
import time
from typing import Any

import torch

from edgewise._callbacks import calling
from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.formulas import functions as library
from edgewise.networks.session import ACTIONS, Action, Session
from edgewise.nn import KAN
from edgewise.studio._desk import Desk
from edgewise.studio._edges import candidate_view, edge_view, node_view
from edgewise.studio._kept import kept_rows, meanings
from edgewise.studio._network_view import network_view, number, session_view, undone
from edgewise.studio._requests import Answer, check, request
from edgewise.studio._row_views import selected
from edgewise.studio._work import Channel
from edgewise.train import CrossEntropy, FitStep, RefitPass, error_of

#: what is typed or chosen for an argument, by its name, a text if it is not here; the same for all actions
_KINDS = {
    "affine": "constants", "at": "number", "by": "number", "high": "number", "low": "number", "width": "number",
    "cuts": "cuts", "depth": "integer", "direction": "direction", "edge": "edge",
    "edges": "edges", "factor": "integer", "formula": "text", "function": "function", "functions": "functions",
    "grid": "integer", "grids": "grids", "levels": "inputs",
    "merge": "choice", "name": "text", "node": "node", "nodes": "nodes",
    "rounding": "choice", "seed": "integer", "slack": "number", "sparsity": "number", "steps": "integer",
    "threshold": "number", "weight": "number",
}  # fmt: skip


@request()
def actions(desk: Desk) -> Answer:
    """All actions, in the order of a menu, and the functions that an edge can become."""
    return {"actions": [_row(action) for action in ACTIONS.values()], "functions": list(library.names())}


def _row(action: Action) -> Answer:
    said = inspect.cleandoc(action.act.__doc__ or "").partition("\n")[0]
    arguments: list[dict[str, Any]] = [
        {"name": name, "kind": _KINDS.get(name, "text"), "needed": taken.default is taken.empty,
         "default": None if taken.default is taken.empty else taken.default}
        for name, taken in action.takes.items()
    ]  # fmt: skip
    return {"name": action.name, "does": said, "long": action.long, "arguments": arguments}


_SUGGESTED = "suggested"  # the drawer of the last request for functions


@request()
def view(desk: Desk, rows: Any = None) -> Answer:
    """The session as it is, with scores and curves over chosen rows."""
    session = desk.session
    job = desk.job.row() if desk.job else None
    shown = session_view(session, selected(session, rows))
    now = {"session": desk.number, "job": job, "ended": desk.ended, "read_only": desk.read_only}
    formula = undone(session, meanings(desk))
    return {**shown, **now, "left_out": desk.notes, "kept": kept_rows(desk), "undone": formula}


@request(changes=True)
def act(desk: Desk, at: int, name: str, arguments: dict[str, Any]) -> Answer:
    """Do an action; one that takes long begins, and its end is an event."""
    session = desk.at(at)
    check(isinstance(name, str) and name in ACTIONS, "Unknown action.", name)
    check(isinstance(arguments, dict), "'arguments' are named.", arguments)
    plain = ACTIONS[name].read((), arguments)
    if ACTIONS[name].long:
        call = f"{name}({', '.join(f'{k}={v!r}' for k, v in plain.items() if v is not None)})"
        return desk.run(name, call, act_in_worker, (session, name, plain), desk.change)
    desk.change(session.apply(name, **plain))
    return view(desk)


def act_in_worker(channel: Channel, session: Session, name: str, arguments: dict[str, Any]) -> Session:
    """Do an action, with a picture of the network now and then while it trains: that of the best one so far."""
    seen = _Seen(session)

    def look(step: FitStep) -> bool:
        said = seen.at(step)
        if said is not None:
            channel.send(said)
        return name == "fit" and (channel.stopped() or seen.share >= 1)

    with calling(look, FitStep):
        return session.apply(name, **arguments)


class _Seen:
    """What a person sees of a fit: the best error so far on new rows, or on all where none are held out.

    `share` is the work so far over the most that a fit does here: products in the normal equations of its steps.
    """

    between = 0.15  # seconds between two pictures
    pause = 4.0  # times as long as a look took, until the next one
    most = 4e11  # products

    def __init__(self, session: Session) -> None:
        self.session, self.judged = session, session.new_table or session.table
        self.best, self.next, self.began = math.inf, 0.0, time.monotonic()
        self.share = 0.0

    def at(self, step: FitStep) -> Answer | None:
        """Return what is said of a step; None where the last look was a moment ago."""
        now = time.monotonic()
        self.share += step.work / self.most
        if now < self.next:
            return None
        network = step.network()
        said: Answer = {"step": step.step, "stage": step.place, "seconds": now - self.began, "share": self.share}
        with torch.no_grad():
            error = self._error(network)
            if error < self.best:
                self.best = error
                table = self.session.table
                said["picture"] = network_view(network, table.x, self.session.names, self.session.targets)
        self.next = time.monotonic() + max(self.between, self.pause * (time.monotonic() - now))
        return {**said, "error": number(self.best)}

    def _error(self, network: KAN) -> float:
        """The error in units of the targets: a fit trains on standardized ones, and its outputs are scaled back."""
        table, judged = self.session.table, self.judged
        if self.session.classes:
            return error_of(network, judged, CrossEntropy())
        outputs, given = network(table.x), network(judged.x)
        center, mean = outputs.mean(0), table.y.mean(0)
        outputs = outputs - center
        scale = (outputs * (table.y - mean)).sum(0) / outputs.square().sum(0).clamp_min(1e-300)
        error = float((scale * (given - center) + mean - judged.y).square().mean().sqrt())
        return error if error == error else math.inf


@request(changes=True)
def stop(desk: Desk, how: str = "stop") -> Answer:
    """End the work that is going on: "stop", or "interrupt", or "kill"."""
    check(how in ("stop", "interrupt", "kill"), "'how' is 'stop', 'interrupt' or 'kill'.", how)
    desk.stop(how)
    return {"job": desk.job.row() if desk.job else None}


@request()
def preview(desk: Desk, at: int, name: str, arguments: dict[str, Any], rows: Any = None) -> Answer:
    """What an action would do: errors before and after, and the network as it would be."""
    session = desk.at(at)
    check(isinstance(name, str) and name in ACTIONS, "Unknown action.", name)
    check(isinstance(arguments, dict), "'arguments' are named.", arguments)
    shown = session.preview(name, **arguments)
    difference = shown.comparison
    return {
        "before": number(shown.before), "after": number(shown.after), "moved": number(difference.moved),
        "held_out": [number(error) for error in difference.held_out],
        "became": [{"edge": list(edge), "was": was, "is": is_} for edge, (was, is_) in difference.became.items()],
        "edges": list(difference.edges), "parameters": list(difference.parameters),
        "view": network_view(
            shown.session.state.situation.model, shown.session.table.x, shown.session.names, shown.session.targets,
            selected(session, rows),
        ),
    }  # fmt: skip


@request()
def suggest(desk: Desk, edge: list[int], limit: int = 6) -> Answer:
    """Functions that an edge could become, best first, each with the curve that it would have.

    It ends with a problem when another edge is asked for: trials of many functions take seconds.
    """
    check(is_int(limit, 1, 40), "'limit' is an int from 1 to 40.", limit)
    session = desk.session
    place = _edge(session, edge)
    mine = desk.drawers[_SUGGESTED] = object()

    def go_on(event: RefitPass) -> None:
        if desk.drawers.get(_SUGGESTED) is not mine:
            raise InputError("Another edge is looked at by now: select this one again.")

    with calling(go_on, RefitPass):
        found = session.suggest(place, limit)
    return {"edge": list(edge), "candidates": [candidate_view(session, one) for one in found]}


@request()
def edge(desk: Desk, edge: list[int], rows: Any = None) -> Answer:
    """One edge at length: its curve and the data's density, its constants and rules, what the formula of it is."""
    session = desk.session
    found = edge_view(session, _edge(session, edge), selected(session, rows))
    known = meanings(desk).get(session.names[edge[2]]) if edge[0] == 0 else None
    return {**found, "meaning": known}


@request()
def node(desk: Desk, node: list[int], rows: Any = None) -> Answer:
    """What a node computes: its formula where there is one, and how its values are spread."""
    session = desk.session
    check(isinstance(node, list) and len(node) == 2 and all(is_int(n, 0) for n in node), "A node is [depth, q].", node)
    return node_view(session, (node[0], node[1]), selected(session, rows))


@request(changes=True)
def move(desk: Desk, to: Any) -> Answer:
    """Go to "undo", "redo", a state by its number, or the last state of a branch by its name."""
    session = desk.at(desk.session.state.id)
    steps = {"undo": session.undo, "redo": session.redo}
    desk.change(steps[to]() if to in ("undo", "redo") else session.goto(to))
    return view(desk)


@request(changes=True)
def branch(desk: Desk, name: str) -> Answer:
    """Begin a branch here."""
    desk.change(desk.at(desk.session.state.id).branch(name))
    return view(desk)


@request(changes=True)
def note(desk: Desk, text: str) -> Answer:
    """Write a note to the state that the session is at."""
    desk.change(desk.at(desk.session.state.id).note(text))
    return view(desk)


def _edge(session: Session, edge: Any) -> tuple[int, int, int]:
    """The edge of a request, if the network has it."""
    sound = isinstance(edge, list) and len(edge) == 3 and all(is_int(n, 0) for n in edge)
    check(sound, "An edge is [layer, j, i].", edge)
    layers = session.state.situation.model.layers
    depth, j, i = edge
    if depth >= len(layers) or j >= layers[depth].n_out or i >= layers[depth].n_in:
        raise InputError(f"The network has no edge {edge}: look at it again.")
    return depth, j, i
