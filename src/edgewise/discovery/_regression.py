"""Noisy data of two or three columns: a function of the target as a short sum of products of functions of columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery._algebra import Atom, atoms_of, below, covers, products
from edgewise.discovery._monomials import Exponents
from edgewise.discovery._problem import Problem

_MOST = 3  # columns
_NEAR = 1.1  # times the noise: error of a regression with all its terms that is looked at closer
_TRIED = 12  # regressions that are handed on
_PART = 256  # groups solved at a time


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
    _Image(torch.reciprocal, lambda t: t**-2, lambda v: 1 / v, False),
    _Image(lambda t: t**-2, lambda t: 2 * t**-3, lambda v: 1 / sympy.sqrt(v), False),
    _Image(torch.sin, torch.cos, sympy.asin, True),
    _Image(torch.cos, torch.sin, sympy.acos, True),
    _Image(torch.log, torch.reciprocal, sympy.exp, False),
)


def regressions(problem: Problem, noise: float) -> Iterator[Formula]:
    """Formulas T(t) = sum_k c_k prod_i f_i^e_ki, degree 3, over pairs of functions of columns that leave only noise.

    All pairs are solved together; of those whose error is near the noise, terms are dropped by the Bayesian information
    criterion, and the shortest come first.
    """
    m = problem.n_columns
    if not 2 <= m <= _MOST or noise <= 0:
        return
    pairs = [pair for pair in itertools.combinations(atoms_of(problem), 2) if covers(pair, m)]
    found: list[tuple[float, Formula]] = []
    for image in _IMAGES:
        t = problem.target
        one_sign = bool((t > 0).all()) or bool((t < 0).all())
        if not image.signed and not one_sign:
            continue
        sign = 1.0 if image.signed else float(torch.sign(t[0]))
        values, slope = image.values(sign * t), image.slope(sign * t).abs()
        if not bool(torch.isfinite(values).all() and torch.isfinite(slope).all()):
            continue
        weight = problem.weight / slope.clamp_min(1e-3 * float(slope.median()))
        weight = weight.clamp_max(100 * float(weight.median()))
        for group in _close(pairs, values, weight, noise):
            price, inner = _pruned(group, values, weight)
            found.append((price, problem.lift(int(sign) * image.back(inner))))
    for _, formula in sorted(found, key=lambda entry: entry[0])[:_TRIED]:
        yield formula


def _close(pairs: list[tuple[Atom, ...]], values: Tensor, weight: Tensor, noise: float) -> list[tuple[Atom, ...]]:
    """The pairs whose regression with all terms leaves little more than the noise."""
    monomials, near = below(2, 3), []
    aim = weight * values
    for start in range(0, len(pairs), _PART):
        part = pairs[start : start + _PART]
        u = torch.stack([torch.stack([a.values / a.values.abs().max() for a in pair]) for pair in part])
        table = products(u, monomials) * weight
        size = table.norm(dim=2, keepdim=True).clamp_min(1e-300)
        table = table / size
        square = table @ table.transpose(1, 2) + 1e-12 * torch.eye(len(monomials), dtype=values.dtype)
        right = table @ aim
        factor, bad = torch.linalg.cholesky_ex(square)
        solution = torch.cholesky_solve(right.unsqueeze(2), factor).squeeze(2)
        rest = aim - (solution.unsqueeze(1) @ table).squeeze(1)
        error = rest.square().mean(1).sqrt()
        good = (error < _NEAR * noise) & (bad == 0)
        near += [(float(error[k]), part[k]) for k in good.nonzero().flatten().tolist()]
    return [pair for _, pair in sorted(near, key=lambda e: (sum(a.cost for a in e[1]), e[0]))[: 2 * _TRIED]]


def _pruned(pair: tuple[Atom, ...], values: Tensor, weight: Tensor) -> tuple[float, Formula]:
    """Drop terms while the criterion falls: n log(rss) + log(n) for each term and unit of cost; its value, the sum."""
    keep, n = below(2, 3), len(values)
    u = torch.stack([a.values for a in pair]).unsqueeze(0)

    def solved(monomials: list[Exponents]) -> tuple[float, Tensor]:
        table = (products(u, monomials)[0] * weight).T
        size = table.norm(dim=0).clamp_min(1e-300)
        solution = torch.linalg.lstsq(table / size, (weight * values).unsqueeze(1), driver="gelsd").solution[:, 0]
        rest = weight * values - (table / size) @ solution
        spent = len(monomials) + sum(sum(e) for e in monomials) + sum(a.cost for a in pair)
        return n * math.log(float(rest.square().sum()) + 1e-300) + math.log(n) * spent, solution / size

    price, factors = solved(keep)
    while len(keep) > 1:
        trials = [(solved([e for e in keep if e is not gone]), gone) for gone in keep]
        (less, left), gone = min(trials, key=lambda entry: entry[0][0])
        if less >= price:
            break
        price, factors, keep = less, left, [e for e in keep if e is not gone]
    formulas = [a.formula for a in pair]
    total: Formula = sympy.S.Zero
    for c, e in zip(factors.tolist(), keep, strict=True):
        total += sympy.Float(c) * sympy.Mul(*(f**k for f, k in zip(formulas, e, strict=True)))
    return price, total
