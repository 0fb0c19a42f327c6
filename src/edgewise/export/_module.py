"""A formula as a module of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, final

import sympy
import torch
from sympy.codegen.cfunctions import log1p
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Formula
from edgewise.export._constants import Constants
from edgewise.export._printer import in_core
from edgewise.export._source import Source
from edgewise.expressions import Step, Steps, exact_constant


def _sinc(x: Tensor) -> Tensor:
    return torch.sinc(x / torch.pi)


def _add(*terms: Tensor) -> Tensor:
    return reduce(torch.add, terms)


def _multiply(*factors: Tensor) -> Tensor:
    return reduce(torch.mul, factors)


def _larger(*values: Tensor) -> Tensor:
    return reduce(torch.maximum, values)


def _smaller(*values: Tensor) -> Tensor:
    return reduce(torch.minimum, values)


def _power(base: Tensor, exponent: float) -> Tensor:
    if exponent in _ROOTS:
        return _ROOTS[exponent](base)
    return base ** (int(exponent) if exponent == int(exponent) else exponent)


#: name of a step -> what it does with the values of others
_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "Add": _add, "Mul": _multiply, "Pow": torch.pow, "exp": torch.exp, "log": torch.log, "log1p": torch.log1p,
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan,
    "atan2": torch.atan2, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh,
    "acosh": torch.acosh, "atanh": torch.atanh, "Abs": torch.abs, "sign": torch.sign, "floor": torch.floor,
    "ceiling": torch.ceil, "erf": torch.erf, "erfc": torch.erfc, "sinc": _sinc, "Max": _larger,
    "Min": _smaller, "where": torch.where, "StrictGreaterThan": torch.gt, "GreaterThan": torch.ge,
    "StrictLessThan": torch.lt, "LessThan": torch.le, "Equality": torch.eq, "Unequality": torch.ne,
}  # fmt: skip
_ROOTS = {0.5: torch.sqrt, -0.5: torch.rsqrt, -1.0: torch.reciprocal}


@final
class FormulaModule(torch.nn.Module):
    """Formulas of the inputs, with their constants as one parameter `constants`.

    Shapes: x (..., n_in) -> (..., n_out), in the dtype of the constants. Nothing but PyTorch runs, so that the module
    compiles, exports and maps like any other.
    """

    def __init__(self, source: Source, expressions: tuple[Formula, ...], trainable: bool) -> None:
        super().__init__()
        self.names, self.targets = list(source.names), list(source.targets)
        found = Constants.of([in_core(e) for e in expressions], lambda k: sympy.Symbol(f"constants[{k}]"))
        self._formulas, self._exact, self._symbols = found.formulas, found.values, found.symbols
        values = torch.tensor([float(v) for v in found.values], dtype=torch.float64)
        self.constants = torch.nn.Parameter(values, requires_grad=trainable)
        compiled = Steps([_with_log1p(f) for f in found.formulas], self.names, found.symbols)
        self._steps = list(map(_checked, compiled.steps, compiled.formulas))
        self._outputs = compiled.outputs

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 0 or x.shape[-1] != len(self.names):
            raise InputError(f"This formula takes inputs of shape (..., {len(self.names)}). Got {tuple(x.shape)}.")
        x = x.to(self.constants.dtype)
        values: list[Tensor] = []
        for kind, places, number in self._steps:
            if kind == "input":
                values.append(x[..., int(number)])
            elif kind == "constant":
                values.append(self.constants[int(number)])
            elif kind == "number":
                values.append(x.new_tensor(number))
            elif kind == "power":
                values.append(_power(values[places[0]], number))
            else:
                values.append(_OPERATIONS[kind](*(values[p] for p in places)))
        return torch.stack([values[p].expand(x.shape[:-1]) for p in self._outputs], dim=-1)

    def formula(self) -> Formula | list[Formula]:
        """Return the formula with its constants as they are now, one for each output; those not changed are exact."""
        now = self.constants.detach().double().tolist()
        constants = [
            exact if value == float(exact) else exact_constant(value)
            for exact, value in zip(self._exact, now, strict=True)
        ]
        swap = dict(zip(self._symbols, constants, strict=True))
        out = [f.xreplace(swap) for f in self._formulas]
        return out[0] if len(out) == 1 else out

    def extra_repr(self) -> str:
        return ", ".join(f"{t} = {f}" for t, f in zip(self.targets, self._formulas, strict=True))


def _with_log1p(formula: Formula) -> Formula:
    """Return the formula with log1p(u) for log(1 + u), which keeps the digits of a small u."""
    return formula.replace(
        lambda part: isinstance(part, sympy.log) and part.args[0].is_Add and sympy.S.One in part.args[0].args,
        lambda part: log1p(part.args[0] - 1),
    )


def _checked(step: Step, formula: Formula) -> Step:
    if isinstance(formula, sympy.Piecewise) and (step.kind != "where" or formula.args[-1].args[1] is not sympy.true):
        raise InputError(f"The formula {formula} says nothing for some arguments: end its last piece with True.")
    if step.kind not in ("input", "constant", "number", "power") and step.kind not in _OPERATIONS:
        raise InputError(f"The formula uses {step.kind}, which PyTorch does not have.")
    return step
