"""Equations of evolution at the parameters that are usual in the field, each as a user states it."""

from math import pi
from typing import Any

import torch

from edgewise.pde import Box, Condition, Problem, periodic


def burgers(viscosity: float) -> Problem:
    strip = Box(t=(0, 1), x=(-1, 1))
    return Problem(
        strip,
        lambda u, p: u.t + u.value * u.x - viscosity * u.xx,
        [
            Condition(strip.face(t=0), lambda u, p: u.value + torch.sin(pi * p.x)),
            Condition(strip.boundary("x"), lambda u, p: u.value),
        ],
    )


def allen_cahn() -> Problem:
    strip = Box(t=(0, 1), x=(-1, 1))
    return Problem(
        strip,
        lambda u, p: u.t - 1e-4 * u.xx - 5 * (u.value - u.value**3),
        [
            Condition(strip.face(t=0), lambda u, p: u.value - p.x**2 * torch.cos(pi * p.x)),
            periodic(strip, "x"),
        ],
    )


def korteweg() -> Problem:
    strip = Box(t=(0, 1), x=(-1, 1))
    return Problem(
        strip,
        lambda u, p: u.t + u.value * u.x + 0.022**2 * u.xxx,
        [
            Condition(strip.face(t=0), lambda u, p: u.value - torch.cos(pi * p.x)),
            periodic(strip, "x"),
        ],
    )


def kuramoto(duration: float) -> Problem:
    strip = Box(t=(0, duration), x=(0, 2 * pi))
    a, b, c = 100 / 16, 100 / 16**2, 100 / 16**4
    return Problem(
        strip,
        lambda u, p: u.t + a * u.value * u.x + b * u.xx + c * u.xxxx,
        [
            Condition(strip.face(t=0), lambda u, p: u.value - torch.cos(p.x) * (1 + torch.sin(p.x))),
            periodic(strip, "x"),
        ],
    )


def waves(p: Any) -> torch.Tensor:
    """Return the solution of `wave`."""
    slow = torch.sin(pi * p.x) * torch.cos(2 * pi * p.t)
    return slow + 0.5 * torch.sin(4 * pi * p.x) * torch.cos(8 * pi * p.t)


def wave() -> Problem:
    square = Box(t=(0, 1), x=(0, 1))
    return Problem(
        square,
        lambda u, p: u.tt - 4 * u.xx,
        [
            Condition(square.face(t=0), lambda u, p: u.value - torch.sin(pi * p.x) - 0.5 * torch.sin(4 * pi * p.x)),
            Condition(square.face(t=0), lambda u, p: u.t),
            Condition(square.boundary("x"), lambda u, p: u.value),
        ],
    )


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
    return Problem(
        strip,
        lambda u, p: u.t + 30 * u.x,
        [
            Condition(strip.face(t=0), lambda u, p: u.value - torch.sin(p.x)),
            periodic(strip, "x"),
        ],
    )


def warmth(p: Any) -> torch.Tensor:
    """Return the solution of `heat`."""
    slow, fast = torch.exp(-0.1 * pi**2 * p.t), torch.exp(-0.9 * pi**2 * p.t)
    return slow * torch.sin(pi * p.x) + 0.5 * fast * torch.sin(3 * pi * p.x)


def heat() -> Problem:
    rod = Box(t=(0, 1), x=(0, 1))
    return Problem(
        rod,
        lambda u, p: u.t - 0.1 * u.xx,
        [
            Condition(rod.face(t=0), lambda u, p: u.value - torch.sin(pi * p.x) - 0.5 * torch.sin(3 * pi * p.x)),
            Condition(rod.boundary("x"), lambda u, p: u.value),
        ],
    )
