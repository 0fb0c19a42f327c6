"""Equations of evolution, slab after slab: solutions against exact ones, estimates of errors, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise import pde

PI = math.pi
ROD = pde.Box(t=(0, 0.5), x=(0, 1))
RING = pde.Box(t=(0, 1), x=(0, 2 * PI))


def _heat(*sides: pde.Condition) -> pde.Problem:
    start = pde.Condition(ROD.face(t=0), lambda u, p: u.value - torch.sin(PI * p.x))
    return pde.Problem(ROD, lambda u, p: u.t - 0.1 * u.xx, [start, *sides])


def _begin(box: pde.Box, function: Any) -> pde.Condition:
    return pde.Condition(box.face(t=box.low[0]), lambda u, p: u.value - function(p))


def _close(found: pde.Marched, exact: Any, tolerance: float, output: int = 0) -> None:
    true = found.errors(exact, output=output).relative
    assert found.outcome is pde.Outcome.CONVERGED
    assert true < tolerance
    assert true / 5 < found.error < 5 * true or true < 1e-12


def test_heat_between_cold_ends() -> None:
    found = pde.march(_heat(pde.Condition(ROD.boundary("x"), lambda u, p: u.value)))
    _close(found, lambda p: torch.exp(-0.1 * PI**2 * p.t) * torch.sin(PI * p.x), 1e-9)
    assert found([[0.2, 0.0], [0.2, 1.0]]).abs().max() < 1e-13  # conditions hold exactly
    assert found.reached == 0.5 and "CONVERGED" in repr(found)
    assert list(found.frame().columns)[:2] == ["accuracy", "slabs"]


def test_derivatives_are_those_of_the_solution() -> None:
    found = pde.march(_heat(pde.Condition(ROD.boundary("x"), lambda u, p: u.value)))
    jet = found.at([[0.3, 0.3]], order=4)
    assert isinstance(jet, pde.Jet)
    value = math.exp(-0.1 * PI**2 * 0.3) * math.sin(PI * 0.3)
    for got, factor in ((jet.value, 1), (jet.t, -0.1 * PI**2), (jet.xx, -(PI**2)), (jet.xxt, 0.1 * PI**4)):
        assert got.item() == pytest.approx(factor * value, rel=1e-6)


def test_a_rod_that_is_heated_from_zero() -> None:
    def exact(p: Any) -> Any:
        return torch.sin(3 * p.t) * torch.cos(3 * p.x)

    def left(u: Any, p: Any) -> Any:
        return u.t - u.xx - 3 * torch.cos(3 * p.t) * torch.cos(3 * p.x) - 9 * exact(p)

    ends = pde.Condition(ROD.boundary("x"), lambda u, p: u.value - exact(p))
    start = pde.Condition(ROD.face(t=0), lambda u, p: u.value)
    _close(pde.march(pde.Problem(ROD, left, [start, ends]), tolerance=1e-7), exact, 1e-7)


def test_a_coefficient_that_changes_fast_in_time() -> None:
    def exact(p: Any) -> Any:
        return torch.exp(-0.1 * (p.t + 0.045 * (1 - torch.cos(20 * p.t)))) * torch.sin(p.x)

    equation = lambda u, p: u.t - 0.1 * (1 + 0.9 * torch.sin(20 * p.t)) * u.xx  # noqa: E731
    problem = pde.Problem(RING, equation, [_begin(RING, lambda p: torch.sin(p.x)), pde.periodic(RING, "x")])
    _close(pde.march(problem, tolerance=1e-7), exact, 1e-7)


def test_a_beam_swings_until_rounding_counts() -> None:
    begin = [_begin(ROD, lambda p: torch.sin(PI * p.x)), pde.Condition(ROD.face(t=0), lambda u, p: u.t)]
    held = [pde.Condition(ROD.boundary("x"), side) for side in (lambda u, p: u.value, lambda u, p: u.xx)]
    found = pde.march(pde.Problem(ROD, lambda u, p: u.tt + u.xxxx, [*begin, *held]), tolerance=1e-6)
    true = found.errors(lambda p: torch.cos(PI**2 * p.t) * torch.sin(PI * p.x)).relative
    assert true < 1e-6 and found.error < 1e-6


def test_a_slab_is_a_network(tmp_path: Any) -> None:
    found = pde.march(_heat(pde.Condition(ROD.boundary("x"), lambda u, p: u.value)), tolerance=1e-5)
    slab = found.slabs[1]
    model = found.network(1)
    points = pde.Box(t=(slab.begin, slab.end), x=(0, 1)).points(200)
    torch.testing.assert_close(model(points)[:, 0], found(points), rtol=0, atol=1e-9)
    ew.save(model, tmp_path / "slab.safetensors")
    torch.testing.assert_close(ew.load(tmp_path / "slab.safetensors")(points), model(points))
    assert ew.plot.network(model, points, names=["t", "x"]) is not None


def test_the_slabs_of_a_periodic_system_are_networks() -> None:
    start = pde.Condition(RING.face(t=0), lambda u, p: (u.value - torch.sin(p.x), u.t + 2 * torch.cos(p.x)))
    found = pde.march(pde.Problem(RING, lambda u, p: u.tt - 4 * u.xx, [start, pde.periodic(RING, "x")]), tolerance=1e-4)
    slab = found.slabs[0]
    points = pde.Box(t=(slab.begin, slab.end), x=(0, 2 * PI)).points(200)
    torch.testing.assert_close(found.network(0)(points)[:, 0], found(points), rtol=0, atol=1e-9)


def test_a_flux_at_one_end_and_a_moving_value_at_the_other() -> None:
    sides = [
        pde.Condition(ROD.face(x=0), lambda u, p: u.x - torch.exp(-p.t)),
        pde.Condition(ROD.face(x=1), lambda u, p: u.value - math.sin(1.0) * torch.exp(-p.t)),
    ]
    problem = pde.Problem(ROD, lambda u, p: u.t - u.xx, [_begin(ROD, lambda p: torch.sin(p.x)), *sides])
    _close(pde.march(problem), lambda p: torch.exp(-p.t) * torch.sin(p.x), 1e-9)


def test_a_condition_that_is_not_linear() -> None:
    # u = exp(x - t) radiates: u.x = u^2 / exp(1 - t) at the right end
    sides = [
        pde.Condition(ROD.face(x=0), lambda u, p: u.value - torch.exp(-p.t)),
        pde.Condition(ROD.face(x=1), lambda u, p: u.x - u.value**2 * torch.exp(p.t - 1)),
    ]
    problem = pde.Problem(ROD, lambda u, p: u.t + 0.5 * (u.xx + u.x), [_begin(ROD, lambda p: torch.exp(p.x)), *sides])
    backward = pde.Problem(ROD, lambda u, p: u.t - u.xx + 2 * u.x, [_begin(ROD, lambda p: torch.exp(p.x)), *sides])
    assert problem.orders == backward.orders
    _close(pde.march(backward), lambda p: torch.exp(p.x - p.t), 1e-9)


def test_a_wave_of_second_order_in_time() -> None:
    start = pde.Condition(RING.face(t=0), lambda u, p: (u.value - torch.sin(p.x), u.t + 2 * torch.cos(p.x)))
    problem = pde.Problem(RING, lambda u, p: u.tt - 4 * u.xx, [start, pde.periodic(RING, "x")])
    found = pde.march(problem)
    _close(found, lambda p: torch.sin(p.x - 2 * p.t), 1e-9)
    assert found.at([[0.4, 1.0]]).t.item() == pytest.approx(-2 * math.cos(0.2), rel=1e-7)  # type: ignore[union-attr]


def test_a_system_with_an_unknown_that_begins_with_nothing() -> None:
    # w = u.xx has no derivative by time: the heat equation written as two
    box = pde.Box(t=(0, 0.5), x=(0, 2 * PI))
    start = pde.Condition(box.face(t=0), lambda u, p: u[0].value - torch.sin(p.x))
    problem = pde.Problem(
        box,
        lambda u, p: (u[0].t - u[1].value, u[1].value - u[0].xx),
        [start, pde.periodic(box, "x")],
        unknowns=2,
    )
    found = pde.march(problem, tolerance=1e-7)
    _close(found, lambda p: torch.exp(-p.t) * torch.sin(p.x), 1e-7)
    assert found.errors(lambda p: -torch.exp(-p.t) * torch.sin(p.x), output=1).relative < 1e-7
    assert found([[0.1, 1.0]]).shape == (1, 2)


def test_time_may_come_second_and_have_another_name() -> None:
    box = pde.Box(s=(0, 2 * PI), day=(1, 2))
    start = pde.Condition(box.face(day=1), lambda u, p: u.value - torch.cos(p.s))
    problem = pde.Problem(box, lambda u, p: u.d("day") + 3 * u.d("s"), [start, pde.periodic(box, "s")])
    _close(pde.march(problem, time="day"), lambda p: torch.cos(p.s - 3 * (p.day - 1)), 1e-9)


def test_fourth_order_in_space() -> None:
    problem = pde.Problem(
        RING, lambda u, p: u.t + u.xxxx, [_begin(RING, lambda p: torch.sin(p.x)), pde.periodic(RING, "x")]
    )
    _close(pde.march(problem, tolerance=1e-8), lambda p: torch.exp(-p.t) * torch.sin(p.x), 1e-8)


def test_a_sharp_front_is_followed_by_the_knots() -> None:
    box, nu = pde.Box(t=(0, 0.5), x=(-1, 1)), 0.01

    def front(p: Any) -> Any:
        return 1 - torch.tanh((p.x + 0.3 - p.t) * (1 / (2 * nu)))

    sides = [pde.Condition(box.boundary("x"), lambda u, p: u.value - front(p))]
    problem = pde.Problem(box, lambda u, p: u.t + u.value * u.x - nu * u.xx, [_begin(box, front), *sides])
    found = pde.march(problem, tolerance=1e-5)
    _close(found, front, 1e-5)
    last = found.slabs[-1].space.cells
    finest = last[np.argmin(np.diff(last))]
    assert abs(finest - 0.2) < 0.1  # the front is at -0.3 + 0.5
    assert np.diff(last).max() > 5 * np.diff(last).min()


def test_a_kink_costs_cells_at_its_place_only() -> None:
    box = pde.Box(t=(0, 0.1), x=(-1, 1))
    start = pde.Condition(box.face(t=0), lambda u, p: u.value - (1 - p.x.abs()))
    problem = pde.Problem(box, lambda u, p: u.t - u.xx, [start, pde.Condition(box.boundary("x"), lambda u, p: u.value)])
    found = pde.march(problem, tolerance=1e-3, degree=5)
    k = np.arange(1, 400, 2)[:, None] * PI / 2  # 1 - |x| = sum of 8 / ((2k+1)^2 pi^2) cos((2k+1) pi x / 2)
    x = np.linspace(-1, 1, 21)
    exact = (2 / k**2 * np.exp(-(k**2) * 0.1) * np.cos(k * x)).sum(0)
    assert np.abs(found.on_grid(np.array([0.1]), x)[0] - exact).max() < 1e-3
    assert found.outcome is pde.Outcome.CONVERGED


@settings(max_examples=5, deadline=None)
@given(speed=st.floats(-5, 5), decay=st.floats(0, 2), phase=st.floats(0, 6))
def test_waves_that_drift_and_fade(speed: float, decay: float, phase: float) -> None:
    start = _begin(RING, lambda p: torch.sin(p.x + phase) + 2)
    problem = pde.Problem(
        RING, lambda u, p: u.t + speed * u.x + decay * (u.value - 2), [start, pde.periodic(RING, "x")]
    )
    found = pde.march(problem, tolerance=1e-6)
    errors = found.errors(lambda p: torch.exp(-decay * p.t) * torch.sin(p.x - speed * p.t + phase) + 2)
    assert found.outcome is pde.Outcome.CONVERGED and errors.relative < 2e-6


def test_a_solution_that_ceases_to_exist_is_given_until_then() -> None:
    start = _begin(RING, lambda p: 2 + torch.sin(p.x))
    problem = pde.Problem(RING, lambda u, p: u.t - u.value**2, [start, pde.periodic(RING, "x")])
    found = pde.march(problem, tolerance=1e-4, effort=1e4)
    assert found.outcome in (pde.Outcome.DIVERGED, pde.Outcome.EFFORT_SPENT)
    assert 0.2 < found.reached <= 1 / 3 + 1e-3  # u = 1 / (1 / u0 - t), infinite at t = 1/3 where u0 = 3
    at = 0.2
    assert found([[at, PI / 2]]).item() == pytest.approx(1 / (1 / 3 - at), rel=1e-3)
    assert "beyond the time" in found.outcome.message or "effort" in found.outcome.message


def test_little_effort_claims_nothing() -> None:
    box, nu = pde.Box(t=(0, 1), x=(-1, 1)), 0.01 / PI
    sides = pde.Condition(box.boundary("x"), lambda u, p: u.value)
    problem = pde.Problem(
        box, lambda u, p: u.t + u.value * u.x - nu * u.xx, [_begin(box, lambda p: -torch.sin(PI * p.x)), sides]
    )
    found = pde.march(problem, effort=6000)
    assert found.outcome is pde.Outcome.EFFORT_SPENT
    assert not found.error < 1e-9
    early = pde.march(problem, options=ew.Options(time_limit=0.3))
    assert early.outcome is pde.Outcome.TIME_LIMIT and early.reached > 0


@pytest.mark.parametrize("level", [1, 2])
def test_effort_may_run_out_in_the_last_slab_of_a_level(level: int) -> None:
    start = _begin(RING, lambda p: torch.sin(p.x))
    problem = pde.Problem(RING, lambda u, p: u.t + 20 * u.x, [start, pde.periodic(RING, "x")])
    free = pde.march(problem, tolerance=1e-11)
    work = [row.steps * row.cells for row in free.history]  # every slab of these has the same cells
    found = pde.march(problem, tolerance=1e-11, effort=sum(work[:level]) - 0.5)
    assert found.outcome is pde.Outcome.EFFORT_SPENT
    assert found.reached == 1 and len(found.history) == level


def test_the_same_problem_gives_the_same_solution() -> None:
    problem = _heat(pde.Condition(ROD.boundary("x"), lambda u, p: u.value))
    one, two = (pde.march(problem, tolerance=1e-5) for _ in range(2))
    assert torch.equal(one([[0.2, 0.4]]), two([[0.2, 0.4]]))


def _march(*conditions: pde.Condition, residual: Any = lambda u, p: u.t - u.xx, **options: Any) -> pde.Marched:
    settings = {key: options.pop(key) for key in ("constants", "ansatz", "unknowns") if key in options}
    return pde.march(pde.Problem(ROD, residual, conditions, **settings), **options)


COLD = pde.Condition(ROD.boundary("x"), lambda u, p: u.value)
START = pde.Condition(ROD.face(t=0), lambda u, p: u.value - p.x)
SMOOTH = pde.Condition(ROD.face(t=0), lambda u, p: u.value - torch.sin(PI * p.x))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: _march(COLD), "1 initial conditions, for u.value at t=0. Got 0"),
        (lambda: _march(COLD, START, residual=lambda u, p: u.tt - u.xx), "2 initial conditions, for u.value, u.t"),
        (lambda: _march(START, pde.Condition(ROD.face(t=0), lambda u, p: u.x)), "reads u.x"),
        (lambda: _march(pde.Condition(ROD.face(t=0), lambda u, p: 0 * u.value + p.x)), "do not determine u.value"),
        (lambda: _march(START, COLD, time="s"), "coordinate of time"),
        (lambda: _march(START, COLD, tolerance=0), "tolerance"),
        (lambda: _march(START, COLD, effort=0), "effort"),
        (lambda: _march(START, COLD, degree=10), "from 3 to 9"),
        (lambda: _march(START, COLD, residual=lambda u, p: u.t + u.xxxx, degree=4), "from 5 to 9"),
        (lambda: _march(START, COLD, pde.measured([[0.0, 0.5]], [1.0])), "use solve"),
        (lambda: _march(START, pde.Condition(ROD.face(t=0.5), lambda u, p: u.value)), r"box.face\(t=0\)"),
        (lambda: _march(START, COLD, pde.periodic(ROD, "x")), "no ends"),
        (lambda: _march(START, ansatz=lambda n, p: n), "needs no ansatz"),
        (lambda: _march(START, residual=lambda u, p, c: u.t - c.k * u.xx, constants={"k": 1.0}), "constants"),
        (lambda: pde.march(pde.Problem(pde.Box(t=(0, 1)), lambda u, p: u.t)), "as many conditions at t=0"),
        (lambda: _march(START, COLD), "disagree at t=0: the condition leaves 1"),
        (lambda: _march(SMOOTH, COLD, tolerance=1e-3)([0.5]), "rows of the coordinates t, x"),
    ],
)
def test_what_cannot_be_is_refused(act: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()
