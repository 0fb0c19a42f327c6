"""Problems on lines, cut domains and boxes of three coordinates, most of them with a solution that was chosen."""

from collections.abc import Callable
from math import cos, exp, pi, sin
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp

from edgewise.pde import Ball, Box, Condition, Disk, Interface, Polygon, Problem
from edgewise_bench.benchmarks.pde.references import Reference

_LINE, _DISK, _HOLE = Box(x=(0, 1)), Disk(x=0, y=0, radius=1), Disk(x=0.3, y=0.1, radius=0.3)
_MIDDLE, _CUBE = Disk(x=0, y=0, radius=0.4), Box(x=(0, 1), y=(0, 1), z=(0, 1))
_SQUARE = Box(x=(0, 1), y=(0, 1))


def layer(width: float) -> Problem:
    return Problem(
        _LINE, lambda u, p: -width * u.xx + u.x - 1, [Condition(_LINE.boundary(), lambda u, p: u.value)]
    )  # fmt: skip


def layer_reference(width: float) -> Reference:
    """Return the solution of `layer` at points of which half lie in the layer."""
    x = torch.cat([torch.linspace(0, 1, 10_001), 1 - width * torch.linspace(0, 40, 10_001)]).double().clamp_min(0)
    left = exp(-1 / width)
    return Reference(x[:, None], x - (torch.exp((x - 1) / width) - left) / (1 - left))


def oscillation() -> Problem:
    span = Box(x=(0, 2))
    return Problem(
        span, lambda u, p: u.xx + 2500 * u.value, [Condition(span.face(x=0), lambda u, p: (u.value - 1, u.x))]
    )


def periods(p: Any) -> torch.Tensor:
    """Return the solution of `oscillation`."""
    return torch.cos(50 * p.x)


def lorenz() -> Problem:
    span = Box(t=(0, 10))

    def left(u: Any, p: Any) -> tuple[torch.Tensor, ...]:
        x, y, z = u
        return (
            x.t - 10 * (y.value - x.value), y.t - x.value * (28 - z.value) + y.value,
            z.t - x.value * y.value + 8 / 3 * z.value,
        )  # fmt: skip

    begin = Condition(span.face(t=0), lambda u, p: tuple(each.value - 1 for each in u))
    return Problem(span, left, [begin], unknowns=3)


def lorenz_reference() -> Reference:
    slope = lambda t, y: [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]]  # noqa: E731
    return _integrated(slope, 10.0, [1.0, 1.0, 1.0], "DOP853")


def pol() -> Problem:
    span = Box(t=(0, 2000))
    begin = Condition(span.face(t=0), lambda u, p: (u.value - 2, u.t))
    return Problem(span, lambda u, p: u.tt - 1000 * (1 - u.value**2) * u.t + u.value, [begin])


def pol_reference() -> Reference:
    return _integrated(lambda t, y: [y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]], 2000.0, [2.0, 0.0], "Radau")


def robertson() -> Problem:
    span = Box(t=(0, 1e5))

    def left(u: Any, p: Any) -> tuple[torch.Tensor, ...]:
        a, b, c = u
        made, lost = 0.04 * a.value - 1e4 * b.value * c.value, 3e7 * b.value**2
        return a.t + made, b.t - made + lost, c.t - lost

    begin = Condition(span.face(t=0), lambda u, p: (u[0].value - 1, u[1].value, u[2].value))
    return Problem(span, left, [begin], unknowns=3)


def robertson_reference() -> Reference:
    def slope(t: float, y: Any) -> list[float]:
        made, lost = 0.04 * y[0] - 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return [-made, made - lost, lost]

    return _integrated(slope, 1e5, [1.0, 0.0, 0.0], "Radau")


def _integrated(slope: Callable[..., Any], end: float, start: list[float], method: Any) -> Reference:
    """Return the first component by scipy at the smallest tolerances that it takes."""
    t = np.linspace(0, end, 4001)
    found = solve_ivp(slope, (0, end), start, method, t_eval=t, rtol=1e-13, atol=1e-16)
    return Reference(torch.from_numpy(t)[:, None], torch.from_numpy(found.y[0]))


def smooth(p: Any) -> torch.Tensor:
    """Return the chosen solution in the plane, which Laplace's operator makes -3 times itself."""
    return torch.sin(2 * p.x + 0.3) * torch.exp(p.y)


def _sloped(u: Any, p: Any) -> torch.Tensor:
    """What the derivative along the normal differs from that of `smooth` by."""
    return p.nx * (u.x - 2 * torch.cos(2 * p.x + 0.3) * torch.exp(p.y)) + p.ny * (u.y - smooth(p))


def _held(domain: Any, *parts: Any) -> Condition:
    return Condition(domain.boundary(*parts), lambda u, p: u.value - smooth(p))


def ring() -> Problem:
    domain = _DISK - _HOLE
    flux = Condition(domain.boundary(_HOLE), _sloped)
    return Problem(domain, lambda u, p: u.xx + u.yy + 3 * smooth(p), [_held(domain, _DISK), flux])


def annulus() -> Problem:
    domain = _DISK - _MIDDLE
    flux = Condition(domain.boundary(_DISK), _sloped)
    return Problem(domain, lambda u, p: u.xx + u.yy + 3 * smooth(p), [_held(domain, _MIDDLE), flux])


def cubic() -> Problem:
    domain = _DISK - _HOLE
    left = lambda u, p: u.xx + u.yy - u.value**3 + 3 * smooth(p) + smooth(p) ** 3  # noqa: E731
    return Problem(domain, left, [_held(domain)])


def star() -> Problem:
    at = [(1 - 0.5 * (k % 2), pi * k / 5 + 0.2) for k in range(10)]
    domain = Polygon(tuple((r * cos(a), r * sin(a)) for r, a in at))
    return Problem(domain, lambda u, p: u.xx + u.yy + 3 * smooth(p), [_held(domain)])


def keyhole() -> Problem:
    domain = Disk(x=0, y=0, radius=0.5) | Box(x=(-0.2, 0.2), y=(-1.2, 0))
    return Problem(domain, lambda u, p: u.xx + u.yy + 3 * smooth(p), [_held(domain)])


def hexagon() -> Problem:
    outer = Polygon(tuple((cos(pi * k / 3), sin(pi * k / 3)) for k in range(6)))
    hole = Polygon(((-0.2, -0.2), (0.3, -0.15), (0.0, 0.25)))
    domain = outer - hole

    def left(u: Any, p: Any) -> torch.Tensor:
        carried = 2 * torch.cos(2 * p.x + 0.3) * torch.exp(p.y)
        source = 3 * smooth(p) + smooth(p) ** 3 + smooth(p) * carried
        return u.value**3 + u.value * u.x - u.xx - u.yy - source

    robin = Condition(domain.boundary(hole), lambda u, p: _sloped(u, p) + u.value - smooth(p))
    return Problem(domain, left, [_held(domain, outer), robin])


def plate() -> Problem:
    domain = _DISK - _MIDDLE

    def clamped(u: Any, p: Any) -> tuple[torch.Tensor, torch.Tensor]:
        across = p.nx * (u.x - torch.cos(p.x) * torch.cos(2 * p.y))
        return u.value - bent(p), across + p.ny * (u.y + 2 * torch.sin(p.x) * torch.sin(2 * p.y))

    left = lambda u, p: u.xxxx + 2 * u.xxyy + u.yyyy - 25 * bent(p)  # noqa: E731
    return Problem(domain, left, [Condition(domain.boundary(), clamped)])


def bent(p: Any) -> torch.Tensor:
    """Return the solution of `plate`."""
    return torch.sin(p.x) * torch.cos(2 * p.y)


def _speeds(p: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return 2 * torch.sin(p.x + 0.3) * torch.cos(2 * p.y), -torch.cos(p.x + 0.3) * torch.sin(2 * p.y)


def speed(p: Any) -> torch.Tensor:
    """Return the first component of the flows."""
    return _speeds(p)[0]


def flow(reynolds: float, hole: float) -> Problem:
    domain: Any = _SQUARE - Disk(x=0.5, y=0.5, radius=hole) if hole else _SQUARE

    def left(w: Any, p: Any) -> tuple[torch.Tensor, ...]:
        (u, v, q), (one, two) = w, _speeds(p)
        a, b = 2 * torch.cos(p.x + 0.3) * torch.cos(2 * p.y), 4 * torch.sin(p.x + 0.3) * torch.sin(2 * p.y)
        along = reynolds * (u.value * u.x + v.value * u.y - one * a + two * b)
        across = reynolds * (u.value * v.x + v.value * v.y - one * b / 4 + two * a)
        forces = 5 * one - torch.sin(p.x) * p.y, 5 * two + torch.cos(p.x)
        return q.x - u.xx - u.yy + along - forces[0], q.y - v.xx - v.yy + across - forces[1], u.x + v.y

    walls = Condition(
        domain.boundary(), lambda w, p: tuple(each.value - own for each, own in zip(w, _speeds(p), strict=False))
    )
    level = Condition(torch.zeros(1, 2, dtype=torch.float64), lambda w, p: w[2].value - torch.cos(p.x) * p.y)
    return Problem(domain, left, [walls, level], unknowns=3)


def waved(p: Any) -> torch.Tensor:
    """Return the chosen solution in three coordinates."""
    return torch.sin(2 * (p.x + p.y * p.z))


def cube(power: int) -> Problem:
    return _solid(_CUBE, power)


def ball(power: int) -> Problem:
    return _solid(Ball(x=0, y=0, z=0, radius=1), power)


def hollow() -> Problem:
    return _solid(Ball(x=0, y=0, z=0, radius=1) - Ball(x=0.1, y=0, z=0, radius=0.5), 1)


def _solid(domain: Any, power: int) -> Problem:
    def left(u: Any, p: Any) -> torch.Tensor:
        added = u.value**3 - waved(p) ** 3 if power == 3 else 0.0
        return added - u.xx - u.yy - u.zz - 4 * waved(p) * (1 + p.y**2 + p.z**2)

    return Problem(domain, left, [Condition(domain.boundary(), lambda u, p: u.value - waved(p))])


_PLATE, _CORE = Box(x=(-1, 1), y=(-1, 1)), Disk(x=0.1, y=0.05, radius=0.5)
_LEFT = Polygon(((-2, -2), (0.3, -2), (-0.2, 2), (-2, 2)))


def jump() -> Problem:
    """Return a conductivity of 100 to the left of an oblique line, and of 1 to its right."""
    k = _LEFT.piecewise(100.0, 1.0)

    def left(u: Any, p: Any) -> torch.Tensor:
        return k(p) * (u.xx + u.yy) + 4.0625 * torch.sin(2 * _beyond(p))

    return _two(_LEFT, left, kinked)


def _beyond(p: Any) -> torch.Tensor:
    return p.x - 0.05 + 0.125 * p.y


def kinked(p: Any) -> torch.Tensor:
    """Return the solution of `jump`."""
    wave = torch.sin(2 * _beyond(p))
    return torch.where(_beyond(p) < 0, wave / 100, wave)


def core() -> Problem:
    """Return a conductivity of 100 in a disk, and of 1 around it."""
    k = _CORE.piecewise(100.0, 1.0)

    def left(u: Any, p: Any) -> torch.Tensor:
        r2 = (p.x - 0.1) ** 2 + (p.y - 0.05) ** 2
        return k(p) * (u.xx + u.yy) + 4 * torch.sin(r2) + 4 * r2 * torch.cos(r2)

    return _two(_CORE, left, cored)


def cored(p: Any) -> torch.Tensor:
    """Return the solution of `core`."""
    r2 = (p.x - 0.1) ** 2 + (p.y - 0.05) ** 2
    return torch.where(r2 <= 0.25, torch.cos(r2) / 100, torch.cos(r2) - 0.99 * cos(0.25))


def _two(region: Any, left: Any, exact: Any) -> Problem:
    flux = lambda u, p: p.nx * u.x + p.ny * u.y  # noqa: E731
    meet = Interface(region, lambda u, v, p: (u.value - v.value, 100 * flux(u, p) - flux(v, p)))
    return Problem(_PLATE, left, [Condition(_PLATE.boundary(), lambda u, p: u.value - exact(p)), meet])


_SQUARE = Box(x=(0, 1), y=(0, 1))


def front() -> Problem:
    """Return a wave front across both coordinates, as in the collection of test problems of NIST."""

    def left(u: Any, p: Any) -> torch.Tensor:
        far = torch.sqrt((p.x - 1.25) ** 2 + (p.y + 0.25) ** 2)
        z = 60 * (far - 1)
        return u.xx + u.yy - 60 / (1 + z**2) / far + 7200 * z / (1 + z**2) ** 2

    return Problem(_SQUARE, left, [Condition(_SQUARE.boundary(), lambda u, p: u.value - fronted(p))])


def fronted(p: Any) -> torch.Tensor:
    """Return the solution of `front`."""
    return torch.atan(60 * (torch.sqrt((p.x - 1.25) ** 2 + (p.y + 0.25) ** 2) - 1))


def peak() -> Problem:
    """Return a peak of width 0.03, as in the collection of test problems of NIST."""

    def left(u: Any, p: Any) -> torch.Tensor:
        square = (p.x - 0.5) ** 2 + (p.y - 0.5) ** 2
        return u.xx + u.yy - (4e6 * square - 4000) * peaked(p)

    return Problem(_SQUARE, left, [Condition(_SQUARE.boundary(), lambda u, p: u.value - peaked(p))])


def peaked(p: Any) -> torch.Tensor:
    """Return the solution of `peak`."""
    return torch.exp(-1000 * ((p.x - 0.5) ** 2 + (p.y - 0.5) ** 2))
