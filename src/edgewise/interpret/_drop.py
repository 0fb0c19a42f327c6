"""Hidden nodes that the rest of the network can do without, found by refitting without them."""

from __future__ import annotations

from edgewise.interpret._scores import node_scores
from edgewise.kernels import one_thread
from edgewise.nn import KAN, adapt_grid, clone, compact, layer_of
from edgewise.train import Table, error_of, refit

_COARSE = 1e-2  # of the target's spread
Dropped = tuple[str, float, float]  # where, score, by how much the error rose


def drop_nodes(model: KAN, table: Table, slack: float) -> tuple[KAN, list[Dropped]]:
    """Remove hidden nodes one at a time, the least scored first, as long as a refit keeps the error.

    A removal stays if the refitted error is at most `slack` times that of the network refitted with all its nodes, or a
    hundredth of the spread: so far a coarse grid limits a right structure too, and a wrong one stays above.
    """
    dropped: list[Dropped] = []
    with one_thread():
        model, error = _trained(model, table)
        limit, tried = max(slack * error, _COARSE * float(table.y.std())), True
        while tried:
            tried = False
            for score, depth, q in _hidden(model, table):
                less, after = _trained(_without(model, table, depth, q), table)
                if after <= limit:
                    dropped.append((f"{q} before layer {depth}", score, after - error))
                    model, error, tried = less, after, True
                    break
    return model, dropped


def _hidden(model: KAN, table: Table) -> list[tuple[float, int, int]]:
    """Hidden nodes that are not the last of their layer, as (score, layer they enter, number), least scored first."""
    scores = node_scores(model, table.x)
    layers = [depth for depth in range(1, len(model.layers)) if model.nodes[depth].n_nodes > 1]
    return sorted((float(s), depth, q) for depth in layers for q, s in enumerate(scores[depth]))


def _without(model: KAN, table: Table, depth: int, q: int) -> KAN:
    new = clone(model)
    layer_of(new, depth).mask[:, q] = False
    return compact(new, table.x)


def _trained(model: KAN, table: Table) -> tuple[KAN, float]:
    if any(not layer_of(model, depth).mask.any() for depth in range(len(model.layers))):
        return model, float("inf")
    for _ in range(3):
        model, _ = refit(adapt_grid(model, table.x), table, 60)
    return model, error_of(model, table)
