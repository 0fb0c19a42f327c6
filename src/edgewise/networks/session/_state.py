"""Points of a session's history: a network, what a person has decided beside it, and two of them compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from edgewise._errors import InputError
from edgewise.formulas import functions as library
from edgewise.kernels import one_thread
from edgewise.networks.session._rows import Rows, Variable
from edgewise.nn import KAN, Edge, KANLayer, Layout, edge_of, trace
from edgewise.train import Table, error_of


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

    def check_function(self, edge: Edge, function: str) -> None:
        """Raise InputError for a function that the edge may not become."""
        name = library.get(function).name
        rule = edge_of(self.model, *edge).rules.get(edge[1:])
        if name in self.forbidden:
            raise InputError(f"The function {name!r} is forbidden: allow it first.")
        if rule is not None and rule.functions and name not in rule.functions:
            raise InputError(f"The edge {edge} has to be one of {', '.join(rule.functions)}. Got {name!r}.")


def error_at(situation: Situation, rows: Rows) -> float:
    """Return the network's error over the rows, in the target's units."""
    with one_thread():
        return error_of(situation.model, situation.table(rows))


@dataclass(frozen=True)
class State:
    """What an action left: the network, its error, and where in the history it stands.

    `id` counts from 0, the start; `parent` is the id of the state that the action `name` was done in, with
    `arguments`; `branch` the line of states that it belongs to; `error` a root mean square in the target's units.
    """

    id: int
    parent: int | None
    branch: str
    name: str
    arguments: Mapping[str, Any]
    situation: Situation
    error: float
    note: str = ""

    @property
    def call(self) -> str:
        """The action as it is written: prune_edge((0, 1, 0))."""
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    @property
    def parameters(self) -> int:
        """Numbers that training may change."""
        return Layout(self.situation.model).size

    @property
    def edges(self) -> int:
        return sum(int(layer.mask.sum()) for layer in self.situation.model.layers)

    @property
    def splines(self) -> int:
        """Edges that are no function of the library yet."""
        return sum(int(layer.spline_mask().sum()) for layer in self.situation.model.layers)

    def row(self) -> dict[str, Any]:
        """The state as one row of a table."""
        return {
            "id": self.id, "parent": self.parent, "branch": self.branch, "action": self.call, "error": self.error,
            "parameters": self.parameters, "edges": self.edges, "splines": self.splines, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What is different between state a and state b.

    `error`, `parameters`, `edges` and `splines` are pairs (of a, of b). `moved` is the root mean square by which the
    outputs differ over the rows, `curves` the same for each edge that is there in both and differs, where both
    networks have the same nodes; `became` says of each edge what it was and what it is, where that differs.
    """

    a: int
    b: int
    error: tuple[float, float]
    parameters: tuple[int, int]
    edges: tuple[int, int]
    splines: tuple[int, int]
    moved: float
    curves: dict[Edge, float]
    became: dict[Edge, tuple[str, str]]

    def __str__(self) -> str:
        lines = [f"{'':12}{f'state {self.a}':>12}{f'state {self.b}':>12}"]
        for name in ("error", "parameters", "edges", "splines"):
            lines.append(f"{name:12}" + "".join(f"{value:>12.4g}" for value in getattr(self, name)))
        lines.append(f"outputs differ by {self.moved:.4g}")
        lines += [f"edge {edge}: {was} -> {is_}" for edge, (was, is_) in self.became.items()]
        return "\n".join(lines)


def compare(a: State, b: State, rows: Rows) -> Comparison:
    """Compare two states on the rows that they were made with."""
    first, second = a.situation, b.situation
    with torch.no_grad():
        seen = trace(first.model, first.table(rows).x), trace(second.model, second.table(rows).x)
    moved = float((seen[1].outputs - seen[0].outputs).square().mean().sqrt())
    curves: dict[Edge, float] = {}
    became: dict[Edge, tuple[str, str]] = {}
    if first.model.widths == second.model.widths:
        for depth, (old, new) in enumerate(zip(first.model.layers, second.model.layers, strict=True)):
            change = (seen[1].edges[depth] - seen[0].edges[depth]).square().mean(0).sqrt()
            differ = old.mask & new.mask & (change != 0)
            curves |= {(depth, j, i): float(change[j, i]) for j, i in differ.nonzero().tolist()}
        before, after = _kinds(first.model), _kinds(second.model)
        became = {edge: (was, after[edge]) for edge, was in before.items() if was != after[edge]}
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in ("error", "parameters", "edges", "splines")}
    return Comparison(a.id, b.id, moved=moved, curves=curves, became=became, **pairs)


def _kinds(model: KAN) -> dict[Edge, str]:
    """What each edge is: removed, spline or the name of its function, with "locked" where it is."""
    out: dict[Edge, str] = {}
    for depth, layer in enumerate(model.layers):
        locked = layer.locked_mask()
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                kind = layer.symbols.get((j, i), "spline") if layer.mask[j, i] else "removed"
                out[depth, j, i] = kind + (", locked" if locked[j, i] else "")
    return out
