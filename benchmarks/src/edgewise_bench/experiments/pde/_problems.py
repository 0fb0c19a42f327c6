"""Six differential equations, their solutions, and what the networks that are compared see of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import pi
from typing import Any

import torch

from edgewise.pde import Box, Condition, Problem, measured, periodic
from edgewise_bench.baselines import burgers_at
from edgewise_bench.experiments.pde._reference import Truth, allen_cahn, burgers, exact

_SQUARE = Box(x=(-1, 1), y=(-1, 1))
_ROD = Box(t=(0, 1), x=(0, 1))
_STRIP = Box(t=(0, 1), x=(-1, 1))
_CONDUCTIVITY = 0.1
_VISCOSITY = 0.02
_DIFFUSION, _REACTION = 1e-2, 5.0
_MEASUREMENTS = 500
_LARGE = (2, 75, 75, 75, 1)  # 11,701 parameters: about 20 times those of the splines


@dataclass(frozen=True)
class Task:
    """A problem, the MLPs that it is solved with, and how many points all networks see.

    truth takes the rows and columns of a lattice. constant: the true value of the unknown one, where there is one.
    """

    title: str
    problem: Callable[[], Problem]
    truth: Callable[[int, int], Truth]
    points: int = 2240  # four for each parameter of a network [2, 5, 1] of splines
    boundary: int = 400
    small: tuple[int, ...] = (2, 15, 15, 15, 1)
    large: tuple[int, ...] = _LARGE
    constant: float | None = None


def _poisson() -> Problem:
    def load(p: Any) -> Any:
        bent = -(pi**2) * (1 + 4 * p.y**2) * torch.sin(pi * p.x) * torch.sin(pi * p.y**2)
        return bent + 2 * pi * torch.sin(pi * p.x) * torch.cos(pi * p.y**2)

    edge = Condition(_SQUARE.boundary(), lambda u, p: u.value, weight=100)
    return Problem(_SQUARE, lambda u, p: u.xx + u.yy - load(p), [edge])


def _helmholtz() -> Problem:
    def left(u: Any, p: Any) -> Any:
        return u.xx + u.yy + u.value - (1 - 17 * pi**2) * torch.sin(pi * p.x) * torch.sin(4 * pi * p.y)

    return Problem(_SQUARE, left, ansatz=lambda n, p: (1 - p.x**2) * (1 - p.y**2) * n)


def _warm(p: Any) -> Any:
    """Return the heat equation's solution."""
    rate = _CONDUCTIVITY * pi**2
    return torch.exp(-rate * p.t) * torch.sin(pi * p.x) + 0.5 * torch.exp(-9 * rate * p.t) * torch.sin(3 * pi * p.x)


def _heat() -> Problem:
    def whole(n: Any, p: Any) -> Any:
        return torch.sin(pi * p.x) + 0.5 * torch.sin(3 * pi * p.x) + p.t * p.x * (1 - p.x) * n

    return Problem(_ROD, lambda u, p: u.t - _CONDUCTIVITY * u.xx, ansatz=whole)


def _burgers() -> Problem:
    def whole(n: Any, p: Any) -> Any:
        return -torch.sin(pi * p.x) + p.t * (1 - p.x**2) * n

    return Problem(_STRIP, lambda u, p: u.t + u.value * u.x - _VISCOSITY * u.xx, ansatz=whole)


def _allen_cahn() -> Problem:
    def left(u: Any, p: Any) -> Any:
        return u.t - _DIFFUSION * u.xx - _REACTION * (u.value - u.value**3)

    def whole(n: Any, p: Any) -> Any:
        return 0.5 * (1 - torch.cos(pi * p.x)) * torch.cos(pi * p.x) + p.t * n

    return Problem(_STRIP, left, [periodic(_STRIP, "x")], ansatz=whole)


def _viscosity() -> Problem:
    at = _STRIP.points(_MEASUREMENTS, seed=5)
    values = burgers_at(at.numpy(), _VISCOSITY)[:, 0]
    known = [measured(at, values)]
    return Problem(_STRIP, lambda u, p, c: u.t + u.value * u.x - c.nu * u.xx, known, constants={"nu": 0.1})


TASKS = {
    "poisson": Task(
        "u_xx + u_yy = f, zero at the edge",
        _poisson,
        partial(exact, _SQUARE, lambda p: torch.sin(pi * p.x) * torch.sin(pi * p.y**2)),
        large=(2, 100, 100, 100, 1),
    ),
    "helmholtz": Task(
        "u_xx + u_yy + u = f, zero at the edge",
        _helmholtz,
        partial(exact, _SQUARE, lambda p: torch.sin(pi * p.x) * torch.sin(4 * pi * p.y)),
    ),
    "heat": Task("u_t = 0.1 u_xx", _heat, partial(exact, _ROD, _warm), points=1280),
    "burgers": Task("u_t + u u_x = 0.02 u_xx", _burgers, partial(burgers, _STRIP, _VISCOSITY)),
    "allen-cahn": Task(
        "u_t = 0.01 u_xx + 5 (u - u^3), periodic", _allen_cahn, partial(allen_cahn, _STRIP, _DIFFUSION, _REACTION)
    ),
    "viscosity": Task(
        "that of Burgers' equation from 500 measurements",
        _viscosity,
        partial(burgers, _STRIP, _VISCOSITY),
        constant=_VISCOSITY,
    ),
}
"""The problems by their name."""
