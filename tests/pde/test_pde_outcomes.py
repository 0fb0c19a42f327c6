"""What `solve` says about its solutions: estimated errors next to true ones, and no success that is none."""

from __future__ import annotations

import math

import pytest
import torch

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)
SQUARE = pde.Box(x=(-1, 1), y=(-1, 1))


def _exact(p):
    return torch.sin(math.pi * p.x) * torch.sin(math.pi * p.y**2)


def _poisson() -> pde.Problem:
    def load(p):
        bent = -(math.pi**2) * (1 + 4 * p.y**2) * torch.sin(math.pi * p.x) * torch.sin(math.pi * p.y**2)
        return bent + 2 * math.pi * torch.sin(math.pi * p.x) * torch.cos(math.pi * p.y**2)

    edge = pde.Condition(SQUARE.boundary(), lambda u, p: u.value, weight=1000)
    return pde.Problem(SQUARE, lambda u, p: u.xx + u.yy - load(p), [edge])


def _decay() -> pde.Problem:
    return pde.Problem(pde.Box(x=(0, 1)), lambda u, p: u.x - u.value**2, ansatz=lambda n, p: 0.5 + p.x * n)


def _swing() -> pde.Problem:
    at = torch.linspace(0, 3, 20, dtype=torch.float64).unsqueeze(1)
    known = [pde.measured(at, torch.sin(1.5 * at[:, 0]))]
    return pde.Problem(pde.Box(x=(0, 3)), lambda u, p, c: u.xx + c.k * u.value, known, constants={"k": 1.0})


@pytest.mark.parametrize(
    ("problem", "exact", "model"),
    [
        (_poisson(), _exact, pde.products(2, 2)),
        (_poisson(), _exact, ew.KAN([2, 2, 1], degree=5, base=None)),
        (_decay(), lambda p: 1 / (2 - p.x), None),
        (_swing(), lambda p: torch.sin(1.5 * p.x), None),
    ],
)
def test_the_estimated_error_is_near_the_true_one(problem, exact, model) -> None:
    found = pde.solve(problem, model, grids=[4], steps=20, options=ONCE)
    assert 0.2 < found.error / found.errors(exact).relative < 5
    assert found.outcome.name != "CONVERGED" or found.errors(exact).relative < 1e-7


def test_a_smooth_solution_converges() -> None:
    found = pde.solve(_decay())
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(lambda p: 1 / (2 - p.x)).relative < 1e-8
    assert found.residual < 1e-5
    assert "error=" in repr(found)


@pytest.mark.parametrize(
    "more",
    [
        {"grids": [3], "steps": 3},
        pytest.param({"grids": [3], "points": 50, "steps": 10}, marks=pytest.mark.slow),
        {"grids": [4], "steps": 60, "options": ew.Options(restarts=1, time_limit=0.2)},
    ],
)
def test_poor_settings_never_claim_success(more) -> None:
    """Burgers' equation with a shock that a coarse grid cannot hold."""
    strip = pde.Box(t=(0, 1), x=(-1, 1))

    def whole(n, p):
        return -torch.sin(math.pi * p.x) + p.t * (1 - p.x**2) * n

    burgers = pde.Problem(strip, lambda u, p: u.t + u.value * u.x - 0.01 / math.pi * u.xx, ansatz=whole)
    found = pde.solve(burgers, ew.KAN([2, 2, 1], degree=5, base=None), **({"options": ONCE} | more))
    assert found.outcome.name in {"UNRESOLVED", "OVERFIT", "GRIDS_DONE", "TIME_LIMIT"}
    assert found.error > 1e-3


def test_a_product_of_sines_in_five_dimensions() -> None:
    box = pde.Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 1), e=(0, 1))

    def waves(p):
        return math.prod((torch.sin(math.pi * getattr(p, name)) for name in box.names), start=1.0)

    def whole(n, p):
        return math.prod((4 * getattr(p, name) * (1 - getattr(p, name)) for name in box.names), start=n)

    problem = pde.Problem(
        box, lambda u, p: sum(u.d(name, name) for name in box.names) + 5 * math.pi**2 * waves(p), ansatz=whole
    )
    found = pde.solve(problem, pde.products(5, 1), grids=[4], steps=20, options=ONCE)
    assert found.errors(waves).relative < 1e-6


def test_products_refuse_one_coordinate() -> None:
    with pytest.raises(ew.InputError, match="at least 2"):
        pde.products(1, 3)
    with pytest.raises(ew.InputError, match="terms"):
        pde.products(2, 0)
    with pytest.raises(ew.InputError, match="tolerance"):
        pde.solve(_decay(), tolerance=0)


def test_a_line_whose_terms_are_rounding_alone_is_solved() -> None:
    """Nothing is left of u'' but rounding, as large as its one term."""
    x = pde.Box(x=(0, 1))
    ends = pde.Condition(x.boundary(), lambda u, p: u.value - p.x)
    found = pde.solve(pde.Problem(x, lambda u, p: u.xx, [ends]), grids=[3])
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(lambda p: p.x).relative < 1e-14
