"""Differential equations: solutions against exact ones, constants from data, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)


def test_an_ordinary_equation_with_an_exact_start() -> None:
    box = pde.Box(x=(0, 3))
    wave = pde.Problem(box, lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x + p.x**2 * n)
    found = pde.solve(wave, ew.KAN([1, 1], degree=5), grids=[4, 8], points=200, options=ONCE)
    errors = found.errors(lambda p: torch.sin(p.x))
    assert errors.largest < 1e-5
    assert errors.h1 >= errors.l2
    assert [row.grid for row in found.history] == [4, 8]


def test_a_boundary_value_problem_by_conditions() -> None:
    box = pde.Box(x=(0, 1), y=(0, 1))
    flat = pde.Problem(
        box,
        lambda u, p: u.xx + u.yy,
        [pde.Condition(box.boundary(), lambda u, p: u.value - (p.x**2 - p.y**2))],
    )
    found = pde.solve(flat, ew.KAN([2, 1], degree=5), grids=[3], points=200, boundary=80, options=ONCE)
    assert found.errors(lambda p: p.x**2 - p.y**2).l2 < 1e-9  # the network contains the solution


@pytest.mark.slow
def test_a_periodic_heat_equation() -> None:
    box = pde.Box(t=(0, 0.5), x=(-math.pi, math.pi))
    heat = pde.Problem(
        box,
        lambda u, p: u.t - u.xx,
        [pde.Condition(box.face(t=0), lambda u, p: u.value - torch.sin(p.x)), pde.periodic(box, "x")],
    )
    found = pde.solve(
        heat, ew.KAN([2, 3, 1], degree=5), grids=[4, 8], points=400, boundary=100, options=ew.Options(restarts=2)
    )
    assert found.errors(lambda p: torch.exp(-p.t) * torch.sin(p.x)).l2 < 1e-3


def test_a_periodic_condition_kept_an_unknown_constant() -> None:
    box = pde.Box(t=(0, 1), x=(0, 1))
    problem = pde.Problem(box, lambda u, p, c: u.t - c.k * u.xx, [pde.periodic(box, "x")], constants={"k": 0.1})
    found = pde.solve(problem, grids=[3], points=60, boundary=20, steps=2, options=ONCE)
    assert math.isfinite(found.constants["k"])


def test_a_constant_is_found_from_measurements() -> None:
    box = pde.Box(x=(0, 3))
    at = torch.linspace(0, 3, 20, dtype=torch.float64).unsqueeze(1)
    swing = pde.Problem(
        box,
        lambda u, p, c: u.xx + c.k * u.value,
        [pde.measured(at, torch.sin(1.5 * at[:, 0]))],
        constants={"k": 1.0},
    )
    found = pde.solve(swing, ew.KAN([1, 1], degree=5), grids=[4, 8, 12], points=200, options=ONCE)
    assert found.constants["k"] == pytest.approx(2.25, rel=1e-3)
    assert "k=2.2" in repr(found)


def test_a_system_of_two_unknowns() -> None:
    box = pde.Box(t=(0, 2))
    pair = pde.Problem(
        box,
        lambda u, p: (u[0].t - u[1].value, u[1].t + u[0].value),
        ansatz=lambda n, p: (p.t * n[0], 1 + p.t * n[1]),
        unknowns=2,
    )
    found = pde.solve(pair, ew.KAN([1, 2], degree=5), grids=[4, 8], points=200, options=ONCE)
    assert found.errors(lambda p: torch.sin(p.t)).l2 < 1e-5
    assert found.errors(lambda p: torch.cos(p.t), output=1).l2 < 1e-5
    assert found([[1.0], [2.0]]).shape == (2, 2)


@pytest.mark.slow
def test_poissons_equation_of_the_article() -> None:
    """Published: a mean squared error of 1e-7. Here 5.7e-12 in 10 s."""
    box, pi = pde.Box(x=(-1, 1), y=(-1, 1)), math.pi

    def load(p):
        bent = -(pi**2) * (1 + 4 * p.y**2) * torch.sin(pi * p.x) * torch.sin(pi * p.y**2)
        return bent + 2 * pi * torch.sin(pi * p.x) * torch.cos(pi * p.y**2)

    edge = pde.Condition(box.boundary(), lambda u, p: u.value, weight=1000)
    found = pde.solve(
        pde.Problem(box, lambda u, p: u.xx + u.yy - load(p), [edge]),
        ew.KAN([2, 5, 1], degree=5),
        grids=[4, 8, 16, 32],
        options=ew.Options(restarts=2),
    )
    assert found.history[-1].parameters <= 600
    assert found.errors(lambda p: torch.sin(pi * p.x) * torch.sin(pi * p.y**2)).l2 ** 2 < 1e-10


def test_the_same_seed_gives_the_same_solution() -> None:
    box = pde.Box(x=(0, 1))
    problem = pde.Problem(box, lambda u, p: u.x - u.value, ansatz=lambda n, p: 1 + p.x * n)
    one, two = (pde.solve(problem, ew.KAN([1, 1], degree=5), grids=[3, 5], points=100) for _ in range(2))
    assert torch.equal(one([[0.5]]), two([[0.5]]))


def test_a_time_limit_ends_it_and_gives_what_there_is() -> None:
    box = pde.Box(x=(-1, 1), y=(-1, 1))
    problem = pde.Problem(box, lambda u, p: u.xx + u.yy - 1, [pde.Condition(box.boundary(), lambda u, p: u.value)])
    found = pde.solve(problem, options=ew.Options(time_limit=0.2))
    assert found.outcome.name == "TIME_LIMIT"
    assert torch.isfinite(found([[0.0, 0.0]])).all()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.Box(), "at least one coordinate"),
        (lambda: pde.Box(x=(1, 0)), "low < high"),
        (lambda: pde.Box(x=(0, 1e60)), "another unit"),
        (lambda: pde.Box(x=(1e6, 1e6 + 1e-9)), "another unit or origin"),
        (lambda: pde.Box(x=(0, float("inf"))), "finite"),
        (lambda: pde.Box(x=(0, 1)).face(y=0), "Unknown coordinate 'y'"),
        (lambda: pde.Box(x=(0, 1)).face(x=0.5), "ends at 0 and 1"),
        (lambda: pde.Box(x=(0, 1)).face(), "fixes one coordinate"),
        (lambda: pde.Box(x=(0, 1)).boundary("t"), "Unknown coordinate 't'"),
        (lambda: pde.Box(x=(0, 1)).points(0), "int >= 1"),
        (lambda: pde.Box(x=(0, 1)).points(10, how="halton"), "Unknown way"),
        (lambda: pde.Condition(pde.Box(x=(0, 1)).boundary(), lambda u, p: u.value, weight=0), "weight"),
        (lambda: pde.measured([[0.0]], [1.0, 2.0]), "values"),
        (lambda: pde.measured([[0.0]], [float("nan")]), "finite"),
        (lambda: _solve(lambda u, p: u.value.sum()), "one number a point"),
        (lambda: _solve(lambda u, p: 3.0), "one number a point"),
        (lambda: _solve(lambda u, p: u.value, ew.KAN([2, 1])), "1 coordinates"),
        (lambda: _solve(lambda u, p: u.value, ew.KAN([1, 1], base="silu")), "base=None"),
        (lambda: _solve(lambda u, p: u.value, ew.KAN([1, 1], degree=2)), "degree 2"),
        (lambda: _solve(lambda u, p: u.value, grids=[]), "grids"),
        (lambda: _solve(lambda u, p: u.value, grids="fine"), "grids"),
        (lambda: _solved()([0.5]), "rows of the coordinates x"),
        (lambda: _solved().errors(lambda p: torch.zeros(3)), "coordinates of p"),
        (lambda: _solve(lambda u, p: u.xx, ew.nn.lock(ew.KAN([1, 1]), [(0, 0, 0)])), "nothing to train"),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


def _solve(residual, model: ew.KAN | None = None, **more) -> pde.Solution:
    grids = more.get("grids", [3])
    return pde.solve(pde.Problem(pde.Box(x=(0, 1)), residual), model, grids=grids, points=50, options=ONCE)


def _solved() -> pde.Solution:
    return _solve(lambda u, p: u.value - p.x, ew.KAN([1, 1]))


def test_an_equation_of_fourth_order() -> None:
    box = pde.Box(x=(0, 1))
    bent = pde.Problem(box, lambda u, p: u.xxxx - u.value, ansatz=lambda n, p: 1 + p.x + p.x**2 * n)
    hold = [pde.Condition(box.face(x=1), lambda u, p: (u.value - torch.exp(p.x), u.xx - torch.exp(p.x)))]
    found = pde.solve(
        pde.Problem(box, bent.residual, hold, bent.ansatz), ew.KAN([1, 1], degree=5), grids=[4, 8], points=200,
        options=ONCE,
    )  # fmt: skip
    assert found.errors(lambda p: torch.exp(p.x)).largest < 1e-5
    jet = found.at([[0.5]], order=3)
    assert isinstance(jet, pde.Jet) and jet.xxx.item() == pytest.approx(math.exp(0.5), rel=1e-3)
    with pytest.raises(ew.InputError, match="degree of 5 or more"):
        pde.solve(bent, ew.KAN([1, 1], degree=4))
    with pytest.raises(ew.InputError, match="from 0 to 4"):
        found.at([[0.5]], order=5)
