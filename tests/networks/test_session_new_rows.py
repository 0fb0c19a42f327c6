"""Rows that a session holds out, classes as its target, and curves changed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

import edgewise as ew
from edgewise import InputError, Session


def table(rows: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = 2 * torch.rand(rows, 2, dtype=torch.float64, generator=generator) - 1
    return x, torch.sin(3 * x[:, 0]) + x[:, 1] + 0.1 * torch.randn(rows, dtype=torch.float64, generator=generator)


def begin(held_out: float = 0.25) -> Session:
    x, y = table()
    return Session(ew.KAN([2, 1], grid=3, seed=0), x, y, ["a", "b"], held_out=held_out)


def test_no_step_sees_the_rows_that_are_held_out() -> None:
    x, y = table()
    session = begin()
    new = np.setdiff1d(np.arange(120), session.rows)
    assert len(new) == 30 and session.new_table is not None
    assert torch.equal(session.table.x, x[session.rows]) and torch.equal(session.new_table.y[:, 0], y[new])
    changed = y.clone()
    changed[new] = 100.0
    other = Session(ew.KAN([2, 1], grid=3, seed=0), x, changed, ["a", "b"], held_out=0.25)
    done, same = (each.fit().snap_all().prune().refit() for each in (session, other))
    assert torch.equal(done.model(x), same.model(x)) and done.error == same.error
    assert done.held_out_error < 0.2 < 50 < same.held_out_error


def test_every_state_has_its_error_on_new_rows(tmp_path: Path) -> None:
    session = begin().fit().prune_edge((0, 0, 1))
    for state in session.states:
        at = session.goto(state.id)
        assert at.new_table is not None
        residual = at.model(at.new_table.x) - at.new_table.y
        assert state.held_out == pytest.approx(float(residual.detach().square().mean().sqrt()))
    assert "on new rows" in session.log() and "held out" in str(session.compare(0, 2))
    session.save(tmp_path / "s.session")
    again = Session.load(tmp_path / "s.session")
    assert again.rows == session.rows and again.held_out_error == session.held_out_error
    session.export_script(tmp_path / "replay.py", rows=True)
    space: dict[str, object] = {"__file__": str(tmp_path / "replay.py"), "__name__": "replay"}
    exec((tmp_path / "replay.py").read_text(), space)  # noqa: S102
    replayed = space["session"]
    assert isinstance(replayed, Session) and replayed.held_out_error == session.held_out_error


def test_without_new_rows_their_error_is_none() -> None:
    session = begin(0.0)
    assert math.isnan(session.held_out_error) and session.new_table is None and "new rows" not in session.log()


@pytest.mark.parametrize("held_out", [-0.1, 1.0, "some", 0.001, True])
def test_a_share_that_is_none_is_refused(held_out: float) -> None:
    with pytest.raises(InputError, match="'held_out'"):
        begin(held_out)


def test_suggestions_know_new_rows_and_a_straight_line_is_among_them() -> None:
    found = begin().fit().suggest((0, 0, 1), limit=3)
    assert found[0].function == "x" and found[0].accepted and found[0].held_out < 0.2


def test_snapping_says_what_came_nearest() -> None:
    x, _ = table()
    y = (4 * x[:, 0]).sin() + x[:, 1]
    session = Session(ew.KAN([2, 1], grid=10, seed=0), x, y, ["a", "b"]).fit()
    said = session.require((0, 0, 0), ["x", "exp"]).snap_all().state.said
    assert said[0].startswith("1 of 2 edges became functions. 1 stays a spline")
    assert said[1].startswith("a → y: nearest is ") and "instead of" in said[1]


@pytest.mark.parametrize("count", [2, 3])
def test_classes_are_trained_steered_saved_and_replayed(count: int, tmp_path: Path) -> None:
    x, y = table(300)
    codes = torch.bucketize(y, torch.tensor([-0.5, 0.6] if count == 3 else [0.0], dtype=torch.float64))
    labels = ["low", "middle", "high"] if count == 3 else ["low", "high"]
    model = ew.KAN([2, count if count > 2 else 1], grid=3, seed=0)
    session = Session(model, x, codes, ["a", "b"], target="size", classes=labels, held_out=0.2)
    assert session.classes == labels and session.targets == (labels if count > 2 else ["high"])
    fitted = session.fit("auto")
    assert fitted.held_out_error < 0.5 < session.held_out_error
    assert fitted.new_table is not None
    outputs = fitted.model(fitted.new_table.x).detach()
    shares = ew.train.CrossEntropy.probabilities(outputs).numpy()
    truth = fitted.new_table.y[:, 0].numpy()
    assert fitted.held_out_error == pytest.approx(log_loss(truth, shares, labels=list(range(count))), rel=1e-6)
    steered = fitted.snap_edge((0, 0, 1), "x").refit(5)
    assert steered.held_out_error < 0.6
    steered.save(tmp_path / "c.session")
    again = Session.load(tmp_path / "c.session")
    assert again.classes == labels and again.refit(3).error == steered.refit(3).error


@pytest.mark.parametrize(
    ("classes", "target", "message"),
    [
        (["a"], "t", "has two classes"), (["a", "a"], "t", "different texts"), (["a", "b"], None, "'target' must name"),
        (["a", ""], "t", "different texts"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_refused(classes: list[str], target: str | None, message: str) -> None:
    x, y = table()
    with pytest.raises(InputError, match=message):
        Session(ew.KAN([2, 1]), x, y > 0, classes=classes, target=target)


def test_a_bump_moves_the_curve_where_it_says_and_is_undone() -> None:
    x, y = table()
    session = Session(ew.KAN([2, 1], grid=30, seed=0), x, y, ["a", "b"], held_out=0.2).fit()
    bumped = session.add_bump((0, 0, 0), at=0.5, by=0.4, width=0.1)
    moved = (bumped.model(x) - session.model(x)).detach()[:, 0]
    wanted = 0.4 * torch.exp(-(((x[:, 0] - 0.5) / 0.1) ** 2) / 2)
    assert float((moved - wanted).abs().max()) < 0.02
    assert bumped.error > session.error and bumped.undo().error == session.error
    flat = session.flatten((0, 0, 0), low=-0.5, high=0.5)
    inside = x[(x[:, 0] > -0.35) & (x[:, 0] < 0.35)]
    curve = (flat.model(inside) - flat.model(torch.stack([0 * inside[:, 0], inside[:, 1]], 1))).detach()
    assert float(curve.abs().max()) < 0.02


def levels(share: float = 0.0) -> Session:
    """Weights of four breeds, of which one is the baseline, over ages."""
    random = np.random.default_rng(0)
    breed, age = random.integers(0, 4, 200), random.uniform(1, 9, 200)
    x = np.column_stack([age, *(breed == k for k in (1, 2, 3))]).astype(float)
    y = 3 + 0.5 * age + np.array([0.0, 2.0, 2.1, -1.0])[breed] + 0.05 * random.normal(size=200)
    names = ["age", "breed_collie", "breed_corgi", "breed_pug"]
    return Session(ew.KAN([4, 1], grid=3, seed=0), x, y, names, target="weight", held_out=share)


def test_joined_levels_have_one_effect_and_stay_joined() -> None:
    session = levels(0.2).fit()
    joined = session.join_levels(["breed_collie", "breed_corgi"])
    assert joined.names == ["age", "breed_collie", "breed_corgi", "breed_pug", "breed_collie_or_corgi"]
    assert not joined.model.layers[0].mask[0, 1:3].any() and joined.state.edges == 3
    assert session.held_out_error < joined.held_out_error < 0.1 and joined.undo().error == session.error
    x = joined.table.x
    rows = [int(x[:, k].nonzero()[0, 0]) for k in (1, 2)]
    at = x[rows].clone()
    at[:, 0] = 5.0
    collie, corgi = joined.model(at)[:, 0].tolist()
    assert collie == pytest.approx(corgi, abs=1e-9)
    with torch.no_grad():
        before = session.model(at[:, :4])[:, 0]
    share = x[:, 1].sum() / (x[:, 1] + x[:, 2]).sum()
    assert collie == pytest.approx(float(share * before[0] + (1 - share) * before[1]), abs=1e-6)
    read = joined.refit(20).snap_all()
    assert read.state.splines == 0 and "breed_collie_or_corgi" in [v.name for v in read.state.situation.variables]
    assert read.error < 0.065  # of which .05 are noise


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["breed_collie"], "'levels' must be inputs that are 0 or 1, two or more"),
        (["breed_collie", "age"], "'levels' must be inputs that are 0 or 1"),
        (["breed_collie", "breed_cat"], "Unknown input 'breed_cat'"),
        ("breed_collie", "'levels' must be names of inputs"),
    ],
)
def test_what_are_no_levels_is_said(given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        levels().apply("join_levels", levels=given)


@pytest.mark.parametrize(
    ("action", "arguments", "message"),
    [
        ("add_bump", {"edge": (0, 0, 0), "at": 0, "by": 1, "width": 0}, "'width' must be a positive number"),
        ("add_bump", {"edge": (0, 0, 0), "at": "x", "by": 1, "width": 1}, "'at' must be a finite number"),
        ("add_bump", {"edge": (0, 0, 1), "at": 0, "by": 1, "width": 1}, "is a function: make it a spline first"),
        ("flatten", {"edge": (0, 0, 0), "low": 3, "high": 4}, "Fewer than two rows lie between 3 and 4"),
        ("flatten", {"edge": (0, 0, 7)}, "0, 7"),
    ],
)
def test_what_cannot_be_shaped_is_said(action: str, arguments: dict[str, object], message: str) -> None:
    session = begin().set_function((0, 0, 1), "x")
    with pytest.raises(InputError, match=message):
        session.apply(action, **arguments)
