"""PyTorch: a formula as a module, and the source of one."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, ClassVar, final

import sympy
import torch
from sympy.codegen.cfunctions import log1p
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Formula, Part
from edgewise.formulas.expressions import Step, Steps, exact_constant
from edgewise.interpret.export._language import Language, register
from edgewise.interpret.export._numpy import RESERVED, NumPyPrinter
from edgewise.interpret.export._printer import guarded, in_core, unguarded
from edgewise.interpret.export._source import (
    Exportable,
    Names,
    Source,
    Target,
    Units,
    about,
    check_function,
    docstring,
    read,
    statement,
)
from edgewise.interpret.export._steps import program

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

    Shapes: x (..., n_in) -> (..., n_out), in the dtype of the constants. Nothing but PyTorch runs, so that the module
    compiles, exports and maps like any other.
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


def torch(source: Exportable, names: Names = None, *, target: Target = None, trainable: bool = False) -> FormulaModule:
    """Return a torch.nn.Module that computes the formula: x (..., n_in) -> (..., n_out).

    Its constants are one parameter, `constants`: whatever multiplies or is added, unless it is 1 or -1, and exponents
    that are decimals. With `trainable` they have gradients, so that the formula is fitted to other data;
    `module.formula()` gives it with the constants it then has.

    `source` and `names` as in `edgewise.export.numpy`. Errors: InputError for networks that are no formula, names
    that do not fit, and functions that PyTorch does not have.

    >>> import sympy, torch as pytorch
    >>> m, v = sympy.symbols("mass speed")
    >>> module = torch(m * v**2 / 2, ["mass", "speed"], target="energy")
    >>> module, module(pytorch.tensor([[2.0, 3.0]]))
    (FormulaModule(energy = constants[0]*mass*speed**2), tensor([[9.]], dtype=torch.float64))
    """
    found = read(source, names, target)
    return FormulaModule(found, found.formulas("a PyTorch module"), trainable)


class _TorchPrinter(NumPyPrinter):
    language = "PyTorch"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: text.replace("np.arc", "torch.a").replace("np.", "torch.")
           for name, text in NumPyPrinter.functions.items()},
        "erf": "torch.erf", "erfc": "torch.erfc",
    }  # fmt: skip
    constants: ClassVar[Mapping[str, str]] = {"Pi": "torch.pi", "Exp1": "torch.e", "NaN": "torch.nan"}

    def argument(self, formula: Formula) -> str:
        """Wrap a number: functions of PyTorch take tensors only, and return one."""
        text = super().argument(formula)
        return f"inputs.new_tensor({text})" if formula.is_number and "new_tensor(" not in text else text


def torch_source(
    source: Exportable, names: Names = None, *, target: Target = None, units: Units = None, function: str = "Formula"
) -> str:
    """Return the source of a class that does what `edgewise.export.torch` gives, and needs PyTorch alone.

    `function` is the name of the class; the other arguments and the errors are those of `edgewise.export.numpy`,
    networks with spline edges excepted.

    >>> import sympy
    >>> m, v = sympy.symbols("mass speed")
    >>> print(torch_source(m * v**2 / 2, ["mass", "speed"], target="energy"))
    import torch
    <BLANKLINE>
    <BLANKLINE>
    class Formula(torch.nn.Module):
        \"\"\"energy = mass*speed**2/2
    ...
        def forward(self, inputs):
            inputs, const = inputs.to(self.constants.dtype), self.constants
            (mass, speed) = inputs.unbind(-1)
            outputs = [const[0]*mass*speed**2]
            return torch.stack([y.expand(inputs.shape[:-1]) for y in outputs], dim=-1)
    <BLANKLINE>
    """
    return _written(read(source, names, target, units), function)


def _written(source: Source, function: str = "Formula") -> str:
    check_function(function, RESERVED)
    source.formulas("a PyTorch module")
    written = program(source, function, {*RESERVED, "const", "inputs"})
    constants = Constants(written.formulas(), "const[{}]")
    count = len(written.steps)
    printer = _TorchPrinter()
    values = ", ".join(repr(float(v)) for v in constants.values)
    names_ = list(written.inputs.values())
    body = [*docstring(about(source, written.inputs)), ""]
    body += ["def __init__(self):", "    super().__init__()"]
    body += [_indented(statement("values = ", f"[{values}]"))]
    body += ["    self.constants = torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))", ""]
    body += ["def forward(self, inputs):", "    inputs, const = inputs.to(self.constants.dtype), self.constants"]
    body += [_indented(statement("(", ", ".join(names_), f"{',' * (len(names_) == 1)}) = inputs.unbind(-1)"))]
    for (symbol, _), value in zip(written.steps, constants.formulas, strict=False):
        body.append(_indented(statement(f"{symbol} = ", printer.doprint(value))))
    results = ", ".join(printer.doprint(value) for value in constants.formulas[count:])
    body.append(_indented(statement("outputs = ", f"[{results}]")))
    body.append("    return torch.stack([y.expand(inputs.shape[:-1]) for y in outputs], dim=-1)")
    return f"import torch\n\n\nclass {function}(torch.nn.Module):\n{_indented(chr(10).join(body))}\n"


register(Language("torch", (".py",), _written))


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
