"""The rows that a session works on, and the columns computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Data, Formula, Part
from edgewise.interpret import node_names
from edgewise.interpret.symbolic import dimension, network_of, parse, unit_problem
from edgewise.nn import KAN
from edgewise.train import Table, as_inputs, as_table

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
    """Checked rows, with the names of inputs and targets, and units of some of them."""

    table: Table
    names: tuple[str, ...]
    targets: tuple[str, ...]
    units: Mapping[str, Unit]

    @classmethod
    def of(
        cls, model: KAN, x: Data, y: Data, names: Sequence[str] | None, target: str | Sequence[str] | None,
        units: Mapping[str, Unit] | None,
    ) -> Rows:  # fmt: skip
        labels = node_names(model, names, target, x)
        table = as_table(as_inputs(x, model), y, None, model.n_in, model.n_out)
        if len(set(labels[0])) < model.n_in or not all(labels[0]):
            raise InputError(f"'names' must be {model.n_in} different texts, one for each input. Got {labels[0]!r}.")
        known = [*labels[0], *labels[-1]]
        plain: dict[str, Unit] = {}
        for name, unit in (units or {}).items():
            if name not in known:
                raise InputError(f"'units' names {name!r}, which is no column. Columns: {', '.join(known)}.")
            dimension(unit)
            plain[name] = unit if isinstance(unit, str) else {base: float(power) for base, power in unit.items()}
        return cls(table, tuple(labels[0]), tuple(labels[-1]), plain)

    def all_names(self, variables: Sequence[Variable]) -> list[str]:
        """The names of the network's inputs: columns, then variables."""
        return [*self.names, *(variable.name for variable in variables)]

    def with_variables(self, variables: Sequence[Variable]) -> Table:
        """The rows with a column more for each variable."""
        x = self.table.x
        for number, variable in enumerate(variables):
            x = torch.cat([x, self._column(x, variables[:number], variable).unsqueeze(1)], dim=1)
        return Table(x, self.table.y, self.table.weights)

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
