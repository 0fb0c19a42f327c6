"""Equations on domains that are no boxes: exact solutions, normals, corners, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)
LSHAPE = pde.Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])


def zero(u, p):
    return u.value


def poisson(u, p):
    return u.xx + u.yy + 1


def torsion_of_the_l(points: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The solution of u_xx + u_yy = -1 on the L-shape that vanishes on its boundary, and a bound of its error.

    -r^2 / 4 and harmonic functions: 40 singular ones of the re-entrant corner, z^2 log z of all corners, powers of z,
    by least squares on the boundary. What is left there bounds the error inside, by the maximum principle.
    """
    (inner,) = [corner for corner in LSHAPE.corners() if corner.reentrant]

    def columns(x: torch.Tensor) -> torch.Tensor:
        singular = [s for s in inner.singular(40) if not s.logarithmic]
        for corner in LSHAPE.corners():
            singular += [pde.Singular(corner, 2.0, cosine) for cosine in (False, True)]
        z = torch.complex(*x.unbind(1)) / 1.5
        powers = [(z**k).real for k in range(22)] + [(z**k).imag for k in range(1, 22)]
        return torch.stack([*(s.jet(x, [()]).value for s in singular), *powers], 1)

    def border(count: int) -> torch.Tensor:
        t = (1 - torch.cos(math.pi * (torch.arange(count).double() + 0.5) / count)) / 2  # dense at corners
        return torch.cat([curve.at(t[:, None]) for curve in LSHAPE.curves()])

    x = border(150)
    basis = columns(x)
    scale = basis.norm(dim=0)
    factors = torch.linalg.lstsq(basis / scale, x.square().sum(1, keepdim=True) / 4, driver="gelsd").solution
    factors = factors[:, 0] / scale

    def solution(x: torch.Tensor) -> torch.Tensor:
        return columns(x) @ factors - x.square().sum(1) / 4

    return solution(points), float(solution(border(611)).abs().max())


def test_a_disk_with_an_ansatz() -> None:
    disk = pde.Disk(x=0, y=0, radius=1)

    def load(p):
        return 4 * torch.exp(p.x) * ((1 + p.x) * torch.cos(p.y) - p.y * torch.sin(p.y))

    problem = pde.Problem(disk, lambda u, p: u.xx + u.yy + load(p), ansatz=lambda n, p: disk.distance(p) * n)
    found = pde.solve(problem, ew.KAN([2, 3, 1], degree=5), grids=[4, 8], points=500, options=ONCE)
    errors = found.errors(lambda p: (1 - p.x**2 - p.y**2) * torch.exp(p.x) * torch.cos(p.y))
    assert errors.relative < 1e-5
    assert errors.largest < 1e-4


@pytest.mark.slow
def test_an_annulus_by_conditions() -> None:
    hole = pde.Disk(x=0, y=0, radius=0.5)
    ring = pde.Disk(x=0, y=0, radius=1) - hole
    conditions = [
        pde.Condition(ring.boundary(hole), lambda u, p: u.value - math.log(0.5), weight=1000),
        pde.Condition(ring.boundary(ring.first), zero, weight=1000),
    ]
    problem = pde.Problem(ring, lambda u, p: u.xx + u.yy, conditions)
    twice = ew.Options(restarts=2)
    found = pde.solve(problem, ew.KAN([2, 1, 1], degree=5), grids=[4, 8], points=400, boundary=100, options=twice)
    assert found.errors(lambda p: 0.5 * torch.log(p.x**2 + p.y**2)).relative < 2e-4
    assert found.constants == {}  # no corners, so no singular functions


def test_a_slope_along_the_outward_normal() -> None:
    triangle = pde.Polygon([(0, 0), (1, 0), (0, 1)])
    conditions = [
        pde.Condition(triangle.edge(1), lambda u, p: p.nx * u.x + p.ny * u.y - p.nx * 2 * p.x + p.ny * 2 * p.y),
        pde.Condition(triangle.edge(0), lambda u, p: u.value - p.x**2),
        pde.Condition(triangle.edge(2), lambda u, p: u.value + p.y**2),
    ]
    problem = pde.Problem(triangle, lambda u, p: u.xx + u.yy, conditions, singular=())
    found = pde.solve(problem, ew.KAN([2, 1], degree=5), grids=[3], points=200, boundary=80, options=ONCE)
    assert found.errors(lambda p: p.x**2 - p.y**2).l2 < 1e-9  # the network contains the solution


def test_normals_are_those_of_a_box_too() -> None:
    box = pde.Box(x=(0, 1), y=(0, 2))
    out = pde.Condition(box.boundary(), lambda u, p: p.nx * (u.x - 2) + p.ny * (u.y - 3))
    start = pde.Condition(torch.zeros(1, 2).double(), zero)
    problem = pde.Problem(box, lambda u, p: u.xx + u.yy, [out, start])
    found = pde.solve(problem, ew.KAN([2, 1], degree=5), grids=[2], points=60, boundary=40, options=ONCE)
    assert found.errors(lambda p: 2 * p.x + 3 * p.y).l2 < 1e-8


def test_singular_functions_are_those_of_the_equation_and_the_conditions() -> None:
    def added(residual, conditions, **more) -> set[str]:
        return set(pde.Problem(LSHAPE, residual, conditions, **more).numbers)

    held = [pde.Condition(LSHAPE.boundary(), zero)]
    inner = {f"r^({k}/3) at (0, 0)" for k in (2, 4, 8, 10, 14)}
    logs = {f"r^2 log r at ({x}, {y})" for x, y in LSHAPE.vertices for x, y in [(int(x), int(y))]}
    assert added(poisson, held) == inner | logs
    assert added(lambda u, p: 3 * (u.xx + u.yy) - u.value**2, held) == inner | logs
    assert added(lambda u, p: u.xx + 2 * u.yy, held) == set()  # not Laplace's
    assert added(lambda u, p: u.xxxx + u.yyyy, held) == set()
    assert added(poisson, held, ansatz=lambda n, p: LSHAPE.distance(p) * n) == set()
    assert added(poisson, held, singular=()) == set()
    edges = [LSHAPE.edge(k) for k in range(6)]
    mixed = [pde.Condition(edge, zero) for edge in edges[:1] + edges[2:]]
    mixed.append(pde.Condition(edges[1], lambda u, p: p.nx * u.x + p.ny * u.y))
    assert {f"r^({k}/3) at (0, 0)" for k in (1, 5, 7, 11, 13)} <= added(poisson, mixed)
    assert added(poisson, mixed[1:2]) == set()  # nothing holds beside that edge


def _stokes(w, p):
    u, v, q = w
    return 0.3 * (u.xx + u.yy) - 2 * q.x, 0.3 * (v.xx + v.yy) - 2 * q.y, u.x + v.y


def _still(w, p):
    return w[0].value, w[1].value


def test_flows_at_corners_are_those_between_walls() -> None:
    def added(residual, conditions, unknowns: int = 3) -> set[str]:
        return set(pde.Problem(LSHAPE, residual, conditions, unknowns=unknowns).numbers)

    walls = [pde.Condition(LSHAPE.boundary(), _still)]
    inner = {f"{kind} at (0, 0)" for kind in ("flow r^0.5445", "flow r^0.9085")}
    inner |= {f"{kind} flow r^(1.629+0.2313i) at (0, 0)" for kind in ("cosine", "sine")}
    assert added(_stokes, walls) == inner
    carried = lambda w, p: (_stokes(w, p)[2], *(w[0].value * w[0].x + part for part in _stokes(w, p)[:2]))  # noqa: E731
    assert added(carried, walls) == inner  # convection is no highest derivative; the order of equations is free
    assert added(lambda w, p: _stokes(w, p)[:2], walls) == set()
    assert added(lambda w, p: (w[0].xx + w[0].yy, w[1].xx + w[1].yy, w[2].xx + w[2].yy), walls) == set()
    assert added(_stokes, [pde.Condition(LSHAPE.boundary(), lambda w, p: (w[0].value, w[1].x))]) == set()
    assert added(_stokes, [pde.Condition(LSHAPE.edge(0), _still)]) == set()


@pytest.mark.parametrize("degrees", [300, 270, 200, 120, 60])
def test_flows_at_corners_solve_the_equations_and_rest_on_the_walls(degrees: float) -> None:
    half = math.radians(degrees) / 2
    ends = [(math.cos(0.3 + turn), math.sin(0.3 + turn)) for turn in torch.linspace(-half, half, 7).tolist()]
    fan = pde.Polygon([(0, 0), *ends])
    edges = [pde.Condition(fan.edge(k), _still) for k in (0, 7)]
    flows = pde.Problem(fan, _stokes, edges, unknowns=3).terms
    assert bool(flows) == (degrees > 120)  # others are smooth enough
    orders, r = [(), (0,), (1,), (0, 0), (0, 1), (1, 1)], torch.tensor([[0.05], [0.4]]).double()
    for flow in flows:
        jets = flow.jet(r * torch.tensor([math.cos(0.3 + half / 3), math.sin(0.3 + half / 3)]), orders)
        assert max(float(part.abs().max()) for part in _stokes(jets, None)) < 1e-10
        assert max(float(jet.value.abs().max()) for jet in jets[:2]) > 1e-3
        for end in (ends[0], ends[-1]):
            on = flow.jet(r * torch.tensor(end).double(), orders)
            assert max(float(jet.value.abs().max()) for jet in on[:2]) < 1e-7


def _around_a_corner(**more):
    inlet = pde.Condition(LSHAPE.edge(0), lambda w, p: (w[0].value, w[1].value + 4 * p.x * (1 + p.x)))
    outlet = pde.Condition(LSHAPE.edge(3), lambda w, p: (w[1].value, w[2].value))
    walls = [pde.Condition(LSHAPE.edge(k), _still) for k in (1, 2, 4, 5)]
    found = pde.solve(pde.Problem(LSHAPE, _stokes, [inlet, outlet, *walls], unknowns=3, **more), tolerance=1e-2)
    across = torch.linspace(0, 1, 201).double()
    speeds = found(torch.stack([torch.full_like(across, 0.6), across], 1))[:, 0]
    return found, float(torch.trapezoid(speeds, across)) / (2 / 3)


def test_a_flow_around_a_corner_keeps_its_mass() -> None:
    """The pressure is infinite at the corner, which spoils no picture."""
    found, kept = _around_a_corner()
    assert found.outcome.name == "CONVERGED" and found.error < 1e-3 and abs(kept - 1) < 1e-3
    low, high = found.plot().axes[2].collections[0].get_clim()
    assert -50 < low < high < 50


@pytest.mark.slow
def test_a_flow_without_those_of_the_corner_loses_mass() -> None:
    found, kept = _around_a_corner(singular=())
    assert found.outcome.name != "CONVERGED" and found.error > 0.1 and kept < 0.75


def test_the_error_of_a_singular_flow_is_estimated() -> None:
    """The exact one is a flow of a higher exponent than those that are added, by the largest of the three errors."""
    (*_, last) = pde.Problem(LSHAPE, _stokes, [pde.Condition(LSHAPE.boundary(), _still)], unknowns=3).terms
    exact = replace(last, exponent=2.3013270607144016 + 0.31583674552509367j, odd=True, imaginary=False)

    def off(w, p):
        return tuple(own - part.value for own, part in zip((each.value for each in w), known(p), strict=True))

    def known(p):
        return exact.jet(torch.stack([p.x, p.y], 1), [()])

    walls = [pde.Condition(LSHAPE.edge(k), _still) for k in (1, 2)]
    outer = [pde.Condition(LSHAPE.edge(k), lambda w, p: off(w, p)[:2]) for k in (0, 3, 4, 5)]
    level = pde.Condition(torch.tensor([[-0.5, 0.5]]).double(), lambda w, p: off(w, p)[2])
    found = pde.solve(pde.Problem(LSHAPE, _stokes, [*walls, *outer, level], unknowns=3), tolerance=1e-2)
    points = LSHAPE.points(2000)
    exactly = torch.stack([jet.value for jet in exact.jet(points, [()])], 1)
    error = float(((found(points) - exactly).norm(dim=0) / exactly.norm(dim=0)).max())
    assert found.outcome.name == "CONVERGED" and error < 1e-2 and 0.2 < found.error / error < 20


def test_a_singular_solution_is_found_with_its_factor() -> None:
    wedge = LSHAPE & pde.Disk(x=0, y=0, radius=0.9)
    (corner,) = [corner for corner in wedge.corners() if corner.reentrant]
    (first,) = corner.singular(1)

    def off(u, p):
        return u.value - 1.5 * first.jet(torch.stack([p.x, p.y], 1), [()]).value - p.x

    problem = pde.Problem(
        wedge, lambda u, p: u.xx + u.yy, [pde.Condition(wedge.boundary(), off)], singular=corner.singular(2)
    )
    found = pde.solve(problem, ew.KAN([2, 1], degree=5), grids=[2], points=100, boundary=60, options=ONCE)
    assert found.constants["r^(2/3) at (0, 0)"] == pytest.approx(1.5, abs=1e-6)
    points = wedge.points(50, seed=3)
    exact = 1.5 * first.jet(points, [()]).value + points[:, 0]
    assert torch.allclose(found(points), exact, atol=1e-6)


@pytest.mark.slow
def test_torsion_of_an_l_shaped_bar() -> None:
    """Without the singular functions 1e-2."""
    points = LSHAPE.points(4000, seed=99)
    exact, bound = torsion_of_the_l(points)
    assert bound < 1e-8
    problem = pde.Problem(LSHAPE, poisson, [pde.Condition(LSHAPE.boundary(), zero)])
    found = pde.solve(problem)
    assert float((found(points) - exact).norm() / exact.norm()) < 2e-3
    assert found.constants["r^(2/3) at (0, 0)"] == pytest.approx(0.40193, abs=0.03)


def test_the_reference_of_the_l_shape() -> None:
    values, bound = torsion_of_the_l(torch.tensor([[-0.5, 0.5]]).double())
    assert bound < 1e-8
    assert values.item() == pytest.approx(0.1310529620, abs=1e-8)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pde.Disk(x=0, radius=1), "center of two coordinates"),
        (lambda: pde.Disk(x=0, y=math.inf, radius=1), "center of two coordinates"),
        (lambda: pde.Disk(x=0, y=0, radius=0), "radius"),
        (lambda: pde.Polygon([(0, 0), (1, 1)]), "at least three vertices"),
        (lambda: pde.Polygon([(0, 0), (1, 1), (2, math.nan)]), "at least three vertices"),
        (lambda: pde.Polygon(7), "at least three vertices"),
        (lambda: pde.Polygon([(0, 0), (1, 1), (2, 2)]), "one line"),
        (lambda: pde.Polygon([(0, 0), (0, 0), (1, 0), (0, 1)]), "must differ"),
        (lambda: pde.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "Edges 0 and 2"),
        (lambda: pde.Polygon([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)]), "cross or touch"),
        (lambda: pde.Polygon([(0, 0), (1, 0), (1, 1)], names=("x", "x")), "names of two coordinates"),
        (lambda: LSHAPE.edge(6), "0 to 5"),
        (lambda: LSHAPE - pde.Disk(x=0, y=0, radius=2), "empty"),
        (lambda: LSHAPE & pde.Disk(x=9, y=9, radius=2), "empty"),
        (lambda: LSHAPE | pde.Disk(a=0, b=0, radius=1), "same coordinates"),
        (lambda: LSHAPE | 3, "another one"),
        (lambda: pde.Box(x=(0, 1)) | pde.Box(x=(1, 2)), "two or three coordinates"),
        (lambda: LSHAPE.points(0), "int >= 1"),
        (lambda: LSHAPE.points(5, how="halton"), "Unknown way"),
        (lambda: LSHAPE.boundary().points(5, how="halton"), "Unknown way"),
        (lambda: LSHAPE.boundary(pde.Disk(x=0, y=0, radius=1)), "no part of the boundary"),
        (lambda: (LSHAPE | pde.Disk(x=0, y=0, radius=3)).boundary(LSHAPE).points(5), "bounds"),
        (lambda: LSHAPE.corners()[0].singular(0), "terms"),
        (lambda: LSHAPE.corners()[0].singular(1, "free"), "kind of ends"),
        (lambda: pde.Condition("all", zero), "holds on a boundary"),
        (lambda: pde.Problem("square", zero), "domain must be"),
        (lambda: pde.Problem(LSHAPE, zero, singular="all").terms, "'auto'"),
        (lambda: pde.Problem(LSHAPE, zero).box, "must be a Box"),
        (lambda: pde.march(pde.Problem(LSHAPE, zero)), "must be a Box"),
        (lambda: pde.Box(x=(0, 1)).boundary().curves(), "coordinates"),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()


def test_a_point_of_the_boundary_has_only_its_coordinates_and_normals() -> None:
    condition = pde.Condition(LSHAPE.boundary(), lambda u, p: u.value - p.nz)
    with pytest.raises(AttributeError, match="normals"):
        pde.solve(pde.Problem(LSHAPE, poisson, [condition], singular=()), grids=[3])
