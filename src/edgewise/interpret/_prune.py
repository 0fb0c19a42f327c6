"""Removing what a network does not need, each removal with its cost in error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.interpret._drop import drop_nodes
from edgewise.interpret._merge import merge_parallel
from edgewise.interpret._scores import edge_scores
from edgewise.nn import KAN, add_constant, clone, compact, layer_of, trace
from edgewise.train import Table, as_matrix, as_table, error_of


class Removal(NamedTuple):
    """One thing that went: what, where, its score, and by how much the error rose (target's units)."""

    what: str
    where: str
    score: float
    cost: float


@dataclass(frozen=True)
class PruneResult:
    """The smaller network, and what went and why. Errors are root mean squares in the target's units."""

    model: KAN
    removed: list[Removal]
    error_before: float
    error_after: float

    def report(self) -> str:
        """One line for each removal, then the error before and after."""
        lines = [f"{r.what} {r.where}: score {r.score:.2e}, error {r.cost:+.2e}" for r in self.removed]
        lines.append(f"{len(self.removed)} removals; error {self.error_before:.3e} -> {self.error_after:.3e}")
        return "\n".join(lines)


def prune(
    model: KAN, x: Any, y: Any = None, *, threshold: float = 1e-2, merge: bool = True, slack: float | None = None
) -> PruneResult:
    """Return the network without edges that score below a threshold, nodes that this leaves idle, and parallel nodes.

    Edges go one at a time, the least first, each replaced by its mean; then nodes that nothing enters or leaves; then,
    with `merge`, hidden nodes that are an affine function of another one's. Inputs that are no longer used are reported
    but keep their column. Follow with `edgewise.fit` to recover the small loss.

    With `slack`, hidden nodes are then tried as well, the least scored first: each is removed, the rest refitted, and
    the removal stays if the error is at most `slack` times what it was with all of them, or a hundredth of the spread.
    That finds the smallest network where several nodes share one task. 1.1 serves; use it on a coarse grid.

    Shapes: x (n, n_in), y (n,) or (n, n_out); without y the error is measured against the given network. `threshold`
    is in units of the output's spread (see `edgewise.interpret.edge_scores`).

    Errors: InputError for wrong shapes, thresholds outside [0, 1) and a slack below 1.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([2, 1]), x, torch.sin(3 * x[:, 0]), sparsity=1e-2)
    >>> print(ew.prune(fit.model, x).removed[0].where)
    (0, 0, 1)
    """
    if isinstance(threshold, bool) or not 0 <= threshold < 1:
        raise InputError(f"'threshold' must be a number in [0, 1), in units of the output's spread. Got {threshold!r}.")
    if slack is not None and (isinstance(slack, bool | str) or not slack >= 1):
        raise InputError(f"'slack' must be a number >= 1, the allowed growth of the error. Got {slack!r}.")
    rows = as_matrix(x, "x").to(model.device)
    with torch.no_grad():
        target = model(rows) if y is None else y
    table = as_table(rows, target, None, model.n_in, model.n_out)
    dtype, model = model.dtype, clone(model, torch.float64)
    before = error_of(model, table)
    slim, removed = _drop_edges(model, table, threshold)
    if merge:
        slim, merged = merge_parallel(slim, table)
        removed += [Removal("node", where, 0.0, cost) for where, cost in merged]
    if slack is not None:
        slim, dropped = drop_nodes(slim, table, slack)
        removed += [Removal("node", where, score, cost) for where, score, cost in dropped]
    unused = ~layer_of(slim, 0).mask.any(0) & layer_of(model, 0).mask.any(0)
    removed += [Removal("input", f"x{i + 1}", 0.0, 0.0) for i in unused.nonzero().flatten().tolist()]
    return PruneResult(clone(slim, dtype), removed, before, error_of(slim, table))


def _drop_edges(model: KAN, table: Table, threshold: float) -> tuple[KAN, list[Removal]]:
    """Remove edges below the threshold one at a time, and the nodes that this leaves idle; scores are read again."""
    model, removed = compact(model, table.x), []
    error = error_of(model, table)
    while True:
        weakest = _weakest(model, table.x)
        if weakest is None or weakest[0] >= threshold:
            return model, removed
        score, depth, j, i = weakest
        cut = clone(model)
        layer = layer_of(cut, depth)
        with torch.no_grad():
            constant = trace(model, table.x).edges[depth][:, :, i].mean(0)
        layer.mask[j, i] = False
        add_constant(layer, constant * (torch.arange(layer.n_out, device=constant.device) == j))
        slim = compact(cut, table.x)
        after = error_of(slim, table)
        removed.append(Removal("edge", f"({depth}, {j}, {i})", score, after - error))
        for level, (old, new) in enumerate(zip(cut.nodes, slim.nodes, strict=True)):
            if old.n_nodes > new.n_nodes:
                removed.append(Removal("node", f"{old.n_nodes - new.n_nodes} idle before layer {level}", 0.0, 0.0))
        model, error = slim, after


def _weakest(model: KAN, x: Tensor) -> tuple[float, int, int, int] | None:
    """The active edge of the least score; the only edge into a subnode stays as long as the node is used."""
    found = [
        (float(scores[j, i]), depth, j, i)
        for depth, scores in enumerate(edge_scores(model, x))
        for j, i in layer_of(model, depth).mask.nonzero().tolist()
        if int(layer_of(model, depth).mask[j].sum()) > 1
    ]
    return min(found, default=None)
