"""Boundary value problems, eigenvalues, integral equations and initial values on a line, as textbooks have them."""

# ruff: noqa: E731 (formulas, many to a problem)

from __future__ import annotations

from collections.abc import Callable
from math import cosh, pi, sqrt
from typing import Any

import numpy as np
import torch
from scipy import special
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from torch import Tensor

from edgewise.pde import Box, Condition, Integral, Interface, Problem, measured
from edgewise_bench.benchmarks.pde.asked import Asked, constant, one

_UNIT = Box(x=(0, 1))


def _ends(line: Box, low: float, high: float) -> list[Condition]:
    """Return what holds the unknown's values at both ends of x."""
    (a, b) = (float(line.low[0]), float(line.high[0]))
    return [
        Condition(line.face(x=a), lambda u, p, *c: u.value - low),
        Condition(line.face(x=b), lambda u, p, *c: u.value - high),
    ]


def _numpy(function: Callable[[Any], Any]) -> Callable[[Any], Tensor]:
    """Return a function of the coordinate x (or t) that numpy computes."""
    return lambda p: torch.as_tensor(function((p.x if hasattr(p, "x") else p.t).numpy()), dtype=torch.float64)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-15, full_output=False))  # type: ignore[arg-type]


def _shot(slope: Callable[..., Any], start: list[float], low: float, high: float) -> Callable[[Any], Any]:
    """Return the first unknown of y' = slope(x, y) by an explicit method at its tightest tolerance."""
    return lambda x: solve_ivp(slope, (low, high), start, "DOP853", rtol=1e-13, atol=1e-14, dense_output=True).sol(x)[0]


def bratu() -> Asked:
    theta = _root(lambda t: t - sqrt(2) * cosh(t / 4), 0.1, 4)
    problem = lambda: Problem(_UNIT, lambda u, p: u.xx + torch.exp(u.value), _ends(_UNIT, 0, 0))
    return one(problem, lambda p: -2 * torch.log(torch.cosh((p.x - 0.5) * theta / 2) / cosh(theta / 4)))


def blasius() -> Asked:
    line = Box(x=(0, 10))
    held = [
        Condition(line.face(x=0), lambda u, p: (u.value, u.x)),
        Condition(line.face(x=10), lambda u, p: u.x - 1),
    ]
    problem = lambda: Problem(line, lambda u, p: u.xxx + u.value * u.xx / 2, held)
    read = lambda found: float(found.at(torch.zeros(1, 1, dtype=torch.float64), 2).xx)
    return Asked(problem, number=(read, 0.332057336215196))


def falkner_skan() -> Asked:
    line = Box(x=(0, 8))
    held = [
        Condition(line.face(x=0), lambda u, p: (u.value, u.x)),
        Condition(line.face(x=8), lambda u, p: u.x - 1),
    ]
    problem = lambda: Problem(line, lambda u, p: u.xxx + u.value * u.xx + 0.5 * (1 - u.x**2), held)
    read = lambda found: float(found.at(torch.zeros(1, 1, dtype=torch.float64), 2).xx)
    return Asked(problem, number=(read, 0.927680039837))


def airy() -> Asked:
    line, exact = Box(x=(-20, 5)), lambda x: special.airy(x)[0]
    return one(
        lambda: Problem(line, lambda u, p: u.xx - p.x * u.value, _ends(line, exact(-20.0), exact(5.0))), _numpy(exact)
    )


def bessel() -> Asked:
    line, exact = Box(x=(1, 40)), lambda x: special.jv(3, x)
    left = lambda u, p: p.x**2 * u.xx + p.x * u.x + (p.x**2 - 9) * u.value
    return one(lambda: Problem(line, left, _ends(line, exact(1.0), exact(40.0))), _numpy(exact))


def legendre() -> Asked:
    line = Box(x=(-1, 1))
    left = lambda u, p: (1 - p.x**2) * u.xx - 2 * p.x * u.x + 42 * u.value
    return one(lambda: Problem(line, left, _ends(line, 1, 1)), _numpy(lambda x: special.eval_legendre(6, x)))


def lane_emden() -> Asked:
    line = Box(x=(0, 5))
    begin = Condition(line.face(x=0), lambda u, p: (u.value - 1, u.x))
    problem = lambda: Problem(line, lambda u, p: p.x * u.xx + 2 * u.x + p.x * u.value**5, [begin])
    return one(problem, lambda p: (1 + p.x**2 / 3) ** -0.5)


def cantilever() -> Asked:
    held = [
        Condition(_UNIT.face(x=0), lambda u, p: (u.value, u.x)),
        Condition(_UNIT.face(x=1), lambda u, p: (u.xx, u.xxx)),
    ]
    return one(
        lambda: Problem(_UNIT, lambda u, p: u.xxxx + 1, held), lambda p: -(p.x**4) / 24 + p.x**3 / 6 - p.x**2 / 4
    )


def foundation() -> Asked:
    """A beam on springs: u'''' + 4 k^4 u = 1 with simple supports, by its sine series."""
    k, odd = 10.0, np.arange(1, 801, 2) * pi
    sides = Condition(_UNIT.boundary(), lambda u, p: (u.value, u.xx))
    weights = 4 / odd / (odd**4 + 4 * k**4)
    problem = lambda: Problem(_UNIT, lambda u, p: u.xxxx + 4 * k**4 * u.value - 1, [sides])
    return one(problem, _numpy(lambda x: np.sin(x[:, None] * odd) @ weights))


def two_layers() -> Asked:
    e, root = 1e-6, 1e-3
    problem = lambda: Problem(_UNIT, lambda u, p: -e * u.xx + u.value - 1, _ends(_UNIT, 0, 0))
    fall = lambda d: torch.exp(-d / root)
    return one(problem, lambda p: 1 - (fall(p.x) + fall(1 - p.x)) / (1 + fall(torch.ones(()).double())))


def stoer_bulirsch() -> Asked:
    """u'' = 3/2 u^2, which has two solutions."""
    other = _shot(lambda x, y: [y[1], 1.5 * y[0] ** 2], [4.0, -35.858548727854394], 0, 1)
    problem = lambda: Problem(_UNIT, lambda u, p: u.xx - 1.5 * u.value**2, _ends(_UNIT, 4, 1))
    return Asked(problem, (lambda p: 4 / (1 + p.x) ** 2, _numpy(other)))


def mathieu() -> Asked:
    line = Box(x=(0, pi))
    held = [
        Condition(line.boundary(), lambda u, p, c: u.x),
        Integral(line, lambda u, p, c: u.value**2, equals=1),
    ]
    left = lambda u, p, c: -u.xx + 10 * torch.cos(2 * p.x) * u.value - c.a * u.value
    return Asked(
        lambda: Problem(line, left, held, constants={"a": -5.0}), number=(constant("a"), float(special.mathieu_a(0, 5)))
    )


def quartic() -> Asked:
    line = Box(x=(-6, 6))
    held = [
        Condition(line.boundary(), lambda u, p, c: u.value),
        Integral(line, lambda u, p, c: u.value**2, equals=1),
    ]
    left = lambda u, p, c: -u.xx + p.x**4 * u.value - c.E * u.value
    return Asked(lambda: Problem(line, left, held, constants={"E": 1.0}), number=(constant("E"), 1.0603620904841829))


def drum() -> Asked:
    """The lowest tone of a drum that moves alike in all directions."""
    held = [
        Condition(_UNIT.face(x=0), lambda u, p, c: u.x),
        Condition(_UNIT.face(x=1), lambda u, p, c: u.value),
        Integral(_UNIT, lambda u, p, c: u.value**2 * p.x, equals=1),
    ]
    left = lambda u, p, c: p.x * u.xx + u.x + c.k * p.x * u.value
    true = float(special.jn_zeros(0, 1)[0] ** 2)
    return Asked(lambda: Problem(_UNIT, left, held, constants={"k": 5.0}), number=(constant("k"), true))


def fredholm() -> Asked:
    line = Box(x=(0, pi / 2))
    whole = Integral(line, lambda u, p, c: p.x * u.value - c.m * 2 / pi)
    left = lambda u, p, c: u.value - torch.sin(p.x) + p.x - p.x * c.m
    return one(lambda: Problem(line, left, [whole], constants={"m": 0.0}), lambda p: torch.sin(p.x))


def thiele() -> Asked:
    """Diffusion into a catalyst with a reaction of second order."""
    slope = lambda x, y: [y[1], 9 * y[0] ** 2]
    end = lambda c: solve_ivp(slope, (0, 1), [c, 0], "DOP853", rtol=1e-13, atol=1e-14).y[0, -1] - 1
    start = _root(end, 0.01, 0.5)
    held = [Condition(_UNIT.face(x=0), lambda u, p: u.x), Condition(_UNIT.face(x=1), lambda u, p: u.value - 1)]
    return one(
        lambda: Problem(_UNIT, lambda u, p: u.xx - 9 * u.value**2, held), _numpy(_shot(slope, [start, 0.0], 0, 1))
    )


def eddy() -> Asked:
    """An alternating current in a plate: the unknown is complex."""
    held = [Condition(_UNIT.face(x=0), lambda u, p: u.value - 1), Condition(_UNIT.face(x=1), lambda u, p: u.value)]
    root = complex(5, 5)  # the root of 50 i
    exact = lambda p: torch.sinh(root * (1 - p.x)) / torch.sinh(torch.tensor(root))
    return one(lambda: Problem(_UNIT, lambda u, p: u.xx - 50j * u.value, held, complex=True), exact)


def warm_wall() -> Asked:
    """Heat through a wall that conducts by 1 + u."""
    left = lambda u, p: (1 + u.value) * u.xx + u.x**2
    return one(lambda: Problem(_UNIT, left, _ends(_UNIT, 0, 1)), lambda p: torch.sqrt(1 + 3 * p.x) - 1)


def step_load() -> Asked:
    """u'' = -1 right of 0.3 and +1 left of it."""
    a = 0.3
    left = lambda u, p: u.xx - torch.where(p.x < a, 1.0, -1.0)
    slope = -((1 - a) ** 2 / -2 + a**2 / 2 + a * (1 - a))  # by u(1) = 0
    near = lambda x: slope * x + x**2 / 2
    far = lambda x: slope * a + a**2 / 2 + (slope + a) * (x - a) - (x - a) ** 2 / 2
    return one(lambda: Problem(_UNIT, left, _ends(_UNIT, 0, 0)), lambda p: torch.where(p.x < a, near(p.x), far(p.x)))


def point_load() -> Asked:
    a = 0.4
    jump = Interface(Box(x=(0, a)), lambda u, v, p: (u.value - v.value, v.x - u.x + 1))
    problem = lambda: Problem(_UNIT, lambda u, p: u.xx, [*_ends(_UNIT, 0, 0), jump])
    return one(problem, lambda p: torch.where(p.x < a, p.x * (1 - a), a * (1 - p.x)))


def robin() -> Asked:
    held = [
        Condition(_UNIT.face(x=0), lambda u, p: u.x - 2 * u.value + 1),
        Condition(_UNIT.face(x=1), lambda u, p: u.x + u.value),
    ]  # u = b e^-x: -b - 2 b + 1 = 0, and the right end holds by itself
    return one(lambda: Problem(_UNIT, lambda u, p: u.xx - u.value, held), lambda p: torch.exp(-p.x) / 3)


def three_places() -> Asked:
    """u''' = 6 with values at 0, 1/2 and 1."""
    place = lambda x: torch.tensor([[x]], dtype=torch.float64)
    held = [
        Condition(place(0.0), lambda u, p: u.value),
        Condition(place(0.5), lambda u, p: u.value - 1),
        Condition(place(1.0), lambda u, p: u.value),
    ]
    return one(lambda: Problem(_UNIT, lambda u, p: u.xxx - 6, held), lambda p: p.x * (p.x - 1) * (p.x - 4.5))


def no_heat_balance() -> Asked:
    """A rod that is heated and held by nothing."""
    sides = Condition(_UNIT.boundary(), lambda u, p: u.x)
    return Asked(lambda: Problem(_UNIT, lambda u, p: u.xx - 1 - p.x, [sides]), none="NO_SOLUTION")


def any_level() -> Asked:
    sides = Condition(_UNIT.boundary(), lambda u, p: u.x)
    return Asked(lambda: Problem(_UNIT, lambda u, p: u.xx - torch.cos(pi * p.x), [sides]), none="UNDETERMINED")


def riccati() -> Asked:
    """u' = t^2 + u^2 shortly before it becomes infinite (at 2.0031)."""
    line = Box(t=(0, 1.9))
    begin = Condition(line.face(t=0), lambda u, p: u.value)
    exact = lambda t: t * special.jv(0.75, t**2 / 2) / special.jv(-0.25, t**2 / 2)
    return one(lambda: Problem(line, lambda u, p: u.t - p.t**2 - u.value**2, [begin]), _numpy(exact))


def painleve() -> Asked:
    line = Box(t=(0, 2))
    begin = Condition(line.face(t=0), lambda u, p: (u.value, u.t))
    exact = _shot(lambda t, y: [y[1], 6 * y[0] ** 2 + t], [0.0, 0.0], 0, 2)
    return one(lambda: Problem(line, lambda u, p: u.tt - 6 * u.value**2 - p.t, [begin]), _numpy(exact))


def switched_load() -> Asked:
    """An oscillator whose load ends at pi."""
    line = Box(t=(0, 10))
    begin = Condition(line.face(t=0), lambda u, p: (u.value, u.t))
    left = lambda u, p: u.tt + u.value - torch.where(p.t < pi, 1.0, 0.0)
    exact = lambda p: torch.where(p.t < pi, 1 - torch.cos(p.t), -2 * torch.cos(p.t))
    return one(lambda: Problem(line, left, [begin]), exact)


def decay_from_rows() -> Asked:
    """The constant of x'' + c x' + 4 x = 0 from 25 exact values."""
    line = Box(t=(0, 6))
    times = torch.linspace(0, 6, 25, dtype=torch.float64)
    w = sqrt(4 - 0.0625)
    values = torch.exp(-0.25 * times) * torch.cos(w * times)
    left = lambda u, p, c: u.tt + c.c * u.t + 4 * u.value
    return Asked(
        lambda: Problem(line, left, [measured(times[:, None], values)], constants={"c": 1.0}),
        number=(constant("c"), 0.5),
    )


def frank_kamenetskii() -> Asked:
    """A hot cylinder below explosion, which has two solutions."""
    held = [Condition(_UNIT.face(x=0), lambda u, p: u.x), Condition(_UNIT.face(x=1), lambda u, p: u.value)]
    problem = lambda: Problem(_UNIT, lambda u, p: p.x * u.xx + u.x + 1.5 * p.x * torch.exp(u.value), held)
    b = _root(lambda b: 8 * b / (1 + b) ** 2 - 1.5, 1e-3, 1)  # of a cylinder: u = 2 ln((1 + b) / (1 + b x^2))
    return Asked(problem, tuple(lambda p, b=b: 2 * torch.log((1 + b) / (1 + b * p.x**2)) for b in (b, 1 / b)))


LINES = (
    bratu, blasius, falkner_skan, airy, bessel, legendre, lane_emden, cantilever, foundation, two_layers,
    stoer_bulirsch, mathieu, quartic, drum, fredholm, thiele, eddy, warm_wall, step_load, point_load, robin,
    three_places, no_heat_balance, any_level, riccati, painleve, switched_load, decay_from_rows, frank_kamenetskii,
)  # fmt: skip
"""29 problems, written down before any was solved."""
