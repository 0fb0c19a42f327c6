"""PyTorch: a module, and the source of one."""

import textwrap
from collections.abc import Mapping
from typing import ClassVar

from edgewise._typing import Formula
from edgewise.interpret.export._module import Constants, FormulaModule
from edgewise.interpret.export._numpy import RESERVED, NumPyPrinter
from edgewise.interpret.export._printer import Language, register
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


def torch(source: Exportable, names: Names = None, *, target: Target = None, trainable: bool = False) -> FormulaModule:
    """Return a torch.nn.Module that computes the formula: x (..., n_in) -> (..., n_out).

    Its constants are one parameter, `constants`: whatever multiplies or is added, unless it is 1 or -1, and exponents
    that are decimals.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names; by default those of a saved model, else y, or y1, y2, ...
    trainable
        Whether the constants have gradients, so that the formula is fitted to other data; `module.formula()` gives it
        with the constants it then has.

    Raises
    ------
    InputError
        For networks that are no formula, names that do not fit, and functions that PyTorch does not have.

    Examples
    --------
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

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names; by default those of a saved model, else y, or y1, y2, ...
    units
        Units by names of inputs and outputs, for the docstring; by default those of a saved model.
    function
        The name of the class.

    Raises
    ------
    InputError
        For networks that are no formula, names or units that do not fit, and functions that PyTorch does not have.

    Examples
    --------
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
