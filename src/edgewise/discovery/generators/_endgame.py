"""Formulas for a problem as it stands: from the table, of one variable, linear in a function, or from a network."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import sympy
import torch
from torch import Tensor

from edgewise._deadline import Deadline
from edgewise._errors import InputError
from edgewise._typing import Array, Formula
from edgewise.discovery.generators._algebra import plain_functions
from edgewise.discovery.generators._direct import polynomial, power_law
from edgewise.discovery.generators._rational import rational
from edgewise.discovery.judging import spread
from edgewise.discovery.models import structures, trained
from edgewise.discovery.reductions import near_fraction
from edgewise.discovery.tables import EXACT, Problem
from edgewise.discovery.univariate import snap_univariate
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import FitData, FittedFormula, simple_constants
from edgewise.interpret.symbolic import snap
from edgewise.nn import KAN
from edgewise.train import Options

_Fit = tuple[float, int, int, Tensor, Formula, tuple[Tensor, Tensor]]
_DEGREE, _NOISY_DEGREE = 14, 6  # of the polynomials that A and B are fitted as


def linear_in(problem: Problem, noise: float) -> Iterator[Problem]:
    """Problems of one column that are left of two, where t = A(w) + B(w) f(z), either way round, and A or B is c w^p.

    A and B are fitted as polynomials of w, together and linearly, for each f of z; the f that leaves least decides.
    """
    close = 1e-4  # error of an exact target's fit that is looked at closer
    if problem.n_columns != 2:
        return
    fits = [fit for w, z in ((0, 1), (1, 0)) for fit in _fits(problem, w, z, noise)]
    best = min(fits, key=lambda fit: fit[0], default=None)
    if best is None or best[0] > (1.05 * noise if noise > 0 else close):
        return
    _, w, z, f, formula, curves = best
    unsure = math.sqrt(_NOISY_DEGREE / len(f)) * noise * float(problem.target.std())
    for values, expression in _powers(problem, w, curves[0], unsure):
        yield problem.less(values, expression).over(f, formula).without(z)
    for values, expression in _powers(problem, w, curves[1], unsure):
        yield problem.less(values * f, expression * formula).without(z)


def _powers(problem: Problem, w: int, curve: Tensor, unsure: float) -> Iterator[tuple[Tensor, Formula]]:
    """Values and formulas c w^p of a curve that is one, c an exact number near the fitted one or that itself."""
    plain = 1e-3  # residual of a curve that is a power of its column, on exact data
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
        if rest > max(plain * float(size.mean()), 2 * unsure):
            continue
        expression = problem.expressions[w] ** p
        for number in simple_constants(c, max(plain, 3 * unsure / abs(c)), 2):
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
    for row in plain_functions():
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


_Method = Callable[[FitData, float], list[FittedFormula]]
_Image = tuple[tuple[_Method, ...], Array, Array, Callable[[Formula], Formula]]


def direct(problem: Problem, noise: float) -> Iterator[Formula]:
    """Power laws, polynomials and rational functions of the columns, of the target or a function of it."""
    x, y, w = (part.numpy() for part in (problem.columns, problem.target, problem.weight))
    if problem.n_columns == 0:
        yield problem.lift(sympy.Float(float(np.average(y, weights=w**2))))
        return
    for methods, values, weight, back in _images(y, w, problem.sign, noise > 0):
        data = FitData.of(problem.names, x, values, weight)
        share = problem.share(noise) * spread(y, w) / max(spread(values, weight), 1e-300)
        limit = max(EXACT, 1.2 * share) if methods == (power_law,) else math.inf
        for method in methods:
            for found in method(data, share):
                if found.error < limit:
                    yield problem.lift(back(found.expression))


def _images(y: Array, w: Array, sign: int, noisy: bool) -> Iterator[_Image]:
    """The target and functions T of it, T as values and weights, what is fitted to them, and the way back.

    The noise of T(y) is that of y times |T'|, so the weights fall by as much.
    """
    smallest = 1e-100  # times the largest target: sizes that weights are divided by
    yield (power_law, polynomial, rational), y, w, lambda v: v
    one, exponential = np.ones_like(y), np.exp(np.clip(y, -30, 30))
    for values, slope, back in (
        (np.sin(y), np.cos(y), sympy.asin), (np.cos(y), np.sin(y), sympy.acos),
        (y - 1, one, lambda v: v + 1), (y + 1, one, lambda v: v - 1), (exponential, exponential, sympy.log),
    ):  # fmt: skip
        # Where T is flat it says little of noise.
        yield (power_law,), values, w / np.maximum(np.abs(slope), 0.1 if noisy else 1e-3), back
    if sign:
        # Tiny targets weigh no more than the median.
        size = np.maximum(np.abs(y), 0.1 * np.median(np.abs(y))) if noisy else np.abs(y)
        size = np.maximum(size, smallest * size.max())
        yield (polynomial, rational), y**2, w / (2 * size), lambda v: sign * sympy.sqrt(v)
        yield (polynomial, rational), np.log(np.abs(y)), w / (1 / size), lambda v: sign * sympy.exp(v)


def univariate(problem: Problem, noise: float) -> Iterator[Formula]:
    """Laws of the only column left."""
    most = 8  # of one variable that are handed on
    if problem.n_columns != 1:
        return
    try:
        share = problem.share(noise)
        laws = snap_univariate(problem.columns[:, 0], problem.target, noise=share, weight=problem.weight)
    except InputError:  # a constant column or target: `direct` has said all there is
        return
    for law in laws[:most]:
        yield problem.lift(law.expression(sympy.Symbol(problem.names[0])))


def trees(problem: Problem, noise: float, deadline: Deadline, seed: int) -> Iterator[tuple[str, float, Formula | None]]:
    """Small networks fitted accurately and snapped: name, network error, and formula in the original inputs or None."""
    restarts = 4
    widest = 4  # columns up to which small networks are tried
    m = problem.n_columns
    if not 2 <= m <= widest:
        return
    weights = problem.weight.square()
    u, t = problem.columns, problem.target
    scale = float(t.std()) or 1.0
    fits: list[tuple[float, str, KAN]] = []
    for name, build in structures(m)[:-1]:
        left = deadline.left()
        if left <= 0:
            break
        options = Options(restarts=restarts, seed=seed, time_limit=left if math.isfinite(left) else None)
        grids = [5, 10] if noise > 0 else [5, 10, 20, 50]
        model = trained(build(), u, t / scale, options, weights=weights, grids=grids).model
        with torch.no_grad():
            error = problem.error(scale * model(u)[:, 0])
        if error < max(3e-4, 1.3 * noise):
            fits.append((error, name, model))
    # Simple shapes come first among those that fit equally well.
    best = min((error for error, _, _ in fits), default=0.0)
    equal = max(3 * best, 1.1 * noise)
    for error, name, model in sorted(fits, key=lambda entry: entry[0] if entry[0] > equal else 0.0)[:3]:
        if deadline.passed():
            return
        snapped = snap(model, u, (t / scale).unsqueeze(1), functions=library.names(core=True), rounding=noise == 0)
        whole = not snapped.kept
        yield name, error, problem.lift(sympy.Float(scale) * snapped.model.formula(problem.names)) if whole else None
