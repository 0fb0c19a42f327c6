"""Formulas for a problem as it stands: straight from the table, of one variable, or from a small network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sympy
import torch

from edgewise import functions as library
from edgewise._deadline import Deadline
from edgewise._errors import InputError
from edgewise._typing import Formula
from edgewise.discovery._coordinates import Coordinates
from edgewise.discovery._direct import polynomial, power_law, rational
from edgewise.discovery._networks import diagonal
from edgewise.discovery._part import trained
from edgewise.discovery._problem import Problem
from edgewise.discovery._univariate import snap_univariate
from edgewise.nn import KAN
from edgewise.symbolic import snap
from edgewise.train import Options

_LAWS = 8  # of one variable that are handed on
_EXACT_LAW = 1e-9  # error of a power law of a transformed target that is handed on
_TREES = 4  # columns up to which small networks are tried


def direct(problem: Problem, noise: float) -> Iterator[Formula]:
    """Power laws, polynomials and rational functions of the columns, of the target or its square or logarithm."""
    x, y, w = (part.numpy() for part in (problem.columns, problem.target, problem.weight))
    if problem.n_columns == 0:
        yield problem.lift(sympy.Float(float(np.average(y, weights=w**2))))
        return
    own = problem.share(noise)
    for method in (power_law, polynomial, rational):
        for found in method(problem.names, x, y, own, w):
            yield problem.lift(found.expression)
    yield from _inverse_power_laws(problem, noise)
    if not ((y > 0).all() or (y < 0).all()):
        return
    sign = sympy.Integer(1 if y[0] > 0 else -1)
    # The noise of T(y) is that of y times |T'|, so the weights fall by as much; tiny targets weigh no more than the
    # median.
    size = np.maximum(np.abs(y), 0.1 * np.median(np.abs(y))) if noise > 0 else np.abs(y)
    for values, slope, back in ((y**2, 2 * size, sympy.sqrt), (np.log(np.abs(y)), 1 / size, sympy.exp)):
        for method in (polynomial, rational):
            share = own * _noise_share(values, w / slope, y, w)
            for found in method(problem.names, x, values, share, w / slope):
                yield problem.lift(sign * back(found.expression))


def _inverse_power_laws(problem: Problem, noise: float) -> Iterator[Formula]:
    """Power laws of the sine, cosine or exponential of the target, and of the target and 1."""
    x, y, w = (part.numpy() for part in (problem.columns, problem.target, problem.weight))
    for values, slope, back in (
        (np.sin(y), np.cos(y), sympy.asin), (np.cos(y), np.sin(y), sympy.acos),
        (y - 1, np.ones_like(y), lambda v: v + 1), (y + 1, np.ones_like(y), lambda v: v - 1),
        (np.exp(np.clip(y, -30, 30)), np.exp(np.clip(y, -30, 30)), sympy.log),
    ):  # fmt: skip
        weight = w / np.maximum(np.abs(slope), 0.1 if noise > 0 else 1e-3)  # where T is flat it says little of noise
        share = problem.share(noise) * _noise_share(values, weight, y, w)
        for found in power_law(problem.names, x, values, share, weight):
            if found.error < max(_EXACT_LAW, 1.2 * share):
                yield problem.lift(back(found.expression))


def _noise_share(values: np.ndarray, weight: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Spread of y over that of T(y), each under its own weights: how noise over spread changes with T."""

    def spread(v: np.ndarray, u: np.ndarray) -> float:
        if not np.square(u).sum() > 0:  # too small to be squared
            return 0.0
        mean = np.average(v, weights=u**2)
        return float(np.sqrt(np.mean((u * (v - mean)) ** 2)))

    return spread(y, w) / max(spread(values, weight), 1e-300)


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
    coordinates = Coordinates((False,) * m)
    weights = problem.weight.square()
    u, t = problem.columns, problem.target
    scale = float(t.std()) or 1.0
    fits = []
    for name, model in _shapes(m):
        left = deadline.left()
        if left <= 0:
            break
        options = Options(restarts="auto", seed=seed, time_limit=min(left, 8.0))
        grids = [5, 10] if noise > 0 else [5, 10, 20, 50]
        result = trained(model, u, t / scale, options, weights=weights, grids=grids)
        with torch.no_grad():
            error = problem.error(scale * coordinates.back(result.model(u)[:, 0]))
        if error < max(3e-4, 1.3 * noise):
            fits.append((error, name, result.model))
    # Simple shapes come first among those that fit equally well.
    best = min((error for error, _, _ in fits), default=0.0)
    equal = max(3 * best, 1.1 * noise)
    for error, name, model in sorted(fits, key=lambda entry: entry[0] if entry[0] > equal else 0.0)[:3]:
        if deadline.passed():
            return
        snapped = snap(model, u, (t / scale).unsqueeze(1), functions=library.names(core=True), rounding=noise == 0)
        whole = not snapped.kept
        yield name, error, problem.lift(sympy.Float(scale) * snapped.model.formula(problem.names)) if whole else None


def _shapes(m: int) -> list[tuple[str, KAN]]:
    return [
        ("sum of functions", KAN([m, 1], grid=5)),
        ("product of functions", diagonal(KAN([m, (0, [m])], grid=5))),
        ("function of a sum of functions", KAN([m, 1, 1], grid=5)),
        ("function of a product of functions", diagonal(KAN([m, (0, [m]), 1], grid=5))),
    ]
