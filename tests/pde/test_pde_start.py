"""Where solving starts, where solutions are known, and what exact solutions may be made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise import pde

LINE = pde.Box(x=(0, 1))
SQUARE = pde.Box(x=(0, 1), y=(0, 1))


def _logarithm(box: pde.Box, residual: Any) -> pde.Problem:
    return pde.Problem(box, residual, [pde.Condition(box.boundary(), lambda u, p: u.value - 2)])


@pytest.mark.parametrize(
    "problem",
    [
        _logarithm(LINE, lambda u, p: u.xx + torch.log(u.value)),
        _logarithm(SQUARE, lambda u, p: u.xx + u.yy + torch.log(u.value)),
    ],
)
def test_an_equation_that_is_not_finite_at_zero_starts_elsewhere(problem: pde.Problem) -> None:
    with pytest.raises(ew.InputError, match="not finite where solving starts"):
        pde.solve(problem, tolerance=1e-5)
    found = pde.solve(problem, tolerance=1e-5, start=lambda p: 2 + 0 * p.x)
    assert found.outcome is pde.Outcome.CONVERGED


def test_a_start_chooses_one_of_two_solutions() -> None:
    ends = pde.Condition(LINE.boundary(), lambda u, p: u.value)
    problem = pde.Problem(LINE, lambda u, p: u.xx + torch.exp(u.value), [ends])
    low, high = pde.solve(problem), pde.solve(problem, start=lambda p: 16 * p.x * (1 - p.x))
    assert low.outcome is high.outcome is pde.Outcome.CONVERGED
    assert low([[0.5]]).item() == pytest.approx(0.1405, abs=1e-3)
    assert high([[0.5]]).item() == pytest.approx(4.0914, abs=1e-3)


def test_a_start_that_is_none_is_refused() -> None:
    problem = _logarithm(LINE, lambda u, p: u.xx + u.value)
    for start, words in ((3.0, "or a function of p"), (lambda p: (p.x, p.x), "must give 1 unknowns. Got 2")):
        with pytest.raises(ew.InputError, match=words):
            pde.solve(problem, start=start)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def parabola() -> pde.Solution:
    ends = pde.Condition(LINE.boundary(), lambda u, p: u.value)
    return pde.solve(pde.Problem(LINE, lambda u, p: u.xx + 2, [ends]))


def test_values_outside_the_domain_are_an_error(parabola: pde.Solution) -> None:
    with pytest.raises(ew.InputError, match=r"known for x from 0 to 1\. Got x=3"):
        parabola([[0.5], [3.0]])
    assert parabola([[0.0], [1.0]]).abs().max() < 1e-12


def test_a_march_is_known_until_the_time_that_it_reached() -> None:
    box = pde.Box(t=(0, 1), x=(0, 1))
    start = pde.Condition(box.face(t=0), lambda u, p: u.value - 2 - torch.cos(torch.pi * p.x))
    sides = pde.Condition(box.boundary("x"), lambda u, p: u.x)
    found = pde.march(pde.Problem(box, lambda u, p: u.t - u.value**2, [start, sides]), tolerance=1e-2, effort=5e3)
    assert found.reached < 0.34
    with pytest.raises(ew.InputError, match=r"known for t from 0 to 0.3"):
        found([[0.9, 0.5]])


def test_exact_solutions_may_use_any_function_of_torch(parabola: pde.Solution) -> None:
    errors = parabola.errors(lambda p: torch.clamp(p.x * (1 - p.x), min=0))
    assert errors.relative < 1e-10 and errors.h1 < 1e-9
    assert errors == pytest.approx(parabola.errors(lambda p: p.x * (1 - p.x)), abs=1e-12)
