"""A formula as a module of PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, final

import sympy
import torch
from sympy.codegen.cfunctions import log1p
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Formula, Part
from edgewise.formulas.expressions import Step, Steps, exact_constant
from edgewise.interpret.export._printer import guarded, in_core, unguarded
from edgewise.interpret.export._source import Source

_STRUCTURE = (sympy.S.One, sympy.S.NegativeOne, sympy.S.Zero)


class Constants:
    """Formulas with a symbol in the place of each constant, and the constants in the order of their symbols.

    A constant is what multiplies or is added, unless it is 1 or -1, and an exponent that is a decimal.

    >>> x = sympy.Symbol("x")
    >>> found = Constants([3 * sympy.sin(2 * sympy.pi * x) ** 2 / 4 + x], "c{}")
    >>> found.values, found.formulas
    ([3/4, 2*pi], [c0*sin(c1*x)**2 + x])
    """

    def __init__(self, formulas: Sequence[Formula], name: str) -> None:
        self._name = name
        self.values: list[Formula] = []
        self.symbols: list[sympy.Symbol] = []
        self.formulas: list[Part] = [self._new(f) if f.is_number else self._freed(f) for f in formulas]

    def _new(self, value: Formula) -> Formula:
        self.symbols.append(sympy.Symbol(self._name.format(len(self.values))))
        self.values.append(value)
        return self.symbols[-1]

    def _freed(self, formula: Part) -> Part:
        """Return the formula with symbols; equal numbers in different places are different constants."""
        if formula.is_Add or formula.is_Mul:
            numbers = [a for a in formula.args if a.is_number]
            rest = [a for a in formula.args if not a.is_number]
            number = formula.func(*numbers)
            first = [] if not numbers else [number if number in _STRUCTURE else self._new(number)]
            return formula.func(*first, *map(self._freed, rest))
        if formula.is_Pow:
            exponent = self._new(formula.exp) if formula.exp.is_Float else self._varying(formula.exp)
            return self._varying(formula.base) ** exponent
        if formula.is_number or not formula.args or formula.is_Relational:
            return formula
        return formula.func(*map(self._freed, formula.args))

    def _varying(self, part: Formula) -> Formula:
        return part if part.is_number else self._freed(part)


def _folded(operation: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return an operation on two tensors that is applied to several, one after the other."""
    return lambda *values: reduce(operation, values)


def _power(base: Tensor, exponent: float) -> Tensor:
    if exponent in _ROOTS:
        return _ROOTS[exponent](base)
    return base ** (int(exponent) if exponent == int(exponent) else exponent)


_SAME_NAME = "exp log log1p sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sign floor erf erfc where"
#: name of a step -> what it does with the values of others
_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in _SAME_NAME.split()},
    "Add": _folded(torch.add), "Mul": _folded(torch.mul), "Max": _folded(torch.maximum), "Min": _folded(torch.minimum),
    "Pow": torch.pow, "Abs": torch.abs, "ceiling": torch.ceil, "sinc": lambda x: torch.sinc(x / torch.pi),
    "StrictGreaterThan": torch.gt, "GreaterThan": torch.ge, "StrictLessThan": torch.lt, "LessThan": torch.le,
    "Equality": torch.eq, "Unequality": torch.ne,
}  # fmt: skip
_ROOTS = {0.5: torch.sqrt, -0.5: torch.rsqrt, -1.0: torch.reciprocal}


@final
class FormulaModule(torch.nn.Module):
    """Formulas of the inputs, with their constants as one parameter `constants`.

    It maps x (..., n_in) to (..., n_out), in the dtype of the constants. Nothing but PyTorch runs, so that the module
    compiles, exports and maps like any other.

    Parameters
    ----------
    source
        The names of inputs and outputs.
    expressions
        The formulas, one for each output.
    trainable
        Whether the constants have gradients.

    Raises
    ------
    InputError
        For functions that PyTorch does not have.
    """

    def __init__(self, source: Source, expressions: tuple[Formula, ...], trainable: bool) -> None:
        super().__init__()
        self.names, self.targets = list(source.names), list(source.targets)
        found = Constants([guarded(in_core(e)) for e in expressions], "constants[{}]")
        self._formulas, self._exact, self._symbols = [*map(unguarded, found.formulas)], found.values, found.symbols
        values = torch.tensor([float(v) for v in found.values], dtype=torch.float64)
        self.constants = torch.nn.Parameter(values, requires_grad=trainable)
        compiled = Steps([with_log1p(f) for f in found.formulas], self.names, found.symbols)
        self._steps = list(map(_checked, compiled.steps, compiled.formulas))
        self._outputs = compiled.outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (..., n_out).

        Parameters
        ----------
        x : (..., n_in)
            The inputs, a tensor.

        Raises
        ------
        InputError
            For x of another width.
        """
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
        """Return the equations, for the text of the module."""
        return ", ".join(f"{t} = {f}" for t, f in zip(self.targets, self._formulas, strict=True))


def with_log1p(formula: Part) -> Part:
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
