"""A made differential equation, and what is true of its solutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Condition, Problem

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


def at(where: Any, residual: Any) -> Condition:
    """Return a condition that counts as much as those of the pages."""
    return Condition(where, residual)


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
