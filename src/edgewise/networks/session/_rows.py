"""The rows that a session works on, and the columns computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Data, Formula, Part
from edgewise.interpret import node_names
from edgewise.interpret.symbolic import dimension, network_of, parse, unit_problem
from edgewise.nn import KAN
from edgewise.train import CrossEntropy, Loss, Shape, Squared, Table, as_inputs, as_rows, as_table

Unit = str | Mapping[str, Any]


@dataclass(frozen=True)
class Variable:
    """A column computed from others.

    Parameters
    ----------
    name
        Its name.
    formula
        Its formula over the names before it.
    """

    name: str
    formula: str


@dataclass(frozen=True)
class Rows:
    """Checked rows, with the names of inputs and targets, and units of some of them.

    `whole` are all rows, `new` are True for those held out (n,). If the target is a class, `classes` are its labels,
    the rows' y (n, 1) hold their numbers, and the outputs are named after them.
    """

    whole: Table
    new: Tensor
    names: tuple[str, ...]
    targets: tuple[str, ...]
    units: Mapping[str, Unit]
    target: str | None = None
    classes: tuple[str, ...] = ()
    held_out: float = 0.0

    @classmethod
    def of(
        cls, model: KAN, x: Data, y: Data, names: Sequence[str] | None, target: str | Sequence[str] | None,
        units: Mapping[str, Unit] | None, classes: Sequence[str] | None = None, held_out: float = 0.0,
    ) -> Rows:  # fmt: skip
        named = None if classes is None else _classes(model, target, classes)
        outputs = target if named is None else named if model.n_out > 1 else named[1]
        labels = node_names(model, names, outputs, x)
        inputs = as_inputs(x, model)
        if named is None:
            table = as_table(inputs, y, None, model.n_in, model.n_out)
        else:
            table = as_rows(inputs, y, None, Shape(model.n_in, model.n_out, True, model.device))
        if len(set(labels[0])) < model.n_in or not all(labels[0]):
            raise InputError(f"'names' must be {model.n_in} different texts, one for each input. Got {labels[0]!r}.")
        known = [*labels[0], *labels[-1]]
        plain: dict[str, Unit] = {}
        for name, unit in (units or {}).items():
            if name not in known:
                raise InputError(f"'units' names {name!r}, which is no column. Columns: {', '.join(known)}.")
            dimension(unit)
            plain[name] = unit if isinstance(unit, str) else {base: float(power) for base, power in unit.items()}
        share = _share(held_out, len(table))
        own = target if isinstance(target, str) and named else None
        return cls(
            table, _held_out(table, share, named), tuple(labels[0]), tuple(labels[-1]), plain, own, named or (), share
        )

    @property
    def table(self) -> Table:
        """The rows that the network is trained on."""
        return self.whole.part(~self.new)

    @property
    def loss(self) -> Loss:
        return CrossEntropy() if self.classes else Squared()

    def all_names(self, variables: Sequence[Variable]) -> list[str]:
        """The names of the network's inputs: columns, then variables."""
        return [*self.names, *(variable.name for variable in variables)]

    def with_variables(self, variables: Sequence[Variable], *, new: bool = False) -> Table:
        """The rows of training, or those held out, with a column more for each variable."""
        own = self.whole.part(self.new == new)
        x = own.x
        for number, variable in enumerate(variables):
            x = torch.cat([x, self._column(x, variables[:number], variable).unsqueeze(1)], dim=1)
        return Table(x, own.y, own.weights)

    def check(self, variables: Sequence[Variable], new: Variable) -> None:
        """Raise InputError for a variable that cannot stand beside the ones there are."""
        known = self.all_names(variables)
        if not isinstance(new.name, str) or not new.name.isidentifier():
            raise InputError(f"A variable's name is a word like 'beta'. Got {new.name!r}.")
        if new.name in known or new.name in self.targets:
            raise InputError(f"The name {new.name!r} is taken. Columns: {', '.join([*known, *self.targets])}.")
        column = self._column(self.with_variables(variables).x, variables, new)
        if not bool(torch.isfinite(column).all()):
            bad = int((~torch.isfinite(column)).sum())
            raise InputError(f"{new.name} = {new.formula} is not finite in {bad} of {len(column)} rows.")
        if float(column.std()) <= 1e-12 * float(column.abs().max()):
            raise InputError(f"{new.name} = {new.formula} is {float(column[0]):g} in every row: it tells nothing.")
        problem = self.problem(self.in_columns(parse(new.formula, known), variables), None, "dimensionless")
        if problem:
            raise InputError(f"The units of {new.name} = {new.formula} do not fit: {problem}.")

    def in_columns(self, expression: Part, variables: Sequence[Variable]) -> Formula:
        """A formula over columns and variables as one over columns alone."""
        import sympy

        for number in reversed(range(len(variables))):
            meaning = parse(variables[number].formula, self.all_names(variables[:number]))
            expression = expression.xreplace({sympy.Symbol(variables[number].name): meaning})
        return expression

    def problem(
        self, expression: Formula, target: str | None, constants: Literal["free", "dimensionless"]
    ) -> str | None:
        """What is wrong with the units of a formula over columns; None where they fit or are not given for all."""
        if any(str(symbol) not in self.units for symbol in expression.free_symbols):
            return None
        wanted = None if target is None else self.units.get(target)
        return unit_problem(expression, self.units, wanted, constants=constants)

    def _column(self, x: Tensor, variables: Sequence[Variable], new: Variable) -> Tensor:
        with torch.no_grad():
            return network_of(new.formula, self.all_names(variables))(x)[:, 0]


def _classes(model: KAN, target: Any, classes: Sequence[str]) -> tuple[str, ...]:
    """The labels of a target's classes, one for each output, or two for one output."""
    found, wanted = tuple(classes), max(model.n_out, 2)
    if not all(isinstance(label, str) and label for label in found) or len(set(found)) != len(found):
        raise InputError(f"'classes' must be different texts, the labels of classes 0, 1, ... Got {list(found)!r}.")
    if len(found) != wanted:
        outputs = "one output has two classes" if model.n_out == 1 else f"{wanted} outputs have {wanted} classes"
        raise InputError(f"A network of {outputs}. Got {len(found)} labels.")
    if not isinstance(target, str) or not target:
        raise InputError(f"'target' must name what the classes are of, like target='species'. Got {target!r}.")
    return found


def _share(held_out: float, rows: int) -> float:
    most = 0.9
    if not is_number(held_out, 0, most):
        raise InputError(f"'held_out' must be the fraction of rows to hold out, 0 to {most}. Got {held_out!r}.")
    if held_out and not round(held_out * rows):
        raise InputError(f"'held_out' is {held_out:g}, which is no row of {rows}: give 0, or a larger fraction.")
    return float(held_out)


def _held_out(table: Table, share: float, classes: tuple[str, ...] | None) -> Tensor:
    """Which rows are held out: drawn with a fixed seed, of each class alike."""
    new, count = torch.zeros(len(table), dtype=torch.bool), round(share * len(table))
    if count:
        order = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))
        if classes:
            order = order[table.y[order, 0].argsort(stable=True)]
        new[order[((torch.arange(count) + 0.5) * len(table) / count).long()]] = True
    return new
