"""Boxes of two coordinates, where `solve` chooses its network itself: lattices that follow the solution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import pde

SQUARE = pde.Box(x=(0, 1), y=(0, 1))


def _bump(p):
    return torch.sin(math.pi * p.x) * torch.sin(math.pi * p.y)


def _zero(u, p):
    return u.value


def test_a_product_is_found_to_many_digits_as_one_product() -> None:
    problem = pde.Problem(
        SQUARE,
        lambda u, p: u.xx + u.yy + 17 * math.pi**2 * torch.sin(math.pi * p.x) * torch.sin(4 * math.pi * p.y),
        ansatz=lambda n, p: SQUARE.distance(p) * n,
    )
    found = pde.solve(problem, tolerance=1e-7)
    true = found.errors(lambda p: torch.sin(math.pi * p.x) * torch.sin(4 * math.pi * p.y)).relative
    assert found.outcome is pde.Outcome.CONVERGED
    assert true < 1e-7
    assert 0.5 < found.error / true < 2
    assert len(found.model.nodes[1].arities) <= 4  # products
    cells = found.model.layers[0].grids
    assert cells[1] > 2 * cells[0]  # what changes faster has more cells


def test_the_network_is_as_any_other() -> None:
    problem = pde.Problem(SQUARE, lambda u, p: u.xx + u.yy - torch.exp(p.x * p.y), [
        pde.Condition(SQUARE.boundary(), _zero),
    ])  # fmt: skip
    found = pde.solve(problem, tolerance=1e-4)
    x = SQUARE.points(50)
    assert torch.allclose(found.model(x)[:, 0], found(x), atol=1e-12)


def test_several_unknowns_and_a_nonlinear_equation() -> None:
    """u = exp(x + y) and v = exp(-x - y):  u_x = u^2 v,  v_y = -v^2 u."""
    sides = [
        pde.Condition(SQUARE.face(x=0), lambda w, p: w[0].value - torch.exp(p.y)),
        pde.Condition(SQUARE.face(y=0), lambda w, p: w[1].value - torch.exp(-p.x)),
    ]
    both = lambda w, p: (w[0].x - w[0].value ** 2 * w[1].value, w[1].y + w[1].value ** 2 * w[0].value)  # noqa: E731
    found = pde.solve(pde.Problem(SQUARE, both, sides, unknowns=2), tolerance=1e-6)
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(lambda p: torch.exp(p.x + p.y)).relative < 1e-6
    assert found.errors(lambda p: torch.exp(-1 * p.x - p.y), output=1).relative < 1e-6


def test_a_periodic_coordinate() -> None:
    ring = pde.Box(a=(0, 2 * math.pi), y=(0, 1))
    ends = pde.Condition(ring.boundary("y"), _zero)
    load = lambda p: (1 + math.pi**2) * torch.sin(p.a) * torch.sin(math.pi * p.y)  # noqa: E731
    problem = pde.Problem(ring, lambda u, p: u.d("a", "a") + u.yy + load(p), [pde.periodic(ring, "a"), ends])
    found = pde.solve(problem, tolerance=1e-5)
    assert found.errors(lambda p: torch.sin(p.a) * torch.sin(math.pi * p.y)).relative < 1e-4
    assert found.outcome is pde.Outcome.CONVERGED


def test_an_unknown_constant() -> None:
    at = SQUARE.points(100, seed=3)
    known = pde.measured(at, torch.sin(math.pi * at[:, 0]) * torch.sin(math.pi * at[:, 1]))
    problem = pde.Problem(
        SQUARE,
        lambda u, p, c: u.xx + u.yy + c.k * u.value,
        [known, pde.Condition(SQUARE.boundary(), lambda u, p, c: u.value)],
        constants={"k": 1.0},
    )
    found = pde.solve(problem, tolerance=1e-5)
    assert found.constants["k"] == pytest.approx(2 * math.pi**2, rel=1e-6)


@pytest.mark.slow
def test_corners_where_derivatives_are_infinite() -> None:
    """A side at 1 and the others at 0: in the middle the solution is 1/4, at two corners it jumps."""
    hot = pde.Condition(SQUARE.face(y=1), lambda u, p: u.value - 1)
    cold = [pde.Condition(side, _zero) for side in (SQUARE.face(y=0), SQUARE.boundary("x"))]
    found = pde.solve(pde.Problem(SQUARE, lambda u, p: u.xx + u.yy, [hot, *cold]), tolerance=5e-3)
    assert found(torch.tensor([[0.5, 0.5]]))[0] == pytest.approx(0.25, abs=5e-3)
    knots = found.model.layers[0].knots[1]
    cells = knots[knots.isfinite()][7:-7].diff()
    assert cells[-1] < 0.5 * cells.max()  # knots are where the corners are


@pytest.mark.parametrize("load", [3.0, 6.5])
def test_one_step_on_each_lattice_is_no_false_success(load: float) -> None:
    """Steps go on from lattice to lattice; where that suffices, the claim is right. There is no solution above 6.8."""
    problem = pde.Problem(
        SQUARE, lambda u, p: u.xx + u.yy + load * torch.exp(u.value), [pde.Condition(SQUARE.boundary(), _zero)]
    )
    found = pde.solve(problem, steps=1, tolerance=1e-6, options=ew.Options(time_limit=1.0, restarts=1))
    true = pde.solve(problem)
    points = SQUARE.points(500, seed=3)
    off = float((found(points) - true(points)).norm() / true(points).norm())
    assert found.outcome is not pde.Outcome.CONVERGED or off < 5 * found.error


@pytest.mark.slow
def test_where_zero_is_no_place_to_start_networks_take_over() -> None:
    problem = pde.Problem(SQUARE, lambda u, p: u.x**2 + u.y**2 - 1, [pde.Condition(SQUARE.face(x=0), _zero)])
    found = pde.solve(problem, tolerance=1e-3)
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(lambda p: p.x).relative < 1e-3 or found.errors(lambda p: -1 * p.x).relative < 1e-3


def test_time_ends_it_with_what_there_is() -> None:
    problem = pde.Problem(SQUARE, lambda u, p: u.xx + u.yy + 1, [pde.Condition(SQUARE.boundary(), _zero)])
    found = pde.solve(problem, tolerance=1e-13, options=ew.Options(time_limit=0.3))
    assert found.outcome is pde.Outcome.TIME_LIMIT
    assert np.isfinite(found.error)
    assert found.history


def test_a_constant_that_multiplies_an_unknown_is_found() -> None:
    """-u'' = a w, -w'' = pi^2 sin(pi x) and u(1/2) = 1: a = pi^2. A whole step raises the cost, and is taken."""
    line = pde.Box(x=(0, 1))
    ends = pde.Condition(line.boundary(), lambda u, p, c: (u[0].value, u[1].value))
    middle = pde.Condition(torch.tensor([[0.5]], dtype=torch.float64), lambda u, p, c: u[0].value - 1)
    problem = pde.Problem(
        line,
        lambda u, p, c: (u[0].xx + c.a * u[1].value, u[1].xx + math.pi**2 * torch.sin(math.pi * p.x)),
        [ends, middle],
        unknowns=2,
        constants={"a": 1.0},
    )
    found = pde.solve(problem)
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.constants["a"] == pytest.approx(math.pi**2, rel=1e-8)


def test_a_condition_holds_at_points_of_a_list() -> None:
    line = pde.Box(x=(0, 1))
    held = [pde.Condition(line.face(x=0), lambda u, p: u.value), pde.Condition([[0.3]], lambda u, p: u.value - 0.3)]  # type: ignore[arg-type]
    found = pde.solve(pde.Problem(line, lambda u, p: u.xx, held))
    assert found([[1.0]]).item() == pytest.approx(1, abs=1e-10)


def test_the_size_of_an_eigenfunction_is_no_integral_that_zero_has() -> None:
    """Zero solves the equation and its ends; that the integral of its square is not one must be seen."""
    line = pde.Box(x=(-8, 8))
    held = [
        pde.Condition(line.boundary(), lambda u, p, *c: u.value),
        pde.Integral(line, lambda u, p, *c: u.value**2, equals=1),
    ]

    def well(u, p, energy):
        return -0.5 * u.xx + 0.5 * p.x**2 * u.value - energy * u.value

    found = pde.solve(pde.Problem(line, lambda u, p, c: well(u, p, c.E), held, constants={"E": 0.4}))
    assert found.outcome is pde.Outcome.CONVERGED and found.constants["E"] == pytest.approx(0.5, abs=1e-7)
    points = torch.linspace(-3, 3, 50, dtype=torch.float64).unsqueeze(1)
    state = math.pi**-0.25 * torch.exp(-(points[:, 0] ** 2) / 2)
    assert float((found(points).abs() - state).abs().max()) < 1e-7
    nothing = pde.solve(pde.Problem(line, lambda u, p: well(u, p, 0.4), held))
    assert nothing.outcome is not pde.Outcome.CONVERGED


def test_a_branch_in_two_coordinates_goes_on_from_lattice_to_lattice() -> None:
    rim = pde.Condition(SQUARE.boundary(), _zero)
    branch = pde.continue_in(
        lambda a: pde.Problem(SQUARE, lambda u, p: u.xx + u.yy + a * torch.exp(u.value), [rim]), [2, 6]
    )
    assert branch.outcome is pde.Outcome.CONVERGED and branch.reached == 6
    direct = pde.solve(pde.Problem(SQUARE, lambda u, p: u.xx + u.yy + 6 * torch.exp(u.value), [rim]))
    assert branch.solutions[-1]([[0.5, 0.5]]).item() == pytest.approx(direct([[0.5, 0.5]]).item(), rel=1e-4)
