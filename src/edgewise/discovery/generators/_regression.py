"""Noisy data of two or three columns: a function of the target as a short quotient of sums of products of functions."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery.generators._algebra import Group, searches
from edgewise.discovery.generators._quotient import Aim, Normal, Terms
from edgewise.discovery.tables import Problem
from edgewise.discovery.univariate import BY_NAME, Transform

_MOST = 3  # columns
_CLOSER = 150  # groups whose terms are chosen by dropping them ...
_SIMPLEST = 120  # ... and of them, those of which all short choices are tried
_NEAR = 1.15  # times the noise: error of a quotient that is handed on ...
_MAYBE = 2.0  # ... and of a group with all its terms that is looked at closer
_TRIED = 12  # quotients that are handed on
_PART = 128  # groups solved at a time


_IMAGES = [BY_NAME[name] for name in ("identity", "square", "log", "cos", "sin")]


def regressions(
    problem: Problem, smooth: Tensor, noise: float, late: Callable[[], bool] = lambda: False
) -> Iterator[Formula]:
    """Formulas T(t) = P / (1 + Q) that leave only noise, P and Q short polynomials of functions of 2 or 3 columns.

    Linear in its factors as T = P - T Q, where a model's values `smooth` (n,) stand for T on the right: with the noisy
    ones the factors would come out too small. All groups of functions are solved together; of the best, terms are
    dropped by the Bayesian information criterion, and the cheapest come first. Once it is `late`, no other T is tried.
    """
    m = problem.n_columns
    if not 2 <= m <= _MOST or noise <= 0:
        return
    found: list[tuple[float, Formula]] = []
    for image in _IMAGES:
        if late():
            break
        sign = 1 if image.signed else problem.sign
        aim = _aimed(problem, smooth, image, sign) if sign else None
        if aim is None:
            continue
        for groups, above, under, shapes in searches(problem):
            for criterion, inner in _cheapest(groups, Terms(above, under, shapes), aim, noise):
                found.append((criterion, problem.lift(sign * image.formula(inner))))
    yield from (formula for _, formula in sorted(found, key=lambda entry: entry[0])[:_TRIED])


def _aimed(problem: Problem, smooth: Tensor, image: Transform, sign: int) -> Aim | None:
    """A function of the target times its sign, None where it is not defined."""
    t, near = sign * problem.target, sign * smooth
    if not image.signed:  # a model may leave the range that the target keeps to
        near = near.clamp_min(0.5 * float(t.min()))
    measured, about, slope = image.forward(t), image.forward(near), image.slope(near).abs()
    if not all(bool(torch.isfinite(v).all()) for v in (measured, about, slope)):
        return None
    weight = problem.weight / slope.clamp_min(1e-3 * float(slope.median()))
    return Aim(measured, about, weight.clamp_max(100 * float(weight.median())))


def _cheapest(groups: list[Group], terms: Terms, aim: Aim, noise: float) -> Iterator[tuple[float, Formula]]:
    """The quotients of those groups that leave little more than the noise: criterion and formula.

    T - P + T Q is 1 + Q times the residual of the quotient, so choices of terms are made by its squares over those of
    1 + Q, and the factors of the best fitted again on rows divided by 1 + Q.
    """
    n, costs = len(aim.measured), terms.costs
    kept: list[tuple[float, int]] = []
    for start in range(0, len(groups), _PART):
        part = groups[start : start + _PART]
        left = Normal.of(terms.tables(part), aim.weight.unsqueeze(0), aim).whole()
        kept += [(e, start + k) for k, e in enumerate((left / n).sqrt().tolist()) if e < _MAYBE * noise]
    kept.sort(key=lambda entry: (sum(a.cost for a in groups[entry[1]]), entry[0]))
    near = [groups[k] for _, k in kept[:_CLOSER]]
    if not near:
        return
    normal = Normal.of(terms.tables(near), aim.weight.unsqueeze(0), aim)
    choices: list[tuple[int, Tensor]] = []
    for mask in terms.masks():
        choices += enumerate(normal.dropped(mask, costs)[1])
    simplest = normal.part(torch.arange(min(len(near), _SIMPLEST)))
    for subsets in terms.subsets():
        criterion, factors = simplest.chosen(subsets, costs)
        choices += enumerate(factors[torch.arange(len(criterion)), criterion.argmin(1)])
    for start in range(0, len(choices), _PART):
        yield from _weighed(choices[start : start + _PART], near, terms, aim, noise)


def _weighed(
    choices: list[tuple[int, Tensor]], groups: list[Group], terms: Terms, aim: Aim, noise: float
) -> Iterator[tuple[float, Formula]]:
    """Fit the factors of choices (group, factors) again on rows divided by 1 + Q, and yield criteria and quotients."""
    n, costs = len(aim.measured), terms.costs
    factors = torch.stack([f for _, f in choices])
    tables = terms.tables([groups[k] for k, _ in choices])
    _, size = tables.quotients(factors, aim)
    weight = aim.weight / torch.where(size.amin(1, keepdim=True) > 0, size, 1.0)
    _, factors = Normal.of(tables, weight, aim).dropped(factors != 0, costs)
    error, _ = tables.quotients(factors, aim)
    atoms = torch.tensor([float(sum(a.cost for a in groups[k])) for k, _ in choices])
    criterion = 2 * n * error.log() + math.log(n) * ((factors != 0).double() @ costs + atoms)
    for k in criterion.argsort().tolist()[:_TRIED]:
        if float(error[k]) < _NEAR * noise:
            yield float(criterion[k]), terms.quotient(groups[choices[k][0]], factors[k].tolist())
