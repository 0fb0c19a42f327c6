"""Formulas for a problem as it stands: straight from the table, of one variable, or from a small network."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import sympy
import torch

from edgewise._deadline import Deadline
from edgewise._errors import InputError
from edgewise._typing import Array, Formula
from edgewise.discovery.generators._direct import polynomial, power_law
from edgewise.discovery.generators._rational import rational
from edgewise.discovery.judging import spread
from edgewise.discovery.models import structures, trained
from edgewise.discovery.tables import EXACT, Problem
from edgewise.discovery.univariate import snap_univariate
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import FitData, FittedFormula
from edgewise.interpret.symbolic import snap
from edgewise.nn import KAN
from edgewise.train import Options

_Method = Callable[[FitData, float], list[FittedFormula]]
_Image = tuple[tuple[_Method, ...], Array, Array, Callable[[Formula], Formula]]
_LAWS = 8  # of one variable that are handed on
_RESTARTS = 4
_SMALLEST = 1e-100  # times the largest target: sizes that weights are divided by
_TREES = 4  # columns up to which small networks are tried


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
        size = np.maximum(size, _SMALLEST * size.max())
        yield (polynomial, rational), y**2, w / (2 * size), lambda v: sign * sympy.sqrt(v)
        yield (polynomial, rational), np.log(np.abs(y)), w / (1 / size), lambda v: sign * sympy.exp(v)


def univariate(problem: Problem, noise: float) -> Iterator[Formula]:
    """Laws of the only column left."""
    if problem.n_columns != 1:
        return
    try:
        share = problem.share(noise)
        laws = snap_univariate(problem.columns[:, 0], problem.target, noise=share, weight=problem.weight)
    except InputError:  # a constant column or target: `direct` has said all there is
        return
    for law in laws[:_LAWS]:
        yield problem.lift(law.expression(sympy.Symbol(problem.names[0])))


def trees(problem: Problem, noise: float, deadline: Deadline, seed: int) -> Iterator[tuple[str, float, Formula | None]]:
    """Small networks fitted accurately and snapped: name, network error, and formula in the original inputs or None."""
    m = problem.n_columns
    if not 2 <= m <= _TREES:
        return
    weights = problem.weight.square()
    u, t = problem.columns, problem.target
    scale = float(t.std()) or 1.0
    fits: list[tuple[float, str, KAN]] = []
    for name, build in structures(m)[:-1]:
        left = deadline.left()
        if left <= 0:
            break
        options = Options(restarts=_RESTARTS, seed=seed, time_limit=left)
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
