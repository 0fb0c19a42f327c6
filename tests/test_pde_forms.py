"""Forms of problems: integrals, tables, branches, complex unknowns, and weak forms."""

from __future__ import annotations

import math

import pytest
import torch

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)
LINE = pde.Box(x=(0, 1))
SQUARE = pde.Box(x=(0, 1), y=(-1, 2))


@pytest.mark.parametrize(
    ("where", "integrand", "expected", "near"),
    [
        (LINE, lambda p: p.x**5, 1 / 6, 1e-13),
        (SQUARE, lambda p: p.x**3 * p.y**4, 0.25 * 33 / 5, 1e-12),
        (pde.Disk(x=1, y=0, radius=2), lambda p: p.x**2, math.pi * 2**4 / 4 + math.pi * 4, 1e-11),
        (pde.Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 2)), lambda p: p.a * p.d**3, 2.0, 1e-12),
        (SQUARE - pde.Disk(x=0.5, y=0.5, radius=0.4), lambda p: 1 + 0 * p.x, 3 - 0.16 * math.pi, 2e-2),
        (SQUARE.face(x=1), lambda p: p.y**2, 3.0, 1e-12),
        (LINE.boundary(), lambda p: 1 + p.x, 3.0, 1e-14),
        (pde.Disk(x=1, y=0, radius=2).boundary(), lambda p: p.x, 4 * math.pi, 1e-11),
    ],
)
def test_a_quadrature_is_that_of_the_integral(where, integrand, expected: float, near: float) -> None:
    condition = pde.Integral(where, lambda u, p: integrand(p), equals=expected)
    points, weights = condition.rule
    domain = where if isinstance(where, pde.Domain) else getattr(where, "box", getattr(where, "domain", None))
    at = pde.Jet.coordinates(points, domain.names)
    assert float(weights @ integrand(type("P", (), {k: v.value for k, v in at.items()}))) == pytest.approx(
        expected, abs=near
    )


def test_an_integral_fixes_what_the_equation_leaves_open() -> None:
    """Only the integral says which of the solutions u + constant it is, and the estimated error knows that."""
    slopes = pde.Condition(LINE.boundary(), lambda u, p: u.x)
    mean = pde.Integral(LINE, lambda u, p: u.value, equals=2)
    problem = pde.Problem(LINE, lambda u, p: u.xx + math.pi**2 * torch.cos(math.pi * p.x), [slopes, mean])
    found = pde.solve(problem, grids=[4], options=ONCE)
    true = found.errors(lambda p: 2 + torch.cos(math.pi * p.x)).relative
    assert true < 1e-5
    assert found.error == pytest.approx(true, rel=0.5)


def test_a_state_of_the_oscillator_near_an_energy() -> None:
    line = pde.Box(x=(-7, 7))
    whole = [
        pde.Condition(line.boundary(), lambda u, p, *c: u.value),
        pde.Integral(line, lambda u, p, *c: u.value**2, equals=1),
    ]
    near = pde.Problem(line, lambda u, p: 0.5 * (p.x**2 * u.value - u.xx) - 1.4 * u.value, whole)
    guess = pde.solve(near, grids=[16], options=ONCE)
    free = pde.Problem(line, lambda u, p, c: 0.5 * (p.x**2 * u.value - u.xx) - c.E * u.value, whole, constants={"E": 1})
    found = pde.solve(free, start=guess, grids=[24], options=ONCE)
    assert found.constants["E"] == pytest.approx(1.5, abs=1e-4)
    points, weights = whole[1].rule
    assert float(weights @ found(points) ** 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.Integral(torch.zeros(3, 1), lambda u, p: u.value), "over a domain or a boundary"),  # type: ignore[arg-type]
        (lambda: pde.Integral(LINE, lambda u, p: u.value, equals=math.nan), "'equals'"),
        (lambda: pde.Integral(LINE, lambda u, p: u.value, weight=-1), "weight"),
        (lambda: pde.Integral(LINE, lambda u, p: u.value, nodes=0), "'nodes'"),
        (lambda: pde.Integral(LINE, lambda u, p: u.value, also=LINE.face(x=0)), "'also'"),
        (lambda: pde.march(_strip(pde.Integral(SQUARE, lambda u, p: u.value)), time="y"), "no integral"),
        (lambda: pde.solve(pde.Problem(LINE, lambda u, p: u.xx), start=3), "'start'"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


def _strip(condition: pde.Condition) -> pde.Problem:
    return pde.Problem(SQUARE, lambda u, p: u.y - u.xx, [condition])
