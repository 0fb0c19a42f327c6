"""A law of one variable, ``y = s q T^-1(z^-p (c f(a u(z) + b) + d))``, and the fit of its four constants."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import sympy
import torch
from torch import Tensor

from edgewise.discovery._complexity import complexity
from edgewise.discovery._transforms import Transform
from edgewise.functions import Function
from edgewise.symbolic import _varpro as varpro

_TRIALS = (("b", (0.0, 1.0, -1.0)), ("d", (0.0, 1.0, -1.0)), ("a", (1.0, -1.0)), ("c", (1.0, -1.0)))
_CONSTANTS = ("a", "b", "c", "d")


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
    >>> from edgewise.discovery._transforms import TRANSFORMS
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
        form = self.form
        a, b, c, d = (sympy.Integer(int(v)) if v in (-1.0, 0.0, 1.0) else sympy.Float(v) for v in self.constants)
        value = (c * form.function.sympy(a * z**form.argument + b) + d) * z**-form.power
        return form.sign * (z if form.odd else 1) * _merged(form.transform.formula(value))

    @property
    def constants(self) -> tuple[float, float, float, float]:
        return self.a, self.b, self.c, self.d

    @cached_property
    def complexity(self) -> int:
        """Operations, constants and appearances of the variable, counted as everywhere in discovery."""
        return complexity(self.expression(sympy.Symbol("z")))

    def predict(self, z: Tensor) -> Tensor:
        """Return y of z, of the shape of z; NaN where the law is undefined."""
        form = self.form
        value = self.c * _function(form, self.a, self.b, z) + self.d
        y = form.sign * form.transform.back(value * z**-form.power)
        return y * z if form.odd else y


def _merged(expression: sympy.Expr) -> sympy.Expr:
    """Write powers of exponentials as exponentials, which holds for real arguments."""
    return expression.replace(
        lambda e: e.is_Pow and isinstance(e.base, sympy.exp), lambda e: sympy.exp(e.base.args[0] * e.exp)
    )


def cancels(law: UnivariateLaw, z: Tensor) -> bool:
    """Return whether c f is nearly constant on the data: the limit of a simpler law, with senseless constants."""
    f = _function(law.form, law.a, law.b, z)
    f = f[torch.isfinite(f)]
    return bool(f.abs().max() > 1e4 * f.std())


def _function(form: Form, a: float, b: float, z: Tensor) -> Tensor:
    batch = varpro.single(form.function)
    theta = torch.tensor([[a, b]], dtype=z.dtype)
    return batch.values(batch.arguments(theta, z.reshape(-1) ** form.argument)).reshape(z.shape)


def judged(law: UnivariateLaw, points: Points) -> UnivariateLaw:
    """Return the law with its error on the points."""
    return replace(law, error=points.error(law.predict(points.z)))


def tidied(law: UnivariateLaw, points: Points) -> UnivariateLaw:
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
    batch = varpro.single(form.function)
    u = z**form.argument
    with torch.enable_grad():
        inner = batch.arguments(torch.tensor([[law.a, law.b]], dtype=z.dtype), u).requires_grad_()
        f = batch.values(inner)
        (df,) = torch.autograd.grad(f.sum(), inner)
    f, df = f.detach()[0], df[0]
    scale = z**-form.power
    y, slope = form.transform.back_with_slope((law.c * f + law.d) * scale)
    outer = form.sign * slope * scale
    if form.odd:
        y, outer = y * z, outer * z
    rows = outer[:, None] * torch.stack([law.c * df * u, law.c * df, f, torch.ones_like(f)], 1)
    return form.sign * y, torch.where(torch.isfinite(rows), rows, 0.0)


def _movable(function: Function) -> list[str]:
    fixed = {"none": "", "scale": "a", "shift": "b", "affine": "ab"}[function.gauge]
    return [name for name in _CONSTANTS if name not in fixed]


def fitted(law: UnivariateLaw, points: Points, names: list[str], *, steps: int = 20) -> UnivariateLaw:
    """Fit the named constants to y itself, from where they are, by Levenberg-Marquardt."""
    columns = [_CONSTANTS.index(name) for name in names]
    damping, law = 1e-3, judged(law, points)
    moved = True
    for _ in range(steps):
        if moved:
            prediction, rows = _jacobian(law, points.z)
            rows = points.weight[:, None] * rows[:, columns]
            scale = rows.norm(dim=0).clamp_min(1e-300)
            u, singular, vh = torch.linalg.svd(rows / scale, full_matrices=False)
            along = u.T @ points.residual(prediction)
        step = vh.T @ (along * singular / (singular.square() + damping)) / scale
        values = {n: getattr(law, n) + float(s) for n, s in zip(names, step, strict=True)}
        trial = judged(replace(law, **values), points)
        moved = trial.error < law.error
        small = abs(trial.error - law.error) <= 1e-7 * law.error
        law = trial if moved else law
        damping = max(damping / 10, 1e-9) if moved else damping * 10
        if small or damping > 1e4:
            break
    return law


def economical(law: UnivariateLaw, points: Points) -> UnivariateLaw:
    """Fit the constants to y and make those 0 or +-1 that the data do not tell from it.

    A constant is given up if it lies within 3 standard errors of the value and n log(rss) rises by less than
    log n (the Bayesian information criterion).
    """
    names = _movable(law.form.function)
    law = fitted(law, points, names)
    n = int((points.weight > 0).sum())
    allowed = math.exp(0.5 * math.log(n) / n)
    for name, values in _TRIALS:
        if name not in names:
            continue
        width = 3 * _standard_error(law, points, names, name)
        for value in values:
            if abs(getattr(law, name) - value) <= width:
                rest = [other for other in names if other != name]
                trial = replace(law, **{name: value})
                trial = fitted(trial, points, rest) if rest else judged(trial, points)
                if trial.error <= allowed * law.error:
                    law, names = trial, rest
                    break
    return law


def _standard_error(law: UnivariateLaw, points: Points, names: list[str], name: str) -> float:
    _, rows = _jacobian(law, points.z)
    rows = points.weight[:, None] * rows[:, [_CONSTANTS.index(n) for n in names]]
    scale = rows.norm(dim=0).clamp_min(1e-300)
    _, singular, vh = torch.linalg.svd(rows / scale, full_matrices=False)
    spread = (vh / singular.clamp_min(1e-14)[:, None])[:, names.index(name)].norm()
    rms = law.error * float(points.weight.norm()) / math.sqrt(max(1, len(rows) - len(names)))
    return rms * float(spread / scale[names.index(name)])
