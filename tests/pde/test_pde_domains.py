"""Domains that are no boxes: points and normals, smooth distances, corners, solutions on them, and what is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import edgewise as ew
from edgewise import pde

ONCE = ew.Options(restarts=1)
LSHAPE = pde.Polygon([(-1, -1), (0, -1), (0, 0), (1, 0), (1, 1), (-1, 1)])
SQUARE = pde.Box(x=(-1, 1), y=(-1, 1))
DISK = pde.Disk(x=0.3, y=-0.2, radius=0.6)
COMB = pde.Polygon([(0, 0), (3, 0), (3, 2), (2, 2), (2, 1), (1, 1), (1, 2), (0, 2)])
AREAS = [
    (DISK, math.pi * 0.36),
    (LSHAPE, 3.0),
    (pde.Polygon([(0, 0), (0, 2), (1, 0)]), 1.0),  # clockwise
    (COMB, 5.0),
    (SQUARE - DISK, 4 - math.pi * 0.36),
    (SQUARE & pde.Disk(x=1, y=1, radius=1), math.pi / 4),
    (SQUARE | pde.Disk(x=1, y=0, radius=1), 4 + math.pi / 2),
    (SQUARE - pde.Box(x=(0, 1), y=(-1, 0)), 3.0),
    (LSHAPE | pde.Box(x=(0, 1), y=(-1, 0)), 4.0),  # an edge in common
]


def at(points: torch.Tensor, order: int = 2) -> SimpleNamespace:
    orders = [(0,) * a + (1,) * b for a in range(order + 1) for b in range(order + 1 - a)]
    return SimpleNamespace(**pde.Jet.coordinates(points, ("x", "y"), orders))


@st.composite
def stars(draw: st.DrawFn) -> pde.Polygon:
    """Polygons around the origin with 3 to 9 vertices, in either direction."""
    n = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.3, 1.0), min_size=n, max_size=n))
    off = draw(st.lists(st.floats(-0.3, 0.3), min_size=n, max_size=n))
    angles = [2 * math.pi * (k + shift) / n for k, shift in enumerate(off)]
    vertices = [(r * math.cos(angle), r * math.sin(angle)) for r, angle in zip(radii, angles, strict=True)]
    return pde.Polygon(vertices[:: draw(st.sampled_from([1, -1]))])


@st.composite
def disks(draw: st.DrawFn) -> pde.Disk:
    place = st.floats(-0.5, 0.5)
    return pde.Disk(x=draw(place), y=draw(place), radius=draw(st.floats(0.1, 1.2)))


def combined(a: pde.Domain, b: pde.Domain, sign: str) -> pde.Domain | None:
    """The union, intersection or difference; None where it is empty."""
    try:
        return {"|": a.__or__, "&": a.__and__, "-": a.__sub__}[sign](b)
    except ew.InputError:
        return None


@given(stars(), disks(), st.sampled_from("|&-"), st.booleans())
@settings(max_examples=40, deadline=None)
def test_signs_follow_set_operations(star: pde.Polygon, disk: pde.Disk, sign: str, turned: bool) -> None:
    a, b = (disk, star) if turned else (star, disk)
    made = combined(a, b, sign)
    points = 3 * torch.rand(500, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1.5
    one, two = a.contains(points), b.contains(points)
    wanted = {"|": one | two, "&": one & two, "-": one & ~two}[sign]
    if made is None:
        assert not wanted.any()
        return
    assert torch.equal(made.signed_distance(points) > 0, wanted)
    assert torch.equal(made.level(at(points, 0)).value > 0, wanted)
    inside = made.points(50, seed=3)
    assert made.contains(inside).all() and (made.distance(at(inside, 0)).value > 0).all()


@given(stars(), disks(), st.sampled_from("|&-"))
@settings(max_examples=30, deadline=None)
def test_boundary_points_have_inside_and_outside_beside_them(star: pde.Polygon, disk: pde.Disk, sign: str) -> None:
    made = combined(star, disk, sign)
    if made is None:
        return
    for how in ("sobol", "random", "grid"):
        points = made.boundary().points(40, seed=2, how=how)
        normals = made.boundary().normals(points)
        assert points.shape == (40, 2)
        assert made.signed_distance(points).abs().max() < 1e-9
        assert torch.allclose(normals.norm(dim=1), torch.ones(40).double())
        assert made.contains(points - 1e-6 * normals).all() and not made.contains(points + 1e-6 * normals).any()


@given(stars())
@settings(max_examples=30, deadline=None)
def test_the_distance_of_a_polygon_is_that_of_its_nearest_edge(star: pde.Polygon) -> None:
    points = 2.4 * torch.rand(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1.2
    ends = torch.tensor(star.vertices, dtype=torch.float64)
    dense = torch.cat(
        [
            a + torch.linspace(0, 1, 2001).double()[:, None] * (b - a)
            for a, b in zip(ends, ends.roll(-1, 0), strict=True)
        ]
    )
    nearest = torch.cdist(points, dense).min(1).values
    assert torch.allclose(star.signed_distance(points).abs(), nearest, atol=2e-3)
    x, y = ends.unbind(1)
    assert star.area == pytest.approx(abs(float((x * y.roll(-1) - y * x.roll(-1)).sum())) / 2)


@pytest.mark.parametrize(("domain", "area"), AREAS, ids=lambda value: repr(value)[:40])
def test_points_fill_a_domain_evenly(domain: pde.Domain, area: float) -> None:
    low, high = domain.ends
    box = pde.Box(x=(low[0].item(), high[0].item()), y=(low[1].item(), high[1].item()))
    whole = box.points(20_000, seed=5)
    assert float(domain.contains(whole).double().mean()) * float((high - low).prod()) == pytest.approx(area, rel=0.01)
    for how in ("sobol", "random"):
        points = domain.points(4000, seed=7, how=how)
        assert points.shape == (4000, 2) and domain.contains(points).all()
        middle = (low + high) / 2  # as many in each quarter of the box around it as there is area
        for quarter in range(4):
            sides = torch.tensor([quarter % 2, quarter // 2]).bool()
            share = (
                domain.contains(own := whole[((whole > middle) == sides).all(1)]).sum() / domain.contains(whole).sum()
            )
            assert float(((points > middle) == sides).all(1).double().mean()) == pytest.approx(
                float(share), abs=0.03
            ), own
    grid = domain.points(400, how="grid")
    assert 250 < len(grid) <= 400 and domain.contains(grid).all()
    assert torch.equal(domain.points(100, seed=1), domain.points(100, seed=1))


def test_boundary_points_are_even_by_length() -> None:
    annulus = pde.Disk(x=0, y=0, radius=2) - (hole := pde.Disk(x=0, y=0, radius=1))
    points = annulus.boundary().points(900)
    assert float((points.norm(dim=1) < 1.5).double().mean()) == pytest.approx(1 / 3, abs=0.01)
    assert torch.allclose(annulus.boundary(hole).points(50).norm(dim=1), torch.ones(50).double())
    inward = annulus.boundary(hole)
    assert torch.allclose(inward.normals(inward.points(50)), -inward.points(50))


def test_edges_and_faces_name_parts_of_a_boundary() -> None:
    assert torch.equal(LSHAPE.edge(2).points(5)[:, 1], torch.zeros(5).double())
    assert torch.equal(LSHAPE.edge(2).normals(LSHAPE.edge(2).points(5)), torch.tensor([[0.0, -1.0]] * 5).double())
    plate = SQUARE - DISK
    assert torch.equal(plate.boundary(SQUARE.face(x=-1)).points(9)[:, 0], -torch.ones(9).double())
    whole = plate.boundary(SQUARE.boundary())
    assert (SQUARE.signed_distance(whole.points(99)).abs() < 1e-12).all()
    faces = SQUARE.boundary()
    normals = faces.normals(faces.points(40))
    assert not SQUARE.contains(faces.points(40) + 1e-6 * normals).any()
    assert SQUARE.contains(faces.points(40) - 1e-6 * normals).double().mean() > 0.9  # but for corners
    rod = pde.Box(t=(0, 1), x=(0, 2), z=(0, 1))
    assert rod.face(x=2).normals(rod.face(x=2).points(3)).tolist() == [[0.0, 1.0, 0.0]] * 3
    assert rod.signed_distance(torch.tensor([[0.5, 1.0, 0.9], [2.0, 1.0, 0.5]]).double()).tolist() == pytest.approx(
        [0.1, -1.0]
    )


def test_a_common_edge_of_a_union_is_no_boundary() -> None:
    square = LSHAPE | pde.Box(x=(0, 1), y=(-1, 0))
    points = square.boundary().points(200)
    assert torch.allclose(points.abs().max(1).values, torch.ones(200).double())
    with pytest.raises(ew.InputError, match="only touch"):
        square.distance(at(points))


@pytest.mark.parametrize("domain", [domain for domain, _ in AREAS[:-1]], ids=lambda value: repr(value)[:40])
def test_distances_are_smooth_inside_and_grow_from_the_boundary(domain: pde.Domain) -> None:
    points = domain.points(50, seed=4)
    points = points[domain.signed_distance(points) > 0.02]
    jet = domain.distance(at(points))
    h = 1e-4
    for k, name in enumerate("xy"):
        step = h * torch.eye(2).double()[k]
        higher, lower = (domain.distance(at(points + sign * step, 0)).value for sign in (1, -1))
        assert torch.allclose((higher - lower) / (2 * h), jet.d(name), rtol=1e-4, atol=1e-5)
        assert torch.allclose((higher - 2 * jet.value + lower) / h**2, jet.d(name, name), rtol=1e-3, atol=1e-3)
    on = domain.boundary().points(60, seed=1)
    normals = domain.boundary().normals(on)
    far = torch.stack([(on - torch.tensor(corner.at)).norm(dim=1) for corner in domain.corners()] or [torch.ones(60)])
    on, normals = on[keep := far.min(0).values > 0.05], normals[keep]
    near = domain.distance(at(on - 1e-6 * normals)).value / 1e-6
    assert (domain.distance(at(on, 0)).value.abs() < 1e-7).all()
    assert near.min() > 1e-3 and near.max() < 50  # like the distance, times a factor


def test_the_distance_of_convex_shapes_is_a_polynomial() -> None:
    triangle, p = pde.Polygon([(0, 0), (1, 0), (0, 1)]), at(torch.tensor([[0.2, 0.3]]).double())
    assert triangle.distance(p).value.item() == pytest.approx(0.2 * 0.3 * 0.5 / math.sqrt(2))
    assert DISK.distance(p).xx.item() == pytest.approx(-1 / 0.6)
    assert SQUARE.distance(p).value.item() == pytest.approx((1 - 0.04) * (1 - 0.09) / 4)


@pytest.mark.parametrize(
    ("domain", "wanted"),
    [
        (LSHAPE, [90] * 5 + [270]),
        (COMB, [90] * 6 + [270] * 2),
        (SQUARE - pde.Box(x=(0, 1), y=(-1, 0)), [90] * 5 + [270]),
        (pde.Disk(x=0, y=0, radius=1) | pde.Disk(x=1, y=0, radius=1), [240, 240]),
        (pde.Box(x=(-1, 1), y=(0, 1)) - pde.Disk(x=0, y=0, radius=0.5), [90] * 6),
        (DISK, []),
        (pde.Polygon([(0, 0), (1, 0), (2, 0), (1, math.sqrt(3))]), [60] * 3),  # one vertex is no corner
    ],
)
def test_corners_and_their_angles(domain: pde.Domain, wanted: list[float]) -> None:
    assert sorted(corner.degrees for corner in domain.corners()) == pytest.approx(wanted, abs=1e-6)


def test_corners_say_how_solutions_grow() -> None:
    (corner,) = [corner for corner in LSHAPE.corners() if corner.reentrant]
    assert corner.at == (0, 0) and corner.exponent == pytest.approx(2 / 3)
    assert repr(corner) == "Corner of 270 degrees at (0, 0)"
    assert repr(corner.singular(3)) == "(r^(2/3) at (0, 0), r^(4/3) at (0, 0), r^2 log r at (0, 0))"
    assert repr(corner.singular(1, "value, slope")) == "(r^(1/3) at (0, 0),)"


@pytest.mark.parametrize("ends", ["values", "slopes", "value, slope", "slope, value"])
@pytest.mark.parametrize("angle", [1.0, 2.0, 4.0, 1.5 * math.pi])
def test_singular_functions_are_harmonic_and_hold_their_edges(angle: float, ends) -> None:
    corner, r = pde.Corner((0.5, -1.0), angle, 0.7), torch.tensor([0.2, 0.9]).double()
    orders = [(), (0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 0, 0), (0, 0, 1, 1), (1, 1, 1, 1)]
    for function in corner.singular(3, ends):
        if function.logarithmic:
            continue
        inside = torch.tensor(corner.at) + torch.stack(
            [r * math.cos(0.7 + angle / 3), r * math.sin(0.7 + angle / 3)], 1
        )
        jet = function.jet(inside, orders)
        wanted = r**function.exponent * (math.cos if function.cosine else math.sin)(function.exponent * angle / 3)
        assert torch.allclose(jet.value, wanted)
        assert torch.allclose(jet.xx, -jet.yy)
        assert torch.allclose(jet.d(*"xxxx"), jet.d(*"yyyy")) and torch.allclose(jet.d(*"xxxx"), -jet.d(*"xxyy"))
        for direction, kind in zip((0.7, 0.7 + angle), ends.split(", ") * 2, strict=False):
            edge = torch.tensor([math.cos(direction), math.sin(direction)], dtype=torch.float64)
            jet = function.jet(torch.tensor(corner.at) + r[:, None] * edge, orders)
            held = jet.value if kind.startswith("value") else jet.y * edge[0] - jet.x * edge[1]
            assert held.abs().max() < 1e-10


BALL = pde.Ball(x=0, y=0, z=0, radius=1)
CUBE = pde.Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))


@pytest.mark.parametrize(
    ("domain", "volume"),
    [
        (BALL, 4 / 3 * math.pi),
        (CUBE - BALL, 8 - 4 / 3 * math.pi),
        (BALL & pde.Ball(x=1, y=0, z=0, radius=1), 5 / 12 * math.pi),
        (CUBE | pde.Ball(x=1, y=0, z=0, radius=0.5), 8 + math.pi / 12),
    ],
    ids=repr,
)
def test_domains_of_three_coordinates(domain: pde.Domain, volume: float) -> None:
    low, high = domain.ends
    box = low + (high - low) * torch.rand(40_000, 3, generator=torch.Generator().manual_seed(1)).double()
    assert float(domain.contains(box).double().mean() * (high - low).prod()) == pytest.approx(volume, rel=0.02)
    points, weights = domain.boundary().spaced(20_000)
    assert domain.signed_distance(points).abs().max() < 1e-12
    flux = (domain.boundary().normals(points) * points).sum(1) @ weights
    assert float(flux) == pytest.approx(3 * volume, rel=0.01)  # Gauss's theorem for the field (x, y, z)


def test_a_ball_has_three_coordinates() -> None:
    with pytest.raises(ew.InputError, match="center of three coordinates"):
        pde.Ball(x=0, y=0, radius=1)


def test_values_that_end_and_slopes_that_begin_on_an_edge_of_a_box() -> None:
    """Motz's problem: the number of r^(1/2) by Li, Mathon and Sermer, SIAM J. Numer. Anal. 24 (1987)."""
    plate = pde.Box(x=(-1, 1), y=(0, 1))
    held = [
        pde.Condition(plate.face(y=0), lambda u, p: torch.where(p.x < 0, u.value, u.y)),
        pde.Condition(plate.face(x=1), lambda u, p: u.value - 500),
        pde.Condition(plate.face(x=-1), lambda u, p: u.x),
        pde.Condition(plate.face(y=1), lambda u, p: u.y),
    ]
    found = pde.solve(pde.Problem(plate, lambda u, p: u.xx + u.yy, held))
    assert found.outcome is pde.Outcome.CONVERGED
    assert found.constants["r^(1/2) at (0, 0)"] == pytest.approx(401.162453745, rel=1e-8)
