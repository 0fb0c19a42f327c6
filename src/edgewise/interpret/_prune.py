"""Removing what a network does not need, each removal with its cost in error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret._cut import Cut
from edgewise.interpret._names import node_names
from edgewise.interpret._pruning import Pruning, Removal
from edgewise.nn import KAN, Nodes, clone, select
from edgewise.train import CrossEntropy, Loss, Shape, Squared, Table, as_inputs, as_matrix, as_rows, as_table

_THRESHOLD = 1e-2
_COARSE = 1e-2  # of the target's spread


class Narrow(NamedTuple):
    """A network that reads only some columns of the table, and which: `model(x[:, columns])`."""

    model: KAN
    columns: list[int]
    names: list[str]


@dataclass(frozen=True)
class PruneResult:
    """The smaller network, and what went and why. Errors are root mean squares in the target's units.

    `names` are those of the nodes that are left, level by level, inputs first, as they were called before.
    """

    model: KAN
    removed: list[Removal]
    error_before: float
    error_after: float
    names: list[list[str]]

    def report(self) -> str:
        """A table with a line for each removal, then the error before and after, and the inputs that are left."""
        rows = [("", "where", "score", "cost", "error")]
        rows += [(r.what, r.where, f"{r.score:.2e}", f"{r.cost:+.2e}", f"{r.error:.3e}") for r in self.removed]
        wide = [max(len(row[k]) for row in rows) for k in range(5)]
        lines = [
            "  ".join([*(row[k].ljust(wide[k]) for k in (0, 1)), *(row[k].rjust(wide[k]) for k in (2, 3, 4))]).rstrip()
            for row in rows
        ]
        count = len(self.removed)
        end = f"{count} removal{'s' * (count != 1)}; error {self.error_before:.3e} -> {self.error_after:.3e}"
        return "\n".join([*(lines if count else []), f"{end}; reads {', '.join(self.narrow().names)}"])

    def narrow(self) -> Narrow:
        """The network without the inputs that it no longer reads, and the columns and names of those that it does."""
        columns = self.model.layers[0].mask.any(0).nonzero().flatten().tolist()
        model = clone(self.model)
        model.layers[0] = select(model.layers[0], inputs=columns)
        model.nodes[0] = Nodes(len(columns))
        known = model.input_names
        model.input_names = None if known is None else tuple(known[i] for i in columns)
        return Narrow(model, columns, [self.names[0][i] for i in columns])


def prune(
    model: KAN,
    x: Data,
    y: Data | None = None,
    *,
    threshold: float | None = None,
    cuts: Cut | Sequence[Cut] = (),
    merge: bool = True,
    slack: float | None = None,
    names: Sequence[str] | None = None,
) -> PruneResult:
    """Return the network without what it does not need, and what each removal costs.

    First go edges that score below `threshold`, 1e-2 unless `cuts` say what goes; then what each of the `cuts` says:
    edges, nodes or inputs, down to a score, a count or a budget of error (see `edgewise.interpret.Cut`). They go one at
    a time, the least scored first, each replaced by its mean, which for an edge into a product is weighted as in its
    score. With them go nodes that nothing enters or leaves; a product that a factor leaves has one factor less. Then,
    with `merge`, hidden nodes that others can stand for are joined to them. Locked edges stay. Inputs that are no
    longer used keep their column: `result.narrow()` is the network without them. Follow with `edgewise.fit` to recover
    the small loss.

    With `slack` hidden nodes are tried as well, by `Cut("nodes", budget=slack, error=spread / 100, refit=True)`. That
    finds the smallest network where several nodes share one task. 1.1 serves; use it on a coarse grid.

    Shapes: x (n, n_in), y (n,) or (n, n_out); without y the error is measured against the given network. One column of
    class numbers for a network of several outputs is scored by cross-entropy, in nats, and takes no refit. `names` are
    the inputs' names in reports, those of a data frame's columns if left out. Scores are in units of the output's
    spread (see `edgewise.interpret.edge_scores`), errors in those of the target.

    Errors: InputError for wrong shapes, thresholds outside [0, 1), a slack below 1, and a budget without y.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([2, 1]), x, torch.sin(3 * x[:, 0]), sparsity=1e-2)
    >>> print(ew.prune(fit.model, x, names=["t", "v"]).removed[0].where)
    v → y
    """
    plan = _plan(threshold, cuts, slack)
    if y is None and any(cut.budget is not None and cut.error is None for cut in plan):
        raise InputError("A budget counts from the network's error, which needs y. Give y, or an 'error' to the Cut.")
    labels = node_names(model, names, None, x)
    table, loss = _table(model, x, y)
    refits = slack is not None or any(cut.refit for cut in plan)
    if refits and loss.classes:
        raise InputError("'slack' and refits are for targets that are numbers. Cut classes without, and fit again.")
    work = Pruning(clone(model, torch.float64), table, labels, loss)
    for cut in plan:
        work.cut(cut)
    if merge:
        work.merge(min(cut.limit(work.before) for cut in plan))
    if slack is not None:
        work.cut(Cut("nodes", budget=slack, error=_COARSE * work.unit, refit=True))
    return PruneResult(clone(work.model, model.dtype), work.removed, work.before, work.error, work.labels)


def _table(model: KAN, x: Any, y: Any) -> tuple[Table, Loss]:
    """The rows that errors are taken on, and how: a column of class numbers for several outputs, or numbers."""
    rows = as_inputs(x, model)
    if y is None:
        with torch.no_grad():
            return as_table(rows, model(rows), None, model.n_in, model.n_out), Squared()
    target = as_matrix(y, "y")
    if model.n_out > 1 and target.shape[1] == 1:
        return as_rows(rows, target, None, Shape(model.n_in, model.n_out, True, model.device)), CrossEntropy()
    return as_table(rows, target, None, model.n_in, model.n_out), Squared()


def _plan(threshold: float | None, cuts: Cut | Sequence[Cut], slack: float | None) -> list[Cut]:
    """What goes, in turn, before nodes are merged."""
    if threshold is not None and (not is_number(threshold, 0) or threshold >= 1):
        raise InputError(f"'threshold' must be a number in [0, 1), in units of the output's spread. Got {threshold!r}.")
    if slack is not None and not is_number(slack, 1):
        raise InputError(f"'slack' must be a number >= 1, the allowed growth of the error. Got {slack!r}.")
    given: list[Any] = list(cuts) if isinstance(cuts, tuple | list) else [cuts]
    if not all(isinstance(cut, Cut) for cut in given):
        like = "one or more edgewise.interpret.Cut, like Cut('inputs', keep=3)"
        raise InputError(f"'cuts' must be {like}. Got {cuts!r}.")
    if threshold is None and given:
        return given
    return [Cut("edges", below=_THRESHOLD if threshold is None else threshold), *given]
