"""What happens fast, or begins with nothing: short sources, insulated fronts, one level, and their slabs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import pde

ROD = pde.Box(t=(0, 1), x=(0, 1))
AT = 0.5137
INSULATED = pde.Condition(ROD.boundary("x"), lambda u, p: u.x)


def _pulse(width: float, begin: float = 0.0) -> pde.Problem:
    source = lambda p: torch.exp(-(((p.t - AT) / width) ** 2)) / (width * math.sqrt(math.pi))  # noqa: E731
    start = pde.Condition(ROD.face(t=0), lambda u, p: u.value - begin)
    return pde.Problem(ROD, lambda u, p: u.t - 0.1 * u.xx - source(p), [start, INSULATED])


@pytest.mark.parametrize("begin", [0.0, 1.0])
@pytest.mark.parametrize("width", [1e-2, 1e-4])
def test_a_short_source_is_seen(width: float, begin: float) -> None:
    found = pde.march(_pulse(width, begin), tolerance=1e-6)
    errors = found.errors(lambda p: begin + 0.5 * (1 + torch.erf((p.t - AT) / width)))
    assert found.outcome is pde.Outcome.CONVERGED and errors.relative < 1e-6


def test_breaks_and_a_longest_slab_are_kept() -> None:
    found = pde.march(_pulse(0.3), tolerance=1e-4, max_step=0.05, breaks=[0.25, 0.7])
    ends = np.array([slab.end for slab in found.slabs])
    assert max(slab.length for slab in found.slabs) <= 0.05 * (1 + 1e-9)
    assert all(np.abs(ends - at).min() < 1e-9 for at in (0.25, 0.7))


@pytest.mark.parametrize(("options", "words"), [({"max_step": 0}, "'max_step'"), ({"breaks": [2]}, "'breaks'")])
def test_times_that_cannot_be_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        pde.march(_pulse(0.1), **options)


def test_an_end_whose_value_jumps_up_fast() -> None:
    exact = lambda p: torch.tanh((p.t - AT) * 100) * p.x + p.x  # noqa: E731
    sides = [
        pde.Condition(ROD.face(x=0), lambda u, p: u.value),
        pde.Condition(ROD.face(x=1), lambda u, p: u.value - exact(p)),
    ]
    start = pde.Condition(ROD.face(t=0), lambda u, p: u.value - exact(p))
    left = lambda u, p: u.t - u.xx - 100 * p.x / torch.cosh((p.t - AT) * 100) ** 2  # noqa: E731
    found = pde.march(pde.Problem(ROD, left, [start, *sides]), tolerance=1e-5)
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(exact).relative < 1e-5


def test_a_front_between_insulated_ends_is_taken() -> None:
    """The first splines are too coarse for the front, and their derivative at the end is no reason to refuse it."""
    strip = pde.Box(t=(0, 1), x=(-1, 1))
    front = lambda p: 0.5 * (1 - torch.tanh((p.x + 0.5 - 0.5 * p.t) * 20))  # noqa: E731
    start = pde.Condition(strip.face(t=0), lambda u, p: u.value - front(p))
    flat = pde.Condition(strip.boundary("x"), lambda u, p: u.x)
    problem = pde.Problem(strip, lambda u, p: u.t + u.value * u.x - u.xx / 80, [start, flat])
    found = pde.march(problem, tolerance=1e-5)
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(front).relative < 1e-5


def test_a_front_between_insulated_edges_is_taken() -> None:
    box = pde.Box(t=(0, 0.05), x=(-1, 1), y=(0, 1))
    start = pde.Condition(box.face(t=0), lambda u, p: u.value - 0.5 * (1 - torch.tanh((p.x + 0.3) / 0.08)))
    sides = [pde.Condition(box.boundary("x"), lambda u, p: u.x), pde.Condition(box.boundary("y"), lambda u, p: u.y)]
    found = pde.march(pde.Problem(box, lambda u, p: u.t - 0.02 * (u.xx + u.yy), [start, *sides]), tolerance=1e-3)
    assert found.outcome is pde.Outcome.CONVERGED


def test_one_level_has_an_estimate_of_its_error() -> None:
    start = pde.Condition(ROD.face(t=0), lambda u, p: u.value - torch.cos(math.pi * p.x))
    problem = pde.Problem(ROD, lambda u, p: u.t - 0.1 * u.xx, [start, INSULATED])
    first = pde.march(problem, tolerance=1e-3)
    spent = first.history[0].steps * first.history[0].cells
    found = pde.march(problem, tolerance=1e-8, effort=max(1, 0.9 * spent))
    assert len(found.history) == 1 and found.outcome is pde.Outcome.EFFORT_SPENT
    exact = lambda p: torch.exp(-0.1 * math.pi**2 * p.t) * torch.cos(math.pi * p.x)  # noqa: E731
    assert found.errors(exact).relative < found.error < 0.1
