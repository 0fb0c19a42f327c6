"""What identifies a problem in a file: functions cannot be saved, but what they give for some numbers can."""

from __future__ import annotations

import json
import math
from itertools import combinations_with_replacement
from typing import Any

import torch
from torch import Tensor

from edgewise.pde._file import Refused
from edgewise.pde._jet import HIGHEST
from edgewise.pde._placed import unit
from edgewise.pde._problem import Equation, Problem

_POINTS = 7
_SEED = 20_231
_CONSTANT = 0.75
_CLOSE = 1e-6  # relative, of numbers that two processors round differently

Stated = dict[str, Any]
"""What is said of a problem, for JSON."""


def stated(problem: Problem) -> Stated:
    """Return a problem's names and ends, and numbers that its domain, equation and conditions give.

    The equation and each condition are evaluated once, for made-up values of the unknowns and their derivatives at a
    few points. So are the ansatz and the singular functions, of which the unknowns are made.
    """
    return {**_names(problem), "numbers": _evaluated(problem)}


def require_same(known: Any, problem: Problem) -> None:
    """Raise Refused where a problem is not the one that `known`, which a file says, was made of; with what differs."""
    if not isinstance(known, dict) or not isinstance(known.get("numbers"), dict):
        raise Refused("does not say which problem it belongs to: save the solution again")
    for name, own in _names(problem).items():
        if known.get(name) != own:
            what = {"low": "lower ends", "high": "upper ends"}.get(name, name)
            said, given = json.dumps(known.get(name)), json.dumps(own)
            raise Refused(f"belongs to another problem: its {what} are {said:.60}, and those given {given:.60}")
    for part, numbers in _evaluated(problem).items():
        if not _alike(known["numbers"].get(part), numbers):
            ansatz = " or its ansatz" if part == "equation" else ""
            raise Refused(f"belongs to another problem: its {part}{ansatz} gives other values than the one given")


def identity(problem: Problem, *settings: float) -> list[float]:
    """Return numbers that differ for other problems, weights of their conditions, and settings."""
    domain, parts = problem.domain, _evaluated(problem).values()
    weights = [condition.weight for condition in problem.conditions]
    return [*domain.low, *domain.high, *(number for part in parts for number in part), *weights, *settings]


def _names(problem: Problem) -> Stated:
    domain = problem.domain
    return {
        "coordinates": list(domain.names), "low": list(domain.low), "high": list(domain.high),
        "unknowns": problem.unknowns, "constants": list(problem.constants), "conditions": len(problem.conditions),
    }  # fmt: skip


def _evaluated(problem: Problem) -> dict[str, list[float]]:
    domain = problem.domain
    low, high = domain.ends
    around = low + (high - low) * unit(4 * _POINTS, len(domain.names), _SEED, "sobol")
    numbers = {"domain": domain.signed_distance(around).tolist()}
    numbers["equation"] = _numbers(problem, problem.residual, [domain.points(_POINTS, _SEED)])
    for number, condition in enumerate(problem.conditions, start=1):
        numbers[f"condition {number}"] = _numbers(problem, condition.equation, condition.points(_POINTS, _SEED))
    return numbers


def _numbers(problem: Problem, equation: Equation, sides: list[Tensor]) -> list[float]:
    """Two sums of what each part of an equation leaves, over points."""
    d = len(problem.domain.names)
    orders = [order for k in range(HIGHEST + 1) for order in combinations_with_replacement(range(d), k)]
    held = dict.fromkeys(problem.numbers, _CONSTANT)
    with torch.no_grad():
        unknowns = []
        for turn, points in enumerate(sides):
            shape = (len(points), problem.unknowns)
            jets = {order: _made_up(shape, 100 * turn + k) for k, order in enumerate(orders)}
            unknowns.append(problem.unknown(jets, points, (), held))
        constants = {name: torch.full((len(sides[0]),), _CONSTANT).double() for name in problem.constants}
        left = problem.left(equation, unknowns, sides[0], constants)
    places = torch.cos(torch.arange(len(sides[0]), dtype=torch.float64))
    return [float(total) for part in left for total in (part.double().mean(), (part.double() * places).mean())]


def _made_up(shape: tuple[int, int], turn: int) -> Tensor:
    """Numbers from 0.3 to 0.7, each different."""
    places = torch.arange(shape[0] * shape[1], dtype=torch.float64).view(shape)
    return 0.5 + 0.2 * torch.sin(1.0 + 0.7 * turn + 2.3 * places)


def _alike(known: Any, given: list[float]) -> bool:
    if not isinstance(known, list) or not all(isinstance(value, float | int) for value in known):
        return False
    scale = max((abs(value) for value in given if math.isfinite(value)), default=1.0)
    one, two = (torch.tensor(values, dtype=torch.float64) for values in (known, given))
    return one.shape == two.shape and torch.allclose(one, two, rtol=_CLOSE, atol=_CLOSE * scale, equal_nan=True)
