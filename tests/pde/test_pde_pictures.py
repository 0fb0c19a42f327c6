"""Pictures, films, tables and reports of solutions."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import pde

RING = pde.Box(t=(0, 1), x=(0, 2 * math.pi))
DISK = pde.Disk(x=0, y=0, radius=1)
CUBE = pde.Box(x=(0, 1), y=(0, 1), t=(0, 1))


@pytest.fixture(scope="module")
def waves() -> pde.Marched:
    start = pde.Condition(RING.face(t=0), lambda u, p: (u[0].value - torch.sin(p.x), u[1].value))
    sides = [start, pde.periodic(RING, "x")]
    problem = pde.Problem(RING, lambda u, p: (u[0].t - u[1].x, u[1].t - u[0].x), sides, unknowns=2)
    return pde.march(problem, tolerance=1e-2)


@pytest.fixture(scope="module")
def bowl() -> pde.Solution:
    problem = pde.Problem(DISK, lambda u, p: u.xx + u.yy + 1, ansatz=lambda n, p: DISK.distance(p) * n)
    return pde.solve(problem, ew.KAN([2, 1], degree=5, base=None), grids=[2], points=100)


@pytest.fixture(scope="module")
def fading() -> pde.Solution:
    problem = pde.Problem(CUBE, lambda u, p: u.t + u.value, ansatz=lambda n, p: p.x + p.t * n)
    row = ew.train.Row(0, 2, 15, 0.1, 0.2, 0.0)
    return pde.Solution(problem, ew.KAN([3, 1], grid=2, dtype=torch.float64), {}, [row], pde.Outcome.STOPPED)


def test_a_table_has_coordinates_values_and_derivatives(waves: pde.Marched, bowl: pde.Solution) -> None:
    found = waves.table({"t": 0.5, "x": [0.0, 1.0]}, ["x", "xt"], names=["p", "v"])
    assert list(found.columns) == ["t", "x", "p", "p.x", "p.xt", "v", "v.x", "v.xt"] and len(found) == 2
    assert found["p"].to_numpy() == pytest.approx(np.cos(0.5) * np.sin([0, 1]), abs=1e-3)
    assert found["v.x"].to_numpy() == pytest.approx(-np.sin(0.5) * np.sin([0, 1]), abs=1e-3)
    whole = bowl.table(5, "xx")  # of the lattice, what is on the disk or its rim
    assert list(whole.columns) == ["x", "y", "u", "u.xx"] and len(whole) == 13
    assert whole["u"].to_numpy() == pytest.approx((1 - whole.x**2 - whole.y**2).to_numpy() / 4, abs=1e-8)
    assert bowl.table([[0.0, 0.0]]).u[0] == bowl([[0.0, 0.0]]).item()
    named = waves.table([[0.0, 0.0]], [("t",)])
    assert list(named.columns) == ["t", "x", "u[0]", "u[0].t", "u[1]", "u[1].t"]


def test_a_march_is_drawn_as_maps_and_profiles(waves: pde.Marched) -> None:
    figure = waves.plot(times=[0, 0.5, 1])
    first, profiles = figure.axes[:2]
    assert (first.get_xlabel(), first.get_ylabel(), first.get_title(loc="left")) == ("$t$", "$x$", "$u_{0}$")
    assert first.collections[0].get_clim() == pytest.approx((-1, 1), abs=1e-2)  # both signs: zero in the middle
    assert [line.get_label() for line in profiles.lines] == ["t = 0", "t = 0.5", "t = 1"]
    assert waves.plot(at={"x": 1}).axes[0].get_xlabel() == "$t$"
    curve = waves.plot("x", at={"t": 0}, names=["pressure", "v"]).axes[0]
    assert curve.get_ylabel() == r"$\partial_{x}\,\mathrm{pressure}$"
    places, slopes = (np.asarray(part) for part in curve.lines[0].get_data())
    assert slopes == pytest.approx(np.cos(places), abs=1e-2)


def test_maps_leave_out_what_is_outside_the_domain(bowl: pde.Solution) -> None:
    (ax, _) = bowl.plot().axes
    assert ax.collections[0].get_clim() == pytest.approx((0, 0.25), abs=1e-3)  # of values inside only
    assert len(ax.collections) == 3 and ax.get_aspect() == 1.0


def test_time_and_two_coordinates_make_maps_at_times(fading: pde.Solution) -> None:
    figure = fading.plot(times=[0.0, 1.0])
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["t = 0", "t = 1"]
    limits = {ax.collections[0].get_clim() for ax in figure.axes[:2]}
    assert len(limits) == 1
    assert fading.plot(at={"t": 0, "y": 0.5}).axes[0].get_xlabel() == "$x$"


@pytest.mark.parametrize(("name", "frames"), [("waves", 3), ("fading", 2)])
def test_a_film_has_a_frame_for_each_time(
    name: str, frames: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    from PIL import Image

    found = request.getfixturevalue(name)
    path = found.animate(tmp_path / "film.gif", frames=frames)
    with Image.open(path) as film:
        assert getattr(film, "n_frames", 1) == frames
    assert [each.name for each in tmp_path.iterdir()] == ["film.gif"]


def test_a_report_says_what_was_asked_and_what_was_found(
    waves: pde.Marched, bowl: pde.Solution, tmp_path: Path
) -> None:
    text = waves.report(tmp_path / "waves.html", "Two waves").read_text(encoding="utf-8")
    for part in ("Two waves", "t from 0 to 1", "2: at t = 0; periodic in x", "CONVERGED", "Slabs"):
        assert part in text
    text = bowl.report(tmp_path / "bowl.html").read_text(encoding="utf-8")
    assert "Disk(" in text and "Grid 2" in text and text.count("<img") == 1 + (len(bowl.history) > 1)


def test_what_cannot_be_drawn_is_refused(waves: pde.Marched, bowl: pde.Solution, tmp_path: Path) -> None:
    refused = [
        (lambda: bowl.plot("t"), "Unknown coordinate to differentiate by 't'"),
        (lambda: bowl.plot("xxxxx"), "up to order 4"),
        (lambda: bowl.plot(times=[0]), "'times' are those of"),
        (lambda: bowl.plot(at={"z": 0}), "Unknown coordinate 'z'"),
        (lambda: bowl.plot(at={"x": 2}), "'x' must be held at a number from -1 to 1"),
        (lambda: bowl.plot(at={"x": 0, "y": 0}), "nothing to draw over"),
        (lambda: bowl.plot(names=["u", "v"]), "'names' must be 1 different texts"),
        (lambda: waves.plot(times=[2]), "'t' must be held at a number from 0 to 1"),
        (lambda: bowl.table({"x": 0}), "needs the places of each coordinate"),
        (lambda: bowl.table(10**6), "This grid has 1e\\+12 points"),
        (lambda: bowl.table(3, names=["x"]), "both called 'x'"),
        (lambda: bowl.animate(tmp_path / "film.gif"), "needs a coordinate of time"),
        (lambda: waves.animate(tmp_path / "film.png"), "A film ends in one of"),
        (lambda: waves.animate(tmp_path / "film.gif", at={"t": 0}), "cannot be held"),
        (lambda: waves.animate(tmp_path / "film.gif", fps=0), "'fps' must be an int"),
        (lambda: waves.animate(tmp_path / "none" / "film.gif"), "There is no folder"),
    ]
    for call, message in refused:
        with pytest.raises(ew.InputError, match=message):
            call()
