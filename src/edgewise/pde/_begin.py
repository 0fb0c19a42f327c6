"""Where solving begins: with networks near zero, or at a function that is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from edgewise._errors import InputError
from edgewise.pde._jet import Jet
from edgewise.pde._problem import Left, Problem

Begin = Callable[[SimpleNamespace], Any]
"""A first guess of the unknown, or a tuple of several, as a function of the coordinates p."""


def beginning(problem: Problem, guess: Begin) -> Problem:
    """Return the problem whose solution is a first guess: its residual is the distance from it.

    Errors: InputError, when it is solved, for a guess that gives something else than numbers for each point.
    """

    def residual(u: Any, p: SimpleNamespace, *_: Any) -> Left:
        unknowns, values = (u,) if isinstance(u, Jet) else u, guess(p)
        guesses = values if isinstance(values, tuple) else (values,)
        if len(guesses) != len(unknowns):
            raise InputError(f"'start' must give {len(unknowns)} unknowns. Got {len(guesses)}.")
        at = next(iter(vars(p).values()))
        return tuple(
            one.value - (own if isinstance(own, Tensor) else at.new_full(at.shape, float(own)))
            for one, own in zip(unknowns, guesses, strict=True)
        )

    return replace(problem, residual=residual, conditions=())


def not_finite() -> InputError:
    """Return the error for an equation that is not finite where solving begins."""
    return InputError(
        "The equation is not finite where solving starts: at functions near 0, or at 'start'. Give a start where it "
        "is, as start=lambda p: 1 + p.x, or make the unknown of the network by an ansatz, as lambda n, p: 1 + p.x * n."
    )
