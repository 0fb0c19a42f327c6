"""A law of one variable, ``y = s q T^-1(z^-p (c f(a u(z) + b) + d))``, its fit, and what it is worth."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import sympy
import torch
from scipy.optimize import least_squares
from torch import Tensor

from edgewise._typing import Array
from edgewise.discovery.tables import EXACT
from edgewise.formulas.expressions import complexity
from edgewise.formulas.functions import Function
from edgewise.interpret.symbolic import Batch, CurveFit, Samples

_Z = sympy.Symbol("z")


@dataclass(frozen=True)
class Transform:
    """One way to read y: as ``T(y)``, with the way back, for y in an open interval.

    ``powers`` are the p tried in ``T(y) z^p``; ``signed`` is whether y may have either sign;
    ``steep`` is whether T needs y clear of 0 where there is noise.

    >>> square = TRANSFORMS[2]
    >>> square.name, square.back(square.forward(torch.tensor(3.0))).item()
    ('square', 3.0)
    """

    name: str
    forward: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    formula: Callable[[sympy.Expr], sympy.Expr]
    domain: tuple[float, float]
    signed: bool
    powers: tuple[int, ...]
    steep: bool = True

    def slope(self, y: Tensor) -> Tensor:
        """Return ``T'(y)``."""
        return with_slope(self.forward, y)[1]


def with_slope(function: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """Return values and derivatives of a function of one variable, each of the shape of `at`."""
    with torch.enable_grad():
        at = at.detach().requires_grad_()
        values = function(at)
        return values.detach(), torch.autograd.grad(values.sum(), at)[0]


_INF = math.inf
_ALL = (0, 1, -1, 2, -2, 3, -3)
_FEW = (0, 1, -1)
TRANSFORMS: tuple[Transform, ...] = (
    Transform("identity", lambda y: y, lambda v: v * 1.0, lambda v: v, (-_INF, _INF), True, _ALL, False),
    Transform("reciprocal", torch.reciprocal, torch.reciprocal, lambda v: 1 / v, (-_INF, _INF), True, _ALL),
    Transform("square", torch.square, torch.sqrt, sympy.sqrt, (0.0, _INF), False, _ALL),
    Transform("inverse square", lambda y: y**-2, torch.rsqrt, lambda v: 1 / sympy.sqrt(v), (0.0, _INF), False, _ALL),
    Transform("log", torch.log, torch.exp, sympy.exp, (0.0, _INF), False, _FEW),
    Transform("sqrt", torch.sqrt, torch.square, lambda v: v**2, (0.0, _INF), False, _FEW),
    Transform("inverse sqrt", torch.rsqrt, lambda v: v**-2, lambda v: v**-2, (0.0, _INF), False, _FEW),
    Transform("exp", torch.exp, torch.log, sympy.log, (-30.0, 30.0), True, _FEW, False),
    Transform("sin", torch.sin, torch.asin, sympy.asin, (-math.pi / 2, math.pi / 2), True, _FEW, False),
    Transform("cos", torch.cos, torch.acos, sympy.acos, (0.0, math.pi), True, _FEW, False),
)
BY_NAME = {transform.name: transform for transform in TRANSFORMS}


@dataclass(frozen=True)
class Form:
    """The shape of a law without its constants: u(z) = z^argument, q = z if odd else 1, s the sign."""

    function: Function
    transform: Transform
    power: int = 0
    argument: int = 1
    odd: bool = False
    sign: int = 1


@dataclass(frozen=True)
class UnivariateLaw:
    """A formula of one variable and how well it describes the data it was found on.

    ``error`` is the weighted rms residual over the weighted standard deviation, in units of y itself whatever
    the transformation was.

    >>> from edgewise import functions
    >>> law = UnivariateLaw(Form(functions.get("exp"), TRANSFORMS[1]), 1.0, 0.0, 1.0, -1.0, 0.0)
    >>> law.expression(sympy.Symbol("z"))
    1/(exp(z) - 1)
    """

    form: Form
    a: float
    b: float
    c: float
    d: float
    error: float

    def expression(self, z: sympy.Expr) -> sympy.Expr:
        """Return the formula as a sympy expression of ``z``; constants other than 0, 1, -1 are Floats."""
        return self._template.subs(_Z, z)

    @cached_property
    def _template(self) -> sympy.Expr:
        form, z = self.form, _Z
        curve = CurveFit(form.function, self.a, self.b, self.c, self.d, self.error)
        value = curve.expression(z**form.argument) * z**-form.power
        return form.sign * (z if form.odd else 1) * _merged(form.transform.formula(value))

    @cached_property
    def complexity(self) -> int:
        """Operations, constants and appearances of the variable, counted as everywhere in discovery."""
        return complexity(self._template)

    def predict(self, z: Tensor) -> Tensor:
        """Return y (n,) of z (n,); NaN where the law is undefined."""
        form = self.form
        value = self.c * Batch.at(form.function, self.a, self.b, z**form.argument) + self.d
        y = form.sign * form.transform.back(value * z**-form.power)
        return y * z if form.odd else y


def _merged(expression: sympy.Expr) -> sympy.Expr:
    """Write powers of exponentials as exponentials, which holds for real arguments."""
    powers = [e for e in expression.atoms(sympy.Pow) if isinstance(e.base, sympy.exp)]
    merged = expression.xreplace({e: sympy.exp(e.base.args[0] * e.exp) for e in powers})
    return cast("sympy.Expr", merged)


def judged(law: UnivariateLaw, points: Samples) -> UnivariateLaw:
    """Return the law with its error on the points."""
    return replace(law, error=points.error(law.predict(points.z)))


def senseless(law: UnivariateLaw, points: Samples) -> bool:
    """Return whether a law is only the limit of a simpler one.

    Its constants leave the range of floating point, or c f is nearly constant on the data but not exact.
    """
    numbers = [abs(float(v)) for v in law.expression(_Z).atoms(sympy.Float)]
    if any(not 1e-300 < v < 1e300 for v in numbers):
        return True
    f = Batch.at(law.form.function, law.a, law.b, points.z**law.form.argument)
    f = f[torch.isfinite(f)]
    return law.error > EXACT and (len(f) < 3 or bool(f.abs().max() > 1e4 * f.std()))


def criterion(error: float, size: int, noise: float, n: int, floor: float) -> float:
    """Return what the best law has lowest, given its error on n points and its complexity.

    n log(error^2) + log(n)/2 size with noise;  size + 3 max(0, log10(error / (5 floor))) of exact data
    """
    if noise > 0:
        return 2 * n * math.log(max(error, 1e-300)) + 0.5 * math.log(n) * size
    return size + 3 * max(0.0, math.log10(max(error, 1e-300) / (5 * floor)))


def margin(noise: float, n: int) -> float:
    """Return the error up to which a law is adequate: 1.05 noise, or 3 standard errors of few points."""
    return max(1.05, 1 + 3 / math.sqrt(2 * n)) * noise if noise > 0 else EXACT


_TRIALS = (("b", (0.0, 1.0, -1.0)), ("d", (0.0, 1.0, -1.0)), ("a", (1.0, -1.0)), ("c", (1.0, -1.0)))
_CONSTANTS = ("a", "b", "c", "d")


def simplified(law: UnivariateLaw, points: Samples) -> UnivariateLaw:
    """Return the law with constants within 1e-9 of 0 or +-1 set to that, unless the error rises."""
    law = judged(law, points)
    size = {"b": abs(law.a) * float((points.z**law.form.argument).abs().max()), "d": abs(law.c)}
    for name, values in _TRIALS:
        for value in values:
            if 0 < abs(getattr(law, name) - value) <= 1e-9 * size.get(name, 1.0):
                trial = judged(replace(law, **{name: value}), points)
                law = trial if trial.error <= max(3 * law.error, 1e-13) else law
    return law


def _jacobian(law: UnivariateLaw, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the predictions (n,) and their derivatives by a, b, c, d (n, 4); zero where undefined."""
    form = law.form
    batch = Batch.of(form.function)
    u = z**form.argument
    inner = batch.arguments(torch.tensor([[law.a, law.b]], dtype=z.dtype), u)
    f, df = (part[0] for part in with_slope(batch.values, inner))
    scale = z**-form.power
    y, slope = with_slope(form.transform.back, (law.c * f + law.d) * scale)
    outer = form.sign * slope * scale
    if form.odd:
        y, outer = y * z, outer * z
    rows = outer[:, None] * torch.stack([law.c * df * u, law.c * df, f, torch.ones_like(f)], 1)
    return form.sign * y, torch.where(torch.isfinite(rows), rows, 0.0)


def movable(function: Function) -> list[str]:
    """Return the constants that no other one can replace."""
    fixed = {"none": "", "scale": "a", "shift": "b", "affine": "ab"}[function.gauge]
    return [name for name in _CONSTANTS if name not in fixed]


def fitted(law: UnivariateLaw, points: Samples, names: list[str], *, steps: int = 12) -> UnivariateLaw:
    """Return the law with the named constants fitted to y itself, by at most `steps` evaluations."""
    columns = [_CONSTANTS.index(name) for name in names]
    law = judged(law, points)
    if len(points.z) < len(names) or not math.isfinite(law.error):
        return law

    def at(values: Array) -> UnivariateLaw:
        return replace(law, **dict(zip(names, values.tolist(), strict=True)))

    def residual(values: Array) -> Array:
        return points.residual(at(values).predict(points.z)).numpy()

    def jacobian(values: Array) -> Array:
        rows = _jacobian(at(values), points.z)[1]
        return (-points.weight[:, None] * rows[:, columns]).numpy()

    start = np.array([getattr(law, name) for name in names])
    if not np.isfinite(start).all():
        return law
    found = least_squares(residual, start, jacobian, method="lm", x_scale="jac", max_nfev=steps)  # type: ignore[arg-type]
    return min(law, judged(at(found.x), points), key=lambda one: one.error)


def economical(law: UnivariateLaw, points: Samples) -> UnivariateLaw:
    """Fit the constants to y and make those 0 or +-1 that the data do not tell from it.

    A constant goes while n log(rss) is expected to rise by less than log n (the Bayesian information
    criterion): Wald's test, the other constants following linearly. Then the rest is fitted once more.
    """
    names = movable(law.form.function)
    law = fitted(law, points, names)
    _, rows = _jacobian(law, points.z)
    rows = points.weight[:, None] * rows[:, [_CONSTANTS.index(n) for n in names]]
    n = int((points.weight > 0).sum())
    variance = (law.error * points.spread * float(points.weight.norm())) ** 2 / max(1, n - len(names))
    values, kept = _reduced([getattr(law, m) for m in names], names, rows, variance * math.log(n))
    if len(kept) == len(names):
        return law
    if not np.isfinite(values).all():  # of a Jacobian that tells nothing of a constant
        return law
    trial = replace(law, **dict(zip(names, values, strict=True)))
    trial = fitted(trial, points, kept) if kept else judged(trial, points)
    allowed = math.exp(0.75 * (len(names) - len(kept)) * math.log(n) / n)
    return trial if trial.error <= allowed * law.error else law


def _reduced(values: list[float], names: list[str], rows: Tensor, allowed: float) -> tuple[list[float], list[str]]:
    """Return all constants after fixing what may be fixed, and the names of those still free.

    ``rows`` (n, k) is the weighted Jacobian; a constant may be fixed if the weighted sum of squares rises by
    at most ``allowed``.
    """
    scale = rows.norm(dim=0).clamp_min(1e-300)
    if not bool(torch.isfinite(scale).all()):
        return values, names
    _, singular, vh = torch.linalg.svd(rows / scale, full_matrices=False)
    half = (vh / singular.clamp_min(1e-12)[:, None]) / scale
    inverse = half.T @ half
    theta, free = torch.tensor(values, dtype=rows.dtype), list(range(len(names)))
    for name, targets in _TRIALS:
        if name not in names or not math.isfinite(float(inverse.abs().max())):
            continue
        k = names.index(name)
        here = float(theta[k])
        target = min(targets, key=lambda v: abs(here - v))
        if (here - target) ** 2 <= allowed * float(inverse[k, k]):
            column = inverse[:, k] / inverse[k, k]
            theta = theta + column * (target - here)
            theta[k] = target
            inverse = inverse - torch.outer(column, inverse[k])
            free.remove(k)
    return theta.tolist(), [names[k] for k in free]
