"""Boundary value problems in two coordinates by parameters."""

from __future__ import annotations

from math import exp, pi
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Box, Disk, Problem, periodic
from edgewise_bench.benchmarks.claims._stated import MANY, NONE, Stated, at, zero

SQUARE = Box(x=(0, 1), y=(0, 1))
EDGES = at(SQUARE.boundary(), zero)


def _normal(u: Any, p: Any) -> Tensor:
    return p.nx * u.x + p.ny * u.y


def waves(k: float) -> Stated:
    exact = lambda p: torch.sin(k * pi * p.x) * torch.sin(pi * p.y)  # noqa: E731
    problem = Problem(SQUARE, lambda u, p: u.xx + u.yy + (k**2 + 1) * pi**2 * exact(p), [EDGES])
    return Stated(problem, (exact,))


def insulated_plate(mean: float) -> Stated:
    load = lambda p: mean + torch.cos(pi * p.x) * torch.cos(2 * pi * p.y)  # noqa: E731
    problem = Problem(SQUARE, lambda u, p: u.xx + u.yy - load(p), [at(SQUARE.boundary(), _normal)])
    return Stated(problem, NONE if mean else MANY, 1e-4)


def resonant_plate(shift: float) -> Stated:
    """Helmholtz' equation near its eigenvalue 5 pi^2, or at it: where shift is 0, and where the load spares it, -1."""
    own = 5 * pi**2 * (1 + max(shift, 0.0))
    m, n = (1, 1) if shift == -1 else (2, 1)
    load = lambda p: torch.sin(m * pi * p.x) * torch.sin(n * pi * p.y)  # noqa: E731
    problem = Problem(SQUARE, lambda u, p: u.xx + u.yy + own * u.value - load(p), [EDGES])
    if shift == 0:
        return Stated(problem, NONE, 1e-4)
    if shift == -1:
        return Stated(problem, MANY, 1e-4)
    return Stated(problem, (lambda p: load(p) / (own - 5 * pi**2),), 1e-5)


def open_plate(which: float) -> Stated:
    """Conditions of which one or more were forgotten."""
    ring = Disk(x=0, y=0, radius=1) - Disk(x=0, y=0, radius=0.5)
    problems = [
        Problem(SQUARE, lambda u, p: u.xx + u.yy + 1, [at(SQUARE.boundary("x"), zero)]),
        Problem(SQUARE, lambda u, p: u.xx + u.yy + 1, [at(SQUARE.boundary("x"), zero), at(SQUARE.face(y=0), zero)]),
        Problem(SQUARE, lambda u, p: u.xx + u.yy - torch.cos(2 * pi * p.x),
                [periodic(SQUARE, "x"), at(SQUARE.boundary("y"), lambda u, p: u.y)]),
        Problem(ring, lambda u, p: u.xx + u.yy + 1, [at(ring.boundary(), lambda u, p: p.nx * u.x + p.ny * u.y)]),
    ]  # fmt: skip
    return Stated(problems[int(which)], NONE if which == 3 else MANY, 1e-4)


def plate_layer(eps: float) -> Stated:
    def exact(p: Any) -> Tensor:
        return (p.x - (torch.exp((p.x - 1) / eps) - exp(-1 / eps)) / (1 - exp(-1 / eps))) * torch.sin(pi * p.y)

    def load(p: Any) -> Tensor:
        rise = torch.sin(pi * p.y)
        return rise + eps * pi**2 * exact(p)

    return Stated(Problem(SQUARE, lambda u, p: -eps * (u.xx + u.yy) + u.x - load(p), [EDGES]), (exact,), 1e-5)


def cubic_plate(size: float) -> Stated:
    exact = lambda p: size * torch.sin(pi * p.x) * torch.sin(pi * p.y)  # noqa: E731
    load = lambda p: -2 * pi**2 * exact(p) - exact(p) ** 3  # noqa: E731
    return Stated(Problem(SQUARE, lambda u, p: u.xx + u.yy - u.value**3 - load(p), [EDGES]), (exact,))


def heated_strip(rate: float) -> Stated:
    """The heat equation as a problem on a rectangle."""
    box = Box(x=(0, 1), t=(0, 1))
    sides = [at(box.face(t=0), lambda u, p: u.value - torch.sin(pi * p.x)), at(box.boundary("x"), zero)]
    exact = lambda p: torch.exp(-rate * pi**2 * p.t) * torch.sin(pi * p.x)  # noqa: E731
    return Stated(Problem(box, lambda u, p: u.t - rate * u.xx, sides), (exact,))
