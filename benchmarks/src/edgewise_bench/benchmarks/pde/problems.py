"""Differential equations at the parameters that are usual in the field, each as a user states it."""

from collections.abc import Callable
from math import pi
from typing import Any

import torch

from edgewise.pde import Box, Condition, Disk, Polygon, Problem, periodic

STRIP = Box(t=(0, 1), x=(-1, 1))


def _evolution(box: Box, residual: Any, start: Callable[[Any], torch.Tensor], *sides: Condition) -> Problem:
    """State an equation of evolution whose unknown is a function of p at the beginning."""
    return Problem(box, residual, [Condition(box.face(t=0), lambda u, p: u.value - start(p)), *sides])


def _zero(where: Any) -> Condition:
    """Hold the unknown at zero."""
    return Condition(where, lambda u, p: u.value)


def burgers(viscosity: float) -> Problem:
    return _evolution(
        STRIP, lambda u, p: u.t + u.value * u.x - viscosity * u.xx, lambda p: -torch.sin(pi * p.x),
        _zero(STRIP.boundary("x")),
    )  # fmt: skip


def allen_cahn() -> Problem:
    return _evolution(
        STRIP, lambda u, p: u.t - 1e-4 * u.xx - 5 * (u.value - u.value**3), lambda p: p.x**2 * torch.cos(pi * p.x),
        periodic(STRIP, "x"),
    )  # fmt: skip


def korteweg() -> Problem:
    return _evolution(
        STRIP, lambda u, p: u.t + u.value * u.x + 0.022**2 * u.xxx, lambda p: torch.cos(pi * p.x), periodic(STRIP, "x")
    )


def kuramoto(duration: float) -> Problem:
    strip, (a, b, c) = Box(t=(0, duration), x=(0, 2 * pi)), (100 / 16, 100 / 16**2, 100 / 16**4)
    return _evolution(
        strip, lambda u, p: u.t + a * u.value * u.x + b * u.xx + c * u.xxxx,
        lambda p: torch.cos(p.x) * (1 + torch.sin(p.x)), periodic(strip, "x"),
    )  # fmt: skip


def waves(p: Any) -> torch.Tensor:
    """Return the solution of `wave`."""
    slow = torch.sin(pi * p.x) * torch.cos(2 * pi * p.t)
    return slow + 0.5 * torch.sin(4 * pi * p.x) * torch.cos(8 * pi * p.t)


def wave() -> Problem:
    square = Box(t=(0, 1), x=(0, 1))
    start = lambda p: torch.sin(pi * p.x) + 0.5 * torch.sin(4 * pi * p.x)  # noqa: E731
    rest = Condition(square.face(t=0), lambda u, p: u.t)
    return _evolution(square, lambda u, p: u.tt - 4 * u.xx, start, rest, _zero(square.boundary("x")))


def schroedinger() -> Problem:
    strip = Box(t=(0, pi / 2), x=(-5, 5))

    def left(h: Any, p: Any) -> tuple[torch.Tensor, torch.Tensor]:
        u, v = h  # i h_t + h_xx / 2 + |h|^2 h = 0 with h = u + i v
        density = u.value**2 + v.value**2
        return u.t + 0.5 * v.xx + density * v.value, v.t - 0.5 * u.xx - density * u.value

    def start(h: Any, p: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return h[0].value - 2 / torch.cosh(p.x), h[1].value

    return Problem(strip, left, [Condition(strip.face(t=0), start), periodic(strip, "x")], unknowns=2)


def advection() -> Problem:
    strip = Box(t=(0, 1), x=(0, 2 * pi))
    return _evolution(strip, lambda u, p: u.t + 30 * u.x, lambda p: torch.sin(p.x), periodic(strip, "x"))


def carried(p: Any) -> torch.Tensor:
    """Return the solution of `advection`."""
    return torch.sin(p.x - 30 * p.t)


def warmth(p: Any) -> torch.Tensor:
    """Return the solution of `heat`."""
    slow, fast = torch.exp(-0.1 * pi**2 * p.t), torch.exp(-0.9 * pi**2 * p.t)
    return slow * torch.sin(pi * p.x) + 0.5 * fast * torch.sin(3 * pi * p.x)


def heat() -> Problem:
    rod = Box(t=(0, 1), x=(0, 1))
    start = lambda p: torch.sin(pi * p.x) + 0.5 * torch.sin(3 * pi * p.x)  # noqa: E731
    return _evolution(rod, lambda u, p: u.t - 0.1 * u.xx, start, _zero(rod.boundary("x")))


_SQUARE = Box(x=(-1, 1), y=(-1, 1))
_RATE = 20 - (400 + 4 * pi**2) ** 0.5  # of Kovasznay's flow at Reynolds number 40


def _inside(n: Any, p: Any) -> torch.Tensor:
    """Let a network vanish at the edge."""
    return (1 - p.x**2) * (1 - p.y**2) * n


def ripples(p: Any) -> torch.Tensor:
    """Return the solution of `helmholtz`."""
    return torch.sin(pi * p.x) * torch.sin(4 * pi * p.y)


def helmholtz() -> Problem:
    left = lambda u, p: (  # noqa: E731
        u.xx + u.yy + u.value - (1 - 17 * pi**2) * torch.sin(pi * p.x) * torch.sin(4 * pi * p.y)
    )
    return Problem(_SQUARE, left, ansatz=_inside)


def hills(p: Any) -> torch.Tensor:
    """Return the solution of `poisson`."""
    return torch.sin(pi * p.x) * torch.sin(pi * p.y**2)


def poisson() -> Problem:
    def left(u: Any, p: Any) -> torch.Tensor:
        bent = -(pi**2) * (1 + 4 * p.y**2) * torch.sin(pi * p.x) * torch.sin(pi * p.y**2)
        return u.xx + u.yy - bent - 2 * pi * torch.sin(pi * p.x) * torch.cos(pi * p.y**2)

    return Problem(_SQUARE, left, ansatz=_inside)


def sines(p: Any) -> torch.Tensor:
    """Return the solution of `poisson_5d`."""
    return torch.stack([torch.sin(pi * x) for x in (p.a, p.b, p.c, p.d, p.e)]).prod(0)


def poisson_5d() -> Problem:
    cube = Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 1), e=(0, 1))
    left = lambda u, p: sum(u.d(x, x) for x in "abcde") + 5 * pi**2 * sines(p)  # noqa: E731
    return Problem(cube, left, [_zero(cube.boundary())])


def kovasznay_flow(p: Any) -> torch.Tensor:
    """Return the horizontal speed of `kovasznay`."""
    return 1 - torch.exp(_RATE * p.x) * torch.cos(2 * pi * p.y)


def kovasznay() -> Problem:
    box = Box(x=(-0.5, 1), y=(-0.5, 1.5))

    def flow(w: Any, p: Any) -> tuple[torch.Tensor, ...]:
        u, v, q = w
        along = u.value * u.x + v.value * u.y + q.x - (u.xx + u.yy) / 40
        across = u.value * v.x + v.value * v.y + q.y - (v.xx + v.yy) / 40
        return along, across, u.x + v.y

    def known(w: Any, p: Any) -> tuple[torch.Tensor, ...]:
        u, v, q = w
        wake = torch.exp(_RATE * p.x)
        across = _RATE / (2 * pi) * wake * torch.sin(2 * pi * p.y)
        return u.value - 1 + wake * torch.cos(2 * pi * p.y), v.value - across, q.value - (1 - wake**2) / 2

    return Problem(box, flow, [Condition(box.boundary(), known)], unknowns=3)


def saddle(p: Any) -> torch.Tensor:
    """Return the solution of `disk`."""
    return torch.sin(3 * p.x) * torch.exp(p.y)


def disk() -> Problem:
    around = Disk(x=0, y=0, radius=1)
    edge = Condition(around.boundary(), lambda u, p: u.value - saddle(p))
    return Problem(around, lambda u, p: u.xx + u.yy + 8 * torch.sin(3 * p.x) * torch.exp(p.y), [edge])


def lshape() -> Problem:
    shape = Polygon(((0, 0), (1, 0), (1, 1), (-1, 1), (-1, -1), (0, -1)))
    return Problem(shape, lambda u, p: u.xx + u.yy + 1, [_zero(shape.boundary())])


def cavity() -> Problem:
    box = Box(x=(0, 1), y=(0, 1))

    def left(s: Any, p: Any) -> torch.Tensor:
        carried = s.y * (s.xxx + s.xyy) - s.x * (s.xxy + s.yyy)
        return carried - (s.xxxx + 2 * s.xxyy + s.yyyy) / 100

    walls = [
        _zero(box.boundary()),
        Condition(box.boundary("x"), lambda s, p: s.x),
        Condition(box.face(y=0), lambda s, p: s.y),
        Condition(box.face(y=1), lambda s, p: s.y - 1),
    ]
    return Problem(box, left, walls)
