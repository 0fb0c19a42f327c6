"""Steps in words: every action has a sentence with the names of its edges and nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import edgewise as ew
from edgewise.session import ACTIONS
from edgewise.studio import Desk

R = np.random.default_rng(0)
X = R.uniform(1, 2, (60, 2))
STEPS: list[tuple[str, dict[str, Any], str]] = [
    ("refit", {"steps": 2}, "Refitted"),
    ("add_bump", {"edge": (0, 0, 0), "at": 1.5, "by": 0.1, "width": 0.3}, "Moved the curve of width → h1"),
    ("flatten", {"edge": (0, 1, 1), "low": 1.2, "high": 1.5}, "Flattened the curve of height → h2"),
    ("snap_edge", {"edge": (1, 0, 0), "function": "x"}, "Made h1 → area a function: x"),
    ("snap_edge", {"edge": (1, 0, 1)}, "Made h2 → area a function: "),
    ("to_spline", {"edge": (1, 0, 0)}, "Made h1 → area a spline"),
    ("set_function", {"edge": (0, 0, 0), "function": "log"}, "Set width → h1 to log"),
    ("lock", {"edges": [(0, 0, 1)]}, "Locked height → h1"),
    ("unlock", {"edges": [(0, 0, 1), (0, 0, 0)]}, "Unlocked height → h1, width → h1"),
    ("lock_node", {"node": (1, 1)}, "Locked h2"),
    ("unlock_node", {"node": (1, 1)}, "Unlocked h2"),
    ("forbid", {"functions": ["sin", "cos"]}, "Forbade sin, cos"),
    ("allow", {"functions": ["sin"]}, "Allowed sin"),
    ("require", {"edge": (0, 0, 1), "functions": ["exp"]}, "Asked for exp on height → h1"),
    ("monotone", {"edge": (0, 1, 0), "direction": "up"}, "Made width → h2 rising"),
    ("smooth", {"edge": (0, 1, 0), "weight": 0.1}, "Smoothed width → h2"),
    ("add_variable", {"name": "r", "formula": "width/height"}, "Computed r = width/height"),
    ("refine", {"factor": 2}, "Made grids finer"),
    ("prune_edge", {"edge": (0, 0, 4)}, "Removed r → h1"),
    ("restore_edge", {"edge": (0, 0, 4)}, "Restored r → h1"),
    ("add_nodes", {"depth": 1, "nodes": 1}, "Added nodes"),
    ("remove_node", {"node": (1, 2)}, "Removed h3"),
    ("prune", {"threshold": 0.0}, "Pruned no edges"),
    ("merge", {}, "Joined equal nodes"),
    ("compact", {}, "Dropped idle nodes"),
    ("snap_all", {}, "Snapped: "),
    ("round_constants", {}, "Rounded constants"),
    ("use_formula", {"formula": "width*height"}, "Took the formula width*height"),
    ("fit", {"grids": None, "steps": 2}, "Trained"),
    ("join_levels", {"levels": ["old", "new"]}, "Joined old, new"),
]  # fmt: skip


def test_each_kind_of_step_is_told_in_words(tmp_path: Path) -> None:
    y = X[:, 0] * X[:, 1]
    x = np.column_stack([X, np.arange(60) % 3 == 0, np.arange(60) % 3 == 1])
    names = ["width", "height", "old", "new"]
    session = ew.Session(ew.KAN([4, 2, 1], grid=3, seed=0), x, y, names, target="area")
    for name, arguments, _ in STEPS:
        session = session.apply(name, **arguments)
    assert {name for name, *_ in STEPS} == set(ACTIONS)
    history = Desk(tmp_path, session).ask("view", {})["history"]
    assert history[0]["words"] == "Start"
    for row, (name, _, words) in zip(history[1:], STEPS, strict=True):
        assert row["action"].startswith(f"{name}(") and row["words"].startswith(words), row


def test_snapping_is_told_by_what_the_network_is_then(tmp_path: Path) -> None:
    """Also where functions that did nothing were removed, so that there are fewer of them than before."""
    x = 1 + R.uniform(0, 1, (60, 1))
    model = ew.KAN([1, 3, 1], grid=3, seed=0)
    for edge, function in [((0, 0, 0), "x"), ((0, 1, 0), "exp"), ((0, 2, 0), "sin"), ((1, 0, 0), "x")]:
        model = ew.nn.set_function(model, edge, function)
    for edge in [(1, 0, 1), (1, 0, 2)]:
        model = ew.nn.set_function(model, edge, "x", (1.0, 0.0, 0.0, 0.0))
    session = ew.Session(model, x, x, ["v"], target="w").snap_all()
    row = Desk(tmp_path, session).ask("view", {})["history"][-1]
    assert row["words"] == "Snapped: 2 of 2 edges are functions"
    assert session.state.said == ("0 of 0 edges became functions. 4 that did nothing are removed.",)
