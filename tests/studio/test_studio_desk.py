"""The desk of a studio: every action of a session, undone and redone; what is on disk; work, stops and refusals."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from steering import rows

import edgewise as ew
from edgewise.session import ACTIONS, Session
from edgewise.studio import REQUESTS, Desk, Moved

EDGE = [0, 0, 0]
LEVELS = {"large": "(1 + abs(b - 1.25)/(b - 1.25))/2", "little": "(1 - abs(b - 0.75)/(b - 0.75))/2"}  # 1 or 0
#: for every action: what is done before it, and what it is given
CASES: dict[str, tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]] = {
    "prune_edge": ([], {"edge": EDGE}),
    "restore_edge": ([("prune_edge", {"edge": EDGE})], {"edge": EDGE}),
    "remove_node": ([], {"node": [1, 1]}),
    "add_nodes": ([], {"depth": 1, "nodes": 2}),
    "compact": ([("remove_node", {"node": [1, 1]})], {}),
    "set_function": ([], {"edge": EDGE, "function": "exp", "affine": [1, 0, 1, 0]}),
    "to_spline": ([("set_function", {"edge": EDGE, "function": "exp", "affine": [1, 0, 1, 0]})], {"edge": EDGE}),
    "snap_edge": ([], {"edge": EDGE, "function": "exp"}),
    "lock": ([], {"edges": [EDGE]}),
    "unlock": ([("lock", {"edges": [EDGE]})], {"edges": [EDGE]}),
    "lock_node": ([], {"node": [1, 0]}),
    "unlock_node": ([("lock_node", {"node": [1, 0]})], {"node": [1, 0]}),
    "forbid": ([], {"functions": ["sin"]}),
    "allow": ([("forbid", {"functions": ["sin"]})], {"functions": ["sin"]}),
    "require": ([], {"edge": EDGE, "functions": ["exp"]}),
    "add_bump": ([], {"edge": EDGE, "at": 0.1, "by": 0.2, "width": 0.3}),
    "flatten": ([], {"edge": EDGE}),
    "monotone": ([], {"edge": EDGE, "direction": "up"}),
    "smooth": ([], {"edge": EDGE, "weight": 0.1}),
    "add_variable": ([], {"name": "r", "formula": "exp(a)/b"}),
    "join_levels": (
        [("add_variable", {"name": name, "formula": text}) for name, text in LEVELS.items()],
        {"levels": ["large", "little"]},
    ),
    "refit": ([], {"steps": 3}),
    "fit": ([], {"steps": 5}),
    "refine": ([], {"factor": 2}),
    "prune": ([], {"cuts": [{"what": "edges", "keep": 4}]}),
    "merge": ([], {}),
    "snap_all": ([], {"slack": 100.0}),
    "round_constants": ([("set_function", {"edge": EDGE, "function": "exp", "affine": [1.01, 0, 1, 0]})], {}),
    "use_formula": ([], {"formula": "exp(a)/b + sin(2*b)"}),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of this file that begin at a state of their own: its worker is loaded once."""
    folder = tmp_path_factory.mktemp("studio")
    x, y = rows()
    session = Session(ew.KAN([2, 2, 1], grid=3, seed=1), x, y, ["a", "b"], target="z")
    desk = Desk(folder, session, file=folder / "steps.session")
    yield desk
    desk.close()


def done(desk: Desk, name: str, arguments: dict[str, Any], seconds: float = 60) -> None:
    """Do an action and wait for its end; AssertionError with the problem if there is one."""
    with desk.listening() as events:
        answer = desk.ask("act", {"at": desk.session.state.id, "name": name, "arguments": arguments})
        if "job" not in answer or answer["job"] is None:
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                event = events.get(timeout=1)
            except queue.Empty:
                continue
            if event["kind"] == "ended":
                assert event["problem"] is None, event["problem"]
                return
    raise AssertionError(f"{name} took longer than {seconds} s")


def weights(session: Session) -> dict[str, torch.Tensor]:
    return session.model.state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_is_done_undone_and_redone_bit_by_bit(shared: Desk, name: str) -> None:
    shared.ask("move", {"to": 0})
    before, arguments = CASES[name]
    for earlier in before:
        done(shared, *earlier)
    start = weights(shared.session)
    done(shared, name, arguments)
    assert shared.session.state.name == name
    made = weights(shared.session)
    direct = shared.session.undo().apply(name, **arguments)
    assert same(made, weights(direct)), "as the session itself does it"
    shared.ask("move", {"to": "undo"})
    assert same(weights(shared.session), start)
    shared.ask("move", {"to": "redo"})
    assert same(weights(shared.session), made)
    assert shared.file is not None
    kept = Session.load(shared.file)
    assert same(weights(kept), made) and kept.log() == shared.session.log(), "on disk before it is answered"


def test_answers_are_plain_json(shared: Desk) -> None:
    shared.ask("move", {"to": 0})
    for name, given in {
        "view": {}, "edge": {"edge": EDGE}, "node": {"node": [1, 0]}, "suggest": {"edge": EDGE, "limit": 2},
        "preview": {"at": 0, "name": "prune_edge", "arguments": {"edge": EDGE}},
    }.items():  # fmt: skip
        json.dumps(shared.ask(name, given), allow_nan=False)


def test_a_view_has_the_numbers_of_the_printed_diagram(shared: Desk) -> None:
    shared.ask("move", {"to": 0})
    view, plan = shared.ask("view", {}), ew.plot.diagram(shared.session.model, ["a", "b"], "z")
    drawn = view["diagram"]
    assert drawn["bounds"] == list(plan.bounds) and drawn["kind"] == plan.kind
    assert [tuple(edge["box"]) for edge in drawn["edges"]] == [edge.box for edge in plan.edges]
    scores = ew.interpret.edge_scores(shared.session.model, shared.session.table.x)
    for edge in drawn["edges"]:
        layer, j, i = edge["key"]
        assert edge["score"] == pytest.approx(float(scores[layer][j, i]))
    assert view["error"] == pytest.approx(shared.session.error)


def test_scores_follow_the_chosen_rows(shared: Desk) -> None:
    shared.ask("move", {"to": 0})
    chosen = shared.ask("view", {"rows": [{"name": "a", "low": 0.5, "high": 0.9}]})
    x = shared.session.table.x
    mask = (x[:, 0] >= 0.5) & (x[:, 0] <= 0.9)
    assert chosen["selected"] == int(mask.sum())
    scores = ew.interpret.edge_scores(shared.session.model, x, rows=mask.numpy())
    edge = next(e for e in chosen["diagram"]["edges"] if e["key"] == EDGE)
    assert edge["score"] == pytest.approx(float(scores[0][0, 0]))


def test_a_preview_changes_nothing_and_tells_what_the_action_would_leave(shared: Desk) -> None:
    shared.ask("move", {"to": 0})
    count = len(shared.session.states)
    shown = shared.ask("preview", {"at": 0, "name": "prune_edge", "arguments": {"edge": EDGE}})
    assert len(shared.session.states) == count and shared.session.state.id == 0
    assert shown["after"] == pytest.approx(shared.session.prune_edge((0, 0, 0)).error)
    assert EDGE not in [edge["key"] for edge in shown["view"]["edges"]]


def test_a_page_that_is_behind_is_refused_and_nothing_is_lost(shared: Desk) -> None:
    shared.ask("move", {"to": 0})
    done(shared, "prune_edge", {"edge": EDGE})
    at = shared.session.state.id
    with pytest.raises(Moved, match=f"at state {at} by now"):
        shared.ask("act", {"at": 0, "name": "lock", "arguments": {"edges": [[0, 1, 1]]}})
    assert shared.session.state.id == at


def test_work_is_stopped_and_keeps_what_it_reached(tmp_path: Path) -> None:
    x = 2 * torch.rand(3000, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    y = torch.exp(torch.sin(3 * x[:, 0]) * x[:, 1]) + x[:, 2] * x[:, 3]
    desk = Desk(tmp_path, Session(ew.KAN([4, 6, 6, 1], seed=0), x, y), file=tmp_path / "long.session")
    try:
        with desk.listening() as events:
            desk.ask("act", {"at": 0, "name": "fit", "arguments": {"grids": "auto"}})
            with pytest.raises(Moved, match="is running"):
                desk.ask("act", {"at": 0, "name": "prune_edge", "arguments": {"edge": EDGE}})
            pictures = 0
            while True:
                event = events.get(timeout=60)
                pictures += "picture" in event
                if pictures == 2:
                    desk.ask("stop", {})
                if event["kind"] == "ended":
                    break
        assert event["problem"] is None
        steps = desk.session.state.arguments["steps"]
        assert isinstance(steps, int) and desk.session.error < desk.session.states[0].error
        assert same(weights(desk.session), weights(desk.session.undo().fit("auto", steps=steps)))
    finally:
        desk.close()


def test_work_whose_process_is_killed_changes_nothing_and_the_next_work_runs(tmp_path: Path) -> None:
    x, y = rows(400)
    desk = Desk(tmp_path, Session(ew.KAN([2, 5, 5, 1], grid=3, seed=1), x, y), file=tmp_path / "killed.session")
    try:
        with desk.listening() as events:
            desk.ask("act", {"at": 0, "name": "fit", "arguments": {"grids": "auto"}})
            while "picture" not in events.get(timeout=60):
                pass
            desk.ask("stop", {"how": "kill"})
            while (event := events.get(timeout=60))["kind"] != "ended":
                pass
        assert "nothing changed" in event["problem"] and desk.session.state.id == 0
        done(desk, "refit", {"steps": 2})
        assert desk.session.state.name == "refit"
    finally:
        desk.close()


def test_problems_in_the_worker_come_back_as_one_line(shared: Desk) -> None:
    shared.ask("move", {"to": 0})
    done(shared, "lock", {"edges": [EDGE]})
    at = shared.session.state.id
    with pytest.raises(AssertionError, match="is locked: unlock it first"):
        done(shared, "snap_edge", {"edge": EDGE})
    assert shared.session.state.id == at


def test_read_only_refuses_all_that_changes_anything(tmp_path: Path) -> None:
    x, y = rows()
    desk = Desk(tmp_path, Session(ew.KAN([2, 1], grid=3, seed=1), x, y), read_only=True)
    assert desk.ask("view", {})["at"] == 0
    for name, row in REQUESTS.items():
        if row.changes:
            with pytest.raises(ew.InputError, match="only shows"):
                desk.ask(name, {})


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("veiw", {}, "Unknown request 'veiw'. Known: view"),
        ("edge", {}, "needs edge"),
        ("edge", {"edges": EDGE}, "Unknown argument of 'edge'"),
        ("edge", {"edge": [9, 9, 9]}, "has no edge"),
        ("edge", {"edge": "0,0,0"}, "An edge is"),
        ("node", {"node": [7, 0]}, "has no node"),
        ("act", {"at": 0, "name": "explode", "arguments": {}}, "Unknown action"),
        ("act", {"at": 0, "name": "prune_edge", "arguments": {"edge": "x"}}, "An edge is"),
        ("act", {"at": 0, "name": "prune_edge", "arguments": [1]}, "are named"),
        ("act", {"at": 0, "name": "add_variable", "arguments": {"name": "q", "formula": "a +"}}, "a \\+"),
        ("view", {"rows": [{"name": "nope", "low": 0, "high": 1}]}, "Unknown column"),
        ("view", {"rows": [{"name": "a", "low": "x", "high": 1}]}, "are numbers"),
        ("view", {"rows": [{"name": "a", "low": 9, "high": 9}]}, "Fewer than two rows"),
        ("move", {"to": "nowhere"}, "Unknown branch"),
        ("move", {"to": 10**6}, "The session has states"),
        ("move", {"to": [1]}, "The session has states"),
        ("note", {"text": 3}, "A note is a text"),
        ("branch", {"name": ""}, "A branch's name is a text"),
        ("stop", {"how": "please"}, "'how' is"),
    ],
)
def test_requests_that_cannot_be_answered_say_why(shared: Desk, name: str, given: dict[str, Any], message: str) -> None:
    shared.ask("move", {"to": 0})
    with pytest.raises(ew.InputError, match=message):
        shared.ask(name, given)


def test_without_a_session_the_page_is_told_to_open_one(tmp_path: Path) -> None:
    with pytest.raises(ew.InputError, match="no session yet"):
        Desk(tmp_path).ask("view", {})
