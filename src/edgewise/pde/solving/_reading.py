"""An unknown function read as a formula, chosen and refined on the measurements themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import ZERO, Choice, round_greedily, simple_constants
from edgewise.interpret.symbolic import CurveFit, canonicalize, rank_curves
from edgewise.nn import KAN, clone, layer_of, set_function
from edgewise.pde.result._solution import Solution
from edgewise.pde.solving._noise import uncertainty
from edgewise.pde.solving._objective import Objective
from edgewise.pde.statement._coefficient import Coefficient, FoundCoefficient
from edgewise.pde.statement._condition import Measured
from edgewise.pde.statement._terms import Term
from edgewise.train.optim import LM

if TYPE_CHECKING:
    import sympy

_TRIED, _ROUNDED = 8, 6  # functions fitted to the measurements, and those of which constants are made simple
_FIRST, _AGAIN = 25, 6  # steps
_CLOSE = 2.5  # standard errors
_BIT = 2 * math.log(2)  # what one bit of a simple constant counts, in units of chi-square
_TOLERANCE = 1e-5  # gain of a step over the cost
_PER_PARAMETER, _LEAST, _BOUNDARY = 12, 400, 200  # points
_COMPLEX = 2.0  # what one unit of a function's complexity counts, in units of chi-square
_WIDTH = 12  # largest denominator of a simple constant
B, D = 1, 3


@dataclass(frozen=True)
class Reading:
    """One function of the library in the place of an unknown one: c f(a x + b) + d.

    Parameters
    ----------
    expression
        The formula.
    function
        The name of the function f.
    standard_errors
        Standard errors of those constants (a, b, c, d) that are not simple numbers.
    score
        The misfit, chi-square, plus twice the logarithm of how much the measurements narrow the free constants, 2 log 2
        for each bit of a simple one, and 2 for each unit of the function's complexity: -2 times the logarithm of the
        evidence; less is better.
    solution
        The unknown and all else, trained with the formula.
    others
        The formulas that were tried, with free constants, and their scores.
    """

    expression: sympy.Expr
    function: str
    standard_errors: dict[str, float]
    score: float
    solution: Solution
    others: list[tuple[sympy.Expr, float]]

    def __repr__(self) -> str:
        errors = ", ".join(f"{name} ± {value:.2g}" for name, value in self.standard_errors.items())
        return f"Reading({self.expression}{'; ' if errors else ''}{errors})"


def read(found: Solution, name: str, *, functions: Iterable[str] | None = None) -> Reading:
    """Read an unknown function of one argument as c f(a x + b) + d with f from the library of functions.

    The functions that come closest to the curve, within its standard errors, replace its spline one after the other;
    each is trained together with the solution on the equation and the measurements. The constants of the best become 0
    or simple fractions where these lie within 2.5 standard errors and the score falls. The lowest score wins.

    Parameters
    ----------
    found
        What `solve` returned for a problem with unknown functions and measurements.
    name
        The name of the unknown function.
    functions
        Names of the functions that are tried; all of `edgewise.functions` by default.

    Returns
    -------
    Reading
        The formula with the lowest score, and the solution that was trained with it.

    Raises
    ------
    InputError
        For a name that is not that of an unknown function, for one of several arguments, and where nothing was
        measured.

    Examples
    --------
    >>> import torch
    >>> from edgewise import pde
    >>> at = torch.linspace(0, 1, 40, dtype=torch.float64)
    >>> box = pde.Box(x=(0, 1))
    >>> decay = pde.Problem(
    ...     box, lambda u, p, c: u.x + c.k(p.x).value * u.value,
    ...     [pde.measured(at[:, None], torch.exp(-(at**3)))], functions={"k": "x"},
    ... )
    >>> read(pde.solve(decay, grids=[4, 8]), "k").expression
    3*x**2
    """
    if name not in found.functions:
        raise unknown("unknown function", name, list(found.functions))
    if not found.noise:
        raise InputError("A function is read from measurements. State them by pde.measured(points, values).")
    own = found.functions[name]
    if len(own.names) != 1:
        raise InputError(f"Only a function of one argument can be read. {name} depends on {', '.join(own.names)}.")
    trials = [_Trial.of(found, name, fit) for fit in _candidates(own, functions)]
    trials = sorted((t for t in trials if math.isfinite(t.score)), key=lambda t: t.score)
    if not trials:
        raise InputError(f"None of these functions is defined on the whole range of {own}. Allow others.")
    best = min((t.rounded() for t in trials[:_ROUNDED]), key=lambda t: t.score)
    others = [(t.expression, t.score) for t in trials]
    return Reading(best.expression, best.function, best.errors(), best.score, best.solution(), others)


def _candidates(own: FoundCoefficient, functions: Iterable[str] | None) -> list[CurveFit]:
    """The library's functions that come closest to a curve, simple ones first where they are as close."""
    at = own.curve()
    values, errors = own(at), own.standard_error(at)
    floor = 1e-6 * float(values.abs().max())
    spread = float((values - values.mean()).square().mean().sqrt())
    if spread < 1e-9 * float(values.abs().max()):
        values = values + floor * (at - at.mean())  # a constant has no shape to rank functions by
    noise = float(errors.mean()) / max(spread, floor)
    ranked = rank_curves(at, values, 1 / (errors + floor), floor=max(noise, 1e-8), functions=functions)
    nearest = sorted(ranked, key=lambda fit: fit.error)
    found = ranked[:_TRIED] + nearest[: _TRIED // 2]
    return list({fit.function.name: fit for fit in found}.values())


@dataclass(frozen=True)
class _Trial:
    """A formula in the place of a function, after training; `cost` is that of the loss, `unit` what chi-square 1 is."""

    found: Solution
    name: str
    function: str
    model: KAN
    objective: Objective
    unit: float
    spent: float = 0.0  # on simple constants

    @classmethod
    def of(cls, found: Solution, name: str, fit: CurveFit) -> _Trial:
        affine = (fit.a, fit.b, fit.c, fit.d)
        shape = KAN([1, 1], grid=4, degree=3, base=None)
        model = canonicalize(set_function(shape, (0, 0, 0), fit.function.name, affine))
        measured = [c for c in found.problem.conditions if isinstance(c, Measured)]
        weights = found.weights or tuple(c.weight for c in measured)
        unit = min(w * s**2 / len(c.values) for w, s, c in zip(weights, found.noise, measured, strict=True))
        return cls._trained(
            found, name, fit.function.name, model, found.model, found.constants, max(unit, 1e-300), _FIRST
        )

    @classmethod
    def _trained(
        cls, found: Solution, name: str, function: str, model: KAN, network: KAN, constants: dict[str, float],
        unit: float, steps: int,
    ) -> _Trial:  # fmt: skip
        stated = Coefficient(found.functions[name].names, model, smoothing=0.0)
        problem = replace(found.problem, functions={**found.problem.coefficients, name: stated})
        laws = problem.laws()
        others = {key: own for key, own in found.functions.items() if key != name}
        laws = replace(
            laws, models=laws.models | {key: own.model for key, own in others.items()},
            smoothing=laws.smoothing | {key: own.smoothing for key, own in others.items()},
        )  # fmt: skip
        size = len(Objective(problem, clone(network), constants, [], laws).start)
        inside = problem.domain.points(max(_LEAST, _PER_PARAMETER * size))
        terms, weights = [Term(problem.residual, [inside], 1.0)], iter(found.weights)
        for c in problem.conditions:
            weight = next(weights, c.weight) if isinstance(c, Measured) else c.weight
            terms.append(Term(c.equation, c.points(_BOUNDARY, 1), weight))
        objective = Objective(problem, clone(network), constants, terms, laws)
        vector, _ = LM(steps=steps, tolerance=_TOLERANCE).minimize(objective, objective.start)
        objective.start = vector
        return cls(found, name, function, objective.functions(vector).models[name], objective, unit)

    @cached_property
    def chi2(self) -> float:
        return self.objective.cost(self.objective.start) / self.unit

    @property
    def free(self) -> Tensor:
        """Which of a, b, c, d are free."""
        return layer_of(self.model, 0).free_constants()[0, 0]

    @cached_property
    def score(self) -> float:
        values = 1 + layer_of(self.model, 0).affine.detach()[0, 0][self.free].abs()
        scaled = self.covariance / (values[:, None] * values)  # of constants over their possible size
        if not (math.isfinite(self.chi2) and bool(torch.isfinite(scaled).all())):
            return math.inf
        width = torch.linalg.eigvalsh(scaled).clamp(1e-30, 1.0)
        free = float((width.log() + math.log(2 * math.pi)).sum()) if len(values) else 0.0
        return self.chi2 - free + self.spent + library.get(self.function).complexity * _COMPLEX

    @property
    def expression(self) -> sympy.Expr:
        formula = self.model.formula([self.found.functions[self.name].names[0]])
        return formula[0] if isinstance(formula, list) else formula

    def errors(self) -> dict[str, float]:
        """Standard errors of the free constants."""
        deviations = self.covariance.diagonal().clamp_min(0).sqrt()
        return dict(
            zip([w for w, on in zip("abcd", self.free.tolist(), strict=True) if on], deviations.tolist(), strict=True)
        )

    @cached_property
    def covariance(self) -> Tensor:
        """Of the free constants."""
        measured = [k + 1 for k, c in enumerate(self.found.problem.conditions) if isinstance(c, Measured)]
        known = uncertainty(self.objective, measured).covariance
        at, begin = self.objective.laws.places[self.name], len(self.objective.names)
        own = slice(begin + at.start, begin + at.stop)
        return known[own, own]

    def rounded(self) -> _Trial:
        """The same with constants made simple, one at a time."""

        def taken(now: _Trial, choice: Choice) -> _Trial | None:
            model = clone(now.model)
            layer = layer_of(model, 0)
            with torch.no_grad():
                layer.affine[0, 0, choice.place] = choice.constant.value
                layer.affine_free[0, 0, choice.place] = False
            vector, objective = now.objective.start, now.objective
            new = _Trial._trained(
                now.found, now.name, now.function, model, objective.network(vector), objective.constants(vector),
                now.unit, _AGAIN,
            )  # fmt: skip
            new = replace(new, spent=now.spent + (_BIT * choice.constant.complexity if choice.constant.value else 0.0))
            return new if new.score <= now.score else None

        return round_greedily(self, _choices, taken)

    def solution(self) -> Solution:
        """The solution with the formula."""
        objective = self.objective
        vector = objective.start
        own = replace(self.found.functions[self.name], model=self.model, covariance=self.covariance, smoothing=0.0)
        return replace(
            self.found, problem=objective.problem, model=clone(objective.network(vector)),
            constants=objective.constants(vector), functions={**self.found.functions, self.name: own},
        )  # fmt: skip


def _choices(trial: _Trial) -> Iterator[Choice]:
    """The simple numbers near the free constants, the surest first."""
    values, errors = layer_of(trial.model, 0).affine[0, 0].tolist(), trial.errors()
    count = len(errors)
    for which, letter in enumerate("abcd"):
        if letter not in errors:
            continue
        value, width = values[which], _CLOSE * errors[letter]
        if which in (B, D) and abs(value) <= width:
            yield Choice((0, abs(value) / max(width, 1e-300)), (count, which, "0"), which, ZERO)
        elif value and width < 0.5 * abs(value):
            for simple in simple_constants(value, max(width / abs(value), 1e-6), _WIDTH)[:2]:
                if simple.expr.is_Rational:
                    yield Choice((1, float(simple.complexity)), (count, which, str(simple.expr)), which, simple)
