"""A law of one variable, ``y = s q T^-1(z^-p (c f(a u(z) + b) + d))``, and what it is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import sympy
import torch
from torch import Tensor

from edgewise.discovery._monomials import EXACT
from edgewise.discovery._transforms import Transform
from edgewise.expressions import complexity
from edgewise.functions import Function
from edgewise.symbolic import Batch

_Z = sympy.Symbol("z")


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
class Points:
    """The data, checked: z, y and weights (n,); ``spread`` is the weighted standard deviation of y."""

    z: Tensor
    y: Tensor
    weight: Tensor
    spread: float

    def error(self, prediction: Tensor) -> float:
        """Return the weighted rms residual over the spread."""
        return float(self.residual(prediction).norm() / self.weight.norm()) / self.spread

    def residual(self, prediction: Tensor) -> Tensor:
        """Return weighted residuals (n,); where the prediction is undefined the mean is predicted."""
        w2 = self.weight.square()
        mean = (w2 * self.y).sum() / w2.sum()
        return self.weight * (self.y - torch.where(torch.isfinite(prediction), prediction, mean))


@dataclass(frozen=True)
class UnivariateLaw:
    """A formula of one variable and how well it describes the data it was found on.

        ``error`` is the weighted rms residual over the weighted standard deviation, in units of y itself whatever
        the transformation was.

        >>> from edgewise import functions
        >>> from edgewise.discovery._monomials import EXACT
    from edgewise.discovery._transforms import TRANSFORMS
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
        constants = (self.a, self.b, self.c, self.d)
        a, b, c, d = (sympy.Integer(int(v)) if v in (-1.0, 0.0, 1.0) else sympy.Float(v) for v in constants)
        value = (c * form.function.sympy(a * z**form.argument + b) + d) * z**-form.power
        return form.sign * (z if form.odd else 1) * _merged(form.transform.formula(value))

    @cached_property
    def complexity(self) -> int:
        """Operations, constants and appearances of the variable, counted as everywhere in discovery."""
        return complexity(self._template)

    def predict(self, z: Tensor) -> Tensor:
        """Return y of z, of the shape of z; NaN where the law is undefined."""
        form = self.form
        value = self.c * _function(form, self.a, self.b, z) + self.d
        y = form.sign * form.transform.back(value * z**-form.power)
        return y * z if form.odd else y


def _merged(expression: sympy.Expr) -> sympy.Expr:
    """Write powers of exponentials as exponentials, which holds for real arguments."""
    powers = [e for e in expression.atoms(sympy.Pow) if isinstance(e.base, sympy.exp)]
    merged = expression.xreplace({e: sympy.exp(e.base.args[0] * e.exp) for e in powers})
    return cast("sympy.Expr", merged)


def _function(form: Form, a: float, b: float, z: Tensor) -> Tensor:
    """Return f(a u(z) + b), of the shape of z."""
    batch = Batch.of(form.function)
    theta = torch.tensor([[a, b]], dtype=z.dtype)
    return batch.values(batch.arguments(theta, z.reshape(-1) ** form.argument)).reshape(z.shape)


def judged(law: UnivariateLaw, points: Points) -> UnivariateLaw:
    """Return the law with its error on the points."""
    return replace(law, error=points.error(law.predict(points.z)))


def senseless(law: UnivariateLaw, points: Points) -> bool:
    """Return whether a law is only the limit of a simpler one.

    Its constants leave the range of floating point, or c f is nearly constant on the data but not exact.
    """
    numbers = [abs(float(v)) for v in law.expression(_Z).atoms(sympy.Float)]
    if any(not 1e-300 < v < 1e300 for v in numbers):
        return True
    f = _function(law.form, law.a, law.b, points.z)
    f = f[torch.isfinite(f)]
    return law.error > EXACT and (len(f) < 3 or bool(f.abs().max() > 1e4 * f.std()))


def price(error: float, size: int, noise: float, n: int, floor: float) -> float:
    """Return what the best law has lowest, given its error on n points and its complexity.

    n log(error^2) + log(n)/2 size with noise;  size + 3 max(0, log10(error / (5 floor))) of exact data
    """
    if noise > 0:
        return 2 * n * math.log(max(error, 1e-300)) + 0.5 * math.log(n) * size
    return size + 3 * max(0.0, math.log10(max(error, 1e-300) / (5 * floor)))


def margin(noise: float, n: int) -> float:
    """Return the error up to which a law is adequate: 1.05 noise, or 3 standard errors of few points."""
    return max(1.05, 1 + 3 / math.sqrt(2 * n)) * noise if noise > 0 else EXACT
