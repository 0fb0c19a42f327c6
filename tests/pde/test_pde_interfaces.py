"""Interfaces inside a domain: one function on each side, joined as stated."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import edgewise as ew
from edgewise import pde

WALL, SQUARE = pde.Box(x=(0, 1)), pde.Box(x=(-1, 1), y=(-1, 1))
LEFT, DISK = pde.Box(x=(-1, 0.5)), pde.Disk(x=0.1, y=0.05, radius=0.5)


def along(u, p):
    return p.nx * u.x + p.ny * u.y


def wall(residual=lambda u, v, p: (u.value - v.value, 10 * u.x - v.x), **options) -> pde.Problem:
    k = LEFT.piecewise(10.0, 1.0)
    ends = pde.Condition(WALL.boundary(), lambda u, p: u.value - p.x)
    return pde.Problem(WALL, lambda u, p: k(p) * u.xx, [ends, pde.Interface(LEFT, residual)], **options)


def test_a_wall_of_two_layers() -> None:
    found = pde.solve(wall())
    assert found.outcome is pde.Outcome.CONVERGED
    assert found([[0.25], [0.5], [0.75]]).tolist() == pytest.approx([1 / 22, 1 / 11, 6 / 11], abs=1e-11)


def test_a_contact_that_resists() -> None:
    """The flux is twice the jump, as of three resistances in a row: 1/20, 1/2 and 1/2."""
    found = pde.solve(wall(lambda u, v, p: (10 * u.x - v.x, v.x - 2 * (v.value - u.value))))
    left, right = (found([[place]]).item() for place in (0.5, 0.5 + 1e-9))
    slope = 1 / (0.05 + 0.5 + 0.5)
    assert (left, right) == pytest.approx((slope / 20, 1 - slope / 2), abs=1e-8)


def jump_across_a_circle(p: SimpleNamespace) -> torch.Tensor:
    r2 = (p.x - 0.1) ** 2 + (p.y - 0.05) ** 2
    return torch.where(r2 <= 0.25, torch.cos(r2) / 100, torch.cos(r2) - 0.99 * math.cos(0.25))


def test_a_coefficient_that_jumps_across_a_circle() -> None:
    k = DISK.piecewise(100.0, 1.0)

    def equation(u, p):
        r2 = (p.x - 0.1) ** 2 + (p.y - 0.05) ** 2
        return k(p) * (u.xx + u.yy) + 4 * torch.sin(r2) + 4 * r2 * torch.cos(r2)

    rim = pde.Condition(SQUARE.boundary(), lambda u, p: u.value - jump_across_a_circle(p))
    meet = pde.Interface(DISK, lambda u, v, p: (u.value - v.value, 100 * along(u, p) - along(v, p)))
    found = pde.solve(pde.Problem(SQUARE, equation, [rim, meet]))
    assert found.outcome is pde.Outcome.CONVERGED
    points = SQUARE.points(2000, seed=9)
    true = jump_across_a_circle(SimpleNamespace(x=points[:, 0], y=points[:, 1]))
    error = float((found(points) - true).norm() / true.norm())
    assert error < 1e-7 and error < 10 * found.error


def test_complex_unknowns_meet_as_well() -> None:
    """A wave that enters a denser half: its reflection by Fresnel's formula for a slab that ends in the same."""
    problem = pde.Problem(
        WALL,
        lambda u, p: u.xx + LEFT.piecewise(25.0, 100.0)(p) * u.value,
        [
            pde.Condition(WALL.face(x=0), lambda u, p: u.x + 5j * u.value - 10j),
            pde.Condition(WALL.face(x=1), lambda u, p: u.x - 10j * u.value),
            pde.Interface(LEFT, lambda u, v, p: (u.value - v.value, u.x - v.x)),
        ],
        complex=True,
    )
    reflected = (5 - 10) / (5 + 10) * torch.exp(torch.tensor(5j))  # twice over half a unit
    assert complex(pde.solve(problem)([[0.0]]).item()) == pytest.approx(complex(1 + reflected), abs=1e-6)


def test_a_free_constant_is_named() -> None:
    free = pde.Condition(WALL.boundary(), lambda u, p: u.x)
    meet = pde.Interface(LEFT, lambda u, v, p: (u.value - v.value, u.x - v.x))
    found = pde.solve(pde.Problem(WALL, lambda u, p: u.xx - p.x + 0.5, [free, meet]))
    assert found.outcome is pde.Outcome.UNDETERMINED
    assert "a constant can be added" in found.advice


def test_a_solution_is_saved_with_its_pieces(tmp_path: Path) -> None:
    found = pde.solve(wall())
    found.save(tmp_path / "wall.safetensors")
    points = WALL.points(50)
    assert torch.equal(pde.load(tmp_path / "wall.safetensors", wall())(points), found(points))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.Interface(WALL.face(x=0), lambda u, v, p: u.value), "bounds a region"),
        (lambda: pde.Interface(LEFT, lambda u, v, p: u.value, weight=0), "must be a number > 0"),
        (
            lambda: pde.solve(pde.Problem(WALL, lambda u, p: u.xx, [pde.Interface(DISK, lambda u, v, p: u.x)])),
            "Got x, y",
        ),
        (
            lambda: pde.solve(pde.Problem(WALL, lambda u, p: u.xx, [pde.Interface(WALL, lambda u, v, p: u.x)])),
            "not inside the domain",
        ),
        (lambda: pde.march(pde.Problem(pde.Box(t=(0, 1), x=(0, 1)), lambda u, p: u.t - u.xx,
                                       [pde.Interface(pde.Box(t=(0, 1), x=(0, 0.5)), lambda u, v, p: u.x - v.x)])),
         "use solve"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


@pytest.mark.parametrize("domain", [WALL, SQUARE, DISK], ids=repr)
def test_a_straight_line_is_a_solution(domain: pde.Domain) -> None:
    """All terms of the equation are zero, and what rounding leaves of them is no doubt."""

    def equation(u, p):
        return u.xx if len(domain.names) == 1 else u.xx + u.yy

    found = pde.solve(pde.Problem(domain, equation, [pde.Condition(domain.boundary(), lambda u, p: u.value - p.x)]))
    points = domain.points(100)
    assert found.outcome is pde.Outcome.CONVERGED
    assert float((found(points) - points[:, 0]).abs().max()) < 1e-11


def test_a_problem_tells_the_derivatives_that_its_interfaces_read() -> None:
    assert {(), (0,), (0, 0)} <= set(wall().orders)


def ends(name: str = "x", domain: pde.Domain = WALL) -> pde.Condition:
    return pde.Condition(domain.boundary(name), lambda u, p: u.value)


def test_a_load_that_jumps_is_met_where_it_does() -> None:
    load = pde.Box(x=(0, 0.3)).piecewise(1.0, 0.0)
    found = pde.solve(pde.Problem(WALL, lambda u, p: u.xx + load(p), [ends()]))
    assert found.outcome is pde.Outcome.CONVERGED
    x = torch.linspace(0, 1, 101, dtype=torch.float64)
    slope = 0.3 - 0.3**2 / 2
    true = torch.where(x < 0.3, slope * x - x**2 / 2, 0.3**2 / 2 * (1 - x))
    assert (found(x[:, None]) - true).abs().max() < 1e-9


def test_a_load_that_jumps_across_one_coordinate_of_two() -> None:
    below = pde.Box(x=(-1, 0.2), y=(-1, 1)).piecewise(3.0, -1.0)

    def true(p):
        return (below(p) * (p.x - 0.2) ** 2 + p.x) * torch.sin(p.y)

    def equation(u, p):
        return u.xx + u.yy - 2 * below(p) * torch.sin(p.y) + true(p)

    rim = pde.Condition(SQUARE.boundary(), lambda u, p: u.value - true(p))
    found = pde.solve(pde.Problem(SQUARE, equation, [rim]))
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.errors(true).relative < 1e-8


def test_a_beam_keeps_its_moment_and_force_where_the_load_jumps() -> None:
    load = pde.Box(x=(0, 0.5)).piecewise(1.0, 0.0)
    clamped = pde.Condition(WALL.boundary(), lambda u, p: (u.value, u.x))
    found = pde.solve(pde.Problem(WALL, lambda u, p: u.d("x", "x", "x", "x") - load(p), [clamped]))
    assert found.outcome is pde.Outcome.CONVERGED
    middle = 1 / 768  # half of what a load of all its length bends it, 1/384
    assert found([[0.5]]).item() == pytest.approx(middle, rel=1e-9)


def test_a_coefficient_of_the_unknown_that_jumps() -> None:
    k = pde.Box(x=(0, 0.5)).piecewise(4.0, 1.0)
    held = pde.Condition(WALL.boundary(), lambda u, p: u.value - 1)
    found = pde.solve(pde.Problem(WALL, lambda u, p: u.xx - k(p) * u.value, [held]))
    assert found.outcome is pde.Outcome.CONVERGED
    below, above = (found.at([[place]]) for place in (0.5 - 1e-9, 0.5 + 1e-9))
    assert below.x.item() == pytest.approx(above.x.item(), abs=1e-7)
    assert below.xx.item() == pytest.approx(4 * above.xx.item(), rel=1e-6)


def test_no_side_is_taken_for_highest_coefficients_that_jump() -> None:
    """Whether fluxes or slopes go on, the equation at points does not say."""
    k = pde.Box(x=(0, 0.5)).piecewise(10.0, 1.0)
    found = pde.solve(pde.Problem(WALL, lambda u, p: k(p) * u.xx + 1, [ends()]))
    assert found.outcome is not pde.Outcome.CONVERGED
    line = pde.solve(
        pde.Problem(WALL, lambda u, p: k(p) * u.xx, [pde.Condition(WALL.boundary(), lambda u, p: u.value - p.x)])
    )
    assert line.outcome is pde.Outcome.UNRESOLVED and "jumps at x = 0.5" in line.advice
