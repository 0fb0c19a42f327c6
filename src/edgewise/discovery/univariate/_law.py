"""A law of one variable, ``y = s q T^-1(z^-p (c f(a u(z) + b) + d))``, and what it is worth."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import sympy
import torch
from torch import Tensor

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
