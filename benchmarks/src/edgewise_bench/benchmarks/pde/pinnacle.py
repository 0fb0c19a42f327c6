"""Problems of PINNacle, a collection for networks that are trained on equations, as far as solutions are known.

Source: Hao et al., "PINNacle: a comprehensive benchmark of physics-informed neural networks for solving PDEs", NeurIPS
2024, and the collection's code, whose settings these are. Its names stand in the titles of tasks.toml.
"""

from math import pi
from typing import Any

import torch

from edgewise.pde import Box, Condition, Disk, Problem
from edgewise_bench.benchmarks.pde.references import Reference

_CENTERS = tuple(complex(x, y) for x in (-0.3, 0.3) for y in (-0.3, 0.3))
_RADIUS = 0.1


def four_holes() -> Problem:
    """Poisson2d-C: u_xx + u_yy = 0, u = 1 on a square's edge and 0 on four circles."""
    box = Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
    holes = [Disk(x=c.real, y=c.imag, radius=_RADIUS) for c in _CENTERS]
    domain: Any = box
    for hole in holes:
        domain = domain - hole
    held = [Condition(domain.boundary(hole), lambda u, p: u.value) for hole in holes]
    outer = Condition(domain.boundary(box), lambda u, p: u.value - 1)
    return Problem(domain, lambda u, p: u.xx + u.yy, [outer, *held])


def four_holes_reference(powers: int = 60, poles: int = 16) -> Reference:
    """Powers of z, and logarithms and poles in the holes and in their images beyond the sides, fitted to the edge."""
    t = torch.linspace(-0.5, 0.5, 400, dtype=torch.float64)
    half = torch.full_like(t, 0.5)
    round_ = torch.exp(1j * torch.linspace(0, 2 * pi, 201, dtype=torch.float64)[1:])
    sides = [torch.complex(a, b) for a, b in ((t, half), (t, -half), (half, t), (-half, t))]
    edge = torch.cat([*sides, *(center + _RADIUS * round_ for center in _CENTERS)])
    wanted = torch.cat([torch.ones(1600), torch.zeros(800)]).double()
    found = torch.linalg.lstsq(_harmonic(edge, powers, poles), wanted[:, None], driver="gelsd").solution
    points = four_holes().domain.points(20_000)
    return Reference(points, (_harmonic(torch.complex(*points.T), powers, poles) @ found)[:, 0])


def _harmonic(z: torch.Tensor, powers: int, poles: int) -> torch.Tensor:
    """Real and imaginary parts of (z / .7)^k, log |z - c| and (.1 / (z - c))^k: (n, functions)."""
    whole = [(z / 0.7) ** k for k in range(powers + 1)]
    centers = [complex(x, y) for x in (-0.7, -0.3, 0.3, 0.7) for y in (-0.7, -0.3, 0.3, 0.7)]
    whole += [(_RADIUS / (z - c)) ** k for c in centers for k in range(1, poles + 1)]
    logs = [(z - c).abs().log() for c in centers]
    return torch.stack([*(w.real for w in whole), *(w.imag for w in whole[1:]), *logs], 1)


def heat_scales() -> Problem:
    """Heat2d-MS: diffusion that is 250,000 times as strong along y as along x."""
    box = Box(t=(0, 5), x=(0, 1), y=(0, 1))
    start = Condition(box.face(t=0), lambda u, p: u.value - torch.sin(20 * pi * p.x) * torch.sin(pi * p.y))
    edge = Condition(box.boundary("x", "y"), lambda u, p: u.value)
    return Problem(box, lambda u, p: u.t - u.xx / (500 * pi) ** 2 - u.yy / pi**2, [start, edge])


def faded(p: Any) -> torch.Tensor:
    """Return the solution of `heat_scales`."""
    return torch.sin(20 * pi * p.x) * torch.sin(pi * p.y) * torch.exp(-(1 + 0.04**2) * p.t)


def sum_5d() -> Problem:
    """PNd: u_aa + ... + u_ee = -(pi / 2)^2 (sin(pi a / 2) + ... + sin(pi e / 2)) in a cube of five coordinates."""
    cube = Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 1), e=(0, 1))
    left = lambda u, p: sum(u.d(x, x) for x in "abcde") + pi**2 / 4 * bows(p)  # noqa: E731
    return Problem(cube, left, [Condition(cube.boundary(), lambda u, p: u.value - bows(p))])


def bows(p: Any) -> torch.Tensor:
    """Return the solution of `sum_5d`."""
    return torch.stack([torch.sin(pi / 2 * x) for x in (p.a, p.b, p.c, p.d, p.e)]).sum(0)
