"""Made equations of evolution by parameters."""

from __future__ import annotations

from math import cos, cosh, pi, sin, sinh, sqrt
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Box, Problem, periodic
from edgewise.pde import Condition as at
from edgewise_bench.benchmarks.claims.problems import MANY, NONE, Exact, Stated, flat, zero

ROD = Box(t=(0, 1), x=(0, 1))
STRIP = Box(t=(0, 1), x=(-1, 1))
PULSE_AT = 0.5137


def _begin(box: Box, function: Exact) -> at:
    return at(box.face(t=0), lambda u, p: u.value - function(p))


def _evolved(box: Box, residual: Any, exact: Exact, tolerance: float, *sides: at) -> Stated:
    """State an equation of evolution that begins with its solution."""
    return _marched(Problem(box, residual, [_begin(box, exact), *sides]), exact, tolerance)


def _marched(problem: Problem, exact: Exact | str, tolerance: float) -> Stated:
    return Stated(problem, exact if isinstance(exact, str) else (exact,), tolerance, march=True)


def heat(k: float) -> Stated:
    exact = lambda p: torch.exp(-0.1 * (k * pi) ** 2 * p.t) * torch.sin(k * pi * p.x)  # noqa: E731
    return _evolved(ROD, lambda u, p: u.t - 0.1 * u.xx, exact, 1e-7, at(ROD.boundary("x"), zero))


def insulated_front(width: float) -> Stated:
    """Burgers' equation: a front from -0.5 to 0, insulated ends, where it is flat."""
    nu = width / 4
    exact = lambda p: 0.5 * (1 - torch.tanh((p.x + 0.5 - 0.5 * p.t) / width))  # noqa: E731
    left = lambda u, p: u.t + u.value * u.x - nu * u.xx  # noqa: E731
    return _evolved(STRIP, left, exact, 1e-5, at(STRIP.boundary("x"), flat))


def insulated_bell(width: float) -> Stated:
    """Diffusion of a bell between insulated ends that it does not reach."""
    box, rate = Box(t=(0, 1), x=(-10, 10)), 0.1

    def exact(p: Any) -> Tensor:
        wide = width**2 + 4 * rate * p.t
        return width / torch.sqrt(wide) * torch.exp(-(p.x**2) / wide)

    return _evolved(box, lambda u, p: u.t - rate * u.xx, exact, 1e-6, at(box.boundary("x"), flat))


def pulse(width: float) -> Stated:
    """A source that is on for a short time."""
    exact = lambda p: 0.5 * (1 + torch.erf((p.t - PULSE_AT) / width)) + 0 * p.x  # noqa: E731
    source = lambda p: torch.exp(-(((p.t - PULSE_AT) / width) ** 2)) / (width * sqrt(pi))  # noqa: E731
    sides = [_begin(ROD, lambda p: 0 * p.x), at(ROD.boundary("x"), flat)]
    return _marched(Problem(ROD, lambda u, p: u.t - 0.1 * u.xx - source(p), sides), exact, 1e-6)


def switched_end(width: float) -> Stated:
    """An end whose value jumps up by 1 in a short time."""
    exact = lambda p: torch.tanh((p.t - PULSE_AT) / width) * p.x + p.x  # noqa: E731
    source = lambda p: p.x / width / torch.cosh((p.t - PULSE_AT) / width) ** 2  # noqa: E731
    sides = at(ROD.face(x=0), zero), at(ROD.face(x=1), lambda u, p: u.value - exact(p))
    return _evolved(ROD, lambda u, p: u.t - u.xx - source(p), exact, 1e-6, *sides)


def quick_reaction(rate: float) -> Stated:
    """u approaches cos t cos(pi x) at a large rate."""
    goal = lambda p: torch.cos(p.t) * torch.cos(pi * p.x)  # noqa: E731
    source = lambda p: -torch.sin(p.t) * torch.cos(pi * p.x) + 0.1 * pi**2 * goal(p)  # noqa: E731
    exact = lambda p: goal(p) + 0.5 * torch.exp(-rate * p.t)  # noqa: E731
    left = lambda u, p: u.t - 0.1 * u.xx + rate * (u.value - goal(p)) - source(p)  # noqa: E731
    return _evolved(ROD, left, exact, 1e-6, at(ROD.boundary("x"), flat))


def marched_wrong(which: float) -> Stated:
    """Evolutions with one condition too many, or too few, or that are not well posed."""
    up = lambda p: torch.sin(pi * p.x)  # noqa: E731
    start, cold = _begin(ROD, up), at(ROD.boundary("x"), zero)
    beam = [_begin(ROD, up), at(ROD.face(t=0), lambda u, p: u.t), at(ROD.boundary("x"), zero)]
    problems = [
        (Problem(ROD, lambda u, p: u.t + u.x, [start, cold]), NONE),
        (Problem(ROD, lambda u, p: u.t - u.xx, [start, at(ROD.face(x=0), zero)]), MANY),
        (Problem(ROD, lambda u, p: u.t - u.xx, [start, cold, at(ROD.face(x=1), lambda u, p: u.x + pi)]), NONE),
        (Problem(ROD, lambda u, p: u.tt + u.xxxx, [*beam, at(ROD.face(x=0), flat)]), MANY),
        (Problem(ROD, lambda u, p: u.t - u.xx, [start]), MANY),
        (Problem(ROD, lambda u, p: u.t + u.value * u.x - 0.1 * u.xx, [start, at(ROD.face(x=1), zero)]), MANY),
        (Problem(ROD, lambda u, p: u.t + u.xxx, [start, cold]), MANY),
        (Problem(ROD, lambda u, p: u.t - u.xx - 60 * u.value**3, [start, cold]), NONE),
    ]
    problem, truth = problems[int(which)]
    return _marched(problem, truth, 1e-4)


def wave(speed: float) -> Stated:
    box = Box(t=(0, 1), x=(0, 2 * pi))
    exact = lambda p: torch.sin(p.x - speed * p.t)  # noqa: E731
    start = at(box.face(t=0), lambda u, p: (u.value - torch.sin(p.x), u.t + speed * torch.cos(p.x)))
    problem = Problem(box, lambda u, p: u.tt - speed**2 * u.xx, [start, periodic(box, "x")])
    return _marched(problem, exact, 1e-6)


def cantilever(end: float) -> Stated:
    """The first mode of a beam that is clamped at x = 0 and free at x = 1."""
    box, k = Box(t=(0, end), x=(0, 1)), 1.8751040687119611
    ratio = (cosh(k) + cos(k)) / (sinh(k) + sin(k))

    def mode(p: Any) -> Tensor:
        return torch.cosh(k * p.x) - torch.cos(k * p.x) - ratio * (torch.sinh(k * p.x) - torch.sin(k * p.x))

    start = at(box.face(t=0), lambda u, p: (u.value - mode(p), u.t))
    clamp, free = at(box.face(x=0), lambda u, p: (u.value, u.x)), at(box.face(x=1), lambda u, p: (u.xx, u.xxx))
    problem = Problem(box, lambda u, p: u.tt + u.xxxx, [start, clamp, free])
    return _marched(problem, lambda p: mode(p) * torch.cos(k**2 * p.t), 1e-6)


def heat_in_two(k: float) -> Stated:
    box = Box(t=(0, 0.1), x=(0, 1), y=(0, 1))
    start = lambda p: torch.sin(k * pi * p.x) * torch.cos(pi * p.y)  # noqa: E731
    exact = lambda p: start(p) * torch.exp(-(k**2 + 1) * pi**2 * p.t)  # noqa: E731
    sides = [_begin(box, start), at(box.boundary("x"), zero), at(box.boundary("y"), lambda u, p: u.y)]
    return _marched(Problem(box, lambda u, p: u.t - u.xx - u.yy, sides), exact, 1e-6)
