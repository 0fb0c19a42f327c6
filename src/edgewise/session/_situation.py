"""What an action finds and what it leaves: a network and what a person has decided beside it."""

from __future__ import annotations

from dataclasses import dataclass

from edgewise._errors import InputError
from edgewise.nn import KAN, KANLayer, edge_of
from edgewise.session._rows import Rows, Variable
from edgewise.train import Table

Edge = tuple[int, int, int]


@dataclass(frozen=True)
class Situation:
    """A network, the variables that it reads beside the columns, and the functions that no edge may become."""

    model: KAN
    variables: tuple[Variable, ...] = ()
    forbidden: tuple[str, ...] = ()

    def table(self, rows: Rows) -> Table:
        """The rows as the network reads them."""
        return rows.with_variables(self.variables)

    def open_edge(self, edge: Edge) -> KANLayer:
        """The layer of an edge that may be changed by hand."""
        layer = edge_of(self.model, *edge)
        rule = layer.rules.get(edge[1:])
        if rule is not None and rule.locked:
            raise InputError(f"The edge {edge} is locked: unlock it first.")
        return layer

    def active_edge(self, edge: Edge) -> KANLayer:
        """The layer of an edge that is there and may be changed by hand."""
        layer = self.open_edge(edge)
        if not layer.mask[edge[1:]]:
            raise InputError(f"The edge {edge} is removed: restore it first.")
        return layer

    def check_function(self, edge: Edge, name: str) -> None:
        """Raise InputError for a function that the edge may not become."""
        rule = edge_of(self.model, *edge).rules.get(edge[1:])
        if name in self.forbidden:
            raise InputError(f"The function {name!r} is forbidden: allow it first.")
        if rule is not None and rule.functions and name not in rule.functions:
            raise InputError(f"The edge {edge} has to be one of {', '.join(rule.functions)}. Got {name!r}.")
