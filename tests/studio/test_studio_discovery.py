"""Discovery at the desk: the front as it grows, its formulas, and one of them as the session's network."""

from __future__ import annotations

import base64
import html
import inspect
import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise import calling
from edgewise.discovery import Known, SearchStep
from edgewise.session import Session
from edgewise.studio import Desk


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """A law of two columns, and one that is the same in every row."""
    x = 1 + torch.rand(60, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[:, 2] = 3
    return x, x[:, 0] / x[:, 1] ** 2


def noisy() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = 2 * torch.rand(80, 2, dtype=torch.float64, generator=generator) - 1
    y = torch.exp(torch.sin(3 * x[:, 0])) + x[:, 1] ** 2
    return x, y + 0.1 * torch.randn(80, dtype=torch.float64, generator=generator)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk, and one worker, for all tests that search."""
    x, y = rows()
    session = Session(ew.KAN([3, 1], grid=3), x, y, ["m", "r", "same"], target="F")
    desk = Desk(Path(tmp_path_factory.mktemp("desk")), session)
    desk.warm()
    yield desk
    desk.close()


def searched(desk: Desk, stop: str | None = None, **given: Any) -> tuple[list[dict[str, Any]], str | None]:
    """Discover, and return the events and the problem; `stop` ends it at the first front."""
    with desk.listening() as events:
        desk.ask("discover", given)
        seen: list[dict[str, Any]] = []
        while True:
            try:
                event = events.get(timeout=60)
            except queue.Empty:
                raise AssertionError(f"no end: {seen[-1:]}") from None
            seen.append(event)
            if event["kind"] == "ended":
                return seen, event["problem"]
            if stop and event.get("points"):
                desk.ask("stop", {"how": stop})


def shown(desk: Desk) -> None:
    """Let the desk show a front of noisy rows, whichever tests have run before."""
    x, y = noisy()
    desk.change(Session(ew.KAN([2, 1], grid=3), x, y, ["u", "v"], target="w"))
    assert searched(desk, effort="quick", time_limit=4)[1] is None


def test_a_law_is_found_and_becomes_the_network(desk: Desk) -> None:
    assert desk.ask("front", {}) == {"candidates": [], "targets": ["F"], "own": None}
    with pytest.raises(ew.InputError, match="press Discover"):
        desk.ask("candidate", {"index": 0})
    seen, problem = searched(desk, effort="quick")
    assert problem is None and {"stage", "fraction", "points", "best", "seconds"} <= set(seen[-2])
    front = desk.ask("front", {})
    best = next(one for one in front["candidates"] if one["best"])
    assert front["outcome"] == "EXACT" and best["latex"] == r"\frac{m}{r^{2}}" and best["constants"] == 0
    found = desk.ask("candidate", {"index": best["index"]})
    assert found["problem"] is None and len(found["network"]["edges"]) == 2
    assert found["rms"] < 1e-12 and len(found["sample"]["residual"]) == 60
    state = desk.session.state.id
    with pytest.raises(ew.InputError, match="by now"):
        desk.ask("adopt", {"at": state + 1, "index": best["index"]})
    view = desk.ask("adopt", {"at": state, "index": best["index"]})
    assert view["error"] < 1e-12 and view["formula"]["text"] == ["F = m/r**2"]
    assert desk.session.state.call == "use_formula(formula='m/r**2')"


def test_a_search_that_is_stopped_returns_the_front_so_far(desk: Desk) -> None:
    x, y = noisy()
    desk.change(Session(ew.KAN([2, 1], grid=3), x, y, ["u", "v"], target="w", units={"u": "m"}))
    seen, problem = searched(desk, stop="interrupt", effort="thorough")
    assert problem is None
    points = [event["points"] for event in seen if event.get("points")]
    assert points and {"complexity", "error", "held_out", "text"} == set(points[0][0])
    front = desk.ask("front", {})
    assert front["outcome"] == "INTERRUPTED" and front["candidates"]
    fractions = [event["fraction"] for event in seen if "fraction" in event]
    assert fractions == sorted(fractions)
    one = next(each for each in front["candidates"] if each["constants"])
    found = desk.ask("candidate", {"index": one["index"]})
    assert "±" in found["text"] and r"\pm" in found["latex"] and found["constants"]
    assert desk.session.state.id == 0


def test_the_report_says_what_was_found(desk: Desk) -> None:
    shown(desk)
    page = base64.b64decode(desk.ask("export", {"what": "report"})["base64"]).decode()
    front = desk.ask("front", {})
    best = next(one for one in front["candidates"] if one["best"])
    found = desk.ask("candidate", {"index": best["index"]})
    words = html.unescape(page)
    assert f"Its best formula: w = {found['text']}." in words and "Discover searched for" in words
    assert all(line in words for line in front["conclusion"]) and front["conclusion"]
    assert f"Weight of the best formula: {best['weight']:.2g}." in words


def test_a_formula_that_the_session_cannot_take_says_why(desk: Desk) -> None:
    shown(desk)
    x, y = noisy()
    desk.change(Session(ew.KAN([2, 1], grid=3), x + 2, y, ["other", "v"], target="w"))
    index = next(one["index"] for one in desk.ask("front", {})["candidates"] if "u" in one["text"])
    found = desk.ask("candidate", {"index": index})
    assert found["network"] is None and "Unknown name 'u'" in found["problem"]
    with pytest.raises(ew.InputError, match="Unknown name 'u'"):
        desk.ask("adopt", {"at": 0, "index": index})
    assert desk.session.state.id == 0


def test_a_search_is_asked_for_in_words_that_it_knows(desk: Desk) -> None:
    shown(desk)
    for given, message in [
        ({"effort": "huge"}, "'effort' is"),
        ({"time_limit": 0}, "'time_limit' is"), ({"time_limit": True}, "'time_limit'"),
        ({"target": "z"}, "Unknown target 'z'. Known: w"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            desk.ask("discover", given)
    with pytest.raises(ew.InputError, match="'index' is a number"):
        desk.ask("candidate", {"index": 99})
    assert desk.job is None


def test_a_callback_sees_the_front_grow_and_changes_nothing() -> None:
    x, _ = noisy()
    y = torch.exp(torch.sin(3 * x[:, 0])) + x[:, 1] ** 2
    given: dict[str, Any] = {"names": ["u", "v"], "effort": 3000}
    plain = ew.discover(x, y, **given)
    fronts: list[list[int]] = []

    def look(step: SearchStep) -> None:
        fronts.append([candidate.complexity for candidate in step.front()])

    with calling(look, SearchStep):
        seen = ew.discover(x, y, **given)
    assert [c.text() for c in seen] == [c.text() for c in plain]
    assert len(fronts) > 2 and len(fronts[0]) < len(fronts[-1]) and all(front == sorted(front) for front in fronts)


@pytest.mark.slow
def test_a_discovery_outlives_the_studio(desk: Desk) -> None:
    desk.file = file = desk.folder / "law.session"
    searched(desk, effort="quick")
    before = desk.ask("front", {})
    again = Desk(desk.folder, desk.session, file=file)
    index = next(one["index"] for one in before["candidates"] if one["best"])
    assert again.ask("front", {}) == before
    assert again.ask("candidate", {"index": index}) == desk.ask("candidate", {"index": index})
    said = json.loads((desk.folder / "law.studio").read_text())
    for harm in ({"front": {}}, {"formulas": []}, {"front": {**said["discovery"]["front"], "notes": [1]}}):
        (desk.folder / "law.studio").write_text(json.dumps({**said, "discovery": {**said["discovery"], **harm}}))
        assert Desk(desk.folder, desk.session, file=file).ask("front", {})["candidates"] == []


def test_what_a_person_knows_holds_for_every_formula(desk: Desk) -> None:
    x, _ = rows()
    group = torch.arange(60) % 3
    table = torch.column_stack([x[:, :2], group.double()])
    y = (1 + group) * x[:, 0] / x[:, 1] ** 2
    desk.change(Session(ew.KAN([3, 1], grid=3), table, y, ["m", "r", "station"], target="F"))
    known = {"functions": "exp, sqrt", "forbid": "station", "max_complexity": "7", "noise": "0.2", "loss": "squared"}
    _, problem = searched(desk, effort="quick", time_limit=5, known=known)
    texts = [one["text"] for one in desk.ask("front", {})["candidates"]]
    assert problem is None and not any("station" in text or "sin" in text for text in texts)
    _, problem = searched(
        desk, effort="quick", time_limit=10, known={"groups": "station", "guesses": "a*m/r**2; m + r"}
    )
    front = desk.ask("front", {})
    assert problem is None and "a*m/r**2" in [one["text"] for one in front["candidates"]]
    assert any("differs by station" in line for line in front["conclusion"])


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"functions": "exp, foo"}, "'functions': Unknown function 'foo'"),
        ({"functions": "exp,,sin"}, "'functions' must list names"),
        ({"functions": 5}, "'functions' is a text"),
        ({"guesses": "a*("}, "'guesses': Formula, character 4"),
        ({"template": "a*m"}, "'template' must be a text with an unknown part"),
        ({"units": "m = kg"}, "'units' names no unit of"),
        ({"units": "m"}, "'units' must say something like t = s"),
        ({"constants": "nice"}, "'constants' must be"),
        ({"require": "q"}, "'require': Unknown column"),
        ({"forbid": "m, r, same"}, "'forbid' leaves no column"),
        ({"monotone": "m"}, "'monotone' must say something like"),
        ({"limits": "m -> 0"}, "'limits' must say something like t -> inf = 0"),
        ({"max_complexity": "many"}, "'max_complexity' is a whole number"),
        ({"max_complexity": "0"}, "'max_complexity' must be"),
        ({"loss": "absolute"}, "'loss' is one of squared, huber"),
        ({"sigma": "q"}, "'sigma' is one of m, r, same"),
        ({"sigma": "m", "weights": "m"}, "A column says one thing of the rows"),
        ({"start": "a=1"}, "Unknown field 'start'"),
        ([], "'known' is texts by name"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field_before_the_search(desk: Desk, known: Any, message: str) -> None:
    x, y = rows()
    desk.change(Session(ew.KAN([3, 1], grid=3), x, y, ["m", "r", "same"], target="F"))
    with pytest.raises(ew.InputError) as refused:
        desk.ask("discover", {"known": known})
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)
    assert desk.job is None


def test_every_field_is_offered_and_read(desk: Desk) -> None:
    fields = {row["name"]: row for row in desk.ask("knowledge", {})["fields"]}
    arguments = {*inspect.signature(ew.discover).parameters, *inspect.signature(ew.fit_formula).parameters}
    assert {*fields} <= arguments | {*Known.__annotations__}
    assert {*Known.__annotations__} <= {*fields}
    assert all(row["label"] and (row["kind"] == "text") == bool(row["example"]) for row in fields.values())


def test_a_stated_formula_is_fitted_and_becomes_the_network(desk: Desk) -> None:
    x, y = rows()
    desk.change(Session(ew.KAN([3, 1], grid=3), x, 2 * y + 0.5, ["m", "r", "same"], target="F"))
    desk.drawers.pop("fitted", None)
    with pytest.raises(ew.InputError, match="No formula has been fitted"):
        desk.ask("candidate", {})
    assert fitted(desk, "a*m/r**k + c", {"start": "k=2", "bounds": "k=1:3", "loss": "squared"}) is None
    found = desk.ask("candidate", {})
    assert [one["name"] for one in found["constants"]] == ["a", "k", "c"] and found["rms"] < 1e-9
    assert all("±" in one["text"] for one in found["constants"]) and found["network"] is not None
    assert any("EXACT" in line for line in found["said"]) and desk.ask("front", {})["own"] == found["text"]
    view = desk.ask("adopt", {"at": desk.session.state.id})
    assert view["error"] < 1e-9
    for formula, known, message in [
        ("a*(", {}, "'formula': Formula, character 4"), ("3", {}, "'formula': The formula 3 holds no column"),
        ("a*m", {"start": "b=1"}, "'formula': Unknown constant"),
        ("a*m", {"varying": "a"}, "'varying' needs 'groups'"),
    ]:  # fmt: skip
        problem = fitted(desk, formula, known)
        assert problem is not None and problem.startswith(message)
    for formula, known, message in [
        ("", {}, "'formula' is a text"), ("a*m", {"start": "b"}, "'start' must name constants once each"),
        ("a*m", {"bounds": "a=1"}, "'bounds' must hold two ends"), ("a*m", {"covariance": "odd"}, "'covariance'"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            desk.ask("fit_formula", {"formula": formula, "known": known})
    assert desk.ask("candidate", {})["text"] == found["text"]  # what failed takes nothing away


def fitted(desk: Desk, formula: str, known: dict[str, str]) -> str | None:
    """Fit a formula, and return the problem."""
    with desk.listening() as events:
        desk.ask("fit_formula", {"formula": formula, "known": known})
        while (event := events.get(timeout=60))["kind"] != "ended":
            pass
    return event["problem"]


def test_a_law_of_a_textbook_has_its_name(desk: Desk) -> None:
    s = torch.linspace(0.1, 5, 60, dtype=torch.float64)[:, None]
    desk.change(Session(ew.KAN([1, 1], grid=3), s, 3 * s[:, 0] / (0.7 + s[:, 0]), ["S"], target="v"))
    _, problem = searched(desk, effort="quick")
    one = next(row for row in desk.ask("front", {})["candidates"] if row["best"])
    assert problem is None and one["law"] == "Michaelis-Menten"
    law = desk.ask("candidate", {"index": one["index"]})["law"]
    assert law[0] == "Michaelis-Menten: Vmax = 3, Km = 0.7" and law[1].startswith("Vmax: rate at saturation")
