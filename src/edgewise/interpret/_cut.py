"""Removing what a network does not need: what to cut, when to stop, and the account of what went."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise._typing import Data
from edgewise.interpret._arrange import end_names, node_names
from edgewise.interpret._merge import Kept, edge_means, merges, without
from edgewise.interpret._scores import constants, edge_scores, node_scores
from edgewise.kernels import one_thread
from edgewise.nn import KAN, Edge, Nodes, adapt_grid, clone, select
from edgewise.train import (
    CrossEntropy,
    Loss,
    Shape,
    Squared,
    Table,
    as_inputs,
    as_matrix,
    as_rows,
    as_table,
    error_of,
    refit,
)


class Thing(NamedTuple):
    """What may be removed: its score, where it is, and the edges that go with it."""

    score: float
    place: tuple[int, ...]
    edges: list[Edge]


ThingName = Literal["edges", "nodes", "inputs"]


@dataclass(frozen=True)
class Cut:
    """Things of one kind that go one at a time, the least scored first, as long as all that is said here holds.

    After each removal scores are read again. Where the least scored thing breaks the budget the next one is tried, so
    that nothing remains that could be removed by itself.

    Parameters
    ----------
    what
        What goes: "edges", "nodes" (hidden ones, sums and products) or "inputs".
    below
        Only things whose score is less go, in units of the output's spread; None for any score.
    keep
        The number that is left at least; None for any number.
    budget
        Things go as long as the error is at most this factor times that of the given network; None sets no factor.
    error
        Things go as long as the error is at most so much, in the target's units. With a budget too, whichever allows
        more counts. None sets no limit.
    refit
        Whether the rest is refitted before the error is taken; the budget then counts from the refitted network.

    Raises
    ------
    InputError
        For an unknown kind, for values out of range, and when no limit is given.

    Examples
    --------
    >>> Cut("inputs", keep=3)
    Cut(what='inputs', below=None, keep=3, budget=None, error=None, refit=False)
    """

    what: ThingName = "edges"
    below: float | None = None
    keep: int | None = None
    budget: float | None = None
    error: float | None = None
    refit: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.what, str) or self.what not in THINGS:
            raise unknown("kind of thing to cut", self.what, THINGS)
        if (self.below, self.keep, self.budget, self.error) == (None,) * 4:
            raise InputError("A Cut needs a limit: one of 'below', 'keep', 'budget' and 'error'.")
        _check("below", self.below, 0, "a number >= 0, in units of the output's spread")
        _check("budget", self.budget, 1, "a number >= 1, the allowed growth of the error")
        _check("error", self.error, 0, "a number >= 0, in the target's units")
        if self.keep is not None and not is_int(self.keep, 1):
            raise InputError(f"'keep' must be an int >= 1, how many {self.what} are left. Got {self.keep!r}.")
        if self.keep is not None:
            object.__setattr__(self, "keep", int(self.keep))
        if not isinstance(self.refit, bool):
            raise InputError(f"'refit' must be True or False. Got {self.refit!r}.")

    def limit(self, before: float) -> float:
        """Return the largest error that a removal may leave, infinite without a budget and an error.

        Parameters
        ----------
        before
            The error of the network to begin with, in the target's units.
        """
        allowed = (self.error, None if self.budget is None else self.budget * before)
        return max((error for error in allowed if error is not None), default=math.inf)

    def candidates(self, model: KAN, x: Tensor) -> list[Thing]:
        """Return what may go next, in the order in which it is tried.

        Parameters
        ----------
        model
            The network so far.
        x : (n, n_in)
            The inputs, a tensor.
        """
        things = sorted(THINGS[self.what](model, x), key=lambda thing: (thing.score, thing.place))
        if self.keep is not None and len(things) <= self.keep:
            return []
        return [thing for thing in things if self.below is None or thing.score < self.below]


def _edges(model: KAN, x: Tensor) -> list[Thing]:
    return [
        Thing(float(scores[j, i]), (depth, j, i), [(depth, j, i)])
        for depth, scores in enumerate(edge_scores(model, x))
        for j, i in model.layers[depth].mask.nonzero().tolist()
    ]


def _leaving(model: KAN, x: Tensor, depth: int) -> list[Thing]:
    """The nodes before a layer that something leaves."""
    mask = model.layers[depth].mask
    scores = node_scores(model, x)[depth]
    return [
        Thing(float(scores[i]), (depth, i), [(depth, j, i) for j in mask[:, i].nonzero().flatten().tolist()])
        for i in mask.any(0).nonzero().flatten().tolist()
    ]


#: what a Cut may name -> the things of that kind in a network
THINGS: dict[ThingName, Callable[[KAN, Tensor], list[Thing]]] = {
    "edges": _edges,
    "nodes": lambda model, x: [thing for depth in range(1, len(model.layers)) for thing in _leaving(model, x, depth)],
    "inputs": lambda model, x: _leaving(model, x, 0),
}


def _check(name: str, value: object, least: float, wanted: str) -> None:
    if value is not None and not is_number(value, least):
        raise InputError(f"'{name}' must be {wanted}. Got {value!r}.")


_STEPS = 60
_ROUNDS = 3
_MERGED = 3e-3  # of the target's spread, or nats: what one merge may add to the error


class Removal(NamedTuple):
    """One thing that was removed from a network.

    Parameters
    ----------
    what
        What it was: "edge", "node" or "input".
    where
        Where it was, in names of nodes.
    score
        Its score, in units of the output's spread.
    cost
        By how much the error rose, in the target's units.
    error
        The error afterwards, in the target's units.
    """

    what: str
    where: str
    score: float
    cost: float
    error: float


class Pruning:
    """The network so far, its error, the names of its nodes, and what was removed from it."""

    def __init__(self, model: KAN, table: Table, labels: list[list[str]], loss: Loss) -> None:
        self.model, self.table, self.labels, self.loss = model, table, labels, loss
        self.unit = 1.0 if loss.classes else float(table.y.std())
        self.removed: list[Removal] = []
        self.error = self.before = self._error(model)
        found = without(model, edge_means(model, table.x), [], idle=True)
        if found is not None:
            self._take(None, *found, self.error)

    def cut(self, cut: Cut) -> None:
        """Remove what a cut says."""
        with one_thread():
            before = self.before
            if cut.refit:
                self.model = _trained(self.model, self.table)
                before = self.error = self._error(self.model)
            limit = cut.limit(before)
            while self._remove_one(cut, limit):
                pass

    def merge(self, limit: float) -> None:
        """Join nodes that others can stand for, as long as the error stays within the limit."""
        while self._merge_one(limit):
            pass

    def _remove_one(self, cut: Cut, limit: float) -> bool:
        means = constants(self.model, self.table.x)
        for thing in cut.candidates(self.model, self.table.x):
            found = without(self.model, means, thing.edges)
            if found is None:
                continue
            less, kept = found
            less = _trained(less, self.table) if cut.refit else less
            error = self._error(less)
            if math.isfinite(error) and error <= limit:
                self._take((cut.what[:-1], self._name(thing), thing.score), less, kept, error)
                return True
        return False

    def _merge_one(self, limit: float) -> bool:
        limit = min(limit, self.error + _MERGED * self.unit)
        for depth, q, into, model in merges(self.model, self.table.x):
            found = without(model, edge_means(model, self.table.x), [])
            error = math.inf if found is None else self._error(found[0])
            if found is not None and math.isfinite(error) and error <= limit:
                names = self.labels[depth]
                where = f"{names[q]} into {' and '.join(names[p] for p in into)}"
                score = float(node_scores(self.model, self.table.x)[depth][q])
                self._take(("node", where, score), *found, error)
                return True
        return False

    def _error(self, model: KAN) -> float:
        return error_of(model, self.table, self.loss)

    def _name(self, thing: Thing) -> str:
        depth, last = thing.place[0], thing.place[-1]
        name = self.labels[depth][last]
        if len(thing.place) == 2:
            return name
        return f"{name} → {end_names(self.model, self.labels, depth)[thing.place[1]]}"

    def _take(self, what: tuple[str, str, float] | None, model: KAN, kept: Kept, error: float) -> None:
        """Go on with a smaller network: note what went, and what it made needless."""
        if what is not None:
            self.removed.append(Removal(*what, error - self.error, error))
        told = {what[1], what[1].split(" into ")[0]} if what else set()
        for depth in range(1, len(self.model.layers)):
            gone = [name for q, name in enumerate(self.labels[depth]) if q not in kept[depth]]
            self.removed += [Removal("node", name, 0.0, 0.0, error) for name in gone if name not in told]
        unused = self.model.layers[0].mask.any(0) & ~model.layers[0].mask.any(0)
        names = [self.labels[0][i] for i in unused.nonzero().flatten().tolist()]
        self.removed += [Removal("input", name, 0.0, 0.0, error) for name in names if name not in told]
        self.labels = [[names[q] for q in left] for names, left in zip(self.labels, kept, strict=True)]
        self.model, self.error = model, error


def _trained(model: KAN, table: Table) -> KAN:
    for _ in range(_ROUNDS):
        model, _ = refit(adapt_grid(model, table.x), table, _STEPS)
    return model


_THRESHOLD = 1e-2
_COARSE = 1e-2  # of the target's spread


class Narrow(NamedTuple):
    """A network that reads only some columns of the table, and which: `model(x[:, columns])`.

    Parameters
    ----------
    model
        The network.
    columns
        The numbers of the columns that it reads.
    names
        Their names.
    """

    model: KAN
    columns: list[int]
    names: list[str]


@dataclass(frozen=True)
class PruneResult:
    """The smaller network, and what went and why.

    Parameters
    ----------
    model
        The smaller network.
    removed
        What was removed, in this order.
    error_before, error_after
        Root mean squares of the error, in the target's units; for classes the cross-entropy, in nats.
    names
        Names of the nodes that are left, level by level, inputs first, as they were called before.
    """

    model: KAN
    removed: list[Removal]
    error_before: float
    error_after: float
    names: list[list[str]]

    def report(self) -> str:
        """Return a table with a line for each removal, then the error before and after, and the inputs left."""
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
        """Return the network without the inputs that it no longer reads, and the others' columns and names."""
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

    First go edges that score below `threshold`; then what each of the `cuts` says: edges, nodes or inputs, down to a
    score, a count or a budget of error (see `edgewise.interpret.Cut`). They go one at a time, the least scored first,
    each replaced by its mean, which for an edge into a product is weighted as in its score. With them go nodes that
    nothing enters or leaves; a product that a factor leaves has one factor less. Locked edges stay. Inputs that are no
    longer used keep their column: `result.narrow()` is the network without them. Follow with `edgewise.fit` to recover
    the small loss.

    Parameters
    ----------
    model
        The network, which is not changed.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    y : (n,) or (n, n_out)
        The targets; without them the error is measured against the given network. One column of class numbers for a
        network of several outputs is scored by cross-entropy, in nats, and takes no refit.
    threshold
        Edges that score less go first, in units of the output's spread (see `edgewise.interpret.edge_scores`): 1e-2
        unless `cuts` say what goes.
    cuts
        What goes then, in this order: one `Cut` or several.
    merge
        Whether hidden nodes that others can stand for are joined to them in the end.
    slack
        With it hidden nodes are tried as well, by `Cut("nodes", budget=slack, error=spread / 100, refit=True)` with the
        target's spread. That finds the smallest network where several nodes share one task. 1.1 serves; use it on a
        coarse grid.
    names
        The inputs' names in reports, those of a data frame's columns if left out.

    Returns
    -------
    PruneResult
        The smaller network, what was removed, and the errors before and after.

    Raises
    ------
    InputError
        For wrong shapes, thresholds outside [0, 1), a slack below 1, and a budget without y.

    Examples
    --------
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
