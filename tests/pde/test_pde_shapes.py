"""Problems on lattices that a boundary cuts, with layers, in one and three coordinates, against known solutions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_bvp

from edgewise import pde

LINE, DISK, HOLE = pde.Box(x=(0, 1)), pde.Disk(x=0, y=0, radius=1), pde.Disk(x=0.3, y=0.1, radius=0.3)
RING = DISK - HOLE


def _zero(u: Any, p: Any) -> Any:
    return u.value


def _wave(p: Any) -> Any:
    """Laplace's operator makes it -3 times itself."""
    return torch.sin(2 * p.x + 0.3) * torch.exp(p.y)


def _held(domain: pde.Domain, *parts: pde.Domain) -> pde.Condition:
    return pde.Condition(domain.boundary(*parts), lambda u, p: u.value - _wave(p))


def test_a_hole_with_a_flux() -> None:
    def flux(u: Any, p: Any) -> Any:
        return p.nx * (u.x - 2 * torch.cos(2 * p.x + 0.3) * torch.exp(p.y)) + p.ny * (u.y - _wave(p))

    conditions = [_held(RING, DISK), pde.Condition(RING.boundary(HOLE), flux)]
    found = pde.solve(pde.Problem(RING, lambda u, p: u.xx + u.yy + 3 * _wave(p), conditions))
    true = found.errors(_wave).relative
    assert found.outcome is pde.Outcome.CONVERGED and true < 2e-8 and 0.2 < found.error / true < 5


def test_an_equation_that_is_not_linear_on_a_cut_domain() -> None:
    left = lambda u, p: u.xx + u.yy - u.value**3 + 3 * _wave(p) + _wave(p) ** 3  # noqa: E731
    found = pde.solve(pde.Problem(RING, left, [_held(RING)]))
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(_wave).relative < 2e-8


def test_a_polygon_with_reentrant_corners() -> None:
    at = [(1 - 0.5 * (k % 2), math.pi * k / 5 + 0.2) for k in range(10)]
    star = pde.Polygon([(r * math.cos(a), r * math.sin(a)) for r, a in at])
    found = pde.solve(pde.Problem(star, lambda u, p: u.xx + u.yy + 3 * _wave(p), [_held(star)]))
    assert found.errors(_wave).relative < 2e-8


def test_no_solution_is_not_said_where_splines_cannot_be_it() -> None:
    """Without its singular functions the solution of an L-shape is no smooth function, but there is one."""
    shape = pde.Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])
    held = [pde.Condition(shape.boundary(), _zero)]
    found = pde.solve(pde.Problem(shape, lambda u, p: u.xx + u.yy + 1, held, singular=()), tolerance=1e-6)
    assert found.outcome is not pde.Outcome.NO_SOLUTION and found.outcome is not pde.Outcome.CONVERGED


def test_conditions_that_are_missing_on_a_cut_domain() -> None:
    left = lambda u, p: u.xx + u.yy + 3 * _wave(p)  # noqa: E731
    one = pde.solve(pde.Problem(RING, left, [_held(RING, DISK)]), tolerance=1e-5)
    assert one.outcome is pde.Outcome.UNDETERMINED and "A part of the boundary has no condition" in str(one)
    flux = pde.Condition(DISK.boundary(), lambda u, p: p.nx * u.x + p.ny * u.y - 1)
    two = pde.solve(pde.Problem(DISK, lambda u, p: u.xx + u.yy - 2, [flux]), tolerance=1e-5)
    assert two.outcome is pde.Outcome.UNDETERMINED and "a constant can be added" in str(two)


def test_a_periodic_line() -> None:
    """u'' - u = -f for u = exp(sin x)."""
    line = pde.Box(x=(0, 2 * math.pi))
    true = lambda p: torch.exp(torch.sin(p.x))  # noqa: E731
    left = lambda u, p: u.xx - u.value - true(p) * (torch.cos(p.x) ** 2 - torch.sin(p.x) - 1)  # noqa: E731
    found = pde.solve(pde.Problem(line, left, [pde.periodic(line, "x")]))
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(true).relative < 1e-8


def test_stokes_equations_with_a_pressure_of_mean_zero() -> None:
    """The stream function sin(x + .3) sin(2 y), and the pressure y cos(x) less its mean."""
    box, mean = pde.Box(x=(0, 1), y=(0, 1)), math.sin(1) / 2

    def speeds(p: Any) -> tuple[Any, Any]:
        return 2 * torch.sin(p.x + 0.3) * torch.cos(2 * p.y), -1 * torch.cos(p.x + 0.3) * torch.sin(2 * p.y)

    def left(w: Any, p: Any) -> Any:
        (u, v, q), (one, two) = w, speeds(p)
        down = u.xx + u.yy - q.x + 5 * one + -1 * torch.sin(p.x) * p.y * -1 * -1
        across = v.xx + v.yy - q.y + 5 * two + torch.cos(p.x)
        return down, across, u.x + v.y

    walls = pde.Condition(box.boundary(), lambda w, p: (w[0].value - speeds(p)[0], w[1].value - speeds(p)[1]))
    level = pde.Integral(box, lambda w, p: w[2].value)
    found = pde.solve(pde.Problem(box, left, [walls, level], unknowns=3))
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(lambda p: speeds(p)[0]).relative < 1e-8
    assert found.errors(lambda p: torch.cos(p.x) * p.y - mean, output=2).relative < 1e-7


def test_three_coordinates() -> None:
    cube = pde.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    true = lambda p: torch.sin(2 * (p.x + p.y * p.z))  # noqa: E731
    left = lambda u, p: u.xx + u.yy + u.zz + 4 * true(p) * (1 + p.y**2 + p.z**2)  # noqa: E731
    walls = pde.Condition(cube.boundary(), lambda u, p: u.value - true(p))
    found = pde.solve(pde.Problem(cube, left, [walls]), tolerance=1e-5)
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(true).relative < 1e-5


@pytest.mark.parametrize("width", [1e-2, 1e-4, 1e-6])
def test_layers_however_thin(width: float) -> None:
    found = pde.solve(pde.Problem(LINE, lambda u, p: -width * u.xx + u.x - 1, [pde.Condition(LINE.boundary(), _zero)]))
    true = lambda p: p.x - (torch.exp((p.x - 1) / width) - math.exp(-1 / width)) / (1 - math.exp(-1 / width))  # noqa: E731
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(true).relative < 5e-8


def test_a_layer_inside_of_an_equation_that_is_not_linear() -> None:
    ends = [
        pde.Condition(LINE.face(x=0), lambda u, p: u.value + 1 / 3),
        pde.Condition(LINE.face(x=1), lambda u, p: u.value - 1 / 3),
    ]
    found = pde.solve(pde.Problem(LINE, lambda u, p: 1e-3 * u.xx + u.value * u.x - u.value, ends))
    assert found.outcome is pde.Outcome.CONVERGED
    x = np.linspace(0, 1, 4001)
    values = found(torch.from_numpy(x)[:, None]).numpy()
    slope = lambda x, y: [y[1], (y[0] - y[0] * y[1]) / 1e-3]  # noqa: E731
    held = lambda a, b: [a[0] + 1 / 3, b[0] - 1 / 3]  # noqa: E731
    true = solve_bvp(slope, held, x, [values, np.gradient(values, x)], tol=1e-9, max_nodes=60_000)
    assert true.success and np.abs(true.sol(x)[0] - values).max() < 1e-7


def test_many_periods() -> None:
    span = pde.Box(x=(0, 2))
    begin = pde.Condition(span.face(x=0), lambda u, p: (u.value - 1, u.x))
    found = pde.solve(pde.Problem(span, lambda u, p: u.xx + 2500 * u.value, [begin]))
    assert found.errors(lambda p: torch.cos(50 * p.x)).relative < 1e-8


def test_what_is_narrower_than_the_points_is_not_overlooked() -> None:
    source = lambda u, p: u.xx + torch.exp(-(((p.x - 0.3712) / 1e-5) ** 2)) / 1e-5  # noqa: E731
    found = pde.solve(pde.Problem(LINE, source, [pde.Condition(LINE.boundary(), _zero)]))
    assert found.outcome is not pde.Outcome.CONVERGED and found.error > 1e-2


def test_the_error_is_that_of_the_network_and_not_of_splines_beyond_the_domain() -> None:
    """Outside of a crescent splines are far larger than inside; the network's accuracy is relative to the inside."""
    crescent = pde.Disk(x=0, y=0, radius=1) - pde.Disk(x=0.4, y=0, radius=1)

    def exact(p: Any) -> torch.Tensor:
        return torch.exp(2 * p.x) * torch.sin(2 * p.y) + p.y

    rim = pde.Condition(crescent.boundary(), lambda u, p: u.value - exact(p))
    found = pde.solve(pde.Problem(crescent, lambda u, p: u.xx + u.yy, [rim], singular=()))
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(exact).relative < 3 * found.error


def test_the_error_is_the_largest_of_the_unknowns() -> None:
    """The second is a hundredth of the first, and varies more."""
    line = pde.Box(x=(0, 1))
    ends = pde.Condition(line.boundary(), lambda w, p: (w[0].value, w[1].value))
    problem = pde.Problem(
        line,
        lambda w, p: (
            w[0].xx + math.pi**2 * torch.sin(math.pi * p.x),
            w[1].xx + 4 * math.pi**2 * torch.sin(20 * math.pi * p.x),
        ),
        [ends],
        unknowns=2,
    )
    found = pde.solve(problem, tolerance=1e-6)
    points = line.points(1000, seed=4)
    small = torch.sin(20 * math.pi * points[:, 0]) / 100
    assert float((found(points)[:, 1] - small).norm() / small.norm()) < 5 * found.error < 5e-6


def test_where_one_kind_of_condition_ends_on_a_straight_side() -> None:
    """Motz's problem; the factor of r^(1/2) is 401.162453745, as Li, Mathon and Sermer (1987) give it."""
    shape = pde.Polygon(((-1, 0), (0, 0), (1, 0), (1, 1), (-1, 1)))
    held = [pde.Condition(shape.edge(k), lambda u, p, at=at: u.value - at) for k, at in ((0, 0.0), (2, 500.0))]
    free = [pde.Condition(shape.edge(k), lambda u, p: p.nx * u.x + p.ny * u.y) for k in (1, 3, 4)]
    found = pde.solve(pde.Problem(shape, lambda u, p: u.xx + u.yy, [*held, *free]))
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.constants["r^(1/2) at (0, 0)"] == pytest.approx(401.162453745, rel=1e-8)
