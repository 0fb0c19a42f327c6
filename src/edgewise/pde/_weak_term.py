"""A weak form with as many test functions as are wanted."""

from __future__ import annotations

import math

from edgewise._errors import InputError
from edgewise.pde._box import Box
from edgewise.pde._linear import Term
from edgewise.pde._problem import Problem
from edgewise.pde._test_space import space_of
from edgewise.pde._weak import Weak

_LEAST = 8  # cells of a coordinate
_MOST_COORDINATES = 3


def weak_term(problem: Problem, count: int, cells: int = 0) -> Term:
    """Return the weak form against about `count` test functions, on at least the given number of cells per coordinate.

    InputError for domains of too many coordinates, and natural faces where the domain is no box.
    """
    weak, domain = problem.residual, problem.domain
    assert isinstance(weak, Weak)
    if problem.functions:
        raise InputError("Weak forms take no unknown functions: state the residual at points instead.")
    d = len(domain.names)
    if d > _MOST_COORDINATES:
        raise InputError(f"Weak forms are for domains of up to {_MOST_COORDINATES} coordinates. Got {d}.")
    if weak.natural is not None and not isinstance(domain, Box):
        raise InputError("Natural faces are those of a box; on other domains test functions vanish on the boundary.")
    reads = weak.reads(domain.names, problem.unknowns, problem.constants)
    space = space_of(weak, domain, reads, max(_LEAST, cells, math.ceil(count ** (1 / d))))
    return Term(weak, [space.points], 1.0, tests=space)
