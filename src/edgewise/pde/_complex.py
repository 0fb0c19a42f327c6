"""Problems with complex unknowns, as problems with twice as many real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.pde._integral import Integral
from edgewise.pde._jet import Jet
from edgewise.pde._problem import Condition, Problem
from edgewise.pde._weak import Weak

Several = Jet | tuple[Jet, ...]


@dataclass(frozen=True)
class Paired(Problem):
    """A problem whose unknowns are the real and the imaginary part of each complex unknown of another one."""

    def presented(self, unknowns: Several) -> Several:
        return _combined(unknowns)

    def outputs_of(self, unknown: int) -> tuple[int, ...]:
        return 2 * unknown, 2 * unknown + 1


def paired(problem: Problem) -> Problem:
    """Return a problem with complex unknowns as one with twice as many real ones; others as they are."""
    if not problem.complex:
        return problem
    if isinstance(problem.residual, Weak):
        raise InputError("Weak forms are for real unknowns. Write the real and the imaginary part as two.")
    own = {part.name: getattr(problem, part.name) for part in fields(problem)}
    own |= {
        "residual": _split_equation(problem.residual, 1),
        "conditions": tuple(map(_split_condition, problem.conditions)),
        "ansatz": None if problem.ansatz is None else _split_ansatz(problem.ansatz),
        "unknowns": 2 * problem.unknowns,
        "complex": False,
    }
    return Paired(**own)


def _combined(unknowns: Several) -> Several:
    """Real and imaginary parts, one after the other, as complex functions."""
    assert isinstance(unknowns, tuple)
    found = []
    for one, two in zip(unknowns[::2], unknowns[1::2], strict=True):
        orders = [order for order in one.parts if order in two.parts]
        parts = {order: torch.complex(one.parts[order], two.parts[order]) for order in orders}
        found.append(Jet(parts, one.names, one.asked + two.asked))
    return found[0] if len(found) == 1 else tuple(found)


def _split_equation(equation: Callable[..., Any], sides: int) -> Callable[..., Any]:
    """An equation of real functions that leaves the real and the imaginary part of what a complex one leaves."""

    def split(*given: Any) -> Any:
        left = equation(*map(_combined, given[:sides]), *given[sides:])
        parts = left if isinstance(left, tuple) else (left,)
        found: list[Any] = []
        for part in parts:
            found += [part.real, part.imag] if isinstance(part, Tensor) and part.is_complex() else [part]
        return tuple(found)

    return split


def _split_condition(condition: Condition) -> Condition:
    residual: Any = condition.residual
    if isinstance(condition, Integral):
        mean = condition.equals / float(condition.rule[1].sum())

        def shifted(*given: Any) -> Any:
            left = residual(*given)
            return tuple(part - mean for part in left) if isinstance(left, tuple) else left - mean

        return replace(condition, residual=_split_equation(shifted, 1), equals=0.0)
    return replace(condition, residual=_split_equation(residual, 1 if condition.also is None else 2))


def _split_ansatz(ansatz: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def split(n: Any, p: Any) -> tuple[Jet, ...]:
        whole = ansatz(_combined(n), p)
        functions = whole if isinstance(whole, tuple) else (whole,)
        return tuple(part for function in functions for part in (function.real, function.imag))

    return split
