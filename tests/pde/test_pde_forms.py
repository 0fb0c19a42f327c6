"""Forms of problems: integrals, tables, branches, complex unknowns, and weak forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)
LINE = pde.Box(x=(0, 1))
SQUARE = pde.Box(x=(0, 1), y=(-1, 2))
BALL = pde.Ball(x=0, y=0, z=0, radius=1)
APART = math.sqrt(0.38)
LENS = math.pi * (2 - APART) ** 2 * (APART**2 + 4 * APART) / (12 * APART)  # of two unit balls so far apart


@pytest.mark.parametrize(
    ("where", "integrand", "expected", "near"),
    [
        (LINE, lambda p: p.x**5, 1 / 6, 1e-13),
        (SQUARE, lambda p: p.x**3 * p.y**4, 0.25 * 33 / 5, 1e-12),
        (pde.Disk(x=1, y=0, radius=2), lambda p: p.x**2, math.pi * 2**4 / 4 + math.pi * 4, 1e-11),
        (pde.Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 2)), lambda p: p.a * p.d**3, 2.0, 1e-12),
        (SQUARE - pde.Disk(x=0.5, y=0.5, radius=0.4), lambda p: 1 + 0 * p.x, 3 - 0.16 * math.pi, 1e-13),
        (pde.Disk(x=0, y=0, radius=1) - pde.Disk(x=0, y=0, radius=0.4), lambda p: p.x**2, 0.2436 * math.pi, 1e-12),
        (BALL - pde.Ball(x=0.1, y=0, z=0, radius=0.5), lambda p: 1 + 0 * p.x, 4 / 3 * 0.875 * math.pi, 1e-6),
        (BALL & pde.Ball(x=0.5, y=0.3, z=0.2, radius=1), lambda p: 1 + 0 * p.x, LENS, 3e-5),
        (SQUARE.face(x=1), lambda p: p.y**2, 3.0, 1e-12),
        (pde.Polygon(((0, 0), (1, 0), (0, 1))).boundary(), lambda p: p.x**2, (1 + math.sqrt(2)) / 3, 1e-6),
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


@pytest.mark.parametrize("began", [0.0, 0.9])
def test_integrals_of_the_unknown_inside_equations_are_constants(began: float) -> None:
    """Fredholm's equation of the second kind, and a boundary value problem whose source is its own mean."""
    unit, x = pde.Box(x=(0, 1)), torch.linspace(0, 1, 41, dtype=torch.float64).unsqueeze(1)
    fredholm = pde.Problem(
        unit, lambda u, p, c: u.value - torch.exp(p.x) + p.x - p.x * c.m,
        [pde.Integral(unit, lambda u, p, c: p.x * u.value - c.m)], constants={"m": began},
    )  # fmt: skip
    found = pde.solve(fredholm)
    assert found.outcome is pde.Outcome.CONVERGED
    assert (found.at(x).value - torch.exp(x[:, 0])).abs().max() < 1e-11
    own = pde.Problem(
        unit, lambda u, p, c: u.xx - c.m - p.x,
        [pde.Condition(unit.boundary(), lambda u, p, c: u.value), pde.Integral(unit, lambda u, p, c: u.value - c.m)],
        constants={"m": began},
    )  # fmt: skip
    assert pde.solve(own).constants["m"] == pytest.approx(-1 / 26, abs=1e-10)


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


X, Y = (torch.linspace(low, high, n, dtype=torch.float64) for low, high, n in ((0, 2, 60), (-1, 1, 50)))


def test_a_table_is_the_function_with_its_derivatives() -> None:
    at = torch.rand(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = pde.Jet.coordinates(at, "xy", [(0, 0, 1)])
    plane = pde.table((X, Y), torch.sin(X)[:, None] * torch.exp(Y))
    found, true = (f(p["x"] * p["y"] + 1, p["y"] ** 2) for f in (plane, lambda a, b: torch.sin(a) * torch.exp(b)))
    for order, part in true.parts.items():
        torch.testing.assert_close(found.parts[order], part, atol=1e-5, rtol=1e-5)
    line = pde.table(X, torch.sin(X), degree=7)
    torch.testing.assert_close(line(p["x"]).xx, -torch.sin(at[:, 0]), atol=1e-7, rtol=1e-7)
    torch.testing.assert_close(plane(p["x"], 0.5).xx, -torch.sin(at[:, 0]) * math.exp(0.5), atol=1e-5, rtol=1e-5)
    assert float(line(1.5)) == pytest.approx(math.sin(1.5), abs=1e-9)
    slope = torch.autograd.gradcheck(line, at[:, 0].clone().requires_grad_())
    assert slope and torch.autograd.gradgradcheck(line, at[:, 0].clone().requires_grad_())


def test_a_law_that_is_tabulated() -> None:
    """(k(u) u')' = 0 with k = 1 + u: u + u^2 / 2 is a line."""
    places = torch.linspace(0, 1, 30, dtype=torch.float64)
    law = pde.table(places, 1 + places, beyond="tangent")
    ends = pde.Condition(LINE.boundary(), lambda u, p: u.value - p.x, weight=1000)
    problem = pde.Problem(LINE, lambda u, p: law(u).x * u.x + law(u.value) * u.xx, [ends])
    found = pde.solve(problem, grids=[8], options=ONCE)
    assert found.errors(lambda p: torch.sqrt(1 + 3 * p.x) - 1).relative < 1e-4


def test_initial_values_that_are_tabulated() -> None:
    """Also those with abs of a function that has no kink inside."""
    rod = pde.Box(t=(0, 0.1), x=(0, math.pi))
    places = torch.linspace(0, math.pi, 40, dtype=torch.float64)
    half = pde.table(places, torch.sin(places) / 2, degree=7)
    begin = pde.Condition(rod.face(t=0), lambda u, p: u.value - half(p.x) - torch.abs(torch.sin(p.x)) / 2)
    ends = pde.Condition(rod.boundary("x"), lambda u, p: u.value)
    found = pde.march(pde.Problem(rod, lambda u, p: u.t - u.xx, [begin, ends]), tolerance=1e-3)
    assert found.errors(lambda p: torch.exp(-p.t) * torch.sin(p.x)).relative < 1e-4


ENDS = pde.Condition(LINE.boundary(), lambda u, p, *c: u.value)


def _bratu(a: float) -> pde.Problem:
    return pde.Problem(LINE, lambda u, p: u.xx + a * torch.exp(u.value), [ENDS])


def test_a_branch_ends_at_its_fold() -> None:
    """Bratu's problem has no solution beyond 3.51383."""
    branch = pde.continue_in(_bratu, [3, 4], points=100, steps=12, tolerance=1e-3, grids=[4], options=ONCE)
    assert branch.outcome is pde.Outcome.BRANCH_ENDED
    assert 3.49 < branch.reached < 3.514
    assert branch.values[0] == 3
    assert len(branch) == len(branch.frame()) and branch[-1].outcome.name == "CONVERGED"
    assert "BRANCH_ENDED" in repr(branch)


def test_a_branch_goes_around_its_fold_in_a_size_of_the_solution() -> None:
    def held(size: float) -> pde.Problem:
        top = pde.Condition(torch.tensor([[0.5]], dtype=torch.float64), lambda u, p, c: u.value - size)
        return pde.Problem(LINE, lambda u, p, c: u.xx + c.a * torch.exp(u.value), [ENDS, top], constants={"a": 1.0})

    branch = pde.continue_in(held, [0.4, 1.1868, 2], points=150, options=ONCE)
    assert branch.outcome is pde.Outcome.CONVERGED
    load = {value: found.constants["a"] for value, found in branch}
    assert load[1.1868] == pytest.approx(3.51383, abs=1e-4) and max(load[0.4], load[2]) < 3.2


def test_a_layer_is_reached_from_a_thick_one() -> None:
    def layer(e: float) -> pde.Problem:
        ends = [
            pde.Condition(LINE.face(x=0), lambda u, p: u.value + 7 / 6),
            pde.Condition(LINE.face(x=1), lambda u, p: u.value - 1.5),
        ]
        return pde.Problem(LINE, lambda u, p: e * u.xx + (u.x - 1) * u.value, ends)

    assert pde.solve(layer(0.002)).outcome is not pde.Outcome.CONVERGED
    branch = pde.continue_in(layer, [0.1, 0.0005], tolerance=1e-2, options=ONCE)
    assert branch.outcome is pde.Outcome.CONVERGED and len(branch) > 2
    left = branch[-1].at([[0.05], [0.6]])
    assert left.value.tolist() == pytest.approx([0.05 - 7 / 6, 1.1], abs=1e-2)  # both lines outside of the layer


def test_a_branch_ends_with_its_time() -> None:
    branch = pde.continue_in(_bratu, [1, 2], options=ew.Options(time_limit=1e-3, restarts=1))
    assert branch.outcome is pde.Outcome.TIME_LIMIT and branch.values == (1,)


def test_a_complex_unknown_by_conditions() -> None:
    """A wave that leaves at x = 1, its size measured, and its mean known: exp(3i x) and its double."""
    wave = torch.exp(torch.tensor(3j)).item()
    free = [
        pde.Condition(LINE.face(x=1), lambda u, p: tuple(p.nx * each.x - 3j * each.value for each in u)),
        pde.measured([[0.0]], [1.0]),
        pde.measured([[1.0]], [2 * wave], output=1),
        pde.Integral(LINE, lambda u, p: u[0].value - (wave - 1) / 3j),
    ]
    residual = lambda u, p: (u[0].xx + 9 * u[0].value, u[1].x - 3j * u[1].value)  # noqa: E731
    problem = pde.Problem(LINE, residual, free, unknowns=2, complex=True)
    found = pde.solve(problem, grids=[8], options=ONCE)
    assert found.errors(lambda p: torch.exp(3j * p.x)).relative < 1e-6
    assert found.errors(lambda p: 2 * torch.exp(3j * p.x), output=1).h1 < 1e-4
    assert found([[0.5]]).dtype == torch.complex128 and found([[0.5]]).shape == (1, 2)


def test_a_complex_unknown_by_an_ansatz(tmp_path: Path) -> None:
    problem = pde.Problem(LINE, lambda u, p: u.x - 2j * u.value, ansatz=lambda n, p: 1 + p.x * n, complex=True)
    found = pde.solve(problem, ew.KAN([1, 2], degree=5), grids=[8], options=ONCE)
    assert found.errors(lambda p: torch.cos(2 * p.x) + 1j * torch.sin(2 * p.x)).relative < 1e-6
    u = found.at([[0.3]])
    assert float((u * u.conj()).real.x) == pytest.approx(0, abs=1e-4)
    assert float(u.imag.value) == pytest.approx(math.sin(0.6), abs=1e-6)
    found.save(tmp_path / "wave.safetensors")
    assert torch.equal(pde.load(tmp_path / "wave.safetensors", problem)([[0.3]]), found([[0.3]]))
    with pytest.raises(ew.InputError, match="no derivatives"):
        torch.abs(u)


def test_a_packet_that_spreads() -> None:
    strip = pde.Box(t=(0, 0.05), x=(-7, 7))
    begin = pde.Condition(strip.face(t=0), lambda h, p: h.value - torch.exp(2j * p.x - p.x**2 / 2))
    free = pde.Problem(strip, lambda h, p: 1j * h.t + 0.5 * h.xx, [begin, pde.periodic(strip, "x")], complex=True)
    found = pde.march(free, tolerance=1e-3)

    def packet(p):
        return torch.exp(-((p.x - 2j) ** 2) / (2 + 2j * p.t) - 2) * (1 + 1j * p.t) ** -0.5

    assert found.errors(packet).relative < 1e-3
    both = found.on_grid(np.array([0.05]), np.array([0.5])).item(), found([[0.05, 0.5]]).item()
    assert both[0] == pytest.approx(both[1], abs=1e-12) and abs(both[0].imag) > 0.1


def _stiff(p):
    return torch.where(p.x < 0.5, 1.0, 10.0).double()


def test_a_bar_of_two_materials() -> None:
    """k u' is constant, and u' jumps: an edge |x - 0.5| represents it, and only the weak form finds it."""
    held = pde.Condition(LINE.boundary(), lambda u, p: u.value - p.x)
    bar = pde.Problem(LINE, pde.Weak(lambda u, v, p: _stiff(p) * u.x * v.x, breaks={"x": [0.5]}), [held])
    kinked = ew.nn.set_function(ew.KAN([1, 2, 1], degree=5, base=None), 0, 1, 0, "abs", affine=(1.0, -0.5, 1.0, 0.0))
    found = pde.solve(bar, ew.nn.lock(kinked, [(0, 1, 0)]), grids=[2], steps=20, options=ONCE)

    def exact(p):
        return (0.5 + 0.55 * (p.x - 0.5) - 0.45 * torch.abs(p.x - 0.5)) / 0.55

    assert found.errors(exact).h1 < 1e-8
    assert found.outcome.name == "CONVERGED"
    strong = pde.solve(pde.Problem(LINE, lambda u, p: _stiff(p) * u.xx, [held]), grids=[8], options=ONCE)
    assert strong.errors(exact).relative > 0.1 and strong.outcome.name == "UNRESOLVED"


@pytest.mark.parametrize("breaks", [{"x": [0.4]}, {}])
def test_a_wall_of_two_layers_is_solved_from_its_weak_form(breaks, tmp_path: Path) -> None:
    """-(k u')' = 1 with k = 1 and 5: two parabolas. Jumps are seen where they are not told."""
    form = pde.Weak(lambda u, v, p: torch.where(p.x < 0.4, 1.0, 5.0) * u.x * v.x - v.value, breaks=breaks)
    wall = pde.Problem(LINE, form, [pde.Condition(LINE.boundary(), lambda u, p: u.value)])
    flux = (0.4 * 0.4 / 2 + 0.6 * 1.4 / 10) / (0.4 + 0.6 / 5)

    def exact(p):
        return torch.where(p.x < 0.4, flux * p.x - p.x**2 / 2, (flux * (p.x - 1) - (p.x**2 - 1) / 2) / 5)

    found = pde.solve(wall)
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(exact).relative < 1e-10
    found.save(tmp_path / "wall.safetensors")
    again = pde.load(tmp_path / "wall.safetensors", wall)
    assert torch.equal(again([[0.2], [0.7]]), found([[0.2], [0.7]]))


def test_a_weak_form_goes_on_from_its_solution() -> None:
    def wall(load: float) -> pde.Problem:
        form = pde.Weak(lambda u, v, p: torch.where(p.x < 0.4, 1.0, 5.0) * u.x * v.x - load * v.value)
        return pde.Problem(LINE, form, [pde.Condition(LINE.boundary(), lambda u, p: u.value)])

    first = pde.solve(wall(1.0))
    twice = pde.solve(wall(2.0), start=first)
    branch = pde.continue_in(wall, [1, 2])
    for found in (twice, branch[-1]):
        assert found.outcome is pde.Outcome.CONVERGED
        assert found([[0.3]]).item() == pytest.approx(2 * first([[0.3]]).item(), rel=1e-9)


@pytest.mark.parametrize("detached", [False, True])
def test_a_weak_form_of_which_torch_sees_no_derivative_is_left_to_networks(detached: bool) -> None:
    """-((1 + x^2) u')' = 1: the term 2 x u' is missing where the derivative of the coefficient is."""

    def stiff(p):
        x = p.x.detach() if detached else p.x
        return torch.from_numpy(1 + x.numpy() ** 2)

    form = pde.Weak(lambda u, v, p: stiff(p) * u.x * v.x - v.value)
    found = pde.solve(pde.Problem(LINE, form, [pde.Condition(LINE.boundary(), lambda u, p: u.value)]))
    slope = math.log(2) / 2 / (math.pi / 4)

    def exact(p):
        return slope * torch.atan(p.x) - torch.log(1 + p.x**2) / 2

    assert found.errors(exact).relative < 1e-6


def test_a_weak_form_whose_flux_depends_on_the_unknown_and_jumps_in_the_plane() -> None:
    """-div(k (1 + u^2) grad u) = f with k = 3 and 1 on both sides of a line; w = u + u^3 / 3 has the flux k grad w."""

    def w(p):
        wave = torch.sin(3 * (p.x - 0.2)) * torch.cos(p.y)
        return torch.where(p.x < 0.2, wave / 3, wave)

    def exact(p):  # the real root of u^3 + 3 u = 3 w
        return 2 * torch.sinh(torch.asinh(1.5 * w(p)) / 3)

    def form(u, v, p):
        k = torch.where(p.x < 0.2, 3.0, 1.0) * (1 + u.value**2)
        return k * (u.x * v.x + u.y * v.y) - 10 * torch.sin(3 * (p.x - 0.2)) * torch.cos(p.y) * v.value

    square = pde.Box(x=(-1, 1), y=(-1, 1))
    rim = pde.Condition(square.boundary(), lambda u, p: u.value - exact(p))
    found = pde.solve(pde.Problem(square, pde.Weak(form, breaks={"x": [0.2]}), [rim]), tolerance=1e-6)
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(exact).relative < 5 * found.error


def test_a_flux_that_jumps_across_a_circle_is_no_equation_at_points() -> None:
    square = pde.Box(x=(-1, 1), y=(-1, 1))
    rim = pde.Condition(square.boundary(), lambda u, p: u.value)
    form = pde.Weak(lambda u, v, p: torch.where(p.x**2 + p.y**2 < 0.3, 9.0, 1.0) * (u.x * v.x + u.y * v.y) - v.value)
    found = pde.solve(pde.Problem(square, form, [rim]), tolerance=0.1, options=ew.Options(time_limit=3.0))
    assert found.outcome is not pde.Outcome.CONVERGED


def test_a_weak_form_with_an_end_that_is_free() -> None:
    pull = pde.Weak(lambda u, v, p: u.x * v.x - torch.exp(p.x) * v.value, natural=LINE.face(x=1))
    problem = pde.Problem(LINE, pull, [pde.Condition(LINE.face(x=0), lambda u, p: u.value)])
    found = pde.solve(problem, grids=[4], options=ONCE)
    true = found.errors(lambda p: 1 + math.e * p.x - torch.exp(p.x)).relative
    assert true < 1e-7 and found.error == pytest.approx(true, rel=1)


def test_weak_forms_of_two_unknowns_with_a_constant() -> None:
    """-u'' = a w and -w'' = pi^2 sin(pi x), with u measured: a = pi^2."""

    def form(u, v, p, c):
        load = math.pi**2 * torch.sin(math.pi * p.x) * v[1].value
        return u[0].x * v[0].x - c.a * u[1].value * v[0].value + u[1].x * v[1].x - load

    ends = pde.Condition(LINE.boundary(), lambda u, p, c: (u[0].value, u[1].value))
    known = pde.measured([[0.5]], [1.0])
    problem = pde.Problem(LINE, pde.Weak(form), [ends, known], unknowns=2, constants={"a": 1.0})
    found = pde.solve(problem, grids=[6], options=ONCE)
    assert found.constants["a"] == pytest.approx(math.pi**2, rel=1e-7)


def test_a_weak_form_on_a_disk() -> None:
    disk = pde.Disk(x=0, y=0, radius=1)
    form = pde.Weak(lambda u, v, p: u.x * v.x + u.y * v.y - v.value)
    problem = pde.Problem(disk, form, ansatz=lambda n, p: disk.distance(p) * n)
    found = pde.solve(problem, ew.KAN([2, 1], degree=5), grids=[3], options=ONCE)
    assert found.errors(lambda p: (1 - p.x**2 - p.y**2) / 4).relative < 1e-4


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.Integral(torch.zeros(3, 1), lambda u, p: u.value), "over a domain or a boundary"),  # type: ignore[arg-type]
        (lambda: pde.Integral(LINE, lambda u, p: u.value, equals=math.nan), "'equals'"),
        (lambda: pde.Integral(LINE, lambda u, p: u.value, weight=-1), "weight"),
        (lambda: pde.Integral(LINE, lambda u, p: u.value, nodes=0), "'nodes'"),
        (lambda: pde.Integral(LINE, lambda u, p: u.value, also=LINE.face(x=0)), "'also'"),
        (lambda: pde.march(_strip(pde.Integral(SQUARE, lambda u, p: u.value)), time="y"), "no integral"),
        (lambda: pde.solve(pde.Problem(LINE, lambda u, p: 1j * u.x)), "complex=True"),
        (lambda: pde.Problem(LINE, lambda u, p: u.x, complex=1), "'complex'"),  # type: ignore[arg-type]
        (lambda: pde.solve(pde.Problem(LINE, lambda u, p: u.x, complex=True), ew.KAN([1, 1])), "2 unknowns"),
        (lambda: pde.Weak(3), "function of u, v and p"),  # type: ignore[arg-type]
        (lambda: pde.Weak(_load, natural=LINE), "'natural'"),  # type: ignore[arg-type]
        (lambda: pde.Weak(_load, breaks={"x": [math.nan]}), "breaks of 'x'"),
        (lambda: _weak(_load), "must contain the test function"),
        (lambda: _weak(lambda u, v, p: 3.0), "one tensor of shape"),
        (lambda: _weak(lambda u, v, p: u.x * v.x, natural=SQUARE.face(x=0)), "those of the domain"),
        (lambda: _weak(lambda u, v, p: u.x * v.x, breaks={"y": [0.5]}), "Unknown coordinate 'y'"),
        (lambda: pde.solve(pde.Problem(LINE, pde.Weak(_load), complex=True)), "real unknowns"),
        (lambda: pde.march(pde.Problem(SQUARE, pde.Weak(_load)), time="y"), "no weak forms"),
        (lambda: pde.continue_in(_bratu, [1]), "two or more"),
        (lambda: pde.continue_in(_bratu, [1, 2], options=ew.Options(checkpoint="here")), "no checkpoint"),
        (lambda: pde.continue_in(_bratu, [1, 1]), "two or more"),
        (lambda: pde.continue_in(_bratu, [1, math.inf]), "two or more"),
        (lambda: pde.continue_in(_bratu, [1, 2], tolerance=0), "'tolerance'"),
        (lambda: pde.table(X, X[:-1]), "needs as many values"),
        (lambda: pde.table((X, Y), torch.zeros(60, 3)), "needs as many values"),
        (lambda: pde.table(X.flip(0), X), "ascend"),
        (lambda: pde.table(X, X * math.nan), "NaN"),
        (lambda: pde.table(X[:5], X[:5]), "6 places"),
        (lambda: pde.table(X, X, degree=4), "'degree'"),
        (lambda: pde.table(X, X, beyond="zero"), "Unknown continuation"),  # type: ignore[arg-type]
        (lambda: pde.table(X, X)(2.1), "from 0 to 2. Got 2.1"),
        (lambda: pde.table((X, Y), X[:, None] * Y)(0.5), "2 coordinates. Got 1"),
        (lambda: pde.solve(pde.Problem(LINE, lambda u, p: u.xx), start=3), "'start'"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


def _load(u, v, p):
    return u.x * v.x - p.x


def _weak(form, **more) -> pde.Solution:
    return pde.solve(pde.Problem(LINE, pde.Weak(form, **more)), grids=[2], steps=1, options=ONCE)


def _strip(condition: pde.Condition) -> pde.Problem:
    return pde.Problem(SQUARE, lambda u, p: u.y - u.xx, [condition])
