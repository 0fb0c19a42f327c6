"""Equations of evolution, as textbooks have them."""

# ruff: noqa: E731 (formulas, many to a problem)

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Box, Condition, Problem
from edgewise_bench.benchmarks.pde.asked import Asked, one

_Exact = Callable[[Any], Tensor]


def _begun(box: Any, exact: _Exact, *faces: Any) -> list[Condition]:
    """Return what holds an unknown's known values at the start and at some ends."""
    return [Condition(part, lambda u, p: u.value - exact(p)) for part in (box.face(t=0), *faces)]


def rod() -> Asked:
    """Heat in an insulated rod, solved at once over space and time."""
    box = Box(t=(0, 1), x=(0, 1))
    exact = lambda p: 1 + torch.exp(-(pi**2) * p.t / 2) * torch.cos(pi * p.x)
    held = [*_begun(box, exact), Condition(box.boundary("x"), lambda u, p: u.x)]
    return one(lambda: Problem(box, lambda u, p: u.t - u.xx / 2, held), exact)


def fisher() -> Asked:
    box = Box(t=(0, 4), x=(-10, 30))
    exact = lambda p: (1 + torch.exp((p.x - 5 * p.t / sqrt(6)) / sqrt(6))) ** -2
    held = _begun(box, exact, box.boundary("x"))
    return one(lambda: Problem(box, lambda u, p: u.t - u.xx - u.value * (1 - u.value), held), exact, marched=True)


def breather() -> Asked:
    box, w = Box(t=(0, 10), x=(-20, 20)), 0.6
    exact = lambda p: 4 * torch.atan(sqrt(1 - w * w) / w * torch.cos(w * p.t) / torch.cosh(sqrt(1 - w * w) * p.x))
    held = [*_begun(box, exact, box.boundary("x")), Condition(box.face(t=0), lambda u, p: u.t)]
    return one(lambda: Problem(box, lambda u, p: u.tt - u.xx + torch.sin(u.value), held), exact, marched=True)


def klein_gordon() -> Asked:
    box = Box(t=(0, 10), x=(-1, 1))
    exact = lambda p: p.x * torch.cos(p.t)
    held = [*_begun(box, exact, box.boundary("x")), Condition(box.face(t=0), lambda u, p: u.t)]
    left = lambda u, p: u.tt - u.xx + u.value**2 + p.x * torch.cos(p.t) - (p.x * torch.cos(p.t)) ** 2
    return one(lambda: Problem(box, left, held), exact, marched=True)


def puff() -> Asked:
    """A cloud that the wind carries and that spreads."""
    box = Box(t=(0, 1), x=(0, 4))
    exact = lambda p: torch.exp(-((p.x - 1 - 2 * p.t) ** 2) / (0.04 + 0.04 * p.t)) / torch.sqrt(1 + p.t)
    held = _begun(box, exact, box.boundary("x"))
    return one(lambda: Problem(box, lambda u, p: u.t + 2 * u.x - 0.01 * u.xx, held), exact, marched=True)


def long_waves() -> Asked:
    """A wave of Benjamin, Bona and Mahony, with u_xxt, solved at once over space and time."""
    box, c = Box(t=(0, 2), x=(-12, 16)), 1.5
    k = sqrt((c - 1) / c) / 2
    exact = lambda p: 3 * (c - 1) / torch.cosh(k * (p.x - c * p.t)) ** 2
    held = _begun(box, exact, box.boundary("x"))
    return one(lambda: Problem(box, lambda u, p: u.t + u.x + u.value * u.x - u.xxt, held), exact)


def telegraph() -> Asked:
    box = Box(t=(0, 3), x=(0, pi))
    exact = lambda p: torch.exp(-p.t) * torch.sin(2 * p.x) * torch.cos(2 * p.t)
    held = [*_begun(box, exact, box.boundary("x")), Condition(box.face(t=0), lambda u, p: u.t + torch.sin(2 * p.x))]
    left = lambda u, p: u.tt + 2 * u.t + u.value - u.xx
    return one(lambda: Problem(box, left, held), exact, marched=True)


def coherent() -> Asked:
    """A packet that swings in a well: complex."""
    box = Box(t=(0, 3), x=(-9, 9))

    def exact(p: Any) -> Tensor:
        shift, speed = 2 * torch.cos(p.t), -2 * torch.sin(p.t)
        phase = speed * p.x - p.t / 2 - speed * shift / 2
        return torch.exp(-((p.x - shift) ** 2) / 2 + 1j * phase)

    held = _begun(box, exact, box.boundary("x"))
    left = lambda h, p: 1j * h.t + h.xx / 2 - p.x**2 * h.value / 2
    return one(lambda: Problem(box, left, held, complex=True), exact, marched=True)


def gas_in_sand() -> Asked:
    """u_t = (u u_x)_x, which sharpens until 1/6."""
    box = Box(t=(0, 0.12), x=(0, 1))
    exact = lambda p: p.x**2 / (1 - 6 * p.t)
    held = _begun(box, exact, box.boundary("x"))
    return one(lambda: Problem(box, lambda u, p: u.t - u.value * u.xx - u.x**2, held), exact, marched=True)


def call_option() -> Asked:
    """A European call by the logarithm of the price, from a kink."""
    box, rate, risk = Box(t=(0, 1), x=(-3, 3)), 0.05, 0.4
    normal = lambda z: torch.special.ndtr(z)

    def exact(p: Any) -> Tensor:
        root = risk * torch.sqrt(p.t.clamp_min(1e-300))
        high = (p.x + (rate + risk**2 / 2) * p.t) / root
        return torch.exp(p.x) * normal(high) - torch.exp(-rate * p.t) * normal(high - root)

    start = Condition(box.face(t=0), lambda u, p: u.value - torch.relu(torch.exp(p.x) - 1))
    sides = [Condition(box.boundary("x"), lambda u, p: u.value - exact(p))]
    left = lambda u, p: u.t - risk**2 / 2 * u.xx - (rate - risk**2 / 2) * u.x + rate * u.value
    return one(lambda: Problem(box, left, [start, *sides]), exact, marched=True, settings={"tolerance": 1e-6})


def hot_plate() -> Asked:
    box = Box(t=(0, 0.5), x=(0, 1), y=(0, 1))
    exact = lambda p: torch.exp(-2 * p.t) * torch.sin(pi * p.x) * torch.sin(2 * pi * p.y)
    held = _begun(box, exact, box.boundary("x"), box.boundary("y"))
    source = lambda p: (0.5 * pi**2 - 2) * exact(p)
    left = lambda u, p: u.t - (u.xx + u.yy) / 10 - source(p)
    return one(lambda: Problem(box, left, held), exact, marched=True)


MOTIONS = (
    rod, fisher, breather, klein_gordon, puff, long_waves, telegraph, coherent, gas_in_sand, call_option, hot_plate,
)  # fmt: skip
"""11 problems, written down before any was solved."""
