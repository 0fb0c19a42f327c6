"""Sessions undone, previewed, replayed by scripts and read from files: the same networks, bit for bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from steering import begin, rows

import edgewise as ew
from edgewise.session import ACTIONS, Session

FEW = ("x", "x^2", "exp", "sin", "tanh", "1/x")  # functions that are tried in random steps
Call = tuple[str, dict[str, Any]]


def bits(model: ew.KAN) -> dict[str, Any]:
    """Everything that a network is."""
    state = {k: v.clone() if isinstance(v, torch.Tensor) else json.dumps(v) for k, v in model.state_dict().items()}
    for number, layer in enumerate(model.layers):
        state[f"symbols{number}"] = dict(layer.symbols)
        state[f"rules{number}"] = dict(layer.rules)
    return {**state, "widths": model.widths, "nodes": list(model.nodes)}


def same_bits(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(
        torch.equal(v, b[k]) if isinstance(v, torch.Tensor) else v == b[k] for k, v in a.items()
    )


def same(a: ew.KAN, b: ew.KAN) -> bool:
    return same_bits(bits(a), bits(b))


def edges_of(session: Session) -> list[tuple[int, int, int]]:
    return [
        (d, j, i) for d, layer in enumerate(session.model.layers) for j in range(layer.n_out) for i in range(layer.n_in)
    ]


def draw(session: Session, name: str, pick: random.Random) -> dict[str, Any]:
    """Arguments for an action that might fit: a person who does not look closely."""
    edges = edges_of(session)
    depth = pick.randrange(1, len(session.model.layers) + 1)
    values = {
        "edge": pick.choice(edges),
        "edges": tuple(pick.sample(edges, k=min(2, len(edges)))),
        "node": (depth, pick.randrange(session.model.nodes[depth].n_nodes)),
        "depth": 1,
        "nodes": pick.choice([1, (0, 1)]),
        "function": pick.choice(["x", "x^2", "exp", "sin", "1/x"]),
        "functions": tuple(pick.sample(["sin", "tan", "x^5", "exp", "cos", "tanh"], k=2)),
        "direction": pick.choice(["up", "down", "any"]),
        "weight": pick.choice([0.0, 1e-3]),
        "name": f"v{len(session.states)}",
        "formula": pick.choice(["a/b", "a*b", "sqrt(a + b)", "exp(-a)"]),
        "steps": pick.choice([1, 4]),
        "factor": 2,
        "threshold": pick.choice([0.0, 1e-3]),
        "slack": 1.5,
        "cuts": pick.choice([(), {"what": "edges", "keep": 3}]),
        "grids": None,
        "sparsity": 0.0,
    }
    return {key: values[key] for key in ACTIONS[name].takes if key in values}


def wander(session: Session, count: int, seed: int, *, skip: tuple[str, ...] = ()) -> tuple[Session, list[Call]]:
    """Take `count` random steps, all actions equally often; steps that are refused do not count."""
    pick, done = random.Random(seed), []
    names = [name for name in ACTIONS if name not in skip]
    while len(done) < count:
        name = names[len(done) % len(names)] if pick.random() < 0.7 else pick.choice(names)
        if max(layer.grid for layer in session.model.layers) > 6 and name == "refine":
            continue
        arguments = draw(session, name, pick)
        try:
            session = session.apply(name, **arguments)
        except ew.InputError as refused:
            assert "\n" not in str(refused)
            names.append(names.pop(names.index(name)))
            continue
        done.append((name, arguments))
    return session, done


@pytest.fixture(scope="module")
def wandered() -> tuple[Session, Session]:
    """A session, and where it got in 50 random steps."""
    start = begin()
    few = start.forbid([name for name in ew.functions.names() if name not in FEW])
    return start, wander(few, 49, seed=4)[0]


def test_fifty_random_steps_undone_give_the_first_network_bit_for_bit(wandered) -> None:
    start, end = wandered
    first = bits(start.model)
    assert len({state.name for state in end.path()}) >= 20
    assert len(end.path()) == 51
    back = end
    for state in reversed(end.path()):
        assert back.state is state
        if state.id:
            back = back.undo()
    assert same(back.model, start.model) and bits(back.model).keys() == first.keys()
    assert (back.error, back.names, back.forbidden) == (start.error, start.names, start.forbidden)
    assert same(end.undo(50).model, start.model)
    again = back.redo(50)
    assert again.state is end.state and same(again.model, end.model)
    with pytest.raises(ew.InputError, match="nothing to undo"):
        back.undo()
    with pytest.raises(ew.InputError, match="nothing to redo"):
        again.redo()


def replay(folder: Path, script: str) -> ew.KAN:
    """Run a script in a fresh process elsewhere and return the network that it ends with."""
    code = f"import runpy, edgewise as ew; ew.save(runpy.run_path({script!r})['model'], 'replayed')"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ew.load(folder / "replayed")


def write_rows(path: Path) -> None:
    x, y = rows()
    frame = pd.DataFrame({"a": x[:, 0].numpy(), "b": x[:, 1].numpy(), "y": y.numpy()})
    frame.to_csv(path, index=False)


@pytest.mark.slow
def test_the_script_replays_fifty_steps_bit_for_bit_in_a_fresh_process(wandered, tmp_path) -> None:
    _, end = wandered
    write_rows(tmp_path / "rows.csv")
    end.note("the end").export_script(tmp_path / "steps.py", data=tmp_path / "rows.csv")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert same(replay(elsewhere, str(tmp_path / "steps.py")), end.model)


@pytest.mark.slow
def test_a_preview_of_any_action_changes_nothing(wandered) -> None:
    _, end = wandered
    busy = begin((2, 3, 1)).forbid(end.forbidden).set_function((0, 0, 0), "x").prune_edge((0, 1, 0)).lock((0, 2, 1))
    pick, seen = random.Random(1), set()
    free = begin().set_function((0, 0, 0), "x").set_function((0, 1, 1), "exp")
    for session in (busy, end, free):
        states = session.states
        networks = [bits(state.situation.model) for state in states]
        for name in ACTIONS:
            for _ in range(1 if name in seen else 20):
                try:
                    shown = session.preview(name, **draw(session, name, pick))
                except ew.InputError:
                    continue
                seen.add(name)
                assert shown.before == session.error and shown.after == shown.session.error
                assert shown.session.state.parent == session.state.id
                assert str(shown).startswith(name)
                break
        assert session.states is states
        for old, state in zip(networks, states, strict=True):
            assert same_bits(old, bits(state.situation.model))
    assert seen == set(ACTIONS)


def test_a_preview_says_what_the_action_then_does() -> None:
    session = begin().fit()
    shown = session.preview("set_function", (0, 0, 0), "x")
    done = session.set_function((0, 0, 0), "x")
    assert same(shown.session.model, done.model) and shown.after == done.error
    assert shown.comparison.became == {(0, 0, 0): ("spline", "x")}
    assert set(shown.comparison.curves) == {(0, 0, 0), (1, 0, 0)}
    x, _ = rows()
    moved = (done.model(x) - session.model(x)).detach().square().mean().sqrt()
    assert shown.comparison.moved == pytest.approx(float(moved))


def test_pruning_takes_what_prune_takes_and_is_replayed_undone_and_saved(tmp_path) -> None:
    x, y = rows()
    session = begin().fit()
    cuts = [ew.interpret.Cut("nodes", keep=1, refit=True), ew.interpret.Cut("edges", below=0.0, budget=np.float64(2))]
    done = session.prune(cuts=cuts, merge=False)
    assert done.state.arguments["cuts"] == (
        {"what": "nodes", "keep": 1, "refit": True},
        {"what": "edges", "below": 0.0, "budget": 2.0},
    )
    assert same(done.model, ew.prune(session.model, x, y, cuts=cuts, merge=False).model)
    assert done.model.widths[1] == 1 and same(done.undo().model, session.model)
    fewer = session.prune(cuts=ew.interpret.Cut("edges", keep=3), slack=1.5)
    assert same(fewer.model, ew.prune(session.model, x, y, cuts=ew.interpret.Cut("edges", keep=3), slack=1.5).model)
    assert same(session.prune().model, ew.prune(session.model, x, y).model)
    write_rows(tmp_path / "rows.csv")
    done.export_script(tmp_path / "pruned.py", data=tmp_path / "rows.csv")
    assert same(replay(tmp_path, str(tmp_path / "pruned.py")), done.model)
    done.save(tmp_path / "saved")
    again = Session.load(tmp_path / "saved")
    assert same(again.model, done.model) and again.state.call == done.state.call


def test_a_whole_tree_is_replayed_too(tmp_path) -> None:
    session = begin().refit(2).note("first").branch("b").prune_edge((0, 0, 0)).goto(1).refit(3).goto("b")
    session.note("here").export_script(tmp_path / "tree.py", whole=True)
    text = (tmp_path / "tree.py").read_text()
    assert "raise NotImplementedError" in text and "eval" not in text
    x, y = rows()
    space: dict[str, Any] = {"__file__": str(tmp_path / "tree.py"), "given": (x, y)}
    with pytest.raises(NotImplementedError, match="fill in"):
        exec(compile(text, "tree.py", "exec"), dict(space))  # noqa: S102 (our own script)
    filled = text.replace('raise NotImplementedError("fill in rows(): read x and y here")', "return given")
    exec(compile(filled, "tree.py", "exec"), space)  # noqa: S102 (our own script)
    again = space["session"]
    assert [(s.parent, s.branch, s.note, s.call) for s in again.states] == [
        (s.parent, s.branch, s.note, s.call) for s in session.note("here").states
    ]
    assert all(same(a.situation.model, b.situation.model) for a, b in zip(again.states, session.states, strict=True))
    assert again.state.id == session.state.id and same(space["model"], session.model)


def test_a_script_is_only_written_for_rows_that_are_the_session_s(tmp_path) -> None:
    session = begin()
    write_rows(tmp_path / "rows.csv")
    text = (tmp_path / "rows.csv").read_text().splitlines()
    (tmp_path / "less.csv").write_text("\n".join(text[:-1]))
    with pytest.raises(ew.InputError, match="does not hold the rows"):
        session.export_script(tmp_path / "s.py", data=tmp_path / "less.csv")
    with pytest.raises(ew.InputError, match="no file"):
        session.export_script(tmp_path / "s.py", data=tmp_path / "none.csv")
    with pytest.raises(ew.InputError, match=r"\.py file"):
        session.export_script(tmp_path / "s.txt")
    with pytest.raises(ew.InputError, match="no folder"):
        session.export_script(tmp_path / "nowhere" / "s.py")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["less.csv", "rows.csv"]
    assert "ew.load('first.safetensors')" in session.script("first.safetensors", data="t.csv")


def test_a_saved_session_is_the_same_session(wandered, tmp_path) -> None:
    _, end = wandered
    end = end.note("so far").undo(2)
    end.save(tmp_path / "a.session")
    again = Session.load(tmp_path / "a.session")
    assert again.state.id == end.state.id and again._undone == end._undone and repr(again) == repr(end)
    for old, new in zip(end.states, again.states, strict=True):
        assert same(old.situation.model, new.situation.model)
        assert (old.parent, old.branch, old.call, old.error, old.note) == (
            new.parent, new.branch, new.call, new.error, new.note
        )  # fmt: skip
        assert (old.situation.variables, old.situation.forbidden) == (new.situation.variables, new.situation.forbidden)
    assert same(again.redo().refit(2).model, end.redo().refit(2).model)
    assert [p.name for p in tmp_path.iterdir()] == ["a.session"]


def test_a_script_with_its_rows_runs_as_it_is(tmp_path) -> None:
    session = begin().use_formula("exp(a)/b + 2*b").add_variable("r", "a*b").use_formula("2.5*sqrt(r) + sin(b)")
    session = session.refit(3)
    session.export_script(tmp_path / "steps.py", rows=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["steps.py", "steps.rows.safetensors", "steps.safetensors"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert same(replay(elsewhere, str(tmp_path / "steps.py")), session.model)
    with pytest.raises(ew.InputError, match="leave 'data' out"):
        session.export_script(tmp_path / "again.py", data=tmp_path / "rows.csv", rows=True)


def test_a_script_finds_a_table_that_ships_with_edgewise(tmp_path) -> None:
    place = ew.datasets.path("orbits")
    table = ew.io.read_table(place)
    x, y = table.inputs(table.names[:1]), table.inputs(table.names[1:2])
    session = Session(ew.KAN([1, 1], grid=3, seed=1), x, y, table.names[:1], target=table.names[1])
    session.refit(1).export_script(tmp_path / "steps.py", data=place)
    assert "read_table(ew.datasets.path('orbits'))" in (tmp_path / "steps.py").read_text()


def printed(script: Path) -> str:
    """What a script prints as a program, elsewhere."""
    done = subprocess.run([sys.executable, str(script)], cwd=script.parent.parent, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.strip()


def test_as_a_program_a_script_prints_the_formula_or_where_splines_are_left_the_errors(tmp_path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    session = begin(target="speed (m/s)").refit(1)
    session.export_script(folder / "splines.py", rows=True)
    assert printed(folder / "splines.py") == session.log()
    session = session.use_formula("exp(a)/b + sin(2*b)")
    session.export_script(folder / "formula.py", rows=True)
    assert printed(folder / "formula.py") == f"speed (m/s) = {session.formula()}"
    line = torch.linspace(0, 1, 9, dtype=torch.float64).reshape(-1, 1)
    session = Session(ew.KAN([1, 2], grid=3), line, torch.cat([line, 2 * line], 1), ["t"], target=["u", "v"])
    for j in (0, 1):
        session = session.set_function((0, j, 0), "x")
    session.export_script(folder / "two.py", rows=True)
    u, v = session.formula()
    assert printed(folder / "two.py").splitlines() == [f"u = {u}", f"v = {v}"]
