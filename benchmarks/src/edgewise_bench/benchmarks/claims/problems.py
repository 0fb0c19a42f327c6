"""Made boundary value problems by parameters, and what is true of their solutions: one, none, or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import atan, cosh, exp, pi, sin, sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from torch import Tensor

from edgewise.pde import Box, Disk, Problem, periodic
from edgewise.pde import Condition as at

NONE, MANY = "none", "many"
Exact = Callable[[Any], Tensor]


@dataclass(frozen=True)
class Stated:
    """A problem, and its solutions as functions of the coordinates p; or none, or many.

    Of several unknowns the first is compared. march: solved by `march` rather than by `solve`.
    """

    problem: Problem
    truth: tuple[Exact, ...] | str
    tolerance: float = 1e-6
    march: bool = False


def zero(u: Any, p: Any) -> Tensor:
    """Leave the value."""
    return u.value


def flat(u: Any, p: Any) -> Tensor:
    """Leave the derivative by x."""
    return u.x


def bell_twice(p: Any, center: float, width: float) -> Tensor:
    """Return the second antiderivative of exp(-((x - center) / width)^2) by x."""
    z = (p.x - center) / width
    return width**2 * (torch.pi**0.5 / 2 * z * torch.erf(z) + torch.exp(-(z**2)) / 2)


LINE = Box(x=(0, 1))
ENDS = at(LINE.boundary(), zero)
LEFT, RIGHT = LINE.face(x=0), LINE.face(x=1)


def sine(k: float) -> Stated:
    problem = Problem(LINE, lambda u, p: u.xx + (k * pi) ** 2 * torch.sin(k * pi * p.x), [ENDS])
    return Stated(problem, (lambda p: torch.sin(k * pi * p.x),))


def layer(eps: float) -> Stated:
    return Stated(Problem(LINE, lambda u, p: -eps * u.xx + u.x - 1, [ENDS]), (lambda p: _at_right(p, eps),))


def _at_right(p: Any, eps: float) -> Tensor:
    """Return x with a layer at its right end."""
    return p.x - (torch.exp((p.x - 1) / eps) - exp(-1 / eps)) / (1 - exp(-1 / eps))


def reaction(eps: float) -> Stated:
    w = eps**-0.5
    exact = lambda p: 1 - (torch.exp(-w * p.x) + torch.exp(-w * (1 - p.x))) / (1 + exp(-w))  # noqa: E731
    return Stated(Problem(LINE, lambda u, p: -eps * u.xx + u.value - 1, [ENDS]), (exact,))


def oscillation(w: float) -> Stated:
    box = Box(x=(0, 2))
    start = at(box.face(x=0), lambda u, p: (u.value - 1, u.x))
    return Stated(Problem(box, lambda u, p: u.xx + w**2 * u.value, [start]), (lambda p: torch.cos(w * p.x),))


def spike(width: float) -> Stated:
    where = 0.3137

    def exact(p: Any) -> Tensor:
        ends = [
            bell_twice(SimpleNamespace(x=torch.tensor(x, dtype=torch.float64)), where, width).item() for x in (0.0, 1.0)
        ]
        return ends[0] + (ends[1] - ends[0]) * p.x - bell_twice(p, where, width)

    load = lambda p: torch.exp(-(((p.x - where) / width) ** 2))  # noqa: E731
    return Stated(Problem(LINE, lambda u, p: u.xx + load(p), [ENDS]), (exact,))


def front(width: float) -> Stated:
    """eps u'' + x u' = f, a layer inside."""
    box = Box(x=(-1, 1))

    exact = lambda p: torch.erf(p.x / sqrt(2 * width)) + torch.cos(pi * p.x)  # noqa: E731
    load = lambda p: -width * pi**2 * torch.cos(pi * p.x) - p.x * pi * torch.sin(pi * p.x)  # noqa: E731
    ends = at(box.boundary(), lambda u, p: u.value - exact(p))
    return Stated(Problem(box, lambda u, p: width * u.xx + p.x * u.x - load(p), [ends]), (exact,))


def bratu(load: float, tolerance: float = 1e-4) -> Stated:
    fold = 3.513830719  # of Bratu's equation
    problem = Problem(LINE, lambda u, p: u.xx + load * torch.exp(u.value), [ENDS])
    if load > fold:
        return Stated(problem, NONE, tolerance)
    top = 4.7987145  # theta at the fold
    slope = lambda theta: theta - sqrt(2 * load) * cosh(theta / 4)  # noqa: E731

    def branch(theta: float) -> Exact:
        return lambda p: -2 * torch.log(torch.cosh((p.x - 0.5) * theta / 2) / cosh(theta / 4))

    roots = [brentq(slope, 0.0, top), brentq(slope, top, 40.0)]
    return Stated(problem, tuple(branch(float(theta)) for theta in roots), tolerance)  # pyright: ignore[reportArgumentType]


def insulated(mean: float) -> Stated:
    """u'' = mean + cos(3 pi x), no flux."""
    load = lambda p: mean + torch.cos(3 * pi * p.x)  # noqa: E731
    problem = Problem(LINE, lambda u, p: u.xx - load(p), [at(LINE.boundary(), flat)])
    return Stated(problem, NONE if mean else MANY, 1e-5)


def fluxes(sum_of: float) -> Stated:
    """u'' = 2 with fluxes that balance it where sum_of = 2."""
    sides = [at(LEFT, lambda u, p: u.x + 0.5), at(RIGHT, lambda u, p: u.x - (sum_of - 0.5))]
    return Stated(Problem(LINE, lambda u, p: u.xx - 2, sides), MANY if sum_of == 2 else NONE, 1e-5)


def resonance(k: float) -> Stated:
    """u'' + k^2 pi^2 u = 1."""
    problem = Problem(LINE, lambda u, p: u.xx + (k * pi) ** 2 * u.value - 1, [ENDS])
    if k == round(k):
        return Stated(problem, MANY if k % 2 == 0 else NONE, 1e-5)
    w = k * pi
    slope = -(1 - np.cos(w)) / sin(w)
    return Stated(problem, (lambda p: (1 - torch.cos(w * p.x) + slope * torch.sin(w * p.x)) / w**2,), 1e-5)


def robin(b: float) -> Stated:
    """u'' = 2 with u'(0) = u(0), u'(1) = b u(1): nothing holds a + a x where b = 1/2."""
    sides = [at(LEFT, lambda u, p: u.x - u.value), at(RIGHT, lambda u, p: u.x - b * u.value)]
    problem = Problem(LINE, lambda u, p: u.xx - 2, sides)
    if b == 0.5:
        return Stated(problem, NONE, 1e-5)
    a = (b - 2) / (1 - 2 * b)
    return Stated(problem, (lambda p: a + a * p.x + p.x**2,))


def missing(which: float) -> Stated:
    """Conditions of which one or more were forgotten."""
    pair = lambda u, p: (u[0].x - u[1].value, u[1].x + u[0].value)  # noqa: E731
    clamp = lambda u, p: (u.value, u.x)  # noqa: E731
    problems = [
        Problem(LINE, lambda u, p: u.xx + 1, [at(LEFT, zero)]),
        Problem(LINE, lambda u, p: u.x - u.value),
        Problem(LINE, lambda u, p: u.xxxx - 1, [at(LEFT, clamp), at(RIGHT, zero)]),
        Problem(LINE, pair, [at(LEFT, lambda u, p: u[0].value - 1)], unknowns=2),
        Problem(LINE, lambda u, p: u.xx + u.value**3 - 1, [at(LEFT, zero)]),
        Problem(LINE, lambda u, p: u.xx - p.x, [at(RIGHT, lambda u, p: u.x - 1)]),
        Problem(LINE, lambda u, p: u.xxxx - 1, [at(LEFT, clamp)]),
        Problem(LINE, lambda u, p: u.x + u.value**2, []),
        Problem(LINE, lambda u, p: u.xx + u.x, ansatz=lambda n, p: 1 + p.x * n),
    ]
    return Stated(problems[int(which)], MANY)


def surplus(which: float) -> Stated:
    """One condition too many; with which it agrees in the last two."""
    more = [at(LEFT, lambda u, p: u.x), at(RIGHT, lambda u, p: u.value - 2), at(RIGHT, lambda u, p: u.value - 1)]
    one, first = at(LEFT, lambda u, p: u.value - 1), lambda u, p: u.x - u.value
    problems = [
        (Problem(LINE, lambda u, p: u.xx + 1, [ENDS, more[0]]), NONE),
        (Problem(LINE, first, [one, more[1]]), NONE),
        (Problem(LINE, lambda u, p: u.xx - u.value, [one, more[0], more[2]]), NONE),
        (Problem(LINE, lambda u, p: u.xxxx - 1, [at(LINE.boundary(), lambda u, p: (u.value, u.x, u.xx))]), NONE),
        (Problem(LINE, first, [one, at(RIGHT, lambda u, p: u.value - exp(1))]), (lambda p: torch.exp(p.x),)),
        (Problem(LINE, lambda u, p: u.xx + 2, [ENDS, at(LEFT, lambda u, p: u.x - 1)]), (lambda p: p.x * (1 - p.x),)),
    ]
    problem, truth = problems[int(which)]
    return Stated(problem, truth, 1e-5)


def beam(which: float) -> Stated:
    """u'''' = 24, clamped, a cantilever, and on two supports."""
    ends = [
        (lambda u, p: (u.value, u.x), lambda u, p: (u.value, u.x), lambda p: p.x**2 * (1 - p.x) ** 2),
        (lambda u, p: (u.value, u.x), lambda u, p: (u.xx, u.xxx), lambda p: p.x**2 * (p.x**2 - 4 * p.x + 6)),
        (lambda u, p: (u.value, u.xx), lambda u, p: (u.value, u.xx), lambda p: p.x**4 - 2 * p.x**3 + p.x),
    ]
    left, right, exact = ends[int(which)]
    return Stated(Problem(LINE, lambda u, p: u.xxxx - 24, [at(LEFT, left), at(RIGHT, right)]), (exact,))


def explosion(end: float) -> Stated:
    """u' = u^2, infinite at x = 1."""
    box = Box(x=(0, end))
    problem = Problem(box, lambda u, p: u.x - u.value**2, [at(box.face(x=0), lambda u, p: u.value - 1)])
    return Stated(problem, (lambda p: 1 / (1 - p.x),) if end < 1 else NONE, 1e-5)


def impossible(which: float) -> Stated:
    """Equations that no real function satisfies."""
    one = at(LEFT, lambda u, p: u.value - 1)
    left = [lambda u, p: u.x**2 + 1, lambda u, p: u.value**2 + u.x**2 + 0.5, lambda u, p: torch.exp(u.x) + 1]
    return Stated(Problem(LINE, left[int(which)], [one]), NONE, 1e-4)


def relaxation(rate: float) -> Stated:
    """A quick reaction: u' = -rate (u - cos x) - sin x."""
    box = Box(x=(0, 3))
    left = lambda u, p: u.x + rate * (u.value - torch.cos(p.x)) + torch.sin(p.x)  # noqa: E731
    problem = Problem(box, left, [at(box.face(x=0), lambda u, p: u.value - 2)])
    return Stated(problem, (lambda p: torch.cos(p.x) + torch.exp(-rate * p.x),))


def van_der_pol(mu: float) -> Stated:
    box = Box(t=(0, 2 * mu if mu > 10 else 20))
    left = lambda u, p: (u[0].t - u[1].value, u[1].t - mu * (1 - u[0].value ** 2) * u[1].value + u[0].value)  # noqa: E731
    start = at(box.face(t=0), lambda u, p: (u[0].value - 2, u[1].value))
    return Stated(Problem(box, left, [start], unknowns=2), (lambda p: torch.from_numpy(_orbit(mu)(p.t.numpy())[0]),))


@cache
def _orbit(mu: float) -> Any:
    end = 2 * mu if mu > 10 else 20
    slopes = lambda _, u: (u[1], mu * (1 - u[0] ** 2) * u[1] - u[0])  # noqa: E731
    return solve_ivp(slopes, (0, end), (2.0, 0.0), "Radau", rtol=1e-10, atol=1e-12, dense_output=True).sol


def arctangent(slope: float) -> Stated:
    """u = atan(slope x), steep next to the left end."""
    left = lambda u, p: u.xx + 2 * slope * p.x * u.x**2  # noqa: E731
    ends = [at(LEFT, zero), at(RIGHT, lambda u, p: u.value - atan(slope))]
    return Stated(Problem(LINE, left, ends), (lambda p: torch.atan(slope * p.x),))


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
    if shift in (0, -1):
        return Stated(problem, NONE if shift == 0 else MANY, 1e-4)
    return Stated(problem, (lambda p: load(p) / (own - 5 * pi**2),), 1e-5)


def open_plate(which: float) -> Stated:
    """Conditions of which one or more were forgotten."""
    ring = Disk(x=0, y=0, radius=1) - Disk(x=0, y=0, radius=0.5)
    problems = [
        Problem(SQUARE, lambda u, p: u.xx + u.yy + 1, [at(SQUARE.boundary("x"), zero)]),
        Problem(SQUARE, lambda u, p: u.xx + u.yy + 1, [at(SQUARE.boundary("x"), zero), at(SQUARE.face(y=0), zero)]),
        Problem(SQUARE, lambda u, p: u.xx + u.yy - torch.cos(2 * pi * p.x),
                [periodic(SQUARE, "x"), at(SQUARE.boundary("y"), lambda u, p: u.y)]),
        Problem(ring, lambda u, p: u.xx + u.yy + 1, [at(ring.boundary(), _normal)]),
    ]  # fmt: skip
    return Stated(problems[int(which)], NONE if which == 3 else MANY, 1e-4)


def plate_layer(eps: float) -> Stated:
    exact = lambda p: _at_right(p, eps) * torch.sin(pi * p.y)  # noqa: E731
    load = lambda p: torch.sin(pi * p.y) + eps * pi**2 * exact(p)  # noqa: E731
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
