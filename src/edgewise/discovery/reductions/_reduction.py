"""Problems with one column less, each verified by a model of it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

import sympy
import torch

from edgewise.discovery.models import Surrogate
from edgewise.discovery.reductions._symmetries import Symmetry, can_scale, find_symmetries
from edgewise.discovery.tables import Problem

Guesses = Iterator[tuple[str, Problem]]
Model = Callable[[Problem, Surrogate | None, float], Surrogate | None]
"""A model of a problem, in the coordinates of another first; an error below the number is enough."""

_NOISY = 1.03  # times the error before, on noisy data


@dataclass(frozen=True)
class Step:
    """A problem, a model of it (None where nothing is left to model), and what was done to get there."""

    problem: Problem
    surrogate: Surrogate | None
    text: str

    @property
    def error(self) -> float:
        return self.problem.error(self.problem.mean) if self.surrogate is None else self.surrogate.error


def reduced(step: Step, noise: float, model: Model, late: Callable[[], bool]) -> list[Step]:
    """Eliminations that a model of the reduced problem confirms, the most convincing first.

    An elimination counts if its model has at most 1.2 times the old error (1.1 times the noise; six times an old error
    below 2e-4), or follows from a symmetry obeyed to 1e-3 and stays below 3e-2. Once it is `late`, no more are tried.
    """
    tried = 10  # symmetries of a problem whose elimination is verified
    plain = 1.5  # cost of a symmetry that, on noisy data, is taken as soon as it is confirmed
    clearly = 0.3  # of the error before: an elimination that does this needs no comparison
    assert step.surrogate is not None
    old = step.surrogate
    values, gradient = old.read()
    found: list[tuple[float, float, Step]] = []
    enough = max(clearly * old.error, _NOISY * old.error if noise > 0 else 0.0)
    for symmetry in find_symmetries(step.problem, values, gradient, old.error)[:tried]:
        if late():
            break
        problem = symmetry.reduced
        surrogate = model(problem, old, enough) if problem.n_columns else None
        after = Step(problem, surrogate, f"{symmetry.text} (residual {symmetry.residual:.1e})")
        if (surrogate is None and problem.n_columns) or after.error > _allowed(symmetry, old.error, noise):
            continue
        found.append((after.error, symmetry.cost, after))
        clear = symmetry.cost < plain if noise > 0 else symmetry.cost < 0.5 and symmetry.residual < 2 * old.error
        if clear and after.error < enough:
            break
    near = max(5 * min((error for error, *_ in found), default=0.0), 1.05 * noise)
    found.sort(key=lambda entry: (entry[0] > near, entry[1], entry[0]))
    return [after for *_, after in found]


def guessed(step: Step, model: Model, late: Callable[[], bool]) -> list[Step]:
    """Eliminations that no gradient speaks for, which halve the error of the model in the coordinates that it has.

    They are tried kind by kind, until it is `late`; the first kind with one that does so ends the guessing.
    """
    blind = 0.5  # of the error before: an elimination that no gradient speaks for
    found: list[Step] = []
    for kind in (_sums, _factors, _products):
        for text, problem in kind(step.problem):
            if late():
                break
            surrogate = model(problem, step.surrogate, math.inf) if problem.sound() else None
            if surrogate is not None and surrogate.error < blind * step.error:
                found.append(Step(problem, surrogate, f"{text}, guessed"))
        if found:
            break
    return sorted(found, key=lambda after: after.error)


def _allowed(symmetry: Symmetry, old: float, noise: float) -> float:
    """The model's error up to which an elimination counts as verified, given the error before."""
    sure = 1e-3  # residual of a symmetry that is obeyed
    lenient = 3e-2  # the model's error that it may lead to on exact data
    if noise > 0:
        return _NOISY * old
    allowed = max(1.2 * old, min(1e-3, 6 * old))
    if symmetry.residual < max(sure, 2 * old):
        allowed = max(allowed, min(10 * old, lenient), lenient if symmetry.residual < sure else 0.0)
    return allowed


def _sums(problem: Problem) -> Guesses:
    names = problem.expressions
    for i, j in combinations(range(problem.n_columns), 2):
        for slope, word in ((-1.0, "difference"), (1.0, "sum")):
            yield f"{names[i]} and {names[j]} as {word}", problem.shifted(i, j, slope).without(j)


def _factors(problem: Problem) -> Guesses:
    powers = (1, -1, 2, -2)  # of a factor that is guessed
    m, names = problem.n_columns, problem.expressions
    for i, power in product(range(m), map(Fraction, powers)):
        if can_scale(problem.columns[:, i], [], power):
            yield f"factor {names[i]}^{power}", problem.divided(i, power).without(i)
    for i in range(m):
        for values, function in ((torch.cos, sympy.cos), (torch.sin, sympy.sin)):
            formula = function(names[i])
            yield f"factor {formula}", problem.over(values(problem.columns[:, i]), formula).without(i)


def _products(problem: Problem) -> Guesses:
    names = problem.expressions
    for i, j in combinations(range(problem.n_columns), 2):
        yield f"{names[i]} and {names[j]} as product", problem.multiplied(i, j, Fraction(1)).without(j)
        for k, by in ((i, j), (j, i)):
            if can_scale(problem.columns[:, by], [Fraction(-1)]):
                text = f"{names[k]} and {names[by]} as quotient"
                yield text, problem.multiplied(k, by, Fraction(-1)).without(by)
