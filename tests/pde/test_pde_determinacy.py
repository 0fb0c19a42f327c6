"""Whether a problem has a solution, and one only: what `solve` and `march` say, and which condition they name."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise import pde

PI = math.pi
LINE = pde.Box(x=(0, 1))
SQUARE = pde.Box(x=(0, 1), y=(0, 1))
ROD = pde.Box(t=(0, 1), x=(0, 1))


def _zero(u: Any, p: Any) -> torch.Tensor:
    return u.value


def _flat(u: Any, p: Any) -> torch.Tensor:
    return u.x


ENDS, LEFT = pde.Condition(LINE.boundary(), _zero), pde.Condition(LINE.face(x=0), _zero)
EDGES = pde.Condition(SQUARE.boundary(), _zero)
INSULATED = pde.Condition(SQUARE.boundary(), lambda u, p: p.nx * u.x + p.ny * u.y)
START = pde.Condition(ROD.face(t=0), lambda u, p: u.value - torch.sin(PI * p.x))
COLD = pde.Condition(ROD.boundary("x"), _zero)


def _line(residual: Any, *conditions: pde.Condition) -> pde.Problem:
    return pde.Problem(LINE, residual, conditions)


@pytest.mark.parametrize(
    ("problem", "tolerance"),
    [
        (_line(lambda u, p: u.xx + 3.52 * torch.exp(u.value), ENDS), 1e-4),  # Bratu's equation beyond its fold
        (_line(lambda u, p: u.xx - 1, pde.Condition(LINE.boundary(), _flat)), 1e-5),
        (_line(lambda u, p: u.xx - 1, pde.Condition(LINE.boundary(), _flat)), 1e-8),
        (_line(lambda u, p: u.xx + PI**2 * u.value - 1, ENDS), 1e-5),  # resonance
    ],
)
def test_without_a_solution_none_is_claimed(problem: pde.Problem, tolerance: float) -> None:
    found = pde.solve(problem, tolerance=tolerance)
    assert found.outcome is pde.Outcome.NO_SOLUTION
    assert found.error == math.inf


@pytest.mark.parametrize(
    ("residual", "edges", "outcome"),
    [
        (lambda u, p: u.xx + u.yy - 1, INSULATED, "NO_SOLUTION"),
        (lambda u, p: u.xx + u.yy - torch.cos(PI * p.x), INSULATED, "UNDETERMINED"),
        (lambda u, p: u.xx + u.yy + 5 * PI**2 * u.value - torch.sin(2 * PI * p.x) * torch.sin(PI * p.y), EDGES,
         "NO_SOLUTION"),
        (lambda u, p: u.xx + u.yy + 1, pde.Condition(SQUARE.boundary("x"), _zero), "UNDETERMINED"),
        (lambda u, p: u.xx + u.yy + 1, EDGES, "CONVERGED"),
    ],
)  # fmt: skip
def test_the_same_on_a_square(residual: Any, edges: pde.Condition, outcome: str) -> None:
    found = pde.solve(pde.Problem(SQUARE, residual, [edges]), tolerance=1e-3)
    assert found.outcome.name == outcome


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (_line(lambda u, p: u.xx + 1, LEFT), "One condition is missing for the unknown, for instance at x = 1"),
        (_line(lambda u, p: u.xx + 1), "Conditions are missing for the unknown"),
        (_line(lambda u, p: u.xx - torch.cos(PI * p.x), pde.Condition(LINE.boundary(), _flat)), "a constant can be"),
        (_line(lambda u, p: u.xx + u.value**3 - 1, LEFT), "for instance at x = 1"),  # not linear
        (pde.Problem(LINE, lambda u, p: (u[0].x - u[1].value, u[1].x + u[0].value),
                     [pde.Condition(LINE.face(x=0), lambda u, p: u[0].value - 1)], unknowns=2), "One condition"),
        (pde.Problem(LINE, lambda u, p: u.xx + u.x, ansatz=lambda n, p: 1 + p.x * n), "for instance at x = 1"),
    ],
)  # fmt: skip
def test_a_missing_condition_is_named(problem: pde.Problem, advice: str) -> None:
    found = pde.solve(problem, tolerance=1e-6)
    assert found.outcome is pde.Outcome.UNDETERMINED
    assert advice in found.advice and advice in repr(found)


def test_the_advice_is_saved_and_reported(tmp_path: Any) -> None:
    problem = _line(lambda u, p: u.xx + 1, LEFT)
    found = pde.solve(problem, tolerance=1e-6)
    found.save(tmp_path / "found.safetensors")
    assert pde.load(tmp_path / "found.safetensors", problem).advice == found.advice
    assert found.advice in found.report(tmp_path / "found.html").read_text(encoding="utf-8")


def test_a_condition_too_many_is_named() -> None:
    more = pde.Condition(LINE.face(x=0), _flat)
    found = pde.solve(_line(lambda u, p: u.xx + 1, ENDS, more))
    assert found.outcome is pde.Outcome.NO_SOLUTION
    assert "one condition too many: without that at x = 0 or at x = 1 there is a solution" in found.advice


def test_a_condition_too_many_that_agrees_is_none_too_many() -> None:
    more = pde.Condition(LINE.face(x=0), lambda u, p: u.x - 0.5)
    found = pde.solve(_line(lambda u, p: u.xx + 1, ENDS, more))
    assert found.outcome is pde.Outcome.CONVERGED and not found.advice


@pytest.mark.parametrize(
    "problem",
    [
        _line(lambda u, p: -1e-3 * u.xx + u.x - 1, ENDS),  # a layer that looks as if one condition were too many
        _line(lambda u, p: u.xx + torch.exp(-(((p.x - 0.3) / 1e-3) ** 2)), ENDS),
        _line(lambda u, p: u.xx + 2500 * u.value, pde.Condition(LINE.face(x=0), lambda u, p: (u.value - 1, u.x))),
        _line(lambda u, p: u.xx + (1.001 * PI) ** 2 * u.value - 1, ENDS),  # near resonance
        _line(lambda u, p: u.xx + 3.51 * torch.exp(u.value), ENDS),  # near the fold
    ],
)
def test_hard_problems_with_one_solution_are_not_said_to_have_none_or_many(problem: pde.Problem) -> None:
    found = pde.solve(problem, tolerance=1e-5)
    assert found.outcome not in (pde.Outcome.NO_SOLUTION, pde.Outcome.UNDETERMINED)


def test_an_estimate_that_says_nothing_is_not_small() -> None:
    """Two answers that are no solutions may be alike, as are those of a layer that is as thin as rounding."""
    found = pde.solve(_line(lambda u, p: -1e-9 * u.xx + u.x - 1, ENDS))
    assert found.outcome is pde.Outcome.UNRESOLVED and found.error >= 1


@pytest.mark.parametrize(
    ("residual", "conditions", "words"),
    [
        (lambda u, p: u.t + u.x, [START, COLD], "too many conditions at the ends of x. .* at x = 0 or at x = 1"),
        (lambda u, p: u.t - u.xx, [START, pde.Condition(ROD.face(x=0), _zero)], "too few .* for instance at x = 1"),
        (lambda u, p: u.t - u.xx, [START, COLD, pde.Condition(ROD.face(x=1), lambda u, p: u.x + PI)], "too many"),
    ],
)
def test_march_says_which_condition(residual: Any, conditions: list[pde.Condition], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        pde.march(pde.Problem(ROD, residual, conditions), tolerance=1e-4)
