"""Equations of evolution in two coordinates of space: against exact solutions, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import pde

PI = math.pi
PLATE = pde.Box(t=(0, 0.1), x=(0, 1), y=(0, 2))
TORUS = pde.Box(t=(0, 0.5), x=(0, 2 * PI), y=(0, 2 * PI))
AROUND = (pde.periodic(TORUS, "x"), pde.periodic(TORUS, "y"))


def _begin(box: pde.Box, function: Any) -> pde.Condition:
    return pde.Condition(box.face(t=0), lambda u, p: u.value - function(p))


def _close(found: pde.Marched, exact: Any, tolerance: float, output: int = 0) -> None:
    true = found.errors(exact, count=2000, output=output).relative
    assert found.outcome is pde.Outcome.CONVERGED
    assert true < 2 * tolerance
    assert true / 5 < found.error < 5 * true or true < 1e-12


def _mode(p: Any) -> Any:
    return torch.exp(-1.25 * PI**2 * p.t) * torch.sin(PI * p.x) * torch.sin(PI / 2 * p.y)


def test_a_plate_between_cold_edges() -> None:
    cold = pde.Condition(PLATE.boundary("x", "y"), lambda u, p: u.value)
    found = pde.march(pde.Problem(PLATE, lambda u, p: u.t - u.xx - u.yy, [_begin(PLATE, _mode), cold]), tolerance=1e-8)
    _close(found, _mode, 1e-8)
    assert found.reached == 0.1
    assert found([[0.05, 0.0, 0.7], [0.02, 0.3, 2.0]]).abs().max() < 1e-12
    jet = found.at([[0.03, 0.3, 0.8]], order=3)
    value = math.exp(-1.25 * PI**2 * 0.03) * math.sin(0.3 * PI) * math.cos(0.4 * PI)
    assert jet.xxy.item() == pytest.approx(-(PI**3) / 2 * value, rel=1e-4)  # type: ignore[union-attr]
    t, x, y = np.array([0.02, 0.09]), np.array([0.1, 0.5, 0.9]), np.array([1.0, 1.5])
    grid = found.on_grid(t, (x, y))  # type: ignore[arg-type]
    points = [[a, b, c] for a in t for b in x for c in y]
    np.testing.assert_allclose(grid.ravel(), found(points), atol=1e-14)
    with pytest.raises(ew.InputError, match="one coordinate of space"):
        found.network(0)


def test_fluxes_mixtures_and_normals_on_edges() -> None:
    def exact(p: Any) -> Any:
        return torch.exp(p.x - 0.5 * p.y + 1.25 * p.t)

    sides = [
        pde.Condition(PLATE.face(x=0), lambda u, p: u.x - u.value),
        pde.Condition(PLATE.face(x=1), lambda u, p: u.x * p.nx - u.value**2 / exact(p)),
        pde.Condition(PLATE.face(y=0), lambda u, p: u.y + 0.5 * exact(p)),
        pde.Condition(PLATE.face(y=2), lambda u, p: u.value - exact(p)),
    ]
    problem = pde.Problem(PLATE, lambda u, p: u.t - u.xx - u.yy, [_begin(PLATE, exact), *sides])
    _close(pde.march(problem, tolerance=1e-6), exact, 1e-6)


def test_a_wave_between_edges_that_reflect() -> None:
    box, rate = pde.Box(t=(0, 0.3), x=(0, 1), y=(0, 1)), PI * math.sqrt(2)

    def exact(p: Any) -> Any:
        return torch.cos(rate * p.t) * torch.cos(PI * p.x) * torch.sin(PI * p.y)

    start = pde.Condition(box.face(t=0), lambda u, p: (u.value - exact(p), u.t))
    sides = [
        pde.Condition(box.boundary("x"), lambda u, p: u.x),
        pde.Condition(box.boundary("y"), lambda u, p: u.value),
    ]
    problem = pde.Problem(box, lambda u, p: u.tt - u.xx - u.yy, [start, *sides])
    _close(pde.march(problem, tolerance=1e-4), exact, 1e-4)


def test_a_vortex_as_vorticity_and_stream_function() -> None:
    def vorticity(p: Any) -> Any:
        return 2 * torch.exp(-0.2 * p.t) * torch.cos(p.x) * torch.cos(p.y)

    def flow(u: Any, p: Any) -> Any:
        w, s = u
        return w.t + s.y * w.x - s.x * w.y - 0.1 * (w.xx + w.yy), s.xx + s.yy + w.value

    start = pde.Condition(TORUS.face(t=0), lambda u, p: u[0].value - vorticity(p))
    found = pde.march(pde.Problem(TORUS, flow, [start, *AROUND], unknowns=2), tolerance=1e-3)
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(vorticity, count=2000).relative < 1e-6
    assert found.errors(lambda p: 0.5 * vorticity(p), count=2000, output=1).relative < 1e-5


def test_effort_that_is_spent_is_no_success() -> None:
    front = pde.Box(t=(0, 0.5), x=(0, 1), y=(0, 1))

    def exact(p: Any) -> Any:
        return 1 / (1 + torch.exp((p.x + p.y - 0.6 - p.t) * (1 / 0.08)))

    side = pde.Condition(front.boundary("x", "y"), lambda u, p: u.value - exact(p))
    problem = pde.Problem(
        front, lambda u, p: u.t + u.value * (u.x + u.y) - 0.04 * (u.xx + u.yy), [_begin(front, exact), side]
    )
    found = pde.march(problem, tolerance=1e-6, effort=2e4)
    assert found.outcome is pde.Outcome.EFFORT_SPENT
    true = found.errors(exact, count=2000).relative
    assert found.reached < 0.5 or found.error > true / 10


HEAT = _begin(PLATE, _mode)
COLD = pde.Condition(PLATE.boundary("x", "y"), lambda u, p: u.value)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.march(pde.Problem(PLATE, lambda u, p: (u.t - u.xx, u.yy), [HEAT, COLD])), "as many equations"),
        (
            lambda: pde.march(
                pde.Problem(
                    PLATE,
                    lambda u, p: u.t - u.xx - u.yy,
                    [HEAT, pde.Condition(PLATE.face(x=0), lambda u, p: u.value - 1)],
                )
            ),
            "x=0 disagree at t=0",
        ),
        (
            lambda: pde.march(
                pde.Problem(
                    PLATE, lambda u, p: u.t - u.xx, [HEAT, pde.Condition(PLATE.face(y=2), lambda u, p: 0 * p.x)]
                )
            ),
            "at y=2 says nothing",
        ),
    ],
)
def test_what_cannot_be_is_refused(act: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()
