"""Everything that a person can do to a network, as rows that methods, scripts and menus walk."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from edgewise import functions as library
from edgewise import interpret, nn, symbolic
from edgewise._errors import InputError, unknown
from edgewise.session._arguments import READERS
from edgewise.session._rows import Rows, Variable
from edgewise.session._state import Edge, Situation
from edgewise.train import Options, fit, refit

Act = Callable[..., Situation]


@dataclass(frozen=True)
class Action:
    """One kind of step: its name, what it does, and what it takes, name by name with what is allowed."""

    name: str
    act: Act
    takes: Mapping[str, inspect.Parameter]

    def read(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as plain data, those left out included; InputError for what does not fit."""
        signature = inspect.Signature(list(self.takes.values()))
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            raise InputError(f"{self.name} takes ({', '.join(map(str, self.takes.values()))}): {error}.") from None
        bound.apply_defaults()
        return {name: READERS[name](value) for name, value in bound.arguments.items()}


def action(name: str) -> Action:
    """Return an action by name.

    >>> action("prune_ege")
    Traceback (most recent call last):
    edgewise._errors.InputError: Unknown action 'prune_ege'. Known: prune_edge, ...
    """
    if name not in ACTIONS:
        raise unknown("action", name, ACTIONS)
    return ACTIONS[name]


def prune_edge(now: Situation, rows: Rows, edge: Edge) -> Situation:
    now.active_edge(edge)
    return replace(now, model=nn.replace_by_mean(now.model, edge, now.table(rows).x))


def restore_edge(now: Situation, rows: Rows, edge: Edge) -> Situation:
    if now.open_edge(edge).mask[edge[1:]]:
        raise InputError(f"The edge {edge} is there already.")
    back = nn.restore_edges(now.model, [edge])
    return replace(now, model=nn.centre(back, edge, now.table(rows).x))


def remove_node(now: Situation, rows: Rows, node: tuple[int, int]) -> Situation:
    depth, q = node
    for edge in nn.edges_of_node(now.model, depth, q):
        now.open_edge(edge)
    if depth < len(now.model.layers):
        for j in nn.layer_of(now.model, depth).mask[:, q].nonzero().flatten().tolist():
            now.open_edge((depth, j, q))
    return replace(now, model=nn.remove_node(now.model, depth, q, now.table(rows).x))


def add_nodes(now: Situation, rows: Rows, depth: int, nodes: Any, seed: int = 0) -> Situation:
    return replace(now, model=nn.widen(now.model, depth, nodes, seed=seed))


def compact(now: Situation, rows: Rows) -> Situation:
    return replace(now, model=nn.compact(now.model, now.table(rows).x))


def set_function(now: Situation, rows: Rows, edge: Edge, function: str, affine: Any = None) -> Situation:
    layer = now.open_edge(edge)
    now.check_function(edge, library.get(function).name)
    if affine is None:
        if not layer.mask[edge[1:]]:
            raise InputError(f"The edge {edge} is removed and has no curve to fit: give 'affine', (a, b, c, d).")
        affine = _affine_of(now, rows, edge, function)
    return replace(now, model=nn.set_function(now.model, *edge, function, affine))


def _affine_of(now: Situation, rows: Rows, edge: Edge, function: str) -> tuple[float, ...]:
    """The constants with which a function is nearest to an edge's curve."""
    depth, j, i = edge
    with torch.no_grad():
        seen = nn.trace(now.model, now.table(rows).x)
    found = symbolic.fit_curve(function, seen.inputs[depth][:, i], seen.edges[depth][:, j, i])
    if not math.isfinite(found.error):
        raise InputError(
            f"{function} cannot be defined on all that reaches the edge {edge}: give 'affine', or another."
        )
    return found.a, found.b, found.c, found.d


def to_spline(now: Situation, rows: Rows, edge: Edge, grid: int | None = None) -> Situation:
    layer = now.active_edge(edge)
    if edge[1:] not in layer.symbols:
        raise InputError(f"The edge {edge} is a spline already.")
    return replace(now, model=nn.to_splines(now.model, now.table(rows).x, [edge], grid=grid))


def snap_edge(now: Situation, rows: Rows, edge: Edge, function: str | None = None) -> Situation:
    now.active_edge(edge)
    if function is not None:
        now.check_function(edge, library.get(function).name)
    table = now.table(rows)
    found = symbolic.candidates(
        now.model, table.x, table.y, edge, functions=function and [function], forbid=now.forbidden, limit=4
    )
    if not found:
        raise InputError(f"No function can be defined on all that reaches the edge {edge}.")
    if function is None and not found[0].accepted:
        raise InputError(f"No function keeps the error on {edge}. Name one to take it all the same: {found[0]}.")
    return replace(now, model=found[0].model)


def lock(now: Situation, rows: Rows, edges: tuple[Edge, ...]) -> Situation:
    return replace(now, model=nn.lock(now.model, edges))


def unlock(now: Situation, rows: Rows, edges: tuple[Edge, ...]) -> Situation:
    return replace(now, model=nn.unlock(now.model, edges))


def lock_node(now: Situation, rows: Rows, node: tuple[int, int]) -> Situation:
    return replace(now, model=nn.lock(now.model, nn.edges_of_node(now.model, *node)))


def unlock_node(now: Situation, rows: Rows, node: tuple[int, int]) -> Situation:
    return replace(now, model=nn.unlock(now.model, nn.edges_of_node(now.model, *node)))


def forbid(now: Situation, rows: Rows, functions: tuple[str, ...]) -> Situation:
    names = (library.get(name).name for name in functions)
    forbidden = tuple(dict.fromkeys([*now.forbidden, *names]))
    if not set(library.names()) - set(forbidden):
        raise InputError("All functions would be forbidden, and no edge could be read: leave one.")
    for depth, layer in enumerate(now.model.layers):
        for (j, i), rule in layer.rules.items():
            if rule.functions and set(rule.functions) <= set(forbidden):
                raise InputError(f"The edge {(depth, j, i)} has to be one of {', '.join(rule.functions)}: leave one.")
    return replace(now, forbidden=forbidden)


def allow(now: Situation, rows: Rows, functions: tuple[str, ...]) -> Situation:
    names = [library.get(name).name for name in functions]
    for name in names:
        if name not in now.forbidden:
            raise InputError(f"{name!r} is not forbidden. Forbidden: {', '.join(now.forbidden) or 'none'}.")
    return replace(now, forbidden=tuple(name for name in now.forbidden if name not in names))


def require(now: Situation, rows: Rows, edge: Edge, functions: tuple[str, ...]) -> Situation:
    if functions and set(functions) <= set(now.forbidden):
        raise InputError(f"{', '.join(functions)}: all of these are forbidden. Allow one first.")
    return replace(now, model=nn.require(now.model, *edge, functions))


def monotone(now: Situation, rows: Rows, edge: Edge, direction: nn.Direction) -> Situation:
    now.active_edge(edge)
    return replace(now, model=nn.monotone(now.model, *edge, direction))


def smooth(now: Situation, rows: Rows, edge: Edge, weight: float) -> Situation:
    now.active_edge(edge)
    return replace(now, model=nn.smooth(now.model, *edge, weight))


def add_variable(now: Situation, rows: Rows, name: str, formula: str) -> Situation:
    new = Variable(name, formula)
    rows.check(now.variables, new)
    wider = replace(now, variables=(*now.variables, new))
    return replace(wider, model=nn.add_input(now.model, wider.table(rows).x[:, -1]))


def refit_(now: Situation, rows: Rows, steps: int = 50) -> Situation:
    model, _ = refit(now.model, now.table(rows), steps)
    return replace(now, model=model)


def fit_(now: Situation, rows: Rows, grids: Any = None, sparsity: float = 0.0) -> Situation:
    table = now.table(rows)
    options = Options(progress=False, test=0)
    return replace(now, model=fit(now.model, table.x, table.y, grids=grids, sparsity=sparsity, options=options).model)


def refine(now: Situation, rows: Rows, factor: int = 2) -> Situation:
    return replace(now, model=nn.refine_grid(now.model, factor))


def merge(now: Situation, rows: Rows) -> Situation:
    return prune(now, rows, 0.0)


def prune(
    now: Situation, rows: Rows, threshold: float | None = None, cuts: Any = (), merge: bool = True,
    slack: float | None = None,
) -> Situation:  # fmt: skip
    table = now.table(rows)
    cuts = [interpret.Cut(**cut) for cut in cuts]
    found = interpret.prune(now.model, table.x, table.y, threshold=threshold, cuts=cuts, merge=merge, slack=slack)
    return replace(now, model=found.model)


def snap_all(now: Situation, rows: Rows, slack: float | None = None, rounding: bool = True) -> Situation:
    table = now.table(rows)
    found = symbolic.snap(now.model, table.x, table.y, forbid=now.forbidden, slack=slack, rounding=rounding)
    return replace(now, model=found.model)


def round_constants(now: Situation, rows: Rows) -> Situation:
    table = now.table(rows)
    spread = max(float(table.y.std(0).square().mean().sqrt()), 1e-300)
    model, _ = refit(symbolic.canonicalize(now.model), table, 100, 1e-12)
    return replace(now, model=symbolic.round_network(model, table, spread))


def _row(act: Act) -> Action:
    """An action of a function: what it takes comes after the situation and the rows."""
    takes = list(inspect.signature(act).parameters.values())[2:]
    plain = {p.name: p.replace(annotation=inspect.Parameter.empty) for p in takes}
    return Action(act.__name__.rstrip("_"), act, plain)


ACTIONS: dict[str, Action] = {
    row.name: row
    for row in map(
        _row,
        [
            prune_edge, restore_edge, remove_node, add_nodes, compact, set_function, to_spline, snap_edge, lock, unlock,
            lock_node, unlock_node, forbid, allow, require, monotone, smooth, add_variable, refit_, fit_, refine, prune,
            merge, snap_all, round_constants,
        ],
    )
}  # fmt: skip
"""Actions by name, in the order in which a menu shows them."""
