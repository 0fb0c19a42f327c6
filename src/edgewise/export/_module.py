"""A formula as a module of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import sympy
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Formula
from edgewise.export._constants import Constants
from edgewise.export._printer import in_core
from edgewise.export._source import Source
from edgewise.expressions import exact_constant

Step = tuple[str, tuple[int, ...], float]


def _sinc(x: Tensor) -> Tensor:
    return torch.sinc(x / torch.pi)


def _add(*terms: Tensor) -> Tensor:
    out = terms[0]
    for term in terms[1:]:
        out = out + term
    return out


def _multiply(*factors: Tensor) -> Tensor:
    out = factors[0]
    for factor in factors[1:]:
        out = out * factor
    return out


#: name of a step -> what it does with the values of others
_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "Add": _add, "Mul": _multiply, "Pow": torch.pow, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal, "exp": torch.exp, "log": torch.log, "log1p": torch.log1p, "sin": torch.sin,
    "cos": torch.cos, "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan,
    "atan2": torch.atan2, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh,
    "acosh": torch.acosh, "atanh": torch.atanh, "Abs": torch.abs, "sign": torch.sign, "floor": torch.floor,
    "ceiling": torch.ceil, "erf": torch.erf, "erfc": torch.erfc, "sinc": _sinc, "Max": torch.maximum,
    "Min": torch.minimum, "where": torch.where, "StrictGreaterThan": torch.gt, "GreaterThan": torch.ge,
    "StrictLessThan": torch.lt, "LessThan": torch.le, "Equality": torch.eq, "Unequality": torch.ne,
}  # fmt: skip
_ROOTS = {sympy.S.Half: "sqrt", -sympy.S.Half: "rsqrt", sympy.S.NegativeOne: "reciprocal"}


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
        self._steps: list[Step] = []
        self._places: dict[Formula, int] = {}
        self._outputs = [self._place(f) for f in found.formulas]

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
                values.append(values[places[0]] ** (int(number) if number == int(number) else number))
            else:
                values.append(_OPERATIONS[kind](*(values[p] for p in places)))
        return torch.stack([values[p].expand(x.shape[:-1]) for p in self._outputs], dim=-1)

    def formula(self) -> Formula | list[Formula]:
        """The formula with its constants as they are now, one for each output; those not changed are exact."""
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

    def _place(self, formula: Formula) -> int:
        """Where the value of a formula is found; its steps are added where it is new."""
        if formula not in self._places:
            step = self._step(formula)
            self._steps.append(step)
            self._places[formula] = len(self._steps) - 1
        return self._places[formula]

    def _step(self, formula: Formula) -> Step:
        if formula in self._symbols:
            return "constant", (), float(self._symbols.index(formula))
        if formula.is_Symbol:
            return "input", (), float(self.names.index(formula.name))
        if formula.is_number:
            return "number", (), float(formula)
        if formula.is_Pow and formula.exp.is_Rational:
            base = (self._place(formula.base),)
            root = _ROOTS.get(formula.exp)
            return ("power", base, float(formula.exp)) if root is None else (root, base, 0.0)
        if isinstance(formula, sympy.Piecewise):
            return self._piecewise(formula)
        name, arguments = type(formula).__name__, list(formula.args)
        if name == "log" and arguments[0].is_Add and sympy.S.One in arguments[0].args:
            name, arguments = "log1p", [arguments[0] - 1]
        if name not in _OPERATIONS:
            raise InputError(f"The formula uses {name}, which PyTorch does not have.")
        if name in ("Max", "Min") and len(arguments) > 2:
            arguments = [arguments[0], formula.func(*arguments[1:])]
        return name, tuple(self._place(a) for a in arguments), 0.0

    def _piecewise(self, formula: Formula) -> Step:
        (value, condition), *rest = formula.args
        if condition is sympy.true or not rest:
            raise InputError(f"The formula {formula} says nothing for some arguments: end its last piece with True.")
        other = rest[0].expr if rest[0].cond is sympy.true else sympy.Piecewise(*rest)
        return "where", tuple(self._place(f) for f in (condition, value, other)), 0.0
