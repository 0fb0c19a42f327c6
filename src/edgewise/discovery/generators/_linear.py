"""Targets of two columns that are linear in a function of one of them: t = A(w) + B(w) f(z)."""

import math
from collections.abc import Iterator
from fractions import Fraction

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula
from edgewise.discovery.generators._algebra import PLAIN
from edgewise.discovery.reductions import near_fraction
from edgewise.discovery.tables import Problem
from edgewise.formulas.expressions import simple_constants

_Fit = tuple[float, int, int, Tensor, Formula, tuple[Tensor, Tensor]]
_DEGREE, _NOISY_DEGREE = 14, 6  # of the polynomials that A and B are fitted as
_CLOSE = 1e-4  # error of an exact target's fit that is looked at closer
_PLAIN = 1e-3  # residual of a curve that is a power of its column, on exact data


def linear_in(problem: Problem, noise: float) -> Iterator[Problem]:
    """Problems of one column that are left of two, where t = A(w) + B(w) f(z), either way round, and A or B is c w^p.

    A and B are fitted as polynomials of w, together and linearly, for each f of z; the f that leaves least decides.
    """
    if problem.n_columns != 2:
        return
    fits = [fit for w, z in ((0, 1), (1, 0)) for fit in _fits(problem, w, z, noise)]
    best = min(fits, key=lambda fit: fit[0], default=None)
    if best is None or best[0] > (1.05 * noise if noise > 0 else _CLOSE):
        return
    _, w, z, f, formula, curves = best
    unsure = math.sqrt(_NOISY_DEGREE / len(f)) * noise * float(problem.target.std())
    for values, expression in _powers(problem, w, curves[0], unsure):
        yield problem.less(values, expression).over(f, formula).without(z)
    for values, expression in _powers(problem, w, curves[1], unsure):
        yield problem.less(values * f, expression * formula).without(z)


def _powers(problem: Problem, w: int, curve: Tensor, unsure: float) -> Iterator[tuple[Tensor, Formula]]:
    """Values and formulas c w^p of a curve that is one, c an exact number near the fitted one or that itself."""
    u, size = problem.columns[:, w], curve.abs()
    powers = {Fraction(0)}
    if problem.positive(w) and (bool((curve > 0).all()) or bool((curve < 0).all())):
        x, y = u.log() - u.log().mean(), size.log()
        power = near_fraction(float((x * y).sum() / x.square().sum()))
        powers |= {power} if power is not None else set()
    for p in powers:
        part = u ** float(p)
        c = float(curve @ part / (part @ part))
        rest = float((curve - c * part).square().mean().sqrt())
        if rest > max(_PLAIN * float(size.mean()), 2 * unsure):
            continue
        expression = problem.expressions[w] ** p
        for number in simple_constants(c, max(_PLAIN, 3 * unsure / abs(c)), 2):
            yield float(number.value) * part, number.expr * expression
        yield c * part, sympy.Float(c) * expression


def _fits(problem: Problem, w: int, z: int, noise: float) -> Iterator[_Fit]:
    """Each f of column z: error, columns, values and formula of f, and A and B at every row."""
    degree = _NOISY_DEGREE if noise > 0 else _DEGREE
    u, v = problem.columns[:, w], problem.columns[:, z]
    u = u.log() if problem.positive(w) else u
    low, high = u.min(), u.max()
    if not float(high - low) > 0:
        return
    angle = torch.acos(((2 * u - low - high) / (high - low)).clamp(-1, 1))
    basis = torch.cos(angle.unsqueeze(1) * torch.arange(degree + 1, dtype=u.dtype))
    for row in PLAIN:
        f = row.torch(v)
        if not bool(torch.isfinite(f).all()) or float(f.abs().max()) > 1e30:
            continue
        table = torch.cat([basis, basis * f.unsqueeze(1)], dim=1) * problem.weight.unsqueeze(1)
        size = table.norm(dim=0).clamp_min(1e-300)
        solved = torch.linalg.lstsq(table / size, (problem.weight * problem.target).unsqueeze(1), driver="gelsd")
        factors = solved.solution[:, 0] / size
        curves = basis @ factors[: degree + 1], basis @ factors[degree + 1 :]
        error = problem.error(curves[0] + curves[1] * f)
        yield error, w, z, f, row.sympy(problem.expressions[z]), curves
