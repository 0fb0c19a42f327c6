"""march for equations of time alone: events, breaks, what ends early, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.special import ellipk

import edgewise as ew
from edgewise import pde


def _problem(end: float, left: Callable[..., Any], start: Callable[..., Any], **more: Any) -> pde.Problem:
    box = pde.Box(t=(0, end))
    return pde.Problem(box, left, [pde.Condition(box.face(t=0), start)], **more)


SWING = _problem(10, lambda u, p: u.tt + torch.sin(u.value), lambda u, p: (u.value - 2, u.t))
DECAY = _problem(2, lambda u, p: u.t + u.value, lambda u, p: u.value - 1)
ONCE_ON = _problem(2, lambda u, p: u.t + u.value - torch.where(p.t < 0.7, 1.0, 0.0).double(), lambda u, p: u.value)


def test_an_event_is_found_to_rounding() -> None:
    """A pendulum is at its lowest after a quarter of its period, K(sin^2(a / 2))."""
    found = pde.march(SWING, tolerance=1e-12, until=lambda u, p: u.value)
    assert isinstance(found, pde.Trajectory) and found.event is not None
    assert found.outcome is pde.Outcome.CONVERGED and abs(found.event - ellipk(math.sin(1) ** 2)) < 1e-13
    assert found.reached == found.event and abs(float(found([[found.event]]))) < 1e-13


def test_an_event_at_the_begin_is_none() -> None:
    found = pde.march(SWING, until=lambda u, p: u.t)
    assert isinstance(found, pde.Trajectory) and found.event == pytest.approx(2 * ellipk(math.sin(1) ** 2), abs=1e-8)


def test_an_event_that_does_not_come() -> None:
    found = pde.march(DECAY, until=lambda u, p: u.value)
    assert isinstance(found, pde.Trajectory) and found.event is None and found.reached == 2


def test_a_break_is_where_the_slope_may_jump() -> None:
    found = pde.march(ONCE_ON, tolerance=1e-12, breaks=[0.7])
    exact = (1 - math.exp(-0.7)) * math.exp(-1.3)
    assert found.outcome is pde.Outcome.CONVERGED and abs(float(found([[2.0]])) - exact) < 1e-13


def test_a_jump_without_a_break_is_seen() -> None:
    found = pde.march(ONCE_ON, tolerance=1e-8)
    off = abs(float(found([[2.0]])) - (1 - math.exp(-0.7)) * math.exp(-1.3))
    assert off < 1e-8 or found.outcome is not pde.Outcome.CONVERGED


def test_a_solution_that_is_infinite_ends_there() -> None:
    found = pde.march(_problem(2, lambda u, p: u.t - u.value**2, lambda u, p: u.value - 1))
    assert found.outcome is pde.Outcome.DIVERGED and abs(found.reached - 1) < 1e-10
    assert "beyond t = 1," in found.advice and float(found([[0.5]])) == pytest.approx(2, rel=1e-9)


def test_too_many_slabs_end_a_march() -> None:
    found = pde.march(_problem(1e4, lambda u, p: u.tt + u.value, lambda u, p: (u.value - 1, u.t)), effort=1e4)
    assert found.outcome is pde.Outcome.EFFORT_SPENT and "end the box earlier" in found.advice
    assert found.reached < 1e4 and float(found([[10.0]])) == pytest.approx(math.cos(10), abs=1e-9)


def test_the_longest_slab_is_kept() -> None:
    found = pde.march(DECAY, max_step=0.1)
    assert isinstance(found, pde.Trajectory) and max(found.course.ends[1:] - found.course.ends[:-1]) <= 0.1 + 1e-12


@pytest.mark.parametrize("order", range(5))
def test_derivatives_up_to_the_fourth(order: int) -> None:
    t = torch.linspace(0, 2, 21, dtype=torch.float64)[:, None]
    jet = pde.march(DECAY, tolerance=1e-11).at(t, order=4)
    assert isinstance(jet, pde.Jet)
    assert torch.allclose(jet.parts[(0,) * order], (-1) ** order * torch.exp(-t[:, 0]), atol=1e-6)


def test_a_complex_unknown_is_saved_and_read(tmp_path: Path) -> None:
    turn = _problem(2, lambda u, p: u.t - 1j * u.value, lambda u, p: u.value - 1, complex=True)
    found, path = pde.march(turn, tolerance=1e-12), tmp_path / "turn.safetensors"
    found.save(path)
    values = pde.load(path, turn)([[0.5], [2.0]])
    assert torch.equal(values, found([[0.5], [2.0]]))
    assert torch.allclose(values, torch.exp(1j * torch.tensor([0.5, 2.0], dtype=torch.float64)), atol=1e-12)


@pytest.mark.parametrize(
    ("problem", "options", "words"),
    [
        (DECAY, {"breaks": [3]}, "'breaks' must be times from 0 to 2"),
        (DECAY, {"max_step": -1.0}, "'max_step'"),
        (DECAY, {"until": 1.0}, "'until' must be a function"),
        (DECAY, {"until": lambda u, p: 1.0}, "'until' must give one number"),
        (DECAY, {"degree": 5}, "no 'degree'"),
        (_problem(2, lambda u, p: u.tt, lambda u, p: u.value), {}, "as many conditions at t=0"),
        (_problem(2, lambda u, p: u.t + u.value, lambda u, p: u.value, unknowns=1, constants={"k": 1.0}), {},
         "no unknown constants"),
        (_problem(2, lambda u, p: u.t - torch.log(u.value), lambda u, p: u.value), {}, "No solution was found after"),
    ],
)  # fmt: skip
def test_what_cannot_be_marched_is_refused(problem: pde.Problem, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        pde.march(problem, **options)


def test_until_is_for_time_alone() -> None:
    rod = pde.Box(t=(0, 1), x=(0, 1))
    conditions = [
        pde.Condition(rod.face(t=0), lambda u, p: u.value),
        pde.Condition(rod.boundary("x"), lambda u, p: u.x),
    ]
    with pytest.raises(ew.InputError, match="time alone"):
        pde.march(pde.Problem(rod, lambda u, p: u.t - u.xx, conditions), until=lambda u, p: u.value)
