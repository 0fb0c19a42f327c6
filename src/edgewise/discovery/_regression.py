"""Noisy data of two or three columns: a function of the target as a short quotient of sums of products of functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery._algebra import atoms_of, below, covers
from edgewise.discovery._normal import Normal
from edgewise.discovery._problem import Problem
from edgewise.discovery._quotient import Aim, Group, Terms

_MOST = 3  # columns
_CLOSER = 150  # groups whose terms are chosen by dropping them ...
_SIMPLEST = 120  # ... and of them, those of which all short choices are tried
_NEAR = 1.15  # times the noise: error of a quotient that is handed on ...
_MAYBE = 2.0  # ... and of a group with all its terms that is looked at closer
_TRIED = 12  # quotients that are handed on
_PART = 128  # groups solved at a time


@dataclass(frozen=True)
class _Image:
    """A function of the target that is regressed: its values, slope, and the way back, for targets it allows."""

    values: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    back: Callable[[Formula], Formula]
    signed: bool


_IMAGES = (
    _Image(lambda t: t, torch.ones_like, lambda v: v, True),
    _Image(torch.square, lambda t: 2 * t, sympy.sqrt, False),
    _Image(torch.log, torch.reciprocal, sympy.exp, False),
    _Image(torch.cos, torch.sin, sympy.acos, True),
    _Image(torch.sin, torch.cos, sympy.asin, True),
)


def regressions(
    problem: Problem, smooth: Tensor, noise: float, late: Callable[[], bool] = lambda: False
) -> Iterator[Formula]:  # fmt: skip
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
        aim, sign = _aimed(problem, smooth, image)
        if aim is None:
            continue
        for groups, terms in _searches(problem):
            for price, inner in _cheapest(groups, terms, aim, noise):
                found.append((price, problem.lift(int(sign) * image.back(inner))))
    for _, formula in sorted(found, key=lambda entry: entry[0])[:_TRIED]:
        yield formula


def _searches(problem: Problem) -> Iterator[tuple[list[Group], Terms]]:
    """Pairs of atoms; two functions of one column and one of the other; one function of each of three columns."""
    m = problem.n_columns
    atoms = atoms_of(problem)
    single = [[a for a in atoms if a.columns == {i}] for i in range(m)]
    pairs: list[Group] = [pair for pair in itertools.combinations(atoms, 2) if covers(pair, m)]
    yield pairs, Terms(below(2, 3), below(2, 2), ((3, 0), (3, 1), (2, 2)))
    if m == 2:
        linear = list(itertools.product(range(2), repeat=3))
        twice = [(*two, one) for i in (0, 1) for two in itertools.combinations(single[i], 2) for one in single[1 - i]]
        yield twice, Terms(linear, linear, ((3, 0), (3, 3)))
    else:
        yield list(itertools.product(*single)), Terms(below(3, 2), below(3, 2), ((2, 0), (2, 2)))


def _aimed(problem: Problem, smooth: Tensor, image: _Image) -> tuple[Aim | None, float]:
    t = problem.target
    one_sign = bool((t > 0).all()) or bool((t < 0).all())
    if not image.signed and not one_sign:
        return None, 1.0
    sign = 1.0 if image.signed else float(torch.sign(t[0]))
    near = sign * smooth
    if not image.signed:  # a model may leave the range that the target keeps to
        near = near.clamp_min(0.5 * float((sign * t).min()))
    measured, about, slope = image.values(sign * t), image.values(near), image.slope(near).abs()
    if not all(bool(torch.isfinite(v).all()) for v in (measured, about, slope)):
        return None, sign
    weight = problem.weight / slope.clamp_min(1e-3 * float(slope.median()))
    return Aim(measured, about, weight.clamp_max(100 * float(weight.median()))), sign


def _cheapest(groups: list[Group], terms: Terms, aim: Aim, noise: float) -> Iterator[tuple[float, Formula]]:
    """The quotients of those groups that leave little more than the noise: price and formula.

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
        price, factors = simplest.chosen(subsets, costs)
        choices += enumerate(factors[torch.arange(len(price)), price.argmin(1)])
    for start in range(0, len(choices), _PART):
        yield from _weighed(choices[start : start + _PART], near, terms, aim, noise)


def _weighed(
    choices: list[tuple[int, Tensor]], groups: list[Group], terms: Terms, aim: Aim, noise: float
) -> Iterator[tuple[float, Formula]]:  # fmt: skip
    """Fit the factors of choices (group, factors) again on rows divided by 1 + Q, and price the quotients."""
    n, costs = len(aim.measured), terms.costs
    factors = torch.stack([f for _, f in choices])
    tables = terms.tables([groups[k] for k, _ in choices])
    _, size = tables.quotients(factors, aim)
    weight = aim.weight / torch.where(size.amin(1, keepdim=True) > 0, size, 1.0)
    _, factors = Normal.of(tables, weight, aim).dropped(factors != 0, costs)
    error, _ = tables.quotients(factors, aim)
    atoms = torch.tensor([float(sum(a.cost for a in groups[k])) for k, _ in choices])
    price = 2 * n * error.log() + math.log(n) * ((factors != 0).double() @ costs + atoms)
    for k in price.argsort().tolist()[:_TRIED]:
        if float(error[k]) < _NEAR * noise:
            yield float(price[k]), terms.quotient(groups[choices[k][0]], factors[k].tolist())
