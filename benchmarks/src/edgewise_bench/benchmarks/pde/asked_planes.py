"""Elliptic problems in two and more coordinates, as textbooks have them."""

# ruff: noqa: E731 (formulas, many to a problem)

from __future__ import annotations

from collections.abc import Callable
from math import cos, e, pi, sin, sqrt
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Ball, Box, Condition, Disk, Polygon, Problem, measured
from edgewise_bench.benchmarks.pde.asked import Asked, at, constant, one

_SQUARE, _DISK = Box(x=(0, 1), y=(0, 1)), Disk(x=0, y=0, radius=1)
_CUBE = Box(x=(0, 1), y=(0, 1), z=(0, 1))
_Exact = Callable[[Any], Tensor]


def _laplace(u: Any) -> Any:
    return u.xx + u.yy


def _held(domain: Any, left: Callable[[Any, Any], Any], exact: _Exact, **more: Any) -> Asked:
    """Return a problem whose solution is given on the whole boundary."""
    sides = Condition(domain.boundary(), lambda u, p, *c: u.value - exact(p))
    return one(lambda: Problem(domain, left, [sides], **more), exact)


def _clear(part: Any) -> Condition:
    return Condition(part, lambda u, p, *c: u.value)


def warm_edge() -> Asked:
    exact = lambda p: torch.sin(pi * p.x) * torch.sinh(pi * p.y) / torch.sinh(torch.tensor(pi).double())
    return _held(_SQUARE, lambda u, p: _laplace(u), exact)


def warm_lid() -> Asked:
    """A plate with one edge at 1 and the others at 0: a quarter in the middle."""
    held = [Condition(_SQUARE.face(y=1), lambda u, p: u.value - 1)]
    held += [_clear(_SQUARE.face(y=0)), _clear(_SQUARE.boundary("x"))]
    return Asked(lambda: Problem(_SQUARE, lambda u, p: _laplace(u), held), number=(at(0.5, 0.5), 0.25))


def plane_wave() -> Asked:
    k, angle = 20.0, 0.6
    exact = lambda p: torch.cos(k * (cos(angle) * p.x + sin(angle) * p.y))
    return _held(_SQUARE, lambda u, p: _laplace(u) + k**2 * u.value, exact)


def impedance() -> Asked:
    """A complex wave that leaves through all edges."""
    k, a, b = 10.0, cos(0.4), sin(0.4)
    exact = lambda p: torch.exp(1j * k * (a * p.x + b * p.y))
    flux = lambda p: 1j * k * (a * p.nx + b * p.ny - 1) * exact(p)
    sides = Condition(_SQUARE.boundary(), lambda u, p: p.nx * u.x + p.ny * u.y - 1j * k * u.value - flux(p))
    return one(lambda: Problem(_SQUARE, lambda u, p: _laplace(u) + k**2 * u.value, [sides], complex=True), exact)


def triangular_bar() -> Asked:
    """Torsion of an equilateral triangle of height 3 about its center."""
    tall = Polygon(((-1, -sqrt(3)), (2, 0), (-1, sqrt(3))))
    exact = lambda p: (p.x + 1) * ((2 - p.x) ** 2 - 3 * p.y**2) / 12
    return one(lambda: Problem(tall, lambda u, p: _laplace(u) + 1, [_clear(tall.boundary())]), exact)


def long_bar() -> Asked:
    """Torsion of a bar of 2 by 1, by its series."""
    bar, odd = Box(x=(-1, 1), y=(-0.5, 0.5)), torch.arange(1, 400, 2).double() * pi

    def exact(p: Any) -> Tensor:
        signs = torch.tensor([1.0, -1.0]).double().repeat(100)
        ratio = (torch.exp(odd * (p.x.abs()[:, None] - 1)) + torch.exp(-odd * (p.x.abs()[:, None] + 1))) / (
            1 + torch.exp(-2 * odd)
        )
        wave = signs * torch.cos(odd * p.y[:, None]) * 4 / odd**3
        return (0.25 - p.y**2) / 2 - (wave * ratio).sum(1)

    return one(lambda: Problem(bar, lambda u, p: _laplace(u) + 1, [_clear(bar.boundary())]), exact)


def half_disk() -> Asked:
    half = _DISK & Box(x=(-2, 2), y=(0, 2))
    exact = lambda p: p.y * (1 - p.x**2 - p.y**2)
    return one(lambda: Problem(half, lambda u, p: _laplace(u) + 8 * p.y, [_clear(half.boundary())]), exact)


def quarter_ring() -> Asked:
    quarter = (Disk(x=0, y=0, radius=2) - _DISK) & Box(x=(0, 3), y=(0, 3))
    return _held(quarter, lambda u, p: _laplace(u), lambda p: torch.log(p.x**2 + p.y**2) / 2)


_MOTZ = (
    401.162453745234, 87.6559201950879, 17.2379150794467, -8.0712152596987, 1.44027271702238, 0.331054885920006,
    0.275437344507860, -0.0869329945041107, 0.0336048784027428, 0.0153843744594011, 0.0073023016473714,
)  # fmt: skip


def motz() -> Asked:
    """Motz's problem, whose values end and slopes begin in the middle of an edge.

    Source: Li, Mathon and Sermer, SIAM Journal on Numerical Analysis 24 (1987), for the coefficients.
    """
    plate = Box(x=(-1, 1), y=(0, 1))
    low = lambda u, p: torch.where(p.x < 0, u.value, u.y)
    held = [Condition(plate.face(y=0), low), Condition(plate.face(x=1), lambda u, p: u.value - 500)]
    held += [Condition(plate.face(x=-1), lambda u, p: u.x), Condition(plate.face(y=1), lambda u, p: u.y)]
    r, angle = 0.3, pi / 3
    value = sum(c * r ** (k + 0.5) * cos((k + 0.5) * angle) for k, c in enumerate(_MOTZ))
    place = at(r * cos(angle), r * sin(angle))
    return Asked(lambda: Problem(plate, lambda u, p: _laplace(u), held), number=(place, value))


def simple_plate() -> Asked:
    """A square plate on simple supports under a sine."""
    load = lambda p: torch.sin(pi * p.x) * torch.sin(pi * p.y)
    sides = Condition(_SQUARE.boundary(), lambda u, p: (u.value, u.xx + u.yy))
    left = lambda u, p: u.xxxx + 2 * u.xxyy + u.yyyy - load(p)
    return one(lambda: Problem(_SQUARE, left, [sides]), lambda p: load(p) / (4 * pi**4))


def outflow_layer() -> Asked:
    """Convection to a corner with layers of 0.02 at both outflow edges."""
    d = 0.02

    def part(x: Any) -> Any:
        return x - (torch.exp((x - 1) / d) - torch.exp(-1 / torch.tensor(d).double())) / (1 - e ** (-1 / d))

    left = lambda u, p: -d * _laplace(u) + u.x + u.y - part(p.x) - part(p.y)
    return one(lambda: Problem(_SQUARE, left, [_clear(_SQUARE.boundary())]), lambda p: part(p.x) * part(p.y))


def carried() -> Asked:
    exact = lambda p: torch.sin(4 * p.x - 2 * p.y)
    held = [Condition(part, lambda u, p: u.value - exact(p)) for part in (_SQUARE.face(x=0), _SQUARE.face(y=0))]
    return one(lambda: Problem(_SQUARE, lambda u, p: u.x + 2 * u.y, held), exact)


def scherk() -> Asked:
    """Scherk's minimal surface."""
    box = Box(x=(-1, 1), y=(-1, 1))
    left = lambda u, p: (1 + u.y**2) * u.xx - 2 * u.x * u.y * u.xy + (1 + u.x**2) * u.yy
    return _held(box, left, lambda p: torch.log(torch.cos(p.y) / torch.cos(p.x)))


def liouville() -> Asked:
    box = Box(x=(0, 1), y=(0, 1))
    return _held(
        box, lambda u, p: _laplace(u) + torch.exp(u.value), lambda p: torch.log(8 / (1 + p.x**2 + p.y**2) ** 2)
    )


def monge_ampere() -> Asked:
    exact = lambda p: torch.exp((p.x**2 + p.y**2) / 2)
    left = lambda u, p: u.xx * u.yy - u.xy**2 - (1 + p.x**2 + p.y**2) * torch.exp(p.x**2 + p.y**2)
    asked = _held(_SQUARE, left, exact)
    return Asked(asked.problem, asked.exact, settings={"start": lambda p: p.x**2 + p.y**2})


def channel() -> Asked:
    """Poiseuille's flow with a given inflow and no stress at the outflow: u, v, p."""
    box = Box(x=(0, 2), y=(0, 1))
    flow = lambda p: 4 * p.y * (1 - p.y)

    def left(w: Any, p: Any) -> tuple[Any, ...]:
        u, v, q = w
        return u.xx + u.yy - q.x, v.xx + v.yy - q.y, u.x + v.y

    held = [
        Condition(box.face(x=0), lambda w, p: (w[0].value - flow(p), w[1].value)),
        Condition(box.boundary("y"), lambda w, p: (w[0].value, w[1].value)),
        Condition(box.face(x=2), lambda w, p: (w[0].x - w[2].value, w[1].x)),
    ]
    return one(lambda: Problem(box, left, held, unknowns=3), flow)


def couette() -> Asked:
    """The flow between two cylinders of which the inner one turns, with inertia: u, v, p."""
    ring = Disk(x=0, y=0, radius=2) - _DISK
    turn = lambda p: (4 / (p.x**2 + p.y**2) - 1) / 3  # the angle per time

    def left(w: Any, p: Any) -> tuple[Any, ...]:
        u, v, q = w
        first = 5 * (u.value * u.x + v.value * u.y) + q.x - u.xx - u.yy
        second = 5 * (u.value * v.x + v.value * v.y) + q.y - v.xx - v.yy
        return first, second, u.x + v.y

    held = [
        Condition(ring.boundary(), lambda w, p: (w[0].value + p.y * turn(p), w[1].value - p.x * turn(p))),
        Condition(torch.tensor([[1.5, 0.0]]).double(), lambda w, p: w[2].value),
    ]
    return one(lambda: Problem(ring, left, held, unknowns=3), lambda p: -p.y * turn(p))


def thick_pipe() -> Asked:
    """A quarter of a pipe under pressure inside: two displacements, plane strain with Lame's numbers 1 and 1."""
    outer, inner, wide = Disk(x=0, y=0, radius=2), _DISK, Box(x=(0, 3), y=(0, 3))
    pipe = (outer - inner) & wide
    a, b = 1 / 3, 4 / 3  # radial stress a - b / r^2: -1 inside, 0 outside
    exact = lambda p: p.x * (a / 4 + b / 2 / (p.x**2 + p.y**2))

    def left(w: Any, p: Any) -> tuple[Any, ...]:
        u, v = w
        return 3 * u.xx + u.yy + 2 * v.xy, 3 * v.yy + v.xx + 2 * u.xy

    def stress(w: Any, p: Any) -> tuple[Any, Any]:
        u, v = w
        shear = u.y + v.x
        return (3 * u.x + v.y) * p.nx + shear * p.ny, shear * p.nx + (3 * v.y + u.x) * p.ny

    def pressed(w: Any, p: Any) -> tuple[Any, Any]:
        along, across = stress(w, p)
        return along + p.nx, across + p.ny

    held = [
        Condition(pipe.boundary(outer), stress),
        Condition(pipe.boundary(inner), pressed),
        Condition(pipe.boundary(wide.face(x=0)), lambda w, p: (w[0].value, w[1].x)),
        Condition(pipe.boundary(wide.face(y=0)), lambda w, p: (w[1].value, w[0].y)),
    ]
    return one(lambda: Problem(pipe, left, held, unknowns=2), exact)


def heat_from_rows() -> Asked:
    """The diffusivity of u_t = k u_xx + source from ten exact values."""
    box = Box(t=(0, 1), x=(-1, 1))
    source = lambda p: torch.exp(-p.t) * torch.sin(pi * p.x) * (pi**2 - 1)
    exact = lambda x, t: torch.exp(-t) * torch.sin(pi * x)
    places = torch.stack([torch.ones(10), torch.linspace(-1, 1, 10)], 1).double()
    held = [
        Condition(box.face(t=0), lambda u, p, c: u.value - torch.sin(pi * p.x)),
        Condition(box.boundary("x"), lambda u, p, c: u.value),
        measured(places, exact(places[:, 1], places[:, 0])),
    ]
    left = lambda u, p, c: u.t - c.k * u.xx - source(p)
    return Asked(lambda: Problem(box, left, held, constants={"k": 2.0}), number=(constant("k"), 1.0))


def no_balance() -> Asked:
    sides = Condition(_SQUARE.boundary(), lambda u, p: p.nx * u.x + p.ny * u.y)
    return Asked(lambda: Problem(_SQUARE, lambda u, p: _laplace(u) - 1, [sides]), none="NO_SOLUTION")


def no_level() -> Asked:
    sides = Condition(_DISK.boundary(), lambda u, p: p.nx * u.x + p.ny * u.y)
    return Asked(lambda: Problem(_DISK, lambda u, p: _laplace(u) - p.x, [sides]), none="UNDETERMINED")


def rooms() -> Asked:
    """Laplace's equation in a cube, by the sides."""
    exact = lambda p: torch.sin(3 * p.x) * torch.cos(4 * p.y) * torch.exp(5 * (p.z - 1))
    return _held(_CUBE, lambda u, p: u.xx + u.yy + u.zz, exact)


def sounding_ball() -> Asked:
    ball, k = Ball(x=0, y=0, z=0, radius=1), 4.0

    def exact(p: Any) -> Tensor:
        r = torch.sqrt(p.x**2 + p.y**2 + p.z**2 + 1e-30)
        return torch.sin(k * r) / (k * r)

    return _held(ball, lambda u, p: u.xx + u.yy + u.zz + k**2 * u.value, exact)


def dome() -> Asked:
    half = Ball(x=0, y=0, z=0, radius=1) & Box(x=(-2, 2), y=(-2, 2), z=(0, 2))
    exact = lambda p: p.z * (1 - p.x**2 - p.y**2 - p.z**2)
    left = lambda u, p: u.xx + u.yy + u.zz + 10 * p.z
    return one(lambda: Problem(half, left, [_clear(half.boundary())]), exact)


def charged_ball() -> Asked:
    """A box around a ball with a given flux: 1 / r."""
    room, ball = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)), Ball(x=0, y=0, z=0, radius=0.5)
    around = room - ball
    exact = lambda p: (p.x**2 + p.y**2 + p.z**2) ** -0.5
    held = [
        Condition(around.boundary(room), lambda u, p: u.value - exact(p)),
        Condition(around.boundary(ball), lambda u, p: p.nx * u.x + p.ny * u.y + p.nz * u.z - 4),
    ]
    return one(lambda: Problem(around, lambda u, p: u.xx + u.yy + u.zz, held), exact)


def six_coordinates() -> Asked:
    box = Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 1), e=(0, 1), f=(0, 1))
    exact = lambda p: p.a * p.b + p.c * p.d + p.e * p.f
    return _held(box, lambda u, p: u.aa + u.bb + u.cc + u.dd + u.ee + u.ff, exact)


PLANES = (
    warm_edge, warm_lid, plane_wave, impedance, triangular_bar, long_bar, half_disk, quarter_ring, motz, simple_plate,
    outflow_layer, carried, scherk, liouville, monge_ampere, channel, couette, thick_pipe, heat_from_rows, no_balance,
    no_level, rooms, sounding_ball, dome, charged_ball, six_coordinates,
)  # fmt: skip
"""26 problems, written down before any was solved."""
