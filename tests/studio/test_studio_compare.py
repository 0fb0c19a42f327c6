"""Two states of a session compared: networks, formulas, errors, and the rows on which they differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from steering import begin

import edgewise as ew
from edgewise.studio import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    session = begin().refit(5).add_variable("r", "exp(a)/b").use_formula("r + sin(2*b)").undo(2)
    return Desk(Path(tmp_path_factory.mktemp("desk")), session.prune_edge((0, 0, 0)))


def outputs(desk: Desk, state: int) -> np.ndarray:
    there = desk.session.goto(state)
    with torch.no_grad():
        return there.model(there.table.x)[:, 0].numpy()


def test_two_states_are_shown_side_by_side(desk: Desk) -> None:
    found = desk.ask("compare", {"a": 1, "b": 3})
    assert (found["a"]["id"], found["b"]["id"], found["same_nodes"]) == (1, 3, False)
    assert found["a"]["formula"] is None and "exp(a)/b" in found["b"]["formula"]["text"][0]
    assert found["b"]["variables"] == [{"name": "r", "formula": "exp(a)/b"}]
    assert len(found["a"]["view"]["edges"]) == 6 and len(found["b"]["view"]["edges"]) == 2
    assert found["moved"] == pytest.approx(np.sqrt(np.mean((outputs(desk, 3) - outputs(desk, 1)) ** 2)))
    assert found["a"]["error"] > found["b"]["error"]


def test_the_rows_that_differ_most_are_listed_with_their_columns(desk: Desk) -> None:
    (one,) = desk.ask("compare", {"a": 1, "b": 3})["targets"]
    difference = outputs(desk, 3) - outputs(desk, 1)
    rows = one["largest"]["row"]
    assert rows == np.argsort(-np.abs(difference), kind="stable")[:10].tolist()
    np.testing.assert_allclose(one["largest"]["difference"], difference[rows], rtol=1e-5)
    assert list(one["largest"]["columns"]) == ["a", "b", "y"]
    np.testing.assert_allclose(one["largest"]["columns"]["b"], desk.session.table.x[rows, 1].numpy(), rtol=1e-5)
    assert sum(one["histogram"]["counts"]) == 40 and len(one["histogram"]["ends"]) == 32
    assert len(one["sample"]["difference"]) == len(one["sample"]["columns"]["a"]) == 40


def test_what_an_action_changed_is_listed_edge_by_edge(desk: Desk) -> None:
    found = desk.ask("compare", {"a": 1, "b": 4})
    assert found["became"] == [{"edge": [0, 0, 0], "was": "spline", "is": "removed"}]
    assert [one["edge"] for one in found["curves"]] == [[0, 0, 1], [1, 0, 0]]
    assert found["same_nodes"]
    same = desk.ask("compare", {"a": 1, "b": 1})
    assert same["moved"] == 0 and same["targets"][0]["histogram"]["counts"] == []


def test_rows_without_a_finite_value_come_first(tmp_path: Path) -> None:
    session = begin((2, 1)).use_formula("a").set_function((0, 0, 0), "log", (1, -1, 1, 0))
    desk = Desk(tmp_path, session)
    (one,) = desk.ask("compare", {"a": 1, "b": 2})["targets"]
    below = int((session.table.x[:, 0] <= 1).sum())
    assert one["undefined"] == below and one["largest"]["b"][0] is None
    assert sum(one["histogram"]["counts"]) == 40 - below


def test_states_that_are_not_there_are_refused(desk: Desk) -> None:
    for a, message in [(9, "states 0 to 4. Got 9"), (-1, "numbers of states"), ("main", "numbers of states")]:
        with pytest.raises(ew.InputError, match=message):
            desk.ask("compare", {"a": a, "b": 0})
